"""Beam search over a next-word table that is worked by hand."""

import numpy as np
import pytest
import tensorflow as tf

from models.search.beam_search import beam_search
from models.search.rules import EARLY_STOPPING, Prompt, Rules
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

ONLY_A_AND_B = (PAD, UNKNOWN, START, C)
ONLY_C = (PAD, UNKNOWN, START, A, B)  # forbidden tokens that leave C alone


def run(photos=1, table=TABLE, prompt=None, **changes):
    rules = Rules(**{**RULES, "beam": 1, "length_penalty": 0.0, **changes})
    state = tf.zeros([photos * rules.beam], tf.int32)
    search = tf.function(
        lambda: beam_search(
            make_step(table),
            state,
            photos=tf.constant(photos),
            locations=LOCATIONS,
            rules=rules,
            prompt=prompt,
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


@pytest.mark.parametrize(
    ("sequences", "words"),
    [
        (((A,),), [B, END]),
        (((A, B),), [A, A, A, A, A, END]),
        (((A, C), (A, B, END)), [A, B, A, B, A, END]),
        (((A, B), (A, A)), [A, C, C, C, C, END]),
        (((B, A, B), (C, A)), [A, B, END]),  # which do not occur
        (((A, A, A, B),), [A, B, END]),  # longer than what was written
    ],
)
def test_forbidden_sequences_do_not_occur(sequences, words):
    found = run(forbidden_sequences=sequences, max_length=5)
    assert list_words(found) == words


def test_a_caption_is_never_empty():
    table = TABLE.copy()
    table[START, END] = 1e6
    assert list_words(run(table=table)) == [A, B, END]


def test_a_caption_has_min_length_words():
    assert list_words(run(forbidden_tokens=ONLY_A_AND_B, min_length=3)) == [A, B, A, B, END]
    assert list_words(run(forbidden_tokens=ONLY_A_AND_B, min_length=1)) == [A, B, END]


def test_an_end_may_be_dispensable_after_max_length_words():
    """Such a caption has the probability of its words alone."""
    captions = run(max_length=1, allow_cut=True)
    assert list_words(captions) == [A]
    assert np.exp(captions.log_probability[0, 0]) == pytest.approx(0.5, rel=1e-5)
    assert captions.tokens.shape == (1, 1, 1)
    assert list_words(run(max_length=3, allow_cut=True)) == [A, B, END]
    found = run(beam=2, max_length=2, allow_cut=True, length_penalty=1.0)
    assert list_words(found) == [B, END]  # log 0.36 / 2 is above log 0.2 / 2
    assert list_words(found, rank=1) == [A, B]


# After two words both beams have finished: B and the end with 0.4 · 0.6, A and the end with
# 0.5 · 0.4. A, A is still alive with 0.5 · 0.35; its end comes after A for sure.
SLOW_TABLE = np.full((7, 7), 1e-9)
SLOW_TABLE[START, [A, B]] = 0.5, 0.4
SLOW_TABLE[A, [C, END]] = 0.35, 0.4
SLOW_TABLE[B, END] = 0.6
SLOW_TABLE[C, END] = 1.0


@pytest.mark.parametrize(
    ("early_stopping", "length_penalty", "is_long"),
    [
        ("always", 3.0, False),  # two captions are finished
        ("usually", 0.0, False),  # 0.175 is less probable than both
        ("usually", 3.0, False),  # so it is at this length, by any penalty
        ("never", 0.0, False),
        ("never", 3.0, True),  # a longer caption can have a better score
    ],
)
def test_a_search_stops_early_by_its_rule(early_stopping, length_penalty, is_long):
    changes = {"early_stopping": early_stopping, "length_penalty": length_penalty}
    found = run(table=SLOW_TABLE, beam=2, **changes)
    assert (list_words(found) == [A, C, END]) == is_long


def test_a_live_caption_that_is_better_prevents_an_early_stop():
    """B and the end (0.294) and A, C and the end (0.18) are finished after three steps.

    By the mean log-probability A, C, B (0.22) is better than the first of them. Its end makes it
    the best of all: log 0.132 / 4 is above log 0.18 / 3.
    """
    table = np.full((7, 7), 1e-9)
    table[START, [A, B]] = 0.5, 0.49
    table[A, [C, END]] = 0.8, 0.2
    table[B, [A, END]] = 0.4, 0.6
    table[C, [B, END]] = 0.55, 0.45
    changes = {"table": table, "beam": 2, "length_penalty": 1.0}
    assert list_words(run(early_stopping="always", **changes)) == [A, C, END]
    assert list_words(run(early_stopping="usually", **changes)) == [A, C, B, END]


def test_a_greedy_search_stops_at_its_first_end():
    table = SLOW_TABLE.copy()
    table[A, [C, END]] = 0.39, 0.4
    for early_stopping in EARLY_STOPPING:
        found = run(table=table, length_penalty=3.0, early_stopping=early_stopping)
        assert list_words(found) == [A, END]


def test_captions_begin_with_a_prompt_that_has_no_score():
    looks = tf.one_hot([[3, 4]], LOCATIONS)
    prompt = Prompt(tf.constant([B, A]), looks)
    captions = run(prompt=prompt)
    assert list_words(captions) == [B, A, B, END]
    assert np.exp(captions.log_probability[0, 0]) == pytest.approx(0.4 * 0.9, rel=1e-5)
    assert captions.attention[0, 0, :4].numpy().argmax(1).tolist() == [3, 4, 0, 1]
    assert list_words(run(prompt=prompt, max_length=3)) == [B, A, B, END]
    assert list_words(run(prompt=prompt, max_length=2)) == [B, A, END]
    repeated = Prompt(tf.constant([C, C]), looks)
    assert list_words(run(prompt=repeated, no_repeat=2, forbidden_tokens=ONLY_C)) == [C, C, END]


def test_attention_follows_the_words_of_each_beam():
    captions = run(beam=2)
    assert captions.attention[0, 1, :3].numpy().argmax(1).tolist() == [0, 1, 2]
    assert captions.attention[0, 0, 2].numpy().sum() == 0  # after the end


def test_a_photo_has_the_same_caption_in_a_batch():
    alone, batch = run(beam=3), run(photos=3, beam=3)
    for photo in range(3):
        np.testing.assert_array_equal(batch.tokens[photo], alone.tokens[0])
        np.testing.assert_array_equal(batch.log_probability[photo], alone.log_probability[0])
