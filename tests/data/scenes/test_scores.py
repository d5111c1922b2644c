"""Facts and pointing on scenes that are small enough to count by hand."""

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


def make_caption(text, *peaks, grid=(2, 2)):
    """Return a caption whose attention has a peak at one location a word.

    Words without a peak of their own have the last one that is given.
    """
    words = text.split()
    last_peak = peaks[-1] if peaks else 0
    locations = [*peaks, *[last_peak] * (len(words) - len(peaks))]
    attention = np.full((len(words), grid[0] * grid[1]), 0.1)
    attention[np.arange(len(words)), locations] = 0.7
    return SimpleNamespace(text=text, words=words, attention=attention, grid=grid)


def test_facts_of_captions_references_and_other_photos():
    captions = [make_caption("a red dog"), make_caption("a blue dog")]
    references = [["a red dog on the beach", "a dog"], ["two blue cars"]]
    scores = score_facts(captions, references, [DOG, CAR], "en")
    assert scores["facts_precision"] == pytest.approx((3 + 0) / (3 + 3))
    assert scores["facts_recall"] == pytest.approx((3 + 0) / (4 + 4))
    assert scores["facts_precision_references"] == 1
    assert scores["facts_recall_references"] == pytest.approx((4 + 2 + 3) / (4 + 4 + 4))
    # "a blue dog" at the photo of the dog: a dog, and one of them
    assert scores["facts_precision_shuffled"] == pytest.approx((2 + 0) / (3 + 3))
    assert scores["facts_recall_shuffled"] == pytest.approx((2 + 0) / (4 + 4))


def test_the_shuffle_gives_every_caption_another_photo():
    kinds = ("dog", "cat", "car")
    texts = [f"a {kind}" for kind in kinds]
    captions = [make_caption(text) for text in texts]
    references = [[text] for text in texts]
    scenes = [{"facts": [["object", kind]]} for kind in kinds]
    scores = score_facts(captions, references, scenes, "en")
    assert scores["facts_recall"] == 1
    assert scores["facts_recall_shuffled"] == 0


NO_POINTING = {"pointing": None, "pointing_chance": None}


def score_one(caption, scene, language="en"):
    return score_pointing([caption], [scene], language, SIZE)


@pytest.mark.parametrize(("location", "hit"), [(0, 1.0), (1, 0.0), (2, 0.0), (3, 0.0)])
def test_the_peak_counts_at_the_word_for_the_object(location, hit):
    elsewhere = 3 - location
    caption = make_caption("a red dog sits", elsewhere, elsewhere, location, elsewhere)
    assert score_one(caption, DOG) == {"pointing": hit, "pointing_chance": 0.25}


def test_any_box_of_the_kind_counts():
    captions = [make_caption("two cars", 0, 1), make_caption("cars and cars", 0, 3, 2)]
    scores = score_pointing(captions, [CAR, CAR], "en", SIZE)
    assert scores == {"pointing": 2 / 3, "pointing_chance": 0.75}


def test_rows_and_columns_are_not_exchanged():
    last_of_four_columns = {"boxes": [{"kind": "dog", "box": [75, 0, 100, 100]}]}
    scores = score_one(make_caption("dog", 3, grid=(1, 4)), last_of_four_columns)
    assert scores == {"pointing": 1.0, "pointing_chance": 0.25}
    scores = score_one(make_caption("dog", 3, grid=(4, 1)), last_of_four_columns)
    assert scores["pointing"] == 0.0


def test_attention_without_a_peak_does_not_count():
    caption = make_caption("a red dog", 0)
    caption.attention[:] = 0.25
    assert score_one(caption, DOG) == NO_POINTING


def test_objects_that_are_not_there_do_not_count():
    assert score_one(make_caption("a cat"), DOG) == NO_POINTING
    scores = score_one(make_caption("a cat and a dog", 0), DOG)
    assert scores == {"pointing": 1.0, "pointing_chance": 0.25}


def test_korean_words_count_too():
    scores = score_one(make_caption("빨간 강아지가 있다", 3, 0, 3), DOG, "ko")
    assert scores["pointing"] == 1.0
