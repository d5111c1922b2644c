"""Sampling from a next-word table."""

import numpy as np
import pytest
import tensorflow as tf

from models.search.rules import Rules
from models.search.sampling import Sampling, sample
from tests.helpers.next_words import END, LOCATIONS, RULES, A, B, C, list_words, make_step


def draw(seeds, beam=1, **options):
    state = tf.zeros([len(seeds) * beam], tf.int32)
    return sample(
        make_step(),
        state,
        seeds=tf.constant(seeds),
        locations=LOCATIONS,
        rules=Rules(**RULES, beam=beam),
        sampling=Sampling(**options),
    )


def draw_first_words(photos, **options):
    return draw(list(range(photos)), **options).tokens[:, 0, 0].numpy()


def test_samples_follow_the_probabilities():
    first = draw_first_words(2000)
    shares = [(first == word).mean() for word in (A, B, C)]
    assert shares == pytest.approx([0.5, 0.4, 0.1], abs=0.03)


def test_top_k_top_p_and_temperature_leave_the_likeliest():
    assert set(draw_first_words(300, top_k=1)) == {A}
    assert set(draw_first_words(300, top_p=0.6)) == {A, B}
    assert set(draw_first_words(300, temperature=0.01)) == {A}


def test_a_photo_has_the_same_samples_in_a_batch():
    alone, batch = draw([7], beam=2), draw([3, 7, 9], beam=2)
    np.testing.assert_array_equal(batch.tokens[1], alone.tokens[0])
    assert list_words(alone)[-1] == END


@pytest.mark.parametrize(
    ("name", "value"), [("temperature", 0), ("top_k", 0), ("top_p", 0), ("top_p", 1.5)]
)
def test_impossible_options_are_rejected(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be .*\(got {value}\)$"):
        Sampling(**{name: value})
