"""Find the objects that a caption names."""

import re
from collections.abc import Iterable, Sequence

from data.objects.coco import ANIMALS, COCO_WORDS, OTHER_PHRASES

_WORD = re.compile(r"[^\W_]+")
_IRREGULAR_PLURALS = {
    "person": "people",
    "man": "men",
    "child": "children",
    "mouse": "mice",
    "goose": "geese",
    "ox": "oxen",
    "knife": "knives",
    "calf": "calves",
    "passerby": "passersby",
}
_SIBILANTS = ("s", "x", "z", "ch", "sh", "o")  # their plurals end in "es"; some in o also in "s"
# Before an animal, these are no person: a baby elephant, a mother bear.
_AGES = ("baby", "infant", "newborn", "young", "adult", "mother", "mom", "father", "dad", "parent")
# The colour is more common than the fruit. The singular counts only as "an orange", before one of
# these words or the end.
_FRUIT = "orange"
_BEFORE_FRUIT = ("an", "one", "half", "peeled", "sliced", "whole", "single")
_AFTER_FRUIT = (
    "on", "in", "with", "next", "beside", "near", "at", "is", "that", "sitting", "sits", "from",
    "sliced", "cut", "slice", "slices",
)  # fmt: skip

Phrase = tuple[str, ...]


class ObjectVocabulary:
    """Objects by the phrases that name them. The longest phrase wins: a hot dog is no dog."""

    def __init__(self, names: Iterable[str]) -> None:
        """`names` are of any objects. Those of COCO are also known by their other words."""
        self.names: set[str] = set()
        self._objects: dict[Phrase, str | None] = {}  # None: the phrase names no object
        for phrase in _split_list(OTHER_PHRASES):
            self._add(phrase, None)
        for name in names:
            canonical = find_canonical(name)
            self.names.add(canonical)
            for text in COCO.get(canonical, [canonical]):
                self._add(text, canonical)
        self._longest = max(map(len, self._objects))

    def _add(self, text: str, name: str | None) -> None:
        for phrase in _list_forms(split_words(text)):
            self._objects[phrase] = name

    def find_objects(self, caption: str) -> list[str]:
        """Return the objects that a caption names, in order, each as often as it is named."""
        words = split_words(caption)
        found = []
        place = 0
        while place < len(words):
            length = self._match(words, place)
            name = self._objects.get(words[place : place + length])
            following = self._objects.get(words[place + 1 : place + 2])
            is_of_animal = words[place] in _AGES and following in ANIMALS
            if name is not None and not is_of_animal and not _is_colour(words, place, length):
                found.append(name)
            place += max(length, 1)
        return found

    def _match(self, words: Phrase, place: int) -> int:
        """Return the length of the longest phrase at a place; 0 if there is none."""
        for length in range(min(self._longest, len(words) - place), 0, -1):
            if words[place : place + length] in self._objects:
                return length
        return 0


def find_canonical(name: str) -> str:
    """Return COCO's name of an object, if any of its words is given; other names in lower case.

    `puppy` is COCO's dog, and `dogs` is, too.
    """
    words = split_words(name)
    return _COCO_PHRASES.get(words, " ".join(words))


def split_words(text: str) -> Phrase:
    """Return the words in lower case, without apostrophes and what follows them."""
    return tuple(_WORD.findall(re.sub(r"['’]\w*", "", text.lower())))


def _split_list(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split(",")]


def _list_forms(phrase: Phrase) -> list[Phrase]:
    """Return a phrase with its last word in singular and in all plurals that people write."""
    *first, last = phrase
    forms = [last, f"{last}s"]
    if last.endswith(_SIBILANTS):
        forms.append(f"{last}es")
    if re.search("[^aeiou]y$", last):
        forms.append(f"{last[:-1]}ies")
    for singular, plural in _IRREGULAR_PLURALS.items():
        if last.endswith(singular):
            forms.append(last.removesuffix(singular) + plural)
    return [(*first, form) for form in forms]


def _is_colour(words: Sequence[str], place: int, length: int) -> bool:
    """Return whether the word orange is the colour, as far as its neighbours say."""
    if words[place] != _FRUIT or length > 1:
        return False
    before = words[place - 1] if place > 0 else ""
    after = words[place + 1] if place + 1 < len(words) else ""
    return before not in _BEFORE_FRUIT or (after != "" and after not in _AFTER_FRUIT)


COCO = {name: _split_list(words) for name, words in COCO_WORDS.items()}
_COCO_PHRASES = {
    phrase: name
    for name, texts in COCO.items()
    for text in texts
    for phrase in _list_forms(split_words(text))
}
