"""Texts beside photos are read, and other texts are ignored."""

from data.sources import read
from data.sources.base import LeftOut
from tests.helpers.datasets import get_captions, get_splits, write_files


def test_a_text_beside_each_photo(tmp_path):
    write_files(
        tmp_path,
        "a.jpg",
        "train/b.png",
        "val2/deep/c.d.jpg",
        "cats/e.jpg",
        "f.jpg",
        "g.jpg",
        files={
            "a.txt": "A cat.\n\n  A pet. \nA cat.\n",
            "train/b.txt": "A dog.",
            "val2/deep/c.d.txt": "A cow.\r\n",
            "cats/e.txt": "A lion.",
            "f.txt": "\n \n",
            "cats/notes.txt": "Mine.",
        },
    )
    dataset = read(tmp_path)
    assert get_captions(dataset) == {
        "a.jpg": ("A cat.", "A pet."),
        "e.jpg": ("A lion.",),
        "b.png": ("A dog.",),
        "c.d.jpg": ("A cow.",),
    }
    assert get_splits(dataset) == {"a.jpg": None, "e.jpg": None, "b.png": "train", "c.d.jpg": "val"}
    assert dataset.left_out == [
        LeftOut("a.jpg", "the same caption twice", "a.txt, line 4"),
        LeftOut("f.jpg", "an empty caption", "f.txt"),
        LeftOut("cats/notes.txt", "a caption, but no such photo"),
        LeftOut("f.jpg", "a photo without captions"),
        LeftOut("g.jpg", "a photo without captions"),
    ]


def test_texts_of_the_language_asked_for(tmp_path):
    write_files(
        tmp_path,
        "a.jpg",
        "b.jpg",
        files={"a.txt": "A cat.", "a.ko.txt": "고양이", "b.txt": "A dog."},
    )
    english, korean = read(tmp_path), read(tmp_path, language="ko")
    assert (get_captions(english), english.left_out) == (
        {"a.jpg": ("A cat.",), "b.jpg": ("A dog.",)},
        [],
    )
    assert (get_captions(korean), korean.left_out) == (
        {"a.jpg": ("고양이",), "b.jpg": ("A dog.",)},
        [],
    )


def test_other_texts_are_not_reported(tmp_path):
    write_files(
        tmp_path,
        "a.jpg",
        "b.c.jpg",
        files={"a.txt": "A cat.", "._a.txt": b"\0\5", "b.c.txt": "A dog.", "b.c.ko.txt": "개"},
    )
    dataset = read(tmp_path)
    assert (get_captions(dataset), dataset.left_out) == (
        {"a.jpg": ("A cat.",), "b.c.jpg": ("A dog.",)},
        [],
    )
    assert get_captions(read(tmp_path, language="ko"))["b.c.jpg"] == ("개",)


def test_the_ending_of_a_text_may_have_capitals(tmp_path):
    write_files(
        tmp_path,
        "a.jpg",
        "b.JPG",
        files={"a.TXT": "A cat.", "b.Txt": "A dog.", "a.ko.TXT": "고양이", "c.TXT": "A cow."},
    )
    dataset, korean = read(tmp_path), read(tmp_path, language="ko")
    assert get_captions(dataset) == {"a.jpg": ("A cat.",), "b.JPG": ("A dog.",)}
    assert dataset.left_out == korean.left_out == [LeftOut("c.TXT", "a caption, but no such photo")]
    assert get_captions(korean) == {"a.jpg": ("고양이",), "b.JPG": ("A dog.",)}


def test_a_readme_and_folders_named_as_texts_are_no_captions(tmp_path):
    write_files(
        tmp_path,
        "a.jpg",
        "b.txt/c.jpg",
        files={"a.txt": "A cat.", "README.txt": "About these photos."},
    )
    dataset = read(tmp_path)
    assert (get_captions(dataset), dataset.left_out) == ({"a.jpg": ("A cat.",)}, [])
