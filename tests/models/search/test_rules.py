"""The rules of a caption reject impossible values."""

import pytest

from models.search.rules import Rules
from tests.helpers.next_words import RULES


@pytest.mark.parametrize(("name", "value"), [("beam", 0), ("max_length", 0), ("no_repeat", -1)])
def test_impossible_rules_are_rejected(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be at least \d \(got {value}\)$"):
        Rules(**{**RULES, name: value})


def test_contradictory_rules_are_rejected():
    with pytest.raises(ValueError, match=r"^min_length must be from 0 to max_length, 4 \(got 5\)$"):
        Rules(**RULES, min_length=5)
    with pytest.raises(ValueError, match=r"^early_stopping must be .* \(got True\)$"):
        Rules(**RULES, early_stopping=True)


def test_the_end_is_a_step_unless_it_is_dispensable():
    assert Rules(**RULES).steps == 5
    assert Rules(**RULES, allow_cut=True).steps == 4
