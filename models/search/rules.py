"""The rules of a caption, and next-word probabilities under them. All searches share this file.

A search knows no decoder. It gets a function `step(tokens (B,), state)`, which returns logits
(B, V), the next state and attention (B, L), and a first state of a row a beam (B = P·K).
Every photo is searched by itself, so its caption is the same in any batch.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import tensorflow as tf

Nest = Any  # a tensor, or dicts, lists and tuples of tensors
_ANY, _NONE = -2, -1  # no tokens: one that any word equals, and one before the first word
Step = Callable[[tf.Tensor, Nest], tuple[tf.Tensor, Nest, tf.Tensor]]
EARLY_STOPPING = ("always", "usually", "never")
LOG_ZERO = -1e9  # stands for log 0: finite, so that it can be added to and compared


@dataclass(frozen=True)
class Rules:
    """The rules that every caption of a search obeys."""

    start: int
    end: int
    forbidden_tokens: tuple[int, ...]
    max_length: int  # words
    beam: int = 3
    length_penalty: float = 0.7  # score = log-probability / length ** length_penalty
    no_repeat: int = 0  # no n-gram of this length occurs twice; 0 allows all
    min_length: int = 1  # words before the end, those of a prompt among them
    allow_cut: bool = False  # a caption of max_length words is finished without an end
    # Whether a photo with K finished captions is done: always, usually (if no live one would have a
    # better score if it ended now), or never (if none could have one at any length). Hugging Face
    # calls these True, False and "never". A greedy search is done at once.
    early_stopping: str = "always"
    forbidden_sequences: tuple[tuple[int, ...], ...] = ()  # of tokens; no caption has them
    is_portable: bool = False  # only operations that other engines have too; slower

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise ValueError(f"beam must be at least 1 (got {self.beam})")
        if self.max_length < 1:
            raise ValueError(f"max_length must be at least 1 (got {self.max_length})")
        if self.no_repeat < 0:
            raise ValueError(f"no_repeat must be at least 0 (got {self.no_repeat})")
        if not 0 <= self.min_length <= self.max_length:
            raise ValueError(
                f"min_length must be from 0 to max_length, {self.max_length} "
                f"(got {self.min_length})"
            )
        if self.early_stopping not in EARLY_STOPPING:
            raise ValueError(
                f"early_stopping must be one of {', '.join(EARLY_STOPPING)} "
                f"(got {self.early_stopping})"
            )

    @property
    def steps(self) -> int:
        """The most tokens of a caption, its end included."""
        if self.allow_cut:
            return self.max_length
        return self.max_length + 1


class Captions(NamedTuple):
    """K captions a photo."""

    tokens: tf.Tensor  # (P, K, T) int32; zeros after the end token
    log_probability: tf.Tensor  # (P, K) of the whole caption, the end token included
    attention: tf.Tensor  # (P, K, T, L) at the step that predicted each token


class Prompt(NamedTuple):
    """The words with which all captions of a search begin; they have no score."""

    tokens: tf.Tensor  # (N,)
    attention: tf.Tensor  # (P, N, L) at the step before each of them


def start_captions(
    photos: tf.Tensor, locations: int, rules: Rules, prompt: Prompt | None
) -> tuple[Captions, tf.Tensor]:
    """Return K captions a photo that hold the prompt alone, and the number of its words."""
    tokens = tf.zeros([photos, rules.beam, rules.steps], tf.int32)
    attention = tf.zeros([photos, rules.beam, rules.steps, locations])
    number = tf.constant(0)
    if prompt is not None:
        number = tf.shape(prompt.tokens)[0]
        rest = rules.steps - number
        tokens += tf.pad(prompt.tokens, [[0, rest]])
        attention += tf.pad(prompt.attention, [[0, 0], [0, rest], [0, 0]])[:, None]
    return Captions(tokens, tf.zeros([photos, rules.beam]), attention), number


def predict_next_words(
    step: Step, state: Nest, *, tokens: tf.Tensor, time: tf.Tensor, rules: Rules
) -> tuple[tf.Tensor, Nest, tf.Tensor]:
    """Run one decoder step after captions (P, K, T) of `time` words.

    Returns log-probabilities (B, V), LOG_ZERO where the rules forbid a word, the next state and
    attention (B, L).
    """
    rows = tf.reshape(tokens, [-1, rules.steps])  # (B, T)
    previous = tf.gather(rows, tf.maximum(time - 1, 0), axis=1)
    logits, state, attention = step(tf.where(time == 0, rules.start, previous), state)
    log = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    log = tf.where(_find_forbidden_words(log.shape[-1], time, rules), LOG_ZERO, log)
    if 0 < rules.no_repeat <= rules.max_length:
        log = _forbid_repetition(log, rows, time, rules)
    if rules.forbidden_sequences:
        log = _forbid_sequences(log, rows, time, rules)
    return log, state, attention


def _find_forbidden_words(vocabulary: int, time: tf.Tensor, rules: Rules) -> tf.Tensor:
    """Return a mask (V,) of the words that no caption may have at this time."""
    words = tf.range(vocabulary)
    never = tf.constant(rules.forbidden_tokens, tf.int32)
    is_forbidden = tf.reduce_any(words[:, None] == never, axis=1)
    # After `max_length` words nothing but the end can come.
    is_forbidden |= (time == rules.max_length) & (words != rules.end)
    is_forbidden |= (time < rules.min_length) & (words == rules.end)
    return is_forbidden


def _forbid_repetition(log: tf.Tensor, rows: tf.Tensor, time: tf.Tensor, rules: Rules) -> tf.Tensor:
    """Return `log` (B, V) with LOG_ZERO at words that repeat an n-gram of their row (B, T)."""
    size = rules.no_repeat
    starts = rules.steps + 1 - size  # number of n-grams in a row
    shifted = [rows[:, shift : starts + shift] for shift in range(size)]
    ngrams = tf.stack(shifted, axis=2)  # (B, starts, n)
    last_places = tf.maximum(time - size + 1 + tf.range(size - 1), 0)
    last_words = tf.gather(rows, last_places, axis=1)  # (B, n − 1)

    is_repeated = tf.reduce_all(ngrams[:, :, :-1] == last_words[:, None], axis=2)
    is_complete = tf.range(starts) + size <= time  # the n-gram has been written already
    is_repeated &= is_complete
    return _forbid_where(log, is_repeated, ngrams[:, :, -1], rules)


def _forbid_sequences(log: tf.Tensor, rows: tf.Tensor, time: tf.Tensor, rules: Rules) -> tf.Tensor:
    """Return `log` (B, V) with LOG_ZERO at words that complete a sequence in their row (B, T)."""
    sequences = rules.forbidden_sequences
    longest = max(map(len, sequences)) - 1  # words before the last one
    befores = [(_ANY,) * (longest + 1 - len(each)) + each[:-1] for each in sequences]
    before = tf.constant(befores, tf.int32)  # (S, longest)
    places = time - longest + tf.range(longest)
    last_words = tf.gather(rows, tf.maximum(places, 0), axis=1)
    last_words = tf.where(places >= 0, last_words, _NONE)  # (B, longest)
    is_equal = (last_words[:, None] == before) | (before == _ANY)
    has_beginning = tf.reduce_all(is_equal, axis=2)  # (B, S)
    last = tf.constant([each[-1] for each in sequences])
    last = tf.broadcast_to(last, tf.shape(has_beginning))
    return _forbid_where(log, has_beginning, last, rules)


def _forbid_where(
    log: tf.Tensor, is_forbidden: tf.Tensor, words: tf.Tensor, rules: Rules
) -> tf.Tensor:
    """Return `log` (B, V) with LOG_ZERO at words (B, N) where `is_forbidden` (B, N)."""
    if rules.is_portable:
        is_word = words[:, :, None] == tf.range(log.shape[-1])  # (B, N, V)
        is_zero = tf.reduce_any(is_forbidden[:, :, None] & is_word, axis=1)
        return tf.where(is_zero, LOG_ZERO, log)
    row_numbers = tf.range(tf.shape(words)[0])[:, None]
    row_numbers = tf.broadcast_to(row_numbers, tf.shape(words))
    places = tf.stack([row_numbers, words], axis=2)  # (B, N, 2)
    return tf.tensor_scatter_nd_min(log, places, tf.where(is_forbidden, LOG_ZERO, 0.0))
