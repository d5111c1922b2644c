"""Reliability of scores: worked by hand, and equal to scikit-learn's and SciPy's numbers."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import brier_score_loss

from utils.metrics.reliability import Point, correlate_ranks, measure_reliability


def test_two_bins_worked_by_hand():
    """Of 20 captions with score 0.2 five are accepted, of 20 with score 0.9 fifteen."""
    scores = [0.9, 0.2] * 20
    accepted = [True, True] * 5 + [True, False] * 10 + [False, False] * 5
    reliability = measure_reliability(scores, accepted)
    assert reliability.points == [
        Point(pytest.approx(0.2), 0.25, 20),
        Point(pytest.approx(0.9), 0.75, 20),
    ]
    assert reliability.accepted == 0.5
    assert reliability.error == pytest.approx((0.05 + 0.15) / 2)
    assert reliability.brier == pytest.approx(brier_score_loss(accepted, scores))
    assert reliability.brier_of_share == 0.25


def test_bins_have_at_least_twenty_captions_and_are_ten_at_most():
    numbers = np.random.default_rng(0)
    for captions, bins in ((5, 1), (39, 1), (40, 2), (199, 9), (1000, 10)):
        reliability = measure_reliability(numbers.random(captions), numbers.random(captions) < 0.5)
        assert len(reliability.points) == bins
        assert sum(point.captions for point in reliability.points) == captions
        scores = [point.score for point in reliability.points]
        assert scores == sorted(scores)


def test_a_score_that_is_a_share_has_hardly_an_error():
    numbers = np.random.default_rng(1)
    scores = numbers.random(20_000)
    accepted = numbers.random(20_000) < scores
    assert measure_reliability(scores, accepted).error < 0.02
    assert measure_reliability(scores**3, accepted).error > 0.2


def test_no_captions_and_unequal_numbers_are_rejected():
    for scores, accepted in (([], []), ([0.5], [True, False])):
        with pytest.raises(ValueError, match="one score a caption is needed"):
            measure_reliability(scores, accepted)


def test_rank_correlation_is_that_of_scipy():
    numbers = np.random.default_rng(2)
    one = numbers.integers(0, 9, 50).tolist()  # with ties
    other = (np.array(one) + numbers.normal(size=50)).tolist()
    assert correlate_ranks(one, other) == pytest.approx(spearmanr(one, other).statistic)
    assert correlate_ranks([1, 2, 3], [9, 7, 1]) == pytest.approx(-1)
    assert correlate_ranks([1, 1], [1, 2]) is None
