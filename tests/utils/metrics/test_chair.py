"""CHAIR of mentions that are counted by hand."""

import pytest

from utils.metrics.chair import count_objects, score_chair

MENTIONS = [["dog", "person", "dog"], ["cat"], [], ["dog", "cat"]]
PRESENT = [{"person"}, {"cat", "dog"}, {"dog"}, {"dog", "cat"}]


def test_shares_are_of_mentions_and_of_captions():
    """Of six mentions two are wrong, both in the first of four captions."""
    assert score_chair(MENTIONS, PRESENT) == {
        "CHAIRi": pytest.approx(2 / 6),
        "CHAIRs": pytest.approx(1 / 4),
    }


def test_captions_without_objects_have_no_share_of_mentions():
    assert score_chair([[], []], [{"dog"}, set()]) == {"CHAIRi": None, "CHAIRs": 0.0}


def test_objects_are_counted_the_most_often_wrong_first():
    assert count_objects(MENTIONS, PRESENT) == [
        ("dog", 3, 2),
        ("cat", 2, 0),
        ("person", 1, 0),
    ]
