"""Find and read folders of classes, split their pictures and load the pixels."""

from pathlib import Path

import keras
import numpy as np
import pytest

from data.photos.images import save_picture
from pipeline.classifier import dataset as class_dataset
from pipeline.classifier.dataset import (
    describe_classes,
    prepare_classes,
    read_class_source,
)
from tests.helpers.classes import CLASSES, make_picture, write_class_folders
from tests.helpers.settings import choose_settings
from utils.errors import UserError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(path, **options):
    """Prepare the classes as train.py does."""
    settings = choose_settings(
        {"preset": "classifier", "dataset": path, "cache": "cache"} | options
    )
    return prepare_classes(settings)


def test_cifar10_is_downloaded_once(monkeypatch, capsys):
    random = np.random.default_rng(0)
    parts = [
        (random.integers(0, 256, (20, 32, 32, 3), np.uint8), np.arange(20)[:, None] % 10)
        for _ in range(2)
    ]
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: parts)
    assert len(read_class_source(Path("datasets/cifar10")).examples) == 40
    assert "writing its 40 pictures into datasets/cifar10/" in capsys.readouterr().out
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", None)
    assert len(read_class_source(Path("datasets/cifar10")).examples) == 40


def test_a_failed_download_names_the_ways_on(monkeypatch, place):
    def fails():
        raise Exception("URL fetch failure on https://example.org: None -- no network\nand more")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fails)
    monkeypatch.setenv("KERAS_HOME", "/home/k")
    with pytest.raises(UserError) as caught:
        read_class_source(Path("datasets/cifar10"))
    message = str(caught.value)
    assert "(URL fetch failure on https://example.org: None -- no network)" in message
    assert "/home/k/datasets/cifar-10-batches-py-target_archive" in message
    assert "and more" not in message
    assert "--dataset" in message
    assert not (place / "datasets/cifar10").exists()


def test_keras_looks_for_the_archive_where_the_error_says(monkeypatch, place):
    """Its name there is Keras' own, and another version may have another."""
    (place / "datasets").mkdir()
    (place / "datasets/cifar-10-batches-py-target_archive").write_bytes(b"no archive")
    asked = []
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(place))
    monkeypatch.setattr(
        "keras.src.utils.file_utils.validate_file",
        lambda path, *_, **__: asked.append(path) or False,
    )
    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        keras.datasets.cifar10.load_data()
    assert asked == [str(place / "datasets/cifar-10-batches-py-target_archive")]


def test_pictures_have_their_classes(place):
    write_class_folders(place / "colours", train=4, val=2, test=1)
    found = load("colours", image_size=24)
    assert found.classes == list(CLASSES)
    assert {split: pictures.shape for split, pictures in found.pixels.items()} == {
        "train": (12, 24, 24, 3),
        "val": (6, 24, 24, 3),
        "test": (3, 24, 24, 3),
    }
    for split in ("train", "val", "test"):
        photos = found.dataset.splits[split]
        assert [found.classes[label] for label in found.labels(split)] == [
            photo.path.parent.name for photo in photos
        ]
        for photo, pixels in zip(photos, found.pixels[split], strict=True):
            place_, kind = ("train", "val", "test").index(split), CLASSES.index(photo.captions[0])
            np.testing.assert_array_equal(
                pixels, make_picture(photo.captions[0], (0, place_, kind, int(photo.path.stem)))
            )


def test_splits_are_made_where_none_are_given(place):
    write_class_folders(place / "listed", train=20, test=5)
    found = load("listed")
    sizes = {split: len(photos) for split, photos in found.dataset.splits.items()}
    assert sizes["train"] + sizes["val"] == 60 and sizes["test"] == 15 and 2 <= sizes["val"] <= 12
    write_class_folders(place / "unlisted", unsplit=30)
    found = load("unlisted", test_size=0.2)
    sizes = {split: len(photos) for split, photos in found.dataset.splits.items()}
    assert sum(sizes.values()) == 90 and all(9 <= sizes[split] <= 27 for split in ("val", "test"))
    assert found.dataset.how_split == "by photo, seed 0"


