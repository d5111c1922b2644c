"""CLIP, SigLIP and DINOv2 against transformers' states, and against KerasHub's presets."""

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.encoders.encoder import Encoder
from models.encoders.loading import find_spec
from utils.errors import UsageError, UserError

FIXTURES = Path(__file__).parents[2] / "fixtures"  # made by make_vision.py there
FOLDERS = {"clip_vit_b16": "clip", "siglip_base": "siglip", "dinov2_base": "dinov2"}
WHOLE = {"clip_vit_b16": 1, "siglip_base": 0, "dinov2_base": 1}
SIZE = 32


def load(name, **options):
    """Load an encoder of a fixture; DINOv2's position embeddings are interpolated to 32 pixels."""
    size = SIZE if name == "dinov2_base" else None
    options = {"weights": f"hf:{FIXTURES / FOLDERS[name]}", "image_size": size} | options
    return Encoder(name, **options)


@pytest.fixture(scope="module", params=FOLDERS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def recorded(name):
    return np.load(FIXTURES / FOLDERS[name] / "expected.npz")


@pytest.mark.parametrize("engine", ["tensorflow", "openvino"])
def test_states_equal_the_recording(name, recorded, engine):
    if engine == "openvino":
        pytest.importorskip("openvino")
    encoder = load(name, engine=engine)
    assert (encoder.whole_vectors, encoder.grid, encoder.depth) == (WHOLE[name], (4, 4), 16)
    np.testing.assert_allclose(encoder(recorded["images"]), recorded["states"], atol=1e-4)


def test_pixels_are_scaled_as_recorded(name, recorded):
    normalise = load(name).network.get_layer("normalise")
    pixels = normalise(tf.cast(recorded["images"], tf.float32)).numpy()
    np.testing.assert_allclose(pixels.transpose(0, 3, 1, 2), recorded["pixel_values"], atol=1e-5)


def test_dinov2_has_the_recorded_states_at_the_size_of_its_positions():
    recorded = np.load(FIXTURES / "dinov2" / "expected.npz")
    encoder = load("dinov2_base", image_size=56)
    assert encoder.grid == (7, 7)
    states = encoder(recorded["larger_images"])
    np.testing.assert_allclose(states, recorded["larger_states"], atol=1e-4)


def test_dinov2_sees_224_pixels_by_default():
    encoder = load("dinov2_base", image_size=None)
    assert (encoder.image_size, encoder.grid) == (224, (28, 28))


def test_a_layer_is_an_earlier_block(name, recorded):
    block = {"dinov2_base": "layers_0"}.get(name, "encoder_block_0")
    encoder = load(name, layer=block)
    assert encoder.grid == (4, 4)
    assert np.abs(encoder(recorded["images"]) - recorded["states"]).max() > 0.1


def test_sizes_build_the_network_again(name, recorded, monkeypatch, tmp_path):
    """A run that trained its encoder has sizes and a checkpoint, and needs no other weights."""
    encoder = load(name)
    run = tmp_path / "run"
    (run / "best").mkdir(parents=True)
    construction = json.loads(json.dumps(encoder.construction))
    monkeypatch.setattr(
        "models.encoders.loading.runs.read_encoder_construction", lambda _: construction
    )
    network = find_spec(name, str(run)).build(None, None)
    assert len(network.weights) == len(encoder.network.weights)
    for variable, trained in zip(network.weights, encoder.network.weights, strict=True):
        assert variable.path == trained.path
        variable.assign(trained)
    pixels = tf.cast(recorded["images"], tf.float32)
    np.testing.assert_allclose(network(pixels), recorded["states"], atol=1e-4)


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Folders of tiny KerasHub presets, by our names of encoders, and their networks."""
    import keras_hub
    from keras_hub import models

    keras.utils.set_random_seed(3)
    tower = {"hidden_dim": 8, "num_layers": 2, "num_heads": 2, "intermediate_dim": 16}
    picture = tower | {"patch_size": 16, "image_shape": (32, 32, 3)}
    text = tower | {"vocabulary_size": 20, "max_sequence_length": 6}
    text["embedding_dim"] = 8
    clip = models.CLIPBackbone(
        models.CLIPVisionEncoder(**picture), models.CLIPTextEncoder(**text), projection_dim=4
    )
    clip.vision_encoder.embedding.position_ids.assign([range(5)])  # as published presets have them
    siglip_text = text | {"projection_dim": 8}
    siglip = models.SigLIPBackbone(
        models.SigLIPVisionEncoder(**picture), models.SigLIPTextEncoder(**siglip_text)
    )
    shape = {"position_embedding_shape": (64, 64, 3)}
    dinov2 = models.DINOV2Backbone(**picture, **shape)
    backbones = {"clip_vit_b16": clip, "siglip_base": siglip, "dinov2_base": dinov2}
    converters = {
        "clip_vit_b16": keras_hub.layers.CLIPImageConverter,
        "siglip_base": keras_hub.layers.SigLIPImageConverter,
        "dinov2_base": keras_hub.layers.DINOV2ImageConverter,
    }
    folder = tmp_path_factory.mktemp("presets")
    for name, backbone in backbones.items():
        for weight in backbone.weights:
            if "float" in weight.dtype:
                weight.assign(weight + keras.random.normal(weight.shape, stddev=0.3))
        backbone.save_to_preset(folder / name)
        converter = converters[name](image_size=(32, 32), scale=0.02, offset=(-1, -2, -3))
        converter.save_to_preset(folder / name)
    return folder, backbones


def test_a_preset_gives_kerashubs_features(name, presets):
    folder, backbones = presets
    size = 64 if name == "dinov2_base" else 32
    pixels = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    scaled = pixels * 0.02 + np.array([-1, -2, -3])
    encoder = Encoder(name, weights=str(folder / name), image_size=size)
    features = encoder(pixels)
    if name == "siglip_base":
        tower = backbones[name].vision_encoder
        states = keras.Model(tower.input, tower.get_layer("post_layer_norm").output)(scaled)
    elif name == "clip_vit_b16":
        states = backbones[name].vision_encoder(scaled)
    else:
        backbone = backbones[name]
        embeddings = backbone.embeddings
        vectors = embeddings.patch_embeddings(scaled)
        first = tf.tile(embeddings.cls_token, [2, 1, 1])
        vectors = tf.concat([first, vectors], axis=1) + embeddings.position_embeddings
        states = backbone.layernorm(backbone.encoder(vectors)[0])
    np.testing.assert_allclose(features, states, atol=1e-4)
    assert encoder.fingerprint()["sizes"]["offset"] == [-1, -2, -3]


@pytest.fixture
def folder(name, tmp_path):
    """A copy of the fixture that may be spoiled."""
    return shutil.copytree(FIXTURES / FOLDERS[name], tmp_path / "copy")


def change(folder, **values):
    """Change settings of the vision tower in config.json."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config.get("vision_config", config).update(values)
    file.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"hidden_act": "relu"}, r"hidden_act must be '.*' \(got 'relu'\)"),
        ({"layer_norm_eps": 0.1}, r"layer_norm_eps must be .* \(got 0.1\)"),
        ({"num_hidden_layers": 3}, r"has no weights .*layers?\.2\."),
        ({"hidden_size": 18}, r"must have the shape|does not fit"),
        ({"image_size": 33}, r"image_size must be a multiple of patch_size, 8 \(got 33\)"),
    ],
)
def test_unsupported_settings_are_rejected_by_name(name, folder, values, message):
    change(folder, **values)
    with pytest.raises(UserError, match=message):
        load(name, weights=f"hf:{folder}")


