"""Facts and pointing on scenes small enough to count by hand."""

from types import SimpleNamespace

import numpy as np
import pytest

from data.scenes.scores import score_facts, score_pointing

SIZE = 100  # pixels; a grid of 2 x 2 has its centres at 25 and 75
DOG = {
    "facts": [["object", "dog"], ["colour", "dog", "red"], ["count", "dog", 1], ["place", "beach"]],
    "boxes": [{"kind": "dog", "box": [0, 0, 50, 50]}],
}
CAR = {
    "facts": [
        ["object", "car"],
        ["colour", "car", "blue"],
        ["count", "car", 2],
        ["place", "street"],
    ],
    "boxes": [{"kind": "car", "box": [0, 60, 100, 100]}, {"kind": "car", "box": [60, 0, 100, 40]}],
}


def said(text, *peaks, grid=(2, 2)):
    """A caption whose attention has its peak at one location a word, all words at the last that is named."""
    words = text.split()
    places = [*peaks, *[peaks[-1]] * (len(words) - len(peaks))] if peaks else [0] * len(words)
    attention = np.full((len(words), grid[0] * grid[1]), 0.1)
    attention[np.arange(len(words)), places] = 0.7
    return SimpleNamespace(text=text, words=words, attention=attention, grid=grid)


def test_facts_are_counted_for_captions_references_and_other_photos():
    captions = [said("a red dog"), said("a blue dog")]  # 3 claims true of 3; 3 claims, none true
    found = score_facts(
        captions, [["a red dog on the beach", "a dog"], ["two blue cars"]], [DOG, CAR], "en"
    )
    assert found["facts_precision"] == pytest.approx(3 / 6)
    assert found["facts_recall"] == pytest.approx(3 / 8)
    assert found["facts_precision_references"] == 1
    assert found["facts_recall_references"] == pytest.approx((4 + 2 + 3) / (4 + 4 + 4))
    assert found["facts_precision_shuffled"] == pytest.approx(
        2 / 6
    )  # 'a blue dog' beside the dog: a dog, one of it
    assert found["facts_recall_shuffled"] == pytest.approx(2 / 8)


def test_the_shuffle_gives_every_caption_another_photo():
    texts, facts = (
        ["a dog", "a cat", "a car"],
        [[["object", kind]] for kind in ("dog", "cat", "car")],
    )
    scenes = [{"facts": each} for each in facts]
    found = score_facts([said(text) for text in texts], [[text] for text in texts], scenes, "en")
    assert found["facts_recall"] == 1
    assert found["facts_recall_shuffled"] == 0


@pytest.mark.parametrize("place, hit", [(0, 1.0), (1, 0.0), (2, 0.0), (3, 0.0)])
def test_pointing_asks_for_the_peak_at_the_word_that_names_the_object(place, hit):
    elsewhere = 3 - place
    caption = said("a red dog sits", elsewhere, elsewhere, place, elsewhere)
    assert score_pointing([caption], [DOG], "en", SIZE) == {
        "pointing": hit,
        "pointing_chance": 0.25,
    }


def test_any_box_of_the_kind_counts_and_chance_is_the_share_of_locations_in_them():
    found = score_pointing(
        [said("two cars", 0, 1), said("cars and cars", 0, 3, 2)], [CAR, CAR], "en", SIZE
    )
    assert found == {"pointing": 2 / 3, "pointing_chance": 0.75}


def test_rows_and_columns_are_not_exchanged():
    scene = {"boxes": [{"kind": "dog", "box": [75, 0, 100, 100]}]}  # the last of four columns
    assert score_pointing([said("dog", 3, grid=(1, 4))], [scene], "en", SIZE) == {
        "pointing": 1.0,
        "pointing_chance": 0.25,
    }
    assert score_pointing([said("dog", 3, grid=(4, 1))], [scene], "en", SIZE)["pointing"] == 0.0


def test_attention_without_a_peak_points_nowhere():
    caption = said("a red dog", 0)
    caption.attention[:] = 0.25
    assert score_pointing([caption], [DOG], "en", SIZE) == {
        "pointing": None,
        "pointing_chance": None,
    }


def test_an_object_that_is_not_there_is_not_pointed_at():
    assert score_pointing([said("a cat")], [DOG], "en", SIZE) == {
        "pointing": None,
        "pointing_chance": None,
    }
    assert score_pointing([said("a cat and a dog", 0)], [DOG], "en", SIZE) == {
        "pointing": 1.0,
        "pointing_chance": 0.25,
    }


def test_korean_words_point_too():
    assert (
        score_pointing([said("빨간 강아지가 있다", 3, 0, 3)], [DOG], "ko", SIZE)["pointing"] == 1.0
    )
