"""How well a decoder foretells true captions."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from models.decoders.base import Decoder, begin_captions
from models.training.losses import masked_loss

Batch = tuple[tf.Tensor, tf.Tensor]  # features (P, L, D) and tokens (B, T)
PAD, _UNKNOWN, START, END = range(4)  # in every vocabulary; all other numbers are words


class TeacherForcedResult(NamedTuple):
    """What a decoder makes of true captions."""

    loss: float
    accuracy: float  # top-k
    likeliest: list[
        np.ndarray
    ]  # a row a photo, as they come: the likeliest word at each place of its first caption


class TeacherForcedEvaluator:
    """Mean loss and top-k accuracy over all words, each foretold from the true words before it; and the words that are the
    likeliest at the places of each photo's first caption."""

    def __init__(self, decoder: Decoder, *, top: int = 5) -> None:
        self._decoder = decoder
        self._top = top
        self._measure = tf.function(self._of_batch)

    def __call__(self, batches: Iterable[Batch]) -> TeacherForcedResult:
        """All of it over (features, tokens) batches."""
        found = [[tensor.numpy() for tensor in self._measure(*batch)] for batch in batches]
        loss, hits, words = np.sum([sums for sums, _ in found], axis=0, dtype=np.float64)
        return TeacherForcedResult(
            float(loss / words),
            float(hits / words),
            [row[row != PAD] for _, rows in found for row in rows],
        )

    def _of_batch(self, features: tf.Tensor, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Summed loss, words among the k likeliest, and words (3,); the likeliest words (P, T), padding where none is."""
        logits, _ = self._decoder(features, tokens[:, :-1])
        wanted = tokens[:, 1:]
        counts = tf.cast(wanted != PAD, tf.float32)
        among = tf.math.in_top_k(
            tf.reshape(wanted, [-1]), tf.reshape(logits, [-1, logits.shape[-1]]), self._top
        )
        count = tf.reduce_sum(counts)
        hits = tf.reduce_sum(tf.cast(among, tf.float32) * tf.reshape(counts, [-1]))
        captions = tokens.shape[0] // features.shape[0]
        first = wanted[::captions]
        likeliest = tf.where((first != PAD) & (first != END), _likeliest(logits[::captions]), PAD)
        return tf.stack([masked_loss(logits, wanted) * count, hits, count]), likeliest


class FreeRunningEvaluator:
    """Mean loss over all words, each foretold from what the decoder itself has found likeliest until then:

        − Σ log p(wₜ | ŵ₁ … ŵₜ₋₁, photo) / number of words,     ŵₜ = argmax p(w | ŵ₁ … ŵₜ₋₁, photo)

    over the words wₜ of all true captions, their ends among them. ŵ is one sentence a photo, the same for all its captions.
    It goes on as long as the longest of them: the end and the other special tokens are never read.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._measure = tf.function(self._of_batch)

    def __call__(self, batches: Iterable[Batch]) -> float:
        """The loss over (features, tokens) batches."""
        loss, words = np.sum(
            [self._measure(*batch).numpy() for batch in batches], axis=0, dtype=np.float64
        )
        return float(loss / words)

    def _of_batch(self, features: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        """Summed loss, and words (2,)."""
        photos, captions = features.shape[0], tokens.shape[0] // features.shape[0]
        memory, state = begin_captions(
            self._decoder, tf.cast(features, tf.float32), steps=tokens.shape[1]
        )
        word, logs = tf.fill([photos], START), []
        for _ in range(tokens.shape[1] - 1):
            logits, state, _ = self._decoder.step(word, memory, state)
            logs.append(tf.nn.log_softmax(tf.cast(logits, tf.float32)))
            word = _likeliest(logits)
        wanted = tf.transpose(
            tf.reshape(tokens[:, 1:], [photos, captions, -1]), [0, 2, 1]
        )  # (P, T, C)
        counts = tf.cast(wanted != PAD, tf.float32)
        of_wanted = tf.gather(tf.stack(logs, axis=1), wanted, batch_dims=2)  # (P, T, C)
        return tf.stack([-tf.reduce_sum(of_wanted * counts), tf.reduce_sum(counts)])


def _likeliest(logits: tf.Tensor) -> tf.Tensor:
    """The word with the highest of logits (…, V), no special token."""
    return tf.argmax(logits[..., END + 1 :], axis=-1, output_type=tf.int32) + END + 1
