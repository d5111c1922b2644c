"""Attention against its equations."""

import numpy as np
import tensorflow as tf

from models.decoders.attention import AdditiveAttention, DotAttention, compute_context


def test_additive_attention_against_the_equation():
    """Compare with score = v · tanh(W q + b + U k) in NumPy, for two rows a photo."""
    random = np.random.default_rng(0)
    query, values = random.random((4, 3), np.float32), random.random((2, 5, 3), np.float32)
    layer = AdditiveAttention(6)
    keys = layer.compute_keys(values)
    attention = layer(query, keys)
    context = compute_context(attention, values)
    weights = [
        variable.numpy()
        for variable in (layer.query.kernel, layer.query.bias, layer.key.kernel, layer.score.kernel)
    ]
    for row in range(4):
        photo = row // 2
        scores = (
            np.tanh(query[row] @ weights[0] + weights[1] + values[photo] @ weights[2])
            @ weights[3][:, 0]
        )
        wanted = np.exp(scores) / np.exp(scores).sum()
        np.testing.assert_allclose(attention[row], wanted, rtol=1e-4)
        np.testing.assert_allclose(context[row], wanted @ values[photo], rtol=1e-4)


def test_dot_attention_against_the_equation():
    """Compare with score = q · v in NumPy, for two rows a photo; it has no weights."""
    random = np.random.default_rng(0)
    query, values = (
        random.normal(size=(4, 3)).astype(np.float32),
        random.normal(size=(2, 5, 3)).astype(np.float32),
    )
    layer = DotAttention()
    attention = layer(tf.constant(query), layer.compute_keys(tf.constant(values)))
    for row in range(4):
        scores = values[row // 2] @ query[row]
        np.testing.assert_allclose(attention[row], np.exp(scores) / np.exp(scores).sum(), rtol=1e-4)
    assert layer.variables == []