def test_weights_of_another_encoder_are_rejected_with_its_name(name):
    other = next(each for each in FOLDERS if each != name)
    with pytest.raises(UserError, match=rf"--encoder {name} \(got --encoder {other}\)"):
        Encoder(other, weights=f"hf:{FIXTURES / FOLDERS[name]}")


def test_values_that_are_not_finite_are_rejected(name, folder):
    from safetensors.numpy import load_file, save_file

    arrays = load_file(folder / "model.safetensors")
    last = [each for each in arrays if each.endswith("layernorm.weight") and "head" not in each]
    arrays[last[-1]][0] = np.nan
    save_file(arrays, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"not finite|no finite"):
        load(name, weights=f"hf:{folder}")


@pytest.mark.parametrize("name", ["clip_vit_b16", "siglip_base"])
def test_fixed_position_embeddings_reject_another_size(name):
    with pytest.raises(UsageError, match=r"--image-size must be 32 for .*\(got 64\)"):
        load(name, image_size=64)


def test_image_sizes_must_be_multiples_of_the_patch_size():
    with pytest.raises(UsageError, match=r"--image-size must be a multiple of 8, .*\(got 30\)"):
        load("dinov2_base", image_size=30)
    with pytest.raises(UsageError, match=r"--image-size must be a multiple of 14, .*\(got 32\)"):
        Encoder("dinov2_base", weights="none", image_size=32)
