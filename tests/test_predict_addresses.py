"""predict.py with photos at addresses: memory:// here, an S3 server in test_predict_s3.py."""

import importlib.util
import sys
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

import evaluate
import train
from data.photos.folders import find_remote_photos
from data.photos.images import read_photo, read_size
from models import saved_networks
from pipeline import cluster_prediction, prediction, prediction_job
from tests.helpers.predict_command import install_captioner, make_command, make_photo, write_run
from tests.helpers.remote import clear_memory, put, record_reads
from utils.errors import UserError, run_script

HOLIDAY = "memory://b/holiday"


@pytest.fixture
def captioner(monkeypatch):
    return install_captioner(monkeypatch)


@pytest.fixture
def run_predict(tmp_path, captioner, monkeypatch, capsys):
    """Run predict.py in a folder with photos in `in/`, which are at HOLIDAY too."""
    monkeypatch.chdir(tmp_path)
    write_run(scenes=False)
    for name, grey in (("a.png", 1), ("deep/b.png", 2), ("c.jpg", 3), (".d/e.png", 4)):
        make_photo(f"in/{name}", grey)
    Path("in/notes.txt").write_text("no photo")
    clear_memory()
    put(HOLIDAY, Path("in"))
    yield make_command(monkeypatch, capsys)
    clear_memory()


@pytest.fixture
def requests(monkeypatch):
    """Return the addresses that were read, as they are."""
    return record_reads(monkeypatch, "address")


def read_rows(file):
    """Return the rows of a CSV file by path, each as a list of its other values."""
    lines = Path(file).read_text().splitlines()[1:]
    return {line.split(",")[0]: line.split(",")[1:] for line in lines}


def test_rows_are_those_of_a_folder_with_addresses_as_paths(run_predict, requests):
    assert run_predict("in", "--out", "here.csv")[0] == 0
    status, out, error = run_predict(f"{HOLIDAY}/", "--out", "there.csv")
    assert (status, error) == (0, "")
    assert out.splitlines()[0] == f"{HOLIDAY}/a.png: brightness 1  (0.50)"
    here, there = Path("here.csv").read_text(), Path("there.csv").read_text()
    assert there == here.replace("in/", f"{HOLIDAY}/")
    assert sorted(requests) == sorted(read_rows("there.csv"))  # each once


def test_the_same_command_resumes(run_predict, captioner, requests):
    run_predict(f"{HOLIDAY}/c.jpg", "--out", "out.csv")
    status, out, _ = run_predict(HOLIDAY, f"{HOLIDAY}/c.jpg", "in/a.png", "--out", "out.csv")
    assert (status, captioner.captioned) == (0, 4)
    assert "1 of 4 photos skipped: already in out.csv" in out
    assert set(read_rows("out.csv")) == {
        f"{HOLIDAY}/{name}" for name in ("a.png", "c.jpg", "deep/b.png")
    } | {"in/a.png"}


def test_a_changed_photo_is_noticed(run_predict):
    run_predict(HOLIDAY, "--out", "out.csv")
    make_photo("other.jpg", 90)
    put(f"{HOLIDAY}/c.jpg", Path("other.jpg"))
    status, _, error = run_predict(HOLIDAY, "--out", "out.csv")
    assert status == 1
    assert f"changed since it was captioned: {HOLIDAY}/c.jpg" in error


def test_a_photo_that_cannot_be_compared_keeps_its_row(run_predict, monkeypatch):
    run_predict(HOLIDAY, "--out", "out.csv")
    monkeypatch.setattr(MemoryFileSystem, "cat_file", raise_timeout)
    status, out, error = run_predict(HOLIDAY, "--out", "out.csv")
    assert status == 0
    assert "3 already there" in out
    assert f"{HOLIDAY}/c.jpg cannot be read: no connection" in error


def raise_timeout(*_args, **_options):
    raise TimeoutError("timed out")


def test_photos_that_fail_are_named_and_the_others_captioned(run_predict, monkeypatch):
    cat_file = MemoryFileSystem.cat_file

    def fail(system, path, **options):
        if path.endswith("a.png"):
            raise FileNotFoundError(path)
        content = cat_file(system, path, **options)
        return content[:40] if path.endswith("b.png") else content

    monkeypatch.setattr(MemoryFileSystem, "cat_file", fail)
    monkeypatch.setattr(prediction, "BATCH", 2)
    put(f"{HOLIDAY}/empty.png", b"")
    status, out, error = run_predict(HOLIDAY, "--out", "out.csv")
    assert status == 1
    assert error.splitlines() == [
        f"skipped: {HOLIDAY}/a.png: no such file",
        f"skipped: {HOLIDAY}/deep/b.png: damaged or cut short",
        f"skipped: {HOLIDAY}/empty.png: empty file",
        "error: 3 of 4 photos could not be read",
    ]
    assert set(read_rows("out.csv")) == {f"{HOLIDAY}/c.jpg"}
    assert "1 added to out.csv, 3 unreadable" in out


