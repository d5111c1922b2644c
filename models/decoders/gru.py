"""The default decoder: a GRU that looks at the photo before every word."""

import keras
import tensorflow as tf

from models.decoders.attention import AdditiveAttention, compute_context
from models.decoders.base import repeat_for_crops
from models.decoders.layers import Dense, GRUCell
from models.decoders.random_rows import Dropout
from models.decoders.recurrent import RecurrentDecoder

Tensors = dict[str, tf.Tensor]


class GRUDecoder(RecurrentDecoder):
    """GRU with additive attention (Bahdanau et al. 2015; Xu et al. 2015):

        values = ReLU(W LayerNorm(features)) + place     one vector a location
        h₀     = tanh(W mean(values))
        cₜ, αₜ = attend([hₜ₋₁, embed(wₜ₋₁)], values)     the last word says where to look
        hₜ     = GRU([embed(wₜ₋₁), cₜ], hₜ₋₁)
        logits = W ReLU(W [hₜ, cₜ, embed(wₜ₋₁)])

    `place` is a learned vector for each location; without it, attention cannot tell them apart.
    """

    OPTIONS = ("units", "embedding", "attention_units", "dropout", "features")

    def __init__(
        self,
        *,
        vocabulary: int,
        locations: int,
        depth: int,
        units: int,
        embedding: int,
        attention_units: int,
        dropout: float,
        features: str = "raw",
    ) -> None:
        """`locations` and `depth` are the encoder's L and D; `features` is raw or normalised."""
        super().__init__()
        self.locations = locations
        if features == "normalised":
            self.norm = keras.layers.LayerNormalization()
        else:
            self.norm = keras.layers.Identity()
        self.look = Dense(units, activation="relu")
        self.place = self.add_weight(
            shape=(locations, units),
            name="place",
            initializer=keras.initializers.RandomNormal(stddev=0.05),
        )
        self.attend = AdditiveAttention(attention_units)
        self.first = Dense(units, activation="tanh")
        self.embed = keras.layers.Embedding(vocabulary, embedding)
        self.cell = GRUCell(units)
        self.combine = Dense(units, activation="relu")
        self.words = Dense(vocabulary)
        # One mask for all words of a caption (Gal & Ghahramani 2016).
        self.drop_words = Dropout(dropout, noise_shape=(None, 1, None))
        self.drop_output = Dropout(dropout, noise_shape=(None, 1, None))
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def begin(self, features: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        """Return memory (values and their keys) and first hidden state (P, U) of photos."""
        features = self.norm(tf.cast(features, self.compute_dtype))
        values = self.look(features) + repeat_for_crops(self.place, features)  # (P, L, U)
        memory = {"values": values, "keys": self.attend.compute_keys(values)}
        hidden = self.first(tf.reduce_mean(values, axis=1))  # (P, U)
        return memory, hidden

    def _recur(
        self, word: tf.Tensor, memory: Tensors, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        query = tf.concat([state, word], axis=-1)
        attention = self.attend(query, memory["keys"])
        context = compute_context(attention, memory["values"])
        _, state = self.cell(tf.concat([word, context], axis=-1), state)
        return context, attention, state

    def _get_hidden(self, state: tf.Tensor) -> tf.Tensor:
        return state

    def _compute_output(
        self, hidden: tf.Tensor, context: tf.Tensor, word: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        output = self.combine(tf.concat([hidden, context, word], axis=-1))
        return self.drop_output(output, training=training)
