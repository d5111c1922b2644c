"""What networks predict of a photo: plain values, which machines can send without TensorFlow."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Caption:
    """The caption of a photo."""

    text: str
    score: float  # 0 to 1: the geometric mean of the words' probabilities
    words: list[str]
    attention: np.ndarray  # (words, L): where the network looked for each word; rows sum to 1
    grid: tuple[int, int]  # rows and columns of the L locations
    candidates: list[tuple[str, float]]  # all captions found, with their scores, best first


@dataclass(frozen=True)
class Prediction:
    """The classes of a photo with their probabilities."""

    classes: tuple[str, ...]
    probabilities: np.ndarray  # (K,), sums to 1

    def likeliest(self, number: int) -> list[tuple[str, float]]:
        """Return this many classes with their probabilities, the likeliest first."""
        order = np.argsort(-self.probabilities, kind="stable")[:number]
        return [(self.classes[place], float(self.probabilities[place])) for place in order]
