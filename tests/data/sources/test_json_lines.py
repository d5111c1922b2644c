"""JSON lines and lists: what they allow, leave out and refuse."""

import json

import pytest

from data.sources import read
from data.sources.base import Example, LeftOut
from tests.helpers.datasets import get_captions, get_error, get_splits, write_files


def write_table(folder, text, *photos, name="captions.csv"):
    return write_files(folder, *(photos or ["a.jpg"]), files={name: text})


def test_an_object_holds_a_caption_or_several(tmp_path):
    text = (
        '{"file_name": "a.jpg", "text": "A cat.", "split": null}\n\n'
        '{"Image": "b.jpg", "captions": ["A dog.", "A pup."], "SPLIT": "dev", "id": 7}\n'
        '{"image_id": "a.jpg", "caption": ["A \\ud55c cat."]}\n'
    )
    dataset = read(write_table(tmp_path, text, "a.jpg", "b.jpg", name="captions.jsonl"))
    assert get_captions(dataset) == {
        "a.jpg": ("A cat.", "A 한 cat."),
        "b.jpg": ("A dog.", "A pup."),
    }
    assert get_splits(dataset) == {"a.jpg": None, "b.jpg": "val"}


@pytest.mark.parametrize("photos", ["", "images/", "caption_train_images_2017/"])
def test_objects_may_be_in_a_list_and_photos_in_a_folder(tmp_path, photos):
    write_files(
        tmp_path,
        f"{photos}a.jpg",
        files={
            "captions.json": [
                {"photo": "a.jpg", "caption": "A cat."},
                {"photo": "b.jpg", "caption": "A dog."},
                {"photo": "a.jpg", "caption": ""},
            ]
        },
    )
    dataset = read(tmp_path)
    assert get_captions(dataset) == {"a.jpg": ("A cat.",)}
    assert dataset.left_out == [
        LeftOut("b.jpg", "a caption, but no such photo", "captions.json, [1]"),
        LeftOut("a.jpg", "an empty caption", "captions.json, [2]"),
    ]


def test_a_list_may_begin_with_a_mark_and_spaces(tmp_path):
    write_table(
        tmp_path, '\ufeff\r\n [{"photo": "a.jpg", "caption": "A cat."}]', name="captions.json"
    )
    assert get_captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}


NO_TEXT = "found {};"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            '{"photo": "a.jpg", "caption": "A',
            "broken JSON (Unterminated string starting at, column 31)",
        ),
        ('{"photo": "a.jpg"} {}', "broken JSON (Extra data, column 20)"),
        (
            '["a.jpg", "A cat."]',
            "expected an object",
        ),
        ("{}", NO_TEXT.format("nothing")),
        ('{"photo": 7, "caption": "A cat."}', NO_TEXT.format("photo, caption")),
        ('{"photo": "a.jpg", "captions": ["A", null]}', NO_TEXT.format("photo, captions")),
        (
            '{"photo": "a.jpg", "caption": "A", "split": 3}',
            "unknown split 3",
        ),
        (
            '{"photo": "a.jpg", "caption": "A", "split": "tset"}',
            "unknown split 'tset'",
        ),
    ],
)
def test_damaged_objects_are_refused_with_their_line(tmp_path, line, expected):
    write_table(
        tmp_path, '{"photo": "a.jpg", "caption": "A cat."}\n\n' + line, name="captions.jsonl"
    )
    error = get_error(tmp_path)
    assert error.startswith(f"{tmp_path}/captions.jsonl, line 3: ")
    assert expected in error


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("[" * 100_000, "JSON nested too deep for captions"),
        (f'{{"id": {"1" * 5000}}}', "broken JSON (Exceeds the limit (4300 digits)"),
    ],
    ids=["deep", "long"],
)
def test_a_line_too_deep_or_long_is_refused(tmp_path, line, expected):
    write_table(
        tmp_path, f'{{"photo": "a.jpg", "caption": "A cat."}}\n{line}\n', name="captions.jsonl"
    )
    assert get_error(tmp_path).startswith(f"{tmp_path}/captions.jsonl, line 2: {expected}")


def test_ai_challengers_folder_is_read(tmp_path):
    name, images = "caption_{}_annotations_20170902.json", "caption_{}_images_20170902/{}.jpg"
    for split, photo in (("train", "a"), ("validation", "b")):
        rows = [
            {"url": "http://x.example", "image_id": f"{photo}.jpg", "caption": ["一只狗", "两只狗"]}
        ]
        write_files(
            tmp_path, images.format(split, photo), files={name.format(split): json.dumps(rows)}
        )
    dataset = read(tmp_path)
    assert dataset.examples == [
        Example(tmp_path / images.format(split, photo), ("一只狗", "两只狗"), kept)
        for split, photo, kept in (("train", "a", "train"), ("validation", "b", "val"))
    ]
