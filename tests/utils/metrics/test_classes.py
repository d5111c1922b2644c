"""Accuracy, in all and by class, and mistakes, worked by hand."""

import numpy as np
import pytest

from utils.metrics.classes import find_mistakes, score_classes

CLASSES = ("cat", "dog", "owl", "yak")
PROBABILITIES = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.2, 0.5, 0.2, 0.1],
        [0.1, 0.6, 0.2, 0.1],
        [0.3, 0.1, 0.4, 0.2],
        [0.6, 0.3, 0.05, 0.05],
        [0.2, 0.4, 0.3, 0.1],
    ]
)
LABELS = np.array([0, 1, 0, 2, 1, 2])


def test_scores_by_hand():
    scores = score_classes(PROBABILITIES, LABELS, CLASSES, top=2)
    assert scores["accuracy"] == pytest.approx(3 / 6)
    assert scores["loss"] == pytest.approx(-np.log([0.7, 0.5, 0.1, 0.4, 0.3, 0.3]).mean())
    assert scores["Top2"] == pytest.approx(5 / 6)  # the third picture's cat comes after dog and owl
    assert scores["accuracy_per_class"] == {"cat": 0.5, "dog": 0.5, "owl": 0.5, "yak": None}
    assert scores["confusion"] == [[1, 1, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    even = np.full((4, 4), 0.25)
    assert (
        score_classes(even, np.arange(4), CLASSES, top=2)["Top2"] == 0.5
    )  # as many as are listed, not all
    assert not any(
        key.startswith("Top") for key in score_classes(PROBABILITIES, LABELS, CLASSES, top=4)
    )


def test_a_probability_of_zero_has_a_finite_loss():
    assert score_classes(np.array([[1.0, 0.0]]), np.array([1]), ("a", "b"), top=5)[
        "loss"
    ] == pytest.approx(-np.log(1e-12))


def test_the_most_frequent_mistakes():
    confusion = [[5, 1, 0], [3, 9, 0], [2, 0, 7]]
    assert find_mistakes(confusion, CLASSES[:3], 2) == [("dog", "cat", 3), ("owl", "cat", 2)]
    assert find_mistakes(confusion, CLASSES[:3], 9) == [
        ("dog", "cat", 3),
        ("owl", "cat", 2),
        ("cat", "dog", 1),
    ]
    assert find_mistakes([[4, 0], [0, 2]], CLASSES[:2], 3) == []
