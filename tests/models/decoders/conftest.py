"""Photos and captions for small decoders."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers.decoders import CAPTIONS, DEPTH, LOCATIONS, PHOTOS, STEPS, VOCABULARY


@pytest.fixture(scope="module")
def features():
    random = np.random.default_rng(0)
    return tf.constant(random.random((PHOTOS, LOCATIONS, DEPTH)), tf.float32)


@pytest.fixture(scope="module")
def tokens():
    random = np.random.default_rng(1)
    return tf.constant(random.integers(1, VOCABULARY, (PHOTOS * CAPTIONS, STEPS)), tf.int32)
