"""predict.py with a captioner that needs no training: its output, files, warnings and errors."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import predict
from models.captioner import Caption, Captioner
from models.decoders.base import check_max_length
from pipeline import prediction, prediction_writers
from utils import runs
from utils.captions_file import compute_mark
from utils.errors import UserError, run_script


class Invented:
    """Says how bright a photo is, of bright ones doubtfully, and remembers how many it was asked about."""

    image_size = 8
    encoder = None

    def __init__(self):
        self.asked = 0

    def count_tokens(self, text):
        return len(text.split())

    def __call__(self, pictures, *, max_length=2, **_search):
        check_max_length(max_length, 36)
        self.asked += len(pictures)
        words = [["brightness", str(int(picture.mean()))][:max_length] for picture in pictures]
        scores = [0.5 if picture.mean() < 200 else 0.25 for picture in pictures]
        return [
            Caption(" ".join(each), score, each, np.full((len(each), 4), 0.25), (2, 2), [])
            for each, score in zip(words, scores, strict=True)
        ]


@pytest.fixture
def captioner(monkeypatch):
    invented = Invented()
    monkeypatch.setattr(Captioner, "load", lambda *_args, **_changes: invented)
    monkeypatch.setattr(
        prediction_writers, "time", SimpleNamespace(perf_counter=lambda: 0.0)
    )  # nothing takes time
    return invented


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty current directory with a run in it."""
    monkeypatch.chdir(tmp_path)
    run(scenes=False)
    return tmp_path


def run(**about):
    runs.write_config(
        Path("checkpoints/r"),
        {
            "dataset": "photos",
            "language": "en",
            "encoder": "convnet",
            "decoder": "gru",
            "encoder_weights": "none",
            "fingerprint": {},
            **about,
        },
    )


def photo(name, grey=100):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (10, 10), (grey, grey, grey)).save(name)
    return name


@pytest.fixture
def ask(place, captioner, monkeypatch, capsys):
    """What predict.py with these words leaves with, and prints on standard output and standard error."""

    def asked(*words):
        monkeypatch.setattr(sys, "argv", ["predict.py", "--run", "r", *words])
        with pytest.raises(SystemExit) as left:
            run_script(predict.main)
        return left.value.code, *capsys.readouterr()

    return asked


def test_without_a_screen_only_text_is_printed(ask, place):
    photo("in/사진 1.png", 7)
    assert ask("in") == (0, "in/사진 1.png: brightness 7  (0.50)\n", "")
    assert sorted(each.name for each in place.iterdir()) == ["checkpoints", "in"]


def test_resume_captions_only_new_photos(ask, captioner):
    photo("in/a.png", 1)
    photo("in/b.png", 2)
    ask("in/a.png", "--out", "out.jsonl")
    before = Path("out.jsonl").read_bytes()
    status, out, _ = ask("in", "in/b.png", "./in/b.png", "--out", "out.jsonl")
    assert (status, captioner.asked) == (0, 2)
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
            "photo": compute_mark(Path(f"in/{name}.png")),
            "score": 0.5,
        }
        for name, grey in (("a", 1), ("b", 2))
    ]


def test_every_spelling_of_a_path_is_the_same_photo(ask, captioner, place):
    photo("in/a.png", 1)
    ask("in/a.png", "--out", "out.csv")
    assert "1 photo, " in ask("in", str(place / "in"), "--out", "other.csv")[1]
    for spelling in (str(place / "in/a.png"), "./in/a.png", "in/../in/a.png", "in"):
        assert ask(spelling, "--out", "out.csv")[1].startswith(
            "1 of 1 photos skipped: already in out.csv"
        )
    assert captioner.asked == 2


