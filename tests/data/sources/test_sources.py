"""Every format is recognised and read from its folder and its file; others are refused."""

import json
import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from data.sources import FORMATS, find_format, read, read_captions
from data.sources.base import Example
from tests.helpers.datasets import (
    ROOT_READS_ALL,
    SAMPLES,
    TWO_CAPTIONS,
    get_captions,
    get_error,
    get_splits,
    make_coco,
    make_karpathy,
    write_files,
    write_sample,
)
from utils.errors import UsageError, UserError

NEEDS_REAL_DATA = pytest.mark.skipif(
    "CAPTION_REAL_DATA" not in os.environ,
    reason="the folder of real data is not named in CAPTION_REAL_DATA",
)


EVERY = pytest.mark.parametrize("name", FORMATS)


def test_every_format_has_a_sample():
    assert SAMPLES.keys() == FORMATS.keys()


@EVERY
def test_each_format_is_recognised_by_its_folder(tmp_path, name):
    photo, file = write_sample(tmp_path, name)
    assert find_format(tmp_path) == name
    dataset = read(tmp_path)
    assert dataset.examples == [Example(photo, TWO_CAPTIONS, SAMPLES[name][3])]
    assert dataset.left_out == []
    assert (dataset.kind, dataset.folder) == (FORMATS[name].title, tmp_path)
    assert dataset.path == (tmp_path if name == "texts" else file)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "texts"])
def test_each_format_is_recognised_by_its_file(tmp_path, name):
    photo, file = write_sample(tmp_path, name)
    assert find_format(file) == name
    dataset = read(file)
    assert dataset.examples == [Example(photo, TWO_CAPTIONS, SAMPLES[name][3])]
    assert (dataset.kind, dataset.path, dataset.folder) == (FORMATS[name].title, file, tmp_path)


@EVERY
def test_captions_are_read_without_their_photos(tmp_path, name):
    photo, file = write_sample(tmp_path, name)
    with_photo = read_captions(tmp_path)
    assert list(with_photo.values()) == [list(TWO_CAPTIONS)]
    if name != "texts":  # whose photos say where the texts are
        photo.unlink()
        assert read_captions(tmp_path) == read_captions(file) == with_photo


def test_unusable_captions_are_left_out_without_photos_too(tmp_path):
    write_files(
        tmp_path,
        files={
            "captions.csv": "photo,caption\na.jpg,A  dog.\na.jpg,A dog.\na.jpg, \nb.jpg,"
            f"{'long ' * 500}\nc.jpg,A cat.\n"
        },
    )
    assert read_captions(tmp_path) == {"a.jpg": ["A dog."], "c.jpg": ["A cat."]}
    (tmp_path / "captions.csv").write_text("photo,caption\na.jpg, \n")
    with pytest.raises(UserError, match=r"holds no caption$"):
        read_captions(tmp_path)


@EVERY
@pytest.mark.parametrize(
    "changed",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
    ],
    ids=["mark", "crlf", "no last end"],
)
def test_byte_order_mark_and_line_ends_change_nothing(tmp_path, name, changed):
    photo, _ = write_sample(tmp_path, name, changed)
    dataset = read(tmp_path)
    assert dataset.examples == [Example(photo, TWO_CAPTIONS, SAMPLES[name][3])]
    assert dataset.left_out == []


@EVERY
def test_utf16_with_a_byte_order_mark_is_read(tmp_path, name):
    photo, _ = write_sample(tmp_path, name, lambda text: text.encode("utf-16"))
    assert read(tmp_path).examples == [Example(photo, TWO_CAPTIONS, SAMPLES[name][3])]


@EVERY
def test_latin1_is_refused_with_file_and_line(tmp_path, name):
    def changed(text):
        nonlocal line
        line = text[: text.index("é")].count("\n") + 1
        return text.encode("latin-1")

    line = 0
    _, file = write_sample(tmp_path, name, changed)
    assert line > 1
    assert get_error(tmp_path).startswith(f"{file}, line {line}: not UTF-8 text")


@EVERY
def test_tabs_in_captions_are_spaces(tmp_path, name):
    def changed(text):
        return text.replace(
            "dog runs",
            "dog\\truns" if SAMPLES[name][1].endswith(("json", "jsonl")) else "dog\truns",
        )

    photo, _ = write_sample(tmp_path, name, changed)
    assert read(tmp_path).examples == [Example(photo, TWO_CAPTIONS, SAMPLES[name][3])]


