"""Captions files and photos are found where people keep them."""

import pytest

from data.sources import find_format, read
from data.sources.base import Example, LeftOut
from tests.helpers.datasets import get_captions, get_error, write_files


def write_table(folder, text, *photos, name="captions.csv"):
    return write_files(folder, *(photos or ["a.jpg"]), files={name: text})


@pytest.mark.parametrize(
    ("ending", "line"),
    [
        ("csv", "photo,caption\na.jpg,{}\n"),
        ("tsv", "photo\tcaption\na.jpg\t{}\n"),
        ("jsonl", '{{"photo": "a.jpg", "caption": "{}"}}\n'),
    ],
)
def test_captions_of_the_language_asked_for(tmp_path, ending, line):
    write_files(
        tmp_path,
        "a.jpg",
        files={
            f"captions.{ending}": line.format("A cat."),
            f"captions.ko.{ending}": line.format("고양이"),
        },
    )
    assert get_captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}
    assert get_captions(read(tmp_path, language="ko")) == {"a.jpg": ("고양이",)}
    assert get_captions(read(tmp_path, language="de")) == {"a.jpg": ("A cat.",)}
    assert get_captions(read(tmp_path / f"captions.ko.{ending}", language="en")) == {
        "a.jpg": ("고양이",)
    }


OWN = {"csv": "photo,caption\na.jpg,A cat.\n", "jsonl": '{"photo": "a.jpg", "caption": "A cat."}\n'}


EACH = pytest.mark.parametrize("ending", OWN)


@EACH
@pytest.mark.parametrize("photos", ["images", "Images", "photos", "val_images"])
def test_photos_may_lie_in_a_folder_of_images(tmp_path, ending, photos):
    write_files(
        tmp_path, f"{photos}/a.jpg", f"{photos}/b.jpg", files={f"captions.{ending}": OWN[ending]}
    )
    dataset = read(tmp_path)
    assert dataset.examples == [Example(tmp_path / photos / "a.jpg", ("A cat.",))]
    assert dataset.left_out == [LeftOut(f"{photos}/b.jpg", "a photo without captions")]


@EACH
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("train", "train_images"),
        ("captions_val", "val_images"),
        ("caption_test2017", "test_images"),
        ("captions", "images"),
    ],
)
def test_the_folder_of_the_files_own_split_comes_first(tmp_path, ending, name, place):
    folders = ("images", "test_images", "train_images", "val_images")
    write_files(
        tmp_path,
        *(f"{folder}/a.jpg" for folder in folders),
        files={f"{name}.{ending}": OWN[ending]},
    )
    assert read(tmp_path / f"{name}.{ending}").examples == [
        Example(tmp_path / place / "a.jpg", ("A cat.",))
    ]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("metadata.csv", "file_name,text\n{},{}\n"),
        ("metadata.jsonl", '{{"file_name": "{}", "text": "{}"}}\n'),
    ],
)
def test_a_file_in_each_splits_folder(tmp_path, name, line):
    """Hugging Face's `datasets` has its folders of images like this."""
    write_files(
        tmp_path,
        "train/1.png",
        "validation/images/1.png",
        "test/1.png",
        "more/1.png",
        files={
            f"train/{name}": line.format("1.png", "A cat."),
            f"validation/{name}": line.format("images/1.png", "A dog."),
            f"test/{name}": line.format("1.png", "A cow."),
            f"more/{name}": line.format("1.png", "A pig."),
        },
    )
    dataset = read(tmp_path)
    assert dataset.path == tmp_path
    assert dataset.examples == [
        Example(tmp_path / "test/1.png", ("A cow.",), "test"),
        Example(tmp_path / "train/1.png", ("A cat.",), "train"),
        Example(tmp_path / "validation/images/1.png", ("A dog.",), "val"),
    ]


def test_files_in_split_folders_are_reported_by_folder(tmp_path):
    write_files(
        tmp_path,
        "train/1.png",
        "test/1.png",
        files={
            "train/metadata.csv": "file_name,text\n1.png,A cat.\n2.png,A dog.\n",
            "test/metadata.csv": "file_name,text\n1.png,A cow.\n2.png,A pig.\n",
        },
    )
    reason = "a caption, but no such photo"
    assert read(tmp_path).left_out == [
        LeftOut("2.png", reason, "test/metadata.csv, line 3"),
        LeftOut("2.png", reason, "train/metadata.csv, line 3"),
    ]
    (tmp_path / "train/metadata.csv").write_text("file_name,text\n../../2.png,A dog.\n")
    assert get_error(tmp_path).startswith(
        f"{tmp_path}/train/metadata.csv, line 2: the photo ../../2.png lies outside"
    )


@pytest.mark.parametrize("language", ["ko", "ko-KR", "ko_kr"])
def test_a_countrys_files_come_before_the_languages(tmp_path, language):
    texts = {"a.txt": "A cat.", "a.ko.txt": "고양이", "b.ko-KR.txt": "개", "b.ko.txt": "말"}
    write_files(tmp_path, "a.jpg", "b.jpg", files=texts)
    own = language == "ko-KR"
    assert get_captions(read(tmp_path, language=language)) == {
        "a.jpg": ("고양이",),
        "b.jpg": ("개" if own else "말",),
    }
    write_files(
        tmp_path,
        files={
            f"captions{code}.csv": f"photo,caption\na.jpg,{word}\n"
            for code, word in ((".ko", "고양이"), ("", "A cat."))
        },
    )
    assert get_captions(read(tmp_path, language=language)) == {"a.jpg": ("고양이",)}


def test_the_only_language_is_found(tmp_path):
    write_files(tmp_path, "a.jpg", files={"captions.ko.csv": "photo,caption\na.jpg,고양이\n"})
    assert get_captions(read(tmp_path)) == {"a.jpg": ("고양이",)}
    write_files(tmp_path, files={"captions.ja.csv": "photo,caption\na.jpg,ネコ\n"})
    assert find_format(tmp_path) is None  # which of the two?
    assert get_captions(read(tmp_path, language="ja")) == {"a.jpg": ("ネコ",)}


def test_the_only_table_of_a_folder_may_have_any_name(tmp_path):
    write_table(tmp_path, '"Image",caption\na.jpg,A cat.\n', "a.jpg", name="Labels.CSV")
    assert get_captions(read(tmp_path)) == {"a.jpg": ("A cat.",)}
    write_table(tmp_path, "photo,caption\na.jpg,A pet.\n", name="more.csv")
    assert find_format(tmp_path) is None  # which of the two?
    (tmp_path / "Labels.CSV").write_text("epoch,loss\n1,2.5\n")
    (tmp_path / "more.csv").unlink()
    assert find_format(tmp_path) is None


def test_pictures_beside_an_outside_photo_are_not_reported(tmp_path):
    write_files(
        tmp_path,
        "other/b.jpg",
        "other/beside.jpg",
        "own/a.jpg",
        files={"own/captions.csv": "photo,caption\na.jpg,A cat.\n../other/b.jpg,A dog.\n"},
    )
    dataset = read(tmp_path / "own", outside=True)
    assert (get_captions(dataset), dataset.left_out) == (
        {"a.jpg": ("A cat.",), "b.jpg": ("A dog.",)},
        [],
    )
