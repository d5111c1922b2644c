"""Captions files, copies and plots, as predict.py writes and resumes them."""

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from pipeline import prediction_job
from tests.helpers.predict_command import (
    install_captioner,
    make_command,
    make_photo,
    write_run,
)
from utils.captions_file import make_mark

NOT_CALIBRATED = (
    "checkpoints/r has no calibration: --minimum-score compares the mean probability of a "
    "caption's words, and not a share of captions\n"
)


@pytest.fixture
def captioner(monkeypatch):
    return install_captioner(monkeypatch)


@pytest.fixture
def run_predict(tmp_path, captioner, monkeypatch, capsys):
    """Run predict.py in an empty folder with a run in it."""
    monkeypatch.chdir(tmp_path)
    write_run(scenes=False)
    return make_command(monkeypatch, capsys)


def test_resume_captions_only_new_photos(run_predict, captioner):
    make_photo("in/a.png", 1)
    make_photo("in/b.png", 2)
    run_predict("in/a.png", "--out", "out.jsonl")
    before = Path("out.jsonl").read_bytes()
    status, out, _ = run_predict("in", "in/b.png", "./in/b.png", "--out", "out.jsonl")
    assert (status, captioner.captioned) == (0, 2)
    assert out == (
        "1 of 2 photos skipped: already in out.jsonl\nin/b.png: brightness 2  (0.50)\n"
        "2 photos, 0 s: 1 added to out.jsonl, 1 already there\n"
    )
    assert Path("out.jsonl").read_bytes().startswith(before)
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert rows == [
        {
            "path": f"in/{name}.png",
            "caption": f"brightness {grey}",
            "mark": make_mark(Path(f"in/{name}.png"), f"brightness {grey}"),
            "score": 0.5,
        }
        for name, grey in (("a", 1), ("b", 2))
    ]


def test_every_spelling_of_a_path_is_the_same_photo(run_predict, captioner, tmp_path):
    make_photo("in/a.png", 1)
    run_predict("in/a.png", "--out", "out.csv")
    assert "1 photo, " in run_predict("in", str(tmp_path / "in"), "--out", "other.csv")[1]
    for spelling in (str(tmp_path / "in/a.png"), "./in/a.png", "in/../in/a.png", "in"):
        assert run_predict(spelling, "--out", "out.csv")[1].startswith(
            "1 of 1 photos skipped: already in out.csv"
        )
    assert captioner.captioned == 2


def test_moved_photos_are_recognised_by_name_and_mark(
    run_predict, captioner, tmp_path, monkeypatch
):
    for number, name in enumerate("abc"):
        make_photo(f"in/{name}.png", number)
    run_predict("in", "--out", "out.csv")
    assert captioner.captioned == 3
    moved = "1 of them listed under a path that no longer exists\n"
    Path("deep").mkdir()
    Path("in/b.png").rename("deep/b.png")
    make_photo("deep/c.png", 9)  # another picture by that name
    make_photo("deep/a.png", 0)  # the same picture, but in/a.png is still there
    _, out, error = run_predict("deep", "--out", "out.csv")
    assert (captioner.captioned, error) == (5, moved)
    assert out.startswith("1 of 3 photos skipped: already in out.csv\n")
    before = Path("out.csv").read_bytes()
    monkeypatch.chdir("deep")
    _, out, error = run_predict(
        "../in", "--out", "../out.csv", "--run", str(tmp_path / "checkpoints/r")
    )
    assert captioner.captioned == 5
    assert out.splitlines()[0] == "2 of 2 photos skipped: already in ../out.csv"
    assert error == moved.replace("1", "2")
    assert Path("../out.csv").read_bytes() == before


def test_changed_photos_are_reported_until_their_line_is_removed(run_predict, captioner):
    for name in "abc":
        make_photo(f"in/{name}.png", 1)
    run_predict("in", "--out", "out.csv")
    before = Path("out.csv").read_bytes()
    os.utime("in/c.png", (9, 9))  # touched alone
    for name in "ab":
        make_photo(f"in/{name}.png", 2)
        os.utime(f"in/{name}.png", (9, 9))  # older than the file
    make_photo("in/d.png", 1)
    for _ in range(2):
        status, _, error = run_predict("in", "--out", "out.csv", "--write-metadata", "copies")
        lines = error.splitlines()
        assert (status, len(lines)) == (1, 3)
        assert lines[0] == "changed since it was captioned: in/a.png"
        assert lines[1] == "changed since it was captioned: in/b.png"
        assert lines[2].startswith("error: 2 of 4 photos have changed since")
        assert sorted(each.name for each in Path("copies").iterdir()) == ["c.png", "d.png"]
    assert Path("out.csv").read_bytes().startswith(before)
    assert captioner.captioned == 4
    lines = Path("out.csv").read_text().splitlines(keepends=True)
    path, caption, _, score = lines[2].split(",")
    without_mark = ",".join([path, caption, "", score])
    Path("out.csv").write_text("".join([lines[0], without_mark, *lines[3:]]))
    status, out, error = run_predict("in", "--out", "out.csv")
    assert (status, error) == (0, "")
    assert "in/a.png: brightness 2" in out
    assert captioner.captioned == 5


