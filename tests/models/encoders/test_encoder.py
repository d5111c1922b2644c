"""The encoder contract, over every registered encoder, with random weights."""

import re
import urllib.error
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.utils import file_utils

from models.encoders import ENCODERS, vit
from models.encoders.encoder import Encoder
from models.encoders.loading import load_network
from utils.errors import UsageError, UserError

SIZE = 96
# Building them takes 17 and 7 s, and their first look at a picture as long again.
LARGEST = ("inception_resnet_v2", "efficientnet_v2_s")


def mark_slow(slow):
    """Return the names of all encoders, some of them marked slow."""
    return [
        pytest.param(name, marks=pytest.mark.slow) if name in slow else name for name in ENCODERS
    ]


@pytest.fixture(scope="module", params=mark_slow(LARGEST))
def encoder(request):
    with pytest.MonkeyPatch.context() as patch:
        # As many blocks as ViT-B/16, but narrow ones: its 86 million weights take seconds.
        for kind in (vit.ViT, vit.CLIP, vit.SigLIP, vit.DINOv2):
            inner = "mlp_dim" if kind is vit.ViT else "intermediate_dim"
            narrow = {"num_heads": 2, "hidden_dim": 8, inner: 16, "patch_size": 16}
            patch.setattr(kind, "base", kind.base | narrow)
        yield Encoder(request.param, weights="none", image_size=SIZE)


def images(number, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (number, SIZE, SIZE, 3), dtype=np.uint8)


def test_features_have_the_declared_shape_and_are_finite(encoder):
    features = encoder(images(2))
    assert features.shape == (
        2,
        encoder.whole_vectors + encoder.grid[0] * encoder.grid[1],
        encoder.depth,
    )
    has_class_token = encoder.name in ("vit_b16", "clip_vit_b16", "dinov2_base")
    assert encoder.whole_vectors == has_class_token
    assert features.dtype == np.float32
    assert np.isfinite(features).all()


def test_the_example_of_layer_is_an_earlier_grid(encoder):
    names = [layer.name for layer in encoder.network.layers]
    example = encoder.network.get_layer(ENCODERS[encoder.name].earlier_layer)
    is_transformer = encoder.construction is not None
    assert len(example.output.shape) == (3 if is_transformer else 4)
    assert names.index(example.name) < len(names) - 1


def test_features_are_equal_alone_and_in_a_batch(encoder):
    batch = images(3)
    np.testing.assert_allclose(encoder(batch)[1:2], encoder(batch[1:2]), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "encoder", mark_slow(set(ENCODERS) - {"convnet"}), indirect=True
)  # building each twice more
def test_random_weights_are_repeatable_and_files_are_loaded(encoder, tmp_path):
    """Both in one test: large networks take seconds to build."""
    spec, file = ENCODERS[encoder.name], tmp_path / "some.weights.h5"
    network = load_network(encoder.name, spec, SIZE, "none")
    network.save_weights(file)
    loaded = Encoder(encoder.name, weights=str(file), image_size=SIZE)
    assert loaded.fingerprint() == encoder.fingerprint()
    pixels = images(1)
    np.testing.assert_array_equal(loaded(pixels), encoder(pixels))
    wanted = network(spec.preprocess(tf.cast(pixels, tf.float32)))
    np.testing.assert_allclose(
        loaded(pixels)[0],
        tf.reshape(wanted, loaded(pixels)[0].shape),
        rtol=1e-4,
        atol=1e-5 * max(1.0, float(tf.reduce_max(tf.abs(wanted)))),
    )


def test_size_layer_and_weights_change_the_fingerprint(tmp_path):
    file = tmp_path / "some.weights.h5"
    ENCODERS["convnet"].build(128, None).save_weights(file)
    marks = [
        Encoder("convnet", **{"weights": "none"} | changes).fingerprint()
        for changes in ({}, {"image_size": 96}, {"layer": "stage3_1"}, {"weights": str(file)})
    ]
    assert all(mark != marks[0] for mark in marks[1:])


