"""Photos are found however their names are written, and not outside the folder."""

import os
import unicodedata
from pathlib import Path

import pytest

from data.sources.base import (
    CaptionRows,
    Example,
    LeftOut,
    Row,
    gather,
)
from tests.helpers.datasets import ROOT_READS_ALL, gather_rows, write_files
from utils.errors import UserError


def test_names_may_have_spaces_folders_and_any_script(tmp_path):
    """Names of files or in captions files may be decomposed, as on a Mac."""
    korean = "고양이 한 마리.jpg"
    pieces = unicodedata.normalize("NFD", korean)
    write_files(tmp_path, "my cat.jpg", pieces, "sub/개.jpg")
    rows = [
        ("my cat.jpg", "1"),
        (korean, "2"),
        (unicodedata.normalize("NFD", "sub/개.jpg"), "3"),
        (r"sub\개.jpg", "4"),
    ]
    assert gather_rows(tmp_path, *rows)[0] == {
        "my cat.jpg": (("1",), None),
        pieces: (("2",), None),
        "sub/개.jpg": (("3", "4"), None),
    }


def test_folders_may_have_decomposed_names(tmp_path):
    photo, beside = (unicodedata.normalize("NFD", f"고양이/개/{name}.jpg") for name in "ab")
    write_files(tmp_path, photo, beside)
    assert gather_rows(
        tmp_path, ("고양이/개/a.jpg", "A cat."), ("고양이/말/a.jpg", "A horse."), (photo, "A pet.")
    ) == (
        {photo: (("A cat.", "A pet."), None)},
        [
            LeftOut("고양이/말/a.jpg", "a caption, but no such photo", "list.csv, line 3"),
            LeftOut(beside, "a photo without captions"),
        ],
    )


def test_one_photo_may_be_written_in_several_ways(tmp_path):
    write_files(tmp_path, "a.jpg")
    rows = [
        ("./a.jpg", "A cat."),
        ("a.jpg", "A pet."),
        ("sub/../a.jpg", "A lion."),
        (str(tmp_path / "a.jpg"), "A tiger."),
    ]
    assert gather_rows(tmp_path, *rows) == (
        {"a.jpg": (("A cat.", "A pet.", "A lion.", "A tiger."), None)},
        [],
    )


@pytest.mark.parametrize("given", ["own", ".", "../own/sub/.."])
def test_an_absolute_path_may_name_a_photo_of_a_relative_folder(tmp_path, monkeypatch, given):
    photo = write_files(tmp_path / "own", "a.jpg", "sub/b.jpg") / "a.jpg"
    monkeypatch.chdir(tmp_path if given == "own" else tmp_path / "own")
    names = ("a.jpg", str(photo), "../own/a.jpg")
    rows = [
        Row(name, caption, None, "")
        for name, caption in zip(names, ("A cat.", "A pet.", "A tom."), strict=True)
    ]
    assert gather([CaptionRows(rows, [Path(given)])], Path(given), outside=False) == (
        [Example(Path(os.path.normpath(given), "a.jpg"), ("A cat.", "A pet.", "A tom."))],
        [],
    )


def test_a_photo_outside_has_one_path_too(tmp_path, monkeypatch):
    write_files(tmp_path, "b.jpg", "own/a.jpg")
    monkeypatch.chdir(tmp_path)
    rows = [Row("../b.jpg", "A cat.", None, ""), Row(str(tmp_path / "b.jpg"), "A pet.", None, "")]
    assert gather([CaptionRows(rows, [Path("own")])], Path("own"), outside=True)[0] == [
        Example(tmp_path / "b.jpg", ("A cat.", "A pet."))
    ]


def test_the_first_root_that_has_the_photo_is_used(tmp_path):
    write_files(tmp_path, "a.jpg", "one/a.jpg", "two/a.jpg", "two/b.jpg")
    assert gather_rows(
        tmp_path, ("a.jpg", "A cat."), ("b.jpg", "A dog."), roots=["none", "one", "two"]
    )[0] == {"one/a.jpg": (("A cat.",), None), "two/b.jpg": (("A dog.",), None)}


