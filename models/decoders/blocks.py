"""What decoders of transformer blocks share: the layers of a block, and a key/value cache."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from models.decoders.base import Decoder, repeat_for_crops, select_places
from models.decoders.layers import Dense, multiply, round_factor
from models.decoders.random_rows import Dropout, share_dropout_of

# `time` (B,): words so far. `kept`: keys and values (B, 2, T, H, U/H) of each block.
State = dict[str, Any]
Projected = tuple[tf.Tensor, tf.Tensor]  # keys (P, H, U/H, L) and values (P, H, L, U/H) of photos
POSITIONS = 64  # the most words of a decoder with random weights
STDDEV = 0.02  # of initial weights (Radford et al. 2019)


def make_normal(stddev: float = STDDEV) -> keras.initializers.Initializer:
    """Return an initializer of weights around zero."""
    return keras.initializers.RandomNormal(stddev=stddev)


def exact_gelu(values: tf.Tensor) -> tf.Tensor:
    """Return the activation of BERT's blocks."""
    return keras.activations.gelu(values, approximate=False)


class Block(keras.layers.Layer):
    """The layers of a transformer block; `call` of a subclass says in which order they follow.

    Layers have KerasHub's names, by which pretrained weights are loaded.
    """

    def __init__(
        self,
        name: str,
        *,
        units: int,
        depth: int,
        heads: int,
        inner: int,
        dropout: float,
        epsilon: float,
        activation: Callable[[tf.Tensor], tf.Tensor],
        narrow_stddev: float = STDDEV,
    ) -> None:
        """`depth` is the width of photos, `narrow_stddev` is of the last layer's first weights."""
        from keras_hub.layers import CachedMultiHeadAttention  # one second, for such decoders only

        super().__init__(name=name)

        def make_attention(name: str) -> CachedMultiHeadAttention:
            return CachedMultiHeadAttention(
                heads, units // heads, dropout=dropout, kernel_initializer=make_normal(), name=name
            )

        def make_norm(name: str) -> keras.layers.LayerNormalization:
            return keras.layers.LayerNormalization(epsilon=epsilon, name=name)

        self.heads = heads
        self.self_attention = make_attention("self_attention")
        self.cross_attention = make_attention("cross_attention")
        self.norms = [
            make_norm("self_attention_layer_norm"),
            make_norm("cross_attention_layer_norm"),
            make_norm("feedforward_layer_norm"),
        ]
        self.widen = Dense(
            inner,
            activation=activation,
            kernel_initializer=make_normal(),
            name="feedforward_intermediate_dense",
        )
        self.narrow = Dense(
            units, kernel_initializer=make_normal(narrow_stddev), name="feedforward_output_dense"
        )
        self.drop = Dropout(dropout)
        self._depth = depth
        self.build((None, None, units))

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Make the variables for words (B, T, U) and photos (P, L, D)."""
        self.self_attention.build(shape, shape)
        self.cross_attention.build(shape, (*shape[:-1], self._depth))
        for layer in (*self.norms, self.widen):
            layer.build(shape)
        self.narrow.build((*shape[:-1], self.widen.units))
        share_dropout_of(self.self_attention)
        self.drop_shares = share_dropout_of(self.cross_attention)
        self.built = True

    def project_photos(self, values: tf.Tensor) -> Projected:
        """Return the keys and values of cross-attention for photos (P, L, D)."""
        keys = self.cross_attention.key_dense(values)  # (P, L, H, U/H)
        values = self.cross_attention.value_dense(values)
        return tf.transpose(keys, [0, 2, 3, 1]), tf.transpose(values, [0, 2, 1, 3])

    @abstractmethod
    def call(
        self,
        words: tf.Tensor,
        photos: Projected,
        mask: tf.Tensor,
        kept: tf.Tensor | None = None,
        time: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Return words (B, T, U), attention (B, T, L), and the kept keys and values.

        `photos` is what `project_photos` returns. `mask` says which words attend to which. With
        `kept`, the words' own keys and values are put there at `time`.
        """

    def attend_to_words(
        self,
        words: tf.Tensor,
        mask: tf.Tensor,
        kept: tf.Tensor | None,
        time: tf.Tensor | None,
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return the result of self-attention (B, T, U), and the kept keys and values."""
        result = self.self_attention(
            words,
            words,
            attention_mask=mask,
            cache=kept,
            cache_update_index=time,
            training=training,
        )
        if kept is None:
            return result, None
        return result

    def attend_to_photos(
        self, words: tf.Tensor, photos: Projected, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the result of cross-attention (B, T, U), and the attention (B, T, L).

        The captions of a photo are joined into one long caption, so that photos need no repeating.
        The layer's own call would bring keys and values in order again for each word.
        """
        keys, values = photos
        photo_count = keys.shape[0] or tf.shape(keys)[0]
        long = tf.reshape(words, [photo_count, -1, words.shape[-1]])  # (P, C·T, U)
        queries = self.cross_attention.query_dense(long)  # (P, C·T, H, U/H)
        queries = tf.transpose(queries / queries.shape[-1] ** 0.5, [0, 2, 1, 3])
        shares = tf.nn.softmax(tf.matmul(queries, keys))  # (P, H, C·T, L)
        context = tf.matmul(self.drop_shares(shares, training=training), values)
        result = self.cross_attention.output_dense(tf.transpose(context, [0, 2, 1, 3]))
        attention = tf.reduce_mean(shares, axis=1)  # over heads: (P, C·T, L)
        attention = tf.reshape(attention, [-1, words.shape[1], keys.shape[-1]])  # (B, T, L)
        return tf.reshape(result, tf.shape(words)), attention


class BlockDecoder(Decoder):
    """A decoder of blocks, each of which attends to the words so far and to the photo.

    A subclass makes `embed`, `position`, `place`, `blocks`, `bias` and `drop`. The word vectors of
    `embed` are the output layer too, unless it overrides `get_output_vectors`. The returned
    attention is the mean over all heads of all blocks, which points better than any block alone.
    """

    OPTIONS = ("units", "layers", "heads", "dropout", "positions", "inner", "epsilon")

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Return the word vectors, which are the output layer too, and its bias."""
        return [(self.embed.embeddings, 0), (self.bias, 0)]

    def get_output_vectors(self) -> keras.Variable:
        """Return the vectors (V, U) of the output layer."""
        return self.embed.embeddings

    def begin(
        self, features: tf.Tensor, *, steps: int | None = None
    ) -> tuple[dict[str, Any], State]:
        """Return memory of photos (P, L, D), and first state with room for `steps` words.

        The default of `steps` is `positions`. The memory has each block's keys and values, and the
        output layer (U, V), transposed and rounded. In GPT-2 it has 39 million numbers, so doing
        that at each step took half of the time for a photo or more.
        """
        if steps is None:
            steps = self.positions
        photos = tf.shape(features)[0]
        heads = self.blocks[0].heads
        head_units = self.embed.output_dim // heads
        kept = tf.zeros([photos, 2, steps, heads, head_units], self.compute_dtype)
        state = {"time": tf.zeros([photos], tf.int32), "kept": [kept for _ in self.blocks]}
        output = round_factor(tf.transpose(self.get_output_vectors()))
        return {"photos": self._project_photos(features), "output": output}, state

    def step(
        self, tokens: tf.Tensor, memory: dict[str, Any], state: State
    ) -> tuple[tf.Tensor, State, tf.Tensor]:
        """Return logits (B, V), next state and attention (B, L) after `tokens` (B,)."""
        time = state["time"][0]  # all rows are at the same word
        kept_shape = state["kept"][0].shape
        mask = tf.range(kept_shape[2]) <= time
        mask = mask[None, None]  # (1, 1, T)
        words = self._embed_words(tokens, time)
        words = words[:, None]  # (B, 1, U)
        attentions, next_kept = [], []
        for block, photos, kept in zip(self.blocks, memory["photos"], state["kept"], strict=True):
            words, attention, kept = block(words, photos, mask, kept, time)
            attentions.append(attention)
            next_kept.append(tf.ensure_shape(kept, kept_shape))
        logits = self._compute_logits(words, memory["output"])[:, 0]
        next_state = {"time": state["time"] + 1, "kept": next_kept}
        return logits, next_state, self._average(attentions)[:, 0]

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
        words = self._embed_words(tokens, time)  # (B, T, U)
        words = self.drop(words, training=training)
        attentions = []
        projected = self._project_photos(features, training)
        for block, photos in zip(self.blocks, projected, strict=True):
            words, attention, _ = block(words, photos, mask, training=training)
            attentions.append(attention)
        output = tf.transpose(self.get_output_vectors())
        logits = self._compute_logits(select_places(words, places), output)
        return logits, self._average(attentions)

    def _project_photos(self, features: tf.Tensor, training: bool = False) -> list[Projected]:
        """Return each block's keys and values for photos (P, L, D)."""
        values = self._convert_features(tf.cast(features, self.compute_dtype))
        projected = []
        for block in self.blocks:
            placed = values + repeat_for_crops(self.place, features)
            projected.append(block.project_photos(placed))
        return projected

    def _convert_features(self, features: tf.Tensor) -> tf.Tensor:
        """Return features (P, L, D) as wide as the blocks expect them."""
        return features

    def _embed_words(self, tokens: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        """Return vectors (…, U) of tokens at their places in the caption."""
        return self.embed(tokens) + self.position(time)

    def _average(self, attentions: list[tf.Tensor]) -> tf.Tensor:
        """Return the attention (B, T, L) of the decoder by that of its blocks."""
        return tf.add_n(attentions) / len(attentions)

    def _compute_logits(self, words: tf.Tensor, output: tf.Tensor) -> tf.Tensor:
        """Return the logits (…, V) of the next words after words (…, U); `output` is (U, V)."""
        return multiply(self._finish_words(words), output) + self.bias

    def _finish_words(self, words: tf.Tensor) -> tf.Tensor:
        """Return words (…, U) as the output layer expects them."""
        return words
