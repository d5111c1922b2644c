"""The convnets that this project trains itself, from pictures to a grid of features.

A classifier uses them as its trunk (`models/classifier.py`); later they serve as encoders.
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf

from models.encoders.spec import EncoderSpec, scale_to_signed

SCENE_STAGES = ((24, 1), (32, 1), (96, 2), (192, 2))  # channels, convolutions
CLASSIFIER_STAGES = ((32, 1), (64, 1), (128, 2), (256, 2))
TUTORIAL_CHANNELS = (6, 16)
COARSEST = 4  # rows and columns of the last grid, at which a classifier's trunk stops halving
MAX_HALVINGS = 4
MOMENTUM = 0.9  # of the moving means and variances of batch normalisation
KERNEL_SIDE = 7  # of LookAround


def build_convnet(
    image_size: int,
    *,
    stages: Sequence[tuple[int, int]] = SCENE_STAGES,
    halvings: int = MAX_HALVINGS,
) -> keras.Model:
    """Build a network from pixels −1..1 (B, S, S, 3) to a grid (B, S/2^h, S/2^h, D).

    Each of the last h stages, h = `halvings`, halves the side of the grid.

    To count, a location must know of the others. So at the end each channel looks seven locations
    wide (as in ConvMixer, Trockman & Kolter 2022), which is nearly the whole picture. The result is
    multiplied by what the location sees itself, so that it appears at the objects, not beside them.
    """
    inputs = keras.Input((image_size, image_size, 3))
    grid = inputs
    for stage, (channels, convolutions) in enumerate(stages, start=1):
        for number in range(1, convolutions + 1):
            shortcut = grid
            halves = number == 1 and stage > len(stages) - halvings
            is_last_stage = stage == len(stages)
            grid = _convolve(grid, channels, halves=halves, pads_upper_left=not is_last_stage)
            grid = keras.layers.BatchNormalization(momentum=MOMENTUM)(grid)
            if number > 1:
                grid = keras.layers.Add()([grid, shortcut])
            grid = keras.layers.ReLU(name=f"stage{stage}_{number}")(grid)
    around = LookAround(KERNEL_SIDE)(grid)
    around = _add_context(around, grid)
    around = LookAround(KERNEL_SIDE)(around)
    around = keras.layers.Multiply()([around, grid])
    grid = _add_context(around, grid)
    return keras.Model(inputs, grid, name="convnet")


def _convolve(
    grid: keras.KerasTensor, channels: int, *, halves: bool, pads_upper_left: bool
) -> keras.KerasTensor:
    """Apply a 3 x 3 convolution, which may halve the side.

    A halving convolution looks half a pixel past its place: to the lower right, if padding="same"
    pads it. Four of them in a row shift the grid by half a location. Padding all but the last one
    at the upper left cancels that.
    """
    if not halves:
        convolution = keras.layers.Conv2D(channels, 3, padding="same", use_bias=False)
        return convolution(grid)
    if not pads_upper_left:
        convolution = keras.layers.Conv2D(channels, 3, strides=2, padding="same", use_bias=False)
        return convolution(grid)
    grid = keras.layers.ZeroPadding2D(((1, 0), (1, 0)))(grid)
    convolution = keras.layers.Conv2D(channels, 3, strides=2, padding="valid", use_bias=False)
    return convolution(grid)


def _add_context(around: keras.KerasTensor, grid: keras.KerasTensor) -> keras.KerasTensor:
    """Add to each location of the grid what was found around it."""
    around = keras.layers.Conv2D(grid.shape[-1], 1, use_bias=False)(around)
    around = keras.layers.BatchNormalization(momentum=MOMENTUM)(around)
    grid = keras.layers.Add()([around, grid])
    return keras.layers.ReLU()(grid)


def build_tutorial(image_size: int) -> keras.Model:
    """Build the two layers of the PyTorch blitz tutorial: (B, S, S, 3) → (B, S/4 − 3, S/4 − 3, 16).

    As there, initial weights are uniform within ±1/√(inputs of a unit).
    """
    inputs = keras.Input((image_size, image_size, 3))
    grid = inputs
    for stage, channels in enumerate(TUTORIAL_CHANNELS, start=1):
        initializer = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
        convolution = keras.layers.Conv2D(
            channels, 5, activation="relu", kernel_initializer=initializer
        )
        grid = convolution(grid)
        grid = keras.layers.MaxPooling2D(name=f"stage{stage}_1")(grid)
    return keras.Model(inputs, grid, name="tutorial")


def count_halvings(image_size: int) -> int:
    """Return how often a classifier's trunk halves pictures: 3 times at 32 pixels, 4 from 64 on."""
    halvings = int(np.log2(image_size / COARSEST))
    return min(MAX_HALVINGS, max(1, halvings))