def test_moved_photos_are_recognised_by_name_and_mark(ask, captioner, place, monkeypatch):
    for number, name in enumerate("abc"):
        photo(f"in/{name}.png", number)
    ask("in", "--out", "out.csv")
    assert captioner.asked == 3
    moved = "1 of them listed under a path that no longer exists\n"
    Path("deep").mkdir()
    Path("in/b.png").rename("deep/b.png")
    photo("deep/c.png", 9)  # another picture by that name
    photo("deep/a.png", 0)  # the same picture, but in/a.png is still there
    _, out, error = ask("deep", "--out", "out.csv")
    assert (captioner.asked, error) == (5, moved)
    assert out.startswith("1 of 3 photos skipped: already in out.csv\n")
    before = Path("out.csv").read_bytes()
    monkeypatch.chdir("deep")
    _, out, error = ask("../in", "--out", "../out.csv", "--run", str(place / "checkpoints/r"))
    assert (captioner.asked, out.splitlines()[0]) == (
        5,
        "2 of 2 photos skipped: already in ../out.csv",
    )
    assert error == moved.replace("1", "2")
    assert Path("../out.csv").read_bytes() == before


def test_changed_photos_are_reported_until_their_line_is_removed(ask, captioner):
    for name in "abc":
        photo(f"in/{name}.png", 1)
    ask("in", "--out", "out.csv")
    before = Path("out.csv").read_bytes()
    os.utime("in/c.png", (9, 9))  # touched alone
    for name in "ab":
        photo(f"in/{name}.png", 2)
        os.utime(f"in/{name}.png", (9, 9))  # older than the file
    photo("in/d.png", 1)
    told = (
        "changed since it was captioned: in/a.png\nchanged since it was captioned: in/b.png\n"
        "error: 2 of 4 photos have changed since they were captioned; remove their lines in out.csv to "
        "caption them again, or clear their `photo` value to keep the caption\n"
    )
    for _ in range(2):
        status, _, error = ask("in", "--out", "out.csv", "--write-metadata", "copies")
        assert (status, error) == (1, told)
        assert sorted(each.name for each in Path("copies").iterdir()) == ["c.png", "d.png"]
    assert Path("out.csv").read_bytes().startswith(before)
    assert captioner.asked == 4
    lines = Path("out.csv").read_text().splitlines(keepends=True)
    kept = lines[2].split(",")
    Path("out.csv").write_text("".join([lines[0], ",".join([*kept[:2], "", kept[3]]), *lines[3:]]))
    status, out, error = ask("in", "--out", "out.csv")
    assert (status, error) == (0, "")
    assert "in/a.png: brightness 2" in out
    assert captioner.asked == 5


def test_saved_captions_that_do_not_fit_options_are_counted(ask):
    for name, grey in (("a", 7), ("b", 201), ("c", 202)):
        photo(f"in/{name}.png", grey)
    ask("in", "--out", "out.csv")
    status, _, error = ask(
        "in",
        "--out",
        "out.csv",
        "--minimum-score",
        "0.3",
        "--max-length",
        "1",
        "--write-metadata",
        "out",
    )
    assert status == 0
    assert error == (
        "among them 2 with a score below --minimum-score 0.3: not copied\n"
        "among them 3 longer than --max-length 1\n"
    )
    assert [each.name for each in Path("out").iterdir()] == ["a.png"]


def test_a_missing_encoder_leaves_no_file_behind(ask, captioner, monkeypatch):
    def lost(_self):
        raise UserError("the run's encoder weights are not there now")

    monkeypatch.setattr(Invented, "encoder", property(lost), raising=False)
    photo("a.png")
    assert ask("a.png", "--out", "deep/out.csv") == (
        1,
        "",
        "error: the run's encoder weights are not there now\n",
    )
    assert not Path("deep").exists()


def test_a_photo_given_twice_is_captioned_once(ask, captioner):
    photo("a.png")
    ask("a.png", "a.png", "./a.png", "--out", "out.csv")
    assert captioner.asked == 1
    assert len(Path("out.csv").read_text().splitlines()) == 2


def test_a_file_of_another_program_is_refused_first(ask, captioner):
    photo("a.png")
    Path("mine.csv").write_text("photo,text\n")
    status, out, error = ask("a.png", "--out", "mine.csv")
    assert (status, out, captioner.asked) == (1, "", 0)
    assert error.startswith(
        "error: mine.csv is not a captions file of this program: its first line is not path,caption,"
    )
    assert Path("mine.csv").read_text() == "photo,text\n"


