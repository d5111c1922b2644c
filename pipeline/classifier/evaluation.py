"""Score a classifier on a split: after training, for evaluate.py, or between two epochs."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from config import Settings
from models.classifier import Classifier
from pipeline.classifier.dataset import (
    NO_TEST_PICTURES,
    ClassPictures,
    load_pixels_of,
    read_class_source,
    skip_unknown_classes,
)
from pipeline.dataset import split_source
from pipeline.dataset_places import find_class_folders
from pipeline.evaluation import count_seen, is_own_dataset, restore_run_splits
from utils.errors import UserError
from utils.metrics.classes import score_classes


@dataclass(frozen=True)
class ClassResult:
    """The scores of a split, with its pictures and the probabilities of their classes."""

    split: str
    scores: dict[str, Any]
    pictures: np.ndarray  # (N, S, S, 3) uint8
    labels: np.ndarray  # (N,) the true classes
    probabilities: np.ndarray  # (N, K)
    notes: Sequence[str] = ()  # what a reader of the scores must know
    classes: Sequence[str] = ()


def score_split(
    classifier: Classifier, pictures: ClassPictures, split: str, *, top: int
) -> tuple[dict[str, Any], np.ndarray]:
    """Return the scores of a split, and its probabilities (N, K)."""
    pixels = pictures.pixels[split]
    classifier.probabilities(pixels[:1])  # compiled outside the clock
    started = time.perf_counter()
    probabilities = classifier.probabilities(pixels)
    seconds = time.perf_counter() - started
    scores = score_classes(probabilities, pictures.labels(split), pictures.classes, top=top)
    scores["images"] = len(pixels)
    scores["seconds"] = seconds
    scores["images_per_second"] = len(pixels) / seconds
    return scores, probabilities


def evaluate_classes(
    classifier: Classifier,
    pictures: ClassPictures,
    split: str,
    *,
    top: int,
    notes: Sequence[str] = (),
) -> ClassResult:
    """Score a split; val, if test is asked for and has no pictures."""
    notes = list(notes)
    if split == "test" and not pictures.dataset.splits["test"]:
        split = "val"
        notes.insert(0, NO_TEST_PICTURES)
    scores, probabilities = score_split(classifier, pictures, split, top=top)
    labels = np.asarray(pictures.labels(split))
    pixels = pictures.pixels[split]
    return ClassResult(split, scores, pixels, labels, probabilities, notes, pictures.classes)


def load_class_evaluation(
    run: Path, saved: dict[str, Any], split: str, **changes: Any
) -> ClassResult:
    """Load a run's best epoch and score a split; `changes` are settings other than the run's."""
    is_own = is_own_dataset(changes.get("dataset"), saved["dataset"], find_class_folders)
    settings = Settings.from_config(saved, **changes | {"strict": False})
    path = find_class_folders(settings.data.dataset)
    dataset = split_source(read_class_source(path), settings, needed=())
    before = {name: len(photos) for name, photos in dataset.splits.items()}
    if is_own:
        missing = restore_run_splits(dataset, run)
    else:
        skip_unknown_classes(dataset, saved["classes"])
        missing = {name: before[name] - len(dataset.splits[name]) for name in before}
    if split == "test" and not dataset.splits["test"] and not missing["test"]:
        scored = "val"
    else:
        scored = split
    photos = dataset.splits[scored]
    if not photos:
        raise UserError(
            f"{path} has no pictures in {scored} that can be read and have a class of {run}"
        )
    notes = []
    if missing[scored]:
        notes.append(
            f"{missing[scored]} pictures of {scored} are gone, cannot be read or have a class that "
            f"{run} does not know, and are not scored"
        )
    known = 0
    if not is_own or scored == "test":
        known = count_seen(run, photos)
    if known:
        notes.append(
            f"{known} of the {len(photos)} pictures were in the training of {run}: the scores are "
            "too good"
        )
    cache = Path(settings.vision.cache)
    size = saved["image_size"]
    pictures = load_pixels_of(dataset, saved["classes"], size, cache=cache, splits=(scored,))
    classifier = Classifier.load(run)
    return evaluate_classes(classifier, pictures, split, top=settings.training.top, notes=notes)
