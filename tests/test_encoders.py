"""The encoder contract, over every registered encoder, with random weights."""

import numpy as np
import pytest
import tensorflow as tf

from models.encoders import ENCODERS, Encoder
from utils.errors import Refusal, WrongArgument

SIZE = 96


@pytest.fixture(scope="module", params=ENCODERS)
def encoder(request):
    return Encoder(request.param, weights="none", image_size=SIZE)


def images(number, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (number, SIZE, SIZE, 3), dtype=np.uint8)


def test_features_have_the_declared_shape_and_are_finite(encoder):
    features = encoder(images(2))
    assert features.shape == (2, encoder.grid[0] * encoder.grid[1], encoder.depth)
    assert features.dtype == tf.float32
    assert np.isfinite(features).all()


def test_a_picture_alone_and_in_a_batch_gives_the_same_features(encoder):
    batch = images(3)
    np.testing.assert_allclose(encoder(batch)[1:2], encoder(batch[1:2]), atol=1e-4)


def test_the_fingerprint_is_stable_and_changes_with_what_changes_features(encoder):
    again = Encoder(encoder.name, weights="none", image_size=SIZE)
    assert again.fingerprint() == encoder.fingerprint()
    np.testing.assert_array_equal(again(images(1)), encoder(images(1)))


def test_another_size_or_layer_is_another_fingerprint():
    marks = [Encoder("convnet", weights="none", **changes).fingerprint()
             for changes in ({}, {"image_size": 96}, {"layer": "stage3_1"})]
    assert marks[0] != marks[1]
    assert marks[0] != marks[2]


def test_weights_from_a_file_equal_the_saved_ones(encoder, tmp_path):
    file = tmp_path / "some.weights.h5"
    network = ENCODERS[encoder.name].network(SIZE, None)
    network.save_weights(file)
    loaded = Encoder(encoder.name, weights=str(file), image_size=SIZE)
    pixels = images(1)
    wanted = network(ENCODERS[encoder.name].preprocess(tf.cast(pixels, tf.float32)))
    np.testing.assert_allclose(loaded(pixels)[0], tf.reshape(wanted, loaded(pixels)[0].shape), atol=1e-5)
    assert loaded.fingerprint()["weights"] != encoder.fingerprint()["weights"]


def test_inception_v3_gets_pixels_from_minus_one_to_one():
    """What its weights were trained on; other families of Keras want other ranges."""
    seen = ENCODERS["inception_v3"].preprocess(tf.constant([0.0, 127.5, 255.0]))
    np.testing.assert_allclose(seen, [-1, 0, 1], atol=1e-6)


def test_inception_v3_at_its_own_size_has_64_locations():
    assert ENCODERS["inception_v3"].image_size == 299
    assert Encoder("inception_v3", weights="none", layer="mixed8").grid == (8, 8)
    assert Encoder("convnet", weights="none").grid == (8, 8)


@pytest.mark.parametrize(("changes", "error", "message"), [
    ({"name": "inceptionv3"}, WrongArgument, "unknown encoder 'inceptionv3'; did you mean 'inception_v3'"),
    ({"layer": "mixd8"}, WrongArgument, "unknown layer of inception_v3 'mixd8'; did you mean"),
    ({"weights": "missing.h5"}, Refusal, "no weights file missing.h5; --weights is imagenet, none, or"),
    ({"name": "convnet", "weights": "imagenet"}, WrongArgument, "the convnet has no imagenet weights"),
])
def test_mistakes_are_answered_with_what_to_do(changes, error, message):
    with pytest.raises(error, match=message):
        Encoder(**{"name": "inception_v3", "weights": "none", "image_size": SIZE} | changes)


def test_a_file_that_holds_no_weights_is_refused(tmp_path):
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"not weights")
    with pytest.raises(Refusal, match="holds no weights for convnet"):
        Encoder("convnet", weights=str(file), image_size=SIZE)


def test_weights_with_holes_are_refused_by_layer(tmp_path):
    network = ENCODERS["convnet"].network(SIZE, None)
    network.weights[0].assign(np.full(network.weights[0].shape, np.nan))
    network.save_weights(tmp_path / "some.weights.h5")
    with pytest.raises(Refusal, match="no finite values at layer 'last' of convnet"):
        Encoder("convnet", weights=str(tmp_path / "some.weights.h5"), image_size=SIZE)


def test_a_failed_download_names_the_three_ways_on(monkeypatch):
    import keras

    def fails(*_, **__):
        raise Exception("URL fetch failure on https://example.org: refused")

    monkeypatch.setattr(keras.applications, "InceptionV3", fails)
    with pytest.raises(Refusal, match=r"could not be downloaded.*--weights FILE.*--encoder convnet.*--dataset scenes"):
        Encoder("inception_v3", weights="imagenet")
