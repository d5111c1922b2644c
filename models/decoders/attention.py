"""Where to look: attention over the locations of a photo."""

import keras
import tensorflow as tf

from models.decoders.layers import Dense


class AdditiveAttention(keras.layers.Layer):
    """Bahdanau et al.: score = v · tanh(W query + U value), attention = softmax(score)

    A photo may have several rows (captions, beams): the query has B = P·C rows to the P photos of keys.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.query = Dense(units)
        self.key = Dense(units, use_bias=False)
        self.score = keras.layers.Dense(1, use_bias=False)

    def compute_keys(self, values: tf.Tensor) -> tf.Tensor:
        """The half of the score that depends on the photo alone: values (P, L, U) → keys (P, L, A)."""
        return self.key(values)

    def call(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """Attention (B, L) of query (B, U) over keys (P, L, A)."""
        photos, locations, units = keys.shape[0] or tf.shape(keys)[0], keys.shape[1], keys.shape[2]
        queries = tf.reshape(self.query(query), [photos, -1, 1, units])
        scores = self.score(tf.tanh(queries + tf.expand_dims(keys, 1)))  # (P, C, L, 1)
        return tf.nn.softmax(tf.reshape(scores, [-1, locations]))


class DotAttention(keras.layers.Layer):
    """Luong et al.: score = query · value, attention = softmax(score)

    It learns nothing itself: queries and values are of one width, and their layers learn to agree.
    """

    def compute_keys(self, values: tf.Tensor) -> tf.Tensor:
        """The values (P, L, U) themselves."""
        return values

    def call(self, query: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
        """Attention (B, L) of query (B, U) over keys (P, L, U)."""
        photos, locations, units = keys.shape[0] or tf.shape(keys)[0], keys.shape[1], keys.shape[2]
        scores = tf.matmul(
            tf.reshape(query, [photos, -1, units]), keys, transpose_b=True
        )  # (P, C, L)
        return tf.reshape(tf.nn.softmax(scores, axis=-1), [-1, locations])


def compute_context(attention: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """What is seen: Σ attention · value, (B, U) of attention (B, L) and values (P, L, U)."""
    photos, locations = values.shape[0] or tf.shape(values)[0], values.shape[1]
    seen = tf.matmul(tf.reshape(attention, [photos, -1, locations]), values)  # (P, C, U)
    return tf.reshape(seen, [-1, values.shape[2]])


def pick_one_location(attention: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
    """One-hot (B, L): the likeliest location; with Gumbel noise (B, L), one drawn by its attention."""
    chances = attention if noise is None else tf.math.log(attention + 1e-30) + noise
    return tf.one_hot(tf.argmax(chances, axis=-1), attention.shape[-1], dtype=attention.dtype)


def make_gumbel_noise(uniform: tf.Tensor) -> tf.Tensor:
    """Gumbel noise of numbers in 0..1: log p + noise is largest at place i with probability pᵢ."""
    return -tf.math.log(-tf.math.log(tf.clip_by_value(uniform, 1e-20, 1 - 1e-7)))
