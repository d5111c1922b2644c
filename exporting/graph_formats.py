"""Pictures' bytes → pixels uint8 (H, W, 3) on white, as Pillow decodes them.

TensorFlow's operations decode, but they differ from Pillow in transparent parts, 16 bits, palettes
and animations.
"""

import tensorflow as tf

from data.photos.images import MAX_PIXELS
from exporting.graph_bytes import SIGNATURE, cut, cut_from, read_big, read_little, replace, require

_WHITE = 255
_BYTES = [bytes([value]) for value in range(256)]
_GIF_HEADER = 13  # bytes
_ADOBE = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"  # a segment: the inks are stored inverted


def _check_size(data: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    is_allowed = (pixels > 0) & (pixels <= MAX_PIXELS)
    return require(data, is_allowed, f"a picture has 1 to {MAX_PIXELS:,} pixels, not", pixels)


def decode_jpeg(data: tf.Tensor, size: tf.Tensor | None) -> tf.Tensor:
    """Decode a JPEG, at 1/2, 1/4 or 1/8 if both sides remain at least twice `size`.

    This is Pillow's `Image.draft`.
    """
    shape = tf.image.extract_jpeg_shape(data)
    data = _check_size(data, shape[0], shape[1])
    data = tf.cond(shape[2] == 4, lambda: _mark_inks(data), lambda: data)
    if size is None:
        return _decode_jpeg_at(data, 1)
    scale = tf.minimum(shape[0], shape[1]) // (2 * size)
    return tf.case(
        [
            (scale >= 8, lambda: _decode_jpeg_at(data, 8)),
            (scale >= 4, lambda: _decode_jpeg_at(data, 4)),
            (scale >= 2, lambda: _decode_jpeg_at(data, 2)),
        ],
        default=lambda: _decode_jpeg_at(data, 1),
    )


def _mark_inks(data: tf.Tensor) -> tf.Tensor:
    """Return a JPEG of four inks with Adobe's mark: Pillow reads all of them as Adobe's.

    A mark that the file has comes after this one, and counts.
    """
    return tf.strings.join([cut(data, 0, 2), _ADOBE, cut_from(data, 2)])


def _decode_jpeg_at(data: tf.Tensor, ratio: int) -> tf.Tensor:
    return tf.io.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")


@tf.function(input_signature=SIGNATURE, autograph=False)
def decode_png(data: tf.Tensor) -> tf.Tensor:
    """Decode a PNG; 16 bits become 8 as `data/photos/images.py` and Pillow reduce them."""
    data = _check_size(data, read_big(data, 20, 4), read_big(data, 16, 4))
    bits, is_grey = read_big(data, 24, 1), read_big(data, 25, 1) == 0
    is_deep = bits == 16
    # TensorFlow adds alpha in the file's bits, to pictures without.
    opaque = tf.bitwise.left_shift(tf.constant(1, tf.int64), tf.minimum(bits, 8)) - 1
    return tf.case(
        [
            (is_deep & is_grey, lambda: _decode_deep_grey_png(data)),
            (is_deep, lambda: _decode_deep_png(data)),
        ],
        default=lambda: _blend_on_white(tf.io.decode_png(data, channels=4), opaque),
    )


def _decode_deep_grey_png(data: tf.Tensor) -> tf.Tensor:
    grey = tf.cast(tf.io.decode_png(data, channels=1, dtype=tf.uint16), tf.int32)
    return tf.tile(tf.cast((grey + 128) // 257, tf.uint8), [1, 1, 3])


def _decode_deep_png(data: tf.Tensor) -> tf.Tensor:
    deep = tf.cast(tf.io.decode_png(data, channels=4, dtype=tf.uint16), tf.int32)
    return _blend_on_white(tf.cast(deep // 256, tf.uint8))  # Pillow keeps the upper byte


def _blend_on_white(image: tf.Tensor, opaque: int | tf.Tensor = _WHITE) -> tf.Tensor:
    """Return RGBA pixels (H, W, 4) as RGB on white, by the arithmetic of `alpha_composite`.

    Nothing is blended where alpha is `opaque` everywhere.
    """
    colours, alpha = image[..., :3], image[..., 3:]

    def blend() -> tf.Tensor:
        opacity = tf.cast(alpha, tf.int32)
        total = tf.cast(colours, tf.int32) * opacity + _WHITE * (_WHITE - opacity)
        total = total * 128 + (1 << 14)
        mixed = tf.bitwise.right_shift(tf.bitwise.right_shift(total, 8) + total, 15)
        return tf.cast(mixed, tf.uint8)

    is_opaque = tf.reduce_all(alpha == tf.cast(opaque, tf.uint8))
    return tf.cond(is_opaque, lambda: colours, blend)


@tf.function(input_signature=SIGNATURE, autograph=False)
def decode_webp(data: tf.Tensor) -> tf.Tensor:
    """Decode a WebP, or the first picture of an animated one.

    For an animation without transparent pixels TensorFlow 2.21 reserves 3 bytes a pixel, writes 4,
    and crashes. So an animation is first marked as one with transparent pixels.
    """
    is_extended = cut(data, 12, 4) == b"VP8X"
    flags = tf.where(is_extended, read_big(data, 20, 1), 0)
    is_animated = flags // 2 % 2 == 1
    has_alpha = flags // 16 % 2 == 1

    def decode_animation() -> tf.Tensor:
        mark = tf.gather(_BYTES, tf.where(has_alpha, flags, flags + 16))
        image = _decode_any(replace(data, 20, mark), channels=4)
        return tf.cond(has_alpha, lambda: _blend_on_white(image), lambda: image[..., :3])

    def decode_picture() -> tf.Tensor:
        image = _decode_any(data, channels=0)
        return tf.cond(
            tf.shape(image)[2] == 4, lambda: _blend_on_white(image), lambda: image[..., :3]
        )

    return tf.cond(is_animated, decode_animation, decode_picture)


def _decode_any(data: tf.Tensor, *, channels: int) -> tf.Tensor:
    image = tf.io.decode_image(data, channels=channels, expand_animations=False)
    return tf.ensure_shape(image, [None, None, channels or None])


@tf.function(input_signature=SIGNATURE, autograph=False)
def decode_gif(data: tf.Tensor) -> tf.Tensor:
    """Decode the first picture of a GIF.

    TensorFlow shows transparent pixels as black, and omits the parts of the whole that the picture
    does not cover. So the transparent colour becomes an opaque white, and the picture is laid on
    the whole.
    """
    data, frame, transparent = _read_gif_blocks(data)
    left, top = read_little(data, frame + 1, 2), read_little(data, frame + 3, 2)
    width, height = read_little(data, frame + 5, 2), read_little(data, frame + 7, 2)
    wide = tf.maximum(read_little(data, 6, 2), left + width)
    tall = tf.maximum(read_little(data, 8, 2), top + height)
    data = _check_size(data, tall, wide)

    has_own_palette = read_big(data, frame + 9, 1) >= 128
    palette = tf.where(has_own_palette, frame + 10, _GIF_HEADER)
    flags = tf.where(has_own_palette, read_big(data, frame + 9, 1), read_big(data, 10, 1))
    is_transparent = transparent >= 0
    first_colour = tf.strings.join([cut(data, palette, 3), b"\0\0\0"])
    background = tf.io.decode_raw(tf.strings.substr(first_colour, 0, 3), tf.uint8)
    background = tf.where(is_transparent, tf.constant(_WHITE, tf.uint8), background)
    opaque = tf.cond(
        is_transparent & (transparent < _count_gif_colours(flags)),
        lambda: replace(data, palette + 3 * transparent, b"\xff\xff\xff"),
        lambda: data,
    )

    image = _decode_any(replace(opaque, frame + 1, b"\0\0\0\0"), channels=3)
    margins = [[top, tall - top - height], [left, wide - left - width], [0, 0]]
    is_covered = tf.pad(tf.ones([height, width, 1], tf.bool), margins)
    return tf.where(is_covered, tf.pad(image, margins), background)


def _count_gif_colours(flags: tf.Tensor) -> tf.Tensor:
    return tf.bitwise.left_shift(tf.constant(2, tf.int64), flags % 8)


def _read_gif_blocks(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Return the file without transparency, the first picture's place, the transparent colour.

    The colour is -1 where there is none.
    """
    end = tf.cast(tf.strings.length(data), tf.int64)

    def is_before_picture(data: tf.Tensor, place: tf.Tensor, _transparent: tf.Tensor) -> tf.Tensor:
        return (place < end) & (cut(data, place, 1) != b",")

    def read_block(
        data: tf.Tensor, place: tf.Tensor, transparent: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        flags = read_big(data, place + 3, 1)
        is_control = cut(data, place, 3) == b"!\xf9\x04"
        is_transparent = is_control & (flags % 2 == 1)
        transparent = tf.where(is_transparent, read_big(data, place + 6, 1), transparent)
        opaque = tf.cond(
            is_transparent,
            lambda: replace(data, place + 3, tf.gather(_BYTES, flags - 1)),
            lambda: data,
        )
        is_extension = cut(data, place, 1) == b"!"
        following = tf.cond(
            is_extension, lambda: _skip_gif_extension(data, place + 2), lambda: place + 1
        )
        return opaque, following, transparent

    flags = read_big(data, 10, 1)
    palette_size = tf.where(flags >= 128, 3 * _count_gif_colours(flags), 0)
    first = (data, _GIF_HEADER + palette_size, tf.constant(-1, tf.int64))
    return tf.while_loop(is_before_picture, read_block, first)


def _skip_gif_extension(data: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Return the place after an extension's parts, of which an empty one is the last."""
    last = tf.while_loop(
        lambda place: read_big(data, place, 1) > 0,
        lambda place: (place + 1 + read_big(data, place, 1),),
        (place,),
    )
    return last[0] + 1


@tf.function(input_signature=SIGNATURE, autograph=False)
def decode_bmp(data: tf.Tensor) -> tf.Tensor:
    """Decode a BMP of 1, 4 or 8 bits a pixel with a palette, or of 24 or 32 bits."""
    header, bits = read_little(data, 14, 4), read_little(data, 28, 2)
    is_plain = (header >= 40) & (read_little(data, 30, 4) == 0)
    has_known_bits = tf.reduce_any(bits == [1, 4, 8, 24, 32])
    data = require(data, is_plain & has_known_bits, "a kind of BMP that a graph does not read")
    header, bits = read_little(data, 14, 4), read_little(data, 28, 2)  # only after the check
    width, height = read_little(data, 18, 4), read_little(data, 22, 4)
    is_from_top = height >= 1 << 31  # negative
    height = tf.where(is_from_top, (1 << 32) - height, height)
    data = _check_size(data, height, width)

    stride = (width * bits + 31) // 32 * 4
    stored = cut(data, read_little(data, 10, 4), stride * height)
    is_whole = tf.cast(tf.strings.length(stored), tf.int64) == stride * height
    stored = require(stored, is_whole, "a BMP that was cut short")
    rows = tf.reshape(tf.io.decode_raw(stored, tf.uint8), [height, stride])

    def read_colours() -> tf.Tensor:
        used = rows[:, : width * bits // 8]
        return tf.reshape(used, [height, width, bits // 8])[..., :3]

    def read_numbers() -> tf.Tensor:
        palette = _read_bmp_palette(data, 14 + header)
        return tf.gather(palette, _unpack(rows, bits)[:, :width])

    pixels = tf.cond(bits >= 24, read_colours, read_numbers)
    pixels = tf.cond(is_from_top, lambda: pixels, lambda: pixels[::-1])
    return pixels[..., ::-1]  # blue comes first


def _read_bmp_palette(data: tf.Tensor, place: tf.Tensor) -> tf.Tensor:
    """Return 256 colours (256, 3); those that the file does not have are black."""
    number = read_little(data, 46, 4)
    number = tf.where(number > 0, number, 256)
    stored = tf.strings.join([cut(data, place, 4 * number), b"\0" * 1024])
    whole = tf.io.decode_raw(tf.strings.substr(stored, 0, 1024), tf.uint8)
    return tf.reshape(whole, [256, 4])[:, :3]


def _unpack(rows: tf.Tensor, bits: tf.Tensor) -> tf.Tensor:
    """Return the pixels' numbers (H, n) of bytes (H, m) that hold 1, 4 or 8 bits a pixel."""
    shifts = tf.cast(tf.range(8 - bits, -1, -bits), tf.int32)
    mask = tf.bitwise.left_shift(1, tf.cast(bits, tf.int32)) - 1
    shifted = tf.bitwise.right_shift(tf.cast(rows, tf.int32)[..., None], shifts)
    return tf.reshape(tf.bitwise.bitwise_and(shifted, mask), [tf.shape(rows)[0], -1])
