"""A transformer decoder as GPT-2 is one, with cross-attention to the photo."""

from typing import Any

import keras
import tensorflow as tf

from models.decoders.base import Decoder, repeat_for_crops, select_places
from models.decoders.layers import Dense, multiply

State = dict[
    str, Any
]  # `time` (B,): words so far; `kept`: the keys and values (B, 2, T, H, U/H) of each block
POSITIONS = 64  # words that a decoder from random weights can tell the places of


def _normal(stddev: float = 0.02) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=stddev)


class Block(keras.layers.Layer):
    """GPT-2's block with cross-attention between its two halves:

        x ← x + selfattend(norm(x))        to the words until now
        x ← x + attend(norm(x), photo)
        x ← x + W gelu(W norm(x))

    The layers have KerasHub's names for them, so that weights are taken over by name.
    """

    def __init__(
        self,
        name: str,
        *,
        units: int,
        heads: int,
        inner: int,
        dropout: float,
        epsilon: float,
        layers: int,
    ) -> None:
        """`layers` is how many blocks there are: what each adds starts smaller the more there are (Radford et al. 2019)."""
        from keras_hub.layers import (
            CachedMultiHeadAttention,
        )  # here, for its import takes others' time too

        super().__init__(name=name)

        def attention(name: str) -> CachedMultiHeadAttention:
            return CachedMultiHeadAttention(
                heads, units // heads, dropout=dropout, kernel_initializer=_normal(), name=name
            )

        def norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(epsilon=epsilon, name=name)

        self.self_attention, self.cross_attention = (
            attention("self_attention"),
            attention("cross_attention"),
        )
        self.norms = [
            norm("self_attention_layer_norm"),
            norm("cross_attention_layer_norm"),
            norm("feedforward_layer_norm"),
        ]
        self.widen = Dense(
            inner,
            activation=lambda x: keras.activations.gelu(x, approximate=True),
            kernel_initializer=_normal(),
            name="feedforward_intermediate_dense",
        )
        self.narrow = Dense(
            units,
            kernel_initializer=_normal(0.02 / (2 * layers) ** 0.5),
            name="feedforward_output_dense",
        )
        self.drop = keras.layers.Dropout(dropout)
        self.build((None, None, units))

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Of words (B, T, U); photos are as wide."""
        for attention in (self.self_attention, self.cross_attention):
            attention.build(shape, shape)
        for layer in (*self.norms, self.widen):
            layer.build(shape)
        self.narrow.build((*shape[:-1], self.widen.units))
        self.built = True

    def seen(self, values: tf.Tensor) -> tf.Tensor:
        """Keys and values (P, 2, L, H, U/H) of photos (P, L, U): what cross-attention needs of them, at every word."""
        return tf.stack(
            [self.cross_attention.key_dense(values), self.cross_attention.value_dense(values)],
            axis=1,
        )

    def call(
        self,
        words: tf.Tensor,
        seen: tf.Tensor,
        mask: tf.Tensor,
        kept: tf.Tensor | None = None,
        time: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Words (B, T, U), attention (B, T, L), and what is kept of the words so far. `mask` says to which words a word
        attends; with `kept`, the words are put there at `time`."""
        first, second, third = self.norms
        told = first(words)
        told = self.self_attention(
            told, told, attention_mask=mask, cache=kept, cache_update_index=time, training=training
        )
        if kept is not None:
            told, kept = told
        words = words + self.drop(told, training=training)

        # The captions of a photo ask one after the other, as if they were one long caption: the photo is not repeated.
        photos = seen.shape[0] or tf.shape(seen)[0]
        asked = tf.reshape(second(words), [photos, -1, words.shape[-1]])  # (P, C·T, U)
        told, scores, _ = self.cross_attention(
            asked, asked, cache=seen, return_attention_scores=True, training=training
        )
        words = words + self.drop(tf.reshape(told, tf.shape(words)), training=training)
        attention = tf.reshape(tf.reduce_mean(scores, axis=1), [-1, words.shape[1], seen.shape[2]])

        words = words + self.drop(self.narrow(self.widen(third(words))), training=training)
        return words, attention, kept


