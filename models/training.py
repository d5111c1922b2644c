"""GradientTape steps over cached features, the epoch loop, and checkpoints from which it goes on exactly."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf

from models.checkpoint import decoder_checkpoint, manager, plain, restore, stored
from models.decoder import Decoder
from models.objectives import doubly_stochastic, masked_loss
from utils.errors import Refusal


class EpochBatches(Protocol):
    """What training needs of its data: (features (P, L, D), tokens (B, T)) batches, the same at every call."""

    steps: int

    def epoch(self, number: int, *, first: int = 0) -> Iterable[tuple[tf.Tensor, tf.Tensor]]: ...


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    epochs: int
    learning_rate: float
    warmup: int  # steps
    schedule: str  # cosine or constant
    clip: float  # norm of all gradients together
    patience: int  # epochs without gain
    save_every: int  # steps
    penalty: float = 0.0  # of attention that leaves locations out, see `objectives.doubly_stochastic`


def _rate(recipe: Recipe, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over all steps."""
    warmup = min(recipe.warmup, steps // 2)
    if recipe.schedule == "constant":
        return keras.optimizers.schedules.PolynomialDecay(  # which also rises, and stays where it ends
            0.0 if warmup else recipe.learning_rate, max(1, warmup), end_learning_rate=recipe.learning_rate)
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), alpha=0.01, warmup_target=recipe.learning_rate, warmup_steps=warmup)


class Trainer:
    """A decoder in training. Its whole state is in the checkpoint: weights, optimizer, dropout, place in the epoch."""

    def __init__(self, decoder: Decoder, batches: EpochBatches, recipe: Recipe, folder: Path) -> None:
        """`folder` gets `last` and `best`."""
        self.decoder = decoder
        self.batches = batches
        self.recipe = recipe
        self.optimizer = keras.optimizers.Adam(_rate(recipe, recipe.epochs * batches.steps), global_clipnorm=recipe.clip)
        self.optimizer.build(decoder.trainable_variables)
        self._epoch = tf.Variable(0, dtype=tf.int64)  # whole epochs done
        self._step = tf.Variable(0, dtype=tf.int64)  # steps done in this epoch
        self._loss_sum = tf.Variable(0.0, dtype=tf.float64)  # over those steps
        self._best = tf.Variable(-np.inf, dtype=tf.float64)
        self._without_gain = tf.Variable(0, dtype=tf.int64)
        self._seconds = tf.Variable(0.0, dtype=tf.float64)  # spent in this epoch
        everything = decoder_checkpoint(decoder, optimizer=plain(self.optimizer.variables), epoch=self._epoch,
                                        step=self._step, loss_sum=self._loss_sum, best=self._best,
                                        without_gain=self._without_gain, seconds=self._seconds)
        # Two are kept: should the newest be cut short by a power failure, the one before is still there.
        self._last = manager(everything, folder / "last", keep=2)
        self._best_manager = manager(decoder_checkpoint(decoder), folder / "best", keep=1)
        self._train_step = tf.function(self._forward_and_back)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return int(self._epoch)

    @property
    def best(self) -> float:
        """The best validation score so far."""
        return float(self._best)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.epoch >= self.recipe.epochs or int(self._without_gain) >= self.recipe.patience

    def resume(self) -> bool:
        """Go on from the newest checkpoint that is whole; False where there is none and training starts over."""
        found = stored(Path(self._last.directory))
        for place, path in enumerate(found):
            try:
                restore(self._last.checkpoint, path, whole=True)
                return True
            except Refusal:
                if place + 1 == len(found):
                    raise
        return False

    def save(self) -> None:
        """Write the checkpoint `last`; it counts once it is whole."""
        self._write(self._last)

    def _write(self, keeper: tf.train.CheckpointManager, number: int | None = None) -> None:
        """Write a checkpoint of this number, or of the next one."""
        try:
            keeper.save(number)
        except tf.errors.OpError as error:  # TensorFlow's own words for a full disk or missing rights
            reason = str(error.message).splitlines()[0][:160]
            raise Refusal(f"the checkpoint in {keeper.directory} could not be written ({reason}); make room there and go "
                          "on with --resume") from None

    def _forward_and_back(self, features: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits, attention = self.decoder(features, tokens[:, :-1], training=True)
            loss = total = masked_loss(logits, tokens[:, 1:])
            if self.recipe.penalty:
                total += self.recipe.penalty * doubly_stochastic(attention, tokens[:, 1:])
        gradients = tape.gradient(total, self.decoder.trainable_variables)
        gradients = [tf.convert_to_tensor(gradient) for gradient in gradients]  # the embedding's are sparse
        self.optimizer.apply(gradients, self.decoder.trainable_variables)
        return loss

    def train_epoch(self, progress: Callable[[int, int, float], None]) -> dict[str, Any]:
        """Train to the end of the present epoch and give its row of the history; `progress(step, steps, loss)`.

        The epoch counts as done only when `finish_epoch` has written it.
        """
        began = time.perf_counter()
        spent = float(self._seconds)
        for features, tokens in self.batches.epoch(self.epoch, first=int(self._step)):
            loss = float(self._train_step(features, tokens))
            if not np.isfinite(loss):
                raise Refusal(f"the loss is {loss} at step {int(self._step) + 1} of epoch {self.epoch + 1}; start a new "
                              f"run with a lower --learning-rate than {self.recipe.learning_rate} or --clip than "
                              f"{self.recipe.clip}")
            self._step.assign_add(1)
            self._loss_sum.assign_add(loss)
            self._seconds.assign(spent + time.perf_counter() - began)
            step = int(self._step)
            progress(step, self.batches.steps, float(self._loss_sum) / step)
            if step % self.recipe.save_every == 0 and step < self.batches.steps:
                self.save()
        return {"epoch": self.epoch + 1, "loss": float(self._loss_sum) / int(self._step),
                "seconds": round(float(self._seconds), 2)}

    def finish_epoch(self, score: float) -> bool:
        """Count the epoch, with its validation score, and write the checkpoints; whether it is the best so far."""
        better = score > self.best
        self._epoch.assign_add(1)
        self._step.assign(0)
        self._loss_sum.assign(0.0)
        self._seconds.assign(0.0)
        self._without_gain.assign(0 if better else int(self._without_gain) + 1)
        if better:
            self._best.assign(score)
            self._write(self._best_manager, self.epoch)  # a resumed run counts on, so the newest is always the best
        self.save()
        return better
