"""Beam search over a decoder's step. Greedy search is a beam of one."""

from typing import NamedTuple

import tensorflow as tf

from models.search.rules import (
    LOG_ZERO,
    Captions,
    Nest,
    Prompt,
    Rules,
    Step,
    predict_next_words,
    start_captions,
)


class _Search(NamedTuple):
    """A beam search between two steps, with K live and at most K finished captions a photo.

    A live caption has no end yet. A finished one never changes.
    """

    live: Captions
    finished: Captions
    score: tf.Tensor  # (P, K) of finished captions, best first; LOG_ZERO where there is none
    is_done: tf.Tensor  # (P,)
    state: Nest  # of the decoder, (P·K, …)


class _Candidates(NamedTuple):
    """Continuations of live captions by one word, the likeliest first."""

    log_probability: tf.Tensor  # (P, N) of the whole caption
    parent: tf.Tensor  # (P, N) number of the live caption, 0 to K − 1
    word: tf.Tensor  # (P, N)


def beam_search(
    step: Step,
    state: Nest,
    *,
    photos: tf.Tensor,
    locations: int,
    rules: Rules,
    prompt: Prompt | None = None,
) -> Captions:
    """Return the K best captions of each photo, best first; `state` has K rows a photo.

    With a `prompt`, `state` is the one before its last word.
    """
    empty, start = start_captions(photos, locations, rules, prompt)

    def is_unfinished(time: tf.Tensor, search: _Search) -> tf.Tensor:
        return (time < rules.steps) & ~tf.reduce_all(search.is_done)

    def advance(time: tf.Tensor, search: _Search) -> tuple[tf.Tensor, _Search]:
        return time + 1, _advance(step, search, time, start, rules)

    first = _start(state, empty, rules.beam)
    _, last = tf.while_loop(is_unfinished, advance, (start, first))
    return last.finished


def _start(state: Nest, empty: Captions, beam: int) -> _Search:
    """Return the search before its first step: K empty live captions, none finished."""
    photos = tf.shape(empty.tokens)[0]
    none = tf.fill([photos, beam], LOG_ZERO)
    # All beams of a photo start equal, so the first step may choose from the first alone.
    only_first = tf.constant([[0.0] + [LOG_ZERO] * (beam - 1)])
    return _Search(
        live=empty._replace(log_probability=tf.tile(only_first, [photos, 1])),
        finished=Captions(tf.zeros_like(empty.tokens), none, tf.zeros_like(empty.attention)),
        score=none,
        is_done=tf.fill([photos], False),
        state=state,
    )


def _advance(
    step: Step, search: _Search, time: tf.Tensor, start: tf.Tensor, rules: Rules
) -> _Search:
    """Add one word to each live caption; those that end are finished.

    The first `start` words are of the prompt.
    """
    beam = rules.beam
    log, state, attention = predict_next_words(
        step, search.state, tokens=search.live.tokens, time=time, rules=rules
    )
    candidates = _find_candidates(search.live, log, beam)
    is_now = tf.cast(tf.one_hot(time, rules.steps), tf.bool)  # (T,)
    before = _write_attention(search.live, attention, is_now, beam)

    # Candidates that end lose against all others, so K live captions go on.
    is_end = candidates.word == rules.end
    if rules.allow_cut:
        is_end |= time == rules.steps - 1
    log_if_live = tf.where(
        is_end, LOG_ZERO + candidates.log_probability, candidates.log_probability
    )
    _, chosen = tf.math.top_k(log_if_live, k=beam)
    surviving = _Candidates(*(tf.gather(each, chosen, batch_dims=1) for each in candidates))
    live = _extend(before, surviving, is_now)

    # A caption ends only where its end is among the K best candidates.
    best = _Candidates(*(each[:, :beam] for each in candidates))
    extended = _extend(before, best, is_now)
    length = tf.cast(time + 1 - start, tf.float32)
    score = extended.log_probability / length**rules.length_penalty
    is_possible = extended.log_probability > LOG_ZERO / 2
    is_finished = is_end[:, :beam] & is_possible & ~search.is_done[:, None]
    score = tf.where(is_finished, score, LOG_ZERO)

    finished, score = _merge(search, extended, score, beam)
    is_done = search.is_done | _find_done(live, score, length, start, rules)
    return _Search(live, finished, score, is_done, _gather_states(state, surviving.parent, beam))


def _find_done(
    live: Captions, score: tf.Tensor, length: tf.Tensor, start: tf.Tensor, rules: Rules
) -> tf.Tensor:
    """Return whether each photo (P,) has K finished captions, and no live one can be better."""
    worst = score[:, -1]
    is_full = worst > LOG_ZERO
    if rules.early_stopping == "always" or rules.beam == 1:
        return is_full
    if rules.early_stopping == "never" and rules.length_penalty > 0:
        length = tf.cast(rules.steps - start, tf.float32)
    best_possible = live.log_probability[:, 0] / length**rules.length_penalty
    return is_full & (best_possible <= worst)


def _find_candidates(live: Captions, log: tf.Tensor, beam: int) -> _Candidates:
    """Return the 2K best continuations of K live captions by their next words' `log` (B, V).

    At most K of them end now, so at least K can go on.
    """
    photos, vocabulary = tf.shape(live.tokens)[0], log.shape[-1]
    total = live.log_probability[:, :, None] + tf.reshape(log, [photos, beam, vocabulary])
    total = tf.reshape(total, [photos, beam * vocabulary])
    best, place = tf.math.top_k(total, k=2 * beam)
    return _Candidates(best, place // vocabulary, place % vocabulary)


def _write_attention(
    live: Captions, attention: tf.Tensor, is_now: tf.Tensor, beam: int
) -> Captions:
    """Return the live captions with attention (P·K, L) written where `is_now` (T,) is true."""
    photos, locations = tf.shape(live.tokens)[0], attention.shape[-1]
    new = tf.reshape(attention, [photos, beam, 1, locations])
    return live._replace(attention=tf.where(is_now[:, None], new, live.attention))


def _extend(live: Captions, candidates: _Candidates, is_now: tf.Tensor) -> Captions:
    """Return the candidates' captions: their parents with one more word."""
    tokens = tf.gather(live.tokens, candidates.parent, batch_dims=1)
    return Captions(
        tf.where(is_now, candidates.word[..., None], tokens),
        candidates.log_probability,
        tf.gather(live.attention, candidates.parent, batch_dims=1),
    )


def _merge(
    search: _Search, extended: Captions, score: tf.Tensor, beam: int
) -> tuple[Captions, tf.Tensor]:
    """Return the K best of the finished captions and the extended ones, with their scores."""
    best_score, best = tf.math.top_k(tf.concat([search.score, score], axis=1), k=beam)
    both = [tf.concat(pair, axis=1) for pair in zip(search.finished, extended, strict=True)]
    return Captions(*(tf.gather(each, best, batch_dims=1) for each in both)), best_score


def _gather_states(state: Nest, parent: tf.Tensor, beam: int) -> Nest:
    """Return the decoder's state with, for each live caption, the row of its parent (P, K)."""
    photos = tf.shape(parent)[0]
    rows = tf.reshape(parent + tf.range(photos)[:, None] * beam, [-1])
    return tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)