@EVERY
def test_a_caption_of_thousands_of_words_is_left_out(tmp_path, name):
    write_sample(tmp_path, name, lambda text: text.replace("A café .", "dog " * 3000))
    dataset = read(tmp_path)
    assert get_captions(dataset) == {"a.jpg": TWO_CAPTIONS[:1]}
    assert [each.reason.partition(" (")[0] for each in dataset.left_out] == [
        "a caption of 3,000 words"
    ]


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "texts"])
def test_an_empty_caption_is_left_out(tmp_path, name):
    write_sample(tmp_path, name, lambda text: text.replace("A café .", " "))
    dataset = read(tmp_path)
    assert get_captions(dataset) == {"a.jpg": TWO_CAPTIONS[:1]}
    assert [each.reason for each in dataset.left_out] == ["an empty caption"]


@EVERY
def test_captions_are_in_nfc(tmp_path, name):
    photo, _ = write_sample(tmp_path, name, lambda text: unicodedata.normalize("NFD", text))
    assert read(tmp_path).examples == [Example(photo, TWO_CAPTIONS, SAMPLES[name][3])]


def test_format_overrides_what_a_folder_looks_like(tmp_path):
    write_files(
        tmp_path,
        "a.jpg",
        files={
            "captions.csv": "photo,caption\na.jpg,A table's.\n",
            "a.txt": "A text's.\n",
            "captions.jsonl": '{"photo": "a.jpg", "caption": "A line\'s."}\n',
            "captions.txt": "image,caption\na.jpg,Kaggle's.\n",
        },
    )
    by_format = {
        "csv": "A table's.",
        "jsonl": "A line's.",
        "flickr8k": "Kaggle's.",
        "texts": "A text's.",
    }
    assert get_captions(read(tmp_path)) == {"a.jpg": ("A table's.",)}
    for name, caption in by_format.items():
        dataset = read(tmp_path, format=name)
        assert (get_captions(dataset), dataset.kind) == ({"a.jpg": (caption,)}, FORMATS[name].title)


def test_format_allows_a_file_of_any_name(tmp_path):
    write_files(tmp_path, "a.jpg", files={"words.dat": "image,caption\na.jpg,A dog, a cat .\n"})
    assert find_format(tmp_path / "words.dat") is None
    assert get_captions(read(tmp_path / "words.dat", format="flickr8k")) == {
        "a.jpg": ("A dog, a cat .",)
    }


def test_a_format_that_is_not_there_is_refused(tmp_path):
    write_sample(tmp_path, "csv")
    assert "looked for: annotations/captions_*.json;" in get_error(tmp_path, format="coco")
    error = get_error(tmp_path / "captions.csv", format="coco")
    assert error.startswith(f"{tmp_path}/captions.csv, line 1: broken JSON")


def test_a_text_beside_a_photo_is_no_dataset(tmp_path):
    _, file = write_sample(tmp_path, "texts")
    assert get_error(file, format="texts").startswith(f"{file} is a file; give the folder")


@pytest.mark.parametrize("name", ["COCO", "Coco", "coco"])
def test_the_name_of_a_format_may_have_capitals(tmp_path, name):
    photo, _ = write_sample(tmp_path, "coco")
    write_files(tmp_path, files={"captions.csv": "photo,caption\ntrain2017/a.jpg,A table's.\n"})
    assert read(tmp_path, format=name).examples == [Example(photo, TWO_CAPTIONS, "train")]


def test_an_unknown_format_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(
        UsageError,
        match=r"^unknown format 'flicker8k'; did you mean 'flickr8k' or 'flickr30k'\?$",
    ):
        read(tmp_path, format="flicker8k")


def test_an_unknown_dataset_is_refused_with_known_formats(tmp_path):
    write_files(tmp_path, "a.jpg", files={"notes.txt": "hello"})
    names = (
        "captions.csv, captions.tsv or metadata.csv",
        "captions.ko.csv with --language ko",
        "captions.jsonl, captions.json (a list) or metadata.jsonl",
        "dataset_flickr8k.json, dataset_flickr30k.json or dataset_coco.json",
        "MSCOCO_train_val_Korean.json",
        "annotations/captions_*.json",
        "Flickr8k.token.txt with its lists, or Kaggle's captions.txt",
        "results_20130124.token, or Kaggle's results.csv",
        "photos each with a .txt of captions",
    )
    for path in (tmp_path, tmp_path / "notes.txt", tmp_path / "a.jpg"):
        error = get_error(path)
        assert error.startswith(f"{path} is no known dataset")
        assert all(name in error for name in names)
        assert "--format" in error


