"""GradientTape steps, the epoch loop, and checkpoints from which it goes on exactly."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.decoders.layers import use_precision
from models.training.checkpoints import (
    Trainable,
    list_checkpoints,
    make_checkpoint,
    open_manager,
    raw_variables,
    read_text,
    restore,
)
from models.training.losses import EpochBatches, Objective
from models.training.optimizers import build_adam
from utils.errors import UserError


@dataclass(frozen=True)
class Recipe:
    """How to train."""

    epochs: int
    learning_rate: float
    warmup: int  # steps
    schedule: str  # cosine or constant
    clip: float | None  # norm of all gradients together
    patience: int  # epochs without gain
    save_every: int  # steps
    encoder_rate: float = 0.0  # of an encoder that is trained too
    first_epoch: int = 0  # epochs that were done when this way of training began
    precision: str = "float32"  # in which products are taken


def _rate(
    recipe: Recipe, highest: float, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """The learning rate over all steps."""
    warmup = min(recipe.warmup, steps // 2)
    if recipe.schedule == "constant":
        return (
            keras.optimizers.schedules.PolynomialDecay(  # which also rises, and stays where it ends
                0.0 if warmup else highest, max(1, warmup), end_learning_rate=highest
            )
        )
    return keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - warmup), alpha=0.01, warmup_target=highest, warmup_steps=warmup
    )


class Trainer:
    """A decoder, or a classifier, in training. Its whole state is in the checkpoint: weights, optimizer, dropout, place in
    the epoch."""

    def __init__(
        self,
        decoder: Trainable,
        objective: Objective,
        batches: EpochBatches,
        recipe: Recipe,
        folder: Path,
        *,
        optimizer: Callable[..., keras.optimizers.Optimizer] = build_adam,
    ) -> None:
        """`folder` gets `last` and `best`; `optimizer` makes one of a learning rate."""
        self.decoder = decoder
        self.objective = objective
        self.batches = batches
        self.recipe = recipe
        steps = max(1, recipe.epochs - recipe.first_epoch) * batches.steps
        rates = dict.fromkeys(decoder.parts(), recipe.learning_rate) | {
            "encoder": recipe.encoder_rate
        }
        self._optimizers = {}  # an encoder that is trained too has one of its own
        for name, part in decoder.parts().items():
            self._optimizers[name] = optimizer(
                _rate(recipe, rates[name], steps), global_clipnorm=recipe.clip
            )
            self._optimizers[name].build(part.trainable_variables)
        self._epoch = tf.Variable(0, dtype=tf.int64)  # whole epochs done
        self._step = tf.Variable(0, dtype=tf.int64)  # steps done in this epoch
        self._loss_sum = tf.Variable(0.0, dtype=tf.float64)  # over those steps
        self._best = tf.Variable(-np.inf, dtype=tf.float64)
        self._without_gain = tf.Variable(0, dtype=tf.int64)
        self._seconds = tf.Variable(0.0, dtype=tf.float64)  # spent in this epoch
        # Where a run goes on in another way of training, the checkpoints of the way before are not to be gone on with.
        self._way = " ".join([objective.name, *decoder.parts(), str(recipe.first_epoch)])
        optimizers = {
            f"{name}_optimizer": raw_variables(each.variables)
            for name, each in self._optimizers.items()
        }
        everything = make_checkpoint(
            decoder,
            **optimizers,
            epoch=self._epoch,
            step=self._step,
            loss_sum=self._loss_sum,
            best=self._best,
            without_gain=self._without_gain,
            seconds=self._seconds,
            objective=self.objective.variables,
            way=tf.Variable(self._way),
        )
        # Two are kept: should the newest be cut short by a power failure, the one before is still there.
        self._last = open_manager(everything, folder / "last", keep=2)
        self._best_manager = open_manager(make_checkpoint(decoder), folder / "best", keep=1)
        self._train_step = tf.function(self._forward_and_back)

    @property
    def epoch(self) -> int:
        """Whole epochs done."""
        return int(self._epoch)

    @property
    def step(self) -> int:
        """Steps done in the present epoch."""
        return int(self._step)

    @property
    def best(self) -> float:
        """The best validation score so far."""
        return float(self._best)

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are the best; 0 where they are those from before the first, or there are none."""
        return max(
            (
                int(path.rpartition("-")[2])
                for path in list_checkpoints(Path(self._best_manager.directory))
            ),
            default=0,
        )

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.epoch >= self.recipe.epochs or int(self._without_gain) >= self.recipe.patience

    def resume(self) -> bool:
        """Go on from the newest checkpoint that is whole; False where there is none of this way of training, which then
        starts over."""
        own = {None, self._way} | (
            {""} if not self.recipe.first_epoch else set()
        )  # what cannot be read, or is older, is refused
        found = [
            path
            for path in list_checkpoints(Path(self._last.directory))
            if read_text(path, "way") in own
        ]
        for place, path in enumerate(found):
            try:
                restore(self._last.checkpoint, path, whole=True)
                return True
            except UserError:
                if place + 1 == len(found):
                    raise
        return False

    def start_from_current_weights(self, score: float) -> None:
        """Begin this way of training with the weights as they are, which have this validation score and are the best so
        far."""
        self._epoch.assign(self.recipe.first_epoch)
        self._best.assign(score)
        self._write(self._best_manager, self.epoch)
        self.save()

    def save(self) -> None:
        """Write the checkpoint `last`; it counts once it is whole."""
        self._write(self._last)

    def _write(self, keeper: tf.train.CheckpointManager, number: int | None = None) -> None:
        """Write a checkpoint of this number, or of the next one."""
        try:
            keeper.save(number)
        except (
            tf.errors.OpError
        ) as error:  # TensorFlow's own words for a full disk or missing rights
            reason = str(error.message).splitlines()[0][:160]
            raise UserError(
                f"the checkpoint in {keeper.directory} could not be written ({reason}); make room there and go "
                "on with --resume"
            ) from None

    def _forward_and_back(self, *batch: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape, use_precision(self.recipe.precision):
            loss, total = self.objective.compute_loss(self.decoder, *batch)
        variables = {name: part.trainable_variables for name, part in self.decoder.parts().items()}
        for name, gradients in tape.gradient(total, variables).items():
            # An embedding's are sparse; of what takes no part there are none.
            dense = [
                tf.zeros_like(variable) if gradient is None else tf.convert_to_tensor(gradient)
                for gradient, variable in zip(gradients, variables[name], strict=True)
            ]
            self._optimizers[name].apply(dense, variables[name])
        return loss

    def train_epoch(self, progress: Callable[[int, int, float], None]) -> dict[str, Any]:
        """Train to the end of the present epoch and give its row of the history; `progress(step, steps, loss)`.

        The epoch counts as done only when `finish_epoch` has written it.
        """
        began = time.perf_counter()
        spent = float(self._seconds)
        for batch in self.objective.make_batches(self.batches, self.epoch, int(self._step)):
            loss = float(self._train_step(*batch))
            if not np.isfinite(loss):
                clip = f" or --clip than {self.recipe.clip}" if self.recipe.clip else ""
                raise UserError(
                    f"the loss is {loss} at step {int(self._step) + 1} of epoch {self.epoch + 1}; start a new "
                    f"run with a lower --learning-rate than {self.recipe.learning_rate}{clip}"
                )
            self._step.assign_add(1)
            self._loss_sum.assign_add(loss)
            self._seconds.assign(spent + time.perf_counter() - began)
            step = int(self._step)
            progress(step, self.batches.steps, float(self._loss_sum) / step)
            if step % self.recipe.save_every == 0 and step < self.batches.steps:
                self.save()
        return {
            "epoch": self.epoch + 1,
            "loss": float(self._loss_sum) / int(self._step),
            "seconds": round(float(self._seconds), 2),
            **self.objective.report(int(self._step)),
        }

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
            self._write(
                self._best_manager, self.epoch
            )  # a resumed run counts on, so the newest is always the best
        self.save()
        return better
