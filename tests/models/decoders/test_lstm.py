"""The LSTM decoder against its equations, and its hard attention against its statistics."""

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import lstm
from models.search.compiled import compile_search
from models.search.rules import Rules
from models.training.checkpoints import load_weights, make_checkpoint
from tests.helpers.decoders import CAPTIONS, DEPTH, LOCATIONS, PHOTOS, fitting_decoder, sigmoid


def test_the_lstm_against_the_equations():
    """Compare first state, gate, attention, two LSTM layers and deep output with NumPy."""
    decoder, random = fitting_decoder("lstm", layers=2), np.random.default_rng(0)
    features = random.random((2, LOCATIONS, DEPTH), np.float32)

    def dense(layer, values):
        return values @ layer.kernel.numpy() + (layer.bias.numpy() if layer.use_bias else 0)

    state = [
        [np.tanh(dense(first, features.mean(axis=1))) for first in layer] for layer in decoder.first
    ]
    _, first_state = decoder.begin(features)
    first_state = [[each.numpy() for each in layer] for layer in first_state["layers"]]
    for ours, theirs in zip(np.ravel(state), np.ravel(first_state), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4)
    words = np.array([3, 5])
    embedded, last = decoder.embed.embeddings.numpy()[words], state[-1][0]
    query = dense(decoder.attend.query, last)[:, None]
    scores = dense(decoder.attend.score, np.tanh(query + dense(decoder.attend.key, features)))[
        ..., 0
    ]
    attention = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gate = sigmoid(dense(decoder.gate, last))
    assert gate.shape == (2, 1) and (gate > 0).all() and (gate < 1).all()
    seen = gate * (attention[:, None] @ features)[:, 0]
    told = np.concatenate([embedded, seen], axis=1)
    for cell, (hidden, carried) in zip(decoder.cells, state, strict=True):
        gates = (
            told @ cell.kernel.numpy() + hidden @ cell.recurrent_kernel.numpy() + cell.bias.numpy()
        )
        enter, forget, new, leave = np.split(gates, 4, axis=1)
        told = sigmoid(leave) * np.tanh(sigmoid(forget) * carried + sigmoid(enter) * np.tanh(new))
    wanted = dense(
        decoder.words, embedded + dense(decoder.of_state, told) + dense(decoder.of_context, seen)
    )
    logits, _, looked = decoder.step(tf.constant(words), *decoder.begin(features))
    np.testing.assert_allclose(looked, attention, rtol=1e-4)
    np.testing.assert_allclose(logits, wanted, rtol=1e-3, atol=1e-5)


def show_only(memory, places):
    """Return memory in which all locations of a photo equal the one at its place (B,)."""
    seen = tf.gather(memory["values"], tf.constant(places), axis=1, batch_dims=1)
    return memory | {"values": tf.repeat(seen[:, None], LOCATIONS, axis=1)}


@pytest.fixture(scope="module")
def hard():
    """A decoder with hard attention that is far from even."""
    decoder = fitting_decoder("lstm", attention="hard", dropout=0.0)
    decoder.attend.score.kernel.assign(decoder.attend.score.kernel * 8)
    return decoder


def compute_first_attention(decoder, features):
    """Return the attention (P, L) before the first word, from which a location is chosen."""
    _, attention, _ = decoder.explore(features, tf.fill([len(features), 1], 2))
    return attention[:, 0].numpy()


def test_hard_attention_takes_only_the_likeliest_location(hard, features, tokens):
    memory, state = hard.begin(features)
    first = tokens[::CAPTIONS, 0]
    logits, _, looked = hard.step(first, memory, state)
    weights = compute_first_attention(hard, features)
    assert (
        0.2 < weights.max(axis=1).min() < weights.max() < 0.95
    )  # so the other locations would count
    likeliest = weights.argmax(axis=1)
    np.testing.assert_array_equal(looked, np.eye(LOCATIONS)[likeliest])
    np.testing.assert_allclose(
        hard.step(first, show_only(memory, likeliest), state)[0], logits, atol=1e-5
    )
    other, _, again = hard.step(first, show_only(memory, (likeliest + 1) % LOCATIONS), state)
    np.testing.assert_array_equal(again, looked)
    assert np.abs(other - logits).max(axis=1).min() > 1e-3


