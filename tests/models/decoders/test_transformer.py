"""The transformer decoder beyond the contract, which test_base.py checks."""

import shutil
from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from models.decoders.base import begin_captions, check_max_length
from models.search.compiled import compile_search
from models.search.rules import Rules
from models.training.losses import CrossEntropy
from models.training.optimizers import build_adam
from models.training.trainer import Recipe, Trainer
from tests.helpers.decoders import small_decoder
from tests.helpers.training import DEPTH, LOCATIONS, InventedBatches, read_state
from utils.errors import UserError

FEATURES = tf.random.stateless_normal([2, 4, 3], [1, 2])
TOKENS = tf.constant(
    [[2, 5, 6, 7], [2, 8, 4, 4], [2, 6, 6, 5], [2, 4, 8, 7]]
)  # two captions a photo


def decoder(**sizes):
    return small_decoder("transformer", layers=2, **sizes)


def test_a_word_does_not_see_later_words():
    made = decoder()
    logits, attention = made(FEATURES, TOKENS)
    other, looked = made(FEATURES, tf.concat([TOKENS[:, :2], TOKENS[:, 2:] - 1], axis=1))
    np.testing.assert_allclose(other[:, :2], logits[:, :2], atol=1e-6)
    np.testing.assert_allclose(looked[:, :2], attention[:, :2], atol=1e-6)
    assert np.abs(other[:, 2] - logits[:, 2]).max() > 1e-3


def test_place_and_bias_start_as_zeros():
    made = decoder()
    assert not made.place.numpy().any()
    assert not made.bias.numpy().any()
    logits, _ = made(FEATURES, TOKENS)
    made.bias.assign(np.arange(9, dtype=np.float32))
    np.testing.assert_allclose(
        made(FEATURES, TOKENS)[0] - logits, np.broadcast_to(np.arange(9), logits.shape), atol=1e-5
    )
    made.place.assign(tf.random.stateless_normal(made.place.shape, [3, 4]))
    assert np.abs(made(FEATURES, TOKENS)[0] - np.arange(9) - logits).max() > 1e-3


def test_extra_weights_are_learned_unless_they_are_none():
    assert {"place", "bias"} <= {each.name for each in decoder().trainable_variables}
    frozen = decoder(extra_weights="none")
    assert {each.name for each in frozen.non_trainable_variables} >= {"place", "bias"}
    assert len(frozen.weights) == len(decoder().weights)


def test_features_as_wide_as_words_are_not_projected():
    assert decoder(depth=8).project is None
    assert decoder(depth=3).project.kernel.shape == (3, 8)


