"""Show, Attend and Tell's decoder: an LSTM whose every step looks at the photo through a gate."""

import keras
import tensorflow as tf

from models.attention import AdditiveAttention
from models.recurrent import RecurrentDecoder

Tensors = dict[str, tf.Tensor]
State = list[list[tf.Tensor]]  # of each layer h and c, (B, U)


class LSTMDecoder(RecurrentDecoder):
    """LSTM with gated soft attention (Xu et al. 2015, section 3.1 and 4.2), as in

        h₀, c₀ = tanh(W mean(a)), tanh(W mean(a))          for each layer; a are the features of the locations
        ẑₜ, αₜ = attend(hₜ₋₁, a)                             hₜ₋₁ of the last layer
        βₜ     = σ(W hₜ₋₁)                                   how much of what is seen goes in
        hₜ     = LSTM([embed(wₜ₋₁), βₜ ẑₜ], hₜ₋₁)
        logits = W dropout(embed(wₜ₋₁) + W hₜ + W βₜ ẑₜ)     the deep output layer
    """

    OPTIONS = ("units", "embedding", "attention_units", "dropout", "layers")

    def __init__(self, *, vocabulary: int, locations: int, depth: int, units: int, embedding: int, attention_units: int,
                 dropout: float, layers: int = 1) -> None:
        """`locations` and `depth` are the encoder's L and D; `layers` are LSTMs one upon the other."""
        super().__init__()
        self.attend = AdditiveAttention(attention_units)
        self.first = [[keras.layers.Dense(units, activation="tanh") for _ in "hc"] for _ in range(layers)]
        self.gate = keras.layers.Dense(1, activation="sigmoid")
        self.embed = keras.layers.Embedding(vocabulary, embedding)
        self.cells = [keras.layers.LSTMCell(units) for _ in range(layers)]
        self.of_state = keras.layers.Dense(embedding)
        self.of_context = keras.layers.Dense(embedding, use_bias=False)
        self.words = keras.layers.Dense(vocabulary)
        # One mask for all words of a caption (Gal & Ghahramani 2016).
        self.drop_words = keras.layers.Dropout(dropout, noise_shape=(None, 1, None))
        self.drop_output = keras.layers.Dropout(dropout, noise_shape=(None, 1, None))
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def begin(self, features: tf.Tensor) -> tuple[Tensors, State]:
        """Memory (features and their attention keys) and the first state of photos (P, L, D)."""
        mean = tf.reduce_mean(features, axis=1)
        return ({"values": features, "keys": self.attend.keys(features)},
                [[first(mean) for first in layer] for layer in self.first])

    def _recur(self, word: tf.Tensor, memory: Tensors, state: State) -> tuple[tf.Tensor, tf.Tensor, State]:
        last = self._hidden(state)
        context, attention = self.attend(last, memory["keys"], memory["values"])
        context = self.gate(last) * context
        told, after = tf.concat([word, context], axis=-1), []
        for cell, before in zip(self.cells, state, strict=True):
            told, (hidden, carried) = cell(told, before)
            after.append([hidden, carried])
        return context, attention, after

    def _hidden(self, state: State) -> tf.Tensor:
        return state[-1][0]

    def _logits(self, hidden: tf.Tensor, context: tf.Tensor, word: tf.Tensor, training: bool = False) -> tf.Tensor:
        output = word + self.of_state(hidden) + self.of_context(context)
        return self.words(self.drop_output(output, training=training))
