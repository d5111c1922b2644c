"""CLIP's text half: tokens to one vector a text."""

from collections.abc import Callable

import keras
import tensorflow as tf


def quick_gelu(values: tf.Tensor) -> tf.Tensor:
    """Return the activation of OpenAI's models."""
    return values * tf.sigmoid(1.702 * values)


ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "quick_gelu": quick_gelu,
    "gelu": keras.activations.gelu,
}


class TextBlock(keras.layers.Layer):
    """A block of the text half, in which a token sees itself and those before it:

    x ← x + attend(norm(x))
    x ← x + W activation(W norm(x))
    """

    def __init__(
        self, name: str, *, units: int, heads: int, inner: int, activation: str, epsilon: float
    ) -> None:
        """`inner` is the width between the last two products."""
        super().__init__(name=name)
        self.attention_norm = keras.layers.LayerNormalization(epsilon=epsilon, name="layer_norm_1")
        self.attention = keras.layers.MultiHeadAttention(heads, units // heads, name="attention")
        self.feedforward_norm = keras.layers.LayerNormalization(
            epsilon=epsilon, name="layer_norm_2"
        )
        self.widen = keras.layers.Dense(inner, activation=ACTIVATIONS[activation], name="dense_1")
        self.narrow = keras.layers.Dense(units, name="dense_2")

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the variables for tokens (B, T, U)."""
        self.attention.build(shape, shape)
        for layer in (self.attention_norm, self.feedforward_norm, self.widen):
            layer.build(shape)
        self.narrow.build((*shape[:-1], self.widen.units))
        self.built = True

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        """(B, T, U) → (B, T, U)."""
        values = self.attention_norm(tokens)
        tokens = tokens + self.attention(values, values, use_causal_mask=True)
        values = self.feedforward_norm(tokens)
        return tokens + self.narrow(self.widen(values))


class TextTower(keras.Model):
    """A transformer over the tokens of a text, whose state at the end token is projected.

    The layers have the names of KerasHub's vision tower, so both read weights by one table.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        positions: int,
        units: int,
        layers: int,
        heads: int,
        inner: int,
        activation: str,
        epsilon: float,
        projection: int,
    ) -> None:
        """`positions` is the most tokens of a text, `projection` the width E of the vectors."""
        super().__init__(name="text_tower")
        self.token_embedding = keras.layers.Embedding(vocabulary, units, name="token_embedding")
        self.position_embedding = keras.layers.Embedding(
            positions, units, name="position_embedding"
        )
        self.blocks = [
            TextBlock(
                f"encoder_block_{number}",
                units=units,
                heads=heads,
                inner=inner,
                activation=activation,
                epsilon=epsilon,
            )
            for number in range(layers)
        ]
        self.last_norm = keras.layers.LayerNormalization(epsilon=epsilon, name="layer_norm")
        self.project = keras.layers.Dense(projection, use_bias=False, name="projection")
        shape = (None, None, units)
        for layer in (self.token_embedding, self.position_embedding):
            layer.build((None, None))
        for layer in (*self.blocks, self.last_norm, self.project):
            layer.build(shape)
        self.built = True

    def call(self, tokens: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
        """Return the vectors (B, E) of tokens (B, T) with their end tokens at `ends` (B,).

        No token sees a later one, so what follows the end token does not matter.
        """
        places = tf.range(tf.shape(tokens)[1])
        states = self.token_embedding(tokens) + self.position_embedding(places)  # (B, T, U)
        for block in self.blocks:
            states = block(states)
        last_states = tf.gather(states, ends, batch_dims=1)  # (B, U)
        return self.project(self.last_norm(last_states))
