"""COCO, Karpathy's JSON and AI-Hub's Korean COCO, whole and damaged."""

import json

import pytest

from data.sources import find_format, read
from data.sources.base import Example, LeftOut
from data.sources.text_files import read_json
from tests.helpers.datasets import captions, coco, folder_with, karpathy, refusal, sample, splits
from utils.errors import UserError

CAPTIONS = {"images": [], "annotations": []}


@pytest.mark.parametrize("photos", ["{}", "images/{}"])
@pytest.mark.parametrize("year", ["2014", "2017"])
def test_coco(tmp_path, photos, year):
    """Captions are not grouped by photo, and two people may have said the same."""
    train, val = photos.format(f"train{year}"), photos.format(f"val{year}")
    folder_with(
        tmp_path,
        f"{train}/09.jpg",
        f"{train}/25.jpg",
        f"{train}/alone.jpg",
        f"{val}/42.jpg",
        files={
            f"annotations/captions_train{year}.json": coco(
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
            f"annotations/captions_val{year}.json": coco({42: "42.jpg"}, [(42, "A cow.")]),
            f"annotations/instances_val{year}.json": coco({42: "42.jpg"}, []),
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
    assert splits(read(tmp_path / f"annotations/captions_val{year}.json")) == {"42.jpg": "val"}


def test_coco_of_the_year_whose_photos_are_there(tmp_path):
    files = {
        f"annotations/captions_val{year}.json": coco({1: f"{year}.jpg"}, [(1, f"A dog of {year}.")])
        for year in (2014, 2017)
    }
    dataset = read(folder_with(tmp_path, "val2017/2017.jpg", files=files))
    assert (captions(dataset), dataset.left_out) == ({"2017.jpg": ("A dog of 2017.",)}, [])


@pytest.mark.parametrize(
    ("file", "folder", "split"),
    [
        ("annotations/captions_test.json", "test", "test"),
        ("annotations/captions_all.json", "images", None),
        ("captions_val.json", ".", "val"),
        ("stair_captions_v1.2_train.json", "train2014", "train"),
    ],
)
def test_files_in_cocos_syntax(tmp_path, file, folder, split):
    folder_with(tmp_path, f"{folder}/a.jpg", files={file: coco({1: "a.jpg"}, [(1, "개")])})
    dataset = read(tmp_path)
    assert (find_format(tmp_path), dataset.path) == ("coco", tmp_path / file)
    assert dataset.examples == [Example(tmp_path / folder / "a.jpg", ("개",), split)]


def test_stairs_captions_are_read_once(tmp_path):
    """It has each file a second time, with spaces between the words."""
    once, again = coco({1: "a.jpg"}, [(1, "犬が走る")]), coco({1: "a.jpg"}, [(1, "犬が走る")])
    again["annotations"][0]["tokenized_caption"] = "犬 が 走る"
    dataset = read(
        folder_with(
            tmp_path,
            "val2014/a.jpg",
            files={
                "stair_captions_v1.2_val.json": once,
                "stair_captions_v1.2_val_tokenized.json": again,
            },
        )
    )
    assert (captions(dataset), splits(dataset), dataset.language) == (
        {"a.jpg": ("犬が走る",)},
        {"a.jpg": "val"},
        "ja",
    )


def test_images_that_coco_lists_twice(tmp_path):
    content = coco({1: "a.jpg", 2: "a.jpg"}, [(1, "A cat."), (2, "A pet.")])
    content["images"].append({"id": 1, "file_name": "b.jpg"})
    dataset = read(
        folder_with(
            tmp_path, "train2017/a.jpg", files={"annotations/captions_train2017.json": content}
        )
    )
    assert captions(dataset) == {"a.jpg": ("A cat.", "A pet.")}
    where = "annotations/captions_train2017.json, images"
    assert dataset.left_out == [
        LeftOut("a.jpg", "listed twice", f"{where}[1]"),
        LeftOut("b.jpg", "listed twice", f"{where}[2]"),
    ]


def test_an_annotation_that_coco_has_twice(tmp_path):
    """By its number; annotations without one are all read."""
    content = coco({1: "a.jpg"}, [(1, "A cat."), (1, "A cat."), (1, "A pet.")])
    content["annotations"] += [
        content["annotations"][0],
        *([{"image_id": 1, "caption": "A pet.", "id": [7]}] * 2),
    ]
    dataset = read(
        folder_with(
            tmp_path, "train2017/a.jpg", files={"annotations/captions_train2017.json": content}
        )
    )
    assert captions(dataset) == {"a.jpg": ("A cat.", "A cat.", "A pet.", "A pet.", "A pet.")}
    assert dataset.left_out == [
        LeftOut(
            "a.jpg", "the annotation 0 twice", "annotations/captions_train2017.json, annotations[3]"
        )
    ]


KNOWN = {"image_id": 1, "caption": "A pet."}
NO_LISTS = ": COCO's captions have lists `images` and `annotations`"
IMAGE = ", images[0]: expected an id and a file_name, got "
ANNOTATION = ", annotations[1]: expected an image_id and a caption, got "


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"images": []}, NO_LISTS),
        (CAPTIONS | {"annotations": {}}, NO_LISTS),
        (CAPTIONS | {"images": None}, NO_LISTS),
        (CAPTIONS | {"images": [7]}, IMAGE + "7"),
        (CAPTIONS | {"images": [{"id": 7}]}, IMAGE + '{"id": 7}'),
        (CAPTIONS | {"images": [{"file_name": "한.jpg"}]}, IMAGE + '{"file_name": "한.jpg"}'),
        (
            CAPTIONS | {"images": [{"file_name": "a" * 99}]},
            IMAGE + '{"file_name": "' + "a" * 65 + "…",
        ),
        (
            coco({1: "a.jpg"}, [(1, "A cat."), (1, None)]),
            ANNOTATION + '{"image_id": 1, "id": 1, "caption": null}',
        ),
        (
            CAPTIONS | {"annotations": [KNOWN, {"caption": "A cat."}]},
            ANNOTATION + '{"caption": "A cat."}',
        ),
        (CAPTIONS | {"annotations": [KNOWN, "A cat."]}, ANNOTATION + '"A cat."'),
        (
            CAPTIONS | {"images": [{"id": [1], "file_name": "a.jpg"}]},
            IMAGE + '{"id": [1], "file_name": "a.jpg"}',
        ),
        (
            CAPTIONS | {"annotations": [KNOWN, {"image_id": {"id": 1}, "caption": "A cat."}]},
            ANNOTATION + '{"image_id": {"id": 1}, "caption": "A cat."}',
        ),
    ],
)
def test_coco_damaged_is_refused_with_the_place(tmp_path, content, told):
    file = tmp_path / "annotations/captions_train2017.json"
    folder_with(tmp_path, "train2017/a.jpg", files={"annotations/captions_train2017.json": content})
    assert refusal(tmp_path) == f"{file}{told}"


