"""The decoder of Show, Attend and Tell: an LSTM that looks at the photo through a gate."""

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
from models.decoders.random_rows import Dropout, draw_uniform
from models.decoders.recurrent import RecurrentDecoder

Tensors = dict[str, tf.Tensor]
# `layers`: h and c (B, U) of each layer. Hard attention that draws adds `noise` (B, N, L), and
# `time` (B,), the draws so far; in training also `expected` (B, 1) and `drawn` (B, L).
State = dict[str, Any]

# Share of captions in training that see the mean of all locations, as with soft attention
# (Xu et al. 2015, section 4.1).
EXPECTED_SHARE = 0.5
DRAWS = 64  # locations that can be drawn for a caption before the random numbers repeat


class LSTMDecoder(RecurrentDecoder):
    """LSTM with gated attention (Xu et al. 2015, sections 3.1 and 4):

        h₀, c₀ = tanh(W mean(a)), tanh(W mean(a))    of each layer; a are the locations' features
        αₜ     = attend(hₜ₋₁, a)                     hₜ₋₁ of the last layer
        ẑₜ     = Σ αₜᵢ aᵢ                            soft attention
               = aᵢ, i drawn by αₜ or its maximum    hard attention
        βₜ     = σ(W hₜ₋₁)                           the gate: how much of ẑₜ is used
        hₜ     = LSTM([embed(wₜ₋₁), βₜ ẑₜ], hₜ₋₁)
        logits = W dropout(embed(wₜ₋₁) + W hₜ + W βₜ ẑₜ)

    The returned attention is α; for hard attention outside training, it is the location chosen.
    Without attention this is Show and Tell (Vinyals et al. 2015): h₀, c₀ = LSTM(W mean(a), 0), and
    there is no ẑₜ.
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
        """`locations` and `depth` are the encoder's L and D; `attention` is soft, hard or none."""
        super().__init__()
        self.locations = locations
        self.has_attention = attention != "none"
        self.can_draw = attention == "hard"
        if self.has_attention:
            self.attend = AdditiveAttention(attention_units)
            self.first = [_make_first_states(units) for _ in range(layers)]
            self.gate = keras.layers.Dense(1, activation="sigmoid")
        else:
            self.glance = Dense(embedding)
        self.embed = keras.layers.Embedding(vocabulary, embedding)
        self.cells = [LSTMCell(units) for _ in range(layers)]
        self.of_state = Dense(embedding)
        if self.has_attention:
            self.of_context = Dense(embedding, use_bias=False)
        self.words = Dense(vocabulary)
        # One mask for all words of a caption (Gal & Ghahramani 2016).
        self.drop_words = Dropout(dropout, noise_shape=(None, 1, None))
        self.drop_output = Dropout(dropout, noise_shape=(None, 1, None))
        if self.can_draw:
            self.chance = keras.random.SeedGenerator()
        self(tf.zeros([1, locations, depth]), tf.zeros([1, 2], tf.int32))  # makes the variables

    def begin(self, features: tf.Tensor, seeds: tf.Tensor | None = None) -> tuple[Tensors, State]:
        """Return memory and first state of photos (P, L, D).

        With `seeds` (P,) hard attention draws locations, for each photo by its own seed. Without
        them it takes the likeliest location.
        """
        features = tf.cast(features, self.compute_dtype)
        mean = tf.reduce_mean(features, axis=1)  # (P, D)
        if not self.has_attention:
            return self._begin_without_attention(features, mean)
        layers = []
        for first_hidden, first_carry in self.first:
            layers.append([first_hidden(mean), first_carry(mean)])
        state: State = {"layers": layers}
        if seeds is not None:
            state |= _start_drawing(_draw_uniform(seeds, features.shape[1]))
        memory = {"values": features, "keys": self.attend.compute_keys(features)}
        return memory, state

    def _begin_without_attention(
        self, features: tf.Tensor, mean: tf.Tensor
    ) -> tuple[Tensors, State]:
        """Return memory and first state of photos whose mean feature (P, D) is the first word."""
        even_attention = tf.ones_like(features[..., 0]) / features.shape[1]  # (P, L)
        zeros = [cell.get_initial_state(tf.shape(mean)[0]) for cell in self.cells]
        return {"even": even_attention}, {"layers": self._run_cells(self.glance(mean), zeros)}

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits (B, T, V), or (N, V) at `places`, and attention (B, T, L)."""
        if self.can_draw and training:
            outputs, attention, _ = self._explore_outputs(features, tokens)
            return self.words(select_places(outputs, places)), attention
        return super().call(features, tokens, training, places)

    def explore(
        self, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return logits, attention and drawn locations of hard attention in training.

        Drawn locations are one-hot (B, T, L), and zeros for captions that see the mean.
        """
        outputs, attention, drawn = self._explore_outputs(features, tokens)
        return self.words(outputs), attention, drawn

    def _explore_outputs(
        self, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Do as `explore`, with outputs (B, T, O) in place of logits."""
        memory, state = self.begin(features)
        rows, steps = tokens.shape
        locations = features.shape[1]
        state = repeat_rows(state, rows // features.shape[0])
        uniform = draw_uniform([rows, steps, locations], self.chance)
        state |= _start_drawing(uniform)
        state["expected"] = draw_uniform([rows, 1], self.chance) < EXPECTED_SHARE
        state["drawn"] = tf.zeros([rows, locations])
        outputs, attention, states = self._follow(tokens, memory, state, training=True)
        drawn = tf.stack([each["drawn"] for each in states], 1)  # (B, T, L)
        return outputs, attention, drawn

    def _recur(
        self, word: tf.Tensor, memory: Tensors, state: State
    ) -> tuple[tf.Tensor, tf.Tensor, State]:
        if not self.has_attention:
            return self._recur_without_attention(word, memory, state)
        hidden = self._get_hidden(state)
        attention = self.attend(hidden, memory["keys"])
        share = attention
        if self.can_draw:
            share, state = self._choose_share(attention, state)
        context = self.gate(hidden) * compute_context(share, memory["values"])
        layers = self._run_cells(tf.concat([word, context], axis=-1), state["layers"])
        is_exploring = "expected" in state
        returned_attention = attention if is_exploring else share
        return context, returned_attention, state | {"layers": layers}

    def _recur_without_attention(
        self, word: tf.Tensor, memory: Tensors, state: State
    ) -> tuple[tf.Tensor, tf.Tensor, State]:
        layers = self._run_cells(word, state["layers"])
        even_attention = memory["even"]  # (P, L)
        captions = tf.shape(word)[0] // tf.shape(even_attention)[0]
        attention = tf.repeat(even_attention, captions, axis=0)  # (B, L)
        return tf.zeros_like(word), attention, {"layers": layers}

    def _choose_share(self, attention: tf.Tensor, state: State) -> tuple[tf.Tensor, State]:
        """Return the share of each location (B, L) in hard attention, and the state after a draw.

        The share is 1 of one location, but for captions in training that see the mean of all.
        """
        if "noise" not in state:
            return pick_one_location(attention), state
        draw = state["time"] % state["noise"].shape[1]  # (B,)
        noise = tf.gather(state["noise"], draw, axis=1, batch_dims=1)  # (B, L)
        share = pick_one_location(attention, noise)
        state = state | {"time": state["time"] + 1}
        if "expected" not in state:
            return share, state
        state["drawn"] = tf.where(state["expected"], 0.0, share)
        return tf.where(state["expected"], attention, share), state

    def _run_cells(self, inputs: tf.Tensor, layers: list[list[tf.Tensor]]) -> list[list[tf.Tensor]]:
        """Return the next h and c of each layer for inputs (B, …) of the first."""
        after = []
        for cell, before in zip(self.cells, layers, strict=True):
            inputs, (hidden, carry) = cell(inputs, before)
            after.append([hidden, carry])
        return after

    def _get_hidden(self, state: State) -> tf.Tensor:
        hidden, _ = state["layers"][-1]
        return hidden

    def _compute_output(
        self, hidden: tf.Tensor, context: tf.Tensor, word: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        output = word + self.of_state(hidden)
        if self.has_attention:
            output += self.of_context(context)
        return self.drop_output(output, training=training)


def _make_first_states(units: int) -> list[Dense]:
    """Make the layers from the mean feature to a layer's first h and c."""
    return [Dense(units, activation="tanh"), Dense(units, activation="tanh")]


def _draw_uniform(seeds: tf.Tensor, locations: int) -> tf.Tensor:
    """Return random numbers (P, DRAWS, L) in 0..1, for each photo by its own seed."""
    shape = [DRAWS, locations]

    def draw(seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform(shape, [seed, 1])

    return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec(shape))


def _start_drawing(uniform: tf.Tensor) -> State:
    """Return the part of a state that draws locations by numbers (B, N, L) in 0..1."""
    return {
        "noise": make_gumbel_noise(uniform),
        "time": tf.zeros(tf.shape(uniform)[:1], tf.int32),
    }
