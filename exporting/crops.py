"""The crops of `data/photos/crops.py` as operations that every engine has."""

import numpy as np
import tensorflow as tf

# A crop's middle is 7/8 of the side, from 1/16 on, so the centre of each of its pixels lies at a
# multiple of 1/16. Pillow then mixes two neighbours by weights that are multiples of 1/16, too.
_PARTS = 16  # of a pixel; each pixel of the crop moves on by 14 of them


def cut_crops(pixels: tf.Tensor, number: int) -> tf.Tensor:
    """Return the crops uint8 (N·number, S, S, 3) of pictures uint8 (N, S, S, 3).

    They equal `Crops(number).cut` of each picture to the last pixel, and follow one another.
    """
    if number == 1:
        return pixels
    side = pixels.shape[1]
    crops = [pixels, _enlarge_middle(pixels)]
    if number > 2:
        crops += [_mirror(crop) for crop in crops]
    stacked = tf.stack(crops[:number], axis=1)
    return tf.reshape(stacked, [-1, side, side, 3])


def _mirror(pixels: tf.Tensor) -> tf.Tensor:
    # tf.reverse is not in every engine.
    return tf.gather(pixels, np.arange(pixels.shape[2])[::-1].astype(np.int32), axis=2)


def _enlarge_middle(pixels: tf.Tensor) -> tf.Tensor:
    """Return the middle of each picture at its whole size, by Pillow's bilinear arithmetic."""
    middle = tf.cast(pixels, tf.float32)
    for axis in (2, 1):  # first across, then down, as Pillow does, with whole numbers between
        middle = _mix_neighbours(middle, axis)
    return tf.cast(middle, tf.uint8)


def _mix_neighbours(pixels: tf.Tensor, axis: int) -> tf.Tensor:
    """Return a side's middle at the length of the side; whole numbers (N, S, S, 3) float32.

    All values are less than 2**12, so float32 is exact.
    """
    side = pixels.shape[axis]
    # Places of centres in parts of a pixel, counted from the centre of the first pixel.
    places = side + 14 * np.arange(side) + 7 - _PARTS // 2
    first = (places // _PARTS).astype(np.int32)
    second_parts = (places % _PARTS).astype(np.float32)
    shape = [1, 1, 1, 1]
    shape[axis] = side
    second_parts = second_parts.reshape(shape)
    mixed = tf.gather(pixels, first, axis=axis) * (_PARTS - second_parts)
    mixed += tf.gather(pixels, first + 1, axis=axis) * second_parts
    return tf.floor((mixed + _PARTS // 2) / _PARTS)
