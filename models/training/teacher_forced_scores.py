"""Evaluate a decoder on true captions, with teacher forcing and with its own words."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from models.decoders.base import Decoder, begin_captions
from models.training.losses import masked_loss

Batch = tuple[tf.Tensor, tf.Tensor]  # features (P, L, D) and tokens (B, T)
# In every vocabulary; all higher numbers are words. Equal to those of data.text.tokenizer,
# which networks do not import.
PAD, UNKNOWN, START, END = range(4)


class TeacherForcedResult(NamedTuple):
    """A decoder's predictions of true captions."""

    loss: float
    accuracy: float  # top-k
    likeliest: list[np.ndarray]  # a row a photo: the likeliest words of its first caption


class TeacherForcedEvaluator:
    """Mean loss and top-k accuracy of words, each predicted from the true words before it."""

    def __init__(self, decoder: Decoder, *, top: int = 5) -> None:
        self._decoder = decoder
        self._top = top
        self._measure = tf.function(self._measure_batch, autograph=False)

    def __call__(self, batches: Iterable[Batch]) -> TeacherForcedResult:
        """Evaluate (features, tokens) batches; also find each first caption's likeliest words."""
        sums, likeliest = [], []
        for batch in batches:
            batch_sums, rows = self._measure(*batch)
            sums.append(batch_sums.numpy())
            likeliest += [row[row != PAD] for row in rows.numpy()]
        loss, hits, words = np.sum(sums, axis=0, dtype=np.float64)
        return TeacherForcedResult(float(loss / words), float(hits / words), likeliest)

    def _measure_batch(self, features: tf.Tensor, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return summed loss, hits and words (3,), and the likeliest words (P, T) or padding."""
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        logits, _ = self._decoder(features, inputs)
        is_word = tf.cast(targets != PAD, tf.float32)
        words = tf.reduce_sum(is_word)

        flat_logits = tf.reshape(logits, [-1, logits.shape[-1]])
        is_hit = tf.math.in_top_k(tf.reshape(targets, [-1]), flat_logits, self._top)
        hits = tf.reduce_sum(tf.cast(is_hit, tf.float32) * tf.reshape(is_word, [-1]))

        captions = tokens.shape[0] // features.shape[0]  # of each photo
        first = targets[::captions]
        has_word = (first != PAD) & (first != END)
        likeliest = tf.where(has_word, _choose_likeliest(logits[::captions]), PAD)
        return tf.stack([masked_loss(logits, targets) * words, hits, words]), likeliest


class FreeRunningEvaluator:
    """Mean loss of words, each predicted from the decoder's own likeliest words before it:

        − Σ log p(wₜ | ŵ₁ … ŵₜ₋₁, photo) / number of words,     ŵₜ = argmax p(w | ŵ₁ … ŵₜ₋₁, photo)

    over the words wₜ of all true captions, ends included. ŵ is one sentence a photo, the same
    for all its captions and as long as the longest of them. It has no special tokens.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._measure = tf.function(self._measure_batch, autograph=False)

    def __call__(self, batches: Iterable[Batch]) -> float:
        """Return the loss over (features, tokens) batches."""
        sums = [self._measure(*batch).numpy() for batch in batches]
        loss, words = np.sum(sums, axis=0, dtype=np.float64)
        return float(loss / words)

    def _measure_batch(self, features: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        """Return summed loss and words (2,)."""
        photos, captions = features.shape[0], tokens.shape[0] // features.shape[0]
        steps = tokens.shape[1]
        features = tf.cast(features, tf.float32)
        memory, state = begin_captions(self._decoder, features, steps=steps)
        word = tf.fill([photos], START)
        logs = []
        for _ in range(steps - 1):
            logits, state, _ = self._decoder.step(word, memory, state)
            logs.append(tf.nn.log_softmax(tf.cast(logits, tf.float32)))
            word = _choose_likeliest(logits)

        by_photo = tf.reshape(tokens[:, 1:], [photos, captions, -1])
        targets = tf.transpose(by_photo, [0, 2, 1])  # (P, T, C)
        is_word = tf.cast(targets != PAD, tf.float32)
        target_logs = tf.gather(tf.stack(logs, axis=1), targets, batch_dims=2)  # (P, T, C)
        return tf.stack([-tf.reduce_sum(target_logs * is_word), tf.reduce_sum(is_word)])


def _choose_likeliest(logits: tf.Tensor) -> tf.Tensor:
    """Return the words with the highest of logits (…, V), special tokens excluded."""
    first_word = END + 1
    return tf.argmax(logits[..., first_word:], axis=-1, output_type=tf.int32) + first_word
