"""What is known of photos between runs: hashed once, looked at once, unreadable ones remembered, absent ones not."""

import json
import os
import time
from pathlib import Path

import pytest

from data.photos.hashes import PhotoHashes
from data.photos.images import UnreachablePhoto


def photos_in(folder, number):
    """Files that each hold their number; and what looks at them, which notes whom."""
    photos = [folder / f"{each}.jpg" for each in range(number)]
    for each, photo in enumerate(photos):
        photo.write_bytes(b"%d" % each)
    looked = []

    def look(photo):
        looked.append(photo)
        time.sleep(
            0.002 if int(photo.stem) % 5 == 0 else 0
        )  # some take longer; order must not follow
        return 2**63 + int(photo.read_bytes())

    return photos, look, looked


def test_photos_are_hashed_once_and_again_when_they_change(tmp_path, monkeypatch):
    import hashlib

    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"one")
    hashes = PhotoHashes(tmp_path / "photos.json")
    assert list(hashes.hashed([photo])) == [(photo, hashlib.sha256(b"one").hexdigest(), None)]
    hashes.save()
    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "file_digest", None)  # a second hashing would fail
        assert (
            next(PhotoHashes(tmp_path / "photos.json").hashed([photo]))[1]
            == hashlib.sha256(b"one").hexdigest()
        )
    photo.write_bytes(b"three")
    assert (
        next(PhotoHashes(tmp_path / "photos.json").hashed([photo]))[1]
        == hashlib.sha256(b"three").hexdigest()
    )


def test_an_unreadable_photo_is_remembered_until_it_changes(tmp_path):
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"one")
    hashes = PhotoHashes(tmp_path / "photos.json")
    list(hashes.hashed([photo]))
    hashes.mark_unreadable(photo, ValueError("cut short"))
    hashes.save()
    assert list(PhotoHashes(tmp_path / "photos.json").hashed([photo])) == [
        (photo, None, "cut short")
    ]
    photo.write_bytes(b"three")
    assert next(PhotoHashes(tmp_path / "photos.json").hashed([photo]))[2] is None


def test_looks_come_in_the_order_asked_for_and_are_kept_between_runs(tmp_path):
    photos, look, looked = photos_in(tmp_path, 60)
    hashes = PhotoHashes(tmp_path / "photos.json")
    list(hashes.hashed(photos))
    hashes.save()  # what is seen after it is saved as well
    wanted = [*photos[30:], *photos[:30]]
    assert list(hashes.looks(iter(wanted), look, name="look")) == [
        2**63 + int(photo.stem) for photo in wanted
    ]
    assert sorted(looked) == sorted(photos)
    hashes.save()

    again = PhotoHashes(tmp_path / "photos.json")
    list(again.hashed(photos))
    assert list(again.looks(photos, look, name="look")) == [2**63 + number for number in range(60)]
    assert len(looked) == 60
    photos[7].write_bytes(b"1007")  # another picture under the same name
    list(again.hashed(photos))
    assert list(again.looks(photos, look, name="look"))[6:9] == [2**63 + 6, 2**63 + 1007, 2**63 + 8]
    assert looked[60:] == [photos[7]]
    assert list(again.looks(photos[:2], lambda photo: 5, name="another")) == [5, 5]
    assert list(again.looks(photos[:2], look, name="look")) == [2**63, 2**63 + 1]


def test_a_photo_that_turns_out_unreadable_when_looked_at_is_remembered(tmp_path):
    photos, look, looked = photos_in(tmp_path, 3)

    def broken(photo):
        number = look(photo) - 2**63
        if number == 1:
            raise ValueError("cut short")
        return number

    hashes = PhotoHashes(tmp_path / "photos.json")
    list(hashes.hashed(photos))
    assert hashes.unreadable() == 0
    hashes.save()
    assert list(hashes.looks(photos, broken, name="look")) == [0, None, 2]
    assert hashes.unreadable() == 1
    hashes.save()

    again = PhotoHashes(tmp_path / "photos.json")
    assert [(found is None, reason) for _, found, reason in again.hashed(photos)] == [
        (False, None),
        (True, "cut short"),
        (False, None),
    ]
    assert list(again.looks(photos, broken, name="look")) == [0, None, 2]
    assert len(looked) == 3
    photos[1].write_bytes(b"41")  # mended
    list(again.hashed(photos))
    assert list(again.looks(photos, broken, name="look")) == [0, 41, 2]
    assert again.unreadable() == 0


def test_a_photo_that_is_away_for_a_moment_is_left_out_of_this_run_alone(tmp_path):
    photos, look, _ = photos_in(tmp_path, 3)

    def away(photo):
        if photo == photos[1]:
            raise UnreachablePhoto("no such file")
        return look(photo)

    hashes = PhotoHashes(tmp_path / "photos.json")
    list(hashes.hashed(photos))
    assert list(hashes.looks(photos, away, name="look")) == [2**63, None, 2**63 + 2]
    assert hashes.unreadable() == 1
    assert [reason for _, _, reason in hashes.hashed(photos)] == [None, "no such file", None]
    hashes.save()

    again = PhotoHashes(tmp_path / "photos.json")
    assert [reason for _, _, reason in again.hashed(photos)] == [None] * 3
    assert again.unreadable() == 0
    assert list(again.looks(photos, look, name="look")) == [2**63, 2**63 + 1, 2**63 + 2]


def test_looks_are_a_few_ahead_of_who_asks_and_no_more(tmp_path):
    photos, look, _ = photos_in(tmp_path, 60)
    hashes = PhotoHashes(tmp_path / "photos.json")
    list(hashes.hashed(photos))
    asked = []
    looks = hashes.looks((asked.append(photo) or photo for photo in photos), look, name="look")
    assert next(looks) == 2**63
    assert 1 < len(asked) <= 20
    assert len(list(looks)) == 59


@pytest.mark.parametrize(
    "content", ["[", "[]", "null", "3", '{"a.jpg": 3}', '{"a.jpg": {"mark": [3, 4]}}']
)
def test_a_damaged_list_of_hashes_is_made_anew(tmp_path, content):
    (tmp_path / "photos.json").write_text(content.replace("a.jpg", str(tmp_path / "a.jpg")))
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"one")
    hashes = PhotoHashes(tmp_path / "photos.json")
    list(hashes.hashed([photo]))
    hashes.save()
    assert len(json.loads((tmp_path / "photos.json").read_text())) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_among_the_photos_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert list(
        PhotoHashes(tmp_path / "photos.json").hashed([tmp_path / "a.jpg", Path("/dev/null")])
    ) == [(tmp_path / "a.jpg", None, "not a file"), (Path("/dev/null"), None, "not a file")]