@pytest.mark.parametrize("name", ["coco", "karpathy", "aihub"])
def test_json_that_is_cut_off_is_refused_with_its_line(tmp_path, name):
    _, file = sample(tmp_path, name, lambda text: text[: text.index("A café") + 3])
    lines = file.read_text().count("\n") + 1
    assert lines > 10
    assert refusal(tmp_path).startswith(
        f"{file}, line {lines}: broken JSON (Unterminated string starting at, column "
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            '{"images": [\n{"id": 1},\n{"id": 2',
            ", line 3: broken JSON (Expecting ',' delimiter, column 9); is the file complete?",
        ),
        ("", ", line 1: broken JSON (Expecting value, column 1); is the file complete?"),
        ("{}\n{}", ", line 2: broken JSON (Extra data, column 1); is the file complete?"),
        ("[" * 100_000, ", line 1: JSON nested too deep for captions"),
    ],
)
def test_broken_json_is_refused_with_its_line(tmp_path, text, told):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(UserError) as caught:
        read_json(tmp_path / "a.json")
    assert str(caught.value) == f"{tmp_path}/a.json{told}"


def test_a_number_too_long_for_python_is_refused(tmp_path):
    (tmp_path / "a.json").write_text(f'{{"id": {"1" * 5000}}}')
    with pytest.raises(
        UserError, match=r"/a\.json, line 1: broken JSON \(Exceeds the limit \(4300 digits\)"
    ):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize(
    "photos", ["Flicker8k_Dataset", "flickr30k_images", "flickr30k-images", "Images", "."]
)
def test_karpathys_flickr(tmp_path, photos):
    """Restval counts as train; sentences without `raw` are their words; photos may have no sentences."""
    content = karpathy(
        ("a.jpg", "train", ["A cat . ", "A cat ."]),
        ("b.jpg", "val", ["A T-shirt ."]),
        ("c.jpg", "test", ["A dog ."]),
        ("d.jpg", "restval", ["A cow ."]),
        ("e.jpg", "test", []),
        ("gone.jpg", "train", ["A bee ."]),
        ("a.jpg", "test", ["A pet ."]),
    )
    content["images"][1]["sentences"][0] = {"tokens": ["a", "t", "shirt"]}
    folder_with(
        tmp_path,
        *(f"{photos}/{name}.jpg" for name in "abcde"),
        files={"dataset_flickr8k.json": content},
    )
    dataset = read(tmp_path)
    assert find_format(tmp_path) == "karpathy"
    assert {example.photo.parent for example in dataset.examples} == {tmp_path / photos}
    assert captions(dataset) == {
        "a.jpg": ("A cat .", "A cat .", "A pet ."),
        "b.jpg": ("a t shirt",),
        "c.jpg": ("A dog .",),
        "d.jpg": ("A cow .",),
    }
    assert splits(dataset) == {"a.jpg": "test", "b.jpg": "val", "c.jpg": "test", "d.jpg": "train"}
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
def test_karpathys_coco(tmp_path, photos):
    folder_with(
        tmp_path,
        f"{photos}val2014/a.jpg",
        f"{photos}train2014/a.jpg",
        files={
            "dataset_coco.json": karpathy(
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
def test_of_karpathys_three_files_the_one_whose_photos_are_there(tmp_path, photo, caption):
    folder_with(
        tmp_path,
        photo,
        files={
            "dataset_coco.json": karpathy(("val2014/a.jpg", "train", ["A dog."])),
            "dataset_flickr30k.json": karpathy(("1.jpg", "train", ["A cow ."])),
            "dataset_flickr8k.json": karpathy(("a.jpg", "train", ["A cat ."])),
        },
    )
    assert read(tmp_path).examples == [Example(tmp_path / photo, (caption,), "train")]


WHOLE = {"filename": "a.jpg", "split": "train", "sentences": [{"raw": "A cat ."}]}
NO_NAME = ", images[1]: expected the photo's name, got "
NO_SENTENCES = ", images[1]: expected a filename, a split and sentences, got "


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (
            {"filename": "a.jpg", "split": "tset", "sentences": []},
            ", images[1]: unknown split 'tset'; use train, val or test",
        ),
        ({"split": "train", "sentences": []}, NO_NAME + '{"split": "train", "sentences": []}'),
        (["a.jpg"], NO_NAME + '["a.jpg"]'),
        (
            {"filename": "b.jpg", "sentences": [{}]},
            NO_SENTENCES + '{"filename": "b.jpg", "sentences": [{}]}',
        ),
        (
            {"filename": "b.jpg", "split": 3, "sentences": []},
            NO_SENTENCES + '{"filename": "b.jpg", "split": 3, "sentences": []}',
        ),
        *(
            (
                {"filename": "b.jpg", "sentences": [{"raw": raw}]},
                NO_SENTENCES
                + f'{{"filename": "b.jpg", "sentences": [{{"raw": {json.dumps(raw)}}}]}}',
            )
            for raw in (7, None, ["A cat ."])
        ),
    ],
)
def test_karpathys_file_damaged_is_refused_with_the_place(tmp_path, image, told):
    file = tmp_path / "dataset_flickr8k.json"
    folder_with(tmp_path, "a.jpg", files={file.name: {"images": [WHOLE, image]}})
    assert refusal(tmp_path) == f"{file}{told}"
    file.write_text(json.dumps({"images": {"sentences": 7}}))
    assert refusal(tmp_path) == f"{file}: Karpathy's files have a list `images`"


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
def test_aihubs_korean_coco(tmp_path, photos):
    folder_with(
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
    assert captions(english) == {"a.jpg": ("A cat.", "A pet."), "b.jpg": ("A dog.",)}


def test_a_photo_that_aihub_lists_twice_keeps_all_its_captions(tmp_path):
    folder_with(
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
    assert captions(dataset) == {"a.jpg": ("고양이 한 마리.", "고양이 한 마리.", "큰 고양이")}
    assert (
        LeftOut(
            "val2014/a.jpg",
            "listed twice; its captions are joined",
            "MSCOCO_train_val_Korean.json, [1]",
        )
        in dataset.left_out
    )


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"file_path": 7}, 'expected the photo\'s name, got {"file_path": 7}'),
        (7, "expected the photo's name, got 7"),
        (
            {"file_path": "val2014/b.jpg"},
            'expected caption_ko, got {"file_path": "val2014/b.jpg"}',
        ),
        (
            {"file_path": "b.jpg", "caption_ko": [7]},
            'expected caption_ko, got {"file_path": "b.jpg", "caption_ko": [7]}',
        ),
    ],
)
def test_aihubs_file_damaged_is_refused_with_the_place(tmp_path, record, told):
    folder_with(
        tmp_path, "val2014/a.jpg", files={"MSCOCO_train_val_Korean.json": [KOREAN[0], record]}
    )
    assert refusal(tmp_path) == f"{tmp_path}/MSCOCO_train_val_Korean.json, [1]: {told}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("annotations/captions_train2017.json", ""),
        ("dataset_coco.json", " \n"),
        ("MSCOCO_train_val_Korean.json", ""),
    ],
)
def test_an_empty_download_is_refused_as_that(tmp_path, name, content):
    folder_with(tmp_path, "a.jpg", files={name: content})
    assert refusal(tmp_path).startswith(f"{tmp_path}/{name}, line ")
    assert "broken JSON (Expecting value" in refusal(tmp_path)