def test_saved_captions_that_do_not_fit_options_are_counted(run_predict):
    for name, grey in (("a", 7), ("b", 201), ("c", 202)):
        make_photo(f"in/{name}.png", grey)
    run_predict("in", "--out", "out.csv")
    options = "--out out.csv --minimum-score 0.3 --max-length 1 --write-metadata out"
    status, _, error = run_predict("in", *options.split())
    assert status == 0
    assert error == (
        "among them 2 with a score below --minimum-score 0.3: not copied\n"
        "among them 3 longer than --max-length 1\n"
    )
    assert [each.name for each in Path("out").iterdir()] == ["a.png"]


def test_a_photo_given_twice_is_captioned_once(run_predict, captioner):
    make_photo("a.png")
    run_predict("a.png", "a.png", "./a.png", "--out", "out.csv")
    assert captioner.captioned == 1
    assert len(Path("out.csv").read_text().splitlines()) == 2


def test_a_file_of_another_program_is_refused_first(run_predict, captioner):
    make_photo("a.png")
    Path("mine.csv").write_text("photo,text\n")
    status, out, error = run_predict("a.png", "--out", "mine.csv")
    assert (status, out, captioner.captioned) == (1, "", 0)
    assert error.startswith("error: mine.csv is not a captions file of this program")
    assert Path("mine.csv").read_text() == "photo,text\n"


def test_ctrl_c_leaves_whole_rows_and_says_how_to_resume(run_predict, monkeypatch):
    for number in range(5):
        make_photo(f"in/{number}.png")
    predict_all = prediction_job.predict_here

    def interrupted(*arguments):
        for number, each in enumerate(predict_all(*arguments)):
            if number == 3:
                raise KeyboardInterrupt
            yield each

    monkeypatch.setattr(prediction_job, "predict_here", interrupted)
    status, _, error = run_predict("in", "--out", "out.jsonl")
    assert (status, error) == (
        130,
        "out.jsonl keeps what is finished; run the same command to resume\nstopped\n",
    )
    assert [json.loads(line)["path"] for line in Path("out.jsonl").read_text().splitlines()] == [
        f"in/{number}.png" for number in range(3)
    ]


def test_doubtful_captions_have_a_column_of_their_own(run_predict):
    make_photo("in/a.png", 7)
    make_photo("in/b.png", 201)
    status, out, error = run_predict("in", "--out", "out.csv", "--minimum-score", "0.3")
    assert (status, error) == (0, NOT_CALIBRATED)
    assert out == (
        "in/a.png: brightness 7  (0.50)\nin/b.png: brightness 201  (0.25, doubtful)\n"
        "2 photos, 0 s: 2 added to out.csv, 1 of these doubtful\n"
    )
    marks = [make_mark(Path("in/a.png"), "brightness 7"), make_mark(Path("in/b.png"), "")]
    assert Path("out.csv").read_text() == (
        "path,caption,doubtful,mark,score\n"
        f"in/a.png,brightness 7,,{marks[0]},0.5000\n"
        f"in/b.png,,brightness 201,{marks[1]},0.2500\n"
    )
    make_photo("in/c.png", 220)
    run_predict("in", "--out", "out.csv")  # its columns are kept
    mark = make_mark(Path("in/c.png"), "brightness 220")
    row = f"0.2500\nin/c.png,brightness 220,,{mark},0.2500\n"
    assert Path("out.csv").read_text().endswith(row)
    run_predict("in", "--out", "out.csv", "--minimum-score", "1")
    assert len(Path("out.csv").read_text().splitlines()) == 4
    run_predict("in", "--out", "out.jsonl", "--minimum-score", "0.25")
    assert json.loads(Path("out.jsonl").read_text().splitlines()[1]) == {
        "path": "in/b.png",
        "caption": "brightness 201",
        "doubtful": "",
        "mark": make_mark(Path("in/b.png"), "brightness 201"),
        "score": 0.25,
    }


def test_a_file_without_a_doubtful_column_keeps_its_columns(run_predict):
    make_photo("in/a.png", 201)
    run_predict("in", "--out", "out.csv")
    make_photo("in/b.png", 202)
    out = run_predict("in", "--out", "out.csv", "--minimum-score", "0.3")[1]
    assert "out.csv has no column `doubtful`" in out
    marks = [make_mark(Path("in/a.png"), "brightness 201"), make_mark(Path("in/b.png"), "")]
    assert Path("out.csv").read_text() == (
        "path,caption,mark,score\n"
        f"in/a.png,brightness 201,{marks[0]},0.2500\nin/b.png,,{marks[1]},0.2500\n"
    )


def test_a_path_with_a_line_break_is_one_line_everywhere(run_predict, captioner):
    make_photo("in/a\nb.png", 7)
    assert run_predict("in", "--out", "out.csv")[1].startswith("in/a\\nb.png: brightness 7")
    assert Path("out.csv").read_text().splitlines()[1].startswith("in/a\\nb.png,brightness 7,")
    run_predict("in", "--out", "out.csv")
    assert captioner.captioned == 1


