"""Run folders, files written whole, and what a script tells of a mistake."""

import errno
import json
import os
import re
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from utils import runs
from utils.errors import UsageError, UserError, run_script, unknown_name_error
from utils.files import check_writable, size_of, write_atomically, write_json, write_text
from utils.terminal import say


@pytest.fixture
def root(tmp_path, monkeypatch):
    """checkpoints/ of a fresh clone, in the folder where the user stands."""
    monkeypatch.chdir(tmp_path)
    return Path("checkpoints")


def begun(run, *, minutes_ago=0, **config):
    runs.write_config(run, config | {"written": datetime.now().timestamp() - 60 * minutes_ago})
    return run


def test_place_of_a_new_run(root, tmp_path):
    assert runs.place("mine", default="x") == Path("checkpoints/mine")
    assert runs.place("elsewhere/mine", default="x") == Path("elsewhere/mine")
    assert runs.place("./mine", default="x") == Path("mine")
    assert runs.place(str(tmp_path / "mine"), default="x") == tmp_path / "mine"
    assert re.fullmatch(
        r"checkpoints/inception-gru-\d{8}-\d{6}",
        runs.place(None, default="inception-gru").as_posix(),
    )


def test_find_takes_a_name_or_a_folder(root, tmp_path):
    run = begun(root / "mine")
    assert runs.find("mine") == run
    assert runs.find("checkpoints/mine") == run
    assert runs.find("checkpoints/mine/") == run
    assert runs.find(str(tmp_path / "checkpoints/mine")) == tmp_path / "checkpoints/mine"
    begun(Path("here"))
    assert runs.find("here") == Path("here")


def test_find_without_a_name_takes_the_newest(root):
    begun(root / "a", minutes_ago=3)
    begun(root / "b", minutes_ago=1)
    begun(root / "c", minutes_ago=2)
    (root / "no run").mkdir()
    assert runs.find(None) == root / "b"
    begun(root / "c")  # a resumed run writes its settings again
    assert runs.find(None) == root / "c"


def test_find_refuses_what_is_not_there(root):
    with pytest.raises(
        UserError, match=r"^no run in /.*/checkpoints yet; make one with: python train.py$"
    ):
        runs.find(None)
    with pytest.raises(
        UserError,
        match=r"^no run 'mine', and none in /.*/checkpoints; make one with: python train.py$",
    ):
        runs.find("mine")
    begun(root / "other")
    with pytest.raises(UserError, match=r"^no run 'mine' in /.*/checkpoints; there are: other$"):
        runs.find("mine")


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
    saved = runs.read_config(begun(root / "mine", **config))
    assert saved == {"version": runs.VERSION, "written": saved["written"], **config}


def test_settings_with_something_missing_are_refused(root):
    with pytest.raises(
        UserError, match=r"config.json is damaged: it says nothing of 'fingerprint'"
    ):
        runs.read_config(begun(root / "mine", decoder="gru", dataset="d", encoder_weights="none"))


@pytest.mark.parametrize("content", [None, "", "[]", "{", '{"train": []}'])
def test_damaged_splits_are_refused(root, content):
    run = begun(root / "mine")
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
    with pytest.raises(
        UserError, match=r"^.*r is a classifier: it names classes and writes no captions"
    ):
        runs.refuse_classifier(root / "r", told)
    runs.refuse_classifier(root / "r", {"preset": "inception-gru"})
    for name in told.keys() - {"preset"}:
        runs.write_config(root / "r", {key: value for key, value in told.items() if key != name})
        with pytest.raises(UserError, match=f"config.json is damaged: it says nothing of '{name}'"):
            runs.read_config(root / "r")


def test_a_damaged_trunk_is_refused(root):
    assert runs.read_making(root) is None
    write_text(root / "encoder.json", "{")
    with pytest.raises(
        UserError, match=r"encoder\.json is damaged .*; restore it from a copy, or train again$"
    ):
        runs.read_making(root)


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
    begun(root / "mine", batch=64)
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


def test_a_file_is_written_whole(tmp_path):
    write_text(tmp_path / "new" / "folder" / "a.txt", "고양이\n")
    assert (tmp_path / "new/folder/a.txt").read_bytes() == "고양이\n".encode()
    write_json(tmp_path / "a.json", {"dog": ["개", 1.5, None]})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"dog": ["개", 1.5, None]}
    assert "개" in (tmp_path / "a.json").read_text("utf-8")  # for people to read
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.json", "a.txt", "folder", "new"]


@pytest.mark.parametrize(
    "failure",
    [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError("x")],
)
def test_a_write_that_fails_leaves_what_was_there_and_nothing_else(tmp_path, failure):
    write_text(tmp_path / "a.txt", "before")
    with pytest.raises(type(failure)), write_atomically(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert (
            temporary.parent == tmp_path
        )  # on the same disk, so that to take the place is one step
        assert (tmp_path / "a.txt").read_text() == "before"
        raise failure
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "before"


def test_what_vanishes_while_a_folder_is_measured_counts_nothing(tmp_path, monkeypatch):
    for name in ("a/b.txt", "gone.txt"):
        write_text(tmp_path / name, "12345")
    assert size_of(tmp_path) == 10
    assert size_of(tmp_path / "gone.txt") == 5
    ordinary = Path.lstat

    def lstat(path):
        if path.name == "gone.txt":
            raise FileNotFoundError
        return ordinary(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    assert size_of(tmp_path) == 5


def test_what_cannot_be_written_as_json_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"an": object()})
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_name_is_answered_with_the_nearest():
    known = ["gru", "lstm", "transformer"]
    assert (
        str(unknown_name_error("decoder", "gur", known))
        == "unknown decoder 'gur'; did you mean 'gru'?"
    )
    assert (
        str(unknown_name_error("decoder", "zzz", known))
        == "unknown decoder 'zzz'; known: gru, lstm, transformer"
    )
    assert isinstance(unknown_name_error("decoder", "gur", known), UsageError)


