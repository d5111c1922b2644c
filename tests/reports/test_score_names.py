"""Names of scores for people, and their digits."""

import pytest

from reports.score_names import format_score, get_score_name


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("Bleu_4", "BLEU-4"),
        ("forced_CIDEr", "CIDEr, teacher-forced"),
        ("val_loss", "loss on val"),
        ("Top5", "top-5 accuracy"),
        ("val_Top3", "top-3 accuracy on val"),
        ("greedy_reward", "greedy reward"),
        ("loss", "loss"),
    ],
)
def test_scores_have_the_field_s_names(key, name):
    assert get_score_name(key) == name


@pytest.mark.parametrize(
    ("value", "digits", "text"), [(0.12345, 3, "0.123"), (1234.5, 0, "1,234"), (None, 3, "–")]
)
def test_a_score_has_fixed_digits(value, digits, text):
    assert format_score(value, digits) == text