def test_a_missing_path_is_refused(tmp_path):
    assert get_error(tmp_path / "none").startswith(f"no dataset at {tmp_path}/none")


def test_an_empty_dataset_is_refused(tmp_path):
    write_files(tmp_path, "a.jpg", files={"captions.csv": "photo,caption\n"})
    error = get_error(tmp_path)
    assert error.startswith(f"{tmp_path}/captions.csv holds no photo with a caption")
    assert error.endswith("it is empty")


def test_a_dataset_without_photos_is_refused_with_the_reason(tmp_path):
    write_files(tmp_path, files={"captions.csv": "photo,caption\na.jpg,A cat.\nb.jpg,A dog.\n"})
    error = get_error(tmp_path)
    assert error.startswith(f"{tmp_path}/captions.csv holds no photo with a caption (2 left out")
    assert "a.jpg: a caption, but no such photo (captions.csv, line 2)" in error


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("coco", make_coco({1: "a.jpg"}, [(1, "A cat.")])),
        ("aihub", [{"file_path": "a.jpg", "caption_ko": "A cat."}]),
        ("karpathy", make_karpathy(("a.jpg", "train", ["A cat."]))),
        ("jsonl", [{"photo": "a.jpg", "caption": "A cat."}]),
    ],
)
def test_the_beginning_of_captions_json_decides(tmp_path, name, content, encoding):
    write_files(tmp_path, "a.jpg", files={"captions.json": json.dumps(content).encode(encoding)})
    for path in (tmp_path, tmp_path / "captions.json"):
        assert find_format(path) == name
        assert get_captions(read(path)) == {"a.jpg": ("A cat.",)}


@pytest.mark.parametrize(
    ("name", "place"), [("coco", "annotations"), ("flickr8k", "Flickr8k_text")]
)
def test_the_working_directory_may_be_the_annotations(tmp_path, name, place, monkeypatch):
    photo, file, content, split = SAMPLES[name]
    file = Path(file).name
    write_files(tmp_path, photo, files={f"{place}/{file}": content})
    monkeypatch.chdir(tmp_path / place)
    dataset = read(Path(file))
    assert (dataset.examples, dataset.left_out) == (
        [Example(Path("..", photo), TWO_CAPTIONS, split)],
        [],
    )


@EVERY
def test_the_working_directory_may_be_the_dataset(tmp_path, name, monkeypatch):
    photo, _ = write_sample(tmp_path, name)
    monkeypatch.chdir(tmp_path)
    dataset = read(Path())
    assert dataset.examples == [
        Example(photo.relative_to(tmp_path), TWO_CAPTIONS, SAMPLES[name][3])
    ]
    assert dataset.left_out == []


def test_the_language_is_given_or_detected(tmp_path):
    write_files(tmp_path, "a.jpg", files={"captions.csv": "photo,caption\na.jpg,고양이 한 마리\n"})
    dataset, said = read(tmp_path), read(tmp_path, language="fr")
    assert (dataset.language, dataset.detected_language) == ("ko", "ko")
    assert (said.language, said.detected_language) == ("fr", "ko")


@ROOT_READS_ALL
def test_missing_permission_is_refused(tmp_path):
    _, file = write_sample(tmp_path, "csv")
    file.chmod(0)
    assert get_error(tmp_path).startswith(f"no permission to read {file}")


def test_simulated_missing_permission_is_refused(tmp_path, monkeypatch):
    """The system's answer is simulated, because root may read everything."""

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    _, file = write_sample(tmp_path, "csv")
    monkeypatch.setattr(Path, "read_bytes", refused)
    assert get_error(tmp_path).startswith(f"no permission to read {file}")


@NEEDS_REAL_DATA
def test_the_real_flickr8k():
    dataset = read(Path(os.environ["CAPTION_REAL_DATA"]) / "flickr8k")
    assert (dataset.kind, dataset.language) == (FORMATS["flickr8k"].title, "en")
    assert Counter(get_splits(dataset).values()) == {"train": 6000, "val": 1000}
    assert dataset.left_out == []
    assert {len(example.captions) for example in dataset.examples} == {5}


@NEEDS_REAL_DATA
def test_the_real_coco():
    dataset = read(Path(os.environ["CAPTION_REAL_DATA"]) / "coco")
    assert dataset.kind == FORMATS["coco"].title
    assert Counter(get_splits(dataset).values()) == {"train": 80}
    assert dataset.left_out == []
    assert sum(len(example.captions) for example in dataset.examples) == 400
