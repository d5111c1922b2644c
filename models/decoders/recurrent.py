"""What recurrent decoders share: a word at a time through the recurrence, the vocabulary once for all of them."""

from abc import abstractmethod
from typing import Any

import keras
import tensorflow as tf

from models.decoders.base import Decoder, Nest, repeat_rows, select_places
from models.decoders.layers import share_kernel_gradients


class RecurrentDecoder(Decoder):
    """A decoder that says how one step goes on from the last; it has the layers named here."""

    embed: keras.layers.Embedding
    words: keras.layers.Dense
    drop_words: keras.layers.Dropout

    @abstractmethod
    def _recur(
        self, word: tf.Tensor, memory: Any, state: Nest
    ) -> tuple[tf.Tensor, tf.Tensor, Nest]:
        """What is seen (B, D), the attention (B, L) and the next state, after the word's vector (B, E)."""

    @abstractmethod
    def _hidden(self, state: Nest) -> tf.Tensor:
        """The part of the state that tells of the next word (B, U)."""

    @abstractmethod
    def _output(
        self, hidden: tf.Tensor, seen: tf.Tensor, word: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """What tells of the next word (…, O)."""

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Word vectors and the output layer."""
        return [(self.embed.embeddings, 0), (self.words.kernel, 1), (self.words.bias, 0)]

    def step(
        self, tokens: tf.Tensor, memory: Any, state: Nest
    ) -> tuple[tf.Tensor, Nest, tf.Tensor]:
        """Logits (B, V) of the word after `tokens` (B,), the next state, and the attention (B, L)."""
        word = self.embed(tokens)
        seen, attention, state = self._recur(word, memory, state)
        return self.words(self._output(self._hidden(state), seen, word)), state, attention

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B, T, V) of the word after each of `tokens` (B, T), or (N, V) at `places`; and the attention (B, T, L)."""
        memory, state = self.begin(features)
        state = repeat_rows(state, tokens.shape[0] // features.shape[0])
        outputs, attention, _ = self._follow(tokens, memory, state, training)
        return self.words(select_places(outputs, places)), attention

    def _follow(
        self,
        tokens: tf.Tensor,
        memory: Any,
        state: Nest,
        training: bool,
    ) -> tuple[tf.Tensor, tf.Tensor, list[Nest]]:
        """Outputs (B, T, O) and attention along `tokens` (B, T), and the state after each.

        Only what a word needs of the word before runs in the loop; all else is done once, for all of them.
        """
        words = self.drop_words(self.embed(tokens), training=training)  # (B, T, E)
        contexts, attentions, states = [], [], []
        with share_kernel_gradients():
            for word in tf.unstack(words, axis=1):
                seen, attention, state = self._recur(word, memory, state)
                contexts.append(seen)
                attentions.append(attention)
                states.append(state)
        hidden = tf.stack([self._hidden(each) for each in states], 1)
        return (
            self._output(hidden, tf.stack(contexts, 1), words, training),
            tf.stack(attentions, 1),
            states,
        )