def is_likely(count, share, number):
    """Return whether a count is within four standard deviations of its share of `number`."""
    return abs(count - share * number) < 4 * np.sqrt(share * (1 - share) * number)


def test_in_training_half_of_captions_see_the_mean_half_draw(hard, features):
    """4,000 captions of a photo have equal first words, and so equal attention there."""
    rows = 4000
    tokens = tf.constant([[2, 5, 6]] * rows)
    logits, attention, drawn = (tensor.numpy() for tensor in hard.explore(features[:1], tokens))
    np.testing.assert_allclose(attention[:, 0], np.tile(attention[0, 0], (rows, 1)), atol=1e-6)
    assert set(np.unique(drawn)) == {0, 1}
    draws = drawn.sum(axis=2).all(axis=1)
    np.testing.assert_array_equal(
        drawn.sum(axis=2), np.repeat(draws[:, None], 3, axis=1)
    )  # a caption does one or the other
    assert is_likely(draws.sum(), 1 - lstm.EXPECTED_SHARE, rows)
    assert lstm.EXPECTED_SHARE == 0.5
    for place, share in enumerate(attention[0, 0]):
        assert is_likely(drawn[draws, 0, place].sum(), share, draws.sum())
    again = (attention[:, 1] * drawn[:, 0]).sum(axis=1)[
        draws
    ]  # the chance that the next word draws the same location
    assert is_likely((drawn[:, 0] * drawn[:, 1]).sum(), again.mean(), draws.sum())
    soft = fitting_decoder("lstm", dropout=0.0)
    for ours, theirs in zip(soft.weights, hard.weights, strict=True):
        ours.assign(theirs)
    mean, _ = soft(features[:1], tokens[:1])
    np.testing.assert_allclose(logits[~draws], np.tile(mean, ((~draws).sum(), 1, 1)), atol=1e-5)
    memory, state = hard.begin(tf.repeat(features[:1], 5, axis=0))
    for time in range(3):
        seen = show_only(memory, drawn[draws][:5, time].argmax(axis=1))
        step_logits, state, _ = hard.step(tokens[:5, time], seen, state)
        np.testing.assert_allclose(step_logits, logits[draws][:5, time], atol=1e-5)


def test_a_checkpoint_holds_the_state_of_the_draws(features, tokens, tmp_path):
    """Without it a resumed training would repeat its draws."""
    decoder = fitting_decoder("lstm", attention="hard")
    assert any(variable is decoder.chance.state for variable in decoder.variables)
    decoder.explore(features, tokens)
    tf.train.CheckpointManager(make_checkpoint(decoder), str(tmp_path / "best"), 1).save()
    next_drawn, after_next = (decoder.explore(features, tokens)[2] for _ in range(2))
    assert np.abs(after_next - next_drawn).max() == 1
    load_weights(decoder, tmp_path / "best")
    np.testing.assert_array_equal(decoder.explore(features, tokens)[2], next_drawn)


def compute_logits(decoder, features, tokens, seeds):
    """Return logits (P, T, V) along tokens (T,), with the locations that the seeds draw."""
    memory, state = decoder.begin(features, tf.constant(seeds))
    logits = []
    for token in tokens:
        each, state, _ = decoder.step(tf.repeat(token, len(features)), memory, state)
        logits.append(each)
    return tf.stack(logits, 1)


