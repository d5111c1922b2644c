"""A transformer decoder like GPT-2, with cross-attention to the photo."""

from typing import Any

import keras
import tensorflow as tf

from models.decoders.base import Decoder, repeat_for_crops, select_places
from models.decoders.layers import Dense, multiply

# `time` (B,): words so far. `kept`: keys and values (B, 2, T, H, U/H) of each block.
State = dict[str, Any]
POSITIONS = 64  # the most words of a decoder with random weights
STDDEV = 0.02  # of initial weights (Radford et al. 2019)


def _make_normal(stddev: float = STDDEV) -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=stddev)


def _approximate_gelu(values: tf.Tensor) -> tf.Tensor:
    return keras.activations.gelu(values, approximate=True)


class Block(keras.layers.Layer):
    """GPT-2's block with cross-attention between its two halves:

        x ← x + selfattend(norm(x))        over the words so far
        x ← x + attend(norm(x), photo)
        x ← x + W gelu(W norm(x))

    Layers have KerasHub's names, by which pretrained weights are loaded.
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
        """`layers` is the number of blocks.

        The more there are, the smaller is what each adds at first (Radford et al. 2019).
        """
        from keras_hub.layers import CachedMultiHeadAttention  # one second, for this decoder only

        super().__init__(name=name)

        def make_attention(name: str) -> CachedMultiHeadAttention:
            return CachedMultiHeadAttention(
                heads, units // heads, dropout=dropout, kernel_initializer=_make_normal(), name=name
            )

        def make_norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(epsilon=epsilon, name=name)

        self.self_attention = make_attention("self_attention")
        self.cross_attention = make_attention("cross_attention")
        self.norms = [
            make_norm("self_attention_layer_norm"),
            make_norm("cross_attention_layer_norm"),
            make_norm("feedforward_layer_norm"),
        ]
        self.widen = Dense(
            inner,
            activation=_approximate_gelu,
            kernel_initializer=_make_normal(),
            name="feedforward_intermediate_dense",
        )
        self.narrow = Dense(
            units,
            kernel_initializer=_make_normal(STDDEV / (2 * layers) ** 0.5),
            name="feedforward_output_dense",
        )
        self.drop = keras.layers.Dropout(dropout)
        self.build((None, None, units))

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the variables for words (B, T, U); photos have the same width."""
        for attention in (self.self_attention, self.cross_attention):
            attention.build(shape, shape)
        for layer in (*self.norms, self.widen):
            layer.build(shape)
        self.narrow.build((*shape[:-1], self.widen.units))
        self.built = True

    def project_photos(self, values: tf.Tensor) -> tf.Tensor:
        """Return the keys and values (P, 2, L, H, U/H) of cross-attention for photos (P, L, U)."""
        keys = self.cross_attention.key_dense(values)
        values = self.cross_attention.value_dense(values)
        return tf.stack([keys, values], axis=1)

    def call(
        self,
        words: tf.Tensor,
        photos: tf.Tensor,
        mask: tf.Tensor,
        kept: tf.Tensor | None = None,
        time: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Return words (B, T, U), attention (B, T, L), and the kept keys and values.

        `photos` is what `project_photos` returns. `mask` says which words attend to which. With
        `kept`, the words' own keys and values are put there at `time`.
        """
        attended, kept = self._attend_to_words(words, mask, kept, time, training)
        words = words + self.drop(attended, training=training)
        attended, attention = self._attend_to_photos(words, photos, training)
        words = words + self.drop(attended, training=training)
        widened = self.widen(self.norms[2](words))
        words = words + self.drop(self.narrow(widened), training=training)
        return words, attention, kept

    def _attend_to_words(
        self,
        words: tf.Tensor,
        mask: tf.Tensor,
        kept: tf.Tensor | None,
        time: tf.Tensor | None,
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return the result of self-attention (B, T, U), and the kept keys and values."""
        normed = self.norms[0](words)
        result = self.self_attention(
            normed,
            normed,
            attention_mask=mask,
            cache=kept,
            cache_update_index=time,
            training=training,
        )
        if kept is None:
            return result, None
        return result

    def _attend_to_photos(
        self, words: tf.Tensor, photos: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the result of cross-attention (B, T, U), and the attention (B, T, L).

        The captions of a photo are joined into one long caption, so that photos need no repeating.
        """
        photo_count = photos.shape[0] or tf.shape(photos)[0]
        normed = self.norms[1](words)
        queries = tf.reshape(normed, [photo_count, -1, words.shape[-1]])  # (P, C·T, U)
        result, scores, _ = self.cross_attention(
            queries, queries, cache=photos, return_attention_scores=True, training=training
        )
        attention = tf.reduce_mean(scores, axis=1)  # over heads: (P, C·T, L)
        attention = tf.reshape(attention, [-1, words.shape[1], photos.shape[2]])  # (B, T, L)
        return tf.reshape(result, tf.shape(words)), attention


class TransformerDecoder(Decoder):
    """GPT-2 (Radford et al. 2019) with cross-attention (Vaswani et al. 2017) in every block:

        values  = W features + place
        x₀      = embed(w) + position
        xᵢ₊₁    = blockᵢ(xᵢ, values)
        logits  = embed · norm(x) + bias

    GPT-2 has no bias, and encoders that know places need no `place`. Both start as zeros, so that
    pretrained weights keep their meaning. The returned attention is the mean over all heads of all
    blocks, which points better than any block alone.
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
        """`locations` and `depth` are the encoder's L and D.

        `inner` is the width inside a block; the default is 4 times `units`.
        """
        super().__init__()
        self.locations = locations
        self.positions = positions
        self.project = None
        if depth != units:
            self.project = Dense(units, name="projection")
        self.place = self.add_weight(shape=(locations, units), name="place", initializer="zeros")
        self.embed = keras.layers.Embedding(
            vocabulary, units, embeddings_initializer=_make_normal(), name="token_embedding"
        )
        self.position = keras.layers.Embedding(
            positions, units, embeddings_initializer=_make_normal(), name="position_embedding"
        )
        blocks = []
        for number in range(layers):
            block = Block(
                f"transformer_layer_{number}",
                units=units,
                heads=heads,
                inner=inner or 4 * units,
                dropout=dropout,
                epsilon=epsilon,
                layers=layers,
            )
            blocks.append(block)
        self.blocks = blocks
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, name="layer_norm")
        self.bias = self.add_weight(shape=(vocabulary,), name="bias", initializer="zeros")
        self.drop = keras.layers.Dropout(dropout)
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Return the word vectors, which are the output layer too, and its bias."""
        return [(self.embed.embeddings, 0), (self.bias, 0)]

    def begin(
        self, features: tf.Tensor, *, steps: int | None = None
    ) -> tuple[list[tf.Tensor], State]:
        """Return memory of photos (P, L, D), and first state with room for `steps` words.

        The default of `steps` is `positions`.
        """
        if steps is None:
            steps = self.positions
        photos = tf.shape(features)[0]
        heads = self.blocks[0].self_attention.num_heads
        head_units = self.embed.output_dim // heads
        kept = tf.zeros([photos, 2, steps, heads, head_units], self.compute_dtype)
        state = {"time": tf.zeros([photos], tf.int32), "kept": [kept for _ in self.blocks]}
        return self._project_photos(features), state

    def step(
        self, tokens: tf.Tensor, memory: list[tf.Tensor], state: State
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        """Return logits (B, V), next state and attention (B, L) after `tokens` (B,)."""
        time = state["time"][0]  # all rows are at the same word
        kept_shape = state["kept"][0].shape
        mask = tf.range(kept_shape[2]) <= time
        mask = mask[None, None]  # (1, 1, T)
        words = self.embed(tokens) + self.position(time)
        words = words[:, None]  # (B, 1, U)
        attentions, next_kept = [], []
        for block, photos, kept in zip(self.blocks, memory, state["kept"], strict=True):
            words, attention, kept = block(words, photos, mask, kept, time)
            attentions.append(attention)
            next_kept.append(tf.ensure_shape(kept, kept_shape))
        logits = self._compute_logits(words)[:, 0]
        next_state = {"time": state["time"] + 1, "kept": next_kept}
        return logits, next_state, _average(attentions)[:, 0]

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits (B, T, V), or (N, V) at `places`, and attention (B, T, L)."""
        time = tf.range(tokens.shape[1])
        # No word sees a later one. Padding comes last, so it needs no mask of its own.
        mask = time[None, :] <= time[:, None]
        mask = mask[None]  # (1, T, T)
        words = self.embed(tokens) + self.position(time)  # (B, T, U)
        words = self.drop(words, training=training)
        attentions = []
        for block, photos in zip(self.blocks, self._project_photos(features), strict=True):
            words, attention, _ = block(words, photos, mask, training=training)
            attentions.append(attention)
        return self._compute_logits(select_places(words, places)), _average(attentions)

    def _project_photos(self, features: tf.Tensor) -> list[tf.Tensor]:
        """Return each block's keys and values for photos (P, L, D)."""
        values = tf.cast(features, self.compute_dtype)
        if self.project is not None:
            values = self.project(values)
        projected = []
        for block in self.blocks:
            placed = values + repeat_for_crops(self.place, features)
            projected.append(block.project_photos(placed))
        return projected

    def _compute_logits(self, words: tf.Tensor) -> tf.Tensor:
        return multiply(self.norm(words), tf.transpose(self.embed.embeddings)) + self.bias


def _average(attentions: list[tf.Tensor]) -> tf.Tensor:
    return tf.add_n(attentions) / len(attentions)
