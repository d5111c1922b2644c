"""Weights copied to another vocabulary: their values, the counts, and what does not fit."""

import functools
import re

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import DECODERS
from models.training.warm_start import TokenOverlap, copy_weights, initialise_new_tokens
from tests.helpers.decoders import small_decoder
from utils.errors import UserError

SPECIAL = ["<pad>", "<unk>", "<start>", "<end>"]
OLD = [*SPECIAL, "a", "dog", "runs", "the", "cat"]
NEW = [*SPECIAL, "the", "horse", "a", "▁a", "cat", "Dog", "개"]  # known: the, a, cat
OURS, THEIRS = [0, 1, 2, 3, 4, 6, 8], [0, 1, 2, 3, 7, 4, 8]


def build(name, tokens, seed=0, **options):
    """Build a decoder for these tokens, with no weight of zero."""
    sizes = {"depth": 5, "units": 6, "embedding": 3, "attention_units": 2, "heads": 3} | options
    decoder = small_decoder(name, seed=seed, vocabulary=len(tokens), **sizes)
    random = np.random.default_rng(seed)
    for variable in decoder.weights:
        variable.assign(random.normal(size=variable.shape).astype(np.float32))
    return decoder


@functools.cache
def build_source(name):
    """Build the decoder whose weights are copied, which does not change."""
    return build(name, OLD, seed=1)


def read_values(decoder):
    return [variable.numpy() for variable in decoder.weights]


@pytest.mark.parametrize("name", DECODERS)
class TestEveryDecoder:
    def test_variables_that_grow_with_the_vocabulary_are_known(self, name):
        decoder, larger = build(name, OLD), build(name, [*OLD, "more"])
        grown = [
            (one.path, axis)
            for one, other in zip(decoder.weights, larger.weights, strict=True)
            for axis, sizes in enumerate(zip(one.shape, other.shape, strict=True))
            if len(set(sizes)) == 2
        ]
        assert grown
        assert sorted(
            (variable.path, axis) for variable, axis in decoder.find_token_variables()
        ) == sorted(grown)

    def test_known_tokens_are_copied_and_new_ones_stay(self, name):
        decoder, other = build(name, NEW), build_source(name)
        before, learned = read_values(decoder), read_values(other)
        assert copy_weights(decoder, NEW, other, OLD) == TokenOverlap(shared=7, new=4, dropped=2)
        axes = {variable.path: axis for variable, axis in decoder.find_token_variables()}
        fresh = [5, 7, 9, 10]
        for variable, own, theirs in zip(decoder.weights, before, learned, strict=True):
            axis = axes.get(variable.path)
            if axis is None:
                np.testing.assert_array_equal(variable.numpy(), theirs, err_msg=variable.path)
            else:
                now = variable.numpy()
                np.testing.assert_array_equal(
                    now.take(OURS, axis), theirs.take(THEIRS, axis), err_msg=variable.path
                )
                np.testing.assert_array_equal(
                    now.take(fresh, axis), own.take(fresh, axis), err_msg=variable.path
                )
                assert not (now.take(OURS, axis) == own.take(OURS, axis)).any()
        for now, theirs in zip(read_values(other), learned, strict=True):
            np.testing.assert_array_equal(now, theirs)  # the source does not change

    def test_the_same_vocabulary_gives_the_same_captions(self, name):
        decoder, other = build(name, OLD), build_source(name)
        features = tf.constant(np.random.default_rng(2).random((2, 4, 5)), tf.float32)
        tokens = tf.constant([[2, 4, 5], [2, 7, 8]])
        assert np.abs(decoder(features, tokens)[0] - other(features, tokens)[0]).max() > 0.1
        assert copy_weights(decoder, OLD, other, OLD) == TokenOverlap(shared=9, new=0, dropped=0)
        for one, two in zip(decoder(features, tokens), other(features, tokens), strict=True):
            np.testing.assert_array_equal(one, two)

    def test_known_words_keep_their_logits(self, name):
        decoder, other = build(name, NEW), build_source(name)
        copy_weights(decoder, NEW, other, OLD)
        features = tf.constant(np.random.default_rng(2).random((1, 4, 5)), tf.float32)
        ours, seen = decoder(features, tf.constant([[OURS[6], OURS[4]]]))
        theirs, looked = other(features, tf.constant([[THEIRS[6], THEIRS[4]]]))
        np.testing.assert_allclose(
            tf.gather(ours, OURS, axis=2), tf.gather(theirs, THEIRS, axis=2), rtol=1e-5
        )
        np.testing.assert_allclose(seen, looked, rtol=1e-5)

    def test_a_vocabulary_that_shares_only_the_special_tokens(self, name):
        decoder, other = build(name, [*SPECIAL, "개"]), build_source(name)
        assert copy_weights(decoder, [*SPECIAL, "개"], other, OLD) == TokenOverlap(
            shared=4, new=1, dropped=5
        )

    @pytest.mark.parametrize(
        "option", ["units", "embedding", "attention_units", "locations", "depth"]
    )
    def test_weights_of_another_shape_are_rejected(self, name, option):
        if option not in (*DECODERS[name].OPTIONS, "locations", "depth"):
            pytest.skip(f"it has no {option}")
        if (name, option) in {
            ("lstm", "locations"),
            ("luong", "locations"),
            ("luong", "attention_units"),
        }:
            pytest.skip("its weights do not depend on that")
        decoder, other = build(name, NEW, **{option: 9}), build_source(name)
        wanted = (
            r"the weights to start from do not fit: (\S+) is (\(.+?\)) there and (\(.+?\)) here"
        )
        with pytest.raises(UserError, match=wanted) as refused:
            copy_weights(decoder, NEW, other, OLD)
        name, there, here = re.match(wanted, str(refused.value)).groups()
        assert there in {str(tuple(variable.shape)) for variable in other.weights}
        assert here in {
            str(tuple(variable.shape)) for variable in decoder.weights if variable.path == name
        }
        assert there != here


