"""Beam search over a next-word table that is worked by hand."""

import numpy as np
import pytest
import tensorflow as tf

from models.search.beam_search import beam_search
from models.search.rules import Rules
from tests.helpers.next_words import (
    END,
    LOCATIONS,
    PAD,
    RULES,
    START,
    TABLE,
    UNKNOWN,
    A,
    B,
    C,
    list_words,
    make_step,
)

ONLY_C = (PAD, UNKNOWN, START, A, B)  # forbidden tokens that leave C alone


def run(photos=1, table=TABLE, **changes):
    rules = Rules(**{**RULES, "beam": 1, "length_penalty": 0.0, **changes})
    state = tf.zeros([photos * rules.beam], tf.int32)
    search = tf.function(
        lambda: beam_search(
            make_step(table), state, photos=tf.constant(photos), locations=LOCATIONS, rules=rules
        )
    )
    return search()


def test_greedy_search_takes_the_likeliest_word():
    captions = run()
    assert list_words(captions) == [A, B, END]
    assert np.exp(captions.log_probability[0, 0]) == pytest.approx(0.18, rel=1e-5)


def test_a_beam_of_two_finds_a_better_caption():
    captions = run(beam=2)
    assert list_words(captions) == [B, END]
    assert list_words(captions, rank=1) == [A, B, END]
    assert np.exp(captions.log_probability[0]) == pytest.approx([0.36, 0.18], rel=1e-5)


def test_a_length_penalty_prefers_the_longer_caption():
    """log 0.36 / 2 = −0.51 is above log 0.18 / 3 = −0.57; with squared lengths it is below."""
    assert list_words(run(beam=2, length_penalty=1.0)) == [B, END]
    assert list_words(run(beam=2, length_penalty=2.0)) == [A, B, END]


def test_a_caption_ends_after_max_length_words():
    captions = run(max_length=1)
    assert list_words(captions) == [A, END]
    assert np.exp(captions.log_probability[0, 0]) == pytest.approx(0.5 * 0.1, rel=1e-5)


def test_no_repeat_of_one_forbids_a_second_word():
    """From C the likeliest word is C again."""
    assert list_words(run(forbidden_tokens=ONLY_C)) == [C, C, C, C, END]
    assert list_words(run(no_repeat=1, forbidden_tokens=ONLY_C)) == [C, END]


def test_no_repeat_of_two_forbids_a_second_pair():
    """C C may occur once; a third C would repeat the pair."""
    assert list_words(run(no_repeat=2, forbidden_tokens=ONLY_C)) == [C, C, END]


def test_forbidden_tokens_do_not_occur():
    assert list_words(run(forbidden_tokens=(PAD, UNKNOWN, START, A))) == [B, END]


def test_a_caption_is_never_empty():
    table = TABLE.copy()
    table[START, END] = 1e6
    assert list_words(run(table=table)) == [A, B, END]


def test_attention_follows_the_words_of_each_beam():
    captions = run(beam=2)
    assert captions.attention[0, 1, :3].numpy().argmax(1).tolist() == [0, 1, 2]
    assert captions.attention[0, 0, 2].numpy().sum() == 0  # after the end


def test_a_photo_has_the_same_caption_in_a_batch():
    alone, batch = run(beam=3), run(photos=3, beam=3)
    for photo in range(3):
        np.testing.assert_array_equal(batch.tokens[photo], alone.tokens[0])
        np.testing.assert_array_equal(batch.log_probability[photo], alone.log_probability[0])
