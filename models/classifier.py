"""The convnet: a small CNN trained here as a classifier of what pictures hold, then used as a frozen encoder.

Each location says what it sees; a picture holds what its most certain locations say. So the network learns from labels
of whole pictures, without boxes, and its last grid still knows what is where.
"""

from collections.abc import Callable, Iterator

import keras
import numpy as np
import tensorflow as tf

Array = np.ndarray
STAGES = ((24, 1), (48, 1), (96, 2), (192, 2))  # channels, convolutions; each stage halves the side


def build_convnet(image_size: int) -> keras.Model:
    """Pixels −1..1 (B, S, S, 3) → feature grid (B, S/16, S/16, 192)."""
    grid = inputs = keras.Input((image_size, image_size, 3))
    for channels, convolutions in STAGES:
        for number in range(convolutions):
            shortcut = grid
            grid = keras.layers.Conv2D(channels, 3, strides=2 if number == 0 else 1, padding="same", use_bias=False)(grid)
            grid = keras.layers.BatchNormalization(momentum=0.9)(grid)
            if number > 0:
                grid = keras.layers.Add()([grid, shortcut])
            grid = keras.layers.ReLU()(grid)
    return keras.Model(inputs, grid, name="convnet")


class _ContentClassifier(keras.Model):
    """A convnet with a label score at each location, pooled over them."""

    def __init__(self, trunk: keras.Model, labels: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.drop = keras.layers.SpatialDropout2D(0.1)
        self.scores = keras.layers.Dense(labels, bias_initializer=keras.initializers.Constant(-3.0))
        self.sharpness = 3.0  # of the pooling: 0 is the mean over locations, infinity the largest

    def call(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits (B, K) of the labels; pooling by log-mean-exp lies between mean and maximum."""
        scores = self.scores(self.drop(self.trunk(pixels, training=training), training=training))
        scores = tf.reshape(scores, [-1, scores.shape[1] * scores.shape[2], scores.shape[3]])
        locations = tf.cast(scores.shape[1], scores.dtype)
        return (tf.reduce_logsumexp(self.sharpness * scores, axis=1) - tf.math.log(locations)) / self.sharpness


def train_convnet(pictures: Array, labels: Array, *, epochs: int, seed: int, batch: int = 64,
                  report: Callable[[int, float], None] = lambda epoch, loss: None) -> keras.Model:
    """A trained convnet from uint8 pictures (N, S, S, 3) and 0/1 labels (N, K).

    AdamW, one cycle of the learning rate, pictures shifted by up to a tenth: what holds for a picture holds for its shift.
    """
    keras.utils.set_random_seed(seed)
    trunk = build_convnet(pictures.shape[1])
    model = _ContentClassifier(trunk, labels.shape[1])
    steps = epochs * -(-len(pictures) // batch)
    rate = keras.optimizers.schedules.CosineDecay(2e-4, steps - steps // 5, warmup_target=4e-3, warmup_steps=steps // 5)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=0.02)

    @tf.function(jit_compile=False)
    def step(pixels: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(tf.cast(pixels, tf.float32) / 127.5 - 1.0, training=True)
            loss = tf.reduce_mean(tf.reduce_sum(
                tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(wanted, tf.float32), logits), axis=1))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    for epoch in range(epochs):
        losses = [step(*each) for each in _shifted_batches(pictures, labels, batch, seed=(seed, epoch))]
        report(epoch, float(np.mean(losses)))
    return trunk


def _shifted_batches(pictures: Array, labels: Array, batch: int, *, seed: tuple[int, int]) -> Iterator[tuple[Array, Array]]:
    """Batches in random order, each moved by a random step and filled up with its edge."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(pictures))
    size = pictures.shape[1]
    most = size // 10
    for start in range(0, len(order), batch):
        chosen = np.sort(order[start : start + batch])
        moved = np.pad(pictures[chosen], ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
        down, right = random.integers(0, 2 * most + 1, 2)
        yield moved[:, down : down + size, right : right + size], labels[chosen]
