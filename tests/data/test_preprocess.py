"""Photos in splits: by the dataset, or by the hash of their bytes."""

import hashlib
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from data.photos.hashes import PhotoHashes
from data.photos.photo import Photo
from data.preprocess import FEW_PHOTOS, find_look_alikes, open_photos, split_photos
from data.sources.base import Example, LeftOut, Source
from utils.errors import UserError

SIZE = 8
FINGERPRINT = {"name": "toy", "weights": "abc"}


def photo(number, *captions, split=None, content=None, folder=Path("photos")):
    """A photo of which only what preparation asks for is real."""
    name = f"{number}.png"
    return Photo(
        folder / name,
        name,
        captions or ("a dog",),
        f"{number if content is None else content:064x}",
        split,
    )


SOURCE = Source("test", Path("photos"), Path("photos"), [])


def split(photos, **options):
    return split_photos(SOURCE, photos, **({"test_size": 0.1, "seed": 0} | options))


def numbers(dataset):
    return {
        name: {int(each.name[:-4]) for each in photos} for name, photos in dataset.splits.items()
    }


def test_the_splits_have_the_sizes_asked_for():
    sides = numbers(split([photo(number) for number in range(4000)], test_size=0.1))
    assert {name: len(side) for name, side in sides.items()} == {
        "train": pytest.approx(3200, rel=0.03),
        "val": pytest.approx(400, rel=0.12),
        "test": pytest.approx(400, rel=0.12),
    }
    assert set.union(*sides.values()) == set(range(4000))


def test_a_photo_keeps_its_split_when_others_are_added():
    before = numbers(split([photo(number) for number in range(200)]))
    for many in (201, 500):
        more = [photo(number) for number in range(many)]
        random.Random(many).shuffle(more)
        after = numbers(split(more))
        for name, side in before.items():
            assert side == {number for number in after[name] if number < 200}
    renamed = numbers(split([photo(number + 1000, content=number) for number in range(200)]))
    assert renamed == {name: {number + 1000 for number in side} for name, side in before.items()}


def test_the_split_follows_the_seed():
    photos = [photo(number) for number in range(200)]
    assert numbers(split(photos)) == numbers(split(photos))
    assert numbers(split(photos, seed=1))["test"] != numbers(split(photos))["test"]


def test_equal_bytes_are_in_one_split():
    photos = [photo(number, content=number % 50) for number in range(100)]
    sides = numbers(split(photos, test_size=0.2))
    contents = {name: {number % 50 for number in side} for name, side in sides.items()}
    assert (
        not contents["train"] & (contents["val"] | contents["test"])
        and not contents["val"] & contents["test"]
    )
    assert set.union(*sides.values()) == set(
        range(100)
    )  # by their bytes they all fall on one side: none is lost


def test_a_training_photo_equal_to_a_test_photo_is_skipped():
    given = [
        photo(1, split="train"),
        photo(2, split="train", content=3),
        photo(3, split="test"),
        photo(4, split="val"),
    ]
    dataset = split(given)
    assert numbers(dataset) == {"train": {1}, "val": {4}, "test": {3}}
    assert dataset.left_out == [LeftOut("2.png", "the same picture is in val or test")]


def test_a_val_photo_equal_to_a_test_photo_is_skipped():
    """Of three with the same bytes only the one that is scored last of all stays."""
    given = [
        photo(1, split="train"),
        photo(2, split="train", content=4),
        photo(3, split="val", content=4),
        photo(4, split="test"),
        photo(5, split="val"),
        photo(6, split="val", content=5),
    ]
    dataset = split(given)
    assert numbers(dataset) == {
        "train": {1},
        "val": {5, 6},
        "test": {4},
    }  # on one side twins may stay
    assert dataset.left_out == [
        LeftOut("3.png", "the same picture is in test"),
        LeftOut("2.png", "the same picture is in val or test"),
    ]


def test_val_is_taken_from_train_if_its_photos_are_skipped():
    given = [photo(number, split="train") for number in range(50)]
    dataset = split([*given, photo(100, split="val"), photo(101, split="test", content=100)])
    assert dataset.left_out == [LeftOut("100.png", "the same picture is in test")]
    sides = numbers(dataset)
    assert (
        sides["test"] == {101} and sides["val"] and sides["val"] | sides["train"] == set(range(50))
    )
    for twin in (1, 2, 4):  # of three none is lent that is left out then
        sides = numbers(
            split(
                [photo(each, split="train") for each in (1, 2, 4)]
                + [photo(3, split="test", content=twin)]
            )
        )
        assert {name: len(side) for name, side in sides.items()} == {
            "train": 1,
            "val": 1,
            "test": 1,
        }
        assert twin not in sides["val"] | sides["train"]


