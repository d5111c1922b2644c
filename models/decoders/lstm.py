"""Show, Attend and Tell's decoder: an LSTM whose every step looks at the photo through a gate."""

from typing import Any

import keras
import tensorflow as tf

from models.decoders.attention import (
    AdditiveAttention,
    compute_context,
    make_gumbel_noise,
    pick_one_location,
)
from models.decoders.base import repeat_rows, select_places
from models.decoders.layers import Dense, LSTMCell
from models.decoders.recurrent import RecurrentDecoder

Tensors = dict[str, tf.Tensor]
State = dict[
    str, Any
]  # `layers`: h and c (B, U) of each; of hard attention that draws, also what `_drawing` adds

EXPECTED = 0.5  # of the captions in training see the mean of all locations, as with soft attention (Xu et al., section 4.1)
DRAWS = 64  # locations that can be drawn for a caption before the random numbers repeat


class LSTMDecoder(RecurrentDecoder):
    """LSTM with gated attention (Xu et al. 2015, section 3.1 and 4), as in

        h₀, c₀ = tanh(W mean(a)), tanh(W mean(a))          for each layer; a are the features of the locations
        αₜ     = attend(hₜ₋₁, a)                             hₜ₋₁ of the last layer
        ẑₜ     = Σ αₜᵢ aᵢ                                     soft
               = aᵢ, i drawn by αₜ or its likeliest           hard
        βₜ     = σ(W hₜ₋₁)                                   how much of what is seen goes in
        hₜ     = LSTM([embed(wₜ₋₁), βₜ ẑₜ], hₜ₋₁)
        logits = W dropout(embed(wₜ₋₁) + W hₜ + W βₜ ẑₜ)     the deep output layer

    The attention told is α, but of hard attention outside training the location that was looked at. Without attention it is
    Show and Tell (Vinyals et al. 2015): h₀, c₀ = LSTM(W mean(a), 0), and no ẑₜ.
    """

    OPTIONS = ("units", "embedding", "attention_units", "dropout", "layers", "attention")

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
        layers: int = 1,
        attention: str = "soft",
    ) -> None:
        """`locations` and `depth` are the encoder's L and D; `layers` are LSTMs one upon the other; `attention` is soft,
        hard or none."""
        super().__init__()
        self.locations = locations
        self.looks, self.can_draw = attention != "none", attention == "hard"
        if self.looks:
            self.attend = AdditiveAttention(attention_units)
            self.first = [[Dense(units, activation="tanh") for _ in "hc"] for _ in range(layers)]
            self.gate = keras.layers.Dense(1, activation="sigmoid")
        else:
            self.glance = Dense(embedding)
        self.embed = keras.layers.Embedding(vocabulary, embedding)
        self.cells = [LSTMCell(units) for _ in range(layers)]
        self.of_state = Dense(embedding)
        if self.looks:
            self.of_context = Dense(embedding, use_bias=False)
        self.words = Dense(vocabulary)
        # One mask for all words of a caption (Gal & Ghahramani 2016).
        self.drop_words = keras.layers.Dropout(dropout, noise_shape=(None, 1, None))
        self.drop_output = keras.layers.Dropout(dropout, noise_shape=(None, 1, None))
        if self.can_draw:
            self.chance = keras.random.SeedGenerator()
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def begin(self, features: tf.Tensor, seeds: tf.Tensor | None = None) -> tuple[Tensors, State]:
        """Memory and the first state of photos (P, L, D). With `seeds` (P,) hard attention draws where to look, each photo
        by its own; without, it takes the likeliest location."""
        features = tf.cast(features, self.compute_dtype)
        mean = tf.reduce_mean(features, axis=1)
        if not self.looks:
            even = tf.ones_like(features[..., 0]) / features.shape[1]
            nothing = [cell.get_initial_state(tf.shape(mean)[0]) for cell in self.cells]
            return {"even": even}, {"layers": self._told(self.glance(mean), nothing)}
        state = {"layers": [[first(mean) for first in layer] for layer in self.first]}
        if seeds is not None:
            shape = [DRAWS, features.shape[1]]
            state |= self._drawing(
                tf.map_fn(
                    lambda seed: tf.random.stateless_uniform(shape, [seed, 1]),
                    seeds,
                    fn_output_signature=tf.TensorSpec(shape),
                )
            )
        return {"values": features, "keys": self.attend.compute_keys(features)}, state

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B, T, V) of the word after each of `tokens` (B, T), or (N, V) at `places`; and the attention (B, T, L)."""
        if self.can_draw and training:
            outputs, attention, _ = self._explored(features, tokens)
            return self.words(select_places(outputs, places)), attention
        return super().call(features, tokens, training, places)

    def explore(
        self, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Logits and attention of hard attention in training, and the locations drawn, one-hot (B, T, L); zeros for
        captions that see the mean of all locations."""
        outputs, attention, drawn = self._explored(features, tokens)
        return self.words(outputs), attention, drawn

    def _explored(
        self, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The same with outputs in place of logits."""
        memory, state = self.begin(features)
        state = repeat_rows(state, tokens.shape[0] // features.shape[0])
        rows, steps = tokens.shape
        state |= self._drawing(
            keras.random.uniform([rows, steps, features.shape[1]], seed=self.chance)
        )
        state["expected"] = keras.random.uniform([rows, 1], seed=self.chance) < EXPECTED
        state["drawn"] = tf.zeros([rows, features.shape[1]])
        outputs, attention, states = self._follow(tokens, memory, state, training=True)
        return outputs, attention, tf.stack([each["drawn"] for each in states], 1)

    @staticmethod
    def _drawing(uniform: tf.Tensor) -> State:
        """What a state needs to draw locations by numbers (B, N, L) in 0..1."""
        return {
            "noise": make_gumbel_noise(uniform),
            "time": tf.zeros(tf.shape(uniform)[:1], tf.int32),
        }

    def _recur(
        self, word: tf.Tensor, memory: Tensors, state: State
    ) -> tuple[tf.Tensor, tf.Tensor, State]:
        if not self.looks:
            after = self._told(word, state["layers"])
            times = tf.shape(word)[0] // tf.shape(memory["even"])[0]
            return tf.zeros_like(word), tf.repeat(memory["even"], times, axis=0), {"layers": after}
        last = self._hidden(state)
        attention = self.attend(last, memory["keys"])
        share, state = self._share(attention, state) if self.can_draw else (attention, state)
        seen = self.gate(last) * compute_context(share, memory["values"])
        after = self._told(tf.concat([word, seen], axis=-1), state["layers"])
        return seen, attention if "expected" in state else share, state | {"layers": after}

    def _share(self, attention: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """How much of each location is seen (B, L) with hard attention: all of one; and the state with the draw counted."""
        if "noise" not in state:
            return pick_one_location(attention), state
        noise = tf.gather(
            state["noise"], state["time"] % state["noise"].shape[1], axis=1, batch_dims=1
        )
        share = pick_one_location(attention, noise)
        state = state | {"time": state["time"] + 1}
        if "expected" not in state:
            return share, state
        state["drawn"] = tf.where(state["expected"], 0.0, share)
        return tf.where(state["expected"], attention, share), state

    def _told(self, told: tf.Tensor, layers: list[list[tf.Tensor]]) -> list[list[tf.Tensor]]:
        """h and c of each layer after it is told something (B, …)."""
        after = []
        for cell, before in zip(self.cells, layers, strict=True):
            told, (hidden, carried) = cell(told, before)
            after.append([hidden, carried])
        return after

    def _hidden(self, state: State) -> tf.Tensor:
        return state["layers"][-1][0]

    def _output(
        self, hidden: tf.Tensor, seen: tf.Tensor, word: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        output = word + self.of_state(hidden)
        if self.looks:
            output += self.of_context(seen)
        return self.drop_output(output, training=training)
