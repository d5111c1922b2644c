"""Photos are opened once, kept between runs, and opened again when they change."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from data.photos import hashes as hashes_module
from data.photos.hashes import AHEAD, PhotoHashes
from data.photos.images import UnreachablePhoto, read_photo
from data.photos.near_duplicates import HASH_SIDE, compute_perceptual_hash


@pytest.fixture
def opened(monkeypatch):
    """The photos that are read, in the order in which that happens."""
    names = []

    def read(path, size):
        names.append(Path(path).name)
        return read_photo(path, size)

    monkeypatch.setattr(hashes_module, "read_photo", read)
    return names


def make_photo(file, shade=0):
    picture = Image.linear_gradient("L").rotate(shade).convert("RGB")
    picture.resize((60, 40)).save(file)
    return file


def open_all(folder, photos):
    """Open photos as a new process does, and save what is known."""
    hashes = PhotoHashes(folder / "photos.json")
    found = list(hashes.open_all(photos))
    hashes.save()
    return found


def test_a_photo_is_opened_once_until_it_changes(tmp_path, opened):
    photo = make_photo(tmp_path / "a.png")
    first = open_all(tmp_path, [photo])
    pixels = read_photo(photo, (HASH_SIDE, HASH_SIDE))
    digest = hashlib.sha256(photo.read_bytes()).hexdigest()
    assert first == [(photo, digest, compute_perceptual_hash(pixels), None)]
    assert open_all(tmp_path, [photo]) == first
    assert opened == ["a.png"]
    make_photo(photo, shade=90)
    (changed,) = open_all(tmp_path, [photo])
    assert changed.hash == hashlib.sha256(photo.read_bytes()).hexdigest() != digest
    assert changed.look != first[0].look
    assert opened == ["a.png", "a.png"]


def test_an_unreadable_photo_is_remembered_until_it_changes(tmp_path, opened):
    photo = make_photo(tmp_path / "a.png")
    photo.write_bytes(photo.read_bytes()[:80])
    for _ in range(2):
        assert open_all(tmp_path, [photo]) == [(photo, None, 0, "cut short")]
    assert opened == ["a.png"]
    make_photo(photo)
    assert open_all(tmp_path, [photo])[0].reason is None


def test_photos_come_in_the_order_asked_for(tmp_path):
    photos = [make_photo(tmp_path / f"{number}.png", 6 * number) for number in range(40)]
    order = [*photos[20:], *photos[:20]]
    assert [each.path for each in open_all(tmp_path, order)] == order


def test_a_few_photos_are_opened_ahead_and_no_more(tmp_path):
    photos = [make_photo(tmp_path / f"{number}.png") for number in range(40)]
    asked = []
    found = PhotoHashes(tmp_path / "photos.json").open_all(
        asked.append(photo) or photo for photo in photos
    )
    next(found)
    assert 1 < len(asked) <= AHEAD + 1
    assert len(list(found)) == 39


def test_a_photo_that_is_away_for_a_moment_is_not_remembered(tmp_path, monkeypatch):
    photo = make_photo(tmp_path / "a.png")

    def fail(path, size):
        raise UnreachablePhoto("no such file")

    with monkeypatch.context() as patch:
        patch.setattr(hashes_module, "read_photo", fail)
        assert open_all(tmp_path, [photo]) == [(photo, None, 0, "no such file")]
    assert open_all(tmp_path, [photo])[0].reason is None


def test_a_missing_photo_is_named_with_the_systems_reason(tmp_path):
    missing = tmp_path / "gone.png"
    assert open_all(tmp_path, [missing]) == [(missing, None, 0, "No such file or directory")]


def test_an_entry_without_a_look_is_completed(tmp_path):
    """A hash is kept, and the photo is opened once more."""
    photo = make_photo(tmp_path / "a.png")
    status = photo.stat()
    entry = {"mark": [status.st_size, status.st_mtime_ns], "sha256": "abc"}
    (tmp_path / "photos.json").write_text(json.dumps({str(photo): entry}))
    (found,) = open_all(tmp_path, [photo])
    assert found.hash == hashlib.sha256(photo.read_bytes()).hexdigest()
    assert found.look != 0


@pytest.mark.parametrize(
    "content", ["[", "[]", "null", "3", '{"a.png": 3}', '{"a.png": {"mark": [3, 4]}}']
)
def test_a_damaged_file_is_made_again(tmp_path, content):
    file = tmp_path / "photos.json"
    file.write_text(content.replace("a.png", str(tmp_path / "a.png")))
    open_all(tmp_path, [make_photo(tmp_path / "a.png")])
    assert len(json.loads(file.read_text())) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    paths = [tmp_path / "a.jpg", Path("/dev/null")]
    assert [each.reason for each in open_all(tmp_path, paths)] == ["not a file"] * 2
