"""Losses against values worked by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import build_decoder, lstm
from models.training.losses import (
    HardAttention,
    doubly_stochastic_penalty,
    hard_attention_loss,
    masked_loss,
    token_losses,
)


def test_masked_loss_has_no_padding():
    logits = tf.constant([[[0.0, 0.0], [9.0, -9.0]]])
    assert float(masked_loss(logits, tf.constant([[1, 0]]))) == pytest.approx(np.log(2))


def test_the_doubly_stochastic_penalty_by_hand():
    """Two locations. Caption one looks 1.5 and 0.5 times, which is 0.5² + 0.5².

    Caption two, whose last word is padding, looks 1 and 0 times, which is 1.
    """
    attention = tf.constant([[[1.0, 0.0], [0.5, 0.5]], [[1.0, 0.0], [0.3, 0.7]]])
    assert float(
        doubly_stochastic_penalty(attention, tf.constant([[5, 3], [3, 0]]))
    ) == pytest.approx((0.5 + 1) / 3)
    alone = float(doubly_stochastic_penalty(attention[:1], tf.constant([[5, 3]])))
    assert alone == pytest.approx(0.5 / 2)
    filled = float(doubly_stochastic_penalty(attention, tf.constant([[5, 3], [0, 0]])))
    assert filled == pytest.approx(alone)  # a row that only fills the batch does not count
    assert float(doubly_stochastic_penalty(attention, tf.zeros([2, 2], tf.int32))) == 0


# Two captions of a photo with two locations. The first samples a location before each word, and its
# last word is padding. The second uses the mean of all locations.
TARGETS = np.array([[5, 3, 0], [4, 6, 3]])
LOSSES = np.array([[1.0, 2.0, 0.0], [0.5, 0.25, 0.75]], np.float32)
ATTENTION = np.array(
    [[[0.8, 0.2], [0.4, 0.6], [0.5, 0.5]], [[0.5, 0.5], [0.9, 0.1], [0.3, 0.7]]], np.float32
)
SAMPLED = np.array([[[1, 0], [0, 1], [1, 0]], [[0, 0], [0, 0], [0, 0]]], np.float32)
ADVANTAGE = -3.0 - 2 * -1.2  # of the first caption: its log p, less the baseline of its two words
ENTROPY = -np.sum(ATTENTION * np.log(ATTENTION), axis=2)
COUNTS = (TARGETS != 0).astype(np.float32)


def test_the_hard_attention_loss_by_hand():
    found = hard_attention_loss(
        LOSSES, ATTENTION, SAMPLED, TARGETS, baseline=tf.constant(-1.2), reward=0.7, entropy=0.3
    )
    chosen = np.log(0.8) + np.log(0.6)
    assert float(found) == pytest.approx(
        (4.5 - 0.7 * ADVANTAGE * chosen - 0.3 * np.sum(ENTROPY * COUNTS)) / 5
    )
    plain = hard_attention_loss(
        LOSSES, ATTENTION, SAMPLED, TARGETS, baseline=tf.constant(-1.2), reward=0.0, entropy=0.0
    )
    assert float(plain) == pytest.approx(4.5 / 5)


def test_the_hard_attention_gradient_by_hand():
    """With attention = softmax(u): ∂log αₛ/∂uᵢ = [i = s] − αᵢ and ∂H/∂uᵢ = −αᵢ (log αᵢ + H).

    The gradient of a word's loss is that of the loss alone, not of the reward that it gives.
    """
    scores, losses = tf.constant(np.log(ATTENTION)), tf.constant(LOSSES)
    with tf.GradientTape() as tape:
        tape.watch([scores, losses])
        total = hard_attention_loss(
            losses,
            tf.nn.softmax(scores),
            SAMPLED,
            TARGETS,
            baseline=tf.constant(-1.2),
            reward=0.7,
            entropy=0.3,
        )
    of_scores, of_losses = tape.gradient(total, [scores, losses])
    of_chosen = (SAMPLED - ATTENTION) * SAMPLED.sum(axis=2, keepdims=True)
    of_entropy = -ATTENTION * (np.log(ATTENTION) + ENTROPY[..., None])
    wanted = -(0.7 * ADVANTAGE * of_chosen + 0.3 * of_entropy) * COUNTS[..., None] / 5
    np.testing.assert_allclose(of_scores, wanted, atol=1e-6)
    np.testing.assert_allclose(of_losses, np.full((2, 3), 1 / 5), rtol=1e-6)


CAPTION = [2, 5, 3]


def list_variables(decoder):
    """Some variables of each kind: those of attention and those after it."""
    layers = (
        decoder.attend.query,
        decoder.attend.key,
        decoder.attend.score,
        decoder.gate,
        decoder.cells[0],
        decoder.words,
    )
    return [layer.kernel.value for layer in layers]


def lower_bound(decoder, memory, state, words):
    """Σ p(s|a) log p(y|s, a) over all sequences of locations."""
    if len(words) < 2:
        return 0.0
    total = 0.0
    attention = decoder.attend(state["layers"][-1][0], memory["keys"])
    for place in range(2):
        only = memory | {"values": tf.repeat(memory["values"][:, place : place + 1], 2, axis=1)}
        logits, after, _ = decoder.step(tf.constant(words[:1]), only, state)
        here = tf.nn.log_softmax(logits)[0, words[1]]
        total += attention[0, place] * (here + lower_bound(decoder, memory, after, words[1:]))
    return total


def test_the_mean_gradient_is_that_of_the_lower_bound(monkeypatch):
    """40,000 samples of two locations for two words, against all four sequences.

    The baseline does not matter.
    """
    decoder = build_decoder(
        "lstm",
        seed=3,
        vocabulary=9,
        locations=2,
        depth=5,
        units=8,
        embedding=6,
        attention_units=4,
        dropout=0.0,
        attention="hard",
    )
    random = np.random.default_rng(0)
    features = tf.constant(random.normal(size=(1, 2, 5)) * 2, tf.float32)
    for variable in decoder.trainable_variables:  # large enough to matter
        variable.assign(random.normal(size=variable.shape) * 0.6)
    with tf.GradientTape() as tape:
        bound = -lower_bound(decoder, *decoder.begin(features), CAPTION) / 2  # by word
    exact = tape.gradient(bound, list_variables(decoder))
    monkeypatch.setattr(lstm, "EXPECTED_SHARE", 0.0)
    tokens = tf.constant([CAPTION] * 40_000)
    with tf.GradientTape(persistent=True) as tape:
        logits, attention, sampled = decoder.explore(features, tokens[:, :-1])
        losses = token_losses(logits, tokens[:, 1:])
        totals = [
            hard_attention_loss(
                losses,
                attention,
                sampled,
                tokens[:, 1:],
                baseline=tf.constant(baseline),
                reward=1.0,
                entropy=0.0,
            )
            for baseline in (-4.0, -3.0, -2.0)
        ]
    np.testing.assert_array_equal(tf.reduce_sum(sampled, axis=2), 1)
    for total in totals:
        for ours, theirs in zip(tape.gradient(total, list_variables(decoder)), exact, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=0.05 * np.abs(theirs).max())


def test_the_baseline_is_a_moving_average_of_log_p():
    """Batches of one caption, whose logits are given as features.

    A batch uses the average before it.
    """
    objective = HardAttention(0.5)
    decoder = SimpleNamespace(
        explore=lambda logits, _tokens: (
            logits,
            tf.constant(ATTENTION[:1]),
            tf.constant(SAMPLED[:1]),
        )
    )
    step = tf.function(lambda logits, tokens: objective.compute_loss(decoder, logits, tokens))
    tokens = tf.constant([[2, *TARGETS[0]]], tf.int32)
    average = None
    for number in range(3):
        logits = tf.constant(np.random.default_rng(number).normal(size=(1, 3, 7)), tf.float32)
        loss, total = step(logits, tokens)
        plain = float(masked_loss(logits, tokens[:, 1:]))
        before = -plain if average is None else average
        average = 0.9 * before - 0.1 * plain
        assert float(loss) == pytest.approx(plain, rel=1e-6)
        assert float(objective.baseline) == pytest.approx(average, rel=1e-5)
        wanted = hard_attention_loss(
            token_losses(logits, tokens[:, 1:]),
            ATTENTION[:1],
            SAMPLED[:1],
            tokens[:, 1:],
            baseline=tf.constant(before),
            reward=1.0,
            entropy=0.002,
        )
        wanted += 0.5 * doubly_stochastic_penalty(tf.constant(ATTENTION[:1]), tokens[:, 1:])
        assert float(total) == pytest.approx(float(wanted), rel=1e-5)
    assert objective.variables == {"baseline": objective.baseline}
    assert objective.report(3) == {}
