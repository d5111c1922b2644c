"""Objectives: the batches of a training step, its loss, and the figures that it reports."""

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

import tensorflow as tf

from models.decoders.base import Decoder
from models.training.strategy import ALONE, Strategy
from utils.shares import Share

Batch = tuple[Any, ...]


class EpochBatches(Protocol):
    """The batches of an epoch, the same at every call."""

    steps: int  # batches in an epoch
    share: Share  # of each batch, if several workers train together

    def epoch(self, number: int, *, first: int = 0) -> Iterable[tuple[Any, Any]]:
        """Yield features (P, L, D) and tokens (B, T), from batch `first` on."""

    def with_photo_numbers(self, number: int, *, first: int = 0) -> Iterable[tuple[Any, Any]]:
        """Yield features (P, L, D) and photo numbers (P,), −1 where a row is no photo."""


class Objective(Protocol):
    """The quantity that training minimises."""

    name: str  # in checkpoints: a run resumes only with the objective that it was saved with
    variables: dict[str, tf.Variable]  # the objective's own, which an exact resume needs

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """Yield the inputs of each training step of an epoch, from step `first` on.

        Several workers share a step by the number of words, in the tokens (B, T) that come second.
        """

    def compute_loss(self, decoder: Decoder, *batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the loss to report and the loss to minimise; runs in the graph."""

    def report(self, steps: int) -> dict[str, float]:
        """Return further figures of an epoch of this many steps, and reset them."""


def masked_loss(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Return the mean cross-entropy of targets (…) under logits (…, V), without padding."""
    return tf.reduce_sum(token_losses(logits, targets)) / count_tokens(targets)


def token_losses(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Return the cross-entropy (…) of each target (…) under logits (…, V), 0 for padding."""
    logits = tf.cast(logits, tf.float32)
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
    return losses * tf.cast(targets != 0, tf.float32)


def count_tokens(targets: tf.Tensor) -> tf.Tensor:
    """Return the number of targets that are no padding, at least 1 to divide by."""
    return tf.maximum(tf.reduce_sum(tf.cast(targets != 0, tf.float32)), 1.0)


def count_words(tokens: tf.Tensor) -> tf.Tensor:
    """Return the number of words that are predicted in captions (B, T) from the start token on."""
    return tf.reduce_sum(tf.cast(tokens[:, 1:] != 0, tf.float32))


def doubly_stochastic_penalty(attention: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Return Σᵢ (1 − Σₜ αₜᵢ)², summed over captions and divided by the number of their tokens.

    Xu et al. 2015, equation 14. It is small where attention (B, T, L) covers the whole photo
    while the targets (B, T) are written.
    """
    is_token = tf.cast(targets != 0, attention.dtype)
    received = tf.reduce_sum(attention * is_token[..., None], axis=1)  # (B, L)
    has_tokens = tf.cast(tf.reduce_any(targets != 0, axis=1), attention.dtype)  # (B,)
    penalties = tf.reduce_sum((1.0 - received) ** 2, axis=1) * has_tokens
    return tf.reduce_sum(penalties) / count_tokens(targets)


class CrossEntropy:
    """Cross-entropy of the true words, plus the doubly stochastic penalty by its weight."""

    name = "cross-entropy"
    variables: ClassVar[dict[str, tf.Variable]] = {}

    def __init__(self, penalty: float = 0.0) -> None:
        self.penalty = penalty

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        return batches.epoch(epoch, first=first)

    def compute_loss(
        self, decoder: Decoder, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the cross-entropy, and the cross-entropy with the penalty."""
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        flat_targets = tf.reshape(targets, [-1])  # (B·T,)
        places = tf.squeeze(tf.where(flat_targets != 0), axis=1)  # where there is no padding
        logits, attention = decoder(features, inputs, training=True, places=places)
        loss = masked_loss(logits, tf.gather(flat_targets, places))
        if not self.penalty:
            return loss, loss
        return loss, loss + self.penalty * doubly_stochastic_penalty(attention, targets)

    def report(self, _steps: int) -> dict[str, float]:
        return {}


class HardAttention:
    """Cross-entropy of a decoder that samples one location before each word.

    Xu et al. 2015, section 4.1. The lower bound Σ_s p(s|a) log p(y|s, a) has this gradient,
    estimated with sampled locations s̃ (equation 11):

        ∂log p(y|s̃, a)/∂W + λ (log p(y|s̃, a) − b) ∂log p(s̃|a)/∂W + η ∂H[s̃]/∂W

    b is a moving average of log p of a word, times the words of the caption. So captions of six
    words and of twenty have different baselines. Captions for which the decoder uses the mean of
    all locations have no λ term.
    """

    name = "hard-attention"

    def __init__(
        self,
        penalty: float = 0.0,
        *,
        reward: float = 1.0,
        entropy: float = 0.002,
        strategy: Strategy = ALONE,
    ) -> None:
        """`reward` is λ, `entropy` is η."""
        self.penalty = penalty
        self.reward = reward
        self.entropy = entropy
        self._strategy = strategy
        # Of log p of a word. No average is 0, so 0 means that there was no batch yet.
        self.baseline = tf.Variable(0.0)
        self.variables = {"baseline": self.baseline}

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        return batches.epoch(epoch, first=first)

    def compute_loss(
        self, decoder: Decoder, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the cross-entropy, and a loss that has the estimated gradient."""
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        logits, attention, sampled = decoder.explore(features, inputs)
        losses = token_losses(logits, targets)
        loss = tf.reduce_sum(losses) / count_tokens(targets)
        total = hard_attention_loss(
            losses,
            attention,
            sampled,
            targets,
            baseline=self._update_baseline(self._strategy.average(loss, count_words(tokens))),
            reward=self.reward,
            entropy=self.entropy,
        )
        if not self.penalty:
            return loss, total
        return loss, total + self.penalty * doubly_stochastic_penalty(attention, targets)

    def _update_baseline(self, loss: tf.Tensor) -> tf.Tensor:
        """Average the baseline with a batch's log p of a word; return the baseline before it."""
        before = tf.where(self.baseline == 0.0, -loss, self.baseline)
        self.baseline.assign(0.9 * before - 0.1 * loss)
        return before

    def report(self, _steps: int) -> dict[str, float]:
        return {}


def hard_attention_loss(
    losses: tf.Tensor,
    attention: tf.Tensor,
    sampled: tf.Tensor,
    targets: tf.Tensor,
    *,
    baseline: tf.Tensor,
    reward: float,
    entropy: float,
) -> tf.Tensor:
    """Return a loss a word, whose gradient is the negative of equation 11.

    Takes token losses (B, T), attention (B, T, L), sampled locations (B, T, L), one-hot or zeros
    where none was sampled, and targets (B, T).
    """
    is_token = tf.cast(targets != 0, tf.float32)
    caption_log = -tf.reduce_sum(losses, axis=1)  # log p(y|s̃), (B,)
    caption_baseline = baseline * tf.reduce_sum(is_token, axis=1)
    advantage = tf.stop_gradient(caption_log - caption_baseline)
    attention_log = tf.math.log(attention + 1e-10)
    sampled_log = tf.reduce_sum(attention_log * sampled, axis=2)  # log p(s̃ₜ), (B, T)
    attention_entropy = -tf.reduce_sum(attention * attention_log, axis=2)  # H[s̃ₜ], (B, T)
    bonus = reward * advantage[:, None] * sampled_log + entropy * attention_entropy
    return tf.reduce_sum(losses - bonus * is_token) / count_tokens(targets)
