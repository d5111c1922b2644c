"""The report page of a classifier: scores, confused classes, pictures, and curves."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.classifier.evaluation import ClassResult
from reports.charts import Chart, make_line_chart
from reports.page import (
    Picture,
    Section,
    Table,
    describe_splits,
    encode_picture,
    make_epochs_section,
    make_line,
    write_page,
)
from reports.score_names import format_score, get_score_name
from utils import runs
from utils.metrics.classes import find_mistakes
from utils.plots.figure import shrink

MOST_IN_MATRIX = 20  # classes; with more, only the most common mistakes are shown
MISTAKES = 10
PICTURES = 24  # of each group
PIXELS = 160  # of a picture's longer side
LOSSLESS_PIXELS = 64  # up to this size a picture is a PNG, since JPEG blurs it


@dataclass(frozen=True)
class PictureCard:
    """A picture with its predicted class and its true class."""

    picture: Picture
    predicted: str
    probability: float
    true: str


@dataclass(frozen=True)
class MatrixCell:
    """A number of the confusion matrix, and the class in style.css that colours it."""

    number: int
    is_right: bool
    style: str


def write_classifier_page(run: Path, result: ClassResult | None = None) -> Path:
    """Write the page, with scores and pictures if there is a result; return the file."""
    saved = runs.read_config(run)
    classes = saved["classes"]
    facts = [("pictures", describe_splits(run)), ("classes", f"{len(classes):,}")]
    scores = runs.read_scores(run)
    if scores:
        facts.append((f"accuracy on {scores['split']}", format_score(scores["accuracy"])))

    sections = []
    if result is not None:
        sections.append(_make_scores_section(result, classes))
        sections.append(_make_confusion_section(result, classes))
        sections.append(_make_pictures_section(result, classes))
    charts = make_charts(runs.read_history(run), runs.find_best_epoch(run))
    sections.append(make_epochs_section(run, charts))
    return write_page(run, saved, facts, sections)


def make_charts(history: Sequence[dict[str, Any]], best: int | None) -> list[Chart | None]:
    """Return charts of loss and accuracy; None if the history is empty."""
    charts = []
    for title, key in (("Loss", "loss"), ("Accuracy", "accuracy")):
        lines = [
            make_line(history, key, "training", 1),
            make_line(history, f"val_{key}", "validation", 2),
        ]
        charts.append(make_line_chart(title, lines, best=best))
    return charts


def _make_scores_section(result: ClassResult, classes: Sequence[str]) -> Section:
    scores = result.scores
    score_rows = []
    for key in scores:
        if key in ("accuracy", "loss") or key.startswith("Top"):
            score_rows.append([get_score_name(key), format_score(scores[key])])
    pictures = np.bincount(result.labels, minlength=len(classes))
    class_rows = []
    for name, number in zip(classes, pictures, strict=True):
        accuracy = format_score(scores["accuracy_per_class"][name])
        class_rows.append([name, accuracy, f"{number:,}"])
    caption = f"On the {scores['images']:,} pictures of {result.split}"
    content = {
        "tables": [
            Table(caption, ["score", "value"], score_rows),
            Table("By class", ["class", "accuracy", "pictures"], class_rows),
        ],
        "notes": list(result.notes),
    }
    return Section("Scores", "classifier_scores.html", content)


def _make_confusion_section(result: ClassResult, classes: Sequence[str]) -> Section:
    """Return the confusion matrix if there are few classes, and the most common mistakes."""
    counts = np.array(result.scores["confusion"])
    rows = []
    for true, predicted, times in find_mistakes(counts, classes, MISTAKES):
        rows.append([true, predicted, f"{times:,}"])
    mistakes = Table(
        "The most common mistakes", ["true class", "predicted class", "times"], rows, "pairs"
    )
    matrix = []
    if len(classes) <= MOST_IN_MATRIX:
        matrix = _make_matrix(counts, classes)
    content = {"classes": classes, "matrix": matrix, "mistakes": mistakes}
    return Section("Confused classes", "classifier_confusion.html", content)


def _make_matrix(counts: np.ndarray, classes: Sequence[str]) -> list[tuple[str, list[MatrixCell]]]:
    """Return the rows of the confusion matrix: a true class and a cell for each predicted class."""
    rows = []
    for true, name in enumerate(classes):
        total = max(counts[true].sum(), 1)
        cells = []
        for predicted, number in enumerate(counts[true]):
            is_right = predicted == true
            cells.append(MatrixCell(int(number), is_right, _choose_style(number / total, is_right)))
        rows.append((name, cells))
    return rows


def _choose_style(share: float, is_right: bool) -> str:
    """Return the colour of a cell: blue if right, orange if wrong, stronger for a larger share."""
    if share == 0:
        return ""
    if is_right:
        weak, middle, strong = "s2", "s3", "s4"
    else:
        weak, middle, strong = "s1", "s0", "s0"
    if share < 0.05:
        return weak
    if share < 0.5:
        return middle
    return strong


def _make_pictures_section(result: ClassResult, classes: Sequence[str]) -> Section:
    """Return random pictures of the split, then more of the mistakes."""
    predicted = result.probabilities.argmax(axis=1)
    order = random.Random(0).sample(range(len(predicted)), len(predicted))
    mistakes = [place for place in order[PICTURES:] if predicted[place] != result.labels[place]]
    groups = {}
    for title, places in (("From the whole split", order), ("More of the mistakes", mistakes)):
        cards = [_make_card(result, place, classes) for place in places[:PICTURES]]
        if cards:
            groups[title] = cards
    return Section("Pictures", "classifier_pictures.html", {"groups": groups})


def _make_card(result: ClassResult, place: int, classes: Sequence[str]) -> PictureCard:
    pixels = shrink(np.asarray(result.pictures[place]), PIXELS)
    probabilities = result.probabilities[place]
    return PictureCard(
        encode_picture(pixels, lossless=max(pixels.shape) <= LOSSLESS_PIXELS),
        classes[probabilities.argmax()],
        float(probabilities.max()),
        classes[result.labels[place]],
    )
