"""The decoder contract, over every registered decoder."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from models.decoders import DECODERS, build_decoder
from models.decoders.base import repeat_rows
from models.search.compiled import compile_search
from models.search.rules import Rules
from models.training.checkpoints import load_weights, make_checkpoint
from models.training.losses import masked_loss
from tests.helpers.decoders import (
    CAPTIONS,
    LOCATIONS,
    PHOTOS,
    STEPS,
    VOCABULARY,
    fitting_decoder,
)
from utils.errors import UsageError, UserError

EVERY = [
    *(pytest.param(name, {}, id=name) for name in DECODERS),
    pytest.param("lstm", {"attention": "hard"}, id="lstm-hard"),
    pytest.param("lstm", {"attention": "none"}, id="lstm-none"),
    pytest.param("luong", {"attention": "additive"}, id="luong-additive"),
    pytest.param("gru", {"features": "raw"}, id="gru-raw"),
]
shared = functools.cache(fitting_decoder)  # for tests that do not change its weights


@pytest.mark.parametrize(("name", "options"), EVERY)
class TestEveryDecoder:
    def test_shapes_are_declared_and_attention_sums_to_one(self, name, options, features, tokens):
        logits, attention = shared(name, **options)(features, tokens)
        assert logits.shape == (PHOTOS * CAPTIONS, STEPS, VOCABULARY)
        assert attention.shape == (PHOTOS * CAPTIONS, STEPS, LOCATIONS)
        assert np.isfinite(logits).all()
        np.testing.assert_allclose(tf.reduce_sum(attention, -1), 1, rtol=1e-5)

    def test_logits_at_places_equal_those_of_whole_captions(self, name, options, features, tokens):
        decoder = shared(name, **options)
        logits, attention = decoder(features, tokens)
        at_places, same = decoder(features, tokens, places=tf.constant([0, 7, STEPS * 2 + 1]))
        wanted = np.stack([logits[0, 0], logits[1, 2], logits[2, 1]])
        np.testing.assert_allclose(at_places, wanted, atol=1e-5)
        np.testing.assert_allclose(same, attention, atol=1e-5)

    def test_a_repeated_crop_changes_no_logits(self, name, options, features, tokens):
        """Both share the attention, except for hard attention, which takes one place."""
        decoder = shared(name, **options)
        logits, attention = decoder(features, tokens[:, :1])
        memory, state = decoder.begin(tf.concat([features, features], axis=1))
        twice, _, shares = decoder.step(tokens[:, 0], memory, repeat_rows(state, CAPTIONS))
        np.testing.assert_allclose(twice, logits[:, 0], atol=1e-5)
        np.testing.assert_allclose(
            shares[:, :LOCATIONS] + shares[:, LOCATIONS:], attention[:, 0], atol=1e-5
        )

    def test_call_equals_repeated_step(self, name, options, features, tokens):
        decoder = shared(name, **options)
        logits, attention = decoder(features, tokens)
        memory, state = decoder.begin(features)
        state = repeat_rows(state, CAPTIONS)
        for time in range(STEPS):
            step_logits, state, step_attention = decoder.step(tokens[:, time], memory, state)
            np.testing.assert_allclose(step_logits, logits[:, time], atol=1e-5)
            np.testing.assert_allclose(step_attention, attention[:, time], atol=1e-5)

    @pytest.mark.parametrize("beam", [1, 3])
    def test_search_returns_probabilities_and_attention_of_call(
        self, name, options, beam, features, tokens, request
    ):
        """Compare log-probability and attention of found captions with those of `call`.

        The wider search is compiled.
        """
        decoder = shared(name, **options)
        if beam == 1:
            request.getfixturevalue("uncompiled")
        search = compile_search(decoder, Rules(2, 3, (0,), STEPS, beam=beam, length_penalty=0.0))
        found = search(features, tf.zeros([PHOTOS], tf.int32))
        words = tf.reshape(found.tokens, [PHOTOS * beam, -1])
        logits, attention = decoder(
            features, tf.concat([tf.fill([PHOTOS * beam, 1], 2), words[:, :-1]], axis=1)
        )
        said = words != 0
        of_words = tf.gather(tf.nn.log_softmax(logits), words, batch_dims=2)
        whole = tf.reduce_sum(tf.where(said, of_words, 0.0), axis=1)
        np.testing.assert_allclose(tf.reshape(found.log_probability, [-1]), whole, atol=1e-4)
        seen = tf.reshape(found.attention, attention.shape)
        np.testing.assert_allclose(
            tf.boolean_mask(seen, said), tf.boolean_mask(attention, said), atol=1e-5
        )

    def test_a_prompt_is_read_as_call_reads_it(self, name, options, features, tokens):
        """So the words after it have the log-probabilities of `call`."""
        decoder = shared(name, **options)
        prompt = tf.constant([5, 7, 4])
        search = compile_search(decoder, Rules(2, 3, (0,), STEPS, beam=2, length_penalty=0.0))
        found = search(features, tf.zeros([PHOTOS], tf.int32), prompt)
        np.testing.assert_array_equal(
            found.tokens[:, :, :3], tf.broadcast_to(prompt, [PHOTOS, 2, 3])
        )
        words = tf.reshape(found.tokens, [PHOTOS * 2, -1])
        logits, attention = decoder(
            features, tf.concat([tf.fill([PHOTOS * 2, 1], 2), words[:, :-1]], axis=1)
        )
        of_words = tf.gather(tf.nn.log_softmax(logits), words, batch_dims=2)[:, 3:]
        whole = tf.reduce_sum(tf.where(words[:, 3:] != 0, of_words, 0.0), axis=1)
        np.testing.assert_allclose(tf.reshape(found.log_probability, [-1]), whole, atol=1e-4)
        seen = tf.reshape(found.attention, attention.shape)
        np.testing.assert_allclose(seen[:, :4], attention[:, :4], atol=1e-5)

    def test_captions_depend_only_on_their_photo(self, name, options, features, tokens):
        """Rows 2 and 3 belong to photo 1: alone with it they get the same logits."""
        decoder = shared(name, **options)
        together, _ = decoder(features, tokens)
        alone, _ = decoder(features[1:2], tokens[2:4])
        np.testing.assert_allclose(together[2:4], alone, atol=1e-5)

    def test_every_variable_gets_a_gradient(self, name, options, features, tokens):
        decoder = shared(name, **options)
        with tf.GradientTape() as tape:
            logits, _ = decoder(features, tokens[:, :-1], training=True)
            loss = masked_loss(logits, tokens[:, 1:])
        for variable, gradient in zip(
            decoder.trainable_variables,
            tape.gradient(loss, decoder.trainable_variables),
            strict=True,
        ):
            assert gradient is not None, variable.path
            assert np.abs(tf.convert_to_tensor(gradient)).max() > 0, variable.path

    def test_compiled_equals_eager(self, name, options, features, tokens):
        decoder = shared(name, **options)
        eager, _ = decoder(features, tokens)
        compiled, _ = tf.function(lambda *each: decoder(*each), jit_compile=True)(features, tokens)
        np.testing.assert_allclose(compiled, eager, atol=1e-4)

    def test_equal_seeds_give_equal_weights(self, name, options, features, tokens):
        decoder, other = fitting_decoder(name, **options), fitting_decoder(name, seed=1, **options)
        for one, two in zip(
            decoder.variables, fitting_decoder(name, **options).variables, strict=True
        ):
            np.testing.assert_array_equal(one.numpy(), two.numpy())
        assert np.abs(other(features, tokens)[0] - decoder(features, tokens)[0]).max() > 1e-3

    def test_saved_and_loaded_gives_equal_outputs(self, name, options, features, tokens, tmp_path):
        decoder, other = shared(name, **options), fitting_decoder(name, seed=1, **options)
        tf.train.CheckpointManager(make_checkpoint(decoder), str(tmp_path / "best"), 1).save()
        load_weights(other, tmp_path / "best")
        np.testing.assert_array_equal(other(features, tokens)[0], decoder(features, tokens)[0])

    def test_a_truncated_checkpoint_is_rejected_by_name(self, name, options, tmp_path):
        decoder = fitting_decoder(name, **options)
        tf.train.CheckpointManager(make_checkpoint(decoder), str(tmp_path / "best"), 1).save()
        data = next((tmp_path / "best").glob("*.data*"))
        data.write_bytes(data.read_bytes()[:100])
        with pytest.raises(UserError, match="best/ckpt-1 is damaged"):
            load_weights(decoder, tmp_path / "best")


def test_an_unknown_decoder_is_rejected_with_the_nearest_name():
    with pytest.raises(UsageError, match="unknown decoder 'gur'; did you mean 'gru'"):
        build_decoder("gur", seed=0)
