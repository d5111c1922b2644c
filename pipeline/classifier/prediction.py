"""Class predictions of a classifier, as `predict.py` and `demo.py` show them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from data.photos.reading import DEFAULT
from pipeline.prediction import format_references, load_pixels
from utils.captions_file import SHOWN_CLASSES, class_columns
from utils.errors import UserError
from utils.exports import is_export
from utils.plots.classes import draw_likeliest


@dataclass(frozen=True)
class ClassPredictor:
    """The likeliest classes, by a classifier that is loaded when it is first needed."""

    load_classifier: Callable[[], Any]

    @cached_property
    def classifier(self) -> Any:
        return self.load_classifier()

    def load(self) -> None:
        _ = self.classifier

    reading = DEFAULT
    is_calibrated = False

    @property
    def image_size(self) -> int:
        return self.classifier.image_size

    def load_encoder(self) -> None:
        """Load the network, which has no encoder of its own."""
        self.load()

    def predict(self, pictures: Sequence[Any], photos: Sequence[Path]) -> list[Any]:
        return self.classifier(pictures) if pictures else []

    def is_doubtful(self, prediction: Any) -> bool:
        """Return False: every class has its probability beside it."""
        return False

    def format_line(self, prediction: Any, references: Sequence[str]) -> str:
        classes = [
            f"{name} {probability:.2f}" for name, probability in prediction.likeliest(SHOWN_CLASSES)
        ]
        return ", ".join(classes) + format_references(references)

    def make_record(self, prediction: Any) -> dict[str, str | float]:
        likeliest = prediction.likeliest(SHOWN_CLASSES)
        values = [value for pair in likeliest for value in pair]
        return dict(zip(class_columns(len(likeliest))[1:], values, strict=True))

    def describe_mismatches(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return nothing: no option of predict.py changes classes."""
        return []

    def caption_to_copy(self, row: Mapping[str, Any]) -> str:
        """Return "": a class is no caption."""
        return ""

    def rank_doubt(self, row: Mapping[str, Any]) -> tuple[bool, float]:
        return False, float(row["probability"])

    def draw(self, photo: Path | np.ndarray, prediction: Any, references: Sequence[str]) -> Any:
        """Return the photo with bars of its likeliest classes."""
        true_class = references[0] if references else None
        return draw_likeliest(
            load_pixels(photo), prediction.likeliest(SHOWN_CLASSES), true=true_class
        )


def make_class_predictor(run: Path) -> ClassPredictor:
    """Return the predictor of a run's classes."""
    if is_export(run):
        raise UserError(
            f"{run} is an exported classifier: use its client.py, or name the run that it comes "
            "from"
        )

    def load_classifier() -> Any:
        from models.classifier import Classifier  # imports TensorFlow

        return Classifier.load(run)

    return ClassPredictor(load_classifier)
