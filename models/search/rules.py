"""From next-word probabilities to captions: beam search (greedy is a beam of one) and sampling, in the graph.

Neither search nor sampling knows a decoder: a `step(tokens (B,), state) → logits (B, V), state, attention (B, L)` and its
first state, a row a beam (B = P·K), are all there is. Every photo is searched by itself: its caption is the same in any
batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

Nest = Any
Step = Callable[[tf.Tensor, Nest], tuple[tf.Tensor, Nest, tf.Tensor]]
LOG_ZERO = -1e9  # a log-probability that loses against every real one, and survives being added to


@dataclass(frozen=True)
class Rules:
    """What a caption may be."""

    start: int
    end: int
    never: tuple[int, ...]  # tokens that no caption holds
    max_length: int  # words
    beam: int = 3
    length_penalty: float = 0.7  # score = log-probability / length ** length_penalty
    no_repeat: int = 0  # no n-gram of this length twice; 0 allows all

    def __post_init__(self) -> None:
        if self.beam < 1 or self.max_length < 1 or self.no_repeat < 0:
            raise ValueError("beam and max_length are at least 1, and no_repeat is from 0")


class Captions(NamedTuple):
    """K captions a photo, the best first."""

    tokens: tf.Tensor  # (P, K, T) int32; after the end token, zeros
    log_probability: tf.Tensor  # (P, K) of the whole caption, the end token included
    attention: tf.Tensor  # (P, K, T, L) where the network looked before writing each token
