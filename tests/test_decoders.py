"""The decoder contract, over every registered decoder."""

import numpy as np
import pytest
import tensorflow as tf

from models.attention import AdditiveAttention, context
from models.checkpoint import decoder_checkpoint, load_decoder
from models.decoder import repeat_rows
from models.decoders import DECODERS, build_decoder
from models.objectives import masked_loss
from utils.errors import Refusal, WrongArgument

PHOTOS, CAPTIONS, LOCATIONS, DEPTH, STEPS, VOCABULARY = 3, 2, 9, 7, 5, 11


def small(name="gru", seed=0, dropout=0.3, **more):
    return build_decoder(name, seed=seed, vocabulary=VOCABULARY, locations=LOCATIONS, depth=DEPTH, units=16, embedding=8,
                         attention_units=6, dropout=dropout, **more)


@pytest.fixture(scope="module")
def features():
    return tf.constant(np.random.default_rng(0).random((PHOTOS, LOCATIONS, DEPTH)), tf.float32)


@pytest.fixture(scope="module")
def tokens():
    return tf.constant(np.random.default_rng(1).integers(1, VOCABULARY, (PHOTOS * CAPTIONS, STEPS)), tf.int32)


@pytest.mark.parametrize("name", DECODERS)
class TestEveryDecoder:
    def test_shapes_and_attention_is_a_distribution(self, name, features, tokens):
        logits, attention = small(name)(features, tokens)
        assert logits.shape == (PHOTOS * CAPTIONS, STEPS, VOCABULARY)
        assert attention.shape == (PHOTOS * CAPTIONS, STEPS, LOCATIONS)
        assert np.isfinite(logits).all()
        np.testing.assert_allclose(tf.reduce_sum(attention, -1), 1, rtol=1e-5)

    def test_call_equals_repeated_step(self, name, features, tokens):
        decoder = small(name)
        logits, attention = decoder(features, tokens)
        memory, state = decoder.begin(features)
        state = repeat_rows(state, CAPTIONS)
        for time in range(STEPS):
            step_logits, state, step_attention = decoder.step(tokens[:, time], memory, state)
            np.testing.assert_allclose(step_logits, logits[:, time], atol=1e-5)
            np.testing.assert_allclose(step_attention, attention[:, time], atol=1e-5)

    def test_a_photo_s_captions_depend_on_that_photo_alone(self, name, features, tokens):
        """Rows 2 and 3 belong to photo 1: alone with it they get the same logits as among the others."""
        decoder = small(name)
        together, _ = decoder(features, tokens)
        alone, _ = decoder(features[1:2], tokens[2:4])
        np.testing.assert_allclose(together[2:4], alone, atol=1e-5)

    def test_every_variable_gets_a_gradient(self, name, features, tokens):
        decoder = small(name)
        with tf.GradientTape() as tape:
            logits, _ = decoder(features, tokens[:, :-1], training=True)
            loss = masked_loss(logits, tokens[:, 1:])
        for variable, gradient in zip(decoder.trainable_variables,
                                      tape.gradient(loss, decoder.trainable_variables), strict=True):
            assert gradient is not None, variable.path
            assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path

    def test_the_same_graph_compiled(self, name, features, tokens):
        decoder = small(name)
        eager, _ = decoder(features, tokens)
        compiled, _ = tf.function(lambda *each: decoder(*each), jit_compile=True)(features, tokens)
        np.testing.assert_allclose(compiled, eager, atol=1e-4)

    def test_equal_seeds_give_equal_weights(self, name, features, tokens):
        for one, two in zip(small(name).variables, small(name).variables, strict=True):
            np.testing.assert_array_equal(one.numpy(), two.numpy())
        other, _ = small(name, seed=1)(features, tokens)
        assert np.abs(other - small(name)(features, tokens)[0]).max() > 1e-3

    def test_saved_and_loaded_gives_equal_outputs(self, name, features, tokens, tmp_path):
        decoder, other = small(name), small(name, seed=1)
        tf.train.CheckpointManager(decoder_checkpoint(decoder), str(tmp_path / "best"), 1).save()
        load_decoder(other, tmp_path / "best")
        np.testing.assert_array_equal(other(features, tokens)[0], decoder(features, tokens)[0])

    def test_a_checkpoint_cut_short_is_refused_by_name(self, name, tmp_path):
        tf.train.CheckpointManager(decoder_checkpoint(small(name)), str(tmp_path / "best"), 1).save()
        data = next((tmp_path / "best").glob("*.data*"))
        data.write_bytes(data.read_bytes()[:100])
        with pytest.raises(Refusal, match="best/ckpt-1 is cut short"):
            load_decoder(small(name), tmp_path / "best")


