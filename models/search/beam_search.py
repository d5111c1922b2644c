"""Beam search over a decoder's step."""

from typing import NamedTuple

import tensorflow as tf

from models.search.rules import LOG_ZERO, Captions, Nest, Rules, Step


class _Search(NamedTuple):
    """A beam search between two steps. Live captions have not ended yet; a finished one is never touched again."""

    live_tokens: tf.Tensor  # (P, K, T)
    live_log: tf.Tensor  # (P, K) log-probability so far
    live_attention: tf.Tensor  # (P, K, T, L)
    ended_tokens: tf.Tensor  # (P, K, T)
    ended_log: tf.Tensor  # (P, K)
    ended_score: tf.Tensor  # (P, K) what they are ranked by; LOG_ZERO where no caption is
    ended_attention: tf.Tensor  # (P, K, T, L)
    state: Nest  # (P·K, …) the decoder's


def beam_search(
    step: Step, state: Nest, *, photos: tf.Tensor, locations: int, rules: Rules
) -> Captions:
    """The beam search of `rules`; `state` has `rules.beam` rows a photo.

    A photo is done when it has K finished captions. After `max_length` words comes a step that can only end captions.
    """
    beam, steps = rules.beam, rules.max_length + 1
    tokens = tf.zeros([photos, beam, steps], tf.int32)
    attention = tf.zeros([photos, beam, steps, locations])
    # All beams of a photo begin alike: the others than the first are kept from being chosen in the first step.
    first = tf.tile(tf.constant([[0.0] + [LOG_ZERO] * (beam - 1)]), [photos, 1])
    none = tf.fill([photos, beam], LOG_ZERO)
    begin = _Search(tokens, first, attention, tokens, none, none, attention, state)

    def unfinished(time: tf.Tensor, now: _Search) -> tf.Tensor:
        return (time < steps) & tf.reduce_any(now.ended_score[:, -1] <= LOG_ZERO)

    def advance(time: tf.Tensor, now: _Search) -> tuple[tf.Tensor, _Search]:
        return time + 1, _advance(step, now, time, rules)

    _, last = tf.while_loop(unfinished, advance, (tf.constant(0), begin))
    return Captions(last.ended_tokens, last.ended_log, last.ended_attention)


def _advance(step: Step, now: _Search, time: tf.Tensor, rules: Rules) -> _Search:
    """One word further."""
    photos, beam, _ = tf.unstack(tf.shape(now.live_tokens))
    log, state, attention = next_words(step, now.live_tokens, now.state, time, rules)
    vocabulary = log.shape[-1]
    # Twice as many candidates as beams, because half of them at most have just ended.
    candidates = now.live_log[:, :, None] + tf.reshape(log, [photos, beam, vocabulary])
    top_log, top = tf.math.top_k(
        tf.reshape(candidates, [photos, beam * vocabulary]), k=2 * rules.beam
    )
    parents, words = top // vocabulary, top % vocabulary

    def grown(choice: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        """Tokens, log-probability, attention and parents of the chosen candidates, (P, K) numbers below 2K."""
        of_parent = tf.gather(parents, choice, batch_dims=1)
        word = tf.gather(words, choice, batch_dims=1)
        here = tf.cast(tf.one_hot(time, rules.max_length + 1), tf.bool)  # the column being written
        tokens = tf.where(
            here, word[..., None], tf.gather(now.live_tokens, of_parent, batch_dims=1)
        )
        looked = tf.reshape(attention, [photos, beam, 1, attention.shape[-1]])
        seen = tf.where(here[:, None], looked, now.live_attention)
        return (
            tokens,
            tf.gather(top_log, choice, batch_dims=1),
            tf.gather(seen, of_parent, batch_dims=1),
            of_parent,
        )

    ends = words == rules.end
    _, alive = tf.math.top_k(tf.where(ends, LOG_ZERO + top_log, top_log), k=rules.beam)
    live_tokens, live_log, live_attention, of_parent = grown(alive)
    rows = tf.reshape(of_parent + tf.range(photos)[:, None] * beam, [-1])
    state = tf.nest.map_structure(lambda tensor: tf.gather(tensor, rows), state)

    # A caption ends when its end is among the K best candidates of all, not merely somewhere below.
    ended = grown(tf.tile(tf.range(rules.beam)[None], [photos, 1]))
    score = ended[1] / tf.cast(time + 1, tf.float32) ** rules.length_penalty
    done = now.ended_score[:, -1:] > LOG_ZERO  # this photo has all it wants: nothing is added
    score = tf.where(ends[:, : rules.beam] & (ended[1] > LOG_ZERO / 2) & ~done, score, LOG_ZERO)
    merged_score, best = tf.math.top_k(tf.concat([now.ended_score, score], 1), k=rules.beam)

    def merged(old: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
        return tf.gather(tf.concat([old, new], 1), best, batch_dims=1)

    return _Search(
        live_tokens,
        live_log,
        live_attention,
        merged(now.ended_tokens, ended[0]),
        merged(now.ended_log, ended[1]),
        merged_score,
        merged(now.ended_attention, ended[2]),
        state,
    )


def next_words(
    step: Step,
    tokens: tf.Tensor,
    state: Nest,
    time: tf.Tensor,
    rules: Rules,
) -> tuple[tf.Tensor, Nest, tf.Tensor]:
    """Log-probabilities (B, V) after the live captions (P, K, T), with what is not allowed at LOG_ZERO."""
    rows = tf.reshape(tokens, [-1, rules.max_length + 1])
    before = tf.where(time == 0, rules.start, tf.gather(rows, tf.maximum(time - 1, 0), axis=1))
    logits, state, attention = step(before, state)
    log = tf.nn.log_softmax(tf.cast(logits, tf.float32))
    vocabulary = tf.range(log.shape[-1])
    forbidden = tf.reduce_any(vocabulary[:, None] == tf.constant(rules.never, tf.int32), axis=1)
    # The first word cannot be the end (a caption says something); the step after the last word can be nothing else.
    must_end = (time == rules.max_length) & (vocabulary != rules.end)
    forbidden |= must_end | ((time == 0) & (vocabulary == rules.end))
    log = tf.where(forbidden, LOG_ZERO, log)
    if 0 < rules.no_repeat <= rules.max_length:
        log = _without_repetition(log, rows, time, rules)
    return log, state, attention


def _without_repetition(
    log: tf.Tensor, rows: tf.Tensor, time: tf.Tensor, rules: Rules
) -> tf.Tensor:
    """`log` with LOG_ZERO at each word that would complete an n-gram which the row (B, T) already holds."""
    size = rules.no_repeat
    starts = rules.max_length + 2 - size  # n-grams that fit into a row
    grams = tf.stack(
        [rows[:, shift : starts + shift] for shift in range(size)], axis=2
    )  # (B, starts, n)
    recent = tf.gather(
        rows, tf.maximum(time - size + 1 + tf.range(size - 1), 0), axis=1
    )  # (B, n − 1), the last words
    repeats = tf.reduce_all(grams[:, :, :-1] == recent[:, None], axis=2)
    repeats &= tf.range(starts) + size <= time  # whole n-grams of the past alone
    batch = tf.tile(tf.range(tf.shape(rows)[0])[:, None], [1, starts])
    places = tf.stack([batch, grams[:, :, -1]], axis=2)
    return tf.tensor_scatter_nd_min(log, places, tf.where(repeats, LOG_ZERO, 0.0))
