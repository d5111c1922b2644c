"""An encoder trained with its decoder: the convnet on random pictures of 80 pixels."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import build_decoder
from models.decoders.base import repeat_rows
from models.decoders.with_encoder import DecoderWithEncoder
from models.encoders.encoder import Encoder
from models.training.losses import CrossEntropy
from models.training.trainer import Recipe, Trainer
from tests.helpers.training import read_state
from utils.errors import UserError

SIZE, PHOTOS, CAPTIONS = 80, 2, 2


def pictures(seed):
    return np.random.default_rng(seed).integers(0, 256, (PHOTOS, SIZE, SIZE, 3), dtype=np.uint8)


def convnet(weights="none", block=None):
    encoder = Encoder("convnet", weights=str(weights), image_size=SIZE)
    if block:
        encoder.unfreeze(block)
    return encoder


def small_decoder(encoder, name="gru", **options):
    return build_decoder(
        name,
        seed=0,
        vocabulary=9,
        locations=encoder.grid[0] * encoder.grid[1],
        depth=encoder.depth,
        units=16,
        embedding=8,
        attention_units=8,
        dropout=0.3,
        **options,
    )


class Invented:
    """Four batches an epoch, of pictures as `seen`."""

    steps = 4

    def __init__(self, seen=lambda pictures: pictures):
        self.seen = seen

    def epoch(self, number, *, first=0):
        for step in range(first, self.steps):
            tokens = np.random.default_rng((number, step)).integers(
                4, 9, (PHOTOS * CAPTIONS, 4), dtype=np.int32
            )
            tokens[:, 0] = 2
            yield self.seen(pictures((number, step))), tokens


def trainer(folder, decoder, seen=lambda pictures: pictures, **changes):
    recipe = Recipe(
        **{
            "epochs": 2,
            "learning_rate": 0.01,
            "warmup": 0,
            "schedule": "constant",
            "clip": 1.0,
            "patience": 9,
            "save_every": 2,
        }
        | changes
    )
    return Trainer(decoder, CrossEntropy(), Invented(seen), recipe, folder)


def losses(training, at=None, what=None):
    """Every step's mean loss so far; something is done at a step."""
    seen = []

    def progress(step, _steps, loss):
        seen.append((training.epoch, step, loss))
        if at == (training.epoch, step):
            what()

    while not training.is_finished:
        training.train_epoch(progress)
        training.finish_epoch(float(training.epoch))
    return seen


def values(network):
    """Every value of a network by its variable's path, copied."""
    return {variable.path: variable.numpy().copy() for variable in network.variables}


