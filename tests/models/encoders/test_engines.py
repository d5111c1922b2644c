"""OpenVINO against TensorFlow, and the choice between them."""

import importlib.util

import numpy as np
import pytest
import tensorflow as tf

from models import saved_networks
from models.encoders import engines
from models.encoders.encoder import Encoder
from models.encoders.engines import choose_engine
from tests.helpers.scripts import ROOT, run_process
from utils.errors import UserError

SIZE = 48
HERE = importlib.util.find_spec("openvino") is not None
needs_openvino = pytest.mark.skipif(not HERE, reason="openvino is not installed")


def pictures(number):
    return np.random.default_rng(0).integers(0, 256, (number, SIZE, SIZE, 3), np.uint8)


def convnet(**options):
    return Encoder("convnet", weights="none", image_size=SIZE, **options)


@needs_openvino
def test_openvino_and_tensorflow_give_equal_features():
    quick, plain = convnet(engine="openvino"), convnet(engine="tensorflow")
    assert (quick.engine, plain.engine, quick.precision) == ("openvino", "tensorflow", "float32")
    assert (
        quick.fingerprint() == plain.fingerprint()
    )  # so the one reads what the other has put into the cache
    features = quick(pictures(5))
    assert (features.dtype, features.shape) == (np.float32, (5, 9, quick.depth))
    np.testing.assert_allclose(features, plain(pictures(5)), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(quick(pictures(5)[1:2])[0], features[1], rtol=1e-3, atol=1e-5)


@needs_openvino
def test_a_vit_of_more_than_128_places_runs():
    """TensorFlow makes constants of small tensors alone; others become inputs of the graph."""
    encoder = Encoder(
        "vit_b16",
        weights="none",
        image_size=192,
        layer="transformer_block_1",
        engine="openvino",
    )
    assert encoder(np.zeros((1, 192, 192, 3), np.uint8)).shape == (1, 145, 768)


@needs_openvino
def test_features_do_not_depend_on_the_pictures_beside_them():
    encoder = convnet(engine="openvino")
    many = encoder(pictures(7))
    np.testing.assert_array_equal(encoder(pictures(7)[::-1])[::-1], many)
    np.testing.assert_array_equal(encoder(pictures(7)[2:5]), many[2:5])


@needs_openvino
def test_bfloat16_is_in_the_fingerprint_where_it_is_used(monkeypatch):
    exact = convnet()
    monkeypatch.setattr(engines, "has_bfloat16", lambda: False)
    assert convnet(precision="bfloat16").fingerprint() == exact.fingerprint()
    monkeypatch.setattr(engines, "has_bfloat16", lambda: True)
    rounded = convnet(precision="bfloat16")
    assert rounded.fingerprint() == exact.fingerprint() | {"precision": "bfloat16"}
    assert convnet(precision="bfloat16", engine="tensorflow").fingerprint() == exact.fingerprint()


def test_a_runs_features_are_cached_by_this_machines_precision(monkeypatch):
    """Features in float32, of another engine or processor, differ from those in bfloat16."""
    exact = {"name": "convnet", "weights": "abc"}
    rounded = exact | {"precision": "bfloat16"}
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: True)
    monkeypatch.setattr(engines, "has_bfloat16", lambda: True)
    assert saved_networks.adapt_fingerprint(rounded, "openvino") == rounded
    assert (
        saved_networks.adapt_fingerprint(rounded, "tensorflow")
        == saved_networks.adapt_fingerprint(exact, "openvino")
        == exact
    )
    monkeypatch.setattr(engines, "has_bfloat16", lambda: False)
    assert saved_networks.adapt_fingerprint(rounded, "openvino") == exact


@needs_openvino
@pytest.mark.skipif(not engines.has_bfloat16(), reason="this processor has no bfloat16")
def test_features_in_bfloat16_point_where_those_in_float32_do():
    rounded, exact = convnet(precision="bfloat16")(pictures(5)), convnet()(pictures(5))
    assert np.abs(rounded - exact).max() > 1e-5
    cosine = (
        (rounded * exact).sum(-1)
        / np.linalg.norm(rounded, axis=-1)
        / np.linalg.norm(exact, axis=-1)
    )
    assert cosine.min() > 0.999


@needs_openvino
def test_an_unfrozen_encoder_runs_its_new_weights_in_tensorflow():
    encoder = convnet(engine="openvino", precision="bfloat16")
    before = encoder(pictures(2))
    encoder.unfreeze("stage3_1")
    assert (encoder.engine, encoder.precision) == ("tensorflow", "float32")
    encoder.network.trainable_variables[0].assign_add(
        tf.ones_like(encoder.network.trainable_variables[0])
    )
    assert np.abs(encoder(pictures(2)) - before).max() > 0.1


def test_auto_chooses_the_faster_installed_engine(monkeypatch):
    there = {"openvino": True, "GPU": []}
    monkeypatch.setattr(engines.importlib.util, "find_spec", lambda name: there[name] or None)
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda kind: there[kind])
    assert [choose_engine(name) for name in ("auto", "openvino", "tensorflow")] == [
        "openvino",
        "openvino",
        "tensorflow",
    ]
    there["GPU"] = ["GPU:0"]
    assert [choose_engine(name) for name in ("auto", "openvino")] == ["tensorflow", "openvino"]
    there.update(openvino=False, GPU=[])
    assert choose_engine("auto") == "tensorflow"
    with pytest.raises(UserError, match=r"--engine openvino .*pip install openvino"):
        choose_engine("openvino")


ENCODE_AND_INTERRUPT = """
import signal
import numpy as np
from models.encoders.encoder import Encoder
photo = np.zeros((1, 48, 48, 3), np.uint8)
first = Encoder("convnet", weights="none", image_size=48, engine="openvino")
second = Encoder("convnet", weights="none", image_size=48, engine="openvino")
print(first(photo).shape, second(photo).shape)
del first, second
signal.signal(signal.SIGINT, lambda *_: print("asked to stop"))
signal.raise_signal(signal.SIGINT)
"""


@needs_openvino
def test_a_process_sends_no_telemetry_and_can_be_stopped(tmp_path):
    """Telemetry would first make a folder in the home folder.

    Ctrl-C still works after encoders are deleted. Both in one test: the process takes seconds.
    """
    done = run_process(
        "-c",
        ENCODE_AND_INTERRUPT,
        PYTHONPATH=str(ROOT),
        HOME=str(tmp_path),
        KERAS_HOME=str(tmp_path / "keras"),
    )
    assert (done.status, done.error) == (0, "")
    assert done.out == "(1, 9, 192) (1, 9, 192)\nasked to stop\n"
    assert "intel" not in {path.name for path in tmp_path.iterdir()}
