"""Photos are encoded into the cache once, in batches."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.feature_cache import FeatureCache
from data.feature_extraction import (
    PendingPicture,
    check_disk_space,
    encode_pictures,
    estimate_cost,
    extract_features,
)
from data.photos.images import UnreadablePhoto
from data.photos.photo import Photo
from data.photos.views import Views
from utils.errors import UserError

FINGERPRINT = {"name": "toy", "weights": "abc", "layer": None}


def encode(images):
    """Four locations of depth two: the mean colour, and one."""
    means = images.astype(np.float32).mean((1, 2, 3))
    return np.stack([np.stack([means] * 4, 1), np.ones((len(images), 4), np.float32)], 2)


def make_key(value):
    return f"{value:064x}"


def make_pending(*values):
    return [
        PendingPicture(
            make_key(value), None, lambda value=value: np.full((3, 3, 3), value, np.uint8)
        )
        for value in values
    ]


def test_only_new_pictures_are_encoded_in_batches_of_one_shape(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)
    shapes = []

    def record(images):
        shapes.append(images.shape)
        return encode(images)

    pending = make_pending(1, 2, 3)
    assert list(encode_pictures(pending, cache, record, batch_size=2)) == [2, 1]
    again = FeatureCache(tmp_path, FINGERPRINT)
    new = [picture for picture in make_pending(1, 2, 3, 4) if picture.key not in again]
    assert list(encode_pictures(new, again, record, batch_size=2)) == [1]
    assert shapes == [(2, 3, 3, 3)] * 3
    found = again.get([make_key(value) for value in (4, 1, 3)])
    np.testing.assert_array_equal(found[:, 0, 0], [4, 1, 3])


def test_an_interrupt_loses_only_the_batch_in_hand(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)
    calls = []

    def interrupt(images):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(images)

    pending = make_pending(*range(8))
    with pytest.raises(KeyboardInterrupt):
        list(encode_pictures(pending, cache, interrupt, batch_size=2))
    again = FeatureCache(tmp_path, FINGERPRINT)
    assert [make_key(value) in again for value in range(8)] == [True] * 4 + [False] * 4
    assert again.damaged == 0
    assert not list(again.folder.glob(".part-*"))


def test_a_photo_that_can_no_longer_be_read_is_an_error(tmp_path):
    """The batches before it stay."""

    def fail():
        raise UnreadablePhoto("cut short")

    photo = Photo(Path("a.png"), "a.png", ("a dog",), "abc", None)
    cache = FeatureCache(tmp_path, FINGERPRINT)
    pending = [*make_pending(1, 2), PendingPicture("bad", photo, fail), *make_pending(3)]
    with pytest.raises(UserError, match=r"^a.png could be read before and cannot .* \(cut short\)"):
        list(encode_pictures(pending, cache, encode, batch_size=2))
    assert "bad" not in cache


def test_values_that_are_not_finite_are_never_stored(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)

    def encode_badly(images):
        return encode(images) * np.nan

    with pytest.raises(UserError, match="not finite"):
        list(encode_pictures(make_pending(1), cache, encode_badly))
    assert not list(cache.folder.glob("*.npy"))


def test_the_cost_counts_float16(tmp_path, monkeypatch):
    cost = estimate_cost(make_pending(*[1] * 1000), encode, np.zeros((3, 3, 3), np.uint8))
    assert cost.gigabytes == pytest.approx(1000 * 8 * 2 / 1e9)
    assert cost.minutes > 0


def test_a_small_disk_is_an_error(tmp_path, monkeypatch):
    usage = shutil._ntuple_diskusage(10**10, 0, 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    check_disk_space(tmp_path, 0.9)
    with pytest.raises(UserError, match=r"1.0 GB .* 1.0 GB free"):
        check_disk_space(tmp_path, 1.0)


# Of a dataset's photos.

SIZE = 8


class Bench:
    """A folder of photos in splits, an encoder that counts pictures, and a cache."""

    def __init__(self, folder, number):
        self.folder = folder
        self.encoded = 0
        for shade in range(number):
            self.add(f"{shade}.png", 10 * shade)
        self.open()

    def add(self, name, red):
        Image.new("RGB", (SIZE, SIZE), (red, 1, 0)).save(self.folder / name)

    def open(self):
        """Open the cache as a new process does."""
        self.cache = FeatureCache(self.folder / "cache", FINGERPRINT)

    def photos(self, *, val=0):
        """Return the photos of the folder, the last ones as val."""
        files = sorted(self.folder.glob("*.png"))
        photos = []
        for place, file in enumerate(files):
            split = "train" if place < len(files) - val else "val"
            photo = Photo(file, file.name, ("a dog",), file.read_bytes().hex()[-64:], None)
            photos.append((photo, split))
        return photos

    def encode(self, pictures):
        self.encoded += int((pictures.reshape(len(pictures), -1).max(1) > 0).sum())
        return np.repeat(pictures[:, :2, :1, 0].astype(np.float16), 3, 2)  # how red: (n, 2, 3)

    def extract(self, photos, views=Views(0, 0), **options):  # noqa: B008
        return extract_features(
            photos, self.cache, self.encode, image_size=SIZE, views=views, **options
        )


def keys_of(bench):
    return {photo.name: photo for photo, _ in bench.photos()}


def test_features_are_extracted_once(tmp_path, capsys):
    bench = Bench(tmp_path, 5)
    photos = bench.photos()
    assert bench.extract(photos) == bench.encoded == 5
    assert "features: 5 to extract, 0 in the cache; about " in capsys.readouterr().out
    found = bench.cache.get([photo.hash for photo, _ in photos])
    np.testing.assert_array_equal(found[:, 0, 0], [0, 10, 20, 30, 40])
    bench.open()
    assert bench.extract(photos) == 0
    assert "all 5 are in the cache, nothing to extract" in capsys.readouterr().out
    assert bench.encoded == 5


def test_workers_on_one_disk_extract_a_share_each(tmp_path, capsys):
    bench = Bench(tmp_path, 5)
    photos = bench.photos()
    own = {photo.hash for photo, _ in photos[:2]}
    assert bench.extract(photos, is_own=lambda key: key in own) == 2
    assert "features: 2 to extract, 0 in the cache" in capsys.readouterr().out
    assert bench.extract(photos, is_own=lambda key: key not in own) == 3
    assert bench.encoded == 5
    bench.open()
    assert bench.extract(photos) == 0
    assert "all 5 are in the cache" in capsys.readouterr().out


def test_new_photos_and_views_extract_only_themselves(tmp_path):
    bench = Bench(tmp_path, 4)
    bench.extract(bench.photos()[:2])
    bench.add("9.png", 200)
    (tmp_path / "1.png").rename(tmp_path / "5.png")  # a renamed photo costs nothing
    assert bench.extract(bench.photos()) == 3
    photos = bench.photos(val=2)
    views = Views(2, 0)
    assert bench.extract(photos, views) == 6  # two views of three training photos
    for photo, split in photos:
        assert all(key in bench.cache for key in views.keys(photo, split))


def test_the_features_of_a_view_are_those_of_its_picture(tmp_path):
    bench = Bench(tmp_path, 0)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "0.png")
    views = Views(3, 0)
    photos = bench.photos()
    bench.extract(photos, views)
    photo = photos[0][0]
    pictures = np.stack([views.load_picture(photo, view, SIZE) for view in range(4)])
    rows = bench.cache.get(views.keys(photo))
    np.testing.assert_array_equal(rows, bench.encode(pictures))
    assert len({row.tobytes() for row in rows}) == 4


def test_damaged_features_are_extracted_again(tmp_path, capsys):
    bench = Bench(tmp_path, 4)
    bench.extract(bench.photos())
    file = next(bench.cache.folder.glob("*.npy"))
    file.write_bytes(file.read_bytes()[:-3])
    bench.open()
    assert bench.extract(bench.photos()) == 4
    assert (
        "1 damaged cache files found; their photos are extracted again" in capsys.readouterr().out
    )