def test_random_generators_are_not_in_the_fingerprint(monkeypatch):
    """Weights files do not hold their states, which differ at every start."""

    def network(image_size, _weights):
        pixels = keras.Input((image_size, image_size, 3))
        return keras.Model(
            pixels,
            keras.layers.Dropout(0.5)(keras.layers.Conv2D(2, 1, kernel_initializer="ones")(pixels)),
        )

    monkeypatch.setitem(ENCODERS, "dropping", replace(ENCODERS["convnet"], build=network))
    encoder = Encoder("dropping", weights="none", image_size=SIZE)
    before = encoder.fingerprint()
    (state,) = [variable for variable in encoder.network.variables if "seed" in variable.path]
    state.assign(state + 1)
    assert encoder.fingerprint() == before


def test_inception_v3_gets_pixels_from_minus_one_to_one():
    """Its weights were trained on this range."""
    seen = ENCODERS["inception_v3"].preprocess(tf.constant([0.0, 127.5, 255.0]))
    np.testing.assert_allclose(seen, [-1, 0, 1], atol=1e-6)


def test_resnet101_gets_blue_green_red_less_their_means():
    preprocess = ENCODERS["resnet101"].preprocess
    seen = preprocess(tf.constant([[[[10.0, 20.0, 30.0], [255.0, 0.0, 123.68]]]]))
    np.testing.assert_allclose(
        seen, [[[[-73.939, -96.779, -113.68], [19.741, -116.779, 131.32]]]], atol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("inception_v3", "inception_v3"),
        ("resnet101", "resnet"),
        ("inception_resnet_v2", "inception_resnet_v2"),
        ("efficientnet_v2_s", "efficientnet_v2"),
        ("mobilenet_v3_large", "mobilenet_v3"),
    ],
)
def test_preprocessing_is_that_of_keras(name, family):
    pixels = images(1).astype(np.float32)
    wanted = getattr(keras.applications, family).preprocess_input(pixels.copy())
    np.testing.assert_allclose(ENCODERS[name].preprocess(tf.constant(pixels)), wanted, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_large", pytest.param("efficientnet_v2_s", marks=pytest.mark.slow)]
)
def test_networks_that_get_raw_pixels_rescale_them(name):
    """Their first layer maps to −1..1."""
    network = ENCODERS[name].build(SIZE, None)
    first = network.layers[1]
    assert network.layers[0].output is first.input
    np.testing.assert_allclose(
        first(tf.constant([[[[0.0, 127.5, 255.0]]]])), [[[[-1, 0, 1]]]], atol=0.01
    )


@pytest.mark.parametrize(
    ("name", "layer", "image_size", "side"),
    [
        ("inception_v3", "mixed8", 299, 8),
        ("resnet101", None, 256, 8),
        ("mobilenet_v3_large", None, 224, 7),
        pytest.param("inception_resnet_v2", None, 299, 8, marks=pytest.mark.slow),
        pytest.param("efficientnet_v2_s", None, 384, 12, marks=pytest.mark.slow),
    ],
)
def test_default_sizes_give_the_expected_grids(name, layer, image_size, side):
    spec = ENCODERS[name]
    assert spec.image_size == image_size
    network = spec.build(image_size, None)
    assert (network.output if layer is None else network.get_layer(layer).output).shape[1:3] == (
        side,
        side,
    )


def test_the_convnet_at_its_own_size_has_64_locations():
    assert Encoder("convnet", weights="none").grid == (8, 8)


@pytest.fixture
def pass_through(monkeypatch):
    """Return a function that makes encoders whose features are their pixels."""

    def network(image_size, _weights):
        pixels = keras.Input((image_size, image_size, 3))
        return keras.Model(pixels, keras.layers.Identity()(pixels))

    monkeypatch.setitem(
        ENCODERS, "pixels", replace(ENCODERS["convnet"], build=network, preprocess=tf.identity)
    )
    return lambda image_size, grid: Encoder(
        "pixels", weights="none", image_size=image_size, grid=grid
    )


def pooled(encoder):
    """Return the features (G, G) of a picture whose first channel numbers its pixels."""
    size = encoder.image_size
    numbers = np.arange(size * size, dtype=np.uint8).reshape(size, size)
    features = encoder(np.stack([numbers, numbers * 2, np.zeros_like(numbers)], -1)[None])
    assert features.shape == (1, encoder.grid[0] * encoder.grid[1], 3)
    np.testing.assert_allclose(features[0, :, 1], 2 * features[0, :, 0], rtol=1e-6)
    return features[0, :, 0].reshape(encoder.grid)


