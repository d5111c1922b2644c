"""Random numbers of a batch that several workers share.

Every worker draws the numbers of the whole batch from the same seed, and takes those of its own
rows. So the numbers of a caption do not depend on how many workers there are. Masks have a row a
caption, so what is drawn and not used costs little.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import keras
import tensorflow as tf

from utils.shares import Share

_share: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def use_share(share: Share) -> Iterator[None]:
    """Let whatever is computed, or traced into a graph, inside belong to this share of a batch."""
    before = _share.set(share if share.workers > 1 else None)
    try:
        yield
    finally:
        _share.reset(before)


def draw_uniform(shape: Sequence[int], seed: keras.random.SeedGenerator) -> tf.Tensor:
    """Return random numbers in 0..1 of this shape, whose first axis are the rows of a batch."""
    share = _share.get()
    if share is None:
        return keras.random.uniform(shape, seed=seed)
    times = shape[0] // share.size
    whole = keras.random.uniform([share.rows * times, *shape[1:]], seed=seed)
    return tf.gather(whole, share.find_places(times))


class Dropout(keras.layers.Dropout):
    """Keras' dropout, with one mask for the whole batch where workers share it."""

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Drop a share of the inputs (B, …) in training."""
        share = _share.get()
        if share is None or not training or self.rate == 0:
            return super().call(inputs, training=training)
        mask_shape = list(inputs.shape)
        for axis, size in enumerate(self.noise_shape or ()):
            if size is not None:
                mask_shape[axis] = size
        times = mask_shape[0] // share.size
        ones = tf.ones([share.rows * times, *mask_shape[1:]], inputs.dtype)
        mask = keras.random.dropout(ones, self.rate, seed=self.seed_generator)
        return inputs * tf.gather(mask, share.find_places(times))


def share_dropout_of(attention: keras.layers.MultiHeadAttention) -> Dropout:
    """Let the dropout layer that Keras makes within its attention draw whole batches too; return
    it.
    """
    layer = attention._dropout_layer
    layer.__class__ = Dropout
    return layer
