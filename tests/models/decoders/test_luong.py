"""The decoder of Luong et al. against its equations."""

import numpy as np
import tensorflow as tf

from tests.helpers.decoders import PHOTOS, fitting_decoder, sigmoid


def test_luong_against_the_equations(features):
    """Compare GRU, attention, sum, normalisation and logits with NumPy for two words."""
    decoder = fitting_decoder("luong")
    memory, state = decoder.begin(features)
    np.testing.assert_array_equal(state, np.zeros((PHOTOS, 16)))
    values = np.maximum(
        features.numpy() @ decoder.look.kernel.numpy() + decoder.look.bias.numpy(), 0
    )
    np.testing.assert_allclose(memory["values"], values, rtol=1e-5)
    kernel, inner, (bias, inner_bias) = (each.numpy() for each in decoder.cell.variables[:3])
    gain, shift = (variable.numpy() for variable in (decoder.norm.gamma, decoder.norm.beta))
    hidden = np.zeros((PHOTOS, 16))

    for word in (2, 5):
        logits, state, attention = decoder.step(tf.fill([PHOTOS], word), memory, state)
        told = decoder.embed.embeddings.numpy()[word] @ kernel + bias
        keep, reset, new = np.split(told + hidden @ inner + inner_bias, 3, axis=1)
        remembered = (hidden @ inner + inner_bias)[:, 32:]
        new = np.tanh(told[32:] + sigmoid(reset) * remembered)
        hidden = sigmoid(keep) * hidden + (1 - sigmoid(keep)) * new
        np.testing.assert_allclose(state, hidden, atol=1e-5)
        scores = np.einsum("pu,plu->pl", hidden, values)
        weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        np.testing.assert_allclose(attention, weights, rtol=1e-4)
        both = hidden + np.einsum("pl,plu->pu", weights, values)
        normed = (both - both.mean(axis=1, keepdims=True)) / np.sqrt(
            both.var(axis=1, keepdims=True) + decoder.norm.epsilon
        )
        wanted = (normed * gain + shift) @ decoder.words.kernel.numpy() + decoder.words.bias.numpy()
        np.testing.assert_allclose(logits, wanted, atol=1e-4)


def test_the_photo_does_not_change_the_state(features):
    """After equal words, states of different photos are equal, and logits are not."""
    decoder = fitting_decoder("luong")
    memory, state = decoder.begin(features)
    for word in (2, 5, 7):
        logits, state, _ = decoder.step(tf.fill([PHOTOS], word), memory, state)
    np.testing.assert_array_equal(state, np.tile(state[:1], (PHOTOS, 1)))
    assert np.abs(state).max() > 0
    assert np.abs(logits[0] - logits[1]).max() > 1e-3
