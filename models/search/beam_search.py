"""Beam search over a decoder's step. Greedy search is a beam of one."""

from typing import NamedTuple

import tensorflow as tf

from models.search.rules import LOG_ZERO, Captions, Nest, Rules, Step, predict_next_words


class _Search(NamedTuple):
    """A beam search between two steps, with K live and at most K finished captions a photo.

    A live caption has no end yet. A finished one never changes.
    """

    live: Captions
    finished: Captions
    score: tf.Tensor  # (P, K) of finished captions, best first; LOG_ZERO where there is none
    state: Nest  # of the decoder, (P·K, …)


class _Candidates(NamedTuple):
    """Continuations of live captions by one word, the likeliest first."""

    log_probability: tf.Tensor  # (P, N) of the whole caption
    parent: tf.Tensor  # (P, N) number of the live caption, 0 to K − 1
    word: tf.Tensor  # (P, N)


def beam_search(
    step: Step, state: Nest, *, photos: tf.Tensor, locations: int, rules: Rules
) -> Captions:
    """Return the K best captions of each photo, best first; `state` has K rows a photo.

    A photo is done when it has K finished captions.
    """
    steps = rules.max_length + 1  # the last step can only end a caption

    def is_unfinished(time: tf.Tensor, search: _Search) -> tf.Tensor:
        return (time < steps) & tf.reduce_any(search.score[:, -1] <= LOG_ZERO)

    def advance(time: tf.Tensor, search: _Search) -> tuple[tf.Tensor, _Search]:
        return time + 1, _advance(step, search, time, rules)

    first = _start(state, photos, locations, rules)
    _, last = tf.while_loop(is_unfinished, advance, (tf.constant(0), first))
    return last.finished


def _start(state: Nest, photos: tf.Tensor, locations: int, rules: Rules) -> _Search:
    """Return the search before its first step: K empty live captions, none finished."""
    beam, steps = rules.beam, rules.max_length + 1
    tokens = tf.zeros([photos, beam, steps], tf.int32)
    attention = tf.zeros([photos, beam, steps, locations])
    none = tf.fill([photos, beam], LOG_ZERO)
    # All beams of a photo start equal, so the first step may choose from the first alone.
    only_first = tf.constant([[0.0] + [LOG_ZERO] * (beam - 1)])
    return _Search(
        live=Captions(tokens, tf.tile(only_first, [photos, 1]), attention),
        finished=Captions(tokens, none, attention),
        score=none,
        state=state,
    )


def _advance(step: Step, search: _Search, time: tf.Tensor, rules: Rules) -> _Search:
    """Add one word to each live caption; those that end are finished."""
    beam = rules.beam
    log, state, attention = predict_next_words(
        step, search.state, tokens=search.live.tokens, time=time, rules=rules
    )
    candidates = _find_candidates(search.live, log, beam)
    is_now = tf.cast(tf.one_hot(time, rules.max_length + 1), tf.bool)  # (T,)
    before = _write_attention(search.live, attention, is_now, beam)

    # Candidates that end lose against all others, so K live captions go on.
    is_end = candidates.word == rules.end
    log_if_live = tf.where(
        is_end, LOG_ZERO + candidates.log_probability, candidates.log_probability
    )
    _, chosen = tf.math.top_k(log_if_live, k=beam)
    surviving = _Candidates(*(tf.gather(each, chosen, batch_dims=1) for each in candidates))
    live = _extend(before, surviving, is_now)

    # A caption ends only where its end is among the K best candidates.
    best = _Candidates(*(each[:, :beam] for each in candidates))
    extended = _extend(before, best, is_now)
    score = extended.log_probability / tf.cast(time + 1, tf.float32) ** rules.length_penalty
    is_done = search.score[:, -1:] > LOG_ZERO  # this photo has K finished captions
    is_possible = extended.log_probability > LOG_ZERO / 2
    score = tf.where(is_end[:, :beam] & is_possible & ~is_done, score, LOG_ZERO)

    finished, score = _merge(search, extended, score, beam)
    return _Search(live, finished, score, _gather_states(state, surviving.parent, beam))


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
