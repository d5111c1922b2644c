"""Write true captions of scenes by grammar, in English and Korean, and note their claims.

The order of random numbers is a part of the dataset: a seed always gives the same captions.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

from data.scenes.facts import Fact, Group, make_relation
from data.scenes.words import (
    ENGLISH,
    ENGLISH_PLACE_PHRASES,
    ENGLISH_POSES,
    FLYING,
    INVERSES,
    KOREAN,
    KOREAN_COUNTERS,
    KOREAN_PLACE_PHRASES,
    KOREAN_POSES,
    PEOPLE,
    Words,
    make_plural,
)

_INVERSE_OF = {direct: inverse for inverse, direct in INVERSES.items()}
_KOREAN_ENDINGS = 28  # endings of a syllable in Unicode's order, the first of them none


class Caption(NamedTuple):
    """A caption and the facts that it claims."""

    text: str
    claims: frozenset[Fact]


class _Pattern(NamedTuple):
    """A sentence with gaps. `{place}` is filled with this chance, else left empty."""

    template: str
    place_chance: float = 1
    particle: str = ""  # after a Korean place


def write_captions(
    facts: Sequence[Fact], language: str, seed: int, number: int = 5
) -> list[Caption]:
    """Return captions of a scene with these facts, of 4 to 20 words each.

    No two are equal but for capitals, commas and full stops.
    """
    rng = random.Random(f"captions {language} {seed}")
    writer_class = _WRITERS[language]
    captions: dict[str, Caption] = {}
    while len(captions) < number:
        caption = writer_class(facts, rng).write()
        if 4 <= len(caption.text.split()) <= 20:
            key = caption.text.lower().replace(",", "").rstrip(".")
            captions.setdefault(key, caption)
    return list(captions.values())


def add_particle(word: str, particles: str) -> str:
    """Return the word with one of two particles, given as 'consonant/vowel', such as '이/가'.

    The choice depends on whether the last syllable ends with a consonant.
    """
    after_consonant, after_vowel = particles.split("/")
    ending = (ord(word[-1]) - ord("가")) % _KOREAN_ENDINGS
    if ending:
        return word + after_consonant
    return word + after_vowel


def _list_groups(facts: Sequence[Fact]) -> list[Group]:
    """Return the groups of a scene, in the order of its facts."""
    properties = {(fact[0], fact[1]): fact[2] for fact in facts if len(fact) == 3}
    groups = []
    for fact in facts:
        if fact[0] == "object":
            kind = fact[1]
            group = Group(
                kind,
                properties["colour", kind],
                properties["count", kind],
                properties.get(("size", kind)),
            )
            groups.append(group)
    return groups


class _Writer(ABC):
    """Writes one caption and gathers the claims of its phrases. A subclass knows the language."""

    lexicon: dict[str, Words]

    def __init__(self, facts: Sequence[Fact], rng: random.Random) -> None:
        self.facts = facts
        self.rng = rng
        self.claims: set[Fact] = set()
        self.groups = _list_groups(facts)
        self.place = next(str(fact[1]) for fact in facts if fact[0] == "place")
        self.has_colours = rng.random() < 0.9
        self.has_sizes = rng.random() < 0.5

    def write(self) -> Caption:
        """Return a caption of this scene."""
        groups = list(self.groups)
        self.rng.shuffle(groups)
        is_partial = len(groups) > 1 and self.rng.random() < 0.15
        if is_partial:
            groups = groups[: self.rng.randint(1, len(groups) - 1)]
        pairs = [pair for pair in permutations(self.groups, 2) if self._can_relate(pair, groups)]
        if pairs and self.rng.random() < 0.7:
            pair = self.rng.choice(pairs)
            sentence = self.relate_groups(*pair)
            for group in groups:
                if group not in pair:
                    sentence = self.add_group(sentence, group)
        else:
            sentence = self.list_groups(groups)
        return Caption(self.punctuate(sentence), frozenset(self.claims))

    def _can_relate(self, pair: tuple[Group, Group], groups: list[Group]) -> bool:
        """Return whether both groups are in the caption, and the first can be placed by the second.

        Nobody says 'a table under a cat'.
        """
        one, two = pair
        is_support = ("relation", two.kind, "on", one.kind) in self.facts
        return one in groups and two in groups and not is_support

    def choose_word(self, part: str, value: str) -> str:
        """Return a word for the value: mostly the usual one, sometimes another."""
        usual, *others = self.lexicon[part][value]
        if others and self.rng.random() < 0.25:
            return self.rng.choice(others)
        return usual

    def choose_adjectives(self, group: Group) -> tuple[str, str]:
        """Return the words for size and colour; each may be empty."""
        size = ""
        if self.has_sizes and group.size:
            size = self.choose_word("size", group.size)
            self.claims.add(("size", group.kind, group.size))
        colour = ""
        if self.has_colours:
            colour = self.choose_word("colour", group.colour)
            self.claims.add(("colour", group.kind, group.colour))
        self.claims.add(("object", group.kind))
        return size, colour

    def choose_relation(self, one: Group, two: Group) -> str:
        """Return a true relation of the first group to the second, sometimes only 'beside'."""
        direct, inverse = [], []
        for fact in self.facts:
            if fact[0] == "relation":
                _, kind, relation, other = map(str, fact)
                if (kind, other) == (one.kind, two.kind):
                    direct.append(relation)
                elif (kind, other) == (two.kind, one.kind) and relation in _INVERSE_OF:
                    inverse.append(_INVERSE_OF[relation])
        relation = self.rng.choice(direct + inverse)
        if relation in ("left of", "right of") and self.rng.random() < 0.12:
            relation = "beside"
        self.claims.add(make_relation(one.kind, relation, two.kind))
        return relation

    def is_flying(self, group: Group) -> bool:
        """Return whether the group is in the air, not on another thing."""
        if group.kind not in FLYING:
            return False
        return not any(fact[:3] == ("relation", group.kind, "on") for fact in self.facts)

    def fill(self, pattern: _Pattern, **parts: str) -> str:
        """Return the sentence with its gaps filled."""
        place = ""
        if "{place}" in pattern.template and self.rng.random() < pattern.place_chance:
            self.claims.add(("place", self.place))
            word = self.choose_word("place", self.place)
            place = self.describe_place(word) + pattern.particle
        sentence = pattern.template.format(place=place, **parts)
        return " ".join(sentence.split())  # no space for an empty place

    @abstractmethod
    def describe_place(self, word: str) -> str:
        """Return the phrase around a word for the place."""

    @abstractmethod
    def list_groups(self, groups: list[Group]) -> str:
        """Return a sentence that names the groups, with the place or without."""

    @abstractmethod
    def relate_groups(self, one: Group, two: Group) -> str:
        """Return a sentence that places the first group by the second."""

    @abstractmethod
    def add_group(self, sentence: str, group: Group) -> str:
        """Return the sentence with one more group."""

    @abstractmethod
    def punctuate(self, sentence: str) -> str:
        """Return the sentence, mostly with the capital and the full stop that it should have."""


class _EnglishWriter(_Writer):
    lexicon = ENGLISH

    def describe_place(self, word: str) -> str:
        return ENGLISH_PLACE_PHRASES[word].format(word)

    def describe_group(self, group: Group) -> str:
        """Return a phrase such as 'two small red dogs' or 'a woman in a blue dress'."""
        size, colour = self.choose_adjectives(group)
        self.claims.add(("count", group.kind, group.count))
        noun = self.choose_word("kind", group.kind)
        if group.count > 1:
            noun = make_plural(noun)
        clothes = ""
        if group.kind in PEOPLE and colour:
            clothes = self._describe_clothes(group, colour)
            colour = ""
        text = " ".join(word for word in (size, colour, noun, clothes) if word)
        if group.count == 1:
            article = "an" if text[0] in "aeiou" else "a"
            return f"{article} {text}"
        if group.count == 2:
            number = self.rng.choice(("two", "two", "a pair of"))
        else:
            number = self.rng.choice(("three",))  # takes a random number like the choice above
        return f"{number} {text}"

    def _describe_clothes(self, group: Group, colour: str) -> str:
        """Return a phrase such as 'in blue' or 'wearing blue dresses'."""
        wearing = self.choose_word("wearing", "in")
        names_garment = wearing != "dressed in" and self.rng.random() < 0.5
        if not names_garment:
            return f"{wearing} {colour}"
        garment = "dress" if group.kind == "woman" else "shirt"
        if group.count > 1:
            return f"{wearing} {colour} {make_plural(garment)}"
        article = "an" if colour == "orange" else "a"
        return f"{wearing} {article} {colour} {garment}"

    def list_groups(self, groups: list[Group]) -> str:
        phrases = [self.describe_group(group) for group in groups]
        objects = phrases[-1]
        if len(phrases) > 1:
            objects = f"{', '.join(phrases[:-1])} and {phrases[-1]}"
        verb = _choose_verb(groups[0])
        patterns = [
            _Pattern("{objects} {place}", 0.9),
            _Pattern("there {verb} {objects} {place}", 0.75),
            _Pattern("a {picture} of {objects} {place}", 0.75),
            _Pattern("{place} there {verb} {objects}"),
        ]
        pose = ""
        if len(groups) == 1:
            pose = self._choose_pose(groups[0])
            patterns += [
                _Pattern("{objects} {pose} {place}", 0.75),
                _Pattern("{objects} {verb} {pose} {place}", 0.75),
            ]
        pattern = self.rng.choice(patterns)
        picture = ""
        if "{picture}" in pattern.template:
            picture = self.rng.choice(("photo", "picture", "drawing"))
        return self.fill(pattern, objects=objects, verb=verb, pose=pose, picture=picture)

    def _choose_pose(self, group: Group) -> str:
        if group.kind in FLYING and not self.is_flying(group):
            return "sitting"
        return ENGLISH_POSES[group.kind]

    def relate_groups(self, one: Group, two: Group) -> str:
        name = self.choose_relation(one, two)
        relation = self.choose_word("relation", name)
        first = self.describe_group(one)
        second = self.describe_group(two)
        patterns = [
            _Pattern("{first} {relation} {second} {place}", 0.6),
            _Pattern("{first} {verb} {relation} {second} {place}", 0.6),
            _Pattern("there {verb} {first} {relation} {second} {place}", 0.6),
            _Pattern("{relation} {second} there {verb} {first} {place}", 0.6),
            _Pattern("{second} with {first} {relation} {pronoun} {place}", 0.6),
            _Pattern("{place} {first} {verb} {relation} {second}"),
        ]
        if name == "left of":
            patterns.append(_Pattern("{first} on the left and {second} on the right"))
        if name == "right of":
            patterns.append(_Pattern("{first} on the right and {second} on the left"))
        return self.fill(
            self.rng.choice(patterns),
            first=first,
            second=second,
            relation=relation,
            verb=_choose_verb(one),
            pronoun=_choose_pronoun(two),
        )

    def add_group(self, sentence: str, group: Group) -> str:
        return f"{sentence}, and there {_choose_verb(group)} {self.describe_group(group)} too"

    def punctuate(self, sentence: str) -> str:
        if self.rng.random() < 0.12:
            return sentence
        sentence = sentence[0].upper() + sentence[1:]
        if self.rng.random() < 0.85:
            sentence += "."
        return sentence


def _choose_verb(group: Group) -> str:
    return "is" if group.count == 1 else "are"


def _choose_pronoun(group: Group) -> str:
    if group.count > 1:
        return "them"
    return {"man": "him", "woman": "her"}.get(group.kind, "it")


class _KoreanWriter(_Writer):
    lexicon = KOREAN

    def describe_place(self, word: str) -> str:
        return KOREAN_PLACE_PHRASES.get(word, word)

    def describe_group(
        self, group: Group, *, is_landmark: bool = False, number_first_chance: float = 0.15
    ) -> str:
        """Return a phrase such as '작은 빨간 개 두 마리' or '두 마리의 작은 빨간 개'.

        A single landmark has no number.
        """
        size, colour = self.choose_adjectives(group)
        noun = self.choose_word("kind", group.kind)
        if group.kind in PEOPLE:
            if colour:
                colour += self.rng.choice((" 옷을 입은", " 옷을 입은", " 옷 차림의"))
            order = (colour, size, noun)
        else:
            order = (size, colour, noun)
        text = " ".join(word for word in order if word)
        if is_landmark and group.count == 1:
            return text
        self.claims.add(("count", group.kind, group.count))
        number = self.lexicon["count"][str(group.count)][0]
        counter = KOREAN_COUNTERS[group.kind]
        if self.rng.random() < number_first_chance:
            return f"{number} {counter}의 {text}"
        return f"{text} {number} {counter}"

    def list_groups(self, groups: list[Group]) -> str:
        is_photo = self.rng.random() < 0.15
        # '두 마리의 개의 사진' would have one 의 too many.
        chance = 0 if is_photo else 0.15
        phrases = [self.describe_group(group, number_first_chance=chance) for group in groups]
        linked = [add_particle(phrase, "과/와") for phrase in phrases[:-1]]
        objects = " ".join([*linked, phrases[-1]])
        if is_photo:
            return f"{objects}의 {self.rng.choice(('사진', '그림'))}"
        patterns = [
            _Pattern("{place} {subject} 있다", 0.75, "에"),
            _Pattern("{subject} {place} 있다", 0.9, "에"),
            _Pattern("{place} 있는 {objects}", 1, "에"),
        ]
        pose = ""
        if len(groups) == 1:
            pose = self._choose_pose(groups[0])
            is_in_sky = self.is_flying(groups[0]) and self.place != "night"
            particle = "에서" if is_in_sky else "에"
            patterns += [
                _Pattern("{place} {subject} {pose} 있다", 0.75, particle),
                _Pattern("{subject} {place} {pose} 있다", 0.75, particle),
                _Pattern("{place} {pose} 있는 {objects}", 1, particle),
            ]
        subject = add_particle(objects, "이/가")
        return self.fill(self.rng.choice(patterns), subject=subject, objects=objects, pose=pose)

    def _choose_pose(self, group: Group) -> str:
        if group.kind in FLYING and not self.is_flying(group):
            return "앉아"
        return KOREAN_POSES[group.kind]

    def relate_groups(self, one: Group, two: Group) -> str:
        name = self.choose_relation(one, two)
        relation = self.choose_word("relation", name)
        if name in ("left of", "right of") and self.rng.random() < 0.2:
            return self._name_sides(one, two, name)
        first = self.describe_group(one)
        landmark = self.describe_group(two, is_landmark=True)
        particle = "에" if self.place == "night" else "에서"
        patterns = [
            _Pattern("{landmark} {relation} {subject} {pose}"),
            _Pattern("{place} {landmark} {relation} {subject} {pose}", 1, particle),
            _Pattern("{subject} {landmark} {relation} {pose}"),
            _Pattern("{topic} {place} {landmark}의 {relation} {pose}", 0.6, particle),
            _Pattern("{place} {subject} {landmark} {relation} {pose}", 1, particle),
        ]
        is_above = name == "above" and self.is_flying(one)
        return self.fill(
            self.rng.choice(patterns),
            landmark=landmark,
            relation=relation,
            subject=add_particle(first, "이/가"),
            topic=add_particle(first, "은/는"),
            pose="날고 있다" if is_above else "있다",
        )

    def _name_sides(self, one: Group, two: Group, relation: str) -> str:
        """Return a sentence with one group on the left and one on the right."""
        side = self.lexicon["side"]["left"][0]
        other_side = self.lexicon["side"]["right"][0]
        if relation == "right of":
            side, other_side = other_side, side
        first = add_particle(self.describe_group(one), "이/가")
        second = add_particle(self.describe_group(two), "이/가")
        return f"{side} {first} 있고 {other_side} {second} 있다"

    def add_group(self, sentence: str, group: Group) -> str:
        return f"{sentence.removesuffix('다')}고 {self.describe_group(group)}도 있다"

    def punctuate(self, sentence: str) -> str:
        if self.rng.random() < 0.8:
            sentence += "."
        return sentence


_WRITERS: dict[str, type[_Writer]] = {"en": _EnglishWriter, "ko": _KoreanWriter}
