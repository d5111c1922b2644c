"""The page of a classifier, report.html in its folder: scores, which classes are taken for which, pictures, curves."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from reports.charts import line_chart
from reports.html import Html, element, items, joined, picture, table
from reports.page import (
    describe_splits,
    epochs_section,
    format_score,
    get_score_name,
    make_line,
    write_page,
)
from utils import runs
from utils.metrics.classes import find_mistakes
from utils.plots.figure import shrink

NUMBERED = 20  # classes of which there is room for all mistakes
PICTURES = 24  # of either kind: from all over the split, and mistakes
SIDE = 160  # pixels of a picture's longer side, where it has more


@dataclass(frozen=True)
class ClassifierResult:
    """What was scored: a split, its scores, its pictures (N, S, S, 3), their true classes (N,), probabilities (N, K)."""

    split: str
    scores: dict[str, Any]
    pictures: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    notes: Sequence[str] = ()


def write_classifier_page(run: Path, found: ClassifierResult | None = None) -> Path:
    """Write the page, with what was found of a split, where something was; where it is."""
    saved, history = runs.read_config(run), runs.read_history(run)
    best = runs.kept_epoch(run)
    charts = [
        line_chart(
            title,
            [
                make_line(history, key, "training", 1),
                make_line(history, f"val_{key}", "validation", 2),
            ],
            best=best,
        )
        for title, key in (("Loss", "loss"), ("Accuracy", "accuracy"))
    ]
    about = [("pictures", describe_splits(run)), ("classes", f"{len(saved['classes']):,}")]
    if final := runs.read_scores(run):
        about.append((f"accuracy on {final['split']}", format_score(final["accuracy"])))
    classes = saved["classes"]
    return write_page(
        run,
        saved,
        about,
        [
            ("Scores", _scores(found, classes)),
            ("What is taken for what", _confusion(found, classes)),
            ("Pictures", _pictures(found, classes)),
            ("Epoch by epoch", epochs_section(run, charts)),
        ],
    )


def _scores(found: ClassifierResult | None, classes: Sequence[str]) -> Html:
    """The scores, overall and by class."""
    if found is None:
        return Html()
    scores = found.scores
    rows = [
        [get_score_name(key), format_score(scores[key])]
        for key in scores
        if key in ("accuracy", "loss") or key.startswith("Top")
    ]
    pictures = np.bincount(found.labels, minlength=len(classes))
    each = [
        [name, format_score(scores["accuracy_per_class"][name]), f"{number:,}"]
        for name, number in zip(classes, pictures, strict=True)
    ]
    tables = [
        table(f"On the {scores['images']:,} pictures of {found.split}", ["score", "value"], rows),
        table("By class", ["class", "accuracy", "pictures"], each),
    ]
    return joined(
        [
            element("div", *tables, class_="tables"),
            items(found.notes, class_="pale") if found.notes else None,
        ]
    )


def _confusion(found: ClassifierResult | None, classes: Sequence[str]) -> Html:
    """Which classes are taken for which: of few all, of many the commonest mistakes."""
    if found is None:
        return Html()
    counts = np.array(found.scores["confusion"])
    commonest = find_mistakes(counts, classes, 10)
    told = table(
        "The commonest mistakes",
        ["true class", "taken for", "times"],
        [[true, taken, f"{times:,}"] for true, taken, times in commonest],
        class_="pairs",
    )
    parts = [told] if commonest else [element("p", "No picture is taken for what it is not.")]
    if len(classes) <= NUMBERED:
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        rows = [
            [
                name,
                *(
                    _cell(number, share, right=row == column)
                    for column, (number, share) in enumerate(zip(numbers, of_row, strict=True))
                ),
            ]
            for row, (name, numbers, of_row) in enumerate(zip(classes, counts, shares, strict=True))
        ]
        parts.insert(
            0,
            table(
                "Rows: the true class; columns: what its pictures were taken for; in bold what is right",
                ["true class", *classes],
                rows,
                class_="matrix",
            ),
        )
    return joined(parts)


def _cell(number: int, share: float, *, right: bool) -> Html:
    """A number of the matrix, the darker the larger its share of the row: of what is right blue, of mistakes orange."""
    step = int(share > 0) + int(share >= 0.05) + int(share >= 0.5)
    colour = (None, "s2", "s3", "s4") if right else (None, "s1", "s0", "s0")
    return element("b" if right else "span", f"{number:,}", class_=colour[step])


def _pictures(found: ClassifierResult | None, classes: Sequence[str]) -> Html:
    """Pictures from all over the split and mistakes, each with what it is taken for and what it is."""
    if found is None:
        return Html()
    chosen = found.probabilities.argmax(axis=1)
    order = random.Random(0).sample(range(len(chosen)), len(chosen))
    wrong = [place for place in order[PICTURES:] if chosen[place] != found.labels[place]]
    parts = []
    for title, places in (("From all over the split", order), ("More of the mistakes", wrong)):
        cards = [
            _card(
                found.pictures[place],
                classes[chosen[place]],
                float(found.probabilities[place].max()),
                classes[found.labels[place]],
            )
            for place in places[:PICTURES]
        ]
        parts += [element("h3", title), items(cards, class_="cards small")] if cards else []
    return joined(parts)


def _card(pixels: np.ndarray, taken: str, probability: float, true: str) -> Html:
    """A picture with what it is taken for, how surely, and, where that is another, what it is."""
    right = taken == true
    told = element(
        "p",
        f"{taken} {probability:.0%}",
        None if right else element("small", f"true class: {true}"),
        class_=f"said {'s3' if right else 's0'}",
    )
    small = shrink(np.asarray(pixels), SIDE)
    return element(
        "figure",
        picture(small, f"a picture of the class {true}", lossless=max(small.shape) <= 64),
        element("figcaption", told),
    )
