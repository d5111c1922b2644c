"""Compiled searches give a decoder's captions."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from models.search.compiled import compile_search
from models.search.rules import Rules
from models.search.sampling import Sampling
from tests.helpers.next_words import END, LOCATIONS, RULES, A, B, list_words, make_step


def make_decoder(seeds_seen=None):
    """A decoder of the next-word table; `begin` records the seeds that it gets."""
    next_words = make_step()

    def begin(features, seeds=None):
        if seeds_seen is not None:
            seeds_seen.append(seeds is not None)
        return {}, tf.zeros([tf.shape(features)[0]], tf.int32)

    def step(tokens, _memory, state):
        return next_words(tokens, state)

    return SimpleNamespace(begin=begin, step=step, locations=LOCATIONS, positions=None)


FEATURES = np.zeros((2, LOCATIONS, 3), np.float32)
PICTURES = np.zeros((2, 8, 8, 3), np.uint8)
SEEDS = np.arange(2, dtype=np.int32)


@pytest.mark.parametrize("inputs", [FEATURES, PICTURES], ids=["features", "pictures"])
def test_the_best_captions_of_each_photo(inputs):
    search = compile_search(make_decoder(), Rules(**RULES, beam=2, length_penalty=0.0))
    captions = search(inputs, SEEDS)
    assert captions.attention.shape == (2, 2, 5, LOCATIONS)
    for photo in range(2):
        assert list_words(captions, photo) == [B, END]
        assert list_words(captions, photo, rank=1) == [A, B, END]


def test_samples_depend_on_the_seeds_of_photos():
    draw = compile_search(make_decoder(), Rules(**RULES, beam=20), Sampling())
    tokens = draw(FEATURES, SEEDS).tokens.numpy()
    np.testing.assert_array_equal(draw(FEATURES, SEEDS).tokens, tokens)
    assert (tokens[0] != tokens[1]).any()


@pytest.mark.parametrize("samples_locations", [False, True])
def test_only_sampled_locations_get_seeds(samples_locations):
    seeds_seen = []
    rules = Rules(**RULES)
    search = compile_search(make_decoder(seeds_seen), rules, samples_locations=samples_locations)
    search(FEATURES, SEEDS)
    assert set(seeds_seen) == {samples_locations}


def test_the_decoder_reads_a_prompt_before_the_search():
    """Attention starts at the start, and the words of any prompt are not searched."""
    search = compile_search(make_decoder(), Rules(**RULES, beam=2))
    captions = search(FEATURES, SEEDS, tf.constant([B, A]))
    assert list_words(captions) == [B, A, B, END]
    assert captions.attention[0, 0, :4].numpy().argmax(1).tolist() == [0, 1, 2, 3]
    assert list_words(search(FEATURES, SEEDS, tf.constant([A]))) == [A, B, END]
    assert list_words(search(FEATURES, SEEDS, tf.constant([B, A, A])), photo=1)[:3] == [B, A, A]


@pytest.mark.parametrize("photos", [1, 2])
def test_the_first_prompt_may_be_a_single_word(photos):
    """TensorFlow then knows all shapes before the loop over the prompt, and must see them stay."""
    search = compile_search(make_decoder(), Rules(**RULES, beam=2))
    captions = search(FEATURES[:photos], SEEDS[:photos], tf.constant([A]))
    assert list_words(captions, photo=photos - 1) == [A, B, END]


def test_samples_begin_with_a_prompt_too():
    draw = compile_search(make_decoder(), Rules(**RULES, beam=20), Sampling())
    captions = draw(FEATURES, SEEDS, tf.constant([B, A]))
    assert {tuple(tokens[:2]) for tokens in captions.tokens.numpy().reshape(-1, 5)} == {(B, A)}
    alone = tf.reduce_max(captions.log_probability)  # B and the end, or the end at once
    assert np.exp(alone) == pytest.approx(0.4 * 0.9, rel=1e-5)
