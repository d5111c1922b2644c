"""The objects that captions name."""

import pytest

from data.objects.coco import ANIMALS, COCO_WORDS
from data.objects.vocabulary import ObjectVocabulary, find_canonical


@pytest.fixture(scope="module")
def coco():
    return ObjectVocabulary(COCO_WORDS)


def test_each_of_the_80_objects_is_found_by_its_name_and_plural(coco):
    assert len(COCO_WORDS) == 80
    assert set(ANIMALS) <= COCO_WORDS.keys()
    for name in COCO_WORDS:
        text = f"an {name}" if name == "orange" else name
        assert coco.find_objects(text) == [name]
        assert coco.find_objects(f"two {name}s") == [name]


def test_no_word_means_two_objects():
    meanings = {}
    for name, words in COCO_WORDS.items():
        for word in words.split(","):
            meanings.setdefault(" ".join(word.split()), set()).add(name)
    assert [word for word, names in meanings.items() if len(names) > 1] == []


@pytest.mark.parametrize(
    ("caption", "objects"),
    [
        ("A man eats a hot dog at a dining table.", ["person", "hot dog", "dining table"]),
        ("Three women and their children ride bikes", ["person", "person", "bicycle"]),
        ("puppies, knives, buses and geese", ["dog", "knife", "bus", "bird"]),
        ("A teddy bear on a teddy", ["teddy bear", "teddy bear"]),
        ("A man's dog and a catcher’s mitt", ["person", "dog", "baseball glove"]),
        ("a black-and-white cow; a T-shirt", ["cow"]),
        ("people wait on the train tracks", ["person"]),
        ("a train at the train station", ["train"]),
        ("a roll of toilet paper on a toilet seat", ["toilet"]),
        ("carrot cake", ["cake"]),
        ("a catalogue of scars", []),
        ("", []),
    ],
)
def test_captions_name_objects_by_their_longest_phrases(coco, caption, objects):
    assert coco.find_objects(caption) == objects


@pytest.mark.parametrize(
    ("caption", "objects"),
    [
        ("a baby elephant and its mother", ["elephant", "person"]),
        ("a baby on an elephant", ["person", "elephant"]),
        ("adult bears", ["bear"]),
        ("a baby and a teddy bear", ["person", "teddy bear"]),
    ],
)
def test_a_baby_animal_is_no_person(coco, caption, objects):
    assert coco.find_objects(caption) == objects


@pytest.mark.parametrize(
    ("caption", "objects"),
    [
        ("an orange and white cat", ["cat"]),
        ("an orange cat", ["cat"]),
        ("dressed in orange", []),
        ("an orange", ["orange"]),
        ("half orange on a plate", ["orange"]),
        ("a bowl of oranges", ["bowl", "orange"]),
    ],
)
def test_orange_is_a_fruit_only_where_it_cannot_be_a_colour(coco, caption, objects):
    assert coco.find_objects(caption) == objects


def test_other_names_are_found_as_they_are_and_in_plural():
    vocabulary = ObjectVocabulary(["Puppy", "red ball", "city"])
    assert vocabulary.names == {"dog", "red ball", "city"}
    caption = "dogs and a hound run after red balls in cities, past a cat and a ball"
    assert vocabulary.find_objects(caption) == ["dog", "dog", "red ball", "city"]


@pytest.mark.parametrize(
    ("name", "canonical"),
    [("Men", "person"), ("TV", "tv"), ("stop_sign", "stop sign"), ("Fish  Tank", "fish tank")],
)
def test_names_have_one_form(name, canonical):
    assert find_canonical(name) == canonical
