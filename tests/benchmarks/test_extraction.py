"""The benchmark of extraction."""

import numpy as np
import pytest

from benchmarks import extraction, tutorial
from benchmarks.measuring import Row
from data.feature_cache import FeatureCache
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from tests.helpers.networks import build_pooling_network


@pytest.mark.slow
def test_extraction_at_toy_size(tmp_path, in_this_process, toy_options, monkeypatch):
    monkeypatch.setattr(tutorial, "build_inception", build_pooling_network)
    figures = extraction.run(tmp_path, toy_options)
    parts = figures["extraction"]
    photos = {name: part["photos"] for name, part in parts.items()}
    assert photos == {"tutorial": 6, "ours": 6, "alone": 6, "agreement": 2}
    our_seconds = parts["ours"]["seconds"]
    assert figures["extraction_ratio"] == parts["tutorial"]["seconds"] / our_seconds
    assert figures["extraction_share"] == parts["alone"]["seconds"] / our_seconds
    agreement = parts["agreement"]
    assert figures["extraction_cosine"] == agreement["least"]
    assert 0.99 < agreement["least"] <= agreement["mean"] <= 1.000001
    locations = agreement["below"] * 50  # 5 x 5 locations of two photos
    assert locations == pytest.approx(round(locations))
    assert len(list(tmp_path.glob("ours-*"))) == 3  # one to warm up, and one a turn
    files = sorted((tmp_path / "tutorial").glob("*.npy"))
    assert [np.load(file).shape for file in files] == [(4, 3)] * 6
    encoder = extraction.build_encoder({"name": "convnet", "weights": "none", "image_size": 75})
    cache = FeatureCache(tmp_path / "ours-2", encoder.fingerprint())
    photos = sorted((tmp_path / "photos").iterdir())
    opened = PhotoHashes(tmp_path / "none").open_all(photos)
    keys = [f"{known.hash}/{number}" for number, known in enumerate(opened)]
    features = encoder(np.stack([read_photo(photo, (75, 75)) for photo in photos]))
    assert cache.get(keys).astype(np.float32) == pytest.approx(features, rel=0.05, abs=0.02)


def test_cosines_are_by_location():
    left = np.array([[[3, 4], [0, 0], [1, 0]]], np.float32)
    right = np.array([[[4, 3], [0, 0], [0, 0]]], np.float32)
    assert extraction.compute_cosines(left, right) == pytest.approx(np.array([[0.96, 1, 0]]))


def make_part(seconds, **more):
    return {"seconds": seconds, "megabytes": 100.0} | more


def test_the_table_of_extraction():
    engine = {"engine": "openvino", "precision": "bfloat16"}
    parts = {
        "tutorial": make_part(8.0, photos=160),
        "ours": make_part(1.6, photos=160, **engine),
        "alone": make_part(1.1, photos=160, **engine),
        "agreement": make_part(
            1.0,
            least=0.99899,
            mean=0.9999,
            below=0.0123,
            weights="a/b.h5",
            layer="mixed8",
            **engine,
        ),
    }
    figures = {
        "extraction_ratio": 5.0,
        "extraction_share": 0.6875,
        "extraction_cosine": 0.99899,
        "extraction": parts,
    }
    assert extraction.make_rows(figures) == [
        Row(
            "extraction, JPEG files to features (InceptionV3 to mixed8): the tutorial",
            "20.0 photos a second",
            megabytes=100.0,
        ),
        Row(
            "the same: ours (openvino, bfloat16)",
            "100.0 photos a second: 5.00 times the tutorial",
            "at least 5 times",
            True,
            100.0,
        ),
        Row(
            "the same: ours, as a share of the network alone",
            "69% of 145.5 photos a second",
            "at least 75 %",
            False,
            100.0,
        ),
        Row(
            "cosine of bfloat16 features to float32 at a location (weights: b.h5)",
            "lowest 0.99899, mean 0.99990; 1.2% of locations below 0.999",
            "at least 0.999",
            False,
            100.0,
        ),
    ]
