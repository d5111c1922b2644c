"""A decoder of BERT's blocks, with cross-attention to the photo, as in BLIP."""

import keras
import tensorflow as tf

from models.decoders.blocks import (
    POSITIONS,
    Block,
    BlockDecoder,
    Projected,
    exact_gelu,
    make_normal,
)
from models.decoders.layers import Dense
from models.decoders.random_rows import Dropout


class _BertBlock(Block):
    """BERT's block with cross-attention between its two halves:

    x ← norm(x + selfattend(x))        over the words so far
    x ← norm(x + attend(x, photo))
    x ← norm(x + W gelu(W x))
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
        attended, kept = self.attend_to_words(words, mask, kept, time, training)
        words = self.norms[0](words + self.drop(attended, training=training))
        attended, attention = self.attend_to_photos(words, photos, training)
        words = self.norms[1](words + self.drop(attended, training=training))
        widened = self.widen(words)
        words = self.norms[2](words + self.drop(self.narrow(widened), training=training))
        return words, attention, kept


class BertDecoder(BlockDecoder):
    """BERT (Devlin et al. 2019) as a decoder with cross-attention, as in BLIP (Li et al. 2022):

        values  = features + place
        x₀      = norm(embed(w) + position)
        xᵢ₊₁    = blockᵢ(xᵢ, values)
        logits  = embed · norm(gelu(W x)) + bias

    Encoders that know places need no `place`, which starts as zeros, so that pretrained weights
    keep their meaning.
    """

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
        epsilon: float = 1e-12,
    ) -> None:
        """`locations` and `depth` are the encoder's L and D.

        `inner` is the width inside a block; the default is 4 times `units`.
        """
        super().__init__()
        self.locations = locations
        self.positions = positions
        self.place = self.add_weight(shape=(locations, depth), name="place", initializer="zeros")
        self.embed = keras.layers.Embedding(
            vocabulary, units, embeddings_initializer=make_normal(), name="token_embedding"
        )
        self.position = keras.layers.Embedding(
            positions, units, embeddings_initializer=make_normal(), name="position_embedding"
        )
        self.embed_norm = keras.layers.LayerNormalization(
            epsilon=epsilon, name="embedding_layer_norm"
        )
        blocks = []
        for number in range(layers):
            block = _BertBlock(
                f"bert_layer_{number}",
                units=units,
                depth=depth,
                heads=heads,
                inner=inner or 4 * units,
                dropout=dropout,
                epsilon=epsilon,
                activation=exact_gelu,
            )
            blocks.append(block)
        self.blocks = blocks
        self.transform = Dense(
            units, activation=exact_gelu, kernel_initializer=make_normal(), name="head_dense"
        )
        self.norm = keras.layers.LayerNormalization(epsilon=epsilon, name="head_layer_norm")
        self.bias = self.add_weight(shape=(vocabulary,), name="bias", initializer="zeros")
        self.drop = Dropout(dropout)
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def _embed_words(self, tokens: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        return self.embed_norm(super()._embed_words(tokens, time))

    def _finish_words(self, words: tf.Tensor) -> tf.Tensor:
        return self.norm(self.transform(words))
