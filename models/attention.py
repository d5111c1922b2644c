"""Where to look: attention over the locations of a photo."""

import keras
import tensorflow as tf


class AdditiveAttention(keras.layers.Layer):
    """Bahdanau et al.: score = v · tanh(W query + U value), attention = softmax(score), context = Σ attention · value

    A photo may have several rows (captions, beams): the query has B = P·C rows to the P photos of keys and values.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.query = keras.layers.Dense(units)
        self.key = keras.layers.Dense(units, use_bias=False)
        self.score = keras.layers.Dense(1, use_bias=False)

    def keys(self, values: tf.Tensor) -> tf.Tensor:
        """The half of the score that depends on the photo alone: values (P, L, U) → keys (P, L, A)."""
        return self.key(values)

    def call(self, query: tf.Tensor, keys: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Context (B, U) and attention (B, L) of query (B, U) over keys (P, L, A) and values (P, L, U)."""
        photos, locations, units = keys.shape[0] or tf.shape(keys)[0], keys.shape[1], keys.shape[2]
        queries = tf.reshape(self.query(query), [photos, -1, 1, units])
        scores = self.score(tf.tanh(queries + keys[:, None]))[..., 0]  # (P, C, L)
        attention = tf.nn.softmax(scores, axis=-1)
        context = tf.matmul(attention, values)  # (P, C, U)
        return tf.reshape(context, [-1, values.shape[2]]), tf.reshape(attention, [-1, locations])
