"""Captions of a split in order, and teacher-forced scores by photo."""

from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from config import Settings
from data.caption_batches import CaptionBatches, TrainingPhoto
from data.text.tokenizer import SPECIAL_TOKENS
from data.text.word_tokenizer import WordTokenizer
from models import base_captioner
from pipeline.evaluation import TEACHER_FORCED_SCORES, TOGETHER, Evaluation
from utils.metrics.captions import Scorer

WORDS = ["one", "two", "three", "four", "five", "six"]
CAPTIONS = [
    ["one two", "two one"],
    [" ".join(WORDS[start:]) for start in range(6)] + ["six five"],
    ["four three two"],
]


class Counting:
    """A decoder that takes the next number for the likeliest after each; after the last word, and
    the start, the first.
    """

    def __call__(self, features, tokens):
        following = 4 + tf.maximum(tokens - 3, 0) % len(WORDS)
        return tf.one_hot(following, len(WORDS) + len(SPECIAL_TOKENS)), None


class Nothing:
    """A cache of features that nobody looks at."""

    def get(self, keys):
        return np.zeros((len(keys), 1, 1), np.float16)


def test_captions_come_in_order_and_in_whole_batches():
    asked = []

    def from_features(features, _photos=None, **search):
        asked.append((len(features), search))
        return [f"caption {number}" for number in features[:, 0]]

    evaluation = Evaluation(
        "val",
        SimpleNamespace(from_features=from_features),
        [SimpleNamespace(path=None)] * 150,
        np.arange(150)[:, None],
        None,
        Settings(),
    )
    captions, seconds = evaluation.caption(beam=2)
    assert captions == [f"caption {number}" for number in range(150)]
    assert asked == [
        (number, {"beam": 2}) for number in (1, 2, 64, 64, 22)
    ]  # the first two make it ready for the clock
    assert 0 <= seconds < 1
    assert TOGETHER == base_captioner.BATCH


@pytest.mark.parametrize("batch", [10, 320])
def test_teacher_forced_scores_are_of_first_captions(batch):
    """The second photo has seven captions, and comes as two; the last batch is filled up."""
    tokenizer = WordTokenizer([*SPECIAL_TOKENS, *WORDS])
    training = [
        TrainingPhoto(("-",), tuple(tuple(tokenizer.encode(text)) for text in told))
        for told in CAPTIONS
    ]
    evaluation = Evaluation(
        "val",
        SimpleNamespace(decoder=Counting(), tokenizer=tokenizer),
        [SimpleNamespace(captions=told) for told in CAPTIONS],
        None,
        CaptionBatches(training, Nothing(), batch=batch, seed=0),
        Settings.from_flat({"top": 1, "language": "en"}),
    )
    scores = evaluation.score_teacher_forced()
    forced = ["one two", "one two three four five six", "one five four"]
    wanted = Scorer(CAPTIONS).score(forced, TEACHER_FORCED_SCORES)
    assert {name: scores[f"forced_{name}"] for name in TEACHER_FORCED_SCORES} == pytest.approx(
        wanted
    )
    assert wanted["CIDEr"] > 1
    assert scores.keys() == {"loss", "Top1", *(f"forced_{name}" for name in TEACHER_FORCED_SCORES)}
    # Right are the first word where it is "one", twice, and those that count on, 1 + 5 + 4 + 3 + 2
    # + 1; of 30, and 10 ends.
    assert scores["Top1"] == pytest.approx((2 + 16) / 40)