def left_with(capsys, raised=None, returned=None):
    """Exit status and standard error of a script that raises or returns this."""

    def main():
        if raised is not None:
            raise raised
        return returned

    with pytest.raises(SystemExit) as caught:
        run_script(main)
    return caught.value.code, capsys.readouterr().err


def test_exit_status(capsys):
    assert left_with(capsys) == (0, "")
    assert left_with(capsys, returned=130) == (130, "")
    assert left_with(capsys, UserError("no dataset at x")) == (1, "error: no dataset at x\n")
    assert left_with(capsys, UsageError("unknown decoder")) == (2, "error: unknown decoder\n")
    assert left_with(capsys, KeyboardInterrupt()) == (130, "stopped\n")


@pytest.mark.parametrize("error", [
    OSError(errno.ENOSPC, "No space left on device", "a.npy"),
    OSError(errno.EDQUOT, "Disk quota exceeded"),
    OSError("1000000 requested and 38384 written"),  # NumPy
    RuntimeError("/c/ckpt-1.data-00000-of-00001.tempstate75; No space left on device [Op:SaveV2]"),  # as TensorFlow
])  # fmt: skip
def test_a_full_disk_is_one_line(capsys, error):
    assert left_with(capsys, error) == (
        1,
        "error: the disk is full; make room, or choose another folder, then run the same command again\n",
    )


def test_numpy_on_a_full_disk(capsys):
    """/dev/full is a disk without room."""
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")

    def main():
        with Path("/dev/full").open("wb") as file:
            np.save(file, np.zeros(100_000))

    with pytest.raises(SystemExit) as caught:
        run_script(main)
    assert caught.value.code == 1
    assert capsys.readouterr().err.startswith("error: the disk is full; make room")


def test_missing_rights_are_one_line(capsys):
    assert left_with(capsys, PermissionError(errno.EACCES, "Permission denied", "checkpoints")) == (
        1,
        "error: Permission denied: checkpoints; change its permissions, or choose another folder\n",
    )
    assert left_with(capsys, OSError(errno.EROFS, "Read-only file system", "x"))[0] == 1


@pytest.mark.parametrize("number", [errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG])
def test_a_place_where_nothing_can_be_written_is_one_line(capsys, number):
    assert left_with(capsys, OSError(number, "Not so", "a/b")) == (
        1,
        "error: Not so: a/b; choose another name or folder\n",
    )


def test_a_file_that_is_gone_or_cannot_be_made_is_one_line(capsys):
    def main():
        Path("/proc/x.csv").write_text("")

    if not Path("/proc/self").exists():
        pytest.skip("no /proc here")
    with pytest.raises(SystemExit) as caught:
        run_script(main)
    assert (caught.value.code, capsys.readouterr().err) == (
        1,
        "error: No such file or directory: /proc/x.csv; it was removed meanwhile, or nothing can be made there\n",
    )


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(tmp_path, monkeypatch):
    check_writable(tmp_path / "new" / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(
        UserError, match=r"cannot write to .*file/run: .*file is a file; choose another folder"
    ):
        check_writable(tmp_path / "file" / "run")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="no permission to write in"):
        check_writable(tmp_path / "new")


def test_a_name_that_is_not_utf8_can_be_told(capsys):
    say(f"left out: {os.fsdecode(bytes([0x61, 0xFF]))}.jpg")
    assert capsys.readouterr().out == "left out: a\\udcff.jpg\n"


@pytest.mark.parametrize(
    "error", [ValueError("a fault of ours"), OSError(errno.EIO, "Input/output error")]
)
def test_a_fault_of_ours_keeps_its_traceback(error):
    def main():
        raise error

    with pytest.raises(type(error)):
        run_script(main)


def test_the_best_epoch_is_that_of_the_checkpoint(tmp_path):
    assert runs.kept_epoch(tmp_path) is None
    (tmp_path / "best").mkdir()
    for name in ("ckpt-9.index", "ckpt-12.index", "ckpt-12.data-00000-of-00001"):
        (tmp_path / "best" / name).touch()
    assert runs.kept_epoch(tmp_path) == 12


def test_what_a_run_tells_of_places_is_found_from_another_folder_too(root, tmp_path, monkeypatch):
    begun(
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
        told = runs.read_config(runs.find(name))
        assert [told[each] for each in ("dataset", "encoder_weights", "weights", "cache")] == [
            str(tmp_path / "datasets/mine"),
            str(tmp_path / "w.h5"),
            "none",
            str(tmp_path / "datasets/cache"),
        ]
