"""Karpathy's splits, complete and damaged."""

import json

import pytest

from data.sources import find_format, read
from data.sources.base import Example, LeftOut
from tests.helpers.datasets import get_captions, get_error, get_splits, make_karpathy, write_files


@pytest.mark.parametrize(
    "photos", ["Flicker8k_Dataset", "flickr30k_images", "flickr30k-images", "Images", "."]
)
def test_splits_of_flickr_are_read(tmp_path, photos):
    """Restval counts as train, and a sentence without `raw` is its tokens."""
    content = make_karpathy(
        ("a.jpg", "train", ["A cat . ", "A cat ."]),
        ("b.jpg", "val", ["A T-shirt ."]),
        ("c.jpg", "test", ["A dog ."]),
        ("d.jpg", "restval", ["A cow ."]),
        ("e.jpg", "test", []),
        ("gone.jpg", "train", ["A bee ."]),
        ("a.jpg", "test", ["A pet ."]),
    )
    content["images"][1]["sentences"][0] = {"tokens": ["a", "t", "shirt"]}
    write_files(
        tmp_path,
        *(f"{photos}/{name}.jpg" for name in "abcde"),
        files={"dataset_flickr8k.json": content},
    )
    dataset = read(tmp_path)
    assert find_format(tmp_path) == "karpathy"
    assert {example.photo.parent for example in dataset.examples} == {tmp_path / photos}
    assert get_captions(dataset) == {
        "a.jpg": ("A cat .", "A cat .", "A pet ."),
        "b.jpg": ("a t shirt",),
        "c.jpg": ("A dog .",),
        "d.jpg": ("A cow .",),
    }
    assert get_splits(dataset) == {
        "a.jpg": "test",
        "b.jpg": "val",
        "c.jpg": "test",
        "d.jpg": "train",
    }
    assert sorted(dataset.left_out) == sorted(
        [
            LeftOut("gone.jpg", "a caption, but no such photo", "dataset_flickr8k.json, images[5]"),
            LeftOut(
                "a.jpg",
                "listed for train and for test; kept for test",
                "dataset_flickr8k.json, images[6]",
            ),
            LeftOut(
                "a.jpg",
                "listed twice; its captions are joined",
                "dataset_flickr8k.json, images[6]",
            ),
            LeftOut(
                (tmp_path / photos / "e.jpg").relative_to(tmp_path).as_posix(),
                "a photo without captions",
            ),
        ]
    )


@pytest.mark.parametrize("photos", ["", "images/"])
def test_splits_of_coco_are_read(tmp_path, photos):
    write_files(
        tmp_path,
        f"{photos}val2014/a.jpg",
        f"{photos}train2014/a.jpg",
        files={
            "dataset_coco.json": make_karpathy(
                ("val2014/a.jpg", "test", ["A cat. "]), ("train2014/a.jpg", "restval", ["A dog."])
            )
        },
    )
    assert read(tmp_path).examples == [
        Example(tmp_path / photos / "val2014/a.jpg", ("A cat.",), "test"),
        Example(tmp_path / photos / "train2014/a.jpg", ("A dog.",), "train"),
    ]


@pytest.mark.parametrize(
    ("photo", "caption"),
    [
        ("Flicker8k_Dataset/a.jpg", "A cat ."),
        ("a.jpg", "A cat ."),
        ("flickr30k_images/1.jpg", "A cow ."),
        ("val2014/a.jpg", "A dog."),
        ("images/val2014/a.jpg", "A dog."),
    ],
)
def test_of_three_files_the_one_with_photos_is_read(tmp_path, photo, caption):
    write_files(
        tmp_path,
        photo,
        files={
            "dataset_coco.json": make_karpathy(("val2014/a.jpg", "train", ["A dog."])),
            "dataset_flickr30k.json": make_karpathy(("1.jpg", "train", ["A cow ."])),
            "dataset_flickr8k.json": make_karpathy(("a.jpg", "train", ["A cat ."])),
        },
    )
    assert read(tmp_path).examples == [Example(tmp_path / photo, (caption,), "train")]


WHOLE = {"filename": "a.jpg", "split": "train", "sentences": [{"raw": "A cat ."}]}


@pytest.mark.parametrize(
    ("image", "shown"),
    [
        (
            {"filename": "a.jpg", "split": "tset", "sentences": []},
            "unknown split 'tset'",
        ),
        ({"split": "train", "sentences": []}, '{"split": "train", "sentences": []}'),
        (["a.jpg"], '["a.jpg"]'),
        (
            {"filename": "b.jpg", "sentences": [{}]},
            '{"filename": "b.jpg", "sentences": [{}]}',
        ),
        (
            {"filename": "b.jpg", "split": 3, "sentences": []},
            '{"filename": "b.jpg", "split": 3, "sentences": []}',
        ),
        *(
            (
                {"filename": "b.jpg", "sentences": [{"raw": raw}]},
                f'{{"filename": "b.jpg", "sentences": [{{"raw": {json.dumps(raw)}}}]}}',
            )
            for raw in (7, None, ["A cat ."])
        ),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path, image, shown):
    file = tmp_path / "dataset_flickr8k.json"
    write_files(tmp_path, "a.jpg", files={file.name: {"images": [WHOLE, image]}})
    error = get_error(tmp_path)
    assert error.startswith(f"{file}, images[1]:")
    assert shown in error
    file.write_text(json.dumps({"images": {"sentences": 7}}))
    assert get_error(tmp_path).endswith("a list `images`")
