"""Class predictions of a classifier, as `predict.py` and `demo.py` show them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.prediction import load_pixels

SHOWN_CLASSES = 5  # classes of a photo, the likeliest first


@dataclass(frozen=True)
class ClassPredictor:
    """The likeliest classes, by a classifier."""

    classifier: Any

    @property
    def image_size(self) -> int:
        """Pixels a side."""
        return self.classifier.image_size

    def load_encoder(self) -> None:
        """It is."""

    def predict(self, pictures: Sequence[Any]) -> list[Any]:
        """An answer for each picture (S, S, 3) uint8."""
        return self.classifier(pictures) if pictures else []

    def format_line(self, answer: Any, true: Sequence[str]) -> str:
        """What is said of a photo, and what is true."""
        return ", ".join(
            f"{name} {probability:.2f}" for name, probability in answer.likeliest(SHOWN_CLASSES)
        ) + "".join(f"\n    true: {name}" for name in true)

    def make_record(self, answer: Any, mark: str = "") -> tuple[str | float, ...]:
        """What stands in a file of results."""
        return tuple(value for pair in answer.likeliest(SHOWN_CLASSES) for value in pair)

    def is_doubtful(self, answer: Any) -> bool:
        """Never: how likely the classes are stands beside them."""
        return False

    def describe_mismatches(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Nothing: all rows are alike."""
        return []

    def caption_to_copy(self, row: Mapping[str, Any]) -> str:
        """Nothing: classes are no caption."""
        return ""

    def draw(self, photo: Path | np.ndarray, answer: Any, true: Sequence[str]) -> Any:
        """The photo with its likeliest classes."""
        from utils.plots.classes import draw_likeliest

        return draw_likeliest(
            load_pixels(photo), answer.likeliest(SHOWN_CLASSES), true=true[0] if true else None
        )


def load_classifier(run: Path) -> ClassPredictor:
    """A classifier's answers."""
    from models.classifier import Classifier

    return ClassPredictor(Classifier.load(run))


def class_columns(classes: Sequence[str]) -> tuple[str, ...]:
    """What stands in a file of results: the photo's path, then its likeliest classes, each with its probability."""
    ranks = ["", *(f"_{rank}" for rank in range(2, min(SHOWN_CLASSES, len(classes)) + 1))]
    return ("path", *(f"{name}{rank}" for rank in ranks for name in ("class", "probability")))
