"""Writes true captions of scenes by grammar, in English and Korean, and notes what each one claims."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import NamedTuple

from data.scenes.facts import Fact, make_relation
from data.scenes.words import ENGLISH, INVERSES, KOREAN, PEOPLE, make_plural

FLYING = ("bird", "plane", "kite")
_ENGLISH_POSE = {
    "dog": "standing", "cat": "sitting", "horse": "standing", "bird": "flying", "man": "standing", "woman": "standing",
    "car": "parked", "bus": "parked", "boat": "resting", "plane": "flying", "tree": "growing", "house": "standing",
    "ball": "lying", "table": "standing", "umbrella": "open", "kite": "flying",
}  # fmt: skip
_KOREAN_POSE = {
    "dog": "서", "cat": "앉아", "horse": "서", "bird": "날고", "man": "서", "woman": "서", "car": "서", "bus": "서",
    "boat": "놓여", "plane": "날고", "tree": "서", "house": "서", "ball": "놓여", "table": "놓여",
    "umbrella": "놓여", "kite": "날고",
}  # fmt: skip
_COUNTERS = {
    "dog": "마리", "cat": "마리", "horse": "마리", "bird": "마리", "man": "명", "woman": "명", "car": "대", "bus": "대",
    "boat": "척", "plane": "대", "tree": "그루", "house": "채", "ball": "개", "table": "개", "umbrella": "개", "kite": "개",
}  # fmt: skip
_ENGLISH_PLACES = {
    "beach": "on the {}", "seaside": "at the {}", "shore": "on the {}", "meadow": "in the {}", "field": "in a {}",
    "grass": "on the {}", "street": "on the {}", "road": "on the {}", "room": "in a {}", "indoors": "{}",
    "snow": "in the {}", "snowy": "on {} ground", "night": "at {}", "dark": "in the {}",
}  # fmt: skip
_KOREAN_PLACES = {"방": "방 안", "밤하늘": "밤하늘 아래"}


class Caption(NamedTuple):
    """A caption and what it was meant to say."""

    text: str
    claims: frozenset[Fact]


@dataclass(frozen=True)
class _Group:
    """The objects of one kind in a scene, as its facts tell of them."""

    kind: str
    colour: str
    count: int
    size: str | None


def _groups(facts: Iterable[Fact]) -> list[_Group]:
    """The groups of a scene with these facts, in the facts' order."""
    known = {
        (name, kind): value for name, kind, value in (fact for fact in facts if len(fact) == 3)
    }
    kinds = [fact[1] for fact in facts if fact[0] == "object"]
    return [_Group(k, known["colour", k], known["count", k], known.get(("size", k))) for k in kinds]