def test_another_number_of_weights_is_rejected():
    class Larger(DECODERS["gru"]):
        def build(self, *shapes):
            self.more = self.add_weight(shape=(2,), name="more")

    options = {
        "vocabulary": 9,
        "locations": 4,
        "depth": 5,
        "units": 6,
        "embedding": 3,
        "attention_units": 2,
        "dropout": 0.5,
        "features": "normalised",
    }
    larger = Larger(**options)
    number = len(larger.weights)
    with pytest.raises(
        UserError,
        match=f"{number} tensors there and {number - 1} here; .*--decoder",
    ):
        copy_weights(build("gru", OLD), OLD, larger, OLD)


def test_new_tokens_start_from_what_they_resemble():
    tokens = [*SPECIAL, "a", "dog", "cat", "dogs", "sink", "never"]
    decoder = build("gru", tokens)
    before = read_values(decoder)
    initialise_new_tokens(
        decoder,
        tokens,
        new=["dogs", "sink", "never"],
        learned=["a", "dog", "cat"],
        similar={"dogs": {"dog": 1}, "sink": {"a": 3, "cat": 1}},
        counts={"a": 8, "dog": 2, "cat": 2, "dogs": 4, "sink": 1},
    )
    vectors, kernel, bias = (
        np.moveaxis(variable.numpy(), axis, 0) for variable, axis in decoder.find_token_variables()
    )
    for rows in (vectors, kernel):
        np.testing.assert_allclose(rows[7], rows[5], rtol=1e-5)
        np.testing.assert_allclose(rows[8], (3 * rows[4] + rows[6]) / 4, rtol=1e-5)
        np.testing.assert_allclose(rows[9], (rows[4] + rows[5] + rows[6]) / 3, rtol=1e-5)
    # As likely as a learned token that is as frequent, on the mean of the learned ones.
    level = (bias[4] - np.log(8) + bias[5] - np.log(2) + bias[6] - np.log(2)) / 3
    np.testing.assert_allclose(bias[7:], [level + np.log(4), level, level], rtol=1e-5)
    axes = {variable.path: axis for variable, axis in decoder.find_token_variables()}
    for variable, own in zip(decoder.weights, before, strict=True):
        axis = axes.get(variable.path)
        kept = range(7) if axis is not None else range(variable.shape[0])
        now = variable.numpy()
        axis = axis or 0
        np.testing.assert_array_equal(now.take(kept, axis), own.take(kept, axis))


def test_without_a_learned_token_new_ones_stay():
    decoder = build("gru", [*SPECIAL, "개"])
    before = read_values(decoder)
    initialise_new_tokens(
        decoder, [*SPECIAL, "개"], new=["개"], learned=[], similar={}, counts={"개": 3}
    )
    for now, own in zip(read_values(decoder), before, strict=True):
        np.testing.assert_array_equal(now, own)
