"""The classifier's training, as `train.py --preset classifier` does it: pictures by class, a small CNN, its scores."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config import Settings
from data.class_batches import ClassBatches
from data.photos.hashes import PhotoHashes
from pipeline import dataset as stages
from pipeline import resume as starting
from pipeline.classifier import dataset as class_stages
from utils import runs
from utils.device import use_device
from utils.files import check_writable
from utils.stopwatch import Stopwatch
from utils.terminal import highlight, note, say

LINES = 4  # an epoch, that tell the running loss


def train(run: Path, settings: Settings, *, resume: bool) -> int:
    """Train, as an outline; 0 when done, 130 when stopped by Ctrl-C with everything saved."""
    from models.classifier import CLASSIFIER_KINDS, ClassCrossEntropy, Classifier, Network
    from models.training.trainer import Recipe, Trainer
    from pipeline import training as learning
    from pipeline.classifier import evaluation as class_report
    from reports.classifier_page import write_classifier_page
    from utils.plots.classes import draw_class_history

    began, spent = time.perf_counter(), Stopwatch(run)
    use_device(settings.machine.device)
    for folder in (run, Path(settings.vision.cache)):
        check_writable(folder)
    path = class_stages.dataset_path(settings.data.dataset)
    dataset = class_stages.read_dataset(path)
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    loaded = class_stages.load(dataset, settings, hashes)
    prepared, kind, training = loaded.prepared, settings.classes.trunk, settings.training
    say(class_stages.told(dataset, loaded))
    stages.report_left_out(prepared.left_out, strict=settings.data.strict)
    spent.lap("reading")

    network = Network(kind, loaded.image_size, len(loaded.classes), seed=training.seed)
    if resume:
        starting.refuse_other_photos(run, prepared)
        starting.forget_scores(run)
    else:
        starting.begin_folder(run, prepared)
        runs.write_making(
            run, {"encoder": "convnet", "trunk": kind, "image_size": loaded.image_size}
        )
    runs.write_config(
        run,
        settings.of_a_classifier()
        | {
            "dataset": str(path),
            "encoder": "convnet",
            "image_size": loaded.image_size,
            "classes": loaded.classes,
            "captions": prepared.digest(),
        },
    )
    batches = ClassBatches(
        loaded.pictures["train"],
        loaded.labels("train"),
        batch=training.batch,
        seed=training.seed,
        alter=settings.classes.alter,
    )
    if not resume:
        class_report.draw_samples(
            batches, loaded, run / "samples.png", alter=settings.classes.alter
        )

    recipe = Recipe(
        training.epochs,
        training.learning_rate,
        training.warmup,
        training.schedule,
        None,
        training.patience,
        training.save_every,
        encoder_rate=training.learning_rate,
    )
    trainer = Trainer(
        network,
        ClassCrossEntropy(),
        batches,
        recipe,
        run,
        optimizer=CLASSIFIER_KINDS[kind].optimizer,
    )
    classifier = Classifier(
        network, loaded.classes, loaded.image_size, mirrored=settings.classes.alter == "mirrored"
    )
    goes_on = resume and trainer.resume()
    say(f"parameters: {network.count_params():,}; ready after {time.perf_counter() - began:.0f} s")
    if resume and not goes_on:
        say("the run has no checkpoint yet: it starts over")

    def validation() -> dict[str, float]:
        scores, _ = class_report.scored(classifier, loaded, "val", top=training.top)
        return {
            f"val_{name}": scores[name]
            for name in ("loss", "accuracy", f"Top{training.top}")
            if name in scores
        }

    def curves(rows: list[dict[str, Any]]) -> None:
        draw_class_history(rows, run / "history.png", best=trainer.best_epoch)
        write_classifier_page(run)

    spent.lap("preparing")
    spent.save()
    write_classifier_page(run)
    if not learning.epochs(
        trainer,
        run,
        spent,
        scores=validation,
        merit=lambda row: row["val_accuracy"],
        curves=curves,
        told=_told,
        each_step=running_loss(say),
    ):
        write_classifier_page(run)
        note(f"stopped and saved; go on with: python train.py --run {run} --resume")
        return 130
    say(f"scoring the best epoch, {trainer.best_epoch}")
    return class_report.final(run, loaded, began=began, spent=spent, top=training.top)


def running_loss(tell: Callable[[str], None]) -> Callable[[int, int, float], None]:
    """What is to be told of each step: it tells, some times an epoch, the mean loss since it told it last."""
    told, total = 0, 0.0

    def each_step(step: int, steps: int, loss: float) -> None:
        nonlocal told, total
        if step <= told:  # another epoch
            told, total = 0, 0.0
        if step * LINES // steps > (step - 1) * LINES // steps:
            tell(f"  step {step:,} of {steps:,}: loss {(loss * step - total) / (step - told):.3f}")
            told, total = step, loss * step

    return each_step


def _told(row: dict[str, Any], best: bool) -> str:
    """An epoch: what was learned, then its scores on val."""
    return (
        f"epoch {row['epoch']}: loss {row['loss']:.3f}, accuracy {row['accuracy']:.3f}, {row['seconds']:.0f} s; "
        f"val: loss {row['val_loss']:.3f}, accuracy {row['val_accuracy']:.3f}{highlight(', best so far') if best else ''}"
    )
