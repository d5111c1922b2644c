"""Numbers and parts of a file's bytes (a string, no axis) in core TensorFlow operations."""

import tensorflow as tf

# A file's bytes as the argument of a compiled function.
SIGNATURE = [tf.TensorSpec([], tf.string, "data")]


def cut(data: tf.Tensor, place: int | tf.Tensor, size: int | tf.Tensor) -> tf.Tensor:
    """Return `size` bytes from a place on, or fewer where the file ends."""
    end = tf.cast(tf.strings.length(data), tf.int64)
    place = tf.clip_by_value(tf.cast(place, tf.int64), 0, end)
    return tf.strings.substr(data, place, tf.cast(size, tf.int64))


def cut_from(data: tf.Tensor, place: int | tf.Tensor) -> tf.Tensor:
    """Return all bytes from a place on."""
    return cut(data, place, tf.strings.length(data))


def replace(data: tf.Tensor, place: int | tf.Tensor, new: bytes | tf.Tensor) -> tf.Tensor:
    """Return the bytes with others in place of those from a place on."""
    end = tf.cast(place, tf.int64) + tf.cast(tf.strings.length(new), tf.int64)
    return tf.strings.join([cut(data, 0, place), new, cut_from(data, end)])


def read_big(data: tf.Tensor, place: int | tf.Tensor, size: int) -> tf.Tensor:
    """Return `size` bytes as a number, int64; the greatest byte is the first.

    Bytes after the end of the file count as 0.
    """
    return join_bytes(_read_bytes(data, place, size), is_little=False)


def read_little(data: tf.Tensor, place: int | tf.Tensor, size: int) -> tf.Tensor:
    """Return `size` bytes as a number, int64; the smallest byte is the first."""
    return join_bytes(_read_bytes(data, place, size), is_little=True)


def _read_bytes(data: tf.Tensor, place: int | tf.Tensor, size: int) -> tf.Tensor:
    filled = tf.strings.join([cut(data, place, size), b"\0" * size])
    return tf.reshape(tf.io.decode_raw(tf.strings.substr(filled, 0, size), tf.uint8), [size])


def join_bytes(values: tf.Tensor, *, is_little: bool) -> tf.Tensor:
    """Return bytes (…, n) as numbers (…,) int64."""
    powers = range(values.shape[-1])
    if not is_little:
        powers = reversed(powers)
    factors = tf.constant([256**power for power in powers], tf.int64)
    return tf.reduce_sum(tf.cast(values, tf.int64) * factors, axis=-1)


def require(data: tf.Tensor, condition: tf.Tensor, *reason: str | tf.Tensor) -> tf.Tensor:
    """Return the bytes for what follows; the graph stops here if the condition is false."""
    with tf.control_dependencies([tf.debugging.Assert(condition, list(reason))]):
        return tf.identity(data)
