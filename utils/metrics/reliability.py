"""Reliability of scores that are meant as shares: how often what has score p is accepted.

- The Brier score is the mean of (score − accepted)², accepted being 0 or 1. Less is better. A score
  that is the same for all, the share that is accepted, has share · (1 − share).
- The expected calibration error (ECE) is the mean distance of a bin's score and its accepted share,
  weighted by the size of the bins. Bins hold equally many captions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

BINS = 10
LEAST_IN_BIN = 20  # captions: with fewer, chance alone moves a share by more than a tenth


class Point(NamedTuple):
    """A point of the reliability curve: captions of about one score."""

    score: float  # their mean
    accepted: float  # the share of them that is accepted
    captions: int


@dataclass(frozen=True)
class Reliability:
    """The agreement of scores with the shares of captions that are accepted."""

    accepted: float  # the share of all
    brier: float
    error: float  # ECE
    points: list[Point]

    @property
    def brier_of_share(self) -> float:
        """The Brier score of a score that is the same for all."""
        return self.accepted * (1 - self.accepted)


def measure_reliability(scores: Sequence[float], accepted: Sequence[bool]) -> Reliability:
    """Measure scores from 0 to 1 of captions that are accepted or not."""
    scores = np.asarray(scores, np.float64)
    accepted = np.asarray(accepted, np.float64)
    if len(scores) == 0 or len(scores) != len(accepted):
        raise ValueError(
            f"one score a caption is needed (got {len(scores)} scores for {len(accepted)} captions)"
        )
    bins = max(1, min(BINS, len(scores) // LEAST_IN_BIN))
    order = np.argsort(scores, kind="stable")
    points = []
    for part in np.array_split(order, bins):
        points.append(Point(float(scores[part].mean()), float(accepted[part].mean()), len(part)))
    distances = [abs(point.score - point.accepted) * point.captions for point in points]
    return Reliability(
        accepted=float(accepted.mean()),
        brier=float(np.mean((scores - accepted) ** 2)),
        error=float(sum(distances) / len(scores)),
        points=points,
    )


def correlate_ranks(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Return Spearman's correlation; None if one of the two is the same for all."""
    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return float(np.corrcoef(_rank(one), _rank(other))[0, 1])


def _rank(values: Sequence[float]) -> np.ndarray:
    """Return the rank of each value, from 1; equal values share the mean of their ranks."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    last_ranks = np.cumsum(counts)
    return (last_ranks - (counts - 1) / 2)[places]
