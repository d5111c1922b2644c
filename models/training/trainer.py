"""The training step, the epoch loop, and checkpoints from which training resumes exactly."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.decoders.layers import use_precision
from models.decoders.random_rows import use_share
from models.training.checkpoints import (
    Trainable,
    list_checkpoints,
    make_checkpoint,
    open_manager,
    raw_variables,
    read_text,
    restore,
)
from models.training.losses import EpochBatches, Objective, count_words
from models.training.optimizers import build_adam, build_schedule
from models.training.strategy import ALONE, Strategy
from utils.errors import UserError

Optimizers = dict[str, keras.optimizers.Optimizer]
Gradients = dict[str, list[tf.Tensor]]  # of each part's trainable variables


@dataclass(frozen=True)
class Recipe:
    """The settings of one phase of training."""

    epochs: int  # of all phases together
    learning_rate: float
    warmup: int  # steps
    schedule: str  # cosine or constant
    clip: float | None  # norm of all gradients together
    patience: int  # epochs without a better score
    save_every: int  # steps
    encoder_rate: float = 0.0  # learning rate of an encoder that is trained too
    first_epoch: int = 0  # epochs done when this phase of training began
    precision: str = "float32"  # of matrix products
    keep: float = 0.0  # share of the first weights in the weights that are scored and kept


def _make_dense(gradient: Any, variable: tf.Variable) -> tf.Tensor:
    """Return a gradient as a tensor: that of an embedding is sparse, that of an unused one None."""
    if gradient is None:
        return tf.zeros_like(variable)
    return tf.convert_to_tensor(gradient)


class Trainer:
    """A decoder or classifier in training.

    The checkpoint `last` holds its whole state: weights, optimizers, dropout and the place in
    the epoch. The checkpoint `best` holds the weights of the best epoch.

    With a `keep` in the recipe, those are the mean of the first weights and the trained ones. Such
    a mean forgets far less of what the first ones knew (Wortsman et al. 2022, WiSE-FT).
    """

    def __init__(
        self,
        decoder: Trainable,
        objective: Objective,
        batches: EpochBatches,
        recipe: Recipe,
        folder: Path,
        *,
        optimizer: Callable[..., keras.optimizers.Optimizer] = build_adam,
        strategy: Strategy = ALONE,
    ) -> None:
        """`folder` gets the checkpoints; `optimizer` builds one from a learning rate."""
        self.decoder = decoder
        self.objective = objective
        self.batches = batches
        self.recipe = recipe
        self.strategy = strategy
        self.optimizers = self._build_optimizers(optimizer)
        self._epoch = tf.Variable(0, dtype=tf.int64)  # whole epochs done
        self._step = tf.Variable(0, dtype=tf.int64)  # steps done in this epoch
        self._loss_sum = tf.Variable(0.0, dtype=tf.float64)  # over those steps
        self._best = tf.Variable(-np.inf, dtype=tf.float64)
        self._without_gain = tf.Variable(0, dtype=tf.int64)  # epochs since the best
        self._seconds = tf.Variable(0.0, dtype=tf.float64)  # spent in this epoch
        self._first = self._copy_weights() if recipe.keep else []
        # A phase resumes from its own checkpoints and not from those of the phase before.
        self._phase = " ".join([objective.name, *decoder.parts(), str(recipe.first_epoch)])
        # Two are kept: if a power failure cuts the newest short, the one before is still there.
        self._last = open_manager(self._make_full_checkpoint(), folder / "last", keep=2)
        self._best_manager = open_manager(make_checkpoint(decoder), folder / "best", keep=1)

        if strategy.is_alone:
            self._run_step = tf.function(self._train_step, autograph=False)
        else:
            self._run_step = strategy.make_step(self._compute_share, self._update)

    def _train_step(self, *batch: tf.Tensor) -> tf.Tensor:
        """Update the network by a batch; return the loss to report."""
        loss, gradients = self._compute(*batch)
        self._update(gradients)
        return loss

    def _compute_share(self, *batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, Gradients]:
        """Return the words of this worker's share of a batch, their loss, and its gradients."""
        with use_share(self.batches.share):
            loss, gradients = self._compute(*batch)
        return count_words(batch[1]), loss, gradients

    def _compute(self, *batch: tf.Tensor) -> tuple[tf.Tensor, Gradients]:
        """Return the loss to report, and the gradients of every part of the network."""
        with tf.GradientTape() as tape, use_precision(self.recipe.precision):
            reported_loss, loss = self.objective.compute_loss(self.decoder, *batch)
        gradients = {}
        variables = self._list_variables()
        for name, sparse in tape.gradient(loss, variables).items():
            gradients[name] = [
                _make_dense(gradient, variable)
                for gradient, variable in zip(sparse, variables[name], strict=True)
            ]
        return reported_loss, gradients

    def _update(self, gradients: Gradients) -> None:
        """Update every part of the network."""
        for name, variables in self._list_variables().items():
            self.optimizers[name].apply(gradients[name], variables)

    def _list_variables(self) -> dict[str, list[keras.Variable]]:
        """Return the variables that are trained, of every part."""
        return {name: part.trainable_variables for name, part in self.decoder.parts().items()}

    def _build_optimizers(self, build: Callable[..., keras.optimizers.Optimizer]) -> Optimizers:
        """Build an optimizer for each part: an encoder that is trained too has its own rate."""
        recipe = self.recipe
        steps = max(1, recipe.epochs - recipe.first_epoch) * self.batches.steps
        optimizers = {}
        for name, part in self.decoder.parts().items():
            rate = recipe.encoder_rate if name == "encoder" else recipe.learning_rate
            schedule = build_schedule(recipe.schedule, rate, steps=steps, warmup=recipe.warmup)
            optimizers[name] = build(schedule, global_clipnorm=recipe.clip)
            optimizers[name].build(part.trainable_variables)
        return optimizers

    def _copy_weights(self) -> list[tf.Variable]:
        """Return copies of all weights that are trained."""
        return [tf.Variable(variable.value) for variable in self._list_weights()]

    def _list_weights(self) -> list[keras.Variable]:
        """Return the variables that are trained, of all parts together."""
        return [each for part in self._list_variables().values() for each in part]

    @contextmanager
    def use_kept_weights(self) -> Iterator[None]:
        """Give the network the weights that are scored and kept, for a block."""
        if not self.recipe.keep:
            yield
            return
        keep = self.recipe.keep
        weights = self._list_weights()
        trained = [tf.identity(variable.value) for variable in weights]
        for variable, first, last in zip(weights, self._first, trained, strict=True):
            variable.assign(keep * first + (1 - keep) * last)
        try:
            yield
        finally:
            for variable, last in zip(weights, trained, strict=True):
                variable.assign(last)

    def _make_full_checkpoint(self) -> tf.train.Checkpoint:
        """Make the checkpoint of everything that the next step depends on."""
        optimizers = {
            f"{name}_optimizer": raw_variables(optimizer.variables)
            for name, optimizer in self.optimizers.items()
        }
        return make_checkpoint(
            self.decoder,
            **optimizers,
            epoch=self._epoch,
            step=self._step,
            loss_sum=self._loss_sum,
            best=self._best,
            without_gain=self._without_gain,
            seconds=self._seconds,
            objective=self.objective.variables,
            first=self._first,
            way=tf.Variable(self._phase),
        )

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
        """The epoch of the best weights; 0 for weights from before the first, or if none are."""
        saved = list_checkpoints(Path(self._best_manager.directory))
        if not saved:
            return 0
        return int(saved[0].rpartition("-")[2])

    @property
    def is_finished(self) -> bool:
        is_out_of_patience = int(self._without_gain) >= self.recipe.patience
        return self.epoch >= self.recipe.epochs or is_out_of_patience

    def resume(self) -> bool:
        """Load the newest whole checkpoint of this phase; return False where it has none."""
        saved = list_checkpoints(Path(self._last.directory))
        # None stands for a checkpoint that cannot be read: to skip it could start over a run
        # that was trained for days.
        candidates = [path for path in saved if read_text(path, "way") in (self._phase, None)]
        for path in candidates:
            try:
                restore(self._last.checkpoint, path, whole=True)
                return True
            except UserError:
                if path == candidates[-1]:
                    raise
        return False

    def start_from_current_weights(self, score: float) -> None:
        """Start this phase from the weights as they are, and save them as the best so far."""
        if self.recipe.keep:
            for first, variable in zip(self._first, self._list_weights(), strict=True):
                first.assign(variable.value)
        self._epoch.assign(self.recipe.first_epoch)
        self._best.assign(score)
        self._write(self._best_manager, self.epoch)
        self.save()

    def copy_weights_from_first(self) -> None:
        """Start with the weights of worker 0: first ones may differ between processors."""
        for variables in self._list_variables().values():
            self.strategy.copy_from_first(raw_variables(variables))

    def train_epoch(self, progress: Callable[[int, int, float], None]) -> dict[str, Any]:
        """Train to the end of the present epoch and return its row of the history.

        Calls `progress(step, steps, mean loss)` after each step. The epoch counts as done only
        when `finish_epoch` has saved it.
        """
        start = time.perf_counter()
        spent = float(self._seconds)
        for batch in self.objective.make_batches(self.batches, self.epoch, self.step):
            loss = float(self._run_step(*batch))
            if not np.isfinite(loss):
                raise self._diverged_error(loss)
            self._step.assign_add(1)
            self._loss_sum.assign_add(loss)
            self._seconds.assign(spent + time.perf_counter() - start)
            step = self.step
            progress(step, self.batches.steps, float(self._loss_sum) / step)
            if step % self.recipe.save_every == 0 and step < self.batches.steps:
                self.save()
        return {
            "epoch": self.epoch + 1,
            "loss": float(self._loss_sum) / self.step,
            "seconds": round(float(self._seconds), 2),
            **self.objective.report(self.step),
        }

    def _diverged_error(self, loss: float) -> UserError:
        lower = f"--learning-rate than {self.recipe.learning_rate}"
        if self.recipe.clip:
            lower += f" or --clip than {self.recipe.clip}"
        return UserError(
            f"the loss is {loss} at step {self.step + 1} of epoch {self.epoch + 1}; "
            f"start a new run with a lower {lower}"
        )

    def finish_epoch(self, score: float) -> bool:
        """Count and save the epoch; return whether its validation score is the best so far."""
        is_best = score > self.best
        self._epoch.assign_add(1)
        self._step.assign(0)
        self._loss_sum.assign(0.0)
        self._seconds.assign(0.0)
        if is_best:
            self._without_gain.assign(0)
            self._best.assign(score)
            # Numbered by epoch: a resumed run counts on, so the newest is always the best.
            with self.use_kept_weights():
                self._write(self._best_manager, self.epoch)
        else:
            self._without_gain.assign_add(1)
        self.save()
        return is_best

    def save(self) -> None:
        """Write the checkpoint `last`, on worker 0 alone; it counts once it is whole."""
        if self.strategy.is_first:
            self._write(self._last)

    def _write(self, manager: tf.train.CheckpointManager, number: int | None = None) -> None:
        """Write a checkpoint of this number, by default the next one."""
        try:
            manager.save(number)
        except tf.errors.OpError as error:  # TensorFlow's for a full disk or missing rights
            reason = str(error.message).splitlines()[0][:160]
            raise UserError(
                f"the checkpoint in {manager.directory} could not be written ({reason}); "
                "make room there and continue with --resume"
            ) from None