def test_equal_bytes_are_in_one_split_whatever_the_dataset_says():
    draw = random.Random(0)
    for _ in range(50):
        given = [
            photo(
                number,
                split=draw.choice(["train", "train", "val", "test", None]),
                content=draw.randrange(200),
            )
            for number in range(300)
        ]
        dataset = split(given)
        hashes = {name: {each.hash for each in side} for name, side in dataset.splits.items()}
        assert (
            not hashes["train"] & (hashes["val"] | hashes["test"])
            and not hashes["val"] & hashes["test"]
        )
        assert hashes["test"] == {each.hash for each in given if each.split == "test"}
        assert set.union(*hashes.values()) == {each.hash for each in given}  # no picture is lost
        assert len(dataset.left_out) + sum(map(len, dataset.splits.values())) == len(given)


def test_official_splits_are_honoured():
    given = [
        photo(number, split=("train", "val", "test", None)[number % 4]) for number in range(40)
    ]
    sides = numbers(split(given))
    assert sides["val"] == set(range(1, 40, 4))
    assert sides["test"] == set(range(2, 40, 4))
    assert sides["train"] == set(range(0, 40, 4)) | set(
        range(3, 40, 4)
    )  # what no list names may be learned from


def test_without_official_val_a_part_of_train_is_taken():
    given = [photo(number, split="train" if number < 300 else "test") for number in range(320)]
    sides = numbers(split(given, test_size=0.2))
    assert sides["test"] == set(range(300, 320))
    assert 40 < len(sides["val"]) < 80  # by hash: 60 of 300 are expected
    assert sides["train"] | sides["val"] == set(range(300))
    assert not sides["train"] & sides["val"]


def test_without_official_test_there_is_none():
    assert numbers(split([photo(1, split="train"), photo(2, split="val")])) == {
        "train": {1},
        "val": {2},
        "test": set(),
    }


@pytest.mark.parametrize(
    ("photos", "test_size", "sizes"),
    [
        (2, 0.1, (1, 1, 0)),  # one is moved to val
        (3, 0.1, (1, 1, 1)),
        (4, 0.45, (2, 1, 1)),
        (50, 0.1, (40, 5, 5)),
        (53, 0.1, (43, 5, 5)),
        (FEW_PHOTOS - 1, 0.3, (79, 60, 60)),
        (FEW_PHOTOS - 1, 0.001, (197, 1, 1)),
    ],
)
def test_few_photos_are_split_in_exact_shares(photos, test_size, sizes):
    for seed in range(5):
        sides = split([photo(number) for number in range(photos)], seed=seed, test_size=test_size)
        assert tuple(map(len, sides.splits.values())) == sizes


def test_of_few_photos_those_with_the_lowest_hashes_are_scored():
    handful = [photo(number) for number in range(50)]
    order = sorted(range(50), key=lambda each: hashlib.sha256(f"0:{each:064x}".encode()).digest())
    sides = numbers(split(handful))
    assert (sides["test"], sides["val"]) == (set(order[:5]), set(order[5:10]))
    assert numbers(split(handful[::-1])) == sides


def test_few_equal_pictures_stay_together():
    twins = split([photo(1), photo(2, content=1), photo(3), photo(4)])
    assert any({1, 2} <= side for side in numbers(twins).values())
    assert twins.left_out == []


def photos_of(number, *splits):
    """Photos that take these splits in turn."""
    return [photo(each, split=splits[each % len(splits)]) for each in range(number)]


@pytest.mark.parametrize(
    ("photos", "how"),
    [
        (photos_of(200, None), "by photo, seed 3"),
        (photos_of(9, "train", "val", "test"), "as the dataset says"),
        (photos_of(9, "train", "val"), "as the dataset says"),
        (photos_of(9, "train", "test"), "as the dataset says; val taken from train, seed 3"),
        (
            photos_of(9, "train", "val", None),
            "as the dataset says; 3 without a split are in train",
        ),
        (
            [photo(1), photo(2)],
            "by photo, seed 3; val was empty, so one training photo serves as val",
        ),
    ],
)
def test_how_the_splits_were_made_is_described(photos, how):
    assert split(photos, seed=3, test_size=0.05).how_split == how


@pytest.mark.parametrize("seed", range(20))
def test_of_few_listed_training_photos_one_becomes_val(seed):
    sides = numbers(
        split([photo(number, split="train") for number in range(4)], seed=seed, test_size=0.01)
    )
    assert {name: len(side) for name, side in sides.items()} == {"train": 3, "val": 1, "test": 0}


def test_a_training_photo_used_as_val_stays_in_val():
    before, after = (
        numbers(split([photo(number, split="train") for number in range(many)]))
        for many in (200, 500)
    )
    assert before["val"] == {number for number in after["val"] if number < 200}


