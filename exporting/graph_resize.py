"""Pillow's resizing in core TensorFlow operations, equal to it to the last pixel.

Pillow resizes along each side by whole-number weights of 22 bits, and rounds to bytes in between.
Its source, libImaging/Resample.c and Reduce.c, gives the order and the type of every rounding.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

_WEIGHT_BITS = 22
_GAP = 2  # a large photo is first reduced to no less than this multiple of the target size
_CUBIC = -0.5  # Pillow's parameter of the cubic filter


@dataclass(frozen=True)
class Side:
    """A side of a picture and the pixels that are made of it.

    The `length` in pixels holds `box`, the part that is brought to the length `enlarged`. Of that,
    `number` pixels are made from `first` on. Pillow keeps `box` in float32.
    """

    length: tf.Tensor
    box: tf.Tensor
    enlarged: tf.Tensor
    first: tf.Tensor
    number: tf.Tensor


def reduce_and_resize(image: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Resize uint8 (H, W, 3) to (side, side, 3), as `data/photos/images.py` does by default.

    This is `Image.resize((side, side), BILINEAR, reducing_gap=2)`.
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    rows, columns = _find_step(height, side), _find_step(width, side)
    is_large = (rows > 1) | (columns > 1)
    image = tf.cond(is_large, lambda: _reduce(image, rows, columns), lambda: image)
    down = _squeeze_side(tf.shape(image)[0], height / rows, side)
    across = _squeeze_side(tf.shape(image)[1], width / columns, side)
    return resample(image, down, across, filter="bilinear")


def _find_step(length: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Return how many pixels in a row become one before resizing."""
    return tf.maximum(tf.cast(length / side / _GAP, tf.int32), 1)


def _squeeze_side(length: tf.Tensor, box: tf.Tensor, side: tf.Tensor) -> Side:
    return Side(length, box, side, tf.constant(0), side)


def resample(image: tf.Tensor, down: Side, across: Side, *, filter: str) -> tf.Tensor:
    """Resize uint8 (H, W, 3) by one of FILTERS; first across, then down, as Pillow does."""
    turned = _resample_rows(tf.transpose(image, [1, 0, 2]), across, filter)
    return _resample_rows(tf.transpose(turned, [1, 0, 2]), down, filter)


