"""The cache: the same bytes once, whatever changed recomputed, interrupted writes nothing, damage noticed."""

import os
import shutil
import time

import numpy as np
import pytest

from data.feature_cache import FeatureCache, Item, feature_key
from data.feature_extraction import cost, refuse_small_disk
from utils.errors import UserError

FINGERPRINT = {"name": "toy", "weights": "abc", "layer": None}


def encode(images):
    """Four locations of depth two: the mean colour, and one."""
    means = images.astype(np.float32).mean((1, 2, 3))
    return np.stack([np.stack([means] * 4, 1), np.ones((len(images), 4), np.float32)], 2)


def items(*values):
    return [
        Item(f"{value:064x}", lambda value=value: np.full((3, 3, 3), value, np.uint8))
        for value in values
    ]


def filled(folder, *values, fingerprint=FINGERPRINT):
    cache = FeatureCache(folder, fingerprint)
    list(
        cache.extract(
            [item for item in items(*values) if item.key not in cache],
            encode,
            unreadable=None,
            batch=2,
        )
    )
    return cache


def test_features_come_back_in_the_order_asked_for(tmp_path):
    filled(tmp_path, 1, 2, 3, 4, 5)
    again = FeatureCache(tmp_path, FINGERPRINT)
    rows = again.rows([f"{value:064x}" for value in (4, 1, 5)])
    assert rows.dtype == np.float16
    assert rows.shape == (3, 4, 2)
    np.testing.assert_array_equal(rows[:, 0, 0], [4, 1, 5])
    np.testing.assert_array_equal(
        again.sequence([f"{value:064x}" for value in (1, 2, 3)])[1:3][:, 0, 0], [2, 3]
    )
    pairs = again.sequence([f"{value:064x}" for value in (1, 2, 3, 4, 5, 1)], together=2)
    assert len(pairs) == 3
    np.testing.assert_array_equal(pairs[1:9][:, :, 0], [[3] * 4 + [4] * 4, [5] * 4 + [1] * 4])


def test_only_what_is_new_is_extracted(tmp_path):
    filled(tmp_path, 1, 2, 3)
    asked = []
    cache = FeatureCache(tmp_path, FINGERPRINT)
    new = [item for item in items(1, 2, 3, 4) if item.key not in cache]
    assert list(
        cache.extract(
            new, lambda images: asked.append(1) or encode(images), unreadable=None, batch=2
        )
    ) == [1]
    assert asked == [1]


def test_another_encoder_recipe_seed_or_view_is_another_feature(tmp_path):
    filled(tmp_path, 1)
    assert f"{1:064x}" not in FeatureCache(tmp_path, FINGERPRINT | {"weights": "abd"})
    assert f"{1:064x}" not in FeatureCache(tmp_path, FINGERPRINT | {"layer": "mixed8"})
    keys = {
        feature_key("h"),
        feature_key("h", recipe="a", view=1),
        feature_key("h", recipe="a", view=2),
        feature_key("h", recipe="b", view=1),
        feature_key("h", recipe="a", seed=1, view=1),
        feature_key("i"),
    }
    assert len(keys) == 6
    assert feature_key("h", recipe="a", seed=3, view=0) == feature_key("h")


@pytest.mark.parametrize("damage", ["truncated", "altered", "altered in secret", "gone", "sidecar"])
def test_damage_is_noticed_and_the_batch_extracted_again(tmp_path, damage):
    cache = filled(tmp_path, 1, 2, 3)
    file = next(file for file in cache.folder.glob("*.npy") if len(np.load(file)) == 2)
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:-5])
    elif damage.startswith("altered"):
        content, before = bytearray(file.read_bytes()), file.stat()
        content[-1] ^= 0x10
        time.sleep(0.02)  # a coarse clock may give the new file the old one's time
        file.write_bytes(content)
        if damage == "altered in secret":
            os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif damage == "gone":
        file.unlink()
    else:
        file.with_suffix(".json").write_text("{")
    again = FeatureCache(tmp_path, FINGERPRINT)
    assert again.damaged == 1
    assert [f"{value:064x}" in again for value in (1, 2, 3)] == [False, False, True]
    again = filled(tmp_path, 1, 2, 3)
    np.testing.assert_array_equal(
        again.rows([f"{value:064x}" for value in (1, 2, 3)])[:, 0, 0], [1, 2, 3]
    )


def test_a_copied_cache_is_checked_once_and_kept(tmp_path):
    """A copy has other times; the checksum says that nothing else changed."""
    filled(tmp_path / "one", 1, 2)
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)
    again = FeatureCache(tmp_path / "two", FINGERPRINT)
    assert again.damaged == 0
    assert f"{1:064x}" in again


def test_what_interrupts_loses_the_batch_in_hand_alone(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)
    calls = []

    def breaks(images):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(images)

    with pytest.raises(KeyboardInterrupt):
        list(cache.extract(items(*range(8)), breaks, unreadable=None, batch=2))
    again = FeatureCache(tmp_path, FINGERPRINT)
    assert [f"{value:064x}" in again for value in range(8)] == [True] * 4 + [False] * 4
    assert again.damaged == 0
    assert not list(again.folder.glob(".part-*"))


def test_a_batch_without_its_sidecar_never_counts_and_is_swept_when_old(tmp_path):
    cache = filled(tmp_path, 1, 2)
    sidecar = next(file for file in cache.folder.glob("*.json") if file.name != "encoder.json")
    sidecar.unlink()
    assert f"{1:064x}" not in FeatureCache(tmp_path, FINGERPRINT)
    array = sidecar.with_suffix(".npy")
    assert array.exists()
    os.utime(array, (1, 1))
    FeatureCache(tmp_path, FINGERPRINT)
    assert not array.exists()


def test_a_picture_that_cannot_be_read_is_told_and_left_out(tmp_path):
    def broken():
        raise ValueError("cut short")

    told = []
    cache = FeatureCache(tmp_path, FINGERPRINT)
    wanted = [*items(1), Item("bad", broken), *items(2)]
    assert list(
        cache.extract(
            wanted, encode, unreadable=lambda key, error: told.append((key, str(error))), batch=3
        )
    ) == [2]
    assert told == [("bad", "cut short")]
    assert "bad" not in cache
    np.testing.assert_array_equal(cache.rows([f"{2:064x}"])[0, 0], [2, 1])


def test_values_that_are_not_finite_are_never_stored(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)
    with pytest.raises(UserError, match="not finite"):
        list(cache.extract(items(1), lambda images: encode(images) * np.nan, unreadable=None))
    assert not list(cache.folder.glob("*.npy"))


def test_the_cost_counts_float16_and_a_small_disk_is_refused(tmp_path, monkeypatch):
    price = cost(items(*[1] * 1000), encode, np.zeros((3, 3, 3), np.uint8))
    assert price.gigabytes == pytest.approx(1000 * 8 * 2 / 1e9)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda folder: shutil._ntuple_diskusage(10**10, 0, 10**9)
    )
    refuse_small_disk(tmp_path, 0.9)
    with pytest.raises(UserError, match=r"need 1.0 GB and the disk of .* has 1.0 GB free"):
        refuse_small_disk(tmp_path, 1.0)
