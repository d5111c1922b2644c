"""What recurrent decoders share: a word at a time through the recurrence, the vocabulary once for all of them."""

from abc import abstractmethod
from typing import Any

import keras
import tensorflow as tf

from models.decoder import Decoder, Nest, repeat_rows


class RecurrentDecoder(Decoder):
    """A decoder that says how one step goes on from the last; it has the layers named here."""

    embed: keras.layers.Embedding
    words: keras.layers.Dense
    drop_words: keras.layers.Dropout

    @abstractmethod
    def _recur(self, word: tf.Tensor, memory: Any, state: Nest) -> tuple[tf.Tensor, tf.Tensor, Nest]:
        """What is seen (B, D), the attention (B, L) and the next state, after the word's vector (B, E)."""

    @abstractmethod
    def _hidden(self, state: Nest) -> tf.Tensor:
        """The part of the state that tells of the next word (B, U)."""

    @abstractmethod
    def _logits(self, hidden: tf.Tensor, context: tf.Tensor, word: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits (…, V) of the next word."""

    def by_token(self) -> list[tuple[keras.Variable, int]]:
        """Word vectors and the output layer."""
        return [(self.embed.embeddings, 0), (self.words.kernel, 1), (self.words.bias, 0)]

    def step(self, tokens: tf.Tensor, memory: Any, state: Nest) -> tuple[tf.Tensor, Nest, tf.Tensor]:
        """Logits (B, V) of the word after `tokens` (B,), the next state, and the attention (B, L)."""
        word = self.embed(tokens)
        context, attention, state = self._recur(word, memory, state)
        return self._logits(self._hidden(state), context, word), state, attention

    def call(self, features: tf.Tensor, tokens: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Logits (B, T, V) of the word after each of `tokens` (B, T), and the attention (B, T, L).

        Only what a word needs of the word before runs in the loop; the vocabulary is projected once, for all of them.
        """
        memory, state = self.begin(tf.cast(features, self.compute_dtype))
        state = repeat_rows(state, tokens.shape[0] // features.shape[0])
        words = self.drop_words(self.embed(tokens), training=training)  # (B, T, E)
        hidden, contexts, attentions = [], [], []
        for word in tf.unstack(words, axis=1):
            context, attention, state = self._recur(word, memory, state)
            hidden.append(self._hidden(state))
            contexts.append(context)
            attentions.append(attention)
        logits = self._logits(tf.stack(hidden, 1), tf.stack(contexts, 1), words, training)
        return logits, tf.stack(attentions, 1)
