"""Weights are saved and loaded, and checkpoints that are missing or damaged are named."""

import keras
import numpy as np
import pytest

from models.training.checkpoints import (
    list_checkpoints,
    load_encoder_weights,
    load_weights,
    make_checkpoint,
    open_manager,
    read_text,
)
from tests.helpers.decoders import small_decoder
from utils.errors import UserError


@pytest.fixture
def decoder():
    return small_decoder("gru")


def save(network, folder):
    open_manager(make_checkpoint(network), folder, keep=1).save(1)


def test_weights_are_saved_and_loaded(decoder, tmp_path):
    save(decoder, tmp_path / "best")
    other = small_decoder("gru", seed=1)
    load_weights(other, tmp_path / "best")
    for one, two in zip(decoder.weights, other.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def test_a_run_without_a_checkpoint_is_named(decoder, tmp_path):
    with pytest.raises(UserError, match=rf"^{tmp_path} has no best checkpoint.*--resume"):
        load_weights(decoder, tmp_path / "best")


def test_a_checkpoint_that_is_cut_short_is_named(decoder, tmp_path):
    save(decoder, tmp_path / "best")
    for file in (tmp_path / "best").glob("*.index"):
        file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(UserError, match=rf"^checkpoint {tmp_path}/best/ckpt-1 is damaged"):
        load_weights(decoder, tmp_path / "best")
    assert read_text(str(tmp_path / "best" / "ckpt-1"), "way") is None


def test_a_checkpoint_without_its_index_is_named(decoder, tmp_path):
    save(decoder, tmp_path / "best")
    next((tmp_path / "best").glob("*.index")).unlink()
    assert list_checkpoints(tmp_path / "best") == []
    with pytest.raises(UserError, match=r"is damaged: it has no \.index file"):
        load_weights(decoder, tmp_path / "best")


def test_a_run_without_an_encoder_of_its_own_is_rejected(decoder, tmp_path):
    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(UserError, match="no checkpoint with an encoder"):
        load_encoder_weights(network, tmp_path / "best")
    save(decoder, tmp_path / "best")
    with pytest.raises(UserError, match=rf"^{tmp_path} has no encoder of its own"):
        load_encoder_weights(network, tmp_path / "best")