def test_ctrl_c_leaves_whole_rows_and_says_how_to_resume(ask, monkeypatch):
    for number in range(5):
        photo(f"in/{number}.png")
    predict_all = prediction._predict

    def interrupted(*arguments):
        for number, each in enumerate(predict_all(*arguments)):
            if number == 3:
                raise KeyboardInterrupt
            yield each

    monkeypatch.setattr(prediction, "_predict", interrupted)
    status, _, error = ask("in", "--out", "out.jsonl")
    assert (status, error) == (
        130,
        "out.jsonl keeps what is finished; run the same command to resume\nstopped\n",
    )
    assert [json.loads(line)["path"] for line in Path("out.jsonl").read_text().splitlines()] == [
        f"in/{number}.png" for number in range(3)
    ]


def test_unreadable_photos_are_skipped_and_named(ask, monkeypatch):
    monkeypatch.setattr(prediction, "BATCH", 2)
    for number in range(5):
        photo(f"in/{number}.png", number)
    Path("in/1.png").write_bytes(b"")
    Path("in/3.png").write_text("no picture")
    status, out, error = ask("in", "--out", "out.csv")
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
    photo("in/1.png", 1)
    assert ask("in", "--out", "out.csv")[1].splitlines()[1] == "in/1.png: brightness 1  (0.50)"


def test_doubtful_captions_have_a_column_of_their_own(ask):
    photo("in/a.png", 7)
    photo("in/b.png", 201)
    status, out, error = ask("in", "--out", "out.csv", "--minimum-score", "0.3")
    assert (status, error) == (0, "")
    assert out == (
        "in/a.png: brightness 7  (0.50)\nin/b.png: brightness 201  (0.25, doubtful)\n"
        "2 photos, 0 s: 2 added to out.csv, 1 of these doubtful\n"
    )
    marks = [compute_mark(Path(f"in/{name}.png")) for name in "ab"]
    assert Path("out.csv").read_text() == (
        "path,caption,doubtful,photo,score\n"
        f"in/a.png,brightness 7,,{marks[0]},0.5000\n"
        f"in/b.png,,brightness 201,{marks[1]},0.2500\n"
    )
    photo("in/c.png", 220)
    ask("in", "--out", "out.csv")  # its columns are kept
    assert (
        Path("out.csv")
        .read_text()
        .endswith(f"0.2500\nin/c.png,brightness 220,,{compute_mark(Path('in/c.png'))},0.2500\n")
    )
    ask("in", "--out", "out.csv", "--minimum-score", "1")
    assert len(Path("out.csv").read_text().splitlines()) == 4
    ask("in", "--out", "out.jsonl", "--minimum-score", "0.25")
    assert json.loads(Path("out.jsonl").read_text().splitlines()[1]) == {
        "path": "in/b.png",
        "caption": "brightness 201",
        "doubtful": "",
        "photo": marks[1],
        "score": 0.25,
    }


def test_a_file_without_a_doubtful_column_keeps_its_columns(ask):
    photo("in/a.png", 201)
    ask("in", "--out", "out.csv")
    photo("in/b.png", 202)
    out = ask("in", "--out", "out.csv", "--minimum-score", "0.3")[1]
    assert "out.csv has no column `doubtful`" in out
    marks = [compute_mark(Path(f"in/{name}.png")) for name in "ab"]
    assert Path("out.csv").read_text() == (
        "path,caption,photo,score\n"
        f"in/a.png,brightness 201,{marks[0]},0.2500\nin/b.png,,{marks[1]},0.2500\n"
    )


def test_a_path_with_a_line_break_is_one_line_everywhere(ask, captioner):
    photo("in/a\nb.png", 7)
    assert ask("in", "--out", "out.csv")[1].startswith("in/a\\nb.png: brightness 7")
    assert Path("out.csv").read_text().splitlines()[1].startswith("in/a\\nb.png,brightness 7,")
    ask("in", "--out", "out.csv")
    assert captioner.asked == 1


def test_a_file_of_older_columns_is_refused(ask, captioner):
    photo("a.png")
    Path("out.csv").write_text("path,caption,score\nb.png,brightness 201,0.2500\n")
    status, _, error = ask("a.png", "--out", "out.csv")
    assert (status, captioner.asked) == (1, 0)
    assert "first line is not path,caption,photo,score" in error


