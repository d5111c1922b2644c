"""AI-Hub's Korean COCO, complete and damaged."""

import pytest

from data.sources import find_format, read
from data.sources.base import Example, LeftOut
from tests.helpers.datasets import get_captions, get_error, write_files

KOREAN = [
    {
        "file_path": "val2014/a.jpg",
        "captions": ["A cat.", "A pet."],
        "id": 7,
        "caption_ko": ["고양이 한 마리.", "", "고양이 한 마리."],
    },
    {"file_path": "train2014/b.jpg", "captions": ["A dog."], "id": 8, "caption_ko": "개가 달린다."},
    {"file_path": "train2014/c.jpg", "captions": ["A cow."], "id": 9, "caption_ko": ["소"]},
]


@pytest.mark.parametrize("photos", ["", "images/"])
def test_korean_and_english_captions_are_read(tmp_path, photos):
    write_files(
        tmp_path,
        f"{photos}val2014/a.jpg",
        f"{photos}train2014/b.jpg",
        files={"MSCOCO_train_val_Korean.json": KOREAN},
    )
    dataset, english = read(tmp_path), read(tmp_path, language="en")
    assert (find_format(tmp_path), dataset.language) == ("aihub", "ko")
    assert dataset.examples == [
        Example(tmp_path / photos / "val2014/a.jpg", ("고양이 한 마리.",) * 2, "val"),
        Example(tmp_path / photos / "train2014/b.jpg", ("개가 달린다.",), "train"),
    ]
    assert dataset.left_out == [
        LeftOut("val2014/a.jpg", "an empty caption", "MSCOCO_train_val_Korean.json, [0]"),
        LeftOut(
            "train2014/c.jpg", "a caption, but no such photo", "MSCOCO_train_val_Korean.json, [2]"
        ),
    ]
    assert read(tmp_path, language="ko").examples == dataset.examples
    assert get_captions(english) == {"a.jpg": ("A cat.", "A pet."), "b.jpg": ("A dog.",)}


def test_a_photo_listed_twice_keeps_all_its_captions(tmp_path):
    write_files(
        tmp_path,
        "val2014/a.jpg",
        files={
            "MSCOCO_train_val_Korean.json": [
                KOREAN[0],
                {"file_path": "val2014/a.jpg", "caption_ko": ["큰 고양이"]},
            ]
        },
    )
    dataset = read(tmp_path)
    assert get_captions(dataset) == {"a.jpg": ("고양이 한 마리.", "고양이 한 마리.", "큰 고양이")}
    assert (
        LeftOut(
            "val2014/a.jpg",
            "listed twice; its captions are joined",
            "MSCOCO_train_val_Korean.json, [1]",
        )
        in dataset.left_out
    )


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ({"file_path": 7}, '{"file_path": 7}'),
        (7, " 7"),
        (
            {"file_path": "val2014/b.jpg"},
            'caption_ko, got {"file_path": "val2014/b.jpg"}',
        ),
        (
            {"file_path": "b.jpg", "caption_ko": [7]},
            'caption_ko, got {"file_path": "b.jpg", "caption_ko": [7]}',
        ),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path, record, shown):
    write_files(
        tmp_path, "val2014/a.jpg", files={"MSCOCO_train_val_Korean.json": [KOREAN[0], record]}
    )
    error = get_error(tmp_path)
    assert error.startswith(f"{tmp_path}/MSCOCO_train_val_Korean.json, [1]:")
    assert error.endswith(shown)
