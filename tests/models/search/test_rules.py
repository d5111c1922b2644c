"""The rules of a caption reject impossible values."""

import pytest

from models.search.rules import Rules
from tests.helpers.next_words import RULES


@pytest.mark.parametrize(("name", "value"), [("beam", 0), ("max_length", 0), ("no_repeat", -1)])
def test_impossible_rules_are_rejected(name, value):
    with pytest.raises(ValueError, match=rf"^{name} must be at least \d \(got {value}\)$"):
        Rules(**{**RULES, name: value})
