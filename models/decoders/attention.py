"""Attention over the locations of a photo.

A photo may have several rows (captions, beams): B = P·C queries to the keys of P photos.
"""

import keras
import tensorflow as tf

from models.decoders.layers import Dense


class AdditiveAttention(keras.layers.Layer):
    """Additive attention (Bahdanau et al. 2015): softmax of score = v · tanh(W query + U value)."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.query = Dense(units)
        self.key = Dense(units, use_bias=False)
        self.score = keras.layers.Dense(1, use_bias=False)

    def compute_keys(self, values: tf.Tensor) -> tf.Tensor:
        """Return the part of the score that depends on the photo only: (P, L, U) → (P, L, A)."""
        return self.key(values)

    def call(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """Return the attention (B, L) of query (B, U) over keys (P, L, A)."""
        photos = _count_photos(keys)
        _, locations, units = keys.shape
        queries = tf.reshape(self.query(query), [photos, -1, 1, units])  # (P, C, 1, A)
        keys = tf.expand_dims(keys, 1)  # (P, 1, L, A)
        scores = self.score(tf.tanh(queries + keys))  # (P, C, L, 1)
        return tf.nn.softmax(tf.reshape(scores, [-1, locations]))  # (B, L)


class DotAttention(keras.layers.Layer):
    """Dot-product attention (Luong et al. 2015): softmax of score = query · value.

    It has no weights: queries and values are of one width, and their layers learn to agree.
    """

    def compute_keys(self, values: tf.Tensor) -> tf.Tensor:
        """Return the values (P, L, U) themselves."""
        return values

    def call(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """Return the attention (B, L) of query (B, U) over keys (P, L, U)."""
        photos = _count_photos(keys)
        _, locations, units = keys.shape
        queries = tf.reshape(query, [photos, -1, units])  # (P, C, U)
        scores = tf.matmul(queries, keys, transpose_b=True)  # (P, C, L)
        return tf.reshape(tf.nn.softmax(scores, axis=-1), [-1, locations])  # (B, L)


def compute_context(attention: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Return Σ attention · value, (B, U), of attention (B, L) and values (P, L, U)."""
    photos = _count_photos(values)
    _, locations, units = values.shape
    attention = tf.reshape(attention, [photos, -1, locations])  # (P, C, L)
    context = tf.matmul(attention, values)  # (P, C, U)
    return tf.reshape(context, [-1, units])  # (B, U)


def _count_photos(tensor: tf.Tensor) -> int | tf.Tensor:
    """Return P of (P, …), as a number where the graph knows it."""
    return tensor.shape[0] or tf.shape(tensor)[0]


def pick_one_location(attention: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
    """Return a one-hot (B, L): the likeliest location, or with Gumbel noise (B, L) a drawn one."""
    if noise is None:
        scores = attention
    else:
        scores = tf.math.log(attention + 1e-30) + noise
    return tf.one_hot(tf.argmax(scores, axis=-1), attention.shape[-1], dtype=attention.dtype)


def make_gumbel_noise(uniform: tf.Tensor) -> tf.Tensor:
    """Return Gumbel noise of numbers in 0..1.

    log p + noise is largest at place i with probability pᵢ.
    """
    return -tf.math.log(-tf.math.log(tf.clip_by_value(uniform, 1e-20, 1 - 1e-7)))
