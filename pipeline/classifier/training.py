"""Train the classifier: its trainer, and its scores after each epoch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from config import Settings
from data.class_batches import ClassBatches
from models.classifier import CLASSIFIER_KINDS, ClassCrossEntropy, Classifier, Network
from models.training.trainer import Recipe, Trainer
from pipeline.classifier.dataset import ClassPictures
from pipeline.classifier.evaluation import score_split
from utils.terminal import highlight

LINES = 4  # of an epoch's running loss


def make_network(settings: Settings, pictures: ClassPictures) -> Network:
    """Make the network with new weights."""
    return Network(
        settings.classes.trunk,
        pictures.image_size,
        len(pictures.classes),
        seed=settings.training.seed,
    )


def make_batches(settings: Settings, pictures: ClassPictures) -> ClassBatches:
    """Return the batches of training pictures, augmented anew in every epoch."""
    return ClassBatches(
        pictures.pixels["train"],
        pictures.labels("train"),
        batch=settings.training.batch,
        seed=settings.training.seed,
        alter=settings.classes.alter,
    )


def make_class_trainer(
    settings: Settings, network: Network, batches: ClassBatches, folder: Path
) -> Trainer:
    """Make the classifier's trainer, with the optimizer of its kind."""
    training = settings.training
    recipe = Recipe(
        epochs=training.epochs,
        learning_rate=training.learning_rate,
        warmup=training.warmup,
        schedule=training.schedule,
        clip=None,
        patience=training.patience,
        save_every=training.save_every,
        encoder_rate=training.learning_rate,
    )
    optimizer = CLASSIFIER_KINDS[settings.classes.trunk].optimizer
    return Trainer(network, ClassCrossEntropy(), batches, recipe, folder, optimizer=optimizer)


class ClassValidation:
    """Scores on val of a classifier in training."""

    def __init__(self, settings: Settings, network: Network, pictures: ClassPictures) -> None:
        mirrored = settings.classes.alter == "mirrored"
        self._classifier = Classifier(
            network, pictures.classes, pictures.image_size, mirrored=mirrored
        )
        self._pictures = pictures
        self._top = settings.training.top

    def score(self) -> dict[str, float]:
        """Return loss, accuracy and top-k accuracy on val."""
        scores, _ = score_split(self._classifier, self._pictures, "val", top=self._top)
        names = [name for name in ("loss", "accuracy", f"Top{self._top}") if name in scores]
        return {f"val_{name}": scores[name] for name in names}

    def merit(self, row: Mapping[str, Any]) -> float:
        """Return the accuracy, which picks the best epoch."""
        return row["val_accuracy"]

    def describe(self, row: Mapping[str, Any], *, is_best: bool) -> str:
        """Return an epoch's loss and accuracy, in training and on val."""
        best = highlight(", best so far") if is_best else ""
        return (
            f"epoch {row['epoch']}: loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}, "
            f"{row['seconds']:.0f} s; val: loss {row['val_loss']:.3f}, "
            f"accuracy {row['val_accuracy']:.3f}{best}"
        )


class RunningLoss:
    """Prints, a few times an epoch, the mean loss since it last did."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._step = 0  # of the last line
        self._total = 0.0  # the sum of losses until then

    def __call__(self, step: int, steps: int, loss: float) -> None:
        """Take a step's number, the number of steps, and the epoch's mean loss so far."""
        if step <= self._step:  # another epoch
            self._step, self._total = 0, 0.0
        if step * LINES // steps == (step - 1) * LINES // steps:
            return
        total = loss * step
        recent = (total - self._total) / (step - self._step)
        self._say(f"  step {step:,} of {steps:,}: loss {recent:.3f}")
        self._step, self._total = step, total
