"""What captions of scenes claim, and what of it is true."""

import pytest

from data.scenes import dataset as scenes
from data.scenes.captions import add_particle, write_captions
from data.scenes.facts import find_claims, find_content_labels, find_objects, is_true, make_relation
from data.scenes.layout import compose_scene
from data.scenes.scores import score_claims

FACTS = [
    ("object", "dog"), ("colour", "dog", "red"), ("count", "dog", 2), ("size", "dog", "small"),
    ("object", "car"), ("colour", "car", "blue"), ("count", "car", 1),
    ("relation", "dog", "left of", "car"), ("place", "beach"),
]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_caption_claims_what_it_was_meant_to_say_and_all_of_it_is_true(language):
    for seed in range(1000, 1400):
        scene = compose_scene(seed)
        for caption in write_captions(scene.facts, language, seed):
            assert find_claims(caption.text, language) == caption.claims, caption.text
            plain = caption.text.lower().replace(",", "").replace(".", "")
            assert find_claims(plain, language) == caption.claims, plain
            assert all(is_true(claim, scene.facts) for claim in caption.claims), caption.text


@pytest.mark.parametrize("language", ["en", "ko"])
def test_references_are_wholly_true_and_tell_most_facts(language):
    found = [compose_scene(seed) for seed in range(2000, 2200)]
    texts = [text for scene in found for text in scenes.caption_scene(scene, language)]
    precision, recall = score_claims(
        texts, [scene.facts for scene in found for _ in range(5)], language
    )
    assert precision == 1 and 0.5 < recall < 0.8


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


@pytest.mark.parametrize(("caption", "expected"), [
    ("in front of a red house there is a man in blue", {("colour", "house", "red"), ("colour", "man", "blue")}),
    ("a red house with a man in a blue shirt in front of it", {("colour", "house", "red"), ("colour", "man", "blue")}),
    ("a red house behind a man wearing blue", {("colour", "house", "red"), ("colour", "man", "blue")}),
])  # fmt: skip
def test_ways_to_say_one_thing(caption, expected):
    rest = {("object", "house"), ("count", "house", 1), ("object", "man"), ("count", "man", 1)}
    assert find_claims(caption, "en") == expected | rest | {
        ("relation", "man", "in front of", "house")
    }


def test_clothes_are_not_taken_from_what_follows():
    assert ("colour", "man", "red") not in find_claims("a man in a red car", "en")
    assert ("colour", "car", "red") in find_claims("a man in a red car", "en")


def test_a_korean_dog_is_not_a_counter():
    found = find_claims("공 두 개와 개 한 마리", "ko")
    assert found == {
        ("object", "ball"),
        ("count", "ball", 2),
        ("object", "dog"),
        ("count", "dog", 1),
    }
    assert find_objects(["빨간", "개가", "공", "세", "개의", "왼쪽에", "있다"], "ko") == [
        (1, "dog"),
        (2, "ball"),
    ]


def test_named_objects_have_the_index_of_their_word():
    words = ["two", "puppies", "to", "the", "left", "of", ".", "a", "bus"]
    assert find_objects(words, "en") == [(1, "dog"), (8, "bus")]


def test_relations_are_kept_in_one_direction():
    assert make_relation("dog", "right of", "car") == ("relation", "car", "left of", "dog")
    assert make_relation("dog", "below", "kite") == ("relation", "kite", "above", "dog")
    assert make_relation("tree", "behind", "man") == ("relation", "man", "in front of", "tree")
    assert make_relation("tree", "beside", "man") == make_relation("man", "beside", "tree")


def test_what_follows_from_facts():
    assert is_true(make_relation("car", "beside", "dog"), FACTS) and is_true(
        make_relation("dog", "beside", "car"), FACTS
    )
    assert not is_true(("relation", "car", "left of", "dog"), FACTS)
    on = [("relation", "cat", "on", "table")]
    assert is_true(("relation", "cat", "above", "table"), on) and not is_true(
        ("relation", "table", "above", "cat"), on
    )
    assert not is_true(("relation", "cat", "on", "table"), [("relation", "cat", "above", "table")])


@pytest.mark.parametrize(("word", "particles", "expected"), [
    ("말", "이/가", "말이"), ("새", "이/가", "새가"), ("연", "은/는", "연은"), ("버스", "은/는", "버스는"),
    ("집", "과/와", "집과"), ("나무", "과/와", "나무와"), ("공", "을/를", "공을"), ("개 두 마리", "이/가", "개 두 마리가"),
    ("남자 한 명", "이/가", "남자 한 명이"), ("배 한 척", "은/는", "배 한 척은"),
])  # fmt: skip
def test_korean_particles_suit_the_last_syllable(word, particles, expected):
    assert add_particle(word, particles) == expected


def test_content_labels():
    assert find_content_labels(FACTS) == {
        ("dog",), ("dog", "red"), ("dog", "2"), ("dog", "small"), ("car",), ("car", "blue"), ("car", "1"),
        ("dog", "left of …"), ("car", "… left of"), ("beach",),
    }  # fmt: skip
