"""Captions sampled word by word."""

from dataclasses import dataclass
from typing import NamedTuple

import tensorflow as tf

from models.search.rules import (
    Captions,
    Nest,
    Prompt,
    Rules,
    Step,
    predict_next_words,
    start_captions,
)


@dataclass(frozen=True)
class Sampling:
    """The options of sampling."""

    temperature: float = 1.0
    top_k: int | None = None  # only among the k likeliest words
    top_p: float | None = None  # only among the likeliest words that make up this probability

    def __post_init__(self) -> None:
        if self.temperature <= 0:
            raise ValueError(f"temperature must be above 0 (got {self.temperature})")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"top_k must be at least 1 (got {self.top_k})")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1 (got {self.top_p})")


class _Samples(NamedTuple):
    """Samples between two steps, K captions a photo."""

    captions: Captions
    state: Nest  # of the decoder, (P·K, …)


def sample(
    step: Step,
    state: Nest,
    *,
    seeds: tf.Tensor,
    locations: int,
    rules: Rules,
    sampling: Sampling,
    prompt: Prompt | None = None,
) -> Captions:
    """Return K captions a photo, in the order in which they are sampled.

    A photo's samples depend on its own seed of `seeds` (P,) alone, and not on the batch. With a
    `prompt`, `state` is the one before its last word.
    """
    photos, beam, steps = tf.shape(seeds)[0], rules.beam, rules.steps
    numbers = _draw_numbers(seeds, steps, beam)
    empty, start = start_captions(photos, locations, rules, prompt)

    def is_unfinished(time: tf.Tensor, samples: _Samples) -> tf.Tensor:
        return (time < steps) & ~tf.reduce_all(_has_ended(samples.captions, rules))

    def advance(time: tf.Tensor, samples: _Samples) -> tuple[tf.Tensor, _Samples]:
        before = samples.captions
        log, state, attention = predict_next_words(
            step, samples.state, tokens=before.tokens, time=time, rules=rules
        )
        word = _choose_words(log, tf.reshape(numbers[:, time], [-1]), sampling)  # (P·K,)
        word_log = tf.gather(log, word, batch_dims=1)
        word = tf.reshape(word, [photos, beam])
        word_log = tf.reshape(word_log, [photos, beam])
        has_ended = _has_ended(before, rules)
        word = tf.where(has_ended, 0, word)
        word_log = tf.where(has_ended, 0.0, word_log)

        is_now = tf.cast(tf.one_hot(time, steps), tf.bool)
        attention = tf.reshape(attention, [photos, beam, 1, locations])
        captions = Captions(
            tf.where(is_now, word[..., None], before.tokens),
            before.log_probability + word_log,
            tf.where(is_now[:, None], attention, before.attention),
        )
        return time + 1, _Samples(captions, state)

    first = _Samples(empty, state)
    _, last = tf.while_loop(is_unfinished, advance, (start, first))
    return last.captions


def _draw_numbers(seeds: tf.Tensor, steps: int, beam: int) -> tf.Tensor:
    """Return random numbers (P, T, K) from 0 to 1, those of each photo by its own seed."""

    def draw(seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform([steps, beam], [seed, 0])

    return tf.map_fn(draw, seeds, fn_output_signature=tf.TensorSpec([steps, beam]))


def _has_ended(captions: Captions, rules: Rules) -> tf.Tensor:
    """Return whether each caption (P, K) has its end."""
    return tf.reduce_any(captions.tokens == rules.end, axis=2)


def _choose_words(log: tf.Tensor, numbers: tf.Tensor, sampling: Sampling) -> tf.Tensor:
    """Choose a word for each row of log-probabilities (B, V) by a number (B,) from 0 to 1."""
    vocabulary = log.shape[-1]
    probability = tf.nn.softmax(log / sampling.temperature)
    if sampling.top_k is None and sampling.top_p is None:
        return _choose_columns(probability, numbers)  # no sort, which takes most of the time

    likeliest, words = tf.math.top_k(probability, k=min(sampling.top_k or vocabulary, vocabulary))
    if sampling.top_p is not None:
        before = tf.cumsum(likeliest, axis=1, exclusive=True)
        most = sampling.top_p * tf.reduce_sum(probability, axis=1, keepdims=True)
        likeliest = tf.where(before < most, likeliest, 0.0)
    return tf.gather(words, _choose_columns(likeliest, numbers), batch_dims=1)


def _choose_columns(probability: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    """Choose a column of each row (B, N) by a number (B,) from 0 to 1; a row need not sum to 1."""
    edges = tf.cumsum(probability, axis=1)
    passed = edges <= numbers[:, None] * edges[:, -1:]
    column = tf.reduce_sum(tf.cast(passed, tf.int32), axis=1)
    return tf.minimum(column, tf.shape(probability)[1] - 1)
