"""Searches over a next-word table that is small enough to work by hand."""

import numpy as np
import pytest
import tensorflow as tf

from models.search.beam_search import beam_search
from models.search.rules import Rules
from models.search.sampling import Sampling, sample

PAD, UNKNOWN, START, END, A, B, C = range(7)
RULES = {"start": START, "end": END, "never": (PAD, UNKNOWN, START), "max_length": 4}
# Probability of the next word by the word before. Greedy takes A (0.5), then B (0.4), then the end: 0.5·0.4·0.9 = 0.18.
# The best caption begins with B: B, then the end: 0.4·0.9 = 0.36.
TABLE = np.full((7, 7), 1e-9)
TABLE[START, [A, B, C]] = 0.5, 0.4, 0.1
TABLE[A, [A, B, C, END]] = 0.3, 0.4, 0.2, 0.1
TABLE[B, [A, END]] = 0.1, 0.9
TABLE[C, [C, END]] = 0.8, 0.2


def step(tokens, state):
    logits = tf.gather(tf.constant(np.log(TABLE), tf.float32), tokens)
    counter = state + 1
    return logits, counter, tf.one_hot(tf.minimum(state, 4), 5)


def run(photos=1, **changes):
    rules = Rules(**{**RULES, "beam": 1, "length_penalty": 0.0, **changes})
    state = tf.zeros([photos * rules.beam], tf.int32)
    return tf.function(
        lambda: beam_search(step, state, photos=tf.constant(photos), locations=5, rules=rules)
    )()


def words(captions, photo=0, rank=0):
    return [token for token in captions.tokens[photo, rank].numpy() if token]


def test_greedy_takes_the_likeliest_word_each_time_and_stops_at_the_end():
    captions = run()
    assert words(captions) == [A, B, END]
    assert np.exp(captions.log_probability[0, 0]) == pytest.approx(0.18, rel=1e-5)


def test_a_beam_of_two_finds_what_greedy_misses():
    captions = run(beam=2)
    assert words(captions) == [B, END]
    assert words(captions, rank=1) == [A, B, END]
    assert np.exp(captions.log_probability[0]) == pytest.approx([0.36, 0.18], rel=1e-5)


def test_a_length_penalty_prefers_the_longer_caption():
    """log 0.36 / 2 = −0.51 against log 0.18 / 3 = −0.57 still favours the short one; squared lengths do not."""
    assert words(run(beam=2, length_penalty=1.0)) == [B, END]
    assert words(run(beam=2, length_penalty=2.0)) == [A, B, END]


def test_a_caption_ends_after_max_length_words():
    captions = run(max_length=1)
    assert words(captions) == [A, END]
    assert np.exp(captions.log_probability[0, 0]) == pytest.approx(0.5 * 0.1, rel=1e-5)


def test_no_word_twice_where_no_repeat_is_one():
    """From C the likeliest word is C again; with no_repeat=1 it cannot come twice."""
    TABLE_C = {"never": (PAD, UNKNOWN, START, A, B)}
    assert words(run(**TABLE_C)) == [C, C, C, C, END]
    assert words(run(no_repeat=1, **TABLE_C)) == [C, END]


def test_no_pair_of_words_twice_where_no_repeat_is_two():
    """C C may come once; a third C would repeat the pair."""
    assert words(run(no_repeat=2, never=(PAD, UNKNOWN, START, A, B))) == [C, C, END]


def test_forbidden_words_and_an_empty_caption_never_come():
    assert words(run(never=(PAD, UNKNOWN, START, A))) == [B, END]
    table = TABLE.copy()
    TABLE[START, END] = 1e6  # whatever the network thinks, a caption says something
    try:
        assert words(run()) == [A, B, END]
    finally:
        TABLE[:] = table


def test_attention_is_kept_for_each_word_of_the_chosen_beam():
    captions = run(beam=2)
    assert captions.attention[0, 1, :3].numpy().argmax(1).tolist() == [0, 1, 2]
    assert captions.attention[0, 0, 2].numpy().sum() == 0  # after the end


def test_a_photo_alone_and_in_a_batch_gives_the_same():
    alone, batch = run(beam=3), run(photos=3, beam=3)
    for photo in range(3):
        np.testing.assert_array_equal(batch.tokens[photo], alone.tokens[0])
        np.testing.assert_array_equal(batch.log_probability[photo], alone.log_probability[0])


def draw(seeds, beam=1, **chance):
    rules = Rules(**RULES, beam=beam)
    state = tf.zeros([len(seeds) * beam], tf.int32)
    return sample(
        step, state, seeds=tf.constant(seeds), locations=5, rules=rules, chance=Sampling(**chance)
    )


def test_samples_follow_the_probabilities():
    first = draw(list(range(2000))).tokens[:, 0, 0].numpy()
    shares = [(first == word).mean() for word in (A, B, C)]
    assert shares == pytest.approx([0.5, 0.4, 0.1], abs=0.03)


def test_top_k_and_top_p_leave_only_the_likeliest():
    assert set(draw(list(range(300)), top_k=1).tokens[:, 0, 0].numpy()) == {A}
    assert set(draw(list(range(300)), top_p=0.6).tokens[:, 0, 0].numpy()) == {A, B}
    assert set(draw(list(range(300)), temperature=0.01).tokens[:, 0, 0].numpy()) == {A}


def test_a_photo_s_samples_are_its_own():
    alone, batch = draw([7], beam=2), draw([3, 7, 9], beam=2)
    np.testing.assert_array_equal(batch.tokens[1], alone.tokens[0])
    assert words(alone)[-1] == END
