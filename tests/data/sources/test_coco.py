"""COCO's captions, complete and damaged."""

import pytest

from data.sources import find_format, read
from data.sources.base import Example, LeftOut
from tests.helpers.datasets import get_captions, get_error, get_splits, make_coco, write_files

CAPTIONS = {"images": [], "annotations": []}


@pytest.mark.parametrize("photos", ["{}", "images/{}"])
@pytest.mark.parametrize("year", ["2014", "2017"])
def test_coco_is_read(tmp_path, photos, year):
    """Captions are not grouped by photo, and two people may have written the same one."""
    train, val = photos.format(f"train{year}"), photos.format(f"val{year}")
    write_files(
        tmp_path,
        f"{train}/09.jpg",
        f"{train}/25.jpg",
        f"{train}/alone.jpg",
        f"{val}/42.jpg",
        files={
            f"annotations/captions_train{year}.json": make_coco(
                {9: "09.jpg", 25: "25.jpg", 77: "77.jpg"},
                [
                    (25, "A cat. "),
                    (9, "A dog\nruns."),
                    (77, "A bird."),
                    (25, "A cat."),
                    (78, "A bee."),
                    (9, "  "),
                ],
            ),
            f"annotations/captions_val{year}.json": make_coco({42: "42.jpg"}, [(42, "A cow.")]),
            f"annotations/instances_val{year}.json": make_coco({42: "42.jpg"}, []),
        },
    )
    dataset = read(tmp_path)
    assert (find_format(tmp_path), dataset.path) == ("coco", tmp_path)
    assert dataset.examples == [
        Example(tmp_path / train / "25.jpg", ("A cat.", "A cat."), "train"),
        Example(tmp_path / train / "09.jpg", ("A dog runs.",), "train"),
        Example(tmp_path / val / "42.jpg", ("A cow.",), "val"),
    ]
    where = f"annotations/captions_train{year}.json, annotations"
    assert dataset.left_out == [
        LeftOut("77.jpg", "a caption, but no such photo", f"{where}[2]"),
        LeftOut("09.jpg", "an empty caption", f"{where}[5]"),
        LeftOut("image 78", "a caption, but no such image", f"{where}[4]"),
        LeftOut(f"{train}/alone.jpg", "a photo without captions"),
    ]
    assert get_splits(read(tmp_path / f"annotations/captions_val{year}.json")) == {"42.jpg": "val"}


def test_the_year_whose_photos_exist_is_read(tmp_path):
    files = {
        f"annotations/captions_val{year}.json": make_coco(
            {1: f"{year}.jpg"}, [(1, f"A dog of {year}.")]
        )
        for year in (2014, 2017)
    }
    dataset = read(write_files(tmp_path, "val2017/2017.jpg", files=files))
    assert (get_captions(dataset), dataset.left_out) == ({"2017.jpg": ("A dog of 2017.",)}, [])


@pytest.mark.parametrize(
    ("file", "folder", "split"),
    [
        ("annotations/captions_test.json", "test", "test"),
        ("annotations/captions_all.json", "images", None),
        ("captions_val.json", ".", "val"),
        ("stair_captions_v1.2_train.json", "train2014", "train"),
    ],
)
def test_other_files_in_the_same_syntax_are_read(tmp_path, file, folder, split):
    write_files(tmp_path, f"{folder}/a.jpg", files={file: make_coco({1: "a.jpg"}, [(1, "개")])})
    dataset = read(tmp_path)
    assert (find_format(tmp_path), dataset.path) == ("coco", tmp_path / file)
    assert dataset.examples == [Example(tmp_path / folder / "a.jpg", ("개",), split)]


def test_stair_captions_are_read_once(tmp_path):
    """STAIR has each file a second time, with spaces between the words."""
    once, again = (
        make_coco({1: "a.jpg"}, [(1, "犬が走る")]),
        make_coco({1: "a.jpg"}, [(1, "犬が走る")]),
    )
    again["annotations"][0]["tokenized_caption"] = "犬 が 走る"
    dataset = read(
        write_files(
            tmp_path,
            "val2014/a.jpg",
            files={
                "stair_captions_v1.2_val.json": once,
                "stair_captions_v1.2_val_tokenized.json": again,
            },
        )
    )
    assert (get_captions(dataset), get_splits(dataset), dataset.language) == (
        {"a.jpg": ("犬が走る",)},
        {"a.jpg": "val"},
        "ja",
    )


