"""What a classifier is worth: its scores on a split, and its pictures."""

import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from config import Settings
from data.class_batches import ClassBatches
from data.photos.hashes import PhotoHashes
from pipeline import dataset as stages
from pipeline.classifier import dataset as class_stages
from pipeline.classifier.dataset import Loaded
from pipeline.evaluation import same_dataset
from reports.classifier_page import ClassifierResult, write_classifier_page
from utils import runs
from utils.errors import UserError
from utils.files import write_json
from utils.metrics.classes import find_mistakes, score_classes
from utils.plots.classes import draw_confusion, draw_picture_grid
from utils.plots.figure import save_figure
from utils.stopwatch import Stopwatch
from utils.terminal import output, say

PICTURES = 40  # drawn with their classes
SHOWN = 20  # classes in the table; of more the best and the worst
ALTERED = {"mirrored": ", moved and mirrored", "moved": ", moved", "none": ""}


def scored(
    classifier: Any, loaded: Loaded, split: str, *, top: int
) -> tuple[dict[str, Any], np.ndarray]:
    """The scores of a split, and the probabilities (N, K) that they are of."""
    pictures = loaded.pictures[split]
    classifier.probabilities(pictures[:1])  # compiled outside the clock
    began = time.perf_counter()
    probabilities = classifier.probabilities(pictures)
    seconds = time.perf_counter() - began
    scores = score_classes(probabilities, loaded.labels(split), loaded.classes, top=top)
    scores |= {
        "images": len(pictures),
        "seconds": seconds,
        "images_per_second": len(pictures) / seconds,
    }
    return scores, probabilities


def table(split: str, scores: dict[str, Any], notes: Sequence[str] = ()) -> str:
    """The scores as lines for a terminal."""
    top = next((key for key in scores if key.startswith("Top")), None)
    of_classes = {
        name: share for name, share in scores["accuracy_per_class"].items() if share is not None
    }
    lines = [
        f"{split}: {scores['images']:,} pictures, {scores['images_per_second']:,.0f} a second",
        f"accuracy {scores['accuracy']:.3f}, loss {scores['loss']:.3f}"
        + (f", top-{top.removeprefix('Top')} accuracy {scores[top]:.3f}" if top else ""),
    ]
    if len(of_classes) > SHOWN:
        ordered = sorted(of_classes, key=lambda name: -of_classes[name])
        lines += [
            f"the best of {len(of_classes)} classes: {_told(ordered[:5], of_classes)}",
            f"the worst: {_told(ordered[:-6:-1], of_classes)}",
        ]
    else:
        width = max(map(len, of_classes))
        lines += [f"  {name:{width}}  {share:.3f}" for name, share in of_classes.items()]
    wrong = find_mistakes(scores["confusion"], list(scores["accuracy_per_class"]), 3)
    if wrong:
        lines.append(
            "most often mistaken: "
            + ", ".join(f"{true} for {taken} ({times})" for true, taken, times in wrong)
        )
    return "\n".join([*lines, *(f"note: {note}" for note in notes)])


def _told(names: Sequence[str], shares: dict[str, float]) -> str:
    return ", ".join(f"{name} {shares[name]:.3f}" for name in names)


def draw_samples(batches: ClassBatches, loaded: Loaded, file: Path, *, alter: str) -> None:
    """Draw some of the training pictures of the first epoch, with their classes."""
    pictures: list[tuple[np.ndarray, str, bool]] = []
    for seen, labels in batches.epoch(0):
        pictures += [
            (picture, loaded.classes[label], False)
            for picture, label in zip(seen, labels, strict=True)
        ]
        if len(pictures) >= PICTURES:
            break
    random.Random(0).shuffle(pictures)
    title = f"Training pictures as the network sees them: {loaded.image_size} x {loaded.image_size} pixels{ALTERED[alter]}"
    save_figure(draw_picture_grid(pictures[:PICTURES], title=title), file)


def draw(
    folder: Path, loaded: Loaded, split: str, scores: dict[str, Any], probabilities: np.ndarray
) -> None:
    """Draw which classes are taken for which, and random pictures of the split with what is said of them."""
    told = f"{split}: {scores['accuracy']:.3f} of {scores['images']:,} pictures are named rightly"
    save_figure(
        draw_confusion(scores["confusion"], loaded.classes, title=told), folder / "confusion.png"
    )
    labels, chosen = loaded.labels(split), probabilities.argmax(axis=1)
    places = random.Random(0).sample(range(len(labels)), min(PICTURES, len(labels)))
    cells = []
    for place in places:
        wrong = bool(chosen[place] != labels[place])
        text = f"{loaded.classes[chosen[place]]} {probabilities[place].max():.2f}"
        cells.append(
            (
                loaded.pictures[split][place],
                text + f"\ntrue: {loaded.classes[labels[place]]}" * wrong,
                wrong,
            )
        )
    save_figure(
        draw_picture_grid(
            cells, title=f"Random pictures of {split}, the likeliest class and its probability"
        ),
        folder / "predictions.png",
    )


