"""predict.py --ray in this process: what comes from the cluster goes through the same writers.

tests/pipeline/test_cluster.py has the cluster itself.
"""

import importlib.util
from pathlib import Path

import pytest

from data.photos.images import UnreachablePhoto
from models.captioner import Captioner
from pipeline import cluster_prediction, prediction_job
from pipeline.cluster import Lost
from tests.helpers.predict_command import (
    install_captioner,
    make_command,
    make_photo,
    write_run,
)
from utils.errors import UserError

HOST = "10.0.0.7"


@pytest.fixture
def captioner(monkeypatch):
    return install_captioner(monkeypatch)


@pytest.fixture
def run_predict(tmp_path, captioner, monkeypatch, capsys):
    """Run predict.py with a cluster that gives the results of the last photo first."""
    monkeypatch.chdir(tmp_path)
    write_run(scenes=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(prediction_job, "load", refuse_to_load)
    use_results(monkeypatch, lambda result: result)
    for grey in range(5):
        make_photo(f"in/{grey}.png", grey)
    run = make_command(monkeypatch, capsys)
    return lambda *words: run(*words, "--ray", "local")


def refuse_to_load(*_):
    raise AssertionError("the driver loads no network")


def use_results(monkeypatch, change):
    """Let the cluster be this process; `change` changes each result."""

    def spread(_address, job, items):
        assert all(path.is_absolute() for path in [*job.needed, *items])
        work = job.make_work()
        results = work(items)
        for number in reversed(range(len(items))):
            prediction, mark = results[number]
            result = change(prediction)
            if not isinstance(result, Lost):
                result = (result, mark)
            yield number, result, HOST

    monkeypatch.setattr(cluster_prediction, "spread", spread)


def test_rows_come_as_they_are_ready(run_predict):
    Path("in/3.png").write_text("no picture")
    status, out, error = run_predict("in", "--out", "out.csv")
    assert status == 1
    assert [line.split(":")[0] for line in out.splitlines()[:4]] == [
        f"in/{number}.png" for number in (4, 2, 1, 0)
    ]
    assert out.endswith(": 4 added to out.csv, 1 unreadable\n")
    assert error.splitlines() == [
        "skipped: in/3.png: not a picture",
        "error: 1 of 5 photos could not be read",
    ]


def test_keep_order_gives_the_file_of_one_process(run_predict, monkeypatch, capsys):
    run_predict("in", "--out", "ray.csv", "--keep-order", "--write-metadata", "copies")
    monkeypatch.setattr(prediction_job, "load", lambda *_: None)
    make_command(monkeypatch, capsys)("in", "--out", "plain.csv")
    assert Path("ray.csv").read_bytes() == Path("plain.csv").read_bytes()
    assert len(list(Path("copies").iterdir())) == 5


def test_rows_are_sorted_by_doubt(run_predict, captioner):
    captioner.scores = {0: 0.4, 1: 0.9, 2: 0.6, 3: 0.8, 4: 0.7}
    run_predict("in", "--out", "out.csv", "--sort", "doubt")
    lines = Path("out.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == [
        f"in/{number}.png" for number in (0, 2, 4, 3, 1)
    ]


def test_the_same_command_resumes(run_predict, captioner):
    run_predict("in/1.png", "in/2.png", "--out", "out.csv")
    status, out, _ = run_predict("in", "--out", "out.csv")
    assert (status, captioner.captioned) == (0, 5)
    assert "2 of 5 photos skipped: already in out.csv" in out
    assert len(Path("out.csv").read_text().splitlines()) == 6


def test_a_photo_that_another_machine_misses_ends_the_job(run_predict, monkeypatch):
    use_results(
        monkeypatch,
        lambda result: UnreachablePhoto("no such file") if result.text.endswith("2") else result,
    )
    status, _, error = run_predict("in", "--out", "out.csv")
    assert status == 1
    assert error.count("\n") == 1
    assert f"in/2.png cannot be read on {HOST} (no such file)" in error
    assert len(Path("out.csv").read_text().splitlines()) == 3  # the rows before it are kept


def test_a_photo_that_is_nowhere_is_skipped(run_predict):
    Path("in/gone.png").symlink_to("nowhere")
    status, out, error = run_predict("in", "--out", "out.csv")
    assert status == 1
    assert "skipped: in/gone.png: no such file" in error
    assert "5 added" in out


def test_a_photo_that_ends_its_process_is_skipped(run_predict, monkeypatch):
    use_results(monkeypatch, lambda result: Lost() if result.text.endswith("2") else result)
    status, out, error = run_predict("in", "--out", "out.csv")
    assert status == 1
    assert "skipped: in/2.png: it ends the process that reads it" in error
    assert "4 added" in out


def test_an_error_of_loading_leaves_no_file_behind(run_predict, monkeypatch):
    def fail(*_arguments, **_options):
        raise UserError("the run's encoder weights are not there now")

    monkeypatch.setattr(Captioner, "load", fail)
    status, out, error = run_predict("in", "--out", "deep/out.csv")
    assert (status, out) == (1, "")
    assert error == "error: the run's encoder weights are not there now\n"
    assert not Path("deep").exists()
