"""Copies with captions: times and rights are kept, photos are not touched, and nothing that stands there is written over."""

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


def test_a_copy_has_the_photos_time_and_rights(copies, photo, tmp_path):
    assert not copies.has_copy(photo)
    assert copies.write(photo, "a dog") is None
    copy = tmp_path / "out" / "a.jpg"
    assert copies.has_copy(photo)
    assert b"<dc:description>" in copy.read_bytes()
    assert b"<dc:description>" not in photo.read_bytes()
    assert copy.stat().st_mtime_ns == photo.stat().st_mtime_ns
    assert copy.stat().st_mode == photo.stat().st_mode
    assert [each.name for each in copy.parent.iterdir()] == ["a.jpg"]


def test_a_disk_that_knows_no_rights_takes_copies(copies, photo, monkeypatch):
    def refused(*_arguments, **_more):
        raise PermissionError

    monkeypatch.setattr(os, "chmod", refused)
    assert copies.write(photo, "a dog") is None
    assert copies.has_copy(photo)


def test_a_photo_that_was_changed_has_no_copy_and_the_older_one_stays(copies, photo, tmp_path):
    copies.write(photo, "a dog")
    before = (tmp_path / "out" / "a.jpg").read_bytes()
    os.utime(photo)
    assert not copies.has_copy(photo)
    reason = copies.write(photo, "a cat")
    assert "a.jpg is another photo's copy, or older than the photo" in reason
    assert (tmp_path / "out" / "a.jpg").read_bytes() == before


def test_times_as_a_memory_card_has_them_are_the_same(copies, photo, tmp_path):
    copies.write(photo, "a dog")
    copy = tmp_path / "out" / "a.jpg"
    os.utime(copy, ns=(0, photo.stat().st_mtime_ns // 2_000_000_000 * 2_000_000_000))
    assert copies.has_copy(photo)


def test_what_cannot_be_copied_is_told_and_leaves_nothing(copies, photo, tmp_path):
    photo.write_bytes(photo.read_bytes()[:30])
    assert copies.write(photo, "a dog") == "damaged, or cut short"
    photo.unlink()
    assert copies.write(photo, "a dog") == "no such file or directory"
    assert not (tmp_path / "out").exists()


def test_a_name_as_long_as_names_can_be_is_copied(photo, tmp_path):
    long = photo.rename(photo.with_name("긴" * 83 + "x.jpg"))
    assert len(long.name.encode()) > 250
    copies = CaptionedCopies(tmp_path / "out", {long: long.relative_to(long.parent)}, "en")
    assert copies.write(long, "a dog") is None
    assert copies.has_copy(long)


def test_only_jpeg_and_png_have_no_obstacle_and_what_is_no_picture_is_left_to_reading(
    copies, photo
):
    for kind in "JPEG", "PNG":
        Image.new("RGB", (9, 9)).save(photo, kind)
        assert copies.find_obstacle(photo) is None
    for kind in "GIF", "WEBP", "BMP", "TIFF":
        Image.new("RGB", (9, 9)).save(photo, kind)
        assert (
            copies.find_obstacle(photo)
            == f"captions are put into JPEG and PNG files, not into {kind}"
        )
    photo.write_text("no picture")
    assert copies.find_obstacle(photo) is None
    photo.unlink()
    assert copies.find_obstacle(photo) is None


def test_one_photo_by_two_names_is_no_quarrel_and_two_photos_are(photo, tmp_path):
    name = photo.relative_to(photo.parent)
    again = photo.parent / ".." / "in" / "a.jpg"
    CaptionedCopies(tmp_path / "out", {photo: name, again: name}, "en")
    other = tmp_path / "a.jpg"
    with pytest.raises(UserError, match=r"in/a\.jpg and .*/a\.jpg would both be .*out/a\.jpg"):
        CaptionedCopies(tmp_path / "out", {photo: name, other: name}, "en")
