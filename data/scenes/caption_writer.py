"""The part of caption grammar that both languages share.

The order of random numbers is a part of the dataset: a seed always gives the same captions.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import permutations
from typing import NamedTuple

from data.scenes.facts import Fact, Group, make_relation
from data.scenes.words import FLYING, INVERSES, Words

_INVERSE_OF = {direct: inverse for inverse, direct in INVERSES.items()}


class Caption(NamedTuple):
    """A caption and the facts that it claims."""

    text: str
    claims: frozenset[Fact]


class Pattern(NamedTuple):
    """A sentence with gaps. `{place}` is filled with this chance, else left empty."""

    template: str
    place_chance: float = 1
    particle: str = ""  # after a Korean place


class CaptionWriter(ABC):
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

    def fill(self, pattern: Pattern, **parts: str) -> str:
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