def test_draws_of_a_photo_depend_on_its_own_seed(hard, features):
    words = tf.constant([2, 5, 6, 7, 8])
    together = compute_logits(hard, features, words, [7, 8, 9])
    np.testing.assert_allclose(
        compute_logits(hard, features[1:2], words, [8]), together[1:2], atol=1e-5
    )
    others = compute_logits(
        hard, tf.repeat(features[1:2], 20, axis=0), words, list(range(9, 29))
    )  # some by chance draw the same
    assert sum(np.abs(others.numpy() - together[1:2]).max(axis=(1, 2)) > 1e-3) > 10


def test_locations_are_drawn_in_proportion_to_attention(hard, features):
    """1,000 seeds of a photo: each draw shows in its logits, which are those of one location."""
    photos, seeds = tf.repeat(features[:1], 1000, axis=0), tf.range(1000)

    @tf.function
    def first():
        memory, state = hard.begin(photos, seeds)
        return hard.step(tf.fill([1000], 2), memory, state)

    logits, _, looked = first()
    attention = compute_first_attention(hard, features[:1])
    memory, state = hard.begin(tf.repeat(features[:1], LOCATIONS, axis=0))
    of_one, _, _ = hard.step(
        tf.fill([LOCATIONS], 2), show_only(memory, list(range(LOCATIONS))), state
    )
    distance = np.abs(logits.numpy()[:, None] - of_one.numpy()[None]).max(axis=2)
    np.testing.assert_allclose(distance.min(axis=1), 0, atol=1e-5)
    drawn = np.bincount(distance.argmin(axis=1), minlength=LOCATIONS)
    assert all(
        is_likely(count, share, 1000) for count, share in zip(drawn, attention[0], strict=True)
    )
    np.testing.assert_array_equal(
        looked, np.eye(LOCATIONS)[distance.argmin(axis=1)]
    )  # and returned as attention


def test_a_search_draws_locations_only_on_request(hard, features):
    rules = Rules(2, 3, (0, 1, 2), max_length=3, beam=1)
    likeliest, drawn = (
        compile_search(hard, rules, samples_locations=each) for each in (False, True)
    )
    logs = {
        seed: drawn(features, tf.constant([seed] * PHOTOS)).log_probability.numpy()
        for seed in (1, 2)
    }
    without = likeliest(features, tf.constant([1] * PHOTOS)).log_probability.numpy()
    for one, other in ((logs[1], logs[2]), (logs[1], without), (logs[2], without)):
        assert np.abs(one - other).max() > 1e-3
    mixed = drawn(features, tf.constant([1, 2, 1])).log_probability.numpy()
    np.testing.assert_allclose(mixed, [logs[1][0], logs[2][1], logs[1][2]], atol=1e-5)


def test_without_attention_the_photo_acts_only_at_the_start(features):
    """Compare h₀, c₀ = LSTM(W mean(a), 0) of Show and Tell with NumPy.

    After that only the state depends on the photo.
    """
    decoder = fitting_decoder("lstm", attention="none")
    memory, state = decoder.begin(features)
    mean, (cell,) = features.numpy().mean(axis=1), decoder.cells
    told = mean @ decoder.glance.kernel.numpy() + decoder.glance.bias.numpy()
    enter, _, new, leave = np.split(told @ cell.kernel.numpy() + cell.bias.numpy(), 4, axis=1)

    carried = sigmoid(enter) * np.tanh(new)
    (first_state,) = state["layers"]
    np.testing.assert_allclose(first_state[1], carried, atol=1e-5)
    np.testing.assert_allclose(first_state[0], sigmoid(leave) * np.tanh(carried), atol=1e-5)
    words = tf.constant([2, 2, 2])
    logits, after, attention = decoder.step(words, memory, state)
    np.testing.assert_allclose(attention, 1 / LOCATIONS)
    others, _ = decoder.begin(features[::-1])
    np.testing.assert_array_equal(decoder.step(words, others, state)[0], logits)
    assert np.abs(logits[0] - logits[1]).max() > 1e-3  # which only the states tell apart
    again, _, _ = decoder.step(words, others, after)
    np.testing.assert_array_equal(decoder.step(words, memory, after)[0], again)