def _build_modern_trunk(image_size: int, trained_at: int) -> keras.Model:
    return build_convnet(image_size, stages=CLASSIFIER_STAGES, halvings=count_halvings(trained_at))


def _build_tutorial_trunk(image_size: int, _trained_at: int) -> keras.Model:
    return build_tutorial(image_size)


# (image size, image size of the training) → a network with random weights
TRUNKS: dict[str, Callable[[int, int], keras.Model]] = {
    "modern": _build_modern_trunk,
    "tutorial": _build_tutorial_trunk,
}


def build_trunk(trunk: str, trained_at: int, image_size: int | None = None) -> keras.Model:
    """Build a classifier's trunk for the image size that it is trained at.

    With another `image_size` the layers stay the same, and only the grid's size changes.
    """
    if image_size is None:
        image_size = trained_at
    return TRUNKS[trunk](image_size, trained_at)


class LookAround(keras.layers.Layer):
    """A depthwise convolution, normalised, with ReLU: each channel's values around each location.

    It multiplies by a matrix from all locations to all, which is small on a grid this coarse. The
    gradient of TensorFlow's own depthwise convolution differs from run to run on several cores.
    """

    def __init__(self, width: int) -> None:
        """`width` is the kernel's side, odd."""
        super().__init__()
        self.width = width
        self.normalise = keras.layers.BatchNormalization(momentum=MOMENTUM)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make one kernel a channel, and the constant that spreads it over pairs of locations."""
        _, rows, columns, channels = shape
        self.kernel = self.add_weight(shape=(self.width, self.width, channels, 1), name="kernel")
        self.leads = _spread_kernel(self.width, rows, columns)
        self.normalise.build(shape)

    def call(self, grid: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, H, W, C) → the same shape."""
        rows, columns, channels = grid.shape[1:]
        locations = rows * columns
        kernel = tf.reshape(self.kernel, [-1, channels])  # (width², C)
        matrix = tf.matmul(kernel, self.leads, transpose_a=True)  # (C, L·L)
        matrix = tf.reshape(matrix, [channels, locations, -1])  # (C, L, L)
        flat = tf.reshape(grid, [-1, locations, channels])  # (B, L, C)
        flat = tf.transpose(flat, [2, 1, 0])  # (C, L, B)
        around = tf.transpose(tf.matmul(matrix, flat), [2, 1, 0])  # (B, L, C)
        around = tf.reshape(around, [-1, rows, columns, channels])  # (B, H, W, C)
        return tf.nn.relu(self.normalise(around, training=training))


def _spread_kernel(width: int, rows: int, columns: int) -> np.ndarray:
    """Return 0/1 (width², L·L): which value of the kernel leads to which location from which."""
    row_numbers, column_numbers = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    places = np.stack([row_numbers, column_numbers], -1).reshape(-1, 2)  # (L, 2)
    steps = places[None, :] - places[:, None] + width // 2  # (L, L, 2)
    is_inside = ((steps >= 0) & (steps < width)).all(-1)  # (L, L)
    value_numbers = steps[..., 0] * width + steps[..., 1]  # (L, L)
    leads = is_inside & (value_numbers == np.arange(width**2)[:, None, None])  # (width², L, L)
    return leads.reshape(width**2, -1).astype(np.float32)


def _build_scene_convnet(image_size: int, _weights: None) -> keras.Model:
    return build_convnet(image_size)


CONVNET = EncoderSpec(
    image_size=128,  # 8 x 8 locations
    build=_build_scene_convnet,
    preprocess=scale_to_signed,
    earlier_layer="stage3_1",
    block_pattern=r"(stage\d_\d)",
    first_tuned_block="stage3_1",
)
