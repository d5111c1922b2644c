"""predict.py from option to exit status: which photos, what is printed, rejected, warned of."""

import json
from pathlib import Path

import pytest

from pipeline import prediction
from tests.helpers.predict_command import (
    BrightnessCaptioner,
    install_captioner,
    make_command,
    make_photo,
    write_run,
)
from utils.errors import UserError


@pytest.fixture
def captioner(monkeypatch):
    return install_captioner(monkeypatch)


@pytest.fixture
def run_predict(tmp_path, captioner, monkeypatch, capsys):
    """Run predict.py in an empty folder with a run in it."""
    monkeypatch.chdir(tmp_path)
    write_run(scenes=False)
    return make_command(monkeypatch, capsys)


def test_without_a_screen_only_text_is_printed(run_predict, tmp_path):
    make_photo("in/사진 1.png", 7)
    assert run_predict("in") == (0, "in/사진 1.png: brightness 7  (0.50)\n", "")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["checkpoints", "in"]


def test_a_missing_encoder_leaves_no_file_behind(run_predict, captioner, monkeypatch):
    def raise_error(_self):
        raise UserError("the run's encoder weights are not there now")

    monkeypatch.setattr(BrightnessCaptioner, "warm_up", raise_error)
    make_photo("a.png")
    assert run_predict("a.png", "--out", "deep/out.csv") == (
        1,
        "",
        "error: the run's encoder weights are not there now\n",
    )
    assert not Path("deep").exists()


def test_unreadable_photos_are_skipped_and_named(run_predict, monkeypatch):
    monkeypatch.setattr(prediction, "BATCH", 2)
    for number in range(5):
        make_photo(f"in/{number}.png", number)
    Path("in/1.png").write_bytes(b"")
    Path("in/3.png").write_text("no picture")
    status, out, error = run_predict("in", "--out", "out.csv")
    assert status == 1
    assert [line.split(":")[0] for line in out.splitlines()] == [
        "in/0.png",
        "in/2.png",
        "in/4.png",
        "5 photos, 0 s",
    ]
    assert out.endswith(": 3 added to out.csv, 2 unreadable\n")
    assert error.splitlines() == [
        "skipped: in/1.png: empty file",
        "skipped: in/3.png: not a picture",
        "error: 2 of 5 photos could not be read",
    ]
    make_photo("in/1.png", 1)
    lines = run_predict("in", "--out", "out.csv")[1].splitlines()
    assert lines[1] == "in/1.png: brightness 1  (0.50)"


def test_max_length_bounds_captions_up_to_the_network_s_room(run_predict, captioner):
    make_photo("a.png", 7)
    assert run_predict("a.png", "--max-length", "1")[1] == "a.png: brightness  (0.50)\n"
    status, out, error = run_predict("a.png", "--max-length", "36", "--out", "out.csv")
    assert (status, out, captioner.captioned) == (1, "", 1)
    assert "--max-length" in error
    assert "36" in error and "35" in error
    assert error.count("\n") == 1
    assert not Path("out.csv").exists()


def test_copies_among_the_photos_are_refused(run_predict, captioner):
    make_photo("in/deep/a.png")
    make_photo("other/a.png")
    Path("link").symlink_to("in")
    for words, message in (
        (["in", "--write-metadata", "in"], "--write-metadata in is among the photos of in"),
        (["in", "--write-metadata", "link/deep/new"], "among the photos of in"),
        (
            ["other/a.png", "--write-metadata", "other"],
            "copy of other/a.png would be other/a.png, one of the photos",
        ),
        (
            ["in/deep", "other", "--write-metadata", "out"],
            "would both be out/a.png; use two commands",
        ),
        (
            ["in", "--write-metadata", "other/a.png"],
            "cannot write to other/a.png: other/a.png is a file",
        ),
    ):
        status, out, error = run_predict(*words)
        assert (status, out, captioner.captioned) == (1, "", 0)
        assert message in error
        assert error.count("\n") == 1
    assert not Path("out").exists()


WARNING = "warning: this run was trained on drawn scenes"


def test_a_run_trained_on_scenes_warns_of_photographs(run_predict, tmp_path):
    make_photo("real.png")
    make_photo("photos/photos/own.png")
    make_photo("other/photos/scene.png")
    Path("other/facts.json").write_text("{}")
    assert WARNING not in run_predict("real.png")[2]
    write_run(scenes=True)
    assert run_predict("real.png")[2].startswith(WARNING)
    assert run_predict("photos/photos/own.png", str(tmp_path / "photos"), "other")[2] == ""
    assert run_predict("photos", "real.png")[2].startswith(WARNING)
    write_run()  # without that setting
    assert run_predict("real.png")[2] == ""


def test_random_photos_come_from_the_test_split(run_predict):
    for name in "abc":
        make_photo(f"photos/{name}.png", 9)
    Path("photos/captions.csv").write_text(
        "photo,caption\n" + "".join(f"{name}.png,a {name}\n" for name in "abc")
    )
    splits = Path("checkpoints/r/splits.json")
    splits.write_text(json.dumps({"train": ["a.png"], "val": ["b.png"], "test": ["c.png"]}))
    assert run_predict() == (0, "photos/c.png: brightness 9  (0.50)\n    true: a c\n", "")
    splits.write_text(json.dumps({"train": ["a.png"], "val": ["b.png"], "test": []}))
    assert run_predict()[1].splitlines()[:2] == [
        "the dataset has no test split; these are photos of val",
        "photos/b.png: brightness 9  (0.50)",
    ]
    splits.write_text('{"train": ["a.p')
    assert run_predict()[2].startswith("error: checkpoints/r/splits.json is missing or damaged")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["none.png"], 1, "no photo or folder none.png"),
        ([""], 1, "a photo has an empty name"),
        (["empty"], 1, "no photos in empty"),
        (["--number", "0"], 2, "--number must be at least 1 (got 0)"),
        (["--out", "a.txt"], 2, "--out must end in .jsonl or .csv (got 'a.txt')"),
        (["--minimum-score", "1.5"], 2, "--minimum-score must be from 0 to 1 (got 1.5)"),
        (["--minimum-score", "nan"], 2, "--minimum-score must be from 0 to 1 (got nan)"),
        (["--max-length", "0"], 2, "--max-length"),
        (["--write-metadata", "x"], 2, "--write-metadata needs photos or folders"),
        (["--plot", "note"], 1, "cannot write to note: note is a file"),
        (["--top-k", "3"], 2, "--sample"),
    ],
)
def test_wrong_options_are_one_line_before_anything_is_loaded(
    run_predict, captioner, words, status, message
):
    Path("empty").mkdir()
    Path("note").write_text("")
    exit_status, out, error = run_predict(*words)
    assert (exit_status, out, captioner.captioned) == (status, "", 0)
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1