@pytest.mark.parametrize(
    "name", ["b" * 300 + ".jpg", "sub/" + "c" * 5000 + "/d.jpg", "zero\0byte/e.jpg", "\udce9/f.jpg"]
)
def test_an_impossible_name_is_left_out_and_shortened(tmp_path, name):
    write_files(tmp_path, "a.jpg")
    assert gather_rows(tmp_path, ("a.jpg", "A cat."), (name, "A dog."))[1] == [
        LeftOut(name[:80], "a caption, but no such photo", "list.csv, line 3")
    ]


@pytest.mark.parametrize(
    "name", ["../other/a.jpg", "sub/../../other/a.jpg", "/etc/passwd", r"..\other\a.jpg", ".."]
)
def test_photos_outside_the_folder_are_refused(tmp_path, name):
    folder = write_files(tmp_path / "own", "a.jpg")
    write_files(tmp_path / "other", "a.jpg")
    with pytest.raises(UserError) as caught:
        gather_rows(folder, ("a.jpg", "A cat."), (name, "A dog."))
    name = name.replace("\\", "/")
    assert str(caught.value) == (
        f"list.csv, line 3: the photo {name} lies outside the dataset's folder {folder}; "
        "--outside-photos allows that"
    )


def test_a_folder_with_the_same_beginning_is_outside(tmp_path):
    folder, other = write_files(tmp_path / "own", "a.jpg"), write_files(tmp_path / "own2", "a.jpg")
    with pytest.raises(UserError, match="lies outside the dataset's folder"):
        gather_rows(folder, (str(other / "a.jpg"), "A dog."))


def test_photos_outside_the_folder_may_be_allowed(tmp_path):
    folder = write_files(tmp_path / "own", "a.jpg")
    other = write_files(tmp_path / "other", "b.jpg", "c.jpg")
    rows = [
        Row("../other/b.jpg", "A dog.", None, ""),
        Row(str(other / "c.jpg"), "A cow.", None, ""),
    ]
    assert gather([CaptionRows(rows, [folder])], folder, outside=True) == (
        [Example(other / "b.jpg", ("A dog.",)), Example(other / "c.jpg", ("A cow.",))],
        [],
    )


@ROOT_READS_ALL
def test_a_folder_without_permission_is_reported(tmp_path):
    write_files(tmp_path, "a.jpg", "shut/b.jpg")
    (tmp_path / "shut").chmod(0)
    try:
        left_out = gather_rows(tmp_path, ("a.jpg", "A cat."), ("shut/b.jpg", "A dog."))[1]
    finally:
        (tmp_path / "shut").chmod(0o755)
    assert left_out == [
        LeftOut("shut/b.jpg", "no permission to read its folder", "list.csv, line 3")
    ]


def test_a_simulated_missing_permission_is_reported(tmp_path, monkeypatch):
    """The system's answer is simulated, because root may read everything."""
    write_files(tmp_path, "a.jpg", "shut/b.jpg")
    open_folder = os.scandir

    def scandir(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return open_folder(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert gather_rows(tmp_path, ("a.jpg", "A cat."), ("shut/b.jpg", "A dog.")) == (
        {"a.jpg": (("A cat.",), None)},
        [LeftOut("shut/b.jpg", "no permission to read its folder", "list.csv, line 3")],
    )


def test_a_name_that_differs_only_in_case_is_suggested(tmp_path):
    write_files(tmp_path, "sub/Côte.JPG", "b.jpg")
    assert gather_rows(tmp_path, ("sub/côte.jpg", "A cat."), ("b.jpg", "A dog.")) == (
        {"b.jpg": (("A dog.",), None)},
        [
            LeftOut(
                "sub/côte.jpg",
                "a caption, but no such photo (there is Côte.JPG)",
                "list.csv, line 2",
            )
        ],
    )
