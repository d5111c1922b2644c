"""Captioned copies keep times and permissions, and never overwrite a photo or another file."""

import os

import pytest
from PIL import Image

from data.alt_text.copies import CaptionedCopies
from utils.errors import UserError

HOUR = 3_600_000_000_000


@pytest.fixture
def photo(tmp_path):
    """A photo of yesterday that only its owner may change."""
    file = tmp_path / "in" / "a.jpg"
    file.parent.mkdir()
    Image.new("RGB", (9, 9)).save(file)
    os.utime(file, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns - 24 * HOUR))
    file.chmod(0o640)
    return file


@pytest.fixture
def copies(photo, tmp_path):
    return CaptionedCopies(tmp_path / "out", {photo: photo.relative_to(photo.parent)}, "en")


def test_a_copy_has_the_photos_time_and_permissions(copies, photo, tmp_path):
    assert not copies.has_copy(photo)
    assert copies.write(photo, "a dog") is None
    copy = tmp_path / "out" / "a.jpg"
    assert copies.has_copy(photo)
    assert b"<dc:description>" in copy.read_bytes()
    assert b"<dc:description>" not in photo.read_bytes()
    assert copy.stat().st_mtime_ns == photo.stat().st_mtime_ns
    assert copy.stat().st_mode == photo.stat().st_mode
    assert [each.name for each in copy.parent.iterdir()] == ["a.jpg"]


def test_disks_without_permissions_take_copies(copies, photo, monkeypatch):
    def reject(*_arguments, **_more):
        raise PermissionError

    monkeypatch.setattr(os, "chmod", reject)
    assert copies.write(photo, "a dog") is None
    assert copies.has_copy(photo)


def test_a_changed_photo_does_not_overwrite_its_copy(copies, photo, tmp_path):
    copies.write(photo, "a dog")
    before = (tmp_path / "out" / "a.jpg").read_bytes()
    os.utime(photo)
    assert not copies.has_copy(photo)
    reason = copies.write(photo, "a cat")
    assert "a.jpg is another photo's copy, or older than the photo" in reason
    assert (tmp_path / "out" / "a.jpg").read_bytes() == before


def test_times_of_a_memory_card_are_equal(copies, photo, tmp_path):
    copies.write(photo, "a dog")
    copy = tmp_path / "out" / "a.jpg"
    os.utime(copy, ns=(0, photo.stat().st_mtime_ns // 2_000_000_000 * 2_000_000_000))
    assert copies.has_copy(photo)


def test_an_impossible_copy_has_a_reason_and_leaves_nothing(copies, photo, tmp_path):
    photo.write_bytes(photo.read_bytes()[:30])
    assert copies.write(photo, "a dog") == "damaged, or cut short"
    photo.unlink()
    assert copies.write(photo, "a dog") == "no such file or directory"
    assert not (tmp_path / "out").exists()


def test_the_longest_names_are_copied(photo, tmp_path):
    long = photo.rename(photo.with_name("긴" * 83 + "x.jpg"))
    assert len(long.name.encode()) > 250
    copies = CaptionedCopies(tmp_path / "out", {long: long.relative_to(long.parent)}, "en")
    assert copies.write(long, "a dog") is None
    assert copies.has_copy(long)


def test_only_jpeg_and_png_have_no_obstacle(copies, photo):
    for kind in "JPEG", "PNG":
        Image.new("RGB", (9, 9)).save(photo, kind)
        assert copies.find_obstacle(photo) is None
    for kind in "GIF", "WEBP", "BMP", "TIFF":
        Image.new("RGB", (9, 9)).save(photo, kind)
        assert copies.find_obstacle(photo).endswith(f"not into {kind}")


def test_files_that_are_no_pictures_have_no_obstacle(copies, photo):
    """Reading them is an error of its own."""
    photo.write_text("no picture")
    assert copies.find_obstacle(photo) is None
    photo.unlink()
    assert copies.find_obstacle(photo) is None


def test_two_photos_cannot_share_a_copy(photo, tmp_path):
    """One photo by two paths may."""
    name = photo.relative_to(photo.parent)
    again = photo.parent / ".." / "in" / "a.jpg"
    CaptionedCopies(tmp_path / "out", {photo: name, again: name}, "en")
    other = tmp_path / "a.jpg"
    with pytest.raises(UserError, match=r"in/a\.jpg and .*/a\.jpg would both be .*out/a\.jpg"):
        CaptionedCopies(tmp_path / "out", {photo: name, other: name}, "en")
