"""CLIPScore of vectors whose cosines are known."""

import numpy as np
import pytest

from utils.metrics.clip_score import score_against_photos, score_with_references

PHOTOS = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
CAPTIONS = np.array([[0.6, 0.8], [-0.6, 0.8], [0.0, 1.0]])  # cosines 0.6, -0.6 and 1


def test_a_score_is_two_and_a_half_cosines_and_never_negative():
    assert score_against_photos(PHOTOS, CAPTIONS) == pytest.approx([1.5, 0.0, 2.5])


def test_with_references_it_is_the_harmonic_mean_with_the_nearest():
    """Cosines with references: 0.8 and 1.0; 1.0; -1.0, which counts as 0."""
    references = [
        np.array([[0.0, 1.0], [0.6, 0.8]]),
        np.array([[-0.6, 0.8]]),
        np.array([[0.0, -1.0]]),
    ]
    scores = score_with_references(np.array([1.5, 0.0, 2.5]), CAPTIONS, references)
    assert scores == pytest.approx([2 * 1.5 * 1.0 / 2.5, 0.0, 0.0])


def test_a_caption_like_nothing_scores_zero():
    scores = score_with_references(np.zeros(1), np.array([[1.0, 0.0]]), [np.array([[-1.0, 0.0]])])
    assert scores == pytest.approx([0.0])
