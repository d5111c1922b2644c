"""A CLIP model against the embeddings that transformers recorded."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from models.clip.model import ClipModel
from utils.errors import UserError

FIXTURE = Path(__file__).parents[2] / "fixtures" / "clip"  # made by make_vision.py there
TEXTS = [row["tokens"] for row in json.loads((FIXTURE / "text.json").read_text(encoding="utf-8"))]


@pytest.fixture(scope="module")
def recorded():
    return np.load(FIXTURE / "expected.npz")


@pytest.fixture(scope="module")
def model():
    return ClipModel(FIXTURE)


@pytest.fixture
def folder(tmp_path):
    """A copy of the fixture that may be spoiled."""
    return shutil.copytree(FIXTURE, tmp_path / "copy")


def change(folder, half, **values):
    file = folder / "config.json"
    config = json.loads(file.read_text())
    (config if half is None else config[half]).update(values)
    file.write_text(json.dumps(config))


def test_texts_have_the_recorded_vectors(model, recorded):
    vectors = model.embed_texts(TEXTS)
    np.testing.assert_allclose(vectors, recorded["text_embeddings"], atol=1e-5)


@pytest.mark.parametrize("engine", ["tensorflow", "openvino"])
def test_photos_have_the_recorded_vectors(recorded, engine):
    if engine == "openvino":
        pytest.importorskip("openvino")
    vectors = ClipModel(FIXTURE, engine=engine).embed_photos(recorded["images"])
    np.testing.assert_allclose(vectors, recorded["image_embeddings"], atol=1e-5)


def test_a_text_has_the_same_vector_alone_and_among_longer_ones(model):
    alone = model.embed_texts(TEXTS[4:5])  # of two tokens
    np.testing.assert_allclose(alone, model.embed_texts(TEXTS)[4:5], atol=1e-6)


def test_the_first_end_token_ends_a_text(model):
    text = TEXTS[0]
    longer = [*text, 320, 599]  # the end token is 599
    np.testing.assert_allclose(model.embed_texts([longer]), model.embed_texts([text]), atol=1e-6)


def test_old_models_end_at_the_highest_number(folder, recorded):
    """OpenAI's models say 2 for the end token, which their tokenizer does not use."""
    change(folder, "text_config", eos_token_id=2)
    vectors = ClipModel(folder).embed_texts(TEXTS)
    np.testing.assert_allclose(vectors, recorded["text_embeddings"], atol=1e-5)


def test_photos_are_read_as_the_processor_reads_them(model):
    assert (model.image_size, model.reading) == (
        32,
        {"resample": "bicubic", "is_exact": True, "fit": "crop", "shortest_edge": 32},
    )


def test_the_fingerprint_knows_the_projection(model, folder):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(folder / "model.safetensors")
    arrays["visual_projection.weight"] += 1
    save_file(arrays, folder / "model.safetensors")
    changed = ClipModel(folder).fingerprint()
    expected = model.fingerprint()
    assert changed["projection"] != expected["projection"]
    assert changed["weights"] == expected["weights"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("text_model.encoder.layers.1.mlp.fc1.bias", r"no weights text_model.*layers\.1\.mlp\.fc1"),
        ("text_projection.weight", "no weights text_projection"),
        ("visual_projection.weight", "no weights visual_projection"),
    ],
)
def test_missing_weights_are_named(folder, name, message):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(folder / "model.safetensors")
    del arrays[name]
    save_file(arrays, folder / "model.safetensors")
    with pytest.raises(UserError, match=message):
        ClipModel(folder)


def test_weights_of_another_shape_are_rejected(folder):
    change(folder, None, projection_dim=11)
    with pytest.raises(UserError, match=r"projection/kernel must have the shape .*11"):
        ClipModel(folder)


def test_another_crop_than_the_image_size_is_rejected(folder):
    file = folder / "preprocessor_config.json"
    settings = json.loads(file.read_text()) | {"crop_size": 24}
    file.write_text(json.dumps(settings))
    with pytest.raises(UserError, match=r"crop_size must be .* 32 \(got 24\)"):
        ClipModel(folder)