class _Writer(ABC):
    """Writes one caption: `said` gathers what its phrases claim. A subclass knows the language."""

    words: dict[str, dict[str, tuple[str, ...]]]

    def __init__(self, facts: Sequence[Fact], rng: random.Random) -> None:
        self.facts, self.rng, self.said = facts, rng, set[Fact]()
        self.place = next(str(fact[1]) for fact in facts if fact[0] == "place")
        self.coloured, self.sized = rng.random() < 0.9, rng.random() < 0.5

    def word(self, part: str, value: str) -> str:
        """A word for the value: mostly the usual one, sometimes another."""
        usual, *others = self.words[part][value]
        return self.rng.choice(others) if others and self.rng.random() < 0.25 else usual

    def adjectives(self, group: _Group) -> tuple[str, str]:
        """The words for size and colour, each maybe empty."""
        size = colour = ""
        if self.sized and group.size:
            size = self.word("size", group.size)
            self.said.add(("size", group.kind, group.size))
        if self.coloured:
            colour = self.word("colour", group.colour)
            self.said.add(("colour", group.kind, group.colour))
        self.said.add(("object", group.kind))
        return size, colour

    def relation(self, one: _Group, two: _Group) -> str:
        """A true relation of the first group to the second; the other way round, or vaguer, where that is as true."""
        inverse = {direct: name for name, direct in INVERSES.items()}
        found = [
            str(f[2])
            for f in self.facts
            if f[0] == "relation" and (f[1], f[3]) == (one.kind, two.kind)
        ]
        found += [
            inverse[str(f[2])] for f in self.facts
            if f[0] == "relation" and (f[1], f[3]) == (two.kind, one.kind) and f[2] in inverse
        ]  # fmt: skip
        chosen = self.rng.choice(found)
        if chosen in ("left of", "right of") and self.rng.random() < 0.12:
            chosen = "beside"
        self.said.add(make_relation(one.kind, chosen, two.kind))
        return chosen

    def pairs(self) -> list[tuple[_Group, _Group]]:
        """The ordered pairs of groups of which the first can be placed by the second."""

        def speakable(one: _Group, two: _Group) -> bool:
            return (
                "relation",
                two.kind,
                "on",
                one.kind,
            ) not in self.facts  # nobody says 'a table under a cat'

        return [pair for pair in permutations(_groups(self.facts), 2) if speakable(*pair)]

    def flies(self, group: _Group) -> bool:
        """Whether the group is in the air."""
        return group.kind in FLYING and not any(
            f[0] == "relation" and f[1:3] == (group.kind, "on") for f in self.facts
        )

    @abstractmethod
    def plain(self, groups: list[_Group]) -> str:
        """A sentence that names the groups, with the place or without."""

    @abstractmethod
    def placed(self, one: _Group, two: _Group) -> str:
        """A sentence that places the first group by the second."""

    @abstractmethod
    def third(self, sentence: str, group: _Group) -> str:
        """The sentence with one more group."""

    @abstractmethod
    def finished(self, sentence: str) -> str:
        """The sentence with the capitals and the full stop that people give it, or don't."""

    def caption(self) -> Caption:
        """A caption of this scene."""
        groups = _groups(self.facts)
        self.rng.shuffle(groups)
        left_out = len(groups) > 1 and self.rng.random() < 0.15
        if left_out:
            groups = groups[: self.rng.randint(1, len(groups) - 1)]
        pairs = [pair for pair in self.pairs() if pair[0] in groups and pair[1] in groups]
        if pairs and self.rng.random() < 0.7:
            one, two = self.rng.choice(pairs)
            sentence = self.placed(one, two)
            for group in groups:
                if group not in (one, two):
                    sentence = self.third(sentence, group)
        else:
            sentence = self.plain(groups)
        return Caption(self.finished(sentence), frozenset(self.said))


