"""The GRU decoder's normalisation of features."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.decoders import LOCATIONS, PHOTOS, fitting_decoder


@pytest.mark.parametrize(("kind", "ignores_length"), [("normalised", True), ("raw", False)])
def test_normalised_features_ignore_their_length(kind, ignores_length, features, tokens):
    decoder = fitting_decoder(features=kind)
    factors = np.random.default_rng(2).uniform(1, 3, (PHOTOS, LOCATIONS, 1))
    long = 100 * features
    longer = 100 * features * tf.constant(factors, tf.float32)
    is_equal = np.allclose(decoder(longer, tokens)[0], decoder(long, tokens)[0], atol=1e-3)
    assert is_equal == ignores_length
