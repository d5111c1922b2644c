"""The cache finds features by key; another encoder or recipe misses; damage is noticed."""

import os
import shutil
import time

import numpy as np
import pytest

from data.feature_cache import FeatureCache
from data.feature_names import make_feature_key
from utils.errors import UserError

FINGERPRINT = {"name": "toy", "weights": "abc", "layer": None}


def make_key(value):
    return f"{value:064x}"


def make_features(values):
    """Four locations of depth two for each value: the value, and one."""
    features = np.ones((len(values), 4, 2), np.float32)
    features[..., 0] = np.asarray(values)[:, None]
    return features


def fill_cache(folder, *values, fingerprint=FINGERPRINT):
    """Open a cache and put those values that it does not hold, two a batch."""
    cache = FeatureCache(folder, fingerprint)
    new = [value for value in values if make_key(value) not in cache]
    for start in range(0, len(new), 2):
        batch = new[start : start + 2]
        cache.put([make_key(value) for value in batch], make_features(batch))
    return cache


def test_features_come_back_in_the_order_asked_for(tmp_path):
    fill_cache(tmp_path, 1, 2, 3, 4, 5)
    again = FeatureCache(tmp_path, FINGERPRINT)
    found = again.get([make_key(value) for value in (4, 1, 5)])
    assert found.dtype == np.float16
    assert found.shape == (3, 4, 2)
    np.testing.assert_array_equal(found[:, 0, 0], [4, 1, 5])


def test_a_sequence_is_read_by_slices(tmp_path):
    cache = fill_cache(tmp_path, 1, 2, 3, 4, 5)
    singles = cache.select([make_key(value) for value in (1, 2, 3)])
    np.testing.assert_array_equal(singles[1:3][:, 0, 0], [2, 3])
    keys = [make_key(value) for value in (1, 2, 3, 4, 5, 1)]
    pairs = cache.select(keys, keys_per_photo=2)
    assert len(pairs) == 3
    np.testing.assert_array_equal(pairs[1:9][:, :, 0], [[3] * 4 + [4] * 4, [5] * 4 + [1] * 4])


def test_another_encoder_recipe_seed_or_view_is_another_key(tmp_path):
    fill_cache(tmp_path, 1)
    assert make_key(1) not in FeatureCache(tmp_path, FINGERPRINT | {"weights": "abd"})
    assert make_key(1) not in FeatureCache(tmp_path, FINGERPRINT | {"layer": "mixed8"})
    keys = {
        make_feature_key("h"),
        make_feature_key("h", recipe="a", view=1),
        make_feature_key("h", recipe="a", view=2),
        make_feature_key("h", recipe="b", view=1),
        make_feature_key("h", recipe="a", seed=1, view=1),
        make_feature_key("i"),
    }
    assert len(keys) == 6
    assert make_feature_key("h", recipe="a", seed=3, view=0) == make_feature_key("h")


def test_keys_and_file_names_stay_as_they_are(tmp_path):
    """Whoever changes one of them lets every feature be extracted again."""
    assert make_feature_key("h", recipe="a", seed=3, view=2) == "h/a/3/2"
    cache = fill_cache(tmp_path, 1, 2)
    assert cache.folder.name == "toy-6cfa0d6b65e90629"
    assert {file.name for file in cache.folder.iterdir()} == {
        "encoder.json",
        "c0165699c6e9472c8bc68318.json",
        "c0165699c6e9472c8bc68318.npy",
    }


@pytest.mark.parametrize("damage", ["truncated", "altered", "altered in secret", "gone", "sidecar"])
def test_a_damaged_batch_is_removed_and_can_be_put_again(tmp_path, damage):
    cache = fill_cache(tmp_path, 1, 2, 3)
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
    assert [make_key(value) in again for value in (1, 2, 3)] == [False, False, True]
    again = fill_cache(tmp_path, 1, 2, 3)
    found = again.get([make_key(value) for value in (1, 2, 3)])
    np.testing.assert_array_equal(found[:, 0, 0], [1, 2, 3])


def test_a_copied_cache_is_checked_once_and_kept(tmp_path):
    """A copy has other times; the checksum shows that nothing else changed."""
    fill_cache(tmp_path / "one", 1, 2)
    shutil.copytree(tmp_path / "one", tmp_path / "two", copy_function=shutil.copyfile)
    again = FeatureCache(tmp_path / "two", FINGERPRINT)
    assert again.damaged == 0
    assert make_key(1) in again


def test_a_batch_without_its_sidecar_is_removed_once_stale(tmp_path):
    cache = fill_cache(tmp_path, 1, 2)
    sidecar = next(file for file in cache.folder.glob("*.json") if file.name != "encoder.json")
    sidecar.unlink()
    assert make_key(1) not in FeatureCache(tmp_path, FINGERPRINT)
    array = sidecar.with_suffix(".npy")
    assert array.exists()
    os.utime(array, (1, 1))
    FeatureCache(tmp_path, FINGERPRINT)
    assert not array.exists()


def test_values_that_are_not_finite_are_refused(tmp_path):
    cache = FeatureCache(tmp_path, FINGERPRINT)
    with pytest.raises(UserError, match="not finite"):
        cache.put([make_key(1)], make_features([np.nan]))
    assert not list(cache.folder.glob("*.npy"))
