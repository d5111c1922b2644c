"""What training makes small: what a step is given, what of it is told as the loss, and what is minimised."""

from collections.abc import Iterable
from typing import Any, ClassVar, Protocol

import tensorflow as tf

from models.decoders.base import Decoder

Batch = tuple[Any, ...]


class EpochBatches(Protocol):
    """What training needs of its data: batches that are the same at every call."""

    steps: int

    def epoch(self, number: int, *, first: int = 0) -> Iterable[tuple[Any, Any]]:
        """Features (P, L, D) and tokens (B, T)."""

    def with_photo_numbers(self, number: int, *, first: int = 0) -> Iterable[tuple[Any, Any]]:
        """Features (P, L, D) and the photos' numbers (P,), −1 where none is."""


class Objective(Protocol):
    """What a training step makes small."""

    name: str  # in checkpoints: a run goes on only with the objective that it was saved with
    variables: dict[str, tf.Variable]  # of its own, which an exact resume needs

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """What each step of an epoch, from the `first` on, is given."""

    def compute_loss(self, decoder: Decoder, *batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """What is told of a batch, and what is minimised; in the graph."""

    def report(self, steps: int) -> dict[str, float]:
        """What else an epoch of so many steps has to tell; begins to count anew."""


def masked_loss(logits: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Mean cross-entropy of the wanted tokens (…) under logits (…, V), padding left out."""
    each = token_losses(logits, wanted)
    return tf.reduce_sum(each) / _words(wanted)


def token_losses(logits: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Cross-entropy (…) of the wanted tokens (…) under logits (…, V), 0 for padding."""
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(wanted, tf.cast(logits, tf.float32))
    return each * tf.cast(wanted != 0, tf.float32)


def _words(wanted: tf.Tensor) -> tf.Tensor:
    """How many tokens are no padding, and at least 1."""
    return tf.maximum(tf.reduce_sum(tf.cast(wanted != 0, tf.float32)), 1.0)


def doubly_stochastic_penalty(attention: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
    """Σᵢ (1 − Σₜ αₜᵢ)² of each caption (Xu et al. 2015, equation 14), summed and shared among all words as the loss is:
    small where attention (B, T, L) goes over the whole photo while the wanted tokens (B, T) are written."""
    counts = tf.cast(wanted != 0, attention.dtype)
    seen = tf.reduce_sum(attention * counts[..., None], axis=1)  # (B, L)
    some = tf.cast(
        tf.reduce_any(wanted != 0, axis=1), attention.dtype
    )  # an empty caption leaves nothing out
    each = tf.reduce_sum((1.0 - seen) ** 2, axis=1) * some
    return tf.reduce_sum(each) / _words(wanted)


class CrossEntropy:
    """The true words' cross-entropy, and the doubly stochastic penalty by its weight."""

    name = "cross-entropy"
    variables: ClassVar[dict[str, tf.Variable]] = {}

    def __init__(self, penalty: float = 0.0) -> None:
        self.penalty = penalty

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """Features and tokens."""
        return batches.epoch(epoch, first=first)

    def compute_loss(
        self, decoder: Decoder, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The cross-entropy, and that with the penalty."""
        wanted = tokens[:, 1:]
        places = tf.squeeze(
            tf.where(tf.reshape(wanted, [-1]) != 0), axis=1
        )  # where there is no padding
        logits, attention = decoder(features, tokens[:, :-1], training=True, places=places)
        loss = masked_loss(logits, tf.gather(tf.reshape(wanted, [-1]), places))
        return loss, loss + self.penalty * doubly_stochastic_penalty(
            attention, wanted
        ) if self.penalty else loss

    def report(self, _steps: int) -> dict[str, float]:
        """Nothing but the loss."""
        return {}


class HardAttention:
    """Cross-entropy of a decoder that looks at one location drawn before each word (Xu et al. 2015, section 4.1).

    The lower bound Σ_s p(s|a) log p(y|s, a) has the gradient that is estimated with drawn s̃, equation 11:

        ∂log p(y|s̃, a)/∂W + λ (log p(y|s̃, a) − b) ∂log p(s̃|a)/∂W + η ∂H[s̃]/∂W

    b is a moving average of log p a word, times the caption's words: their number is told, not drawn, and captions of
    six words and of twenty have their own baselines so. Captions that see the mean of all locations take no part in λ.
    """

    name = "hard-attention"

    def __init__(
        self, penalty: float = 0.0, *, reward: float = 1.0, entropy: float = 0.002
    ) -> None:
        """`reward` is λ, `entropy` η."""
        self.penalty = penalty
        self.reward = reward
        self.entropy = entropy
        self.baseline = tf.Variable(
            0.0
        )  # log p of a word; 0, which no average is, before the first batch
        self.variables = {"baseline": self.baseline}

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """Features and tokens."""
        return batches.epoch(epoch, first=first)

    def compute_loss(
        self, decoder: Decoder, features: tf.Tensor, tokens: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The cross-entropy, and what has the estimator's gradient."""
        logits, attention, drawn = decoder.explore(features, tokens[:, :-1])
        wanted = tokens[:, 1:]
        losses = token_losses(logits, wanted)
        loss = tf.reduce_sum(losses) / _words(wanted)
        before = tf.where(self.baseline == 0.0, -loss, self.baseline)
        self.baseline.assign(0.9 * before - 0.1 * loss)
        total = hard_attention_loss(
            losses,
            attention,
            drawn,
            wanted,
            baseline=before,
            reward=self.reward,
            entropy=self.entropy,
        )
        return loss, total + self.penalty * doubly_stochastic_penalty(
            attention, wanted
        ) if self.penalty else total

    def report(self, _steps: int) -> dict[str, float]:
        """Nothing but the loss."""
        return {}


def hard_attention_loss(
    losses: tf.Tensor,
    attention: tf.Tensor,
    drawn: tf.Tensor,
    wanted: tf.Tensor,
    *,
    baseline: tf.Tensor,
    reward: float,
    entropy: float,
) -> tf.Tensor:
    """What has, by word, the negative of equation 11 as its gradient: of word losses (B, T), attention (B, T, L), drawn
    locations (B, T, L) one-hot, or zeros where none was drawn, and wanted tokens (B, T)."""
    counts = tf.cast(wanted != 0, tf.float32)
    likelihood = -tf.reduce_sum(losses, axis=1)  # log p(y|s̃) of a caption
    advantage = tf.stop_gradient(likelihood - baseline * tf.reduce_sum(counts, axis=1))
    logs = tf.math.log(attention + 1e-10)
    chosen = tf.reduce_sum(logs * drawn, axis=2)  # log p(s̃ₜ)
    spread = -tf.reduce_sum(attention * logs, axis=2)  # H[s̃ₜ]
    each = losses - (reward * advantage[:, None] * chosen + entropy * spread) * counts
    return tf.reduce_sum(each) / _words(wanted)