def test_a_file_of_older_columns_is_refused(run_predict, captioner):
    make_photo("a.png")
    Path("out.csv").write_text("path,caption,score\nb.png,brightness 201,0.2500\n")
    status, _, error = run_predict("a.png", "--out", "out.csv")
    assert (status, captioner.captioned) == (1, 0)
    assert "first line is not path,caption,mark,score" in error


def alt_text(name):
    """Return the alt text by language, as Pillow reads it."""
    with Image.open(name) as opened:
        described = opened.getxmp()["xmpmeta"]["RDF"]["Description"]
    return {li["lang"]: li["text"] for li in described["AltTextAccessibility"]["Alt"]["li"]}


def test_copies_keep_folders_and_names_and_get_captions(run_predict, captioner):
    write_run(scenes=False, language="ko")
    for number, name in enumerate(("a.jpg", "deep/사진, 1.png", "b.webp", "c.JPG")):
        make_photo(f"in/{name}", number)
    before = {each: each.read_bytes() for each in Path("in").rglob("*.*")}
    status, out, error = run_predict("in", "--write-metadata", "out")
    assert (status, captioner.captioned) == (0, 3)
    assert error.startswith("not copied: in/b.webp: ")
    assert error.count("\n") == 1
    assert out.endswith(
        "3 of 4 photos copied with their captions to out\n4 photos, 0 s: 3 captioned\n"
    )
    copies = sorted(each for each in Path("out").rglob("*") if each.is_file())
    assert copies == [Path("out/a.jpg"), Path("out/c.JPG"), Path("out/deep/사진, 1.png")]
    assert alt_text("out/deep/사진, 1.png") == {"x-default": "brightness 1", "ko": "brightness 1"}
    assert {each: each.read_bytes() for each in Path("in").rglob("*.*")} == before
    content = {each: each.read_bytes() for each in copies}
    Path("out/c.JPG").unlink()
    out = run_predict("in", "--write-metadata", "out")[1]
    assert out.startswith("2 of 4 photos already copied to out\nin/c.JPG: brightness 3")
    assert {each: each.read_bytes() for each in copies} == content
    assert captioner.captioned == 4


def test_copies_get_captions_as_edited_in_the_captions_file(run_predict, captioner):
    for name, grey in (("a", 7), ("b", 201), ("c", 202), ("d", 8)):
        make_photo(f"in/{name}.png", grey)
    options = ["--out", "out.csv", "--minimum-score", "0.3", "--write-metadata", "out"]
    status, out, error = run_predict("in/a.png", "in/b.png", "in/c.png", *options)
    assert (status, error) == (0, NOT_CALIBRATED)
    assert [each.name for each in Path("out").iterdir()] == ["a.png"]
    assert "\n1 of 3 photos copied with their captions to out\n" in out
    Path("out/a.png").unlink()
    table = Path("out.csv").read_text().replace("a.png,brightness 7,", 'a.png,"a ""dark"" one",')
    Path("out.csv").write_text(table.replace("b.png,,", "b.png,a bright & cheerful one,"))
    out = run_predict("in", *options)[1]
    assert out.splitlines() == [
        "3 of 4 photos skipped: already in out.csv",
        "in/d.png: brightness 8  (0.50)",
        "3 of 4 photos copied with their captions to out",
        "4 photos, 0 s: 1 added to out.csv, 3 already there",
    ]
    assert captioner.captioned == 4
    alt_texts = [alt_text(f"out/{name}.png")["en"] for name in "abd"]
    assert alt_texts == ['a "dark" one', "a bright & cheerful one", "brightness 8"]
    assert not Path("out/c.png").exists()


def test_photos_that_cannot_be_copied_are_named_and_counted(run_predict):
    make_photo("in/a.jpg", 7)
    Image.new("RGB", (10, 10)).save("in/b.jpg", xmp=b"<a><b/>")
    Path("in/c.png").write_text("no picture")
    status, out, error = run_predict("in", "--write-metadata", "out", "--out", "out.csv")
    assert status == 1
    assert out.splitlines()[-2] == "1 of 3 photos copied with their captions to out"
    assert error.splitlines() == [
        "not copied: in/b.jpg: its XMP is damaged",
        "skipped: in/c.png: not a picture",
        "error: 1 of 3 photos could not be read",
        "error: 1 of 3 photos could not be copied",
    ]
    assert len(Path("out.csv").read_text().splitlines()) == 3  # what could be said is kept


def test_plots_of_photos_with_the_same_name_do_not_collide(run_predict):
    for name in ("x/a.png", "y/a.png", "y/a.gif", "z.png"):
        make_photo(name)
    assert run_predict("x", "y", "z.png", "--plot", "plots")[0] == 0
    names = sorted(each.name for each in Path("plots").iterdir())
    assert len(names) == 4
    assert {"a.png", "z.png"} < set(names)
    assert all(Image.open(Path("plots", name)).format == "PNG" for name in names)