@pytest.mark.parametrize(
    "photos", [[photo(1)], [photo(1), photo(2, content=1)], [photo(1, split="train")]]
)
def test_too_few_photos_are_an_error(photos):
    number = f"{len(photos)} usable photos? (is|are) too few; add photos"
    with pytest.raises(UserError, match=f"no photo for the (train|val) split: {number}"):
        split(photos)


@pytest.mark.parametrize(
    ("photos", "sides"),
    [
        (
            [photo(1, split="test"), photo(2, split="test"), photo(3, split="val")],
            "1 for val, 2 for test",
        ),
        ([photo(1, split="train", content=7), photo(2, split="val", content=7)], "1 for val"),
    ],
)
def test_splits_without_training_photos_are_an_error(photos, sides):
    message = f"no photo for the train split: the dataset's own splits have {sides}"
    with pytest.raises(UserError, match=message):
        split(photos)


def test_val_taken_from_train_stays_when_photos_are_added():
    given = [photo(number, split="train") for number in range(200)]
    before = numbers(split(given))
    for added in range(200, 260):
        after = numbers(split([*given, photo(added)]))
        assert before["val"] == after["val"] - {added} and before["train"] == after["train"] - {
            added
        }


def test_only_the_splits_that_are_needed_must_have_photos():
    given = [photo(1, split="test"), photo(2, split="test")]
    assert numbers(split(given, needed=("test",))) == {"train": set(), "val": set(), "test": {1, 2}}
    with pytest.raises(
        UserError, match=r"no photo for the val split: .* have 2 for test; list photos for val"
    ):
        split(given, needed=("val",))


def test_limit_always_takes_the_same_training_photos():
    photos = [photo(number) for number in range(200)]
    whole, ten, twenty = (numbers(split(photos, limit=limit)) for limit in (None, 10, 20))
    assert len(ten["train"]) == 10
    assert ten["train"] < twenty["train"] < whole["train"]
    assert ten["val"] == whole["val"] and ten["test"] == whole["test"]
    assert numbers(split([photo(1), photo(2), photo(3)], limit=99))["train"]


def blobs(seed):
    """A picture of smooth coloured blobs."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC)


def test_photos_in_different_splits_that_look_alike_are_paired(tmp_path):
    for name, seed in {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5}.items():
        blobs(seed).save(tmp_path / f"{name}.png")
    blobs(1).resize((120, 90)).save(tmp_path / "1small.png")
    ImageEnhance.Brightness(blobs(1)).enhance(0.7).save(tmp_path / "1dark.png")
    blobs(2).save(tmp_path / "2bad.jpg", quality=20)
    blobs(3).convert("L").save(tmp_path / "3grey.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "4.png").read_bytes()[:2000])
    splits = {
        "train": ["1dark.png", "2.png", "3.png", "3grey.png", "broken.png"],
        "val": ["1small.png", "2bad.jpg", "5.png"],
        "test": ["4.png", "1.png"],
    }
    examples = [
        Example(tmp_path / name, ("a dog",), side)
        for side, names in splits.items()
        for name in names
    ]
    source = Source("test", tmp_path, tmp_path, examples)
    photos, left_out = open_photos(source, PhotoHashes(tmp_path / "photos.json"))
    assert left_out == [LeftOut("broken.png", "cut short")]
    dataset = split(photos)
    pairs = find_look_alikes(dataset)
    assert [(one.name, other.name) for one, other in pairs] == [  # 3 and 3grey are in one split
        ("1.png", "1small.png"),
        ("1.png", "1dark.png"),
        ("1small.png", "1dark.png"),
        ("2bad.jpg", "2.png"),
    ]
    splits["train"].remove("broken.png")
    assert dataset.names() == splits  # nothing is moved


def test_photos_that_cannot_be_read_are_skipped_and_named(tmp_path):
    for number in range(3):
        Image.new("RGB", (8, 8), (10 * number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "text.png").write_bytes(b"not a picture")
    (tmp_path / "empty.png").write_bytes(b"")
    names = ["0.png", "1.png", "2.png", "text.png", "empty.png", "gone.png"]
    examples = [Example(tmp_path / name, ("a dog",)) for name in names]
    known = [LeftOut("line 7", "no caption")]
    source = Source("test", tmp_path, tmp_path, examples, known)
    photos, left_out = open_photos(source, PhotoHashes(tmp_path / "photos.json"))
    assert [photo.name for photo in photos] == names[:3]
    assert left_out == [
        *known,
        LeftOut("text.png", "not a picture"),
        LeftOut("empty.png", "empty file"),
        LeftOut("gone.png", "No such file or directory"),
    ]
    assert (tmp_path / "photos.json").is_file()


def test_the_digest_follows_photos_captions_and_splits():
    photos = [photo(number) for number in range(20)]
    digest = split(photos).digest()
    assert split(photos).digest() == digest
    assert split([*photos[:-1], photo(19, "a cat")]).digest() != digest
    assert split(photos, seed=1).digest() != digest