def test_max_length_bounds_captions_up_to_the_network_s_room(ask, captioner):
    photo("a.png", 7)
    assert ask("a.png", "--max-length", "1")[1] == "a.png: brightness  (0.50)\n"
    status, out, error = ask("a.png", "--max-length", "36", "--out", "out.csv")
    assert (status, out, captioner.asked) == (1, "", 1)
    assert error == (
        "error: captions of 36 tokens are asked for, and this network has room for 35; use a lower "
        "--max-length\n"
    )
    assert not Path("out.csv").exists()


def alt_text(name):
    """Alt text by language, as Pillow reads it."""
    with Image.open(name) as opened:
        described = opened.getxmp()["xmpmeta"]["RDF"]["Description"]
    return {li["lang"]: li["text"] for li in described["AltTextAccessibility"]["Alt"]["li"]}


def test_copies_keep_folders_and_names_and_get_captions(ask, captioner):
    run(scenes=False, language="ko")
    for number, name in enumerate(("a.jpg", "deep/사진, 1.png", "b.webp", "c.JPG")):
        photo(f"in/{name}", number)
    before = {each: each.read_bytes() for each in Path("in").rglob("*.*")}
    status, out, error = ask("in", "--write-metadata", "out")
    assert (status, captioner.asked) == (0, 3)
    assert (
        error == "not copied: in/b.webp: captions are put into JPEG and PNG files, not into WEBP\n"
    )
    assert out.endswith(
        "3 of 4 photos copied with their captions to out\n4 photos, 0 s: 3 captioned\n"
    )
    copies = sorted(each for each in Path("out").rglob("*") if each.is_file())
    assert copies == [Path("out/a.jpg"), Path("out/c.JPG"), Path("out/deep/사진, 1.png")]
    assert alt_text("out/deep/사진, 1.png") == {"x-default": "brightness 1", "ko": "brightness 1"}
    assert {each: each.read_bytes() for each in Path("in").rglob("*.*")} == before
    told = {each: each.read_bytes() for each in copies}
    Path("out/c.JPG").unlink()
    out = ask("in", "--write-metadata", "out")[1]
    assert out.startswith("2 of 4 photos already copied to out\nin/c.JPG: brightness 3")
    assert {each: each.read_bytes() for each in copies} == told
    assert captioner.asked == 4


def test_copies_get_captions_as_edited_in_the_captions_file(ask, captioner):
    for name, grey in (("a", 7), ("b", 201), ("c", 202), ("d", 8)):
        photo(f"in/{name}.png", grey)
    status, out, error = ask(
        "in/a.png",
        "in/b.png",
        "in/c.png",
        "--out",
        "out.csv",
        "--minimum-score",
        "0.3",
        "--write-metadata",
        "out",
    )
    assert (status, error, [each.name for each in Path("out").iterdir()]) == (0, "", ["a.png"])
    assert "\n1 of 3 photos copied with their captions to out\n" in out
    Path("out/a.png").unlink()
    table = Path("out.csv").read_text().replace("a.png,brightness 7,", 'a.png,"a ""dark"" one",')
    Path("out.csv").write_text(table.replace("b.png,,", "b.png,a bright & cheerful one,"))
    out = ask("in", "--out", "out.csv", "--write-metadata", "out", "--minimum-score", "0.3")[1]
    assert out == (
        "3 of 4 photos skipped: already in out.csv\nin/d.png: brightness 8  (0.50)\n"
        "3 of 4 photos copied with their captions to out\n4 photos, 0 s: 1 added to out.csv, 3 already there\n"
    )
    assert captioner.asked == 4
    said = [alt_text(f"out/{name}.png")["en"] for name in "abd"]
    assert said == ['a "dark" one', "a bright & cheerful one", "brightness 8"]
    assert not Path("out/c.png").exists()


def test_photos_that_cannot_be_copied_are_named_and_counted(ask):
    photo("in/a.jpg", 7)
    Image.new("RGB", (10, 10)).save("in/b.jpg", xmp=b"<a><b/>")
    Path("in/c.png").write_text("no picture")
    status, out, error = ask("in", "--write-metadata", "out", "--out", "out.csv")
    assert status == 1
    assert out.splitlines()[-2] == "1 of 3 photos copied with their captions to out"
    assert error.splitlines() == [
        "not copied: in/b.jpg: its XMP is damaged",
        "skipped: in/c.png: not a picture",
        "error: 1 of 3 photos could not be read",
        "error: 1 of 3 photos could not be copied",
    ]
    assert len(Path("out.csv").read_text().splitlines()) == 3  # what could be said is kept