def test_a_grid_is_pooled_by_means(pass_through):
    np.testing.assert_allclose(pooled(pass_through(4, 2)), [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(pooled(pass_through(4, 1)), [[7.5]])
    np.testing.assert_array_equal(pooled(pass_through(4, 4)), pooled(pass_through(4, None)))


def test_bins_that_do_not_divide_the_grid_overlap(pass_through):
    """Rows and columns 0 to 2, 2 to 5 and 5 to 7 of 8; number 8·row + column."""
    np.testing.assert_allclose(
        pooled(pass_through(8, 3)), [[9, 11.5, 14], [29, 31.5, 34], [49, 51.5, 54]], rtol=1e-6
    )


def test_a_grid_with_fewer_cells_is_repeated(pass_through):
    np.testing.assert_allclose(
        pooled(pass_through(2, 4)), [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]
    )
    np.testing.assert_allclose(pooled(pass_through(2, 3)), [[0, 0.5, 1], [1, 1.5, 2], [2, 2.5, 3]])


def test_a_pooled_grid_is_in_shape_and_fingerprint(pass_through):
    as_it_is, same, smaller = (pass_through(4, grid).fingerprint() for grid in (None, 4, 2))
    assert set(as_it_is) == {
        "name",
        "weights",
        "layer",
        "image_size",
        "grid",
        "depth",
        "keras",
    }
    assert same == as_it_is | {"pooled_from": [4, 4]}  # its features have the same shape
    assert smaller == as_it_is | {"grid": [2, 2], "pooled_from": [4, 4]}
    encoder = Encoder("convnet", weights="none", image_size=SIZE, grid=4)
    assert (encoder.grid, encoder(images(2)).shape) == ((4, 4), (2, 16, encoder.depth))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        (
            {"name": "inceptionv3"},
            UsageError,
            "unknown encoder 'inceptionv3'; did you mean 'inception_v3'",
        ),
        (
            {"name": "convnet", "layer": "stag3_1"},
            UsageError,
            "unknown layer of convnet 'stag3_1'; did you mean 'stage3_1'",
        ),
        (
            {"weights": "missing.h5"},
            UserError,
            "no weights file missing.h5; --weights is imagenet, none, a .weights.h5",
        ),
        (
            {"name": "convnet", "weights": "imagenet"},
            UsageError,
            "--weights imagenet does not exist for the convnet",
        ),
    ],
)
def test_mistakes_are_rejected_with_a_remedy(changes, error, message):
    with pytest.raises(error, match=message):
        Encoder(**{"name": "inception_v3", "weights": "none", "image_size": SIZE} | changes)


def test_a_file_without_weights_is_rejected(tmp_path):
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"not weights")
    with pytest.raises(UserError, match="holds no weights for convnet"):
        Encoder("convnet", weights=str(file), image_size=SIZE)


def test_weights_that_are_not_finite_are_rejected_by_layer(tmp_path):
    network = ENCODERS["convnet"].build(SIZE, None)
    network.weights[0].assign(np.full(network.weights[0].shape, np.nan))
    network.save_weights(tmp_path / "some.weights.h5")
    with pytest.raises(
        UserError,
        match=r"no finite values up to layer 'last' of convnet: .* --layer \(such as stage3_1\)",
    ):
        Encoder("convnet", weights=str(tmp_path / "some.weights.h5"), image_size=SIZE)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("inception_v3", "InceptionV3"),
        ("resnet101", "ResNet101"),
        ("inception_resnet_v2", "InceptionResNetV2"),
        ("efficientnet_v2_s", "EfficientNetV2S"),
        ("mobilenet_v3_large", "MobileNetV3Large"),
    ],
)
def test_a_failed_download_names_three_alternatives(monkeypatch, name, network):
    def fails(*_, **__):
        raise Exception("URL fetch failure on https://example.org: refused")

    monkeypatch.setattr(keras.applications, network, fails)
    ways = r".*--weights FILE.*--encoder convnet.*--dataset scenes"
    with pytest.raises(UserError, match=f"{name} could not be downloaded{ways}"):
        Encoder(name, weights="imagenet")


