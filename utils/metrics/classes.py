"""Scores of a classifier: accuracy, overall and by class, and which classes are taken for which."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def score_classes(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, top: int
) -> dict[str, Any]:
    """Scores as fractions, of probabilities (N, K) and true classes (N,): `accuracy`, `loss` (mean cross-entropy), `Top5`
    where there are more classes than so many; `accuracy_per_class`, None of a class without pictures; and `confusion`, how
    many pictures of each class (row) were taken for each (column)."""
    chosen = probabilities.argmax(axis=1)
    true = probabilities[np.arange(len(labels)), labels]
    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, chosen), 1)
    scores: dict[str, Any] = {
        "accuracy": float((chosen == labels).mean()),
        "loss": float(0.0 - np.log(np.maximum(true, 1e-12)).mean()),
    }
    if len(classes) > top:
        before = (probabilities == true[:, None]) & (
            np.arange(len(classes)) < labels[:, None]
        )  # as likely, listed first
        better = ((probabilities > true[:, None]) | before).sum(axis=1)
        scores[f"Top{top}"] = float((better < top).mean())
    right, number = confusion.diagonal(), confusion.sum(axis=1)
    scores["accuracy_per_class"] = {
        name: float(right[place] / number[place]) if number[place] else None
        for place, name in enumerate(classes)
    }
    return scores | {"confusion": confusion.tolist()}


def find_mistakes(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], number: int
) -> list[tuple[str, str, int]]:
    """So many of the commonest mistakes: a class, what it was taken for, how often."""
    counts = np.array(confusion)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:number]
    pairs = [np.unravel_index(place, counts.shape) for place in order]
    return [
        (classes[true], classes[taken], int(counts[true, taken]))
        for true, taken in pairs
        if counts[true, taken]
    ]