def test_copies_among_the_photos_are_refused(ask, captioner):
    photo("in/deep/a.png")
    photo("other/a.png")
    Path("link").symlink_to("in")
    for words, told in (
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
        status, out, error = ask(*words)
        assert (status, out, captioner.asked) == (1, "", 0)
        assert told in error
        assert error.count("\n") == 1
    assert not Path("out").exists()


def test_plots_of_photos_with_the_same_name_do_not_collide(ask):
    for name in ("x/a.png", "y/a.png", "y/a.gif", "z.png"):
        photo(name)
    assert ask("x", "y", "z.png", "--plot", "drawn")[0] == 0
    names = sorted(each.name for each in Path("drawn").iterdir())
    assert len(names) == 4
    assert {"a.png", "z.png"} < set(names)
    assert all(Image.open(Path("drawn", name)).format == "PNG" for name in names)


WARNING = "warning: this run was trained on drawn scenes"


def test_a_run_trained_on_scenes_warns_of_photographs(ask, place):
    photo("real.png")
    photo("photos/photos/own.png")
    photo("other/photos/scene.png")
    Path("other/facts.json").write_text("{}")
    assert WARNING not in ask("real.png")[2]
    run(scenes=True)
    assert ask("real.png")[2].startswith(WARNING)
    assert ask("photos/photos/own.png", str(place / "photos"), "other")[2] == ""
    assert ask("photos", "real.png")[2].startswith(WARNING)
    run()  # of before there was such a field
    assert ask("real.png")[2] == ""


def test_random_photos_come_from_the_test_split(ask):
    for name in "abc":
        photo(f"photos/{name}.png", 9)
    Path("photos/captions.csv").write_text(
        "photo,caption\n" + "".join(f"{name}.png,a {name}\n" for name in "abc")
    )
    splits = Path("checkpoints/r/splits.json")
    splits.write_text(json.dumps({"train": ["a.png"], "val": ["b.png"], "test": ["c.png"]}))
    assert ask() == (0, "photos/c.png: brightness 9  (0.50)\n    true: a c\n", "")
    splits.write_text(json.dumps({"train": ["a.png"], "val": ["b.png"], "test": []}))
    assert ask()[1].splitlines()[:2] == [
        "the dataset has no test split; these are photos of val",
        "photos/b.png: brightness 9  (0.50)",
    ]
    splits.write_text('{"train": ["a.p')
    assert ask()[2].startswith("error: checkpoints/r/splits.json is missing or damaged")


@pytest.mark.parametrize(
    "words, status, told",
    [
        (["none.png"], 1, "no photo or folder none.png"),
        ([""], 1, "a photo has an empty name"),
        (["empty"], 1, "no photos in empty"),
        (["--number", "0"], 2, "--number must be at least 1 (got 0)"),
        (["--out", "a.txt"], 2, "--out must end in .jsonl or .csv (got 'a.txt')"),
        (["--minimum-score", "1.5"], 2, "--minimum-score must be from 0 to 1 (got 1.5)"),
        (["--minimum-score", "nan"], 2, "--minimum-score must be from 0 to 1 (got nan)"),
        (["--max-length", "0"], 2, "--max-length is at least 1 word"),
        (
            ["--write-metadata", "x"],
            2,
            "--write-metadata needs photos or folders",
        ),
        (["--plot", "note"], 1, "cannot write to note: note is a file"),
        (["--top-k", "3"], 2, "go with --sample"),
    ],
)
def test_wrong_options_are_one_line_before_anything_is_loaded(ask, captioner, words, status, told):
    Path("empty").mkdir()
    Path("note").write_text("")
    left, out, error = ask(*words)
    assert (left, out, captioner.asked) == (status, "", 0)
    assert error.startswith("error: ")
    assert told in error
    assert error.count("\n") == 1
