"""Train the convnet as a classifier of whole pictures; it then serves as a frozen encoder.

Each location scores labels, and a picture's score is that of its most certain location. So the
network learns from labels of whole pictures, without boxes, and its grid still knows the places.

Validation losses on the scenes, one seed, each step on top of those before:

    the largest location, 6 epochs                22.1
    batches of 32 instead of 64                   20.5
    shifts of a twentieth instead of a tenth      18.8
    Muon instead of AdamW                         17.4
    labels in parts                               12.1  (with AdamW 16.2)
    11 epochs                                      8.3
    one LookAround                                 6.2  counts right: 0.864
    two, narrower second stage, 12 epochs          6.3  0.885
    multiplied by what the location sees           6.4  0.877

Always counting "one" is right in 0.841 of cases. The last step puts the most certain location into
the object's box in 0.969 of cases. Worse: log-mean-exp over locations (29.2) or mean and largest
side by side (34.0) in place of the largest; a mean over all locations (7.0) or attention among them
(10.6) in place of LookAround; dropping 0.3 of the channels (7.7). Mirrored pictures with mirrored
labels gave no certain gain (6.1).
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
VERSION = 4  # raise it with every change of the network or its training: weights are cached by it


class ContentClassifier(keras.Model):
    """A convnet that scores labels at each location; the most certain location scores the picture.

    Labels have parts: (dog), (dog, red), (car, red). A label's score is the sum of its parts'
    scores at one location. So red dogs teach it about red cars, and rare pairs need few examples.
    """

    def __init__(self, trunk: keras.Model, labels: Sequence[Label], frequencies: Array) -> None:
        """`frequencies` (K,) of the labels are its predictions before training."""
        super().__init__()
        parts = sorted({part for label in labels for part in label})
        self.trunk = trunk
        self.drop = keras.layers.SpatialDropout2D(0.1)
        self.parts = keras.layers.Dense(
            len(parts),
            use_bias=False,
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        )
        self.compose = _make_composition(parts, labels)

        def make_log_odds(*_: object, **__: object) -> tf.Tensor:
            return tf.constant(np.log(frequencies / (1 - frequencies)), tf.float32)

        self.usual = self.add_weight(shape=(len(labels),), name="usual", initializer=make_log_odds)

    def call(self, pixels: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return the logits (B, K) of the labels for pixels −1..1 (B, S, S, 3)."""
        grid = self.trunk(pixels, training=training)
        grid = self.drop(grid, training=training)
        part_count, label_count = self.compose.shape
        part_scores = tf.reshape(self.parts(grid), [-1, part_count])  # (B·L, parts)
        scores = tf.matmul(part_scores, self.compose)  # (B·L, K)
        scores = tf.reshape(scores, [tf.shape(grid)[0], -1, label_count])  # (B, L, K)
        return tf.reduce_max(scores, axis=1) + self.usual


def _make_composition(parts: Sequence[str], labels: Sequence[Label]) -> tf.Tensor:
    """Return 0/1 (parts, K): which labels have which parts."""
    rows = []
    for part in parts:
        rows.append([float(part in label) for label in labels])
    return tf.constant(rows)


def count_steps(pictures: int) -> int:
    """Return the steps of an epoch of a number of pictures."""
    return -(-pictures // BATCH)


def train_convnet(
    pictures: Array,
    truth: Array,
    labels: Sequence[Label],
    *,
    epochs: int,
    seed: int,
    report: Callable[[int, int, int, float], None] | None = None,
) -> keras.Model:
    """Train a convnet on uint8 pictures (N, S, S, 3) and their labels, 0/1 (N, K).

    The learning rate has one cycle. Pictures are shifted a little, which changes none of their
    labels. After each step `report` gets the epoch, the step, the steps of an epoch and the mean
    loss of the epoch so far.
    """
    keras.utils.set_random_seed(seed)
    trunk = build_convnet(pictures.shape[1])
    frequencies = np.clip(truth.mean(0), 1e-3, 1 - 1e-3)
    model = ContentClassifier(trunk, labels, frequencies)
    model(tf.zeros([1, *pictures.shape[1:]]))  # makes the variables
    steps = count_steps(len(pictures))
    signature = (_any_batch_of(pictures), _any_batch_of(truth))
    train_step = _make_train_step(model, _make_optimizer(epochs * steps), signature)

    for epoch in range(epochs):
        total = 0.0
        batches = _shift_batches(pictures, truth, seed=(seed, epoch))
        for number, (pixels, batch_truth) in enumerate(batches, start=1):
            total += float(train_step(pixels, batch_truth))
            if report is not None:
                report(epoch + 1, number, steps, total / number)
    return trunk


def _make_optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Make an optimizer whose rate rises in a sixth of the steps and then falls."""
    warmup = steps // 6
    learning_rate = keras.optimizers.schedules.CosineDecay(
        1e-3, steps - warmup, warmup_target=0.02, warmup_steps=warmup
    )
    return ConvolutionMuon(
        learning_rate, adam_lr_ratio=0.4, weight_decay=0.02, adam_weight_decay=0.02
    )


def _any_batch_of(array: Array) -> tf.TensorSpec:
    """Return what every batch of an array is like: the last one may be smaller."""
    return tf.TensorSpec([None, *array.shape[1:]], array.dtype)


def _make_train_step(
    model: ContentClassifier,
    optimizer: keras.optimizers.Optimizer,
    signature: Sequence[tf.TensorSpec],
) -> Callable[[Array, Array], tf.Tensor]:
    """Make a step that learns from a batch and returns its loss, compiled once for all sizes."""
    optimizer.build(model.trainable_variables)

    @tf.function(input_signature=signature, autograph=False)
    def train_step(pictures: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            pixels = tf.cast(pictures, tf.float32) / 127.5 - 1.0
            logits = model(pixels, training=True)
            losses = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(truth, tf.float32), logits)
            loss = tf.reduce_mean(tf.reduce_sum(losses, axis=1))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    return train_step


def _shift_batches(
    pictures: Array, truth: Array, *, seed: tuple[int, int]
) -> Iterator[tuple[Array, Array]]:
    """Yield batches in random order, each picture shifted at random and padded with its edge."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(pictures))
    size = pictures.shape[1]
    margin = size // 20
    padding = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    for start in range(0, len(order), BATCH):
        chosen = np.sort(order[start : start + BATCH])
        padded = np.pad(pictures[chosen], padding, mode="edge")
        offsets = random.integers(0, 2 * margin + 1, (len(chosen), 2))
        shifted = []
        for picture, (top, left) in zip(padded, offsets, strict=True):
            shifted.append(picture[top : top + size, left : left + size])
        yield np.stack(shifted), truth[chosen]
