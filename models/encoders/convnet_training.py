"""The convnet trained as a classifier of what pictures hold, then used as a frozen encoder.

Each location says what it sees; a picture holds what its most certain locations say. So the network learns from labels
of whole pictures, without boxes, and its last grid still knows what is where.
"""

from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from models.encoders.convnet import build_convnet
from models.training.optimizers import ConvolutionMuon

Array = np.ndarray
Label = tuple[str, ...]
BATCH = 32
VERSION = (
    4  # raise when the network or its training changes: old weights are then not taken for new ones
)


class ContentClassifier(keras.Model):
    """A convnet with a label score at each location; a picture's score is that of its most certain location.

    Labels come in parts, (dog), (dog, red), (car, red): a label's score is the sum of its parts' scores at one and the
    same location. So what is learned of red dogs serves for red cars, and rare pairs cost nothing to learn.
    """

    def __init__(self, trunk: keras.Model, labels: Sequence[Label], frequencies: Array) -> None:
        """`frequencies` (K,) of the labels are what it says before it has learned anything."""
        super().__init__()
        parts = sorted({part for label in labels for part in label})
        self.trunk = trunk
        self.drop = keras.layers.SpatialDropout2D(0.1)
        self.parts = keras.layers.Dense(
            len(parts),
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        )
        self.compose = tf.constant(
            [[float(part in label) for label in labels] for part in parts]
        )  # (parts, K)
        self.usual = self.add_weight(
            shape=(len(labels),),
            name="usual",
            initializer=lambda *_, **__: tf.constant(
                np.log(frequencies / (1 - frequencies)), tf.float32
            ),
        )

    def call(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits (B, K) of the labels for pixels −1..1 (B, S, S, 3)."""
        grid = self.drop(self.trunk(pixels, training=training), training=training)
        scores = tf.matmul(
            tf.reshape(self.parts(grid), [-1, len(self.compose)]), self.compose
        )  # (B·L, K)
        return (
            tf.reduce_max(tf.reshape(scores, [tf.shape(grid)[0], -1, scores.shape[1]]), axis=1)
            + self.usual
        )


def count_steps(pictures: int) -> int:
    """How many steps an epoch of so many pictures has."""
    return -(-pictures // BATCH)


def train_convnet(
    pictures: Array,
    wanted: Array,
    labels: Sequence[Label],
    *,
    epochs: int,
    seed: int,
    report: Callable[[int, int, int, float], None] = lambda epoch, step, steps, loss: None,
) -> keras.Model:
    """A trained convnet from uint8 pictures (N, S, S, 3) and which of the K labels each has, 0/1 (N, K).

    One cycle of the learning rate; pictures are shifted a little, for what a picture holds its shift holds too.
    Measured on the scenes (validation loss after 6 epochs, one seed): the largest location 22.1, log-mean-exp over
    locations 29.2, mean and largest side by side 34.0; then batches of 32 instead of 64 20.5; shifts of a twentieth
    instead of a tenth 18.8; Muon instead of AdamW 17.4; labels in parts 12.1 (with AdamW 16.2). After 11 epochs
    8.3; with one block that looks around 6.2 (less: a mean over all locations 7.0, attention among them 10.6); with two, a
    narrower second stage and 12 epochs 6.3, and 0.885 of the counts right instead of 0.864 (always "one": 0.841). Bound to
    what a location sees itself 6.4 and 0.877, but the most certain location lies in the object's box in 0.969 of cases.
    Mirrored pictures with mirrored labels gained nothing sure (6.1), dropping 0.3 of the channels lost (7.7).

    `report` is told of each step: the epoch, how many of its steps are done, of how many, and its loss so far.
    """
    keras.utils.set_random_seed(seed)
    trunk = build_convnet(pictures.shape[1])
    model = ContentClassifier(trunk, labels, np.clip(wanted.mean(0), 1e-3, 1 - 1e-3))
    model(tf.zeros([1, *pictures.shape[1:]]))  # makes the variables
    steps = count_steps(len(pictures))
    warmup = epochs * steps // 6
    rate = keras.optimizers.schedules.CosineDecay(
        1e-3, epochs * steps - warmup, warmup_target=0.02, warmup_steps=warmup
    )
    optimizer = ConvolutionMuon(rate, adam_lr_ratio=0.4, weight_decay=0.02, adam_weight_decay=0.02)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step(pixels: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = model(tf.cast(pixels, tf.float32) / 127.5 - 1.0, training=True)
            loss = tf.reduce_mean(
                tf.reduce_sum(
                    tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(truth, tf.float32), logits),
                    axis=1,
                )
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    for epoch in range(epochs):
        total = 0.0
        for number, each in enumerate(
            _shifted_batches(pictures, wanted, BATCH, seed=(seed, epoch)), start=1
        ):
            total += float(step(*each))
            report(epoch + 1, number, steps, total / number)
    return trunk


def _shifted_batches(
    pictures: Array, labels: Array, batch: int, *, seed: tuple[int, int]
) -> Iterator[tuple[Array, Array]]:
    """Batches in random order, each picture moved by a random step and filled up with its edge."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(pictures))
    size = pictures.shape[1]
    most = size // 20
    for start in range(0, len(order), batch):
        chosen = np.sort(order[start : start + batch])
        moved = np.pad(pictures[chosen], ((0, 0), (most, most), (most, most), (0, 0)), mode="edge")
        steps = random.integers(0, 2 * most + 1, (len(chosen), 2))
        yield (
            np.stack(
                [
                    picture[down : down + size, right : right + size]
                    for picture, (down, right) in zip(moved, steps, strict=True)
                ]
            ),
            labels[chosen],
        )
