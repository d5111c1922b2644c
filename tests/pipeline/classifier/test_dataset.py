"""Which folder of classes is meant, and the pictures in splits that come of it."""

from pathlib import Path

import keras
import numpy as np
import pytest

from data.photos.hashes import PhotoHashes
from data.photos.images import save_picture
from pipeline.classifier import dataset as class_stages
from presets import resolve
from tests.helpers.classes import CLASSES, make_picture, write_class_folders
from utils.errors import UsageError, UserError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(path, **given):
    settings = resolve({"preset": "classifier", **given}, scenes=False)
    return class_stages.load(
        class_stages.read_dataset(Path(path)), settings, PhotoHashes(Path("cache/photos.json"))
    )


def test_the_dataset_that_is_meant(place, capsys):
    assert class_stages.dataset_path("cifar10") == Path("datasets/cifar10")
    assert class_stages.dataset_path("~/pets") == Path("~/pets").expanduser()
    with pytest.raises(
        UsageError, match=r"^--dataset scenes: drawings with captions, and no classes; give "
    ):
        class_stages.dataset_path("scenes")
    assert class_stages.dataset_path(None) == Path("datasets/cifar10")
    assert (
        capsys.readouterr().out
        == "no folder of classes in datasets/: using CIFAR-10 (your own: --dataset FOLDER)\n"
    )
    for ours in ("cifar10", "cache", ".part"):
        write_class_folders(place / "datasets" / ours, unsplit=1)
    write_class_folders(place / "datasets/captioned", unsplit=1)
    (place / "datasets/captioned/captions.csv").write_text("photo,caption\nred/00.png,A red one.\n")
    (place / "datasets/README.md").write_text("")
    assert class_stages.dataset_path(None) == Path("datasets/cifar10")
    write_class_folders(place / "datasets/colours", unsplit=1)
    capsys.readouterr()
    assert class_stages.dataset_path(None) == Path("datasets/colours")
    assert capsys.readouterr().out == "using datasets/colours\n"
    write_class_folders(place / "datasets/more", unsplit=1)
    with pytest.raises(
        UserError, match=r"^several folders of classes in datasets/: colours, more; choose one"
    ):
        class_stages.dataset_path(None)


def test_cifar10_is_fetched_once_and_kept_as_a_folder(monkeypatch, capsys):
    random = np.random.default_rng(0)
    parts = [
        (random.integers(0, 256, (20, 32, 32, 3), np.uint8), np.arange(20)[:, None] % 10)
        for _ in range(2)
    ]
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: parts)
    assert len(class_stages.read_dataset(Path("datasets/cifar10")).examples) == 40
    assert "writing its 40 pictures into datasets/cifar10/" in capsys.readouterr().out
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", None)
    assert len(class_stages.read_dataset(Path("datasets/cifar10")).examples) == 40


def test_a_download_that_fails_names_the_ways_on(monkeypatch, place):
    def fails():
        raise Exception("URL fetch failure on https://example.org: None -- no network\nand more")

    monkeypatch.setattr(keras.datasets.cifar10, "load_data", fails)
    monkeypatch.setenv("KERAS_HOME", "/home/k")
    with pytest.raises(UserError) as caught:
        class_stages.read_dataset(Path("datasets/cifar10"))
    assert str(caught.value) == (
        "CIFAR-10 could not be downloaded (URL fetch failure on https://example.org: None -- no network); put "
        "cifar-10-python.tar.gz, had elsewhere, where Keras looks for it, as "
        "/home/k/datasets/cifar-10-batches-py-target_archive, or give pictures of your own: --dataset with a folder of "
        "split/class/*.jpg (train, val, test), or of class/*.jpg"
    )
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


def test_pictures_and_classes_stand_together(place):
    write_class_folders(place / "colours", train=4, val=2, test=1)
    found = loaded("colours", image_size=24)
    assert found.classes == list(CLASSES)
    assert {split: pictures.shape for split, pictures in found.pictures.items()} == {
        "train": (12, 24, 24, 3),
        "val": (6, 24, 24, 3),
        "test": (3, 24, 24, 3),
    }
    for split in ("train", "val", "test"):
        photos = found.prepared.splits[split]
        assert [found.classes[label] for label in found.labels(split)] == [
            photo.path.parent.name for photo in photos
        ]
        for photo, pixels in zip(photos, found.pictures[split], strict=True):
            place_, kind = ("train", "val", "test").index(split), CLASSES.index(photo.captions[0])
            np.testing.assert_array_equal(
                pixels, make_picture(photo.captions[0], (0, place_, kind, int(photo.path.stem)))
            )