def test_shares_are_those_of_the_folder(run_predict):
    for number in (1, 2):
        run_predict("in", "--shard", f"{number}/2", "--out", f"here-{number}.csv")
        run_predict(HOLIDAY, "--shard", f"{number}/2", "--out", f"there-{number}.csv")
        here, there = (
            Path(f"here-{number}.csv").read_text(),
            Path(f"there-{number}.csv").read_text(),
        )
        assert there == here.replace("in/", f"{HOLIDAY}/")
    assert len(read_rows("there-1.csv") | read_rows("there-2.csv")) == 3


def test_the_first_share_names_what_cannot_be_read(run_predict, monkeypatch):
    monkeypatch.setattr(MemoryFileSystem, "cat_file", raise_timeout)
    status, _, error = run_predict(HOLIDAY, "--shard", "1/2", "--out", "out.csv")
    assert (status, error.count("skipped: ")) == (1, 3)
    assert run_predict(HOLIDAY, "--shard", "2/2", "--out", "out.csv")[0] == 0


def test_keep_order_sorts_addresses(run_predict):
    run_predict(f"{HOLIDAY}/deep", "--out", "out.csv")
    run_predict(HOLIDAY, "--out", "out.csv", "--keep-order")
    assert list(read_rows("out.csv")) == [
        f"{HOLIDAY}/{name}" for name in ("a.png", "c.jpg", "deep/b.png")
    ]


def test_plots_are_drawn(run_predict):
    assert run_predict(HOLIDAY, "--plot", "plots")[0] == 0
    assert sorted(path.name for path in Path("plots").iterdir()) == ["a.png", "b.png", "c.png"]


def test_a_photo_that_is_gone_is_not_drawn(run_predict, monkeypatch):
    def is_second(path, seen=set()):  # noqa: B006
        found = path in seen
        seen.add(path)
        return found

    cat_file = MemoryFileSystem.cat_file

    def vanish(system, path, **options):
        if path.endswith("a.png") and is_second(path):
            raise FileNotFoundError(path)
        return cat_file(system, path, **options)

    monkeypatch.setattr(MemoryFileSystem, "cat_file", vanish)
    _, _, error = run_predict(HOLIDAY, "--plot", "plots")
    assert error == f"not drawn: {HOLIDAY}/a.png: no such file\n"
    assert sorted(path.name for path in Path("plots").iterdir()) == ["b.png", "c.png"]


@pytest.mark.parametrize("option", ["--out", "--plot", "--write-metadata"])
def test_nothing_is_written_at_an_address(run_predict, option, tmp_path):
    status, _, error = run_predict("in", option, "memory://b/out.csv")
    assert status == 2
    assert f"{option} must be on a disk (got memory://b/out.csv)" in error
    assert not Path("memory:").exists()


def test_copies_need_photos_on_a_disk(run_predict):
    status, _, error = run_predict(HOLIDAY, "--write-metadata", "copies")
    assert (status, error.count("\n")) == (1, 1)
    assert "--write-metadata" in error
    assert HOLIDAY in error


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("memory://b/none", "no photo, folder or run at memory://b/none"),
        ("memory://b/holiday/notes", "no photo, folder or run at memory://b/holiday/notes"),
        ("nosuch://b", "fsspec knows no nosuch://"),
        ("memory://b/text", "no photos in memory://b/text"),
    ],
)
def test_a_wrong_address_is_one_line(run_predict, name, expected):
    put("memory://b/text/a.txt", b"1")
    status, out, error = run_predict(name, "--out", "out.csv")
    assert (status, out) == (1, "")
    assert error.count("\n") == 1
    assert expected in error
    assert not Path("out.csv").exists()


def test_a_captions_file_opens_no_address(run_predict, requests):
    """Not even for a photo that has the name and the mark of a row at an address."""
    run_predict(f"{HOLIDAY}/a.png", "--out", "out.csv")
    requests.clear()
    run_predict("in/a.png", "--out", "out.csv")
    assert requests == []
    assert list(read_rows("out.csv")) == [f"{HOLIDAY}/a.png", "in/a.png"]


