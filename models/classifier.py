"""Photos to classes: a small CNN that is trained here from random weights.

    from models.classifier import Classifier
    for name, probability in Classifier.load("checkpoints/RUN")("photo.jpg").likeliest(5): ...

Its trunk, `models/encoders/convnet.py`, is also an encoder for captions.
"""

import models.quiet_tensorflow  # noqa: F401 (first: it loads TensorFlow)

# isort: split
import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import keras
import numpy as np
import tensorflow as tf

from data.photos.images import AnyPhoto, load_pixels, read_photo
from models.encoders.convnet import build_trunk
from models.training.checkpoints import load_weights
from models.training.losses import Batch, EpochBatches
from models.training.optimizers import ConvolutionMuon
from utils.errors import UserError
from utils.predictions import Prediction
from utils.runs import find_trained_run, is_classifier, read_config

BATCH = 256  # pictures at a time


def _build_modern_head(grid: tuple[int, int, int], classes: int) -> keras.Model:
    """Build a head of the mean over the grid, then a logit for each class."""
    return keras.Sequential(
        [
            keras.Input(grid),
            keras.layers.SpatialDropout2D(0.1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes),
        ]
    )


def _build_tutorial_head(grid: tuple[int, int, int], classes: int) -> keras.Model:
    """Build the three fully connected layers of the PyTorch blitz tutorial."""
    initializer = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return keras.Sequential(
        [
            keras.Input(grid),
            keras.layers.Flatten(),
            keras.layers.Dense(120, activation="relu", kernel_initializer=initializer),
            keras.layers.Dense(84, activation="relu", kernel_initializer=initializer),
            keras.layers.Dense(classes, kernel_initializer=initializer),
        ]
    )


@dataclass(frozen=True)
class ClassifierKind:
    """The parts of a classifier that depend on its trunk."""

    build_head: Callable[[tuple[int, int, int], int], keras.Model]
    optimizer: Callable[..., keras.optimizers.Optimizer]  # builds one from a learning rate
    smoothing: float  # share of the target probability that is spread over all classes


CLASSIFIER_KINDS: dict[str, ClassifierKind] = {
    "modern": ClassifierKind(
        _build_modern_head,
        partial(ConvolutionMuon, adam_lr_ratio=0.4, weight_decay=0.02, adam_weight_decay=0.02),
        smoothing=0.1,  # Szegedy et al. 2016
    ),
    "tutorial": ClassifierKind(
        _build_tutorial_head, partial(keras.optimizers.SGD, momentum=0.9), smoothing=0.0
    ),
}


class Network(keras.Model):
    """uint8 pictures (B, S, S, 3) → logits (B, K) of the classes: a trunk, then a head."""

    def __init__(self, kind: str, image_size: int, classes: int, *, seed: int) -> None:
        super().__init__()
        keras.utils.set_random_seed(seed)
        parts = CLASSIFIER_KINDS[kind]
        self.trunk = build_trunk(kind, image_size)
        self.head = parts.build_head(self.trunk.output.shape[1:], classes)
        self.smoothing = parts.smoothing
        self.built = True

    def call(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Return logits (B, K); pixels are scaled to −1..1 first."""
        pixels = tf.cast(pictures, tf.float32) / 127.5 - 1.0
        return self.head(self.trunk(pixels, training=training), training=training)

    def parts(self) -> dict[str, keras.Model]:
        """Return the networks by their names in a checkpoint, where an encoder finds the trunk."""
        return {"encoder": self.trunk, "head": self.head}


class ClassCrossEntropy:
    """The objective of a classifier: cross-entropy of the true class, with label smoothing."""

    name = "classes"

    def __init__(self) -> None:
        # The accuracy of each batch, summed over the epoch's steps.
        self.right = tf.Variable(0.0, dtype=tf.float64)
        self.variables = {"right": self.right}

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        return batches.epoch(epoch, first=first)

    def compute_loss(
        self, network: Network, pictures: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the cross-entropy, and the cross-entropy of smoothed targets."""
        logits = network(pictures, training=True)
        losses = -tf.nn.log_softmax(logits)  # (B, K)
        loss = tf.reduce_mean(tf.gather(losses, labels, batch_dims=1))
        is_right = tf.argmax(logits, axis=1, output_type=labels.dtype) == labels
        self.right.assign_add(tf.reduce_mean(tf.cast(is_right, tf.float64)))
        smoothing = network.smoothing
        return loss, (1 - smoothing) * loss + smoothing * tf.reduce_mean(losses)

    def report(self, steps: int) -> dict[str, float]:
        """Return the accuracy on the training pictures as they were altered; reset it."""
        accuracy = float(self.right) / steps
        self.right.assign(0.0)
        return {"accuracy": accuracy}


class Classifier:
    """Classifies photos; `Classifier.load` makes one from a run folder."""

    def __init__(
        self, network: Network, classes: Sequence[str], image_size: int, *, mirrored: bool
    ) -> None:
        """With `mirrored`, a photo's logits are the mean of its own and its mirror image's.

        That suits a network that was trained on mirrored pictures too.
        """
        self.network = network
        self.classes = tuple(classes)
        self.image_size = image_size
        self._is_mirrored = mirrored
        signature = [tf.TensorSpec([None, image_size, image_size, 3], tf.uint8)]
        self._predict = tf.function(self.predict, input_signature=signature, autograph=False)

    @classmethod
    def load(cls, run: str | Path | None = None) -> Self:
        """Load a run folder (default: the newest) with the weights of its best epoch."""
        folder = find_trained_run(None if run is None else str(run))
        config = read_config(folder)
        if not is_classifier(config):
            raise UserError(
                f"{folder} is not a classifier: it writes captions; "
                f"load it with Captioner.load({str(folder)!r})"
            )
        classes, image_size = config["classes"], config["image_size"]
        network = Network(config["trunk"], image_size, len(classes), seed=config["seed"])
        load_weights(network, folder / "best")
        return cls(network, classes, image_size, mirrored=config["alter"] == "mirrored")

    def __call__(self, photos: AnyPhoto | Sequence[AnyPhoto]) -> Prediction | list[Prediction]:
        """Return the prediction for a photo, or those of a list.

        A photo is a path, the bytes of a file, uint8 pixels, or a Pillow image. The first one that
        cannot be read is named by an UnreadablePhoto, a ValueError.
        """
        if isinstance(photos, AnyPhoto):
            return self([photos])[0]
        predictions = []
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(photos), BATCH):
                batch = photos[start : start + BATCH]
                pictures = list(pool.map(self._load_pixels, batch, itertools.count(start + 1)))
                for row in self.probabilities(np.stack(pictures)):
                    predictions.append(Prediction(self.classes, row))
        return predictions

    def predict(self, pictures: tf.Tensor) -> tf.Tensor:
        """Return probabilities (N, K) as a tensor, for graphs that others compile."""
        logits = self.network(pictures)
        if self._is_mirrored:
            logits = (logits + self.network(pictures[:, :, ::-1])) / 2
        return tf.nn.softmax(logits)

    def _load_pixels(self, photo: AnyPhoto, number: int = 1) -> np.ndarray:
        return load_pixels(
            photo, (self.image_size, self.image_size), number=number, read=read_photo
        )

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """Return probabilities (N, K) of the classes of uint8 pictures (N, S, S, 3)."""
        if not len(pictures):
            return np.empty((0, len(self.classes)), np.float32)
        parts = []
        for start in range(0, len(pictures), BATCH):
            batch = np.asarray(pictures[start : start + BATCH])
            parts.append(self._predict(batch).numpy())
        return np.concatenate(parts)
