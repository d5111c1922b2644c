"""The common part of recurrent decoders: a loop over words, then the vocabulary for all at once."""

from abc import abstractmethod
from typing import Any

import keras
import tensorflow as tf

from models.decoders.base import Decoder, Nest, repeat_rows, select_places
from models.decoders.layers import share_kernel_gradients
from models.decoders.random_rows import Dropout


class RecurrentDecoder(Decoder):
    """A decoder that is defined by its step from one word to the next.

    Subclasses make the layers named here.
    """

    embed: keras.layers.Embedding
    words: keras.layers.Dense  # from outputs to the vocabulary
    drop_words: Dropout

    @abstractmethod
    def _recur(
        self, word: tf.Tensor, memory: Any, state: Nest
    ) -> tuple[tf.Tensor, tf.Tensor, Nest]:
        """Return context (B, D), attention (B, L) and next state after a word's vector (B, E)."""

    @abstractmethod
    def _get_hidden(self, state: Nest) -> tf.Tensor:
        """Return the part (B, U) of the state that predicts the next word."""

    @abstractmethod
    def _compute_output(
        self, hidden: tf.Tensor, context: tf.Tensor, word: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Return the vectors (…, O) from which `words` predicts the next word."""

    def find_token_variables(self) -> list[tuple[keras.Variable, int]]:
        """Return the word vectors and the output layer."""
        return [(self.embed.embeddings, 0), (self.words.kernel, 1), (self.words.bias, 0)]

    def step(
        self, tokens: tf.Tensor, memory: Any, state: Nest
    ) -> tuple[tf.Tensor, Nest, tf.Tensor]:
        """Return logits (B, V), next state and attention (B, L) after `tokens` (B,)."""
        word = self.embed(tokens)
        context, attention, state = self._recur(word, memory, state)
        output = self._compute_output(self._get_hidden(state), context, word)
        return self.words(output), state, attention

    def call(
        self,
        features: tf.Tensor,
        tokens: tf.Tensor,
        training: bool = False,
        places: tf.Tensor | None = None,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return logits (B, T, V), or (N, V) at `places`, and attention (B, T, L)."""
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
        """Return outputs (B, T, O) and attention along `tokens` (B, T), and the T states.

        The loop holds only what depends on the word before; the rest runs once for all words.
        """
        words = self.drop_words(self.embed(tokens), training=training)  # (B, T, E)
        contexts, attentions, states = [], [], []
        with share_kernel_gradients():
            for word in tf.unstack(words, axis=1):
                context, attention, state = self._recur(word, memory, state)
                contexts.append(context)
                attentions.append(attention)
                states.append(state)
        hidden = tf.stack([self._get_hidden(each) for each in states], 1)  # (B, T, U)
        context = tf.stack(contexts, 1)  # (B, T, D)
        outputs = self._compute_output(hidden, context, words, training)  # (B, T, O)
        return outputs, tf.stack(attentions, 1), states
