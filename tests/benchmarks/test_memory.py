"""The benchmark of memory in training."""

import numpy as np

from benchmarks import memory
from data.feature_cache import FeatureCache


def test_a_sparse_cache_is_complete(tmp_path):
    memory.write_sparse_cache(tmp_path, 70, 8, 2048)
    cache = FeatureCache(tmp_path, memory.FINGERPRINT)
    assert cache.damaged == 0
    rows = cache.get(["0", "31", "32", "69"])
    assert (rows.shape, rows.dtype, rows.any()) == ((4, 64, 2048), np.float16, False)
    files = list(cache.folder.glob("*.npy"))
    assert sum(file.stat().st_size for file in files) > 70 * 64 * 2048 * 2
    assert sum(file.stat().st_blocks * 512 for file in files) < 100_000


def test_memory_at_toy_size(tmp_path, in_this_process, uncompiled, toy_options):
    figures = memory.run(tmp_path, toy_options)
    few, many = figures["memory"].values()
    assert (few["photos"], few["steps"]) == (40, 2)
    assert (many["photos"], many["steps"]) == (70, 2)
    assert figures["memory_difference"] == 0
    many["anonymous_megabytes"] = None
    figures["memory_difference"] = 301.0
    of_few, of_many, difference = memory.make_rows(figures)
    assert "40 photos" in of_few.name
    assert (of_few.measured, of_few.megabytes) == ("6 MB", 10.0)
    assert "70 photos" in of_many.name
    assert of_many.measured == "not reported by this system"
    assert (difference.measured, difference.is_met) == ("301 MB", False)
