"""BLEU-4 of single captions: the field's without smoothing where nothing needs it, graded where that is zero."""

import math

import pytest
from nltk.translate.bleu_score import sentence_bleu

from data.scene_layout import compose
from data.scenes import captions as scene_captions
from utils import bleu
from utils.bleu import Bleu

REFERENCES = [["a red ball lies on the green grass", "a ball on grass"], ["two dogs run", "two brown dogs run on a beach"]]


@pytest.fixture
def score():
    return Bleu(REFERENCES)


def test_a_reference_is_worth_one_and_what_shares_no_word_nothing(score):
    assert score(0, REFERENCES[0][0]) == pytest.approx(1)
    assert score(1, REFERENCES[1][1]) == pytest.approx(1)
    assert score(0, "two dogs run") == score(0, "") == 0


def test_the_formula_by_hand(score):
    """Four of five words, two of four pairs, one of three threes, none of two fours; the nearest reference has four."""
    s = bleu.SMOOTHED
    wanted = (4 / 5 * (2 + s) / (4 + s) * (1 + s) / (3 + s) * s / (2 + s)) ** 0.25
    assert score(0, "red ball lies grass ball") == pytest.approx(wanted)
    assert 0.3 < wanted < 0.7
    # Of two words there are no threes: only the words, the pair, and that it is too short are left.
    assert score(0, "a ball") == pytest.approx(math.exp(1 - 4 / 2))


def test_without_smoothing_it_is_the_fields(monkeypatch):
    monkeypatch.setattr(bleu, "SMOOTHED", 1e-12)
    scenes = [[" ".join(each.lower().replace(".", "").split()) for each in scene_captions(compose(seed))]
              for seed in range(40)]
    score = Bleu(scenes)
    for number, references in enumerate(scenes):
        split = [each.split() for each in references]
        for said in (split[0][:-1], [*split[1], "indeed"], [*split[2][:5], *split[3][-5:]]):
            if len(said) < 4:
                continue  # theirs are 0
            assert score(number, " ".join(said)) == pytest.approx(sentence_bleu(split, said), abs=1e-6)


def test_better_captions_are_worth_more_where_unsmoothed_all_are_worth_nothing(score):
    said = ["green", "green ball", "a green ball", "a green ball on grass", "a ball on the grass"]
    worth = [score(0, each) for each in said]
    assert worth == sorted(worth) and len(set(worth)) == len(worth)
