"""Run folders: where they are, what they hold, what is wrong with them."""

import json
import re
from datetime import datetime
from pathlib import Path

import pytest

from utils import runs
from utils.errors import UserError
from utils.files import write_json, write_text
from utils.hub.known import SUGGESTED


@pytest.fixture
def root(tmp_path, monkeypatch):
    """checkpoints/ of a fresh clone, in the folder where the user stands."""
    monkeypatch.chdir(tmp_path)
    return Path("checkpoints")


def start_run(run, *, minutes_ago=0, **config):
    runs.write_config(run, config | {"written": datetime.now().timestamp() - 60 * minutes_ago})
    return run


def test_place_of_a_new_run(root, tmp_path):
    assert runs.choose_folder("mine", default="x") == Path("checkpoints/mine")
    assert runs.choose_folder("elsewhere/mine", default="x") == Path("elsewhere/mine")
    assert runs.choose_folder("./mine", default="x") == Path("mine")
    assert runs.choose_folder(str(tmp_path / "mine"), default="x") == tmp_path / "mine"
    assert re.fullmatch(
        r"checkpoints/inception-gru-\d{8}-\d{6}",
        runs.choose_folder(None, default="inception-gru").as_posix(),
    )


def test_find_takes_a_name_or_a_folder(root, tmp_path):
    run = start_run(root / "mine")
    assert runs.find_run("mine") == run
    assert runs.find_run("checkpoints/mine") == run
    assert runs.find_run("checkpoints/mine/") == run
    assert runs.find_run(str(tmp_path / "checkpoints/mine")) == tmp_path / "checkpoints/mine"
    start_run(Path("here"))
    assert runs.find_run("here") == Path("here")


def finish_epoch(run, number=1):
    """Leave what the best checkpoint of an epoch leaves."""
    (run / "best").mkdir()
    (run / f"best/ckpt-{number}.index").touch()


def test_the_newest_run_that_has_finished_an_epoch_is_found(root, capsys):
    for minutes, name in ((3, "a"), (2, "b"), (1, "c")):
        start_run(root / name, minutes_ago=minutes)
    assert runs.find_trained_run(None) == root / "c"  # none has: what is wrong is said later
    finish_epoch(root / "b")
    assert capsys.readouterr().err == ""
    assert runs.find_trained_run(None) == root / "b"
    assert (
        capsys.readouterr().err
        == f"{root / 'c'} has not finished an epoch yet; using {root / 'b'}\n"
    )
    assert runs.find_trained_run("c") == root / "c"
    finish_epoch(root / "c")
    assert runs.find_trained_run(None) == root / "c"
    assert capsys.readouterr().err == ""


def test_find_without_a_name_takes_the_newest(root):
    start_run(root / "a", minutes_ago=3)
    start_run(root / "b", minutes_ago=1)
    start_run(root / "c", minutes_ago=2)
    (root / "no run").mkdir()
    assert runs.find_run(None) == root / "b"
    start_run(root / "c")  # a resumed run writes its settings again
    assert runs.find_run(None) == root / "c"


def test_find_refuses_what_is_not_there(root):
    with pytest.raises(UserError, match=r"^no run in /.*/checkpoints yet") as caught:
        runs.find_run(None)
    for way in (f"--run hf:{SUGGESTED.name} ", SUGGESTED.size, SUGGESTED.licence, "make train"):
        assert way in str(caught.value)
    with pytest.raises(
        UserError,
        match=r"^no run 'mine', and no run in /.*/checkpoints yet; make one with: python ",
    ):
        runs.find_run("mine")
    start_run(root / "other")
    with pytest.raises(UserError, match=r"^no run 'mine' in /.*/checkpoints; there are: other$"):
        runs.find_run("mine")
    with pytest.raises(UserError, match=r"^no run 'othr' in /.*; did you mean 'other'\?$"):
        runs.find_run("othr")


def test_runs_are_found_in_another_folder(root, tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("CAPTION_HOME", "home")
    run = start_run(tmp_path / "home/checkpoints/mine")
    assert runs.find_run("mine") == runs.find_run(None) == run
    other = start_run(Path("elsewhere/other"))
    assert runs.find_run("other", Path("elsewhere")) == other
    assert runs.find_run(None, Path("elsewhere")) == other
    assert runs.choose_folder("new", default="x", root=Path("elsewhere")) == Path("elsewhere/new")
    assert runs.find_weights("mine") == str(run)
    assert runs.find_weights("imagenet") == "imagenet"


def test_a_run_elsewhere_keeps_full_paths(root, tmp_path):
    """Its config.json is read from any folder, also where relative names mean other files."""
    (tmp_path / "photos").mkdir()
    run = start_run(Path("far/runs/mine"), dataset="photos", weights="imagenet", cache="missing")
    saved = json.loads((run / "config.json").read_text())
    assert saved["dataset"] == str(tmp_path / "photos")
    assert (saved["weights"], saved["cache"]) == ("imagenet", "missing")
    run = start_run(root / "near", dataset="photos")
    assert json.loads((run / "config.json").read_text())["dataset"] == "photos"


def test_settings_come_back(root):
    config = {
        "batch": 64,
        "dataset": "사진",
        "dropout": 0.5,
        "encoder": None,
        "decoder": "gru",
        "encoder_weights": "none",
        "fingerprint": {},
    }
    saved = runs.read_config(start_run(root / "mine", **config))
    assert saved == {"version": runs.VERSION, "written": saved["written"], **config}


def test_settings_with_something_missing_are_refused(root):
    with pytest.raises(UserError, match=r"config.json is damaged: it has no 'fingerprint'"):
        runs.read_config(
            start_run(root / "mine", decoder="gru", dataset="d", encoder_weights="none")
        )


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"train": []}'])
def test_damaged_splits_are_refused(root, content):
    run = start_run(root / "mine")
    if content is not None:
        (run / "splits.json").write_text(content)
    with pytest.raises(UserError, match=r"splits.json is missing or damaged"):
        runs.read_splits(run)


