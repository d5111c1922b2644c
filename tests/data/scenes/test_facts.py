"""Claims of captions, and their truth."""

import pytest

from data.scenes.facts import find_claims, find_content_labels, find_objects, is_true, make_relation
from data.scenes.scores import score_claims

FACTS = [
    ("object", "dog"), ("colour", "dog", "red"), ("count", "dog", 2), ("size", "dog", "small"),
    ("object", "car"), ("colour", "car", "blue"), ("count", "car", 1),
    ("relation", "dog", "left of", "car"), ("place", "beach"),
]  # fmt: skip


@pytest.mark.parametrize(("caption", "precision"), [
    ("two small red dogs to the left of a blue car on the beach", 1),
    ("two small green dogs", 3 / 4),
    ("three dogs", 1 / 2),
    ("a car to the left of two dogs", 4 / 5),
    ("a car to the right of two dogs", 1),
    ("two dogs in the snow", 2 / 3),
    ("a cat", 0),
    ("of of the the", 0),
])  # fmt: skip
def test_precision_of_english_captions(caption, precision):
    assert score_claims([caption], [FACTS], "en")[0] == pytest.approx(precision)


@pytest.mark.parametrize(("caption", "precision"), [
    ("해변에서 작은 빨간 개 두 마리가 파란 자동차 왼쪽에 있다", 1),
    ("초록색 개 두 마리가 있다", 2 / 3),
    ("개 세 마리가 있다.", 1 / 2),
    ("두 마리의 개 왼쪽에 자동차 한 대가 있다", 4 / 5),
    ("두 마리의 개 오른쪽에 자동차 한 대가 있다", 1),
    ("눈밭에 개 두 마리가 있다", 2 / 3),
])  # fmt: skip
def test_precision_of_korean_captions(caption, precision):
    assert score_claims([caption], [FACTS], "ko")[0] == pytest.approx(precision)


def test_recall_is_over_all_facts_of_all_scenes():
    assert score_claims(["two red dogs"], [[list(fact) for fact in FACTS]], "en") == (1, 3 / 9)
    assert score_claims(["two red dogs", ""], [FACTS, FACTS], "en") == (1, 3 / 18)


@pytest.mark.parametrize(
    "caption",
    [
        "in front of a red house there is a man in blue",
        "a red house with a man in a blue shirt in front of it",
        "a red house behind a man wearing blue",
    ],
)
def test_paraphrases_claim_the_same(caption):
    assert find_claims(caption, "en") == {
        ("object", "house"),
        ("count", "house", 1),
        ("colour", "house", "red"),
        ("object", "man"),
        ("count", "man", 1),
        ("colour", "man", "blue"),
        ("relation", "man", "in front of", "house"),
    }


def test_a_colour_belongs_to_the_object_after_it():
    claims = find_claims("a man in a red car", "en")
    assert ("colour", "man", "red") not in claims
    assert ("colour", "car", "red") in claims


def test_a_korean_dog_is_not_a_counter():
    claims = find_claims("공 두 개와 개 한 마리", "ko")
    balls = {("object", "ball"), ("count", "ball", 2)}
    dogs = {("object", "dog"), ("count", "dog", 1)}
    assert claims == balls | dogs
    words = ["빨간", "개가", "공", "세", "개의", "왼쪽에", "있다"]
    assert find_objects(words, "ko") == [(1, "dog"), (2, "ball")]


def test_objects_have_the_index_of_their_word():
    words = ["two", "puppies", "to", "the", "left", "of", ".", "a", "bus"]
    assert find_objects(words, "en") == [(1, "dog"), (8, "bus")]


def test_relations_are_kept_in_one_direction():
    assert make_relation("dog", "right of", "car") == ("relation", "car", "left of", "dog")
    assert make_relation("dog", "below", "kite") == ("relation", "kite", "above", "dog")
    assert make_relation("tree", "behind", "man") == ("relation", "man", "in front of", "tree")
    assert make_relation("tree", "beside", "man") == make_relation("man", "beside", "tree")


def test_left_and_right_are_beside():
    assert is_true(make_relation("car", "beside", "dog"), FACTS)
    assert is_true(make_relation("dog", "beside", "car"), FACTS)
    assert not is_true(("relation", "car", "left of", "dog"), FACTS)


def test_on_is_above():
    on = [("relation", "cat", "on", "table")]
    above = [("relation", "cat", "above", "table")]
    assert is_true(above[0], on)
    assert not is_true(("relation", "table", "above", "cat"), on)
    assert not is_true(on[0], above)


def test_content_labels():
    assert find_content_labels(FACTS) == {
        ("dog",),
        ("dog", "red"),
        ("dog", "2"),
        ("dog", "small"),
        ("dog", "left of …"),
        ("car",),
        ("car", "blue"),
        ("car", "1"),
        ("car", "… left of"),
        ("beach",),
    }
