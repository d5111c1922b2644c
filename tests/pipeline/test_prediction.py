"""Lines and records of captions; tests/test_predict.py has which photos, and the writers."""

import numpy as np
import pytest

from pipeline.prediction import CaptionPredictor
from utils.predictions import Caption


@pytest.mark.parametrize(
    ("score", "caption", "doubtful"), [(0.29996, "a dog", ""), (0.29994, "", "a dog")]
)
def test_a_caption_is_doubtful_by_its_rounded_score(score, caption, doubtful):
    """The captions file has four decimals: what it shows as 0.3000 is not below 0.3."""
    prediction = Caption("a dog", score, ["a", "dog"], np.zeros((2, 1)), (1, 1), [])
    record = CaptionPredictor(None, {}, 0.3).make_record(prediction)
    assert record == {"caption": caption, "doubtful": doubtful, "score": score}
    record = CaptionPredictor(None, {}).make_record(prediction)
    assert record == {"caption": "a dog", "doubtful": "", "score": score}


def test_a_line_says_that_a_caption_is_doubtful():
    prediction = Caption("a dog", 0.25, ["a", "dog"], np.zeros((2, 1)), (1, 1), [])
    line = CaptionPredictor(None, {}, 0.3).format_line(prediction, ["a cat"])
    assert line == "a dog  (0.25, doubtful)\n    true: a cat"
    assert CaptionPredictor(None, {}).format_line(prediction, ()) == "a dog  (0.25)"
