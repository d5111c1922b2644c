"""The facts that tell one encoder from another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf


@dataclass(frozen=True)
class EncoderSpec:
    """An entry of ENCODERS: how to build a network, prepare its pixels and find its blocks.

    `build(image_size, weights)` returns a network from float pixels (B, S, S, 3) to a grid
    (B, rows, columns, D). `weights` is "imagenet", or None for random weights. Where
    `accepts_presets` is true, `weights` may also name a preset, and the output may be a sequence
    (B, N + L, D), whose first N vectors describe the whole picture.
    """

    image_size: int  # pixels a side
    build: Callable[[int, Any], keras.Model]
    preprocess: Callable[[tf.Tensor], tf.Tensor]  # pixels 0..255 → the range of the weights
    earlier_layer: str  # gives a grid too; the example of --layer in error messages
    # Matches the last layer of every block, and perhaps others of it; group 1 is the block's name.
    block_pattern: str
    first_tuned_block: str | None  # the default of --finetune-from; None: the last third
    accepts_presets: bool = False  # of KerasHub and Hugging Face


def scale_to_signed(pixels: tf.Tensor) -> tf.Tensor:
    """Return pixels 0..255 as −1..1."""
    return pixels / 127.5 - 1.0


def keep_pixels(pixels: tf.Tensor) -> tf.Tensor:
    """Return pixels 0..255 unchanged, for networks whose first layer rescales them."""
    return pixels
