"""Crops in a graph are those of the photo reader, to the last pixel."""

import numpy as np
import pytest
import tensorflow as tf

from data.photos.crops import Crops
from exporting.crops import cut_crops


@pytest.mark.parametrize("side", [16, 17, 128, 224, 299])
@pytest.mark.parametrize("number", [1, 2, 4])
def test_crops_are_equal_to_the_last_pixel(number, side):
    pictures = np.random.default_rng(side).integers(0, 256, (2, side, side, 3), np.uint8)
    wanted = [crop for picture in pictures for crop in Crops(number).cut(picture)]
    found = cut_crops(tf.constant(pictures), number)
    assert found.dtype == tf.uint8
    np.testing.assert_array_equal(found, wanted)


def test_any_number_of_pictures_can_be_cut():
    signature = [tf.TensorSpec([None, 32, 32, 3], tf.uint8)]
    cut = tf.function(lambda pixels: cut_crops(pixels, 4), input_signature=signature)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), np.uint8)
    np.testing.assert_array_equal(cut(pictures)[4:8], Crops(4).cut(pictures[1]))
    assert cut.get_concrete_function().output_shapes == (None, 32, 32, 3)