def test_pictures_give_the_outputs_of_their_features():
    encoder = convnet(block="stage3_1")
    decoder = small_decoder(encoder, "lstm", attention="hard")
    tuned = DecoderWithEncoder(encoder, decoder)
    assert (tuned.locations, tuned.can_draw) == (25, True)
    assert [variable.path for variable, _ in tuned.find_token_variables()] == [
        variable.path for variable, _ in decoder.find_token_variables()
    ]
    images, tokens = pictures(0), tf.constant([[2, 5, 6], [2, 7, 8], [2, 4, 4], [2, 8, 5]])
    features = encoder(images)
    for given in (tf.constant(images), tf.constant(images, tf.float32)):  # a search hands on floats
        for ours, theirs in zip(tuned(given, tokens), decoder(features, tokens), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for more in ({}, {"seeds": tf.constant([3, 4])}):
        outcomes = []
        for each, given in ((tuned, images), (decoder, features)):
            memory, state = each.begin(given, **more)
            state = repeat_rows(state, CAPTIONS)
            first, state, _ = each.step(tokens[:, 0], memory, state)
            outcomes.append((first, *each.step(tokens[:, 1], memory, state)[::2]))
        for ours, theirs in zip(*outcomes, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_at_encoder_rate_zero_it_trains_as_with_a_frozen_encoder(tmp_path, uncompiled):
    encoder = convnet(block="stage3_1")
    before = values(encoder.network)
    tuned = trainer(
        tmp_path / "tuned",
        DecoderWithEncoder(encoder, small_decoder(encoder)),
        encoder_rate=0.0,
        epochs=1,
    )
    frozen = convnet()
    alone = trainer(tmp_path / "frozen", small_decoder(frozen), frozen, epochs=1)
    ours, theirs = losses(tuned), losses(alone)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert len({loss for *_, loss in ours}) == 4
    assert values(encoder.network).keys() == before.keys()
    for name, value in values(encoder.network).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of the encoder from its third stage on: trainer, folder, losses, first weights.

    Beside the folder is a copy, `cut`, made at the third step of the second epoch.
    """
    folder = tmp_path_factory.mktemp("tuning") / "whole"
    encoder = convnet(block="stage3_1")
    before = values(encoder.network)
    training = trainer(
        folder, DecoderWithEncoder(encoder, small_decoder(encoder)), encoder_rate=0.001
    )
    seen = losses(training, at=(1, 3), what=lambda: shutil.copytree(folder, folder.parent / "cut"))
    return training, folder, seen, before


def test_only_layers_from_the_block_on_change(whole):
    """And nowhere do the means and variances that batches are normalised by."""
    training, _, _, before = whole
    encoder = training.decoder.encoder
    after = values(encoder.network)
    learn = {variable.path for variable in encoder.network.trainable_variables}
    layers = encoder.network.layers
    end = [layer.name for layer in layers].index("stage2_1") + 1
    early = {variable.path for layer in layers[:end] for variable in layer.variables}
    assert early and learn and not early & learn
    for name, value in after.items():
        moving = name.endswith(("moving_mean", "moving_variance"))
        assert (name in learn) == (name not in early and not moving), name
        assert (np.abs(value - before[name]).max() > 0) == (name in learn), name


def test_a_run_has_the_encoder_that_it_trained(whole):
    training, folder, *_ = whole
    finished = training.decoder.encoder
    loaded = convnet(weights=folder)
    images = pictures(9)
    np.testing.assert_allclose(
        loaded(images), finished(images), rtol=1e-3, atol=1e-6
    )  # of two engines
    assert loaded.fingerprint() == finished.fingerprint()
    start = convnet()
    assert start.fingerprint()["weights"] != loaded.fingerprint()["weights"]
    assert np.abs(start(images) - loaded(images)).max() > 1e-3
    assert not loaded.network.trainable_variables


def test_resuming_is_exact(whole):
    """The trainer that continued and a new one resume to equal states."""
    training, folder, seen, _ = whole
    cut, mark = folder.parent / "cut", training.decoder.encoder.fingerprint()
    encoder = convnet(block="stage3_1")
    new = trainer(cut, DecoderWithEncoder(encoder, small_decoder(encoder)), encoder_rate=0.001)
    shutil.rmtree(folder)
    shutil.copytree(cut, folder)
    for each in (training, new):
        assert each.resume()
    assert training.decoder.encoder.fingerprint() == encoder.fingerprint() != mark
    for one, other in zip(read_state(training), read_state(new), strict=True):
        np.testing.assert_array_equal(one, other)
    assert losses(training) == seen[-2:]
    assert training.decoder.encoder.fingerprint() == mark


def test_a_run_that_trained_no_encoder_is_rejected(tmp_path):
    with pytest.raises(
        UserError,
        match=r"no checkpoint with an encoder in .*best; give a \.weights\.h5",
    ):
        convnet(weights=tmp_path)
    encoder = convnet()
    training = trainer(tmp_path, small_decoder(encoder))
    training.start_from_current_weights(0.0)
    with pytest.raises(
        UserError, match=r"has no encoder of its own: it was not trained with --finetune-encoder"
    ):
        convnet(weights=tmp_path)
