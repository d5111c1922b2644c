"""Pictures in folders of classes are recognised, read, or left out."""

import shutil

import pytest

from data.sources import read as read_captions
from data.sources.class_folders import read, recognise
from utils.errors import UserError


def make_files(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"a picture, as far as names go")
    return folder


def get_classes(dataset):
    return {
        str(each.photo.relative_to(dataset.folder)): (*each.captions, each.split)
        for each in dataset.examples
    }


def get_left_out(dataset):
    return [str(each) for each in dataset.left_out]


def test_folders_of_splits_with_folders_of_classes(tmp_path):
    make_files(
        tmp_path,
        "train/cat/1.jpg",
        "train/dog/2.PNG",
        "validation/cat/deep/3.webp",
        "test2017/dog/4.jpg",
        "train/cat/.hidden.jpg",
        "train/.git/x.jpg",
        "train/cat/notes.txt",
    )
    dataset = read(tmp_path)
    assert get_classes(dataset) == {
        "train/cat/1.jpg": ("cat", "train"),
        "train/dog/2.PNG": ("dog", "train"),
        "validation/cat/deep/3.webp": ("cat", "val"),
        "test2017/dog/4.jpg": ("dog", "test"),
    }
    assert get_left_out(dataset) == []


def test_folders_of_classes_alone_have_no_splits(tmp_path):
    make_files(tmp_path, "cat/1.jpg", "dog/2.jpg")
    assert get_classes(read(tmp_path)) == {"cat/1.jpg": ("cat", None), "dog/2.jpg": ("dog", None)}


def test_a_class_may_be_called_train(tmp_path):
    make_files(tmp_path, "train/1.jpg", "bus/2.jpg", "car/3.jpg")
    assert {each.captions[0] for each in read(tmp_path).examples} == {"train", "bus", "car"}


def test_a_decomposed_name_is_the_same_class(tmp_path):
    make_files(tmp_path, "train/caf\u00e9/1.jpg", "test/cafe\u0301/2.jpg", "train/bar/3.jpg")
    assert {each.captions[0] for each in read(tmp_path).examples} == {"caf\u00e9", "bar"}


def test_pictures_in_no_class_are_reported(tmp_path):
    make_files(
        tmp_path,
        "train/cat/1.jpg",
        "train/dog/2.jpg",
        "train/stray.jpg",
        "loose.jpg",
        "unlabeled/3.jpg",
        "LICENSE",
    )
    (tmp_path / "test/owl").mkdir(parents=True)
    (tmp_path / "train/fox").mkdir()
    assert get_left_out(read(tmp_path)) == [
        "train/fox: a folder without pictures",
        "train/stray.jpg: a picture in no class's folder",
        "unlabeled: a folder beside those of the splits",
        "loose.jpg: a picture in no class's folder",
    ]
    shutil.rmtree(tmp_path / "train")
    make_files(tmp_path, "cat/1.jpg")
    assert get_left_out(read(tmp_path)) == [
        "test: a folder without pictures",
        "loose.jpg: a picture in no class's folder",
    ]


@pytest.mark.parametrize(
    "names",
    [
        ["train2017/1.jpg", "val2017/2.jpg", "annotations/captions.json"],  # COCO
        ["Images/1.jpg", "captions.txt"],
        ["1.jpg", "2.jpg"],
        ["train/cat/1.jpg", "test/cat/2.jpg"],
        ["a/b.txt", "b/x.csv"],
    ],
)
def test_a_folder_without_two_classes_is_refused(tmp_path, names):
    make_files(tmp_path, *names)
    assert not recognise(tmp_path)
    with pytest.raises(
        UserError,
        match=rf"^{tmp_path} has no two folders of pictures .*; give a folder of split/class",
    ):
        read(tmp_path)


def test_errors_say_what_to_do(tmp_path):
    make_files(tmp_path, "pets/cat/1.jpg", "pets/dog/2.jpg")
    with pytest.raises(UserError, match=rf"; did you mean {tmp_path}/pets\?$"):
        read(tmp_path)
    with pytest.raises(
        UserError,
        match=rf"^no folder {tmp_path}/pats; give a folder of split/class/.*, or cifar10$",
    ):
        read(tmp_path / "pats")
    with pytest.raises(UserError, match=r"1\.jpg has no two folders"):
        read(tmp_path / "pets/cat/1.jpg")
    with pytest.raises(
        UserError,
        match=rf"^{tmp_path}/pets holds pictures in folders of classes, .* --preset classifier",
    ):
        read_captions(tmp_path / "pets")


def test_a_folder_of_datasets_is_refused(tmp_path):
    make_files(
        tmp_path,
        *(
            f"{name}/{split}/{kind}/1.jpg"
            for name in ("pets", "cars")
            for split in ("train", "test")
            for kind in ("a", "b")
        ),
    )
    with pytest.raises(
        UserError,
        match=r"cars is a folder of splits and no class; give one dataset: --dataset .*cars",
    ):
        read(tmp_path)
    assert len(read(tmp_path / "pets").examples) == 4
