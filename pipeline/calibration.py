"""Fit the calibration of a run's scores on val: how often a caption of that score is accepted.

A caption counts as accepted if its CIDEr reaches the bound: the median CIDEr of true captions, each
against the photo's others. So half of people's own captions pass.
"""

from statistics import median
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from pipeline.evaluation import Evaluation
from utils.calibration import Calibration, compute_log_score
from utils.metrics.reliability import measure_reliability

LEAST_CAPTIONS = 100
LEAST_OF_EACH_KIND = 10  # accepted captions, and others
FOLDS = 5  # parts of val that are held out in turn, to measure the reliability


class NoCalibration(Exception):
    """The reason why a run's scores cannot be calibrated."""


def fit_calibration(evaluation: Evaluation, epoch: int) -> Calibration:
    """Caption a split and fit the calibration on it; raise NoCalibration if that is impossible.

    `epoch` is that of the captioner's weights.
    """
    _check_number(len(evaluation.photos))
    bound = choose_bound(evaluation)
    captions, _ = evaluation.caption()
    accepted = evaluation.find_accepted(captions, bound)
    _check_kinds(accepted, bound)
    inputs = np.array([[compute_log_score(caption.score)] for caption in captions])  # (N, 1)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    shares = cross_val_predict(_make_model(), inputs, accepted, cv=folds, method="predict_proba")
    reliability = measure_reliability(shares[:, 1], accepted)
    if reliability.brier >= reliability.brier_of_share:
        raise NoCalibration("on val the score does not tell good captions from others")
    slope, intercept = _fit(inputs, accepted)
    return Calibration(
        bound=bound,
        intercept=intercept,
        slope=slope,
        captions=len(captions),
        epoch=epoch,
        reliability=reliability,
        search=_select_search(evaluation.captioner.settings),
    )


def choose_bound(evaluation: Evaluation) -> float:
    """Return the CIDEr from which a caption counts as accepted, with two decimals."""
    ciders = []
    for scores in evaluation.score_true_captions(range(len(evaluation.photos))).values():
        ciders += [score for score in scores if score is not None]
    if not ciders:
        raise NoCalibration(
            "val has one true caption a photo, and two would say what people accept"
        )
    return round(median(ciders), 2)


def describe_calibration(calibration: Calibration) -> str:
    """Return the calibration in a line."""
    reliability = calibration.reliability
    return (
        f"scores calibrated on {calibration.captions} captions of val, of which "
        f"{reliability.accepted:.0%} have a CIDEr of at least {calibration.bound:g}: Brier score "
        f"{reliability.brier:.3f} (without scores {reliability.brier_of_share:.3f}), calibration "
        f"error {reliability.error:.3f}"
    )


def _check_number(number: int) -> None:
    if number < LEAST_CAPTIONS:
        raise NoCalibration(f"val has {number} photos, and {LEAST_CAPTIONS} are needed")


def _check_kinds(accepted: np.ndarray, bound: float) -> None:
    number = int(accepted.sum())
    if min(number, len(accepted) - number) < LEAST_OF_EACH_KIND:
        raise NoCalibration(
            f"{number} of {len(accepted)} captions on val have a CIDEr of at least {bound:g}, and "
            f"{LEAST_OF_EACH_KIND} of each kind are needed"
        )


def _make_model() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression())


def _fit(inputs: np.ndarray, accepted: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the logistic regression, for inputs as they are."""
    scaler, regression = _make_model().fit(inputs, accepted)
    slope = float(regression.coef_[0, 0] / scaler.scale_[0])
    intercept = float(regression.intercept_[0] - slope * scaler.mean_[0])
    return slope, intercept


def _select_search(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings that change captions; a seed or words that are never said do not."""
    return {name: value for name, value in settings.items() if name not in ("seed", "forbidden")}