def test_a_classifier_s_settings_are_others(root):
    told = {
        "preset": "classifier",
        "dataset": "d",
        "trunk": "modern",
        "image_size": 32,
        "classes": ["a"],
        "alter": "none",
        "seed": 0,
    }
    runs.write_config(root / "r", told)
    assert runs.is_classifier(runs.read_config(root / "r"))
    with pytest.raises(UserError, match=r"^.*r is a classifier and writes no captions"):
        runs.check_writes_captions(root / "r", told)
    runs.check_writes_captions(root / "r", {"preset": "inception-gru"})
    for name in told.keys() - {"preset"}:
        runs.write_config(root / "r", {key: value for key, value in told.items() if key != name})
        with pytest.raises(UserError, match=f"config.json is damaged: it has no '{name}'"):
            runs.read_config(root / "r")


def test_a_damaged_trunk_is_refused(root):
    assert runs.read_encoder_construction(root) is None
    write_text(root / "encoder.json", "{")
    with pytest.raises(
        UserError, match=r"encoder\.json is damaged .*; restore it from a copy, or train again$"
    ):
        runs.read_encoder_construction(root)


def test_a_folder_that_is_no_run_is_refused(root):
    root.mkdir()
    with pytest.raises(
        UserError, match=r"^checkpoints is not a run folder: it has no config.json$"
    ):
        runs.read_config(root)


@pytest.mark.parametrize(
    ("content", "version"),
    [({"version": 0}, "0"), ({"version": 99}, "99"), ({"batch": 64}, "None"), ([1], "None")],
)
def test_a_run_of_another_version_is_refused(root, content, version):
    write_json(root / "mine" / "config.json", content)
    with pytest.raises(
        UserError,
        match=rf"mine is a run of version {version}; this program reads version {runs.VERSION}: ",
    ):
        runs.read_config(root / "mine")


@pytest.mark.parametrize("content", [b"", b'{"version": 1, "bat', b"\xff\xfe{}"])
def test_damaged_settings_are_refused(root, content):
    start_run(root / "mine", batch=64)
    (root / "mine" / "config.json").write_bytes(content)
    with pytest.raises(
        UserError, match=r"mine/config.json is damaged \(.+\); train again, or restore the file$"
    ):
        runs.read_config(root / "mine")


def test_history_comes_back_without_a_line_that_was_cut(root):
    rows = [{"epoch": 1, "loss": 3.25, "METEOR": None}, {"epoch": 2, "loss": 2.5, "METEOR": 0.1}]
    assert runs.read_history(root / "mine") == []
    runs.write_history(root / "mine", rows)
    assert runs.read_history(root / "mine") == rows
    file = root / "mine" / "history.jsonl"
    assert [json.loads(line) for line in file.read_text().splitlines()] == rows
    file.write_text(file.read_text()[:-9])
    assert runs.read_history(root / "mine") == rows[:1]
    runs.write_history(root / "mine", rows[:1])
    assert file.read_text().count("\n") == 1


def test_the_best_epoch_is_that_of_the_checkpoint(tmp_path):
    assert runs.find_best_epoch(tmp_path) is None
    (tmp_path / "best").mkdir()
    for name in ("ckpt-9.index", "ckpt-12.index", "ckpt-12.data-00000-of-00001"):
        (tmp_path / "best" / name).touch()
    assert runs.find_best_epoch(tmp_path) == 12


def test_saved_paths_are_found_from_another_folder(root, tmp_path, monkeypatch):
    start_run(
        root / "mine",
        **dict.fromkeys(("decoder", "fingerprint"), "x"),
        dataset="datasets/mine",
        encoder_weights="w.h5",
        weights="none",
        cache="datasets/cache",
    )
    for place in ("datasets/mine", "datasets/cache", "other/datasets/cache"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "w.h5").touch()
    assert runs.read_config(root / "mine")["encoder_weights"] == "w.h5"
    monkeypatch.chdir("other")
    for name in (str(tmp_path / "checkpoints/mine"), "../checkpoints/mine"):
        told = runs.read_config(runs.find_run(name))
        assert [told[each] for each in ("dataset", "encoder_weights", "weights", "cache")] == [
            str(tmp_path / "datasets/mine"),
            str(tmp_path / "w.h5"),
            "none",
            str(tmp_path / "datasets/cache"),
        ]
