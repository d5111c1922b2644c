"""What `python -m data.sources` tells of a dataset, line by line, and draws."""

import numpy as np
import pytest
from PIL import Image

from data.photos.images import read_photo, save_picture
from tests.helpers.scripts import ROOT, started, typed
from tools import dataset as summary

TABLE = """photo,caption,split
0.jpg,A dog runs.,train
0.jpg,A dog and a cat.,train
1.jpg,A dog sleeps.,train
1.jpg,A dog sleeps.,train
2.jpg,A cat sleeps.,val
gone.jpg,A bird.,val
"""


@pytest.fixture
def folder(tmp_path):
    """Three photos of noise, of which 2.jpg is 0.jpg made smaller; and one that is none."""
    random = np.random.default_rng(0)
    pixels = [random.integers(0, 256, (12, 16, 3), np.uint8) for _ in range(2)]
    for number, each in enumerate(pixels):
        save_picture(
            np.asarray(Image.fromarray(each).resize((160, 120))), tmp_path / f"{number}.jpg"
        )
    save_picture(
        np.asarray(Image.fromarray(read_photo(tmp_path / "0.jpg")).resize((96, 72))),
        tmp_path / "2.jpg",
    )
    (tmp_path / "captions.csv").write_text(TABLE + "broken.jpg,A cow.,train\n")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "1.jpg").read_bytes()[:900])
    return tmp_path


def told(folder, *words):
    done = typed(summary, folder, "--cache", folder / "cache", "--minimum-count", "1", *words)
    assert done.status == 0, done.error
    return done.out.splitlines()


def test_all_that_is_there_is_told(folder):
    assert told(folder) == [
        f"recognised: a table ({folder}/captions.csv)",
        "photos: 3",
        "captions: 4, 1 to 2 a photo, 1.3 on average",
        "splits: train 2, val 1, test 0 (as the dataset says; no test split: val is scored in its place)",
        "language: en (English, by its Latin letters; another is said with --language); captions of words (what suits it; "
        "another with --tokenizer)",
        "lengths: 3 words in the middle, 5 at most; 100.0% have no more than 24",
        "vocabulary: 6 words of the training captions (5000 at most, seen at least 1 time); they cover 100.0% of "
        "train, 100.0% of val",
        "near-duplicates: 1 pair of photos on two sides look alike: 2.jpg (val) and 0.jpg (train)",
        "left out: 3",
        "  1: the same caption twice",
        "    1.jpg (captions.csv, line 5)",
        "  1: a caption, but no such photo",
        "    gone.jpg (captions.csv, line 7)",
        "  1: cut short",
        "    broken.jpg",
    ]


def test_what_was_found_out_is_kept(folder, monkeypatch):
    first = told(folder)
    monkeypatch.setattr(
        "data.preprocess.compute_perceptual_hash", None
    )  # nothing is looked at again
    monkeypatch.setattr("hashlib.file_digest", None)
    assert told(folder) == first


def test_photos_that_none_can_train_on_are_told_too(folder):
    (folder / "captions.csv").write_text(
        "photo,caption,split\n0.jpg,A dog.,val\n1.jpg,A cat.,val\n"
    )
    lines = told(folder)
    assert lines[1:4] == [
        "photos: 2",
        "captions: 2, 1 a photo",
        "splits: train 0, val 2, test 0 (as the dataset says; no "
        "test split: val is scored in its place)",
    ]
    assert (
        lines[5]
        == "vocabulary: none, for no photo is there to train on; evaluate.py can score a run on these"
    )


def test_what_is_asked_for_is_told_so(folder):
    lines = told(
        folder, "--language", "en", "--tokenizer", "bpe", "--vocabulary", "12", "--max-length", "4"
    )
    assert lines[4] == "language: en (English, given); captions of pieces (given)"
    assert lines[6].startswith("vocabulary: 12 pieces of the training captions (12 at most, ")


def test_words_that_were_never_learned_are_not_covered(folder):
    (folder / "captions.csv").write_text(
        TABLE.replace("A cat sleeps.", "A grey cat sleeps soundly.")
    )
    assert told(folder)[6].endswith("they cover 100.0% of train, 60.0% of val")


def test_photos_with_captions_are_drawn(folder):
    assert (
        told(folder, "--picture", folder / "out/nine.png")[-1] == f"picture: {folder}/out/nine.png"
    )
    with Image.open(folder / "out/nine.png") as drawn:
        assert drawn.width == 1320 and drawn.height > 400
        pixels = np.asarray(drawn.convert("RGB"), float)
    darkest = [255 - pixels[:, third * 440 : (third + 1) * 440].min() for third in range(3)]
    assert min(darkest) > 150  # three photos in a row


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (
            ["nowhere"],
            1,
            "error: no dataset at nowhere; give a captions file, its folder, or `scenes`",
        ),
        ([".", "--format", "cocoa"], 2, "error: unknown format 'cocoa'; did you mean 'coco'?"),
        (
            ["captions.csv", "--tokenizer", "letters"],
            2,
            "error: unknown tokenizer 'letters'; did you mean 'characters'?",
        ),
        (
            ["captions.csv", "--tokenizer", "characters"],
            2,
            "error: --tokenizer characters is for languages without spaces",
        ),
        (
            ["captions.csv", "--picture", "nine.jpg"],
            2,
            "error: --picture wants the name of a file that ends in .png",
        ),
        (
            ["captions.csv", "--language", "한국어"],
            2,
            "error: --language is a code such as en, ko or zh, not '한국어'",
        ),
    ],
)
def test_mistakes_are_refused_in_one_line(folder, monkeypatch, words, status, told):
    monkeypatch.chdir(folder)
    done = typed(summary, *words)
    assert (done.status, done.out) == (status, "")
    assert done.error.startswith(told) and done.error.count("\n") == 1


def test_it_is_typed_as_a_module(folder, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = started(
        "-m",
        "data.sources",
        folder / "captions.csv",
        "--cache",
        folder / "cache",
        "--minimum-count",
        "1",
    )
    assert done.status == 0, done.error
    assert done.out.splitlines()[:2] == [
        f"recognised: a table ({folder}/captions.csv)",
        "photos: 3",
    ]
    assert started("-m", "data.sources", "-h").out.startswith("usage: python -m data.sources [-h] ")


def test_captions_of_several_languages_are_warned_of(folder):
    (folder / "captions.csv").write_text(
        "photo,caption\n0.jpg,A dog runs along.\n1.jpg,개가 있다\n2.jpg,A cat sits here.\n"
    )
    done = typed(summary, folder, "--cache", folder / "cache", "--minimum-count", "1")
    assert done.error == (
        "warning: by their letters the captions are not English alone but also 33% Korean; they are all "
        "cut and scored as one language\n"
    )
