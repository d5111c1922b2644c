"""A decoder with a GRU over the words alone, and attention after it, for all words at once."""

import keras
import tensorflow as tf

from models.decoders.attention import AdditiveAttention, DotAttention, compute_context
from models.decoders.base import Decoder, repeat_rows, select_places
from models.decoders.layers import Dense, GRUCell, share_kernel_gradients
from models.decoders.random_rows import Dropout

Tensors = dict[str, tf.Tensor]


class LuongDecoder(Decoder):
    """GRU, then attention with its output as query (Luong et al. 2015):

        values = ReLU(W features)                     one vector a location
        h₀     = 0
        hₜ     = GRU(embed(wₜ₋₁), hₜ₋₁)
        cₜ, αₜ = attend(hₜ, values)                   by dot product, or additive
        logits = W LayerNorm(hₜ + cₜ)

    The context does not enter the recurrence. So with teacher forcing the GRU runs over all words
    first, and attention for all words of all captions of a photo is one product.
    """

    OPTIONS = ("units", "embedding", "attention_units", "dropout", "attention")

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
        attention: str = "dot",
    ) -> None:
        """`locations` and `depth` are the encoder's L and D.

        `attention` is dot or additive, and `attention_units` the width of the latter.
        """
        super().__init__()
        self.locations = locations
        self.look = Dense(units, activation="relu")
        self.embed = keras.layers.Embedding(vocabulary, embedding)
        self.cell = GRUCell(units)
        if attention == "additive":
            self.attend = AdditiveAttention(attention_units)
        else:
            self.attend = DotAttention()
        self.norm = keras.layers.LayerNormalization()
        self.words = Dense(vocabulary)
        # One mask for all words of a caption (Gal & Ghahramani 2016).
        self.drop_words = Dropout(dropout, noise_shape=(None, 1, None))
        self.drop_output = Dropout(dropout, noise_shape=(None, 1, None))
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def begin(self, features: tf.Tensor) -> tuple[Tensors, tf.Tensor]:
        """Return memory (values and their keys) and first hidden state, zeros (P, U), of photos."""
        values = self.look(tf.cast(features, self.compute_dtype))  # (P, L, U)
        memory = {"values": values, "keys": self.attend.compute_keys(values)}
        return memory, tf.zeros_like(values[:, 0])

    def step(
        self, tokens: tf.Tensor, memory: Tensors, state: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return logits (B, V), next state and attention (B, L) after `tokens` (B,)."""
        hidden, _ = self.cell(self.embed(tokens), state)
        output, attention = self._attend_and_add(hidden, memory)
        return self.words(output), hidden, attention

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits (B, T, V), or (N, V) at `places`, and attention (B, T, L)."""
        memory, state = self.begin(features)
        words = self.drop_words(self.embed(tokens), training=training)  # (B, T, E)
        state = repeat_rows(state, tokens.shape[0] // features.shape[0])
        states = []
        with share_kernel_gradients():
            for word in tf.unstack(words, axis=1):
                _, state = self.cell(word, state)
                states.append(state)
        hidden = tf.stack(states, axis=1)  # (B, T, U)
        rows, steps, units = hidden.shape
        flat_hidden = tf.reshape(hidden, [rows * steps, units])  # (B·T, U)
        output, attention = self._attend_and_add(flat_hidden, memory)
        output = tf.reshape(output, [rows, steps, units])  # (B, T, U)
        output = self.drop_output(output, training=training)
        logits = self.words(select_places(output, places))
        return logits, tf.reshape(attention, [rows, steps, self.locations])  # (B, T, L)

    def _attend_and_add(self, hidden: tf.Tensor, memory: Tensors) -> tuple[tf.Tensor, tf.Tensor]:
        """Return LayerNorm(h + c) (R, U) and the attention (R, L) of hidden states (R, U).

        Each photo may have any number of them, in the order of the photos.
        """
        attention = self.attend(hidden, memory["keys"])
        context = compute_context(attention, memory["values"])
        return self.norm(hidden + context), attention

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Return the word vectors and the output layer."""
        return [(self.embed.embeddings, 0), (self.words.kernel, 1), (self.words.bias, 0)]
