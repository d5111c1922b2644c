"""ViT and DeiT as encoders of their own, and how their photos are read."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from models.encoders.encoder import Encoder
from models.pretrained.vit import ViT
from utils.errors import UserError

FIXTURES = Path(__file__).parents[2] / "fixtures"  # made by make_vit_gpt2.py there
PREPROCESSING = "preprocessor_config.json"


def extract_encoder(name, folder, prefix=""):
    """Write the encoder of a captioner as a model of its own; `prefix` is that of a classifier."""
    source = FIXTURES / name
    config = json.loads((source / "config.json").read_text())["encoder"]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / PREPROCESSING).write_bytes((source / PREPROCESSING).read_bytes())
    weights = {}
    for name, value in load_file(source / "model.safetensors").items():
        if name.startswith("encoder."):
            weights[prefix + name.removeprefix("encoder.")] = value
    save_file(weights, folder / "model.safetensors")
    return np.load(source / "expected.npz")


@pytest.mark.parametrize(
    ("name", "prefix", "whole"),
    [
        ("vit_gpt2", "", 1),
        ("vit_gpt2_projected", "vit.", 1),  # by the names of transformers 5
        ("deit_gpt2", "", 2),
        ("deit_gpt2", "deit.", 2),
    ],
)
def test_states_equal_the_recording(tmp_path, name, prefix, whole):
    recorded = extract_encoder(name, tmp_path, prefix)
    encoder = Encoder("vit_b16", weights=f"hf:{tmp_path}", engine="tensorflow")
    states = encoder(recorded["images"])
    np.testing.assert_allclose(states, recorded["encoder_states"], atol=1e-4)
    assert encoder.whole_vectors == whole
    assert encoder.grid == (4, 4)


def test_openvino_equals_tensorflow_for_a_deit(tmp_path):
    pytest.importorskip("openvino")
    recorded = extract_encoder("deit_gpt2", tmp_path)
    encoder = Encoder("vit_b16", weights=f"hf:{tmp_path}", engine="openvino")
    states = encoder(recorded["images"])
    np.testing.assert_allclose(states, recorded["encoder_states"], atol=1e-3)


BICUBIC = {"resample": "bicubic", "is_exact": True}


@pytest.mark.parametrize(
    ("settings", "reading"),
    [
        ({}, BICUBIC | {"fit": "squeeze_and_crop", "shortest_edge": 37}),
        # As older folders have it: one number is that of both sides.
        (
            {"size": 37, "crop_size": 32},
            BICUBIC | {"fit": "squeeze_and_crop", "shortest_edge": 37},
        ),
        ({"size": {"shortest_edge": 40}}, BICUBIC | {"fit": "crop", "shortest_edge": 40}),
        ({"do_center_crop": False, "resample": 2}, {"resample": "bilinear", "is_exact": True}),
    ],
)
def test_the_folder_says_how_photos_are_read(tmp_path, settings, reading):
    extract_encoder("deit_gpt2", tmp_path)
    change_preprocessing(tmp_path, settings)
    assert ViT().read_encoder_sizes(tmp_path)["reading"] == reading


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop_size": {"height": 30, "width": 30}}, r"crop_size .* 32 \(got 30\)"),
        ({"size": {"height": 37, "width": 40}}, r"equal \(got 37 and 40\)"),
        ({"resample": 0}, r"resample .*\(got 0\)"),
    ],
)
def test_unsupported_readings_are_rejected(tmp_path, settings, message):
    extract_encoder("deit_gpt2", tmp_path)
    change_preprocessing(tmp_path, settings)
    with pytest.raises(UserError, match=message):
        Encoder("vit_b16", weights=f"hf:{tmp_path}")


def change_preprocessing(folder, settings):
    file = folder / PREPROCESSING
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
