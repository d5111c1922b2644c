"""The convnet: small CNNs trained here that turn a picture into a grid of what is where.

They serve as classifiers' trunks (`models/classifier.py`, `models/content_classifier.py`) and then as encoders.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

STAGES = ((24, 1), (32, 1), (96, 2), (192, 2))  # channels, convolutions
MODERN = ((32, 1), (64, 1), (128, 2), (256, 2))  # the same of a classifier of whole pictures
COARSEST = 4  # rows and columns to which a classifier's trunk halves small pictures


def build_convnet(
    image_size: int, *, stages: Sequence[tuple[int, int]] = STAGES, halvings: int = 4
) -> keras.Model:
    """Pixels −1..1 (B, S, S, 3) → feature grid (B, S/2^h, S/2^h, D); each of the last h stages, `halvings`, halves the side.

    A halving convolution looks half a pixel past its place, to the lower right if padding="same" does the padding, and
    four of them in a row half a location. So all but the last are padded on the other side, which cancels that.

    To count, a location must know of the others: at the end each channel looks seven locations wide (as in ConvMixer,
    Trockman & Kolter 2022), nearly the whole picture. What it finds there multiplies what the location sees itself, so
    that it is told where the objects are, and not beside them.
    """
    grid = inputs = keras.Input((image_size, image_size, 3))
    for stage, (channels, convolutions) in enumerate(stages, start=1):
        for number in range(convolutions):
            shortcut = grid
            halves = number == 0 and stage > len(stages) - halvings
            upper_left = halves and stage < len(stages)
            if upper_left:
                grid = keras.layers.ZeroPadding2D(((1, 0), (1, 0)))(grid)
            grid = keras.layers.Conv2D(
                channels,
                3,
                strides=2 if halves else 1,
                use_bias=False,
                padding="valid" if upper_left else "same",
            )(grid)
            grid = keras.layers.BatchNormalization(momentum=0.9)(grid)
            if number > 0:
                grid = keras.layers.Add()([grid, shortcut])
            grid = keras.layers.ReLU(name=f"stage{stage}_{number + 1}")(grid)
    around = _joined(LookAround(7)(grid), grid)
    grid = _joined(keras.layers.Multiply()([LookAround(7)(around), grid]), grid)
    return keras.Model(inputs, grid, name="convnet")


def build_tutorial(image_size: int) -> keras.Model:
    """Pixels −1..1 (B, S, S, 3) → feature grid (B, S/4 − 3, S/4 − 3, 16): the two layers of the PyTorch blitz tutorial.

    They begin as there: weights from a uniform distribution within ±1/√(values that go into each).
    """
    grid = inputs = keras.Input((image_size, image_size, 3))
    for stage, channels in enumerate((6, 16), start=1):
        begin = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        grid = keras.layers.Conv2D(channels, 5, activation="relu", kernel_initializer=begin)(grid)
        grid = keras.layers.MaxPooling2D(name=f"stage{stage}_1")(grid)
    return keras.Model(inputs, grid, name="tutorial")


def count_halvings(image_size: int) -> int:
    """How often a classifier's trunk halves pictures of this size: 32 x 32 pixels three times, 64 and more four times."""
    return min(4, max(1, int(np.log2(image_size / COARSEST))))


TRUNKS: dict[str, Callable[[int, int], keras.Model]] = {
    "modern": lambda image_size, learned_at: build_convnet(
        image_size, stages=MODERN, halvings=count_halvings(learned_at)
    ),
    "tutorial": lambda image_size, _learned_at: build_tutorial(image_size),
}


def build_trunk(trunk: str, learned_at: int, image_size: int | None = None) -> keras.Model:
    """A classifier's trunk with random weights: as it is built for pictures of the size that it learns at, but looking at
    pictures of `image_size`, where that is another."""
    return TRUNKS[trunk](image_size or learned_at, learned_at)


class LookAround(keras.layers.Layer):
    """What each channel holds in the locations about each: a depthwise convolution, normalised, ReLU.

    It multiplies by a matrix from all locations to all, a small one on a grid this coarse. On several cores
    the gradient of TensorFlow's own depthwise convolution differs from run to run.
    """

    def __init__(self, width: int) -> None:
        """`width` is the kernel's side, odd."""
        super().__init__()
        self.width = width
        self.normalise = keras.layers.BatchNormalization(momentum=0.9)

    def build(self, shape: tuple[int, ...]) -> None:
        """One kernel a channel; and which of its values leads from which location to which, 0/1 (width², L, L)."""
        _, rows, columns, channels = shape
        self.kernel = self.add_weight(shape=(self.width, self.width, channels, 1), name="kernel")
        place = np.stack(
            np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij"), -1
        ).reshape(-1, 2)
        step = (
            place[None, :] - place[:, None] + self.width // 2
        )  # (L, L, 2), to the row from the column
        inside = ((step >= 0) & (step < self.width)).all(-1)
        leads = inside & (
            step[..., 0] * self.width + step[..., 1] == np.arange(self.width**2)[:, None, None]
        )
        self.leads = leads.reshape(self.width**2, -1).astype(np.float32)
        self.normalise.build(shape)

    def call(self, grid: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, H, W, C) → the same shape."""
        rows, columns, channels = grid.shape[1:]
        kernel = tf.reshape(self.kernel, [-1, channels])  # (width², C)
        matrix = tf.reshape(
            tf.matmul(kernel, self.leads, transpose_a=True), [channels, rows * columns, -1]
        )
        flat = tf.transpose(
            tf.reshape(grid, [-1, rows * columns, channels]), [2, 1, 0]
        )  # (C, L, B)
        around = tf.transpose(tf.matmul(matrix, flat), [2, 1, 0])
        return tf.nn.relu(
            self.normalise(tf.reshape(around, [-1, rows, columns, channels]), training=training)
        )


def _joined(around: keras.KerasTensor, grid: keras.KerasTensor) -> keras.KerasTensor:
    """The grid with what was found around."""
    around = keras.layers.Conv2D(grid.shape[-1], 1, use_bias=False)(around)
    return keras.layers.ReLU()(
        keras.layers.Add()([keras.layers.BatchNormalization(momentum=0.9)(around), grid])
    )
