"""A transformer decoder like GPT-2, with cross-attention to the photo."""

import keras
import tensorflow as tf

from models.decoders.blocks import POSITIONS, STDDEV, Block, BlockDecoder, Projected, make_normal
from models.decoders.layers import Dense
from models.decoders.random_rows import Dropout


def _approximate_gelu(values: tf.Tensor) -> tf.Tensor:
    return keras.activations.gelu(values, approximate=True)


class _GPT2Block(Block):
    """GPT-2's block with cross-attention between its two halves:

    x ← x + selfattend(norm(x))        over the words so far
    x ← x + attend(norm(x), photo)
    x ← x + W gelu(W norm(x))
    """

    def call(
        self,
        words: tf.Tensor,
        photos: Projected,
        mask: tf.Tensor,
        kept: tf.Tensor | None = None,
        time: tf.Tensor | None = None,
        training: bool = False,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Return words (B, T, U), attention (B, T, L), and the kept keys and values."""
        attended, kept = self.attend_to_words(self.norms[0](words), mask, kept, time, training)
        words = words + self.drop(attended, training=training)
        attended, attention = self.attend_to_photos(self.norms[1](words), photos, training)
        words = words + self.drop(attended, training=training)
        widened = self.widen(self.norms[2](words))
        words = words + self.drop(self.narrow(widened), training=training)
        return words, attention, kept


class TransformerDecoder(BlockDecoder):
    """GPT-2 (Radford et al. 2019) with cross-attention (Vaswani et al. 2017) in every block:

        values  = W features + place
        x₀      = embed(w) + position
        xᵢ₊₁    = blockᵢ(xᵢ, values)
        logits  = embed · norm(x) + bias

    GPT-2 has no bias, and encoders that know places need no `place`. Both start as zeros, so that
    pretrained weights keep their meaning, and stay so unless `extra_weights` is `learned`.
    """

    OPTIONS = (*BlockDecoder.OPTIONS, "extra_weights")

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
        extra_weights: str | None = "learned",
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
        zeros = {"initializer": "zeros", "trainable": extra_weights != "none"}
        self.place = self.add_weight(shape=(locations, units), name="place", **zeros)
        self.embed = keras.layers.Embedding(
            vocabulary, units, embeddings_initializer=make_normal(), name="token_embedding"
        )
        self.position = keras.layers.Embedding(
            positions, units, embeddings_initializer=make_normal(), name="position_embedding"
        )
        blocks = []
        for number in range(layers):
            block = _GPT2Block(
                f"transformer_layer_{number}",
                units=units,
                depth=units,
                heads=heads,
                inner=inner or 4 * units,
                dropout=dropout,
                epsilon=epsilon,
                activation=_approximate_gelu,
                # The more blocks there are, the smaller is what each adds at first (Radford et al.
                # 2019).
                narrow_stddev=STDDEV / (2 * layers) ** 0.5,
            )
            blocks.append(block)
        self.blocks = blocks
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, name="layer_norm")
        self.bias = self.add_weight(shape=(vocabulary,), name="bias", **zeros)
        self.drop = Dropout(dropout)
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def _convert_features(self, features: tf.Tensor) -> tf.Tensor:
        if self.project is None:
            return features
        return self.project(features)

    def _finish_words(self, words: tf.Tensor) -> tf.Tensor:
        return self.norm(words)
