"""Shares of a folder: by content, complete, and the same whatever else is in the folder."""

import os
from pathlib import Path

import pytest

from pipeline.photo_selection import SelectedPhotos, select_photos
from pipeline.shards import Shard, select_shard
from tests.helpers.predict_command import install_captioner, make_command, make_photo, write_run
from utils.captions_file import compute_mark
from utils.errors import UsageError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Go to an empty folder, and make photos of 40 brightnesses in it."""
    monkeypatch.chdir(tmp_path)
    for grey in range(40):
        make_photo(f"in/{grey}.png", grey)


def share(number, total):
    return select_shard(select_photos(["in"]), Shard(number, total)).paths


def test_each_photo_is_in_one_share_and_the_order_stays(folder):
    photos = select_photos(["in"]).paths
    shares = [share(number, 3) for number in (1, 2, 3)]
    assert sorted(photo for each in shares for photo in each) == photos
    assert all(each == sorted(each) and len(each) >= 5 for each in shares)


def test_a_share_is_decided_by_the_content_alone(folder):
    before = share(2, 3)
    marks = {compute_mark(photo) for photo in before}
    Path("in/later").mkdir()
    for photo in select_photos(["in"]).paths:
        photo.rename(photo.with_name(f"renamed-{photo.name}"))
    make_photo("in/later/new.png", 200)
    after = share(2, 3)
    assert marks == {compute_mark(photo) for photo in after if photo.name != "new.png"}
    assert int(compute_mark(after[0]), 16) % 3 == 1


def test_photos_that_cannot_be_opened_are_in_the_first_share(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    paths = [tmp_path / "missing.png", tmp_path / "pipe.png"]
    assert select_shard(SelectedPhotos(paths), Shard(1, 2)).paths == paths
    assert select_shard(SelectedPhotos(paths), Shard(2, 2)).paths == []


@pytest.mark.parametrize("text", ["2", "0/8", "9/8", "1/0", "-1/8", "2/8/1", "a/b", ""])
def test_a_wrong_share_is_refused(text):
    with pytest.raises(UsageError, match="--shard"):
        Shard.parse(text)


def test_shares_together_caption_each_photo_once(folder, monkeypatch, capsys):
    captioner = install_captioner(monkeypatch)
    write_run(scenes=False)
    run_predict = make_command(monkeypatch, capsys)
    rows = []
    for number in (1, 2):
        words = ["in", "--shard", f"{number}/2", "--out", f"{number}.csv", "--plot", "plots"]
        status, out, _ = run_predict(*words)
        assert status == 0
        assert f"of 40 photos are in share {number}/2" in out
        rows += Path(f"{number}.csv").read_text().splitlines()[1:]
    assert captioner.captioned == len(rows) == 40
    assert len(list(Path("plots").iterdir())) == 40
    assert (
        "0 photos"
        in run_predict("in/1.png", "--shard", "1/2", "--out", "x.csv")[1]
        + (run_predict("in/1.png", "--shard", "2/2", "--out", "y.csv")[1])
    )


def test_plots_of_several_shares_do_not_collide(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    install_captioner(monkeypatch)
    write_run(scenes=False)
    run_predict = make_command(monkeypatch, capsys)
    for grey in range(8):
        make_photo(f"in/{grey}/a.png", grey)
    for number in (1, 2):
        run_predict("in", "--shard", f"{number}/2", "--plot", "plots")
    assert len(list(Path("plots").iterdir())) == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--shard", "1/2"], "--shard needs photos"),
        (["in", "--keep-order"], "--keep-order needs --out"),
        (["in", "--sort", "doubt"], "--sort needs --out"),
        (
            ["in", "--out", "a.csv", "--sort", "doubt", "--keep-order"],
            "--keep-order and --sort doubt order the same rows; use one",
        ),
        (["in", "--shard", "3/2"], "--shard K/N needs K from 1 to N (got '3/2')"),
    ],
)
def test_wrong_options_are_refused_in_one_line(folder, monkeypatch, capsys, words, message):
    captioner = install_captioner(monkeypatch)
    write_run(scenes=False)
    status, out, error = make_command(monkeypatch, capsys)(*words)
    assert (status, out, captioner.captioned) == (2, "", 0)
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_keep_order_sorts_the_rows_of_the_photos(folder, monkeypatch, capsys, ending):
    captioner = install_captioner(monkeypatch)
    write_run(scenes=False)
    run_predict = make_command(monkeypatch, capsys)
    make_photo("other.png", 7)
    run_predict("in/9.png", "other.png", "in/3.png", "--out", f"mixed{ending}")
    run_predict("other.png", "--out", f"plain{ending}")
    run_predict("in", "--out", f"plain{ending}")
    status, _, _ = run_predict("in", "--out", f"mixed{ending}", "--keep-order")
    assert status == 0
    assert Path(f"mixed{ending}").read_bytes() == Path(f"plain{ending}").read_bytes()
    captioned = captioner.captioned
    run_predict("in", "--out", f"mixed{ending}", "--keep-order")
    assert captioner.captioned == captioned
    assert Path(f"mixed{ending}").read_bytes() == Path(f"plain{ending}").read_bytes()
