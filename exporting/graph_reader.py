"""Photos' bytes → pixels in core TensorFlow operations, equal to `data/photos/images.py`.

A SavedModel that reads photos reads them as training did, to the last pixel.
"""

from collections.abc import Callable

import tensorflow as tf

from data.photos.reading import DEFAULT, Reading
from exporting.graph_bytes import SIGNATURE, cut, require
from exporting.graph_formats import decode_bmp, decode_gif, decode_jpeg, decode_png, decode_webp
from exporting.graph_orientation import (
    find_jpeg_orientation,
    find_png_orientation,
    find_webp_orientation,
    turn_upright,
)
from exporting.graph_resize import FILTERS, Side, reduce_and_resize, resample
from utils.errors import UserError

# What `predict.py` reads and a graph does not. Each is an InvalidArgumentError there.
UNREADABLE = (
    "TIFF",
    "AVIF",
    "BMP with 16 bits a pixel, colour masks or run lengths, or of OS/2",
)

# What a graph reads otherwise than `predict.py`.
INEXACT = (
    "JPEG of four inks with black: colours differ by one level of 255",
    "PNG of which only compressed text says how it lies: it is not turned",
    "PNG of 4 or 16 grey levels of which one is transparent: that level becomes white",
)

_SIGNATURE = [*SIGNATURE, tf.TensorSpec([], tf.int32, "size")]

_FITS = ("squeeze", "crop", "squeeze_and_crop")


def make_reader(size: int, reading: Reading = DEFAULT) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return a function from a photo's bytes (a string, no axis) to pixels uint8 (S, S, 3).

    Raises:
        UserError: the reading is none that a graph can do.
    """
    _check_reading(size, reading)
    if reading.is_exact:
        read_photo = _make_exact_reader(reading)
    else:
        read_photo = _read_by_default

    def read(data: tf.Tensor) -> tf.Tensor:
        image = read_photo(data, tf.constant(size))
        return tf.ensure_shape(image, [size, size, 3])

    return read


@tf.function(input_signature=_SIGNATURE, autograph=False)
def _read_by_default(data: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    image, orientation = _decode(data, size)
    return turn_upright(reduce_and_resize(image, size), orientation)


def _make_exact_reader(reading: Reading) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    @tf.function(input_signature=_SIGNATURE, autograph=False)
    def read_exactly(data: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        image, orientation = _decode(data, None)
        return _resize_exactly(turn_upright(image, orientation), size, reading)

    return read_exactly


def _check_reading(size: int, reading: Reading) -> None:
    if not reading.is_exact:
        return
    if reading.resample not in FILTERS:
        raise UserError(
            f"a graph resizes photos by {', '.join(FILTERS)} (got {reading.resample}); "
            "export to a format that takes pixels"
        )
    if reading.fit not in _FITS:
        raise UserError(
            f"a graph fits photos by {', '.join(_FITS)} (got {reading.fit}); "
            "export to a format that takes pixels"
        )
    edge = reading.shortest_edge
    if reading.fit != "squeeze" and edge is not None and edge < size:
        raise UserError(
            f"a graph crops photos whose shorter side is at least the network's {size} pixels "
            f"(got {edge}); export to a format that takes pixels"
        )


def _resize_exactly(image: tf.Tensor, size: tf.Tensor, reading: Reading) -> tf.Tensor:
    """Return an upright picture at (S, S, 3), as `Reading.resize_exactly` does."""
    height, width = tf.shape(image)[0], tf.shape(image)[1]
    tall, wide = _enlarge(height, width, size, reading)
    down = Side(height, height, tall, (tall - size) // 2, size)
    across = Side(width, width, wide, (wide - size) // 2, size)
    return resample(image, down, across, filter=reading.resample)


def _enlarge(
    height: tf.Tensor, width: tf.Tensor, size: tf.Tensor, reading: Reading
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the height and width of the whole photo when the square is cut from it."""
    edge = size
    if reading.fit != "squeeze" and reading.shortest_edge is not None:
        edge = tf.constant(reading.shortest_edge)
    if reading.fit != "crop":
        return edge, edge
    shorter = tf.cast(tf.minimum(height, width), tf.float64)
    longer = tf.cast(tf.maximum(height, width), tf.float64)
    enlarged = tf.cast(tf.cast(edge, tf.float64) * longer / shorter, tf.int32)
    return tf.where(width <= height, enlarged, edge), tf.where(width <= height, edge, enlarged)


def _decode(data: tf.Tensor, size: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the pixels uint8 (H, W, 3) as they are stored, and how they lie, int32.

    A large JPEG is decoded at 1/2, 1/4 or 1/8 where `size` is given.
    """
    is_webp = (cut(data, 0, 4) == b"RIFF") & (cut(data, 8, 4) == b"WEBP")
    is_bmp = cut(data, 0, 2) == b"BM"
    upright = tf.constant(1)

    def decode_last() -> tuple[tf.Tensor, tf.Tensor]:
        reason = "not a picture, or of a format that a graph does not read"
        return decode_bmp(require(data, is_bmp, reason)), upright

    image, orientation = tf.case(
        [
            (
                cut(data, 0, 3) == b"\xff\xd8\xff",
                lambda: (decode_jpeg(data, size), find_jpeg_orientation(data)),
            ),
            (
                cut(data, 0, 8) == b"\x89PNG\r\n\x1a\n",
                lambda: (decode_png(data), find_png_orientation(data)),
            ),
            (is_webp, lambda: (decode_webp(data), find_webp_orientation(data))),
            (cut(data, 0, 4) == b"GIF8", lambda: (decode_gif(data), upright)),
        ],
        default=decode_last,
    )
    return tf.ensure_shape(image, [None, None, 3]), orientation
