"""The BERT decoder beyond the contract, which test_base.py checks."""

from math import erf

import numpy as np
import pytest
import tensorflow as tf

from models.decoders.base import begin_captions
from tests.helpers.decoders import small_decoder

EPSILON = 0.01
gelu = np.vectorize(lambda x: 0.5 * x * (1 + erf(x / 2**0.5)))


def make_decoder(**sizes):
    """Build a decoder with random weights everywhere, also where they start as zeros and ones."""
    made = small_decoder("bert", **({"units": 4, "inner": 6, "epsilon": EPSILON} | sizes))
    random = np.random.default_rng(0)
    for weight in made.weights:
        weight.assign(random.normal(size=weight.shape))
    return made


def norm(x, layer):
    deviations = np.sqrt(x.var(axis=-1, keepdims=True) + EPSILON)
    return (x - x.mean(axis=-1, keepdims=True)) / deviations * layer.gamma + layer.beta


def split_heads(x, layer):
    return np.einsum("nu,uhd->hnd", x, layer.kernel) + np.asarray(layer.bias)[:, None]


def attend(query, value, layer):
    """Return the result (N, U) and the attention (H, N, L) of queries (N, U) to values (L, D)."""
    keys = split_heads(value, layer.key_dense)
    scores = np.einsum("hqd,hkd->hqk", split_heads(query, layer.query_dense), keys)
    powers = np.exp(scores / np.sqrt(keys.shape[-1]))
    attention = powers / powers.sum(axis=-1, keepdims=True)
    heads = np.einsum("hqk,hkd->hqd", attention, split_heads(value, layer.value_dense))
    output = np.einsum("hqd,hdu->qu", heads, layer.output_dense.kernel)
    return output + layer.output_dense.bias, attention


def test_the_first_word_gets_berts_logits():
    """Compare with NumPy for a start token, which attends to itself, then to the photo."""
    made = make_decoder()
    features = np.random.default_rng(1).normal(size=(1, 4, 3)).astype(np.float32)
    memory, state = begin_captions(made, tf.constant(features), steps=5)
    logits, _, attention = made.step(tf.constant([2]), memory, state)

    x = made.embed.embeddings[2:3] + made.position.embeddings[:1]
    x = norm(np.asarray(x), made.embed_norm)
    block = made.blocks[0]
    photo = features[0] + made.place
    x = norm(x + attend(x, x, block.self_attention)[0], block.norms[0])
    attended, shares = attend(x, photo, block.cross_attention)
    x = norm(x + attended, block.norms[1])
    wide = gelu(x @ block.widen.kernel + block.widen.bias)
    x = norm(x + wide @ block.narrow.kernel + block.narrow.bias, block.norms[2])
    x = norm(gelu(x @ made.transform.kernel + made.transform.bias), made.norm)
    wanted = x @ np.transpose(made.embed.embeddings) + made.bias
    np.testing.assert_allclose(logits, wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(attention, shares.mean(axis=0), rtol=1e-4)


@pytest.mark.parametrize("depth", [3, 4, 9])
def test_photos_may_be_wider_or_narrower_than_words(depth):
    made = small_decoder("bert", units=4, depth=depth)
    assert made.blocks[0].cross_attention.key_dense.kernel.shape == (depth, 2, 2)
    assert made.place.shape == (4, depth)
    assert not made.place.numpy().any()


def test_words_for_another_vocabulary_are_found():
    made = small_decoder("bert", vocabulary=9)
    variables = made.find_token_variables()
    assert [(variable.shape, axis) for variable, axis in variables] == [((9, 8), 0), ((9,), 0)]
    assert variables[0][0] is made.embed.embeddings