def test_equal_pictures_are_in_one_split(place):
    write_class_folders(place / "colours", train=3, test=3)
    save_picture(make_picture("red", 99), place / "colours/train/red/twin.png")
    save_picture(make_picture("red", 99), place / "colours/test/red/other.png")
    found = load("colours")
    assert "train/red/twin.png" not in found.dataset.names()["train"] + found.dataset.names()["val"]
    assert "train/red/twin.png: the same picture is in val or test" in map(
        str, found.dataset.left_out
    )


def test_unreadable_pictures_leave_before_the_split(place):
    write_class_folders(place / "colours", unsplit=12)
    whole = load("colours").dataset.names()
    broken = place / "colours" / whole["val"][0]
    broken.write_bytes(broken.read_bytes()[:60])
    first, again = load("colours"), load("colours")
    assert first.dataset.names() == again.dataset.names()
    assert whole["val"][0] not in str(first.dataset.names())
    assert [str(each) for each in first.dataset.left_out] == [f"{whole['val'][0]}: cut short"]
    with pytest.raises(UserError, match=r"^--strict: 1 faults? in the dataset: .*: cut short$"):
        load("colours", strict=True)


def test_classes_without_training_pictures_are_skipped(place):
    write_class_folders(place / "colours", train=4, test=2)
    (place / "colours/train/red").rename(place / "colours/train/rouge")
    found = load("colours")
    assert found.classes == ["blue", "green", "rouge"]
    assert [str(each) for each in found.dataset.left_out] == [
        f"test/red/0{number}.png: no training picture is of its class" for number in range(2)
    ]
    assert len(found.labels("test")) == 4


def test_one_class_is_rejected(place):
    write_class_folders(place / "colours", train=4, val=2)
    with pytest.raises(
        UserError,
        match=r"^all training pictures are of one class, .*; use more \(a higher --limit\)",
    ):
        load("colours", limit=1)
    for name in CLASSES:
        (place / "colours/val" / name).rename(place / "colours/val" / name.upper())
    with pytest.raises(
        UserError,
        match=r"^no picture of val has a class of train; .* --limit",
    ):
        load("colours")


@pytest.mark.parametrize(
    ("side", "trunk", "wanted"),
    [
        (24, "modern", 32),
        (33, "modern", 64),
        (65, "modern", 128),
        (300, "modern", 128),
        (300, "tutorial", 32),
    ],
)
def test_the_image_size_suits_the_pictures(place, side, trunk, wanted):
    for name, grey in (("dark", 20), ("light", 200)):
        for number in range(3):
            save_picture(
                np.full((side, side // 2, 3), grey + number, np.uint8),
                place / f"greys/train/{name}/{number}.png",
            )
            save_picture(
                np.full((side, side // 2, 3), grey + number + 9, np.uint8),
                place / f"greys/val/{name}/{number}.png",
            )
    assert load("greys", trunk=trunk).image_size == wanted


def test_too_many_pictures_for_memory_are_kept_on_disk(place, monkeypatch, capsys):
    write_class_folders(place / "colours", train=3, val=2)
    plain = load("colours")
    capsys.readouterr()
    monkeypatch.setattr(
        class_dataset,
        "can_hold_in_memory",
        lambda number, image_size: (number, image_size) != (15, 32),
    )
    found = load("colours", cache="kept")
    assert (
        "too much for this machine's memory; they are kept in a file in kept/ while this runs"
        in capsys.readouterr().out
    )
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(found.pixels[split], plain.pixels[split])
    assert [file.name for file in Path("kept").iterdir()] == ["photos.json"]


def test_the_dataset_is_described_in_three_lines(place):
    write_class_folders(place / "colours", train=4, val=2)
    (place / "colours/train/red/03.png").unlink()
    assert describe_classes(load("colours")).splitlines() == [
        "folders of classes (colours): 17 pictures, 3 classes, 5 (red) to 6 (blue) of each",
        "splits: train 11, val 6, test 0 (as the dataset says; no test split: val is scored in its "
        "place)",
        "pixels: 32 x 32, scaled to -1..1",
    ]