class TransformerDecoder(Decoder):
    """GPT-2 (Radford et al. 2019) with cross-attention (Vaswani et al. 2017) in every block, as in

        values  = W features + place
        x₀      = embed(w) + position
        xᵢ₊₁    = blockᵢ(xᵢ, values)
        logits  = embed · norm(x) + bias

    GPT-2 has no bias, and encoders that know places need no `place`: both are zeros to begin with, so that weights from
    elsewhere mean what they meant. The attention told is the mean over all heads of all blocks, which points better than
    any block alone (doc/results.md, The transformer).
    """

    OPTIONS = ("units", "layers", "heads", "dropout", "positions", "inner", "epsilon")

    def __init__(
        self,
        *,
        vocabulary: int,
        locations: int,
        depth: int,
        units: int,
        layers: int,
        heads: int,
        dropout: float,
        positions: int = POSITIONS,
        inner: int | None = None,
        epsilon: float = 1e-5,
    ) -> None:
        """`locations` and `depth` are the encoder's L and D; `inner` is the width inside a block, 4 times `units` where it
        is not given."""
        super().__init__()
        self.locations, self.positions = locations, positions
        self.project = None if depth == units else Dense(units, name="projection")
        self.place = self.add_weight(shape=(locations, units), name="place", initializer="zeros")
        self.embed = keras.layers.Embedding(
            vocabulary, units, embeddings_initializer=_normal(), name="token_embedding"
        )
        self.position = keras.layers.Embedding(
            positions, units, embeddings_initializer=_normal(), name="position_embedding"
        )
        self.blocks = [
            Block(
                f"transformer_layer_{number}",
                units=units,
                heads=heads,
                inner=inner or 4 * units,
                dropout=dropout,
                epsilon=epsilon,
                layers=layers,
            )
            for number in range(layers)
        ]
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, name="layer_norm")
        self.bias = self.add_weight(shape=(vocabulary,), name="bias", initializer="zeros")
        self.drop = keras.layers.Dropout(dropout)
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Word vectors, which are the output layer too, and its bias."""
        return [(self.embed.embeddings, 0), (self.bias, 0)]

    def _seen(self, features: tf.Tensor) -> list[tf.Tensor]:
        """What each block needs of photos (P, L, D)."""
        values = tf.cast(features, self.compute_dtype)
        if self.project is not None:
            values = self.project(values)
        return [
            block.seen(values + repeat_for_crops(self.place, features)) for block in self.blocks
        ]

    def begin(
        self, features: tf.Tensor, *, steps: int | None = None
    ) -> tuple[list[tf.Tensor], State]:
        """Memory of photos (P, L, D), and the first state, with room for so many `steps` (as many as it can tell apart)."""
        steps = self.positions if steps is None else steps
        photos, heads = tf.shape(features)[0], self.blocks[0].self_attention.num_heads
        kept = tf.zeros(
            [photos, 2, steps, heads, self.embed.output_dim // heads], self.compute_dtype
        )
        return self._seen(features), {
            "time": tf.zeros([photos], tf.int32),
            "kept": [kept for _ in self.blocks],
        }

    def step(
        self, tokens: tf.Tensor, memory: list[tf.Tensor], state: State
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        """Logits (B, V) of the word after `tokens` (B,), the next state, and the attention (B, L)."""
        time = state["time"][0]  # all rows are at the same word
        mask = (tf.range(state["kept"][0].shape[2]) <= time)[None, None]
        words, attentions, after = (self.embed(tokens) + self.position(time))[:, None], [], []
        for block, seen, kept in zip(self.blocks, memory, state["kept"], strict=True):
            words, attention, kept = block(words, seen, mask, kept, time)
            attentions.append(attention)
            after.append(tf.ensure_shape(kept, state["kept"][0].shape))
        return (
            self._logits(words)[:, 0],
            {"time": state["time"] + 1, "kept": after},
            _mean(attentions)[:, 0],
        )

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B, T, V) of the word after each of `tokens` (B, T), or (N, V) at `places`; and the attention (B, T, L)."""
        time = tf.range(tokens.shape[1])
        mask = (time[None, :] <= time[:, None])[
            None
        ]  # what comes later is not seen; padding comes last
        words, attentions = (
            self.drop(self.embed(tokens) + self.position(time), training=training),
            [],
        )
        for block, seen in zip(self.blocks, self._seen(features), strict=True):
            words, attention, _ = block(words, seen, mask, training=training)
            attentions.append(attention)
        return self._logits(select_places(words, places)), _mean(attentions)

    def _logits(self, words: tf.Tensor) -> tf.Tensor:
        return multiply(self.norm(words), tf.transpose(self.embed.embeddings)) + self.bias


def _mean(attentions: list[tf.Tensor]) -> tf.Tensor:
    """The mean of the blocks' attention."""
    return tf.add_n(attentions) / len(attentions)
