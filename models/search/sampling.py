"""Captions drawn at random, word by word."""

from dataclasses import dataclass

import tensorflow as tf

from models.search.beam_search import next_words
from models.search.rules import Captions, Nest, Rules, Step


@dataclass(frozen=True)
class Sampling:
    """How words are drawn when sampling."""

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if (
            self.temperature <= 0
            or (self.top_k is not None and self.top_k < 1)
            or not 0 < (self.top_p or 1) <= 1
        ):
            raise ValueError(
                "temperature is above 0, top_k at least 1, top_p a share above 0 and up to 1"
            )


def sample(
    step: Step, state: Nest, *, seeds: tf.Tensor, locations: int, rules: Rules, chance: Sampling
) -> Captions:
    """K captions a photo drawn at random, in the order drawn; `seeds` (P,) make a photo's draws its own."""
    photos, steps = tf.shape(seeds)[0], rules.max_length + 1
    shape = [steps, rules.beam]
    numbers = tf.map_fn(
        lambda seed: tf.random.stateless_uniform(shape, [seed, 0]),
        seeds,
        fn_output_signature=tf.TensorSpec(shape),
    )  # (P, T, K) in 0..1
    tokens = tf.zeros([photos, rules.beam, steps], tf.int32)
    begin = (
        tf.constant(0),
        tokens,
        tf.zeros([photos, rules.beam]),
        tf.zeros([photos, rules.beam, steps, locations]),
        state,
    )

    def unfinished(time: tf.Tensor, tokens: tf.Tensor, *_: Nest) -> tf.Tensor:
        return (time < steps) & ~tf.reduce_all(tf.reduce_any(tokens == rules.end, axis=2))

    def advance(
        time: tf.Tensor, tokens: tf.Tensor, total: tf.Tensor, seen: tf.Tensor, state: Nest
    ) -> tuple:
        log, state, attention = next_words(step, tokens, state, time, rules)
        word = _drawn(log, tf.reshape(numbers[:, time], [-1]), chance)
        ended = tf.reduce_any(tokens == rules.end, axis=2)
        gained = tf.where(
            ended, 0.0, tf.reshape(tf.gather(log, word, batch_dims=1), tf.shape(total))
        )
        word = tf.where(ended, 0, tf.reshape(word, tf.shape(total)))
        here = tf.cast(tf.one_hot(time, steps), tf.bool)
        looked = tf.reshape(attention, [photos, rules.beam, 1, locations])
        return (
            time + 1,
            tf.where(here, word[..., None], tokens),
            total + gained,
            tf.where(here[:, None], looked, seen),
            state,
        )

    _, tokens, total, seen, _ = tf.while_loop(unfinished, advance, begin)
    return Captions(tokens, total, seen)


def _drawn(log: tf.Tensor, numbers: tf.Tensor, chance: Sampling) -> tf.Tensor:
    """A word for each row of log-probabilities (B, V), chosen by a number in 0..1 from those that `chance` leaves."""
    sharp = tf.nn.softmax(log / chance.temperature)
    if (
        chance.top_k is None and chance.top_p is None
    ):  # nothing to sort for: it would take most of the time
        return _chosen(sharp, numbers)
    probability, words = tf.math.top_k(sharp, k=min(chance.top_k or log.shape[-1], log.shape[-1]))
    if chance.top_p is not None:
        before = tf.cumsum(probability, axis=1, exclusive=True)
        probability = tf.where(
            before < chance.top_p * tf.reduce_sum(sharp, 1, keepdims=True), probability, 0.0
        )
    return tf.gather(words, _chosen(probability, numbers), batch_dims=1)


def _chosen(probability: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """The column of each row of probabilities (B, N), which need not sum to 1, that a number in 0..1 falls upon."""
    edges = tf.cumsum(probability, axis=1)
    place = tf.reduce_sum(tf.cast(edges <= numbers[:, None] * edges[:, -1:], tf.int32), axis=1)
    return tf.minimum(place, tf.shape(probability)[1] - 1)