def test_additive_attention_against_the_equation():
    """score = v · tanh(W q + b + U k), worked out in NumPy for two rows a photo."""
    random = np.random.default_rng(0)
    query, values = random.random((4, 3), np.float32), random.random((2, 5, 3), np.float32)
    layer = AdditiveAttention(6)
    keys = layer.keys(values)
    attention = layer(query, keys)
    seen = context(attention, values)
    weights = [variable.numpy() for variable in (layer.query.kernel, layer.query.bias, layer.key.kernel, layer.score.kernel)]
    for row in range(4):
        photo = row // 2
        scores = np.tanh(query[row] @ weights[0] + weights[1] + values[photo] @ weights[2]) @ weights[3][:, 0]
        wanted = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(attention[row], wanted, rtol=1e-4)
        np.testing.assert_allclose(seen[row], wanted @ values[photo], rtol=1e-4)


def test_an_unknown_decoder_is_answered_with_the_nearest():
    with pytest.raises(WrongArgument, match="unknown decoder 'gur'; did you mean 'gru'"):
        build_decoder("gur", seed=0)


def test_the_lstm_against_the_equations():
    """First state from the mean feature, gate, attention asked by the state, LSTM and deep output, worked out in NumPy."""
    decoder, random = small("lstm", layers=2), np.random.default_rng(0)
    features = random.random((2, LOCATIONS, DEPTH), np.float32)

    def dense(layer, values):
        return values @ layer.kernel.numpy() + (layer.bias.numpy() if layer.use_bias else 0)

    def sigmoid(values):
        return 1 / (1 + np.exp(-values))

    state = [[np.tanh(dense(first, features.mean(axis=1))) for first in layer] for layer in decoder.first]
    _, begun = decoder.begin(features)
    begun = [[each.numpy() for each in layer] for layer in begun["layers"]]
    for ours, theirs in zip(np.ravel(state), np.ravel(begun), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-4)
    words = np.array([3, 5])
    embedded, last = decoder.embed.embeddings.numpy()[words], state[-1][0]
    query = dense(decoder.attend.query, last)[:, None]
    scores = dense(decoder.attend.score, np.tanh(query + dense(decoder.attend.key, features)))[..., 0]
    attention = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    gate = sigmoid(dense(decoder.gate, last))
    assert gate.shape == (2, 1) and (gate > 0).all() and (gate < 1).all()
    seen = gate * (attention[:, None] @ features)[:, 0]
    told = np.concatenate([embedded, seen], axis=1)
    for cell, (hidden, carried) in zip(decoder.cells, state, strict=True):
        gates = told @ cell.kernel.numpy() + hidden @ cell.recurrent_kernel.numpy() + cell.bias.numpy()
        enter, forget, new, leave = np.split(gates, 4, axis=1)
        told = sigmoid(leave) * np.tanh(sigmoid(forget) * carried + sigmoid(enter) * np.tanh(new))
    wanted = dense(decoder.words, embedded + dense(decoder.of_state, told) + dense(decoder.of_context, seen))
    logits, _, looked = decoder.step(tf.constant(words), *decoder.begin(features))
    np.testing.assert_allclose(looked, attention, rtol=1e-4)
    np.testing.assert_allclose(logits, wanted, rtol=1e-3, atol=1e-5)
