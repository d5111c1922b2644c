"""Scores of a classifier: accuracy in all and by class, and the classes that it confuses."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def score_classes(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str], *, top: int
) -> dict[str, Any]:
    """Return scores, as fractions, of probabilities (N, K) and true classes (N,).

    - `accuracy`, and `loss`, the mean cross-entropy
    - `Top5`, or another number, where there are more classes than that
    - `accuracy_per_class`, None for a class without pictures
    - `confusion`, the number of pictures by true class (row) and predicted class (column)
    """
    predicted = probabilities.argmax(axis=1)
    true = probabilities[np.arange(len(labels)), labels]
    scores: dict[str, Any] = {
        "accuracy": float((predicted == labels).mean()),
        "loss": float(0.0 - np.log(np.maximum(true, 1e-12)).mean()),
    }
    if len(classes) > top:
        # Of equally likely classes, those listed first count as likelier.
        is_first = np.arange(len(classes)) < labels[:, None]
        is_tied = (probabilities == true[:, None]) & is_first
        likelier = ((probabilities > true[:, None]) | is_tied).sum(axis=1)
        scores[f"Top{top}"] = float((likelier < top).mean())

    confusion = np.zeros((len(classes), len(classes)), int)
    np.add.at(confusion, (labels, predicted), 1)
    scores["accuracy_per_class"] = _score_each_class(confusion, classes)
    scores["confusion"] = confusion.tolist()
    return scores


def _score_each_class(confusion: np.ndarray, classes: Sequence[str]) -> dict[str, float | None]:
    accuracies: dict[str, float | None] = {}
    for name, row, right in zip(classes, confusion, confusion.diagonal(), strict=True):
        pictures = row.sum()
        accuracies[name] = float(right / pictures) if pictures else None
    return accuracies


def find_mistakes(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], number: int
) -> list[tuple[str, str, int]]:
    """Return the most frequent mistakes: true class, predicted class, number of pictures."""
    counts = np.array(confusion)
    np.fill_diagonal(counts, 0)
    order = np.argsort(-counts, axis=None, kind="stable")[:number]
    mistakes = []
    for place in order:
        true, predicted = np.unravel_index(place, counts.shape)
        times = int(counts[true, predicted])
        if times:
            mistakes.append((classes[true], classes[predicted], times))
    return mistakes