class _English(_Writer):
    words = ENGLISH

    def phrase(self, group: _Group) -> str:
        """'two small red dogs', 'a woman in a blue dress'."""
        size, colour = self.adjectives(group)
        self.said.add(("count", group.kind, group.count))
        noun, clothes = self.word("kind", group.kind), ""
        if group.kind in PEOPLE and colour:
            garment = "dress" if group.kind == "woman" else "shirt"
            wearing = self.word("wearing", "in")
            long = (
                f"{wearing} a {colour} {garment}"
                if group.count == 1
                else f"{wearing} {colour} {make_plural(garment)}"
            )
            long = long.replace(" a orange", " an orange")
            named = wearing != "dressed in" and self.rng.random() < 0.5
            clothes, colour = (long if named else f"{wearing} {colour}"), ""
        text = " ".join(
            word
            for word in (size, colour, noun if group.count == 1 else make_plural(noun), clothes)
            if word
        )
        if group.count > 1:
            return f"{self.rng.choice(('two', 'two', 'a pair of') if group.count == 2 else ('three',))} {text}"
        return f"an {text}" if text[0] in "aeiou" else f"a {text}"

    def where(self, chance: float = 0.75, lead: str = " ") -> str:
        """The place with what goes before it, or nothing."""
        if self.rng.random() >= chance:
            return ""
        self.said.add(("place", self.place))
        word = self.word("place", self.place)
        return lead + _ENGLISH_PLACES[word].format(word)

    def plain(self, groups: list[_Group]) -> str:
        phrases = [self.phrase(group) for group in groups]
        named = " and ".join(part for part in (", ".join(phrases[:-1]), phrases[-1]) if part)
        verb = "is" if groups[0].count == 1 else "are"
        patterns = [
            lambda: named + self.where(0.9),
            lambda: f"there {verb} {named}{self.where()}",
            lambda: (
                f"a {self.rng.choice(('photo', 'picture', 'drawing'))} of {named}{self.where()}"
            ),
            lambda: f"{self.where(1, '')} there {verb} {named}",
        ]
        if len(groups) == 1:
            pose = (
                _ENGLISH_POSE[groups[0].kind]
                if groups[0].kind not in FLYING or self.flies(groups[0])
                else "sitting"
            )
            patterns += [
                lambda: f"{named} {pose}{self.where()}",
                lambda: f"{named} {verb} {pose}{self.where()}",
            ]
        return self.rng.choice(patterns)()

    def placed(self, one: _Group, two: _Group) -> str:
        name = self.relation(one, two)
        relation = self.word("relation", name)
        verb, first, second = "is" if one.count == 1 else "are", self.phrase(one), self.phrase(two)
        pronoun = {"man": "him", "woman": "her"}.get(two.kind, "it") if two.count == 1 else "them"
        patterns = [
            lambda: f"{first} {relation} {second}{self.where(0.6)}",
            lambda: f"{first} {verb} {relation} {second}{self.where(0.6)}",
            lambda: f"there {verb} {first} {relation} {second}{self.where(0.6)}",
            lambda: f"{relation} {second} there {verb} {first}{self.where(0.6)}",
            lambda: f"{second} with {first} {relation} {pronoun}{self.where(0.6)}",
            lambda: f"{self.where(1, '')} {first} {verb} {relation} {second}",
        ]
        if name in ("left of", "right of"):
            sides = ("left", "right") if name == "left of" else ("right", "left")
            patterns.append(lambda: f"{first} on the {sides[0]} and {second} on the {sides[1]}")
        return self.rng.choice(patterns)()

    def third(self, sentence: str, group: _Group) -> str:
        return (
            f"{sentence}, and there {'is' if group.count == 1 else 'are'} {self.phrase(group)} too"
        )

    def finished(self, sentence: str) -> str:
        if self.rng.random() < 0.12:
            return sentence
        return sentence[0].upper() + sentence[1:] + ("." if self.rng.random() < 0.85 else "")


def add_particle(word: str, particles: str) -> str:
    """The word with the first particle of 'consonant/vowel', as in '이/가', that suits how its last syllable ends."""
    closed, opened = particles.split("/")
    return word + (
        closed if (ord(word[-1]) - ord("가")) % 28 else opened
    )  # 28 endings a syllable, the first of them none