def final(run: Path, loaded: Loaded, *, began: float, spent: Stopwatch, top: int) -> int:
    """Reload the best epoch, score it on the test split, say where everything is."""
    from models.classifier import Classifier

    split = "test" if loaded.prepared.splits["test"] else "val"
    scores, probabilities = scored(Classifier.load(run), loaded, split, top=top)
    write_json(run / "scores.json", scores | {"split": split})
    say(table(split, scores, _without_test(split == "val")))
    draw(run, loaded, split, scores, probabilities)
    spent.lap("scoring")
    spent.save()
    page = write_classifier_page(
        run, _found(loaded, split, scores, probabilities, _without_test(split == "val"))
    )
    say(
        f"pictures: {run}/samples.png, history.png, confusion.png, predictions.png; all in one page: {page}\n"
        f"done in {(time.perf_counter() - began) / 60:.1f} minutes; run folder: {run}\n"
        f"what may be in a photo: python predict.py --run {run} PHOTO …"
    )
    return 0


def _found(
    loaded: Loaded,
    split: str,
    scores: dict[str, Any],
    probabilities: np.ndarray,
    notes: Sequence[str],
) -> ClassifierResult:
    """What the page tells of a split."""
    return ClassifierResult(
        split,
        scores,
        loaded.pictures[split],
        np.asarray(loaded.labels(split)),
        probabilities,
        notes,
    )


def _without_test(missing: bool) -> list[str]:
    return ["there are no test pictures of these classes: val is scored in its place"] * missing


def evaluate(
    run: Path,
    saved: dict[str, Any],
    *,
    split: str,
    file: Path | None,
    more: bool = False,
    **changes: Any,
) -> None:
    """Score a run's best epoch on a split, print the table, write the JSON, and, where `more` is asked for, pictures and
    the page; `changes` are settings other than the run's."""
    from models.classifier import Classifier

    own = "dataset" not in changes or same_dataset(
        changes["dataset"], saved["dataset"], class_stages.dataset_path
    )
    settings = Settings.of_run(saved, **changes | {"strict": False})
    classifier = Classifier.load(run)
    path = class_stages.dataset_path(settings.data.dataset)
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    prepared = stages.prepare(class_stages.read_dataset(path), settings, hashes, needed=())
    if own:
        prepared.splits = stages.saved_splits(prepared, run)
        listed = {name: len(photos) for name, photos in runs.read_splits(run).items()}
    else:
        listed = {name: len(photos) for name, photos in prepared.splits.items()}
        class_stages.leave_out_unknown(prepared, saved["classes"])
    missing = split == "test" and not listed["test"]
    split = "val" if missing else split
    loaded = class_stages.with_pixels(
        prepared,
        saved["classes"],
        saved["image_size"],
        hashes,
        splits=(split,),
        cache=Path(settings.vision.cache),
    )
    photos = prepared.splits[split]
    if not photos:
        raise UserError(
            f"{path} has no pictures in {split} that can be read and are of a class of {run}"
        )
    notes = _without_test(missing)
    if len(photos) < listed[split]:
        notes.append(
            f"{listed[split] - len(photos)} pictures of {split} are gone, cannot be read or are of a class that "
            f"{run} does not know, and are not scored"
        )
    marks = runs.read_seen(run) or set()
    known = (
        sum(runs.seen(photo.hash, marks) for photo in photos) if not own or split == "test" else 0
    )
    if known:
        notes.append(
            f"{known} of the {len(photos)} pictures were in the training of {run}: the scores are too good"
        )
    scores, probabilities = scored(classifier, loaded, split, top=settings.training.top)
    output(table(split, scores, notes))
    if file:
        write_json(file, scores)
    if more:
        draw(run, loaded, split, scores, probabilities)
        page = write_classifier_page(run, _found(loaded, split, scores, probabilities, notes))
        say(f"pictures: {run}/confusion.png, predictions.png; all in one page: {page}")
