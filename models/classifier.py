"""Photos to classes: what may be in a picture. A small CNN, trained here from nothing.

    from models.classifier import Classifier
    for name, probability in Classifier.load("checkpoints/RUN")("photo.jpg").likeliest(5): ...

Its trunk, `models/convnet.py`, serves as an encoder for captions afterwards.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

import keras
import numpy as np
import tensorflow as tf

from data.photos.images import load_pixels, read_photo
from models.encoders.convnet import build_trunk
from models.training.checkpoints import load_weights
from models.training.losses import Batch, EpochBatches
from models.training.optimizers import ConvolutionMuon
from utils.errors import UserError
from utils.runs import find, is_classifier, read_config

Photo = Path | str | bytes | np.ndarray
BATCH = 256  # pictures looked at together


def _modern_head(grid: tuple[int, int, int], classes: int) -> keras.Model:
    """The mean over the grid, then a score for each class."""
    return keras.Sequential(
        [
            keras.Input(grid),
            keras.layers.SpatialDropout2D(0.1),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(classes),
        ]
    )


def _tutorial_head(grid: tuple[int, int, int], classes: int) -> keras.Model:
    """The three fully connected layers of the PyTorch blitz tutorial."""
    begin = keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return keras.Sequential(
        [
            keras.Input(grid),
            keras.layers.Flatten(),
            *(
                keras.layers.Dense(units, activation=activation, kernel_initializer=begin)
                for units, activation in ((120, "relu"), (84, "relu"), (classes, None))
            ),
        ]
    )


@dataclass(frozen=True)
class Kind:
    """What is particular to a classifier beside its trunk."""

    head: Callable[[tuple[int, int, int], int], keras.Model]
    optimizer: Callable[..., keras.optimizers.Optimizer]  # of a learning rate
    smoothing: float  # share of what is wanted of a picture that is wanted of all classes alike


KINDS: dict[str, Kind] = {
    "modern": Kind(
        _modern_head,
        partial(ConvolutionMuon, adam_lr_ratio=0.4, weight_decay=0.02, adam_weight_decay=0.02),
        smoothing=0.1,
    ),  # as Szegedy et al. 2016 have it
    "tutorial": Kind(_tutorial_head, partial(keras.optimizers.SGD, momentum=0.9), smoothing=0.0),
}


class Network(keras.Model):
    """uint8 pictures (B, S, S, 3) → logits (B, K) of the classes: a trunk, then a head."""

    def __init__(self, kind: str, image_size: int, classes: int, *, seed: int) -> None:
        super().__init__()
        keras.utils.set_random_seed(seed)
        self.trunk = build_trunk(kind, image_size)
        self.head = KINDS[kind].head(self.trunk.output.shape[1:], classes)
        self.smoothing = KINDS[kind].smoothing
        self.built = True

    def call(self, pictures: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Logits (B, K); the pixels are brought to −1..1 first."""
        pixels = tf.cast(pictures, tf.float32) / 127.5 - 1.0
        return self.head(self.trunk(pixels, training=training), training=training)

    def parts(self) -> dict[str, keras.Model]:
        """The trunk, under the name by which an encoder finds it in a checkpoint, and the head."""
        return {"encoder": self.trunk, "head": self.head}


class ClassCrossEntropy:
    """The objective: cross-entropy of the true class. Tells also how many were right."""

    name = "classes"

    def __init__(self) -> None:
        self.right = tf.Variable(
            0.0, dtype=tf.float64
        )  # share of each batch, summed over the epoch's steps
        self.variables = {"right": self.right}

    def make_batches(self, batches: EpochBatches, epoch: int, first: int) -> Iterable[Batch]:
        """Pictures and their classes."""
        return batches.epoch(epoch, first=first)

    def compute_loss(
        self, network: Network, pictures: tf.Tensor, labels: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """The cross-entropy, and the same with the wanted probabilities smoothed."""
        logits = network(pictures, training=True)
        losses = -tf.nn.log_softmax(logits)  # (B, K)
        loss = tf.reduce_mean(tf.gather(losses, labels, batch_dims=1))
        found = tf.argmax(logits, axis=1, output_type=labels.dtype) == labels
        self.right.assign_add(tf.reduce_mean(tf.cast(found, tf.float64)))
        return loss, (1 - network.smoothing) * loss + network.smoothing * tf.reduce_mean(losses)

    def report(self, steps: int) -> dict[str, float]:
        """The accuracy on the pictures as they were trained on."""
        accuracy = float(self.right) / steps
        self.right.assign(0.0)
        return {"accuracy": accuracy}


@dataclass(frozen=True)
class Prediction:
    """What may be in a photo."""

    classes: tuple[str, ...]
    probabilities: np.ndarray  # (K,) of the classes, which sum to 1

    def likeliest(self, number: int) -> list[tuple[str, float]]:
        """So many classes with their probabilities, the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:number]
        return [(self.classes[place], float(self.probabilities[place])) for place in order]


class Classifier:
    """Says what may be in photos; `Classifier.load` makes one from a run folder."""

    def __init__(
        self, network: Network, classes: Sequence[str], image_size: int, *, mirrored: bool
    ) -> None:
        """`mirrored` says that what it learned from was mirrored too: then it looks both ways, and takes the mean."""
        self.network = network
        self.classes = tuple(classes)
        self.image_size = image_size

        def look(pictures: tf.Tensor) -> tf.Tensor:
            logits = network(pictures)
            return tf.nn.softmax(
                (logits + network(pictures[:, :, ::-1])) / 2 if mirrored else logits
            )

        self._look = tf.function(
            look, input_signature=[tf.TensorSpec([None, image_size, image_size, 3], tf.uint8)]
        )

    @classmethod
    def load(cls, run: str | Path | None = None) -> Self:
        """The classifier of a run folder (the newest where none is named), with the weights of its best epoch."""
        folder = find(None if run is None else str(run))
        config = read_config(folder)
        if not is_classifier(config):
            raise UserError(
                f"{folder} is no classifier: it writes captions; Captioner.load({str(folder)!r}) loads it"
            )
        network = Network(
            config["trunk"], config["image_size"], len(config["classes"]), seed=config["seed"]
        )
        load_weights(network, folder / "best")
        return cls(
            network, config["classes"], config["image_size"], mirrored=config["alter"] == "mirrored"
        )

    def __call__(self, photos: Photo | Sequence[Photo]) -> Prediction | list[Prediction]:
        """What may be in a photo (path, bytes or uint8 pixels), or a list of it for a list of photos."""
        if isinstance(photos, Path | str | bytes | np.ndarray):
            return self([photos])[0]
        answers = []
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(photos), BATCH):
                pictures = list(pool.map(self._pixels, photos[start : start + BATCH]))
                answers += [
                    Prediction(self.classes, row) for row in self.probabilities(np.stack(pictures))
                ]
        return answers

    def _pixels(self, photo: Photo) -> np.ndarray:
        return load_pixels(photo, (self.image_size, self.image_size), read=read_photo)

    def probabilities(self, pictures: np.ndarray) -> np.ndarray:
        """Probabilities (N, K) of the classes of uint8 pictures (N, S, S, 3)."""
        parts = [
            self._look(np.asarray(pictures[start : start + BATCH])).numpy()
            for start in range(0, len(pictures), BATCH)
        ]
        return np.concatenate(parts) if parts else np.empty((0, len(self.classes)), np.float32)