class _Korean(_Writer):
    words = KOREAN

    def phrase(self, group: _Group, *, landmark: bool = False, ahead: float = 0.15) -> str:
        """'작은 빨간 개 두 마리' or, this often, '두 마리의 작은 빨간 개'; a single landmark goes without its number."""
        size, colour = self.adjectives(group)
        noun, counter = self.word("kind", group.kind), _COUNTERS[group.kind]
        if group.kind in PEOPLE and colour:
            colour += self.rng.choice((" 옷을 입은", " 옷을 입은", " 옷 차림의"))
        order = (colour, size, noun) if group.kind in PEOPLE else (size, colour, noun)
        text = " ".join(word for word in order if word)
        if landmark and group.count == 1:
            return text
        self.said.add(("count", group.kind, group.count))
        number = self.words["count"][str(group.count)][0]
        return (
            f"{number} {counter}의 {text}"
            if self.rng.random() < ahead
            else f"{text} {number} {counter}"
        )

    def where(self, chance: float = 0.75, ending: str = "에") -> str:
        """The place with its particle and a space, or nothing."""
        if self.rng.random() >= chance:
            return ""
        self.said.add(("place", self.place))
        word = self.word("place", self.place)
        return f"{_KOREAN_PLACES.get(word, word)}{ending} "

    def plain(self, groups: list[_Group]) -> str:
        photo = self.rng.random() < 0.15  # '두 마리의 개의 사진' would have one 의 too many
        phrases = [self.phrase(group, ahead=0 if photo else 0.15) for group in groups]
        named = " ".join([add_particle(phrase, "과/와") for phrase in phrases[:-1]] + phrases[-1:])
        subject = add_particle(named, "이/가")
        patterns = [
            lambda: f"{self.where()}{subject} 있다",
            lambda: f"{subject} {self.where(0.9)}있다",
            lambda: f"{self.where(1)}있는 {named}",
        ]
        if photo:
            return f"{named}의 {self.rng.choice(('사진', '그림'))}"
        if len(groups) == 1:
            flies = self.flies(groups[0])
            pose = _KOREAN_POSE[groups[0].kind] if flies or groups[0].kind not in FLYING else "앉아"
            ending = "에서" if flies and self.place != "night" else "에"
            patterns += [
                lambda: f"{self.where(ending=ending)}{subject} {pose} 있다",
                lambda: f"{subject} {self.where(ending=ending)}{pose} 있다",
                lambda: f"{self.where(1, ending)}{pose} 있는 {named}",
            ]
        return self.rng.choice(patterns)()

    def placed(self, one: _Group, two: _Group) -> str:
        name = self.relation(one, two)
        relation = self.word("relation", name)
        pose = "날고 있다" if name == "above" and self.flies(one) else "있다"
        if name in ("left of", "right of") and self.rng.random() < 0.2:
            keys = ("left", "right") if name == "left of" else ("right", "left")
            side, other = (self.words["side"][key][0] for key in keys)
            first = add_particle(self.phrase(one), "이/가")
            return f"{side} {first} 있고 {other} {add_particle(self.phrase(two), '이/가')} 있다"
        first, landmark = self.phrase(one), self.phrase(two, landmark=True)
        subject, topic = add_particle(first, "이/가"), add_particle(first, "은/는")
        ending = "에" if self.place == "night" else "에서"
        patterns = [
            lambda: f"{landmark} {relation} {subject} {pose}",
            lambda: f"{self.where(1, ending)}{landmark} {relation} {subject} {pose}",
            lambda: f"{subject} {landmark} {relation} {pose}",
            lambda: f"{topic} {self.where(0.6, ending)}{landmark}의 {relation} {pose}",
            lambda: f"{self.where(1, ending)}{subject} {landmark} {relation} {pose}",
        ]
        return self.rng.choice(patterns)()

    def third(self, sentence: str, group: _Group) -> str:
        return f"{sentence.removesuffix('다')}고 {self.phrase(group)}도 있다"

    def finished(self, sentence: str) -> str:
        return sentence + ("." if self.rng.random() < 0.8 else "")


_WRITERS: dict[str, type[_Writer]] = {"en": _English, "ko": _Korean}


def write_captions(
    facts: Sequence[Fact], language: str, seed: int, number: int = 5
) -> list[Caption]:
    """So many captions of a scene with these facts, of 4 to 20 words each, no two alike but for case."""
    rng = random.Random(f"captions {language} {seed}")
    found: dict[str, Caption] = {}
    while len(found) < number:
        caption = _WRITERS[language](facts, rng).caption()
        if 4 <= len(caption.text.split()) <= 20:
            found.setdefault(caption.text.lower().replace(",", "").rstrip("."), caption)
    return list(found.values())
