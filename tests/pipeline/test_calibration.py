"""Calibration of scores on val: what is fitted, and when nothing is."""

from types import SimpleNamespace

import numpy as np
import pytest

from config import Settings
from pipeline import job
from pipeline.calibration import NoCalibration, choose_bound, describe_calibration, fit_calibration
from pipeline.evaluation import Evaluation
from utils.calibration import read_calibration
from utils.predictions import Caption

RIGHT, WRONG = "a {0} runs", "nothing at all"


def make_evaluation(captions, references=None):
    """Return an evaluation of captions, given as pairs of text and score.

    The true captions of photo 7 are `a word7 runs` and two others with word7.
    """
    if references is None:
        references = []
        for number in range(len(captions)):
            word = f"word{number}"
            references.append((f"a {word} runs", f"a {word} runs fast", f"the {word} sits"))
    found = [Caption(text, score, text.split(), None, (1, 1), []) for text, score in captions]

    def from_features(features, _paths=None):
        return [found[number] for number in features]

    settings = {"beam": 5, "seed": 3, "forbidden": (), "max_length": 24}
    captioner = SimpleNamespace(from_features=from_features, settings=settings)
    photos = [SimpleNamespace(captions=each, path=None) for each in references]
    features = np.arange(len(found))
    return Evaluation(
        "val", captioner, photos, features, None, Settings.from_flat({"language": "en"})
    )


def make_captions(number, compute_share, seed=0):
    """Return captions with scores from 0.1 to 1, of which a share by score is right."""
    numbers = np.random.default_rng(seed)
    captions = []
    for place in range(number):
        score = 0.1 + 0.9 * place / number
        is_right = numbers.random() < compute_share(score)
        text = RIGHT.format(f"word{place}") if is_right else WRONG
        captions.append((text, score))
    return captions


def test_the_share_of_accepted_captions_is_found():
    """Right captions have the odds 4 score², a slope of 2 and an intercept of ln 4."""
    captions = make_captions(700, lambda score: 4 * score**2 / (1 + 4 * score**2))
    calibration = fit_calibration(make_evaluation(captions), epoch=7)
    assert calibration.slope == pytest.approx(2, abs=0.5)
    assert calibration.convert(0.5) == pytest.approx(0.5, abs=0.08)
    assert calibration.convert(0.2) == pytest.approx(0.138, abs=0.06)
    assert (calibration.captions, calibration.epoch) == (700, 7)
    assert calibration.search == {"beam": 5, "max_length": 24}
    reliability = calibration.reliability
    assert reliability.error < 0.08
    assert reliability.brier < reliability.brier_of_share
    assert sum(point.captions for point in reliability.points) == 700


def test_half_of_the_true_captions_reach_the_bound():
    evaluation = make_evaluation(make_captions(120, lambda score: score))
    bound = choose_bound(evaluation)
    ciders = np.concatenate(list(evaluation.score_true_captions(range(120)).values()))
    assert bound == round(float(np.median(ciders)), 2)
    assert 0 < (ciders >= bound - 0.005).mean() < 1


def test_the_same_captions_give_the_same_numbers():
    captions = make_captions(200, lambda score: score)
    one, other = (fit_calibration(make_evaluation(captions), 1) for _ in range(2))
    assert one == other
    assert describe_calibration(one).startswith("scores calibrated on 200 captions of val, of ")


@pytest.mark.parametrize(
    ("evaluation", "reason"),
    [
        (make_evaluation(make_captions(99, lambda score: score)), "99 photos, and 100 are needed"),
        (make_evaluation(make_captions(150, lambda _: 0.0)), "0 of 150 captions"),
        (make_evaluation(make_captions(150, lambda _: 1.0)), "150 of 150 captions"),
        (
            make_evaluation(make_captions(150, lambda score: score), [("a dog",)] * 150),
            "one true caption a photo",
        ),
        (
            make_evaluation([("nothing", 0.5), (RIGHT, 0.5)] * 75),
            "of each kind are needed",
        ),
    ],
)
def test_there_is_a_reason_where_nothing_is_fitted(evaluation, reason):
    with pytest.raises(NoCalibration, match=reason):
        fit_calibration(evaluation, 1)


def test_a_run_gets_its_calibration_or_the_reason(tmp_path, monkeypatch, capsys):
    captions = make_captions(150, lambda score: score)
    run = SimpleNamespace(folder=tmp_path)
    monkeypatch.setattr(job, "make_evaluation", lambda *_, **__: make_evaluation(captions))
    job.calibrate(None, None, None, run)
    assert read_calibration(tmp_path).captions == 150
    assert "scores calibrated on 150 captions of val" in capsys.readouterr().out
    del captions[99:]
    job.calibrate(None, None, None, run)
    assert read_calibration(tmp_path) is None
    assert "not calibrated: val has 99 photos, and 100 are needed" in capsys.readouterr().out


def test_a_score_that_says_nothing_is_not_calibrated():
    captions = [
        (RIGHT.format(f"word{number}") if number % 2 else WRONG, 0.2 + 0.1 * (number // 2 % 5))
        for number in range(200)
    ]
    with pytest.raises(NoCalibration, match="does not tell good captions from others"):
        fit_calibration(make_evaluation(captions), 1)