SLOW = pytest.mark.slow
ENDING = "weights_tf_dim_ordering_tf_kernels_notop.h5"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("inception_v3", f"inception_v3_{ENDING}"),
        pytest.param("resnet101", f"resnet101_{ENDING}", marks=SLOW),
        pytest.param("inception_resnet_v2", f"inception_resnet_v2_{ENDING}", marks=SLOW),
        pytest.param("efficientnet_v2_s", "efficientnetv2-s_notop.h5", marks=SLOW),
        ("mobilenet_v3_large", "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5"),
    ],
)
def test_a_failed_download_names_address_and_place(monkeypatch, tmp_path, name, file):
    """Keras itself fails here, in the place where it would download."""

    def fail(address, target, *_):
        targets.append(Path(target))
        raise urllib.error.URLError("no way out")

    targets = []
    monkeypatch.setattr(file_utils, "urlretrieve", fail)
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    with pytest.raises(UserError) as caught:
        Encoder(name, weights="imagenet")
    message = str(caught.value)
    assert targets == [tmp_path / "models" / file]
    assert re.search(rf"https://storage.googleapis.com/\S+/{re.escape(file)}: ", message)
    assert f"; put that file at {tmp_path / 'models' / file}, or use --weights FILE" in message
    assert "\n" not in message


# By encoder: the first block of fine-tuning by default, the start of its name, the last layer of
# the block before it, and the network's first block.
BLOCKS = {
    "inception_v3": ("mixed7", "mixed7", "mixed6", "mixed0"),
    "resnet101": ("conv4_block1", "conv4", "conv3_block4_out", "conv2"),
    "inception_resnet_v2": ("mixed_7a", "mixed_7a", "block17_20_ac", "mixed_5b"),
    "efficientnet_v2_s": ("block6a", "block6a", "block5i_add", "block1a"),
    "mobilenet_v3_large": (
        "expanded_conv_12",
        "expanded_conv_12",
        "expanded_conv_11_add",
        "expanded_conv",
    ),
    "vit_b16": (
        "transformer_block_9",
        "transformer_block_9",
        "transformer_block_8",
        "transformer_block_1",
    ),
    "clip_vit_b16": ("encoder_block_8", "encoder_block_8", "encoder_block_7", "encoder_block_0"),
    "siglip_base": ("encoder_block_8", "encoder_block_8", "encoder_block_7", "encoder_block_0"),
    "dinov2_base": ("layers_8", "layers_8", "layers_7", "layers_0"),
    "convnet": ("stage3_1", "stage3", "stage2_1", "stage1"),
}


def test_training_starts_at_a_block(encoder):
    """Layers up to the end of the block before do not learn, and all others do."""
    network, (usual, stage, before, first) = encoder.network, BLOCKS[encoder.name]

    def learn():
        """Names of the layers with weights that learn."""
        found = [layer for layer in network.layers if layer.trainable_weights]
        assert sum(len(layer.trainable_weights) for layer in found) == len(
            network.trainable_weights
        )
        return {layer.name for layer in found}

    everything = {layer.name for layer in network.layers if layer.weights}
    early = {
        layer.name for layer in keras.Model(network.input, network.get_layer(before).output).layers
    } & everything
    assert early and not learn()
    try:
        for block in (None, first, stage, usual):
            encoder.unfreeze(block)
            assert learn() == (everything if block == first else everything - early), block
        wrong, last = usual[1:], network.layers[-1].name
        with pytest.raises(
            UsageError,
            match=f"^unknown block of {encoder.name} up to its layer {last} '{wrong}'; "
            f"did you mean '{usual}'",
        ):
            encoder.unfreeze(wrong)
        assert learn() == everything - early
    finally:
        network.trainable = False


def test_a_block_after_the_layer_is_rejected():
    encoder = Encoder("convnet", weights="none", image_size=SIZE, layer="stage3_2")
    with pytest.raises(
        UsageError,
        match=r"unknown block of convnet up to its layer stage3_2 'stage4_1'; did you mean",
    ):
        encoder.unfreeze("stage4_1")
