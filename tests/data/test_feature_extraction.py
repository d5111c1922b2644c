"""Pictures are encoded once into the cache, read ahead, and skipped where they cannot be read."""

import shutil

import numpy as np
import pytest

from data.feature_cache import FeatureCache
from data.feature_extraction import PendingPicture, cost, encode_pictures, refuse_small_disk
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
        PendingPicture(make_key(value), lambda value=value: np.full((3, 3, 3), value, np.uint8))
        for value in values
    ]


def test_only_new_pictures_are_encoded_in_batches_of_one_shape(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)
    shapes = []

    def record(images):
        shapes.append(images.shape)
        return encode(images)

    pending = make_pending(1, 2, 3)
    assert list(encode_pictures(pending, cache, record, on_unreadable=None, batch_size=2)) == [2, 1]
    again = FeatureCache(tmp_path, FINGERPRINT)
    new = [picture for picture in make_pending(1, 2, 3, 4) if picture.key not in again]
    assert list(encode_pictures(new, again, record, on_unreadable=None, batch_size=2)) == [1]
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
        list(encode_pictures(pending, cache, interrupt, on_unreadable=None, batch_size=2))
    again = FeatureCache(tmp_path, FINGERPRINT)
    assert [make_key(value) in again for value in range(8)] == [True] * 4 + [False] * 4
    assert again.damaged == 0
    assert not list(again.folder.glob(".part-*"))


def test_an_unreadable_picture_is_reported_and_skipped(tmp_path):
    def fail():
        raise ValueError("cut short")

    reported = []
    cache = FeatureCache(tmp_path, FINGERPRINT)
    pending = [*make_pending(1), PendingPicture("bad", fail), *make_pending(2)]
    numbers = encode_pictures(
        pending,
        cache,
        encode,
        on_unreadable=lambda key, error: reported.append((key, str(error))),
        batch_size=3,
    )
    assert list(numbers) == [2]
    assert reported == [("bad", "cut short")]
    assert "bad" not in cache
    np.testing.assert_array_equal(cache.get([make_key(2)])[0, 0], [2, 1])


def test_values_that_are_not_finite_are_never_stored(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)

    def encode_badly(images):
        return encode(images) * np.nan

    with pytest.raises(UserError, match="not finite"):
        list(encode_pictures(make_pending(1), cache, encode_badly, on_unreadable=None))
    assert not list(cache.folder.glob("*.npy"))


def test_the_cost_counts_float16_and_a_small_disk_is_refused(tmp_path, monkeypatch):
    price = cost(make_pending(*[1] * 1000), encode, np.zeros((3, 3, 3), np.uint8))
    assert price.gigabytes == pytest.approx(1000 * 8 * 2 / 1e9)
    usage = shutil._ntuple_diskusage(10**10, 0, 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    refuse_small_disk(tmp_path, 0.9)
    with pytest.raises(UserError, match=r"1.0 GB .* 1.0 GB free"):
        refuse_small_disk(tmp_path, 1.0)
