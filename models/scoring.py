"""How well a decoder foretells true captions."""

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from models.decoder import Decoder
from models.objectives import masked_loss


class TeacherForced:
    """Mean loss and top-k accuracy over all words, each foretold from the true words before it."""

    def __init__(self, decoder: Decoder, *, top: int = 5) -> None:
        self._decoder = decoder
        self._top = top
        self._measure = tf.function(self._sums)

    def __call__(self, batches: Iterable[tuple[tf.Tensor, tf.Tensor]]) -> tuple[float, float]:
        """Loss and accuracy over (features, tokens) batches."""
        loss, hits, words = np.sum([[float(each) for each in self._measure(*batch)] for batch in batches], axis=0)
        return float(loss / words), float(hits / words)

    def _sums(self, features: tf.Tensor, tokens: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Summed loss, words among the k likeliest, and words, of a batch."""
        logits, _ = self._decoder(features, tokens[:, :-1])
        wanted = tokens[:, 1:]
        counts = tf.cast(wanted != 0, tf.float32)
        among = tf.math.in_top_k(tf.reshape(wanted, [-1]), tf.reshape(logits, [-1, logits.shape[-1]]), self._top)
        count = tf.reduce_sum(counts)
        hits = tf.reduce_sum(tf.cast(among, tf.float32) * tf.reshape(counts, [-1]))
        return masked_loss(logits, wanted) * count, hits, count