def test_a_run_folder_opens_no_address(run_predict, requests):
    address = "memory://b/holiday"
    write_run(scenes=False, dataset=address, encoder_weights=f"{address}/a.png", weights=address)
    assert run_predict("in/a.png")[0] == 0
    status, _, error = run_predict()
    assert status == 1
    assert error.count("\n") == 1
    assert requests == []


def test_a_run_at_an_address_is_fetched(run_predict, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put("memory://b/run", Path("checkpoints/r"))
    status, out, error = run_predict("in/a.png", "--run", "memory://b/run")
    assert (status, error) == (0, "")
    assert out.endswith("in/a.png: brightness 1  (0.50)\n")
    assert len(list((tmp_path / "cache/image-captioning/addresses").glob("run-*"))) == 1


def test_machines_of_a_cluster_get_addresses(run_predict, monkeypatch, tmp_path, requests):
    """The cluster is this process, and gives the last photo first."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(prediction_job, "load", None)
    put("memory://b/run", Path("checkpoints/r"))

    def spread(_address, job, items):
        assert job.needed == []
        results = job.make_work()([*items])
        for number in reversed(range(len(items))):
            items[number].mark = None  # what is learned on another machine comes with the result
            yield number, results[number], "10.0.0.7"

    monkeypatch.setattr(cluster_prediction, "spread", spread)
    put(f"{HOLIDAY}/broken.png", b"no picture")
    status, _, error = run_predict(
        HOLIDAY, "--run", "memory://b/run", "--ray", "local", "--out", "ray.csv", "--keep-order"
    )
    assert status == 1
    assert error.startswith(f"skipped: {HOLIDAY}/broken.png: not a picture\n")
    photos = [name for name in requests if name.startswith(HOLIDAY)]
    assert len(photos) == len(set(photos)) == 4  # this machine reads none again for its mark
    marks = {row[1].split("-")[0] for row in read_rows("ray.csv").values()}
    assert len(marks) == 3


def test_a_machine_that_cannot_read_the_photos_ends_the_job(run_predict, monkeypatch):
    """Once, at its start: not as thousands of photos that are skipped."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    monkeypatch.setattr(prediction_job, "load", None)

    def spread(_address, job, items):
        monkeypatch.setattr(MemoryFileSystem, "info", raise_import_error)
        yield 0, job.make_work()(items)[0], "10.0.0.7"

    monkeypatch.setattr(cluster_prediction, "spread", spread)
    status, _, error = run_predict(HOLIDAY, "--ray", "local", "--out", "out.csv")
    assert (status, error.count("\n")) == (1, 1)
    assert "Install a package" in error
    assert not Path("out.csv").exists()


def raise_import_error(*_args, **_options):
    raise ImportError("Install a package")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["train.py", "--run", "s3://b/run"], "--run"),
        (["train.py", "--run", "s3://b/run", "--resume"], "--run"),
        (["train.py", "--runs", "s3://b/runs"], "--runs"),
        (["train.py", "--cache", "s3://b/cache"], "--cache"),
        (["train.py", "--dataset", "s3://b/data"], "--dataset"),
        (["evaluate.py", "--run", "r", "--dataset", "s3://b/data"], "--dataset"),
    ],
)
def test_training_data_and_runs_are_on_a_disk(run_predict, monkeypatch, capsys, words, option):
    monkeypatch.setattr(sys, "argv", words)
    command = evaluate if words[0] == "evaluate.py" else train
    with pytest.raises(SystemExit) as caught:
        run_script(command.main)
    assert caught.value.code == 2
    assert f"error: {option} must be on a disk (got s3://b/" in capsys.readouterr().err


def test_the_encoder_s_weights_are_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    clear_memory()
    put("memory://b/a.weights.h5", b"weights")
    config = {"encoder": "convnet", "encoder_weights": "memory://b/a.weights.h5"}
    found = saved_networks._find_weights(config, "memory://b/a.weights.h5")
    assert Path(found).read_bytes() == b"weights"
    with pytest.raises(UserError, match="no longer there"):  # a run's own word opens nothing
        saved_networks._find_weights(config, None)


def test_the_size_of_a_photo_is_known_when_it_was_read(run_predict, requests):
    """Some networks see the middle of a photo alone, and ask for its size after it was read."""
    (photo,) = find_remote_photos(f"{HOLIDAY}/a.png")
    assert read_photo(photo, (4, 4)).shape == (4, 4, 3)
    assert read_size(photo) == (10, 10)
    assert len(requests) == 1
