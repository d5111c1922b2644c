"""Photos on a captioner's page: their choice, and the CIDEr of their captions."""

import numpy as np
import pytest

from reports.page_photos import (
    BEST,
    FROM_ALL,
    WORST,
    ScoredCaption,
    choose_attention,
    choose_photos,
    make_word_tiles,
)
from tests.helpers.captioned_photos import THREE_PHOTOS, make_result
from utils.metrics.captions import Scorer

FORTY_PHOTOS = [(f"word{number} here", f"word{number} there") for number in range(40)]


def make_captions(right):
    """Return captions of the forty photos, right for these photos and wrong for all others."""
    return [f"word{number} here" if number in right else "nothing" for number in range(40)]


def get_names(groups):
    return {title: [card.name for card in cards] for title, cards in groups.items()}


def get_all_names(groups):
    return [card.name for cards in groups.values() for card in cards]


def test_photos_are_the_best_the_worst_and_some_of_all(tmp_path):
    right = {3, 9, 14, 21, 30, 38}
    groups = choose_photos(*make_result(tmp_path, make_captions(right), FORTY_PHOTOS))
    names = get_names(groups)
    assert names[BEST] == [f"{number}.png" for number in sorted(right)]
    assert names[WORST] == [f"{number}.png" for number in (39, 37, 36, 35, 34, 33)]
    spread = [int(name.split(".")[0]) for name in names[FROM_ALL]]
    assert len(spread) == 12
    assert spread == sorted(spread)
    assert spread[0] < 4
    assert spread[-1] > 28
    assert min(card.predicted.cider for card in groups[BEST]) > 1
    assert max(card.predicted.cider for card in groups[WORST]) == 0


def test_no_photo_is_shown_twice(tmp_path):
    groups = choose_photos(*make_result(tmp_path, make_captions({3, 9}), FORTY_PHOTOS))
    assert len(set(get_all_names(groups))) == len(get_all_names(groups)) == 24


def test_a_missing_photo_is_replaced_by_another(tmp_path):
    evaluation, result = make_result(
        tmp_path, make_captions({3, 9}), FORTY_PHOTOS, missing={3, 39, 0}
    )
    groups = choose_photos(evaluation, result)
    names = get_all_names(groups)
    assert len(names) == 24
    assert not {"3.png", "39.png", "0.png"} & set(names)
    assert groups[BEST][0].name == "9.png"


def test_of_three_photos_all_are_shown(tmp_path):
    groups = choose_photos(*make_result(tmp_path, ["a dog", "a cat", "a"]))
    assert get_names(groups) == {FROM_ALL: ["0.png", "1.png", "2.png"]}


def test_without_readable_photos_nothing_is_shown(tmp_path):
    evaluation, result = make_result(tmp_path, ["a dog", "a cat", "a"], missing={0, 1, 2})
    assert choose_photos(evaluation, result) == {}


def test_a_true_caption_is_scored_against_the_others(tmp_path):
    """A scorer gives the same if the photo's other captions are its references."""
    evaluation, _ = make_result(tmp_path, ["a dog", "a cat", "a"])
    ciders = evaluation.score_true_captions([0, 2])
    assert ciders.keys() == {0, 2}
    assert ciders[2] == [None]
    scorer = Scorer(evaluation.references)
    others = Scorer([("Two dogs run in the park.", "a dog in a park"), *THREE_PHOTOS[1:]])
    scorer._cider_scorer.crefs[0] = others._cider_scorer.crefs[0]
    expected = scorer.score_photos_by_cider(["A dog runs.", "x", "x"])[0]
    assert ciders[0][0] == pytest.approx(expected)
    assert ciders[0][0] > 0


@pytest.mark.parametrize(
    ("cider", "step"),
    [(0.0, "s0"), (0.24, "s0"), (0.25, "s1"), (0.5, "s2"), (1.9, "s3"), (7.0, "s4"), (None, "")],
)
def test_the_colour_of_a_caption_is_its_cider(cider, step):
    assert ScoredCaption("a dog", cider).step == step


def test_each_word_has_a_tile_with_the_place_looked_at(tmp_path):
    """Attention is 0.5 at one of two rows and three columns of locations, else 1/6."""
    groups = choose_photos(*make_result(tmp_path, ["one two three four", "", "a"]))
    tiles = make_word_tiles(groups[FROM_ALL][0])
    assert [tile.word for tile in tiles] == ["one", "two", "three", "four"]
    assert [tile.description for tile in tiles] == [
        "looked most at the upper left",
        "looked most at the top",
        "looked most at the upper right",
        "looked most at the left",
    ]
    sizes = {(tile.picture.width, tile.picture.height) for tile in tiles}
    assert sizes == {(60, 40)}


def test_a_caption_without_words_has_no_attention(tmp_path):
    groups = choose_photos(*make_result(tmp_path, ["a dog", "", "a"]))
    assert [card.name for card in choose_attention(groups)] == ["0.png", "2.png"]


def test_large_photos_are_made_smaller(tmp_path):
    evaluation, result = make_result(tmp_path, ["a dog", "a cat", "a"], size=(1200, 600))
    card = choose_photos(evaluation, result)[FROM_ALL][0]
    assert card.pixels.shape == (200, 400, 3)
    assert isinstance(card.pixels, np.ndarray)
