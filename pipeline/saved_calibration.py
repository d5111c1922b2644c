"""Read the calibration of a run's scores.

A module of its own because NumPy comes with it, and commands check their options without NumPy.
"""

from pathlib import Path

from utils import runs
from utils.calibration import Calibration, read_calibration
from utils.exports import is_export
from utils.hugging_face import is_hugging_face


def read_run_calibration(run: Path) -> Calibration | None:
    """Read the calibration of a run; None if it is of other weights, or if there is none."""
    if is_hugging_face(run):
        return None
    calibration = read_calibration(run)
    if is_export(run):
        return calibration
    if calibration is None or calibration.epoch != runs.find_best_epoch(run):
        return None
    return calibration
