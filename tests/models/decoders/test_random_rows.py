"""Random numbers that do not depend on the number of workers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from models.decoders import build_decoder
from models.decoders.random_rows import Dropout, draw_uniform, use_share
from tests.helpers.training import DEPTH, LOCATIONS, invented_decoder
from utils.shares import Share

PHOTOS, CAPTIONS = 5, 2


def join_shares(compute, workers):
    """Compute every worker's share, and put the rows in their order in the whole batch."""
    rows = {}
    for worker in range(workers):
        share = Share(PHOTOS, worker, workers)
        with use_share(share):
            found = compute(share)
        for place, row in zip(share.find_places(CAPTIONS), found, strict=True):
            rows.setdefault(place, row)
    return np.stack([rows[place] for place in sorted(rows)])


@pytest.mark.parametrize("noise_shape", [None, (None, 1, None)])
@pytest.mark.parametrize("workers", [2, 3])
def test_masks_of_all_workers_are_one_workers_mask(noise_shape, workers):
    inputs = np.random.default_rng(0).standard_normal((PHOTOS * CAPTIONS, 3, 4), np.float32)
    alone = keras.layers.Dropout(0.5, noise_shape=noise_shape, seed=7)(inputs, training=True)

    def drop(share):
        layer = Dropout(0.5, noise_shape=noise_shape, seed=7)
        return layer(inputs[share.find_places(CAPTIONS)], training=True).numpy()

    assert (join_shares(drop, workers) == alone.numpy()).all()
    assert 0.2 < (alone.numpy() == 0).mean() < 0.8


def test_uniform_numbers_of_all_workers_are_one_workers():
    alone = draw_uniform([PHOTOS * CAPTIONS, 3], keras.random.SeedGenerator(7))

    def draw(share):
        return draw_uniform([share.size * CAPTIONS, 3], keras.random.SeedGenerator(7)).numpy()

    assert (join_shares(draw, 2) == alone.numpy()).all()


@pytest.mark.parametrize("name", ["gru", "luong", "lstm", "hard", "transformer", "bert", "git"])
def test_logits_in_training_do_not_depend_on_workers(name, uncompiled):
    """Every decoder, with the dropout that KerasHub makes within its attention."""
    random = np.random.default_rng(0)
    features = random.standard_normal((PHOTOS, LOCATIONS, DEPTH)).astype(np.float32)
    tokens = random.integers(4, 8, (PHOTOS * CAPTIONS, 3)).astype(np.int32)

    def build():
        if name in ("transformer", "bert", "git"):
            sizes = {"units": 16, "layers": 1, "heads": 2, "dropout": 0.3}
            return build_decoder(
                name, seed=0, vocabulary=8, locations=LOCATIONS, depth=DEPTH, **sizes
            )
        if name == "hard":
            return invented_decoder("lstm", attention="hard")
        return invented_decoder(name)

    alone, _ = build()(tf.constant(features), tf.constant(tokens), training=True)
    without, _ = build()(tf.constant(features), tf.constant(tokens), training=False)
    assert np.abs(alone - without).max() > 1e-3

    def compute(share):
        own_features = share.pad(share.take(features))
        own_tokens = tokens[share.find_places(CAPTIONS)]
        logits, _ = build()(tf.constant(own_features), tf.constant(own_tokens), training=True)
        return logits.numpy()

    np.testing.assert_allclose(join_shares(compute, 2), alone, atol=1e-5)
