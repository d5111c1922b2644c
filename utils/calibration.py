"""The calibration of a run: from a caption's score to the share of captions that people accept.

    share = 1 / (1 + exp(−(intercept + slope · ln score)))        (Platt 1999)

`score` is the geometric mean of the words' probabilities. A caption counts as accepted if its CIDEr
reaches a bound, which is said. It is fitted on val by `pipeline/calibration.py`, and lies in the
run's folder as calibration.json.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from utils.errors import UserError
from utils.files import write_json
from utils.metrics.reliability import Point, Reliability
from utils.predictions import Caption

FILE_NAME = "calibration.json"
_LEAST_SCORE = 1e-6  # so that a score of 0 has a logarithm


@dataclass(frozen=True)
class Calibration:
    """A fitted calibration, and how reliable it was on held-out parts of val."""

    bound: float  # the CIDEr from which a caption counts as accepted
    intercept: float
    slope: float
    captions: int  # that it was fitted on
    epoch: int  # of the weights that wrote them
    reliability: Reliability
    search: dict[str, Any] = field(default_factory=dict)  # settings with which they were written

    def __call__(self, caption: Caption) -> float:
        """Return the calibrated score of a caption, 0 to 1."""
        return self.convert(caption.score)

    def convert(self, score: float) -> float:
        """Return the share of captions with this score that people accept."""
        logit = self.intercept + self.slope * compute_log_score(score)
        return 0.5 * (1 + math.tanh(logit / 2))  # the logistic function, without overflow

    def list_changes(self, search: Mapping[str, Any]) -> list[str]:
        """Return the names of search settings that differ from those it was fitted with."""
        return [name for name, value in search.items() if self.search.get(name, value) != value]

    def to_json(self) -> dict[str, Any]:
        """Return the content of calibration.json."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Make a calibration of the content of calibration.json."""
        reliability = dict(values["reliability"])
        reliability["points"] = [Point(*point) for point in reliability["points"]]
        return cls(**values | {"reliability": Reliability(**reliability)})


def compute_log_score(score: float) -> float:
    """Return what the calibration is fitted on."""
    return math.log(max(score, _LEAST_SCORE))


def write_calibration(run: Path, calibration: Calibration) -> None:
    """Write a run's calibration."""
    write_json(run / FILE_NAME, calibration.to_json())


def read_calibration(run: Path) -> Calibration | None:
    """Read a run's calibration; None if it has none."""
    file = run / FILE_NAME
    if not file.is_file():
        return None
    try:
        return Calibration.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is damaged ({error}); restore it from a copy, or remove it: scores are then "
            "not calibrated"
        ) from None


def remove_calibration(run: Path) -> None:
    """Remove a run's calibration: it belongs to weights that training replaces."""
    (run / FILE_NAME).unlink(missing_ok=True)
