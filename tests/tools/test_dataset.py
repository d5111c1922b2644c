"""`python -m data.sources` describes a dataset, and draws some of it."""

import numpy as np
import pytest
from PIL import Image

from data.photos.images import read_photo, save_picture
from tests.helpers.scripts import ROOT, run_command, run_process
from tools import dataset as dataset_tool

TABLE = """photo,caption,split
0.jpg,A dog runs.,train
0.jpg,A dog and a cat.,train
1.jpg,A dog sleeps.,train
1.jpg,A dog sleeps.,train
2.jpg,A cat sleeps.,val
gone.jpg,A bird.,val
broken.jpg,A cow.,train
"""


def resize(pixels, size):
    return np.asarray(Image.fromarray(pixels).resize(size))


@pytest.fixture
def folder(tmp_path):
    """Three photos of noise, 2.jpg being a small copy of 0.jpg; and one that is cut short."""
    random = np.random.default_rng(0)
    for number in range(2):
        noise = random.integers(0, 256, (12, 16, 3), np.uint8)
        save_picture(resize(noise, (160, 120)), tmp_path / f"{number}.jpg")
    copy = resize(read_photo(tmp_path / "0.jpg"), (96, 72))
    save_picture(copy, tmp_path / "2.jpg")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "1.jpg").read_bytes()[:900])
    (tmp_path / "captions.csv").write_text(TABLE)
    return tmp_path


def run_script(folder, *words):
    """Return the lines that are printed, with single spaces."""
    cache = folder / "cache"
    done = run_command(dataset_tool, folder, "--cache", cache, "--minimum-count", "1", *words)
    assert done.status == 0, done.error
    return [" ".join(line.split()) for line in done.out.splitlines()]


def find_line(lines, start):
    (line,) = [line for line in lines if line.startswith(start)]
    return line


def test_the_format_and_the_splits_are_shown(folder):
    lines = run_script(folder)
    assert lines[:6] == [
        f"recognised: a table ({folder}/captions.csv)",
        "split photos captions",
        "train 2 3",
        "val 1 1",
        "test 0 0",
        "total 3 4",
    ]
    assert find_line(lines, "captions:") == "captions: 1 to 2 a photo, 1.3 on average"
    splits = find_line(lines, "splits:")
    assert "as the dataset says" in splits
    assert "no test split: val is scored in its place" in splits


def test_language_lengths_and_vocabulary_are_shown(folder):
    lines = run_script(folder)
    assert find_line(lines, "language:").startswith("language: en (English, by its Latin letters")
    assert "captions of words" in find_line(lines, "language:")
    assert find_line(lines, "lengths:").startswith("lengths: 3 words in the middle, 5 at most; ")
    vocabulary = find_line(lines, "vocabulary:")
    assert vocabulary.startswith("vocabulary: 6 words of the training captions (5000 at most, ")
    assert vocabulary.endswith("they cover 100.0% of train, 100.0% of val")


def test_photos_that_look_alike_are_shown(folder):
    assert find_line(run_script(folder), "near-duplicates: 1 pair").endswith(
        "2.jpg (val) and 0.jpg (train)"
    )


def test_what_is_skipped_is_shown_by_reason(folder):
    lines = run_script(folder)
    place = lines.index("skipped reason for example")
    assert sorted(lines[place + 1 :]) == [
        "1 a caption, but no such photo gone.jpg (captions.csv, line 7)",
        "1 cut short broken.jpg",
        "1 the same caption twice 1.jpg (captions.csv, line 5)",
    ]


def test_of_many_skipped_the_first_three_are_named(folder):
    rows = "".join(f"gone{number}.jpg,A bird.,val\n" for number in range(5))
    (folder / "captions.csv").write_text("photo,caption,split\n0.jpg,A dog.,train\n" + rows)
    lines = run_script(folder)
    place = lines.index("skipped reason for example")
    assert lines[place + 1 : place + 5] == [
        "5 a caption, but no such photo gone0.jpg (captions.csv, line 3)",
        "gone1.jpg (captions.csv, line 4)",
        "gone2.jpg (captions.csv, line 5)",
        "and 2 more",
    ]


