"""Files: written whole or not at all, locked, measured, named."""

import errno
import json
import os
from pathlib import Path

import pytest

from utils.errors import UserError
from utils.files import (
    check_empty,
    check_writable,
    format_bytes,
    is_locked,
    make_folder_atomically,
    open_locked,
    printable_path,
    size_of,
    try_lock,
    unique_picture_names,
    write_atomically,
    write_json,
    write_text,
)


def test_text_and_json_are_written_as_utf8(tmp_path):
    write_text(tmp_path / "new" / "folder" / "a.txt", "고양이\n")
    assert (tmp_path / "new/folder/a.txt").read_bytes() == "고양이\n".encode()
    write_json(tmp_path / "a.json", {"dog": ["개", 1.5, None]})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"dog": ["개", 1.5, None]}
    assert "개" in (tmp_path / "a.json").read_text("utf-8")  # people can read it
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.json", "a.txt", "folder", "new"]


@pytest.mark.parametrize(
    "failure",
    [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt(), ValueError("x")],
)
def test_a_failing_write_leaves_the_old_file_alone(tmp_path, failure):
    write_text(tmp_path / "a.txt", "before")
    with pytest.raises(type(failure)), write_atomically(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        assert temporary.parent == tmp_path  # on the same disk, so that replacing is one step
        assert (tmp_path / "a.txt").read_text() == "before"
        raise failure
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "before"


def test_a_value_that_is_no_json_leaves_nothing(tmp_path):
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"an": object()})
    assert list(tmp_path.iterdir()) == []


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path):
    with pytest.raises(OSError) as caught, write_atomically(tmp_path / "a.txt") as temporary:
        raise OSError(errno.EIO, "Input/output error", str(temporary))
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_files_that_vanish_while_a_folder_is_measured_count_0(tmp_path, monkeypatch):
    for name in ("a/b.txt", "gone.txt"):
        write_text(tmp_path / name, "12345")
    assert size_of(tmp_path) == 10
    assert size_of(tmp_path / "gone.txt") == 5
    ordinary = Path.lstat

    def lstat(path):
        if path.name == "gone.txt":
            raise FileNotFoundError
        return ordinary(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    assert size_of(tmp_path) == 5


def test_a_folder_that_cannot_be_written_to_is_rejected(tmp_path, monkeypatch):
    check_writable(tmp_path / "new" / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write to .*file/run: .*file is a file"):
        check_writable(tmp_path / "file" / "run")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="no permission to write in"):
        check_writable(tmp_path / "new")


def test_a_file_is_locked_until_all_have_closed_it(tmp_path):
    file = tmp_path / "a"
    file.touch()
    assert not is_locked(file)
    first, second = open_locked(file), open_locked(file)
    first.close()
    assert is_locked(file)
    second.close()
    assert not is_locked(file)


def test_only_one_can_lock_a_file_for_itself(tmp_path):
    file = tmp_path / "a"
    with file.open("ab") as first, file.open("ab") as second:
        assert try_lock(first)
        assert not try_lock(second)
    with file.open("ab") as third:
        assert try_lock(third)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (58_400_000, "58 MB"),
        (999_600_000, "1.0 GB"),
        (12_345_000_000, "12 GB"),
        (2_500_000_000_000, "2,500 GB"),
    ],
)
def test_sizes_have_two_digits_and_a_unit(number, text):
    assert format_bytes(number) == text


def test_a_printable_path_is_one_line_of_utf8():
    assert printable_path(Path("사진/a.jpg")) == "사진/a.jpg"
    assert printable_path("a\r\nb") == "a\\r\\nb"
    assert printable_path(os.fsdecode(bytes([0x61, 0xFF]))) == "a\\udcff"


def test_names_of_pictures_are_short_and_all_different():
    folders = [Path(f"/one/{number}/{'긴' * 80}.jpg") for number in range(3)]
    photos = [*folders, Path("A.jpg"), Path("a.jpg"), Path("a.jpg.jpg")]
    names = unique_picture_names(photos)
    assert len({name.casefold() for name in names.values()}) == len(photos)
    assert max(len(name.encode()) for name in names.values()) <= 200
    assert names[Path("A.jpg")] == "A"


def test_a_folder_gets_its_name_at_the_end_or_never(tmp_path):
    with make_folder_atomically(tmp_path / "deep" / "new") as folder:
        (folder / "a.txt").write_text("a")
        assert not (tmp_path / "deep" / "new").exists()
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["new"]
    with pytest.raises(KeyboardInterrupt), make_folder_atomically(tmp_path / "b") as folder:
        (folder / "b.txt").write_text("b")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]
    with pytest.raises(UserError, match="new is not empty; choose another folder"):
        check_empty(tmp_path / "deep" / "new")
    check_empty(tmp_path / "nothing" / "here")