def test_an_image_listed_twice_is_reported(tmp_path):
    content = make_coco({1: "a.jpg", 2: "a.jpg"}, [(1, "A cat."), (2, "A pet.")])
    content["images"].append({"id": 1, "file_name": "b.jpg"})
    dataset = read(
        write_files(
            tmp_path, "train2017/a.jpg", files={"annotations/captions_train2017.json": content}
        )
    )
    assert get_captions(dataset) == {"a.jpg": ("A cat.", "A pet.")}
    where = "annotations/captions_train2017.json, images"
    assert dataset.left_out == [
        LeftOut("a.jpg", "listed twice", f"{where}[1]"),
        LeftOut("b.jpg", "listed twice", f"{where}[2]"),
    ]


def test_a_repeated_annotation_is_left_out(tmp_path):
    """It has the same number; annotations without a number are all read."""
    content = make_coco({1: "a.jpg"}, [(1, "A cat."), (1, "A cat."), (1, "A pet.")])
    content["annotations"] += [
        content["annotations"][0],
        *([{"image_id": 1, "caption": "A pet.", "id": [7]}] * 2),
    ]
    dataset = read(
        write_files(
            tmp_path, "train2017/a.jpg", files={"annotations/captions_train2017.json": content}
        )
    )
    assert get_captions(dataset) == {"a.jpg": ("A cat.", "A cat.", "A pet.", "A pet.", "A pet.")}
    assert dataset.left_out == [
        LeftOut(
            "a.jpg", "the annotation 0 twice", "annotations/captions_train2017.json, annotations[3]"
        )
    ]


KNOWN = {"image_id": 1, "caption": "A pet."}


@pytest.mark.parametrize(
    ("content", "place", "shown"),
    [
        ({"images": []}, ":", "`images` and `annotations`"),
        (CAPTIONS | {"annotations": {}}, ":", "`images` and `annotations`"),
        (CAPTIONS | {"images": None}, ":", "`images` and `annotations`"),
        (CAPTIONS | {"images": [7]}, ", images[0]:", "7"),
        (CAPTIONS | {"images": [{"id": 7}]}, ", images[0]:", '{"id": 7}'),
        (
            CAPTIONS | {"images": [{"file_name": "한.jpg"}]},
            ", images[0]:",
            '{"file_name": "한.jpg"}',
        ),
        (
            CAPTIONS | {"images": [{"file_name": "a" * 99}]},
            ", images[0]:",
            '{"file_name": "' + "a" * 65 + "…",
        ),
        (
            make_coco({1: "a.jpg"}, [(1, "A cat."), (1, None)]),
            ", annotations[1]:",
            '{"image_id": 1, "id": 1, "caption": null}',
        ),
        (
            CAPTIONS | {"annotations": [KNOWN, {"caption": "A cat."}]},
            ", annotations[1]:",
            '{"caption": "A cat."}',
        ),
        (CAPTIONS | {"annotations": [KNOWN, "A cat."]}, ", annotations[1]:", '"A cat."'),
        (
            CAPTIONS | {"images": [{"id": [1], "file_name": "a.jpg"}]},
            ", images[0]:",
            '{"id": [1], "file_name": "a.jpg"}',
        ),
        (
            CAPTIONS | {"annotations": [KNOWN, {"image_id": {"id": 1}, "caption": "A cat."}]},
            ", annotations[1]:",
            '{"image_id": {"id": 1}, "caption": "A cat."}',
        ),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path, content, place, shown):
    file = tmp_path / "annotations/captions_train2017.json"
    write_files(tmp_path, "train2017/a.jpg", files={"annotations/captions_train2017.json": content})
    error = get_error(tmp_path)
    assert error.startswith(f"{file}{place}")
    assert error.endswith(shown)
