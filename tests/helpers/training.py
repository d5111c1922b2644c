"""Training on invented features: a few photos whose caption depends on their features."""

import numpy as np
import tensorflow as tf

from models.decoders import build_decoder
from models.training.losses import CrossEntropy
from models.training.trainer import Recipe, Trainer
from utils.shares import Share

LOCATIONS, DEPTH = 4, 6


class InventedBatches:
    """Six batches an epoch, in another order every epoch."""

    steps = 6

    def __init__(self, photos=4, *, is_bad=False):
        self.photos = photos
        self.share = Share(photos)
        self.value = np.nan if is_bad else 1

    def _photos(self, number, first):
        for step in range(first, self.steps):
            random = np.random.default_rng((number, step))
            kinds = random.integers(0, 3, self.photos)
            locations = random.integers(0, LOCATIONS, self.photos)
            features = np.zeros((self.photos, LOCATIONS, DEPTH), np.float32)
            features[np.arange(self.photos), locations, kinds] = self.value
            yield features, kinds

    def epoch(self, number, *, first=0):
        for features, kinds in self._photos(number, first):
            tokens = np.array([[2, 4 + kind, 7, 3, 0] for kind in kinds], np.int32)
            yield tf.constant(features), tf.constant(tokens)

    def with_photo_numbers(self, number, *, first=0):
        """A photo's number is its kind; the last row of each batch is no photo."""
        for features, kinds in self._photos(number, first):
            yield features, np.append(kinds[:-1], -1)


def make_recipe(**changes):
    settings = {
        "epochs": 3,
        "learning_rate": 0.02,
        "warmup": 3,
        "schedule": "cosine",
        "clip": 5.0,
        "patience": 9,
        "save_every": 2,
    }
    return Recipe(**settings | changes)


def invented_decoder(name="gru", **options):
    return build_decoder(
        name,
        seed=0,
        vocabulary=8,
        locations=LOCATIONS,
        depth=DEPTH,
        units=16,
        embedding=8,
        attention_units=8,
        dropout=0.3,
        **options,
    )


def make_trainer(folder, *, decoder=None, objective=None, batches=None, **changes):
    """A trainer of the default decoder on true captions, with changes to its recipe."""
    return Trainer(
        decoder or invented_decoder(),
        objective or CrossEntropy(),
        batches or InventedBatches(),
        make_recipe(**changes),
        folder,
    )


def train(trainer, scores=(0.1, 0.2, 0.3), stop=None):
    """Train to the end and return (epoch, step, mean loss) of every step.

    At `stop`, an (epoch, step), training breaks off as by Ctrl-C.
    """
    losses = []

    def progress(step, steps, loss):
        losses.append((trainer.epoch, step, loss))
        if stop == (trainer.epoch, step):
            raise KeyboardInterrupt

    while not trainer.is_finished:
        trainer.train_epoch(progress)
        trainer.finish_epoch(scores[trainer.epoch])
    return losses


def read_state(trainer):
    """Everything that the next step depends on."""
    networks = [*trainer.decoder.parts().values(), *trainer.optimizers.values()]
    variables = [variable for each in networks for variable in each.variables]
    variables += trainer.objective.variables.values()
    variables += [trainer._epoch, trainer._step, trainer._loss_sum]
    return [variable.numpy() for variable in variables]