def _resample_rows(image: tf.Tensor, side: Side, filter: str) -> tf.Tensor:
    """Resize uint8 (H, M, 3) along its first axis to (N, M, 3)."""
    places, weights = _find_weights(side, filter)

    def is_unfinished(tap: tf.Tensor, _total: tf.Tensor) -> tf.Tensor:
        return tap < tf.shape(places)[1]

    def add(tap: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        rows = tf.cast(tf.gather(image, places[:, tap]), tf.int32)
        return tap + 1, total + rows * weights[:, tap, None, None]

    half = tf.fill([side.number, tf.shape(image)[1], 3], 1 << (_WEIGHT_BITS - 1))
    _, total = tf.while_loop(is_unfinished, add, (tf.constant(0), half))
    rounded = tf.bitwise.right_shift(total, _WEIGHT_BITS)
    return tf.cast(tf.clip_by_value(rounded, 0, 255), tf.uint8)


def _find_weights(side: Side, filter: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the places (N, K) of the pixels that make each new one, and their weights (N, K)."""
    reach, compute = FILTERS[filter]
    box = tf.cast(tf.cast(side.box, tf.float32), tf.float64)
    scale = box / tf.cast(side.enlarged, tf.float64)
    stretch = tf.maximum(scale, 1.0)
    support = reach * stretch
    centres = (tf.cast(side.first + tf.range(side.number), tf.float64) + 0.5) * scale
    first = tf.maximum(tf.cast(centres - support + 0.5, tf.int32), 0)
    last = tf.minimum(tf.cast(centres + support + 0.5, tf.int32), side.length)
    taps = 2 * tf.cast(tf.math.ceil(support), tf.int32) + 1
    places = first[:, None] + tf.range(taps)
    distances = (tf.cast(places, tf.float64) - centres[:, None] + 0.5) * (1.0 / stretch)
    shares = tf.where(places < last[:, None], compute(distances), 0.0)
    shares /= tf.reduce_sum(shares, axis=1, keepdims=True)
    half = tf.where(shares < 0.0, tf.constant(-0.5, tf.float64), 0.5)
    weights = tf.cast(half + shares * 2.0**_WEIGHT_BITS, tf.int32)
    return tf.minimum(places, side.length - 1), weights


def _compute_triangle(distances: tf.Tensor) -> tf.Tensor:
    return tf.nn.relu(1.0 - tf.abs(distances))


def _compute_cubic(distances: tf.Tensor) -> tf.Tensor:
    x = tf.abs(distances)
    near = ((_CUBIC + 2.0) * x - (_CUBIC + 3.0)) * x * x + 1.0
    far = (((x - 5.0) * x + 8.0) * x - 4.0) * _CUBIC
    return tf.where(x < 1.0, near, tf.where(x < 2.0, far, 0.0))


def _compute_lanczos(distances: tf.Tensor) -> tf.Tensor:
    product = _compute_sinc(distances) * _compute_sinc(distances / 3.0)
    return tf.where((distances >= -3.0) & (distances < 3.0), product, 0.0)


def _compute_sinc(x: tf.Tensor) -> tf.Tensor:
    turned = tf.where(x == 0.0, tf.ones_like(x), x) * math.pi
    return tf.where(x == 0.0, tf.ones_like(x), tf.sin(turned) / turned)


# How many pixels each filter reaches to either side, and its weights by distance.
FILTERS: dict[str, tuple[float, Callable[[tf.Tensor], tf.Tensor]]] = {
    "bilinear": (1.0, _compute_triangle),
    "bicubic": (2.0, _compute_cubic),
    "lanczos": (3.0, _compute_lanczos),
}


def _reduce(image: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Return the means of boxes of rows x columns pixels; the last boxes may be smaller.

    This is `Image.reduce`.
    """
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    tall, wide = (height + rows - 1) // rows, (width + columns - 1) // columns
    total = _sum_rows(image, rows, tall)  # (tall, W, 3)
    total = tf.pad(total, [[0, 0], [0, wide * columns - width], [0, 0]])
    total = tf.reduce_sum(tf.reshape(total, [tall, wide, columns, 3]), axis=2)
    heights = tf.minimum(rows, height - tf.range(tall) * rows)
    widths = tf.minimum(columns, width - tf.range(wide) * columns)
    pixels = (heights[:, None] * widths)[..., None]  # in each box
    # Pillow divides by multiplying with a float32 reciprocal, cut to a whole number.
    reciprocal = tf.cast(tf.floor(2.0**24 / tf.cast(pixels, tf.float32)), tf.int64)
    mean = tf.bitwise.right_shift(
        tf.cast(total + pixels // 2, tf.int64) * reciprocal, tf.constant(24, tf.int64)
    )
    return tf.cast(mean, tf.uint8)


def _sum_rows(image: tf.Tensor, rows: tf.Tensor, tall: tf.Tensor) -> tf.Tensor:
    """Return the sums (tall, W, 3) int32 of boxes of `rows` rows, one row at a time."""
    height = tf.shape(image)[0]

    def is_unfinished(row: tf.Tensor, _total: tf.Tensor) -> tf.Tensor:
        return row < rows

    def add(row: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        places = tf.range(tall) * rows + row
        line = tf.cast(tf.gather(image, tf.minimum(places, height - 1)), tf.int32)
        return row + 1, total + tf.where((places < height)[:, None, None], line, 0)

    nothing = tf.zeros([tall, tf.shape(image)[1], 3], tf.int32)
    _, total = tf.while_loop(is_unfinished, add, (tf.constant(0), nothing))
    return total