def test_a_block_is_gpt2s_with_cross_attention():
    """Compare with NumPy for a single word, which attends to itself, then to the photo."""
    made = small_decoder("transformer", units=4, heads=2, layers=1, inner=6, depth=4, epsilon=0.01)
    block, random = made.blocks[0], np.random.default_rng(0)
    for weight in block.weights:
        weight.assign(random.normal(size=weight.shape))
    word, photo = (
        random.normal(size=(1, 1, 4)).astype(np.float32),
        random.normal(size=(1, 3, 4)).astype(np.float32),
    )
    found, attention, _ = block(
        tf.constant(word), block.project_photos(tf.constant(photo)), tf.ones([1, 1, 1], tf.bool)
    )

    def norm(x, layer):
        return (x - x.mean()) / np.sqrt(x.var() + 0.01) * layer.gamma.numpy() + layer.beta.numpy()

    def heads(x, layer):
        return np.einsum("nu,uhd->hnd", x, layer.kernel.numpy()) + layer.bias.numpy()[:, None]

    def attend(query, value, layer):
        scores = np.einsum(
            "hqd,hkd->hqk", heads(query, layer.query_dense), heads(value, layer.key_dense)
        ) / np.sqrt(2)
        share = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
        told = np.einsum("hqk,hkd->qhd", share, heads(value, layer.value_dense))
        return np.einsum(
            "qhd,hdu->qu", told, layer.output_dense.kernel.numpy()
        ) + layer.output_dense.bias.numpy(), share

    x = word[0]
    asked = norm(x, block.norms[0])
    x = x + attend(asked, asked, block.self_attention)[0]
    told, share = attend(norm(x, block.norms[1]), photo[0], block.cross_attention)
    x = x + told
    wide = norm(x, block.norms[2]) @ block.widen.kernel.numpy() + block.widen.bias.numpy()
    wide = 0.5 * wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))
    x = x + wide @ block.narrow.kernel.numpy() + block.narrow.bias.numpy()
    np.testing.assert_allclose(found[0], x, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(attention[0], share.mean(axis=0), rtol=1e-4)


def test_the_state_has_room_for_steps_up_to_its_positions():
    made = decoder(positions=6)
    _, state = begin_captions(made, FEATURES, steps=5)
    assert [kept.shape for kept in state["kept"]] == [(2, 2, 5, 2, 4)] * 2
    assert made.begin(FEATURES)[1]["kept"][0].shape == (2, 2, 6, 2, 4)
    assert compile_search(made, Rules(2, 3, (0,), 5))(
        FEATURES, tf.zeros([2], tf.int32)
    ).tokens.shape == (2, 3, 6)
    with pytest.raises(
        UserError,
        match=r"--max-length must be at most 5 .*\(got 6\)",
    ):
        check_max_length(6, made.positions)
    check_max_length(5, made.positions)
    check_max_length(600, small_decoder("gru").positions)


def training(folder):
    """A transformer with dropout everywhere and AdamW, in its training of three epochs."""
    made = decoder(vocabulary=8, locations=LOCATIONS, depth=DEPTH, dropout=0.3)
    return Trainer(
        made,
        CrossEntropy(),
        InventedBatches(),
        Recipe(3, 0.01, 3, "cosine", 5.0, 9, 2),
        folder,
        optimizer=partial(build_adam, weight_decay=0.01),
    )


def test_resuming_within_an_epoch_is_exact(tmp_path):
    """The run's folder is copied in the second epoch after the fourth step.

    The trainer that went on restores the copy as a new one does; a new one would have to compile
    its steps first.
    """
    folder, copy = tmp_path / "run", tmp_path / "copy"
    trainer, losses = training(folder), []

    def progress(step, _steps, loss):
        losses.append((trainer.epoch, step, loss))
        if (trainer.epoch, step) == (1, 5) and not copy.exists():
            shutil.copytree(folder, copy)

    def train_to_the_end():
        losses.clear()
        while not trainer.is_finished:
            trainer.train_epoch(progress)
            trainer.finish_epoch(0.0)
        return list(losses)

    whole = train_to_the_end()
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    new = training(copy)
    for each in (trainer, new):
        assert each.resume()
        assert (each.epoch, each.step) == (1, 4)
    for one, other in zip(read_state(trainer), read_state(new), strict=True):
        np.testing.assert_array_equal(one, other)
    rest = train_to_the_end()
    assert rest == whole[-len(rest) :]
    assert len(rest) == 8


def test_decay_spares_biases_and_normalisations(tmp_path):
    made = decoder()
    recipe, decaying = (
        Recipe(1, 0.1, 0, "constant", 5.0, 1, 9),
        partial(build_adam, weight_decay=0.5),
    )
    optimizer = Trainer(
        made, CrossEntropy(), InventedBatches(), recipe, tmp_path, optimizer=decaying
    ).optimizers["decoder"]
    for variable in made.trainable_variables:
        variable.assign(tf.ones_like(variable))
    optimizer.apply(
        [tf.zeros_like(variable) for variable in made.trainable_variables], made.trainable_variables
    )
    spared = {
        variable.path for variable in made.trainable_variables if (variable.numpy() == 1).all()
    }
    assert spared == {
        variable.path
        for variable in made.trainable_variables
        if variable.path.rpartition("/")[2] in ("bias", "gamma", "beta")
    }
    assert made.embed.embeddings.path not in spared
    np.testing.assert_allclose(made.embed.embeddings, 1 - 0.1 * 0.5, rtol=1e-5)
