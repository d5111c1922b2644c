"""Show, Attend and Tell's decoder: an LSTM whose every step looks at the photo through a gate."""

import keras
import tensorflow as tf

from models.attention import AdditiveAttention
from models.decoder import Decoder, repeat_rows

Tensors = dict[str, tf.Tensor]
State = list[list[tf.Tensor]]  # of each layer h and c, (B, U)


class LSTMDecoder(Decoder):
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

    def by_token(self) -> list[tuple[keras.Variable, int]]:
        """Word vectors and the output layer."""
        return [(self.embed.embeddings, 0), (self.words.kernel, 1), (self.words.bias, 0)]

    def begin(self, features: tf.Tensor) -> tuple[Tensors, State]:
        """Memory (features and their attention keys) and the first state of photos (P, L, D)."""
        mean = tf.reduce_mean(features, axis=1)
        return ({"values": features, "keys": self.attend.keys(features)},
                [[first(mean) for first in layer] for layer in self.first])

    def step(self, tokens: tf.Tensor, memory: Tensors, state: State) -> tuple[tf.Tensor, State, tf.Tensor]:
        """Logits (B, V) of the word after `tokens` (B,), the next state, and the attention (B, L)."""
        word = self.embed(tokens)
        context, attention, state = self._recur(word, memory, state)
        return self._logits(state[-1][0], context, word), state, attention

    def call(self, features: tf.Tensor, tokens: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B, T, V) of the word after each of `tokens` (B, T), and the attention (B, T, L)."""
        memory, state = self.begin(tf.cast(features, self.compute_dtype))
        state = repeat_rows(state, tokens.shape[0] // features.shape[0])
        words = self.drop_words(self.embed(tokens), training=training)  # (B, T, E)
        states, contexts, attentions = [], [], []
        for word in tf.unstack(words, axis=1):
            context, attention, state = self._recur(word, memory, state)
            states.append(state[-1][0])
            contexts.append(context)
            attentions.append(attention)
        logits = self._logits(tf.stack(states, 1), tf.stack(contexts, 1), words, training)
        return logits, tf.stack(attentions, 1)

    def _recur(self, word: tf.Tensor, memory: Tensors, state: State) -> tuple[tf.Tensor, tf.Tensor, State]:
        last = state[-1][0]
        context, attention = self.attend(last, memory["keys"], memory["values"])
        context = self.gate(last) * context
        told, after = tf.concat([word, context], axis=-1), []
        for cell, before in zip(self.cells, state, strict=True):
            told, (hidden, carried) = cell(told, before)
            after.append([hidden, carried])
        return context, attention, after

    def _logits(self, state: tf.Tensor, context: tf.Tensor, word: tf.Tensor, training: bool = False) -> tf.Tensor:
        output = word + self.of_state(state) + self.of_context(context)
        return self.words(self.drop_output(output, training=training))