def test_val_is_carved_out_of_train_and_all_splits_out_of_classes_alone(place):
    write_class_folders(place / "listed", train=20, test=5)
    found = loaded("listed")
    sizes = {split: len(photos) for split, photos in found.prepared.splits.items()}
    assert sizes["train"] + sizes["val"] == 60 and sizes["test"] == 15 and 2 <= sizes["val"] <= 12
    write_class_folders(place / "unlisted", unsplit=30)
    found = loaded("unlisted", test_size=0.2)
    sizes = {split: len(photos) for split, photos in found.prepared.splits.items()}
    assert sum(sizes.values()) == 90 and all(9 <= sizes[split] <= 27 for split in ("val", "test"))
    assert found.prepared.how == "by photo, seed 0"


def test_equal_pictures_never_stand_on_two_sides(place):
    write_class_folders(place / "colours", train=3, test=3)
    save_picture(make_picture("red", 99), place / "colours/train/red/twin.png")
    save_picture(make_picture("red", 99), place / "colours/test/red/other.png")
    found = loaded("colours")
    assert (
        "train/red/twin.png" not in found.prepared.names()["train"] + found.prepared.names()["val"]
    )
    assert "train/red/twin.png: the same picture is in val or test" in map(
        str, found.prepared.left_out
    )


def test_the_unreadable_leave_before_the_splits_are_made_and_are_named(place):
    write_class_folders(place / "colours", unsplit=12)
    whole = loaded("colours").prepared.names()
    broken = place / "colours" / whole["val"][0]
    broken.write_bytes(broken.read_bytes()[:60])
    first, again = loaded("colours"), loaded("colours")
    assert first.prepared.names() == again.prepared.names()
    assert whole["val"][0] not in str(first.prepared.names())
    assert [str(each) for each in first.prepared.left_out] == [f"{whole['val'][0]}: cut short"]
    with pytest.raises(UserError, match=r"^--strict: the dataset has 1 fault: .*: cut short$"):
        loaded("colours", strict=True)


def test_what_is_not_trained_on_is_not_scored(place):
    write_class_folders(place / "colours", train=4, test=2)
    (place / "colours/train/red").rename(place / "colours/train/rouge")
    found = loaded("colours")
    assert found.classes == ["blue", "green", "rouge"]
    assert [str(each) for each in found.prepared.left_out] == [
        f"test/red/0{number}.png: no picture that is trained on is of its class"
        for number in range(2)
    ]
    assert len(found.labels("test")) == 4


def test_one_class_is_nothing_to_tell_apart(place):
    write_class_folders(place / "colours", train=4, val=2)
    with pytest.raises(
        UserError,
        match=r"^all pictures to train on are of one class, '.*'; use more \(a higher --limit\)",
    ):
        loaded("colours", limit=1)
    for name in CLASSES:
        (place / "colours/val" / name).rename(place / "colours/val" / name.upper())
    with pytest.raises(
        UserError,
        match=r"^no picture of val is of a class that is trained on; .* of those of train$",
    ):
        loaded("colours")


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
def test_pictures_are_squeezed_to_what_suits_them(place, side, trunk, wanted):
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
    assert loaded("greys", trunk=trunk).image_size == wanted


def test_what_would_not_fit_memory_lies_on_disk_while_the_program_runs(place, monkeypatch, capsys):
    write_class_folders(place / "colours", train=3, val=2)
    plain = loaded("colours")
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(
        class_stages,
        "can_hold_in_memory",
        lambda number, image_size: (number, image_size) != (15, 32),
    )
    found = loaded("colours", cache="kept")
    assert (
        "too much for this machine's memory: they are kept in a file in kept/ while this runs"
        in capsys.readouterr().out
    )
    for split in ("train", "val", "test"):
        np.testing.assert_array_equal(found.pictures[split], plain.pictures[split])
    assert [file.name for file in Path("kept").iterdir()] == []


def test_what_is_there_is_told_in_three_lines(place):
    write_class_folders(place / "colours", train=4, val=2)
    (place / "colours/train/red/03.png").unlink()
    dataset = class_stages.read_dataset(Path("colours"))
    assert class_stages.told(dataset, loaded("colours")).splitlines() == [
        "folders of classes (colours): 17 pictures, 3 classes, 5 (red) to 6 (blue) of each",
        "splits: train 11, val 6, test 0 (as the dataset says; no test pictures of these classes: val is scored in its "
        "place)",
        "pixels: 32 x 32, brought to -1..1",
    ]
