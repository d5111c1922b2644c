"""How a photo lies, 1 to 8, by the bytes of its file, in core TensorFlow operations.

EXIF says it in the tag Orientation; where EXIF does not, XMP may. Both are segments or chunks of
the file. Pillow reads them in the same way.
"""

from collections.abc import Callable

import tensorflow as tf

from exporting.graph_bytes import SIGNATURE, cut, cut_from, join_bytes, read_big, read_little

_TAG = 0x0112  # Orientation
_SHORT, _LONG = 3, 4  # EXIF's types of whole numbers
_ENTRY_SIZE = 12  # bytes
_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_XMP = b"XML:com.adobe.xmp\0\0"  # not compressed
# \C is any byte: XMP should be text, but nobody checks it.
_XMP_TAG = r'^\C*?tiff:Orientation(?:="|>)([0-9])\C*$'

# From a place of the file, EXIF and XMP so far to those after the part that starts there.
_Part = tuple[tf.Tensor, tf.Tensor, tf.Tensor]
_ReadPart = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], _Part]


@tf.function(input_signature=SIGNATURE, autograph=False)
def find_jpeg_orientation(data: tf.Tensor) -> tf.Tensor:
    """Return the orientation of a JPEG, int32."""
    end = tf.cast(tf.strings.length(data), tf.int64)
    one = tf.constant(1, tf.int64)

    def read_segment(place: tf.Tensor, exif: tf.Tensor, xmp: tf.Tensor) -> _Part:
        marker = read_big(data, place + 1, 1)
        is_filling = (read_big(data, place, 1) != 0xFF) | (marker == 0xFF) | (marker == 0)
        is_empty = (marker == 1) | ((marker >= 0xD0) & (marker <= 0xD9))
        size = tf.maximum(read_big(data, place + 2, 2), 2)
        has_metadata = ~is_filling & (marker == 0xE1)
        content = cut(data, place + 4, tf.where(has_metadata, size - 2, 0))
        more = tf.where(cut(content, 0, len(_EXIF)) == _EXIF, cut_from(content, len(_EXIF)), b"")
        exif = tf.strings.join([exif, more])
        xmp = tf.where(cut(content, 0, len(_XMP)) == _XMP, content, xmp)
        step = tf.where(is_empty | is_filling, tf.where(is_filling, one, 2), size + 2)
        is_picture = ~is_filling & (marker == 0xDA)
        return tf.where(is_picture, end, place + step), exif, xmp

    return _find_orientation(data, read_segment, start=2)


@tf.function(input_signature=SIGNATURE, autograph=False)
def find_png_orientation(data: tf.Tensor) -> tf.Tensor:
    """Return the orientation of a PNG, int32. Compressed XMP is not read."""

    def read_chunk(place: tf.Tensor, exif: tf.Tensor, xmp: tf.Tensor) -> _Part:
        size = read_big(data, place, 4)
        kind = cut(data, place + 4, 4)
        is_exif = kind == b"eXIf"
        is_xmp = (kind == b"iTXt") & (cut(data, place + 8, len(_PNG_XMP)) == _PNG_XMP)
        content = cut(data, place + 8, tf.where(is_exif | is_xmp, size, 0))
        return place + size + 12, tf.where(is_exif, content, exif), tf.where(is_xmp, content, xmp)

    return _find_orientation(data, read_chunk, start=8)


@tf.function(input_signature=SIGNATURE, autograph=False)
def find_webp_orientation(data: tf.Tensor) -> tf.Tensor:
    """Return the orientation of a WebP, int32."""

    def read_chunk(place: tf.Tensor, exif: tf.Tensor, xmp: tf.Tensor) -> _Part:
        kind = cut(data, place, 4)
        size = read_little(data, place + 4, 4)
        is_exif, is_xmp = kind == b"EXIF", kind == b"XMP "
        content = cut(data, place + 8, tf.where(is_exif | is_xmp, size, 0))
        has_name = cut(content, 0, len(_EXIF)) == _EXIF
        bare = tf.where(has_name, cut_from(content, len(_EXIF)), content)
        following = place + 8 + size + size % 2
        return following, tf.where(is_exif, bare, exif), tf.where(is_xmp, content, xmp)

    return _find_orientation(data, read_chunk, start=12)


def _find_orientation(data: tf.Tensor, read_part: _ReadPart, *, start: int) -> tf.Tensor:
    """Return the orientation, int32, that the parts of a file say; 1 where they say none."""
    end = tf.cast(tf.strings.length(data), tf.int64)

    def is_inside(place: tf.Tensor, _exif: tf.Tensor, _xmp: tf.Tensor) -> tf.Tensor:
        return place + 4 <= end

    nothing = (tf.constant(start, tf.int64), tf.constant(b""), tf.constant(b""))
    _, exif, xmp = tf.while_loop(is_inside, read_part, nothing)
    found = _find_in_exif(exif)
    digit = tf.strings.regex_replace(xmp, _XMP_TAG, r"\1")
    is_digit = tf.strings.length(digit) == 1
    found = tf.where((found == 0) & is_digit, read_big(digit, 0, 1) - ord("0"), found)
    is_known = (found >= 1) & (found <= 8)
    return tf.cast(tf.where(is_known, found, 1), tf.int32)


def _find_in_exif(exif: tf.Tensor) -> tf.Tensor:
    """Return the number in the tag Orientation, int64.

    It is 0 where there is no tag, and -1 where the tag or all of EXIF is damaged.
    """
    start = cut(exif, 0, 4)
    is_little, is_big = start == b"II*\0", start == b"MM\0*"
    number = tf.where(is_little, _find_tag(exif, is_little=True), _find_tag(exif, is_little=False))
    is_damaged = ~is_little & ~is_big & (tf.strings.length(exif) > 0)
    return tf.where(is_damaged, tf.constant(-1, tf.int64), number)


def _find_tag(exif: tf.Tensor, *, is_little: bool) -> tf.Tensor:
    read = read_little if is_little else read_big
    start = read(exif, 4, 4)
    block = cut(exif, start + 2, _ENTRY_SIZE * read(exif, start, 2))
    whole = tf.strings.length(block) // _ENTRY_SIZE * _ENTRY_SIZE
    entries = tf.reshape(tf.io.decode_raw(cut(block, 0, whole), tf.uint8), [-1, _ENTRY_SIZE])
    tags = join_bytes(entries[:, 0:2], is_little=is_little)
    types = join_bytes(entries[:, 2:4], is_little=is_little)
    counts = join_bytes(entries[:, 4:8], is_little=is_little)
    shorts = join_bytes(entries[:, 8:10], is_little=is_little)
    longs = join_bytes(entries[:, 8:12], is_little=is_little)
    values = tf.where(types == _SHORT, shorts, longs)
    is_number = ((types == _SHORT) | (types == _LONG)) & (counts == 1)
    values = tf.where(is_number, values, -1)
    found = tf.concat([tf.zeros([1], tf.int64), values[tags == _TAG]], axis=0)
    return found[-1]


def turn_upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turn pixels (H, W, 3) that lie in an orientation upright."""
    is_sideways = orientation >= 5
    turned = tf.cond(is_sideways, lambda: tf.transpose(image, [1, 0, 2]), lambda: image)
    is_mirrored = tf.reduce_any(orientation == [2, 3, 6, 7])
    mirrored = tf.cond(is_mirrored, lambda: turned[:, ::-1], lambda: turned)
    is_upside_down = tf.reduce_any(orientation == [3, 4, 7, 8])
    return tf.cond(is_upside_down, lambda: mirrored[::-1], lambda: mirrored)