def test_if_nothing_is_skipped_it_says_so(folder):
    for name in ("1.jpg", "2.jpg", "broken.jpg"):
        (folder / name).unlink()
    (folder / "captions.csv").write_text("photo,caption,split\n0.jpg,A dog.,train\n")
    assert run_script(folder)[-1] == "skipped: nothing"


def test_no_photo_is_opened_twice(folder, monkeypatch):
    first = run_script(folder)
    monkeypatch.setattr("hashlib.file_digest", None)
    monkeypatch.setattr("data.photos.hashes.compute_perceptual_hash", None)
    assert run_script(folder) == first


def test_a_dataset_without_training_photos_is_described(folder):
    table = "photo,caption,split\n0.jpg,A dog.,val\n1.jpg,A cat.,val\n"
    (folder / "captions.csv").write_text(table)
    lines = run_script(folder)
    assert lines[2:6] == ["train 0 0", "val 2 2", "test 0 0", "total 2 2"]
    assert find_line(lines, "captions:") == "captions: 1 a photo"
    assert find_line(lines, "vocabulary:").startswith("vocabulary: none")


def test_typed_settings_are_shown_as_given(folder):
    words = ["--language", "en", "--tokenizer", "bpe", "--vocabulary", "12", "--max-length", "4"]
    lines = run_script(folder, *words)
    language = "language: en (English, given); captions of pieces (given)"
    assert find_line(lines, "language:") == language
    vocabulary = find_line(lines, "vocabulary:")
    assert vocabulary.startswith("vocabulary: 12 pieces of the training captions (12 at most, ")


def test_unknown_words_are_not_covered(folder):
    table = TABLE.replace("A cat sleeps.", "A grey cat sleeps soundly.")
    (folder / "captions.csv").write_text(table)
    vocabulary = find_line(run_script(folder), "vocabulary:")
    assert vocabulary.endswith("they cover 100.0% of train, 60.0% of val")


def test_photos_with_captions_are_drawn(folder):
    file = folder / "out/nine.png"
    assert run_script(folder, "--picture", file)[-1] == f"picture: {file}"
    with Image.open(file) as picture:
        assert picture.width == 1320
        assert picture.height > 400
        pixels = np.asarray(picture.convert("RGB"), float)
    for third in range(3):  # three photos in a row
        column = pixels[:, third * 440 : (third + 1) * 440]
        assert column.min() < 105


@pytest.mark.parametrize(
    ("words", "status", "parts"),
    [
        (["nowhere"], 1, ["nowhere"]),
        ([".", "--format", "cocoa"], 2, ["'cocoa'", "'coco'"]),
        (["captions.csv", "--tokenizer", "letters"], 2, ["'letters'", "'characters'"]),
        (["captions.csv", "--tokenizer", "characters"], 2, ["--tokenizer characters"]),
        (["captions.csv", "--picture", "nine.jpg"], 2, ["--picture", "nine.jpg"]),
        (["captions.csv", "--language", "한국어"], 2, ["--language", "한국어"]),
    ],
)
def test_mistakes_are_rejected_in_one_line(folder, monkeypatch, words, status, parts):
    monkeypatch.chdir(folder)
    done = run_command(dataset_tool, *words)
    assert (done.status, done.out) == (status, "")
    assert done.error.startswith("error: ")
    assert done.error.count("\n") == 1
    assert all(part in done.error for part in parts)


def test_it_starts_as_a_module(folder, monkeypatch):
    monkeypatch.chdir(ROOT)
    file, cache = folder / "captions.csv", folder / "cache"
    done = run_process("-m", "data.sources", file, "--cache", cache, "--minimum-count", "1")
    assert done.status == 0, done.error
    assert done.out.splitlines()[0] == f"recognised: a table ({file})"
    usage = run_process("-m", "data.sources", "-h").out
    assert usage.startswith("usage: python -m data.sources [-h] ")


def test_captions_of_several_languages_have_a_warning(folder):
    table = "photo,caption\n0.jpg,A dog runs along.\n1.jpg,개가 있다\n2.jpg,A cat sits here.\n"
    (folder / "captions.csv").write_text(table)
    done = run_command(dataset_tool, folder, "--cache", folder / "cache", "--minimum-count", "1")
    assert done.error.startswith("warning: ")
    assert "33% Korean" in done.error
    assert done.error.count("\n") == 1
