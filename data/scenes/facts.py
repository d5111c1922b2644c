"""What captions of scenes claim, in English and Korean.

A fact is a plain tuple: ("object", kind), ("colour", kind, colour), ("count", kind, number), ("size", kind, "small" or
"large"), ("relation", kind, relation, kind) and ("place", place).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from data.scenes.words import ENGLISH, INVERSES, KOREAN, PEOPLE, Words, make_plural

Fact = tuple[str | int, ...]

_PARTICLES = ("에서", "이", "가", "은", "는", "을", "를", "와", "과", "의", "에", "도")
_SUBJECT = ("이", "가", "은", "는")


def make_relation(kind: str, relation: str, other: str) -> Fact:
    """The relation as a fact, in the one direction in which it is kept."""
    if relation in INVERSES:
        return "relation", other, INVERSES[relation], kind
    if relation == "beside" and other < kind:
        kind, other = other, kind
    return "relation", kind, relation, other


@dataclass(frozen=True)
class _Token:
    """Some words of a caption and what they mean; `part` is a key of the lexicon, or 'other'."""

    part: str
    value: str
    index: int  # of the first word
    particle: str = ""  # what a Korean word ended with


@dataclass
class _Named:
    """An object as a caption names it."""

    kind: str
    claims: set[Fact] = field(default_factory=set)
    subject: bool = False  # marked so by a Korean particle


def _table(lexicon: dict[str, Words]) -> dict[tuple[str, ...], tuple[str, str]]:
    """From the words of every phrase to its part of speech and value."""
    table = {
        tuple(phrase.split()): (part, value)
        for part, words in lexicon.items()
        for value, phrases in words.items()
        for phrase in phrases
    }
    if lexicon is ENGLISH:
        table |= {
            (make_plural(noun),): ("kind", kind)
            for kind, nouns in ENGLISH["kind"].items()
            for noun in nouns
        }
    return table


_TABLES = {"en": _table(ENGLISH), "ko": _table(KOREAN)}


def _read(words: Sequence[str], language: str) -> list[_Token]:
    """The words as tokens; the longest phrase wins."""
    plain = ["".join(letter for letter in word.lower() if letter.isalnum()) for word in words]
    table, tokens, index = _TABLES[language], [], 0
    while index < len(plain):
        for length in range(5, 0, -1):
            if found := table.get(tuple(plain[index : index + length])):
                tokens.append(_Token(*found, index))
                break
        else:
            length = 1
            tokens.append(
                _stemmed(plain[index], index)
                if language == "ko"
                else _Token("other", plain[index], index)
            )
        index += length
    heard = [token for token in tokens if token.part != "silent" and token.value]
    return _counters(heard) if language == "ko" else heard


def _stemmed(word: str, index: int) -> _Token:
    """A Korean word without its particle, if that is what makes it known."""
    for particle in _PARTICLES:
        found = (
            _TABLES["ko"].get((word.removesuffix(particle),)) if word.endswith(particle) else None
        )
        if found:
            return _Token(*found, index, particle)
    return _Token("other", word, index)


def _counters(tokens: list[_Token]) -> list[_Token]:
    """The tokens with each 개 settled: the counter of things behind a number, a dog elsewhere."""
    earlier = [_Token("other", "", -1), *tokens]
    return [
        replace(token, part="kind", value="dog")
        if token.value == "개" and before.part != "count"
        else token
        for before, token in zip(earlier, tokens, strict=False)
    ]


def _plain_claims(kind: str, modifiers: Iterable[_Token]) -> set[Fact]:
    """What an object and the words about it claim."""
    claims: set[Fact] = {("object", kind)}
    for token in modifiers:
        if token.part == "count":
            claims.add(("count", kind, int(token.value)))
        elif token.part in ("colour", "size"):
            claims.add((token.part, kind, token.value))
    return claims


def _clothes(tokens: Sequence[_Token]) -> list[_Token]:
    """The colour token of 'in (a) blue (dress)' at the beginning, unless it belongs to an object that follows."""
    parts = [token.part for token in tokens[:4]]
    at = 2 if parts[1:2] == ["count"] else 1
    if (
        parts[:1] == ["wearing"]
        and parts[at : at + 1] == ["colour"]
        and parts[at + 1 : at + 2] not in (["kind"], ["size"])
    ):
        return [tokens[at]]
    return []


def _english_objects(tokens: list[_Token]) -> list[_Named | _Token]:
    """The tokens with every object and the words about it as one."""
    items: list[_Named | _Token] = []
    waiting: list[_Token] = []
    skipped: list[_Token] = []
    for at, token in enumerate(tokens):
        if token.part in ("count", "colour", "size"):
            waiting = waiting if token in skipped else [*waiting, token]
        elif token.part == "kind":
            worn = _clothes(tokens[at + 1 :]) if token.value in PEOPLE else []
            skipped += worn
            items.append(_Named(token.value, _plain_claims(token.value, [*waiting, *worn])))
            waiting = []
        else:
            waiting = []
            items.append(token)
    return items


def _leads(tokens: Sequence[_Token]) -> bool:
    """Whether a Korean number before these tokens counts an object yet to come: '마리의 빨간 개', not '마리의 사진'."""
    if tokens and tokens[0].part == "counter" and tokens[0].particle != "의":
        return False
    rest = [
        token.part for token in tokens if token.part not in ("counter", "colour", "size", "wearing")
    ]
    return rest[:1] == ["kind"]


def _korean_objects(tokens: list[_Token]) -> list[_Named | _Token]:
    """The same in Korean, where a count may come before ('두 마리의 개') or after ('개 두 마리가')."""
    items: list[_Named | _Token] = []
    waiting: list[_Token] = []
    for at, token in enumerate(tokens):
        last = items[-1] if items else None
        if token.part == "count" and isinstance(last, _Named) and not _leads(tokens[at + 1 :]):
            last.claims |= _plain_claims(last.kind, [token])
            last.subject = tokens[at + 1 : at + 2] != [] and tokens[at + 1].particle in _SUBJECT
        elif token.part in ("count", "colour", "size"):
            waiting.append(token)
        elif token.part == "kind":
            items.append(
                _Named(token.value, _plain_claims(token.value, waiting), token.particle in _SUBJECT)
            )
            waiting = []
        elif token.part not in ("counter", "wearing"):
            waiting = []
            items.append(token)
    return items


def _english_relation(items: list[_Named | _Token], at: int, relation: str) -> Fact | None:
    """What the relation word there says of the objects about it: 'A on B', 'on B is A' or 'B with A on it'."""
    before = [item for item in items[:at] if isinstance(item, _Named)]
    after = [item for item in items[at + 1 :] if isinstance(item, _Named)]
    following = items[at + 1] if at + 1 < len(items) else None
    if isinstance(following, _Named):
        first = before[-1:] or after[1:2]
        return make_relation(first[0].kind, relation, following.kind) if first else None
    if isinstance(following, _Token) and following.part == "pronoun" and len(before) > 1:
        return make_relation(before[-1].kind, relation, before[-2].kind)
    return None


def _korean_relation(items: list[_Named | _Token], at: int, relation: str) -> Fact | None:
    """The same in Korean: 'B 앞에 A가' or 'A가 B 앞에'."""
    landmark = items[at - 1] if at else None
    if not isinstance(landmark, _Named):
        return None
    earlier = [item for item in items[: at - 1] if isinstance(item, _Named) and item.subject]
    after = [item for item in items[at + 1 :] if isinstance(item, _Named)]
    first = earlier[-1:] or after[:1]
    return make_relation(first[0].kind, relation, landmark.kind) if first else None


def _side_claims(items: list[_Named | _Token], language: str) -> set[Fact]:
    """What 'A on the left and B on the right' claims; Korean names the side first."""
    sides: dict[str, str] = {}
    for at, item in enumerate(items):
        if isinstance(item, _Token) and item.part == "side":
            near = items[:at][::-1] if language == "en" else items[at + 1 :]
            kinds = [named.kind for named in near if isinstance(named, _Named)]
            sides |= {item.value: kinds[0]} if kinds else {}
    return {make_relation(sides["left"], "left of", sides["right"])} if len(sides) == 2 else set()


def find_claims(caption: str, language: str) -> set[Fact]:
    """The facts that a caption claims; words and sentences that the scenes' own captions never use claim nothing."""
    tokens = _read(caption.split(), language)
    items, relate = _OBJECTS[language](tokens), _RELATIONS[language]
    found = _side_claims(items, language)
    for at, item in enumerate(items):
        if isinstance(item, _Named):
            found |= item.claims
        elif item.part == "place":
            found.add(("place", item.value))
        elif item.part == "relation" and (fact := relate(items, at, item.value)):
            found.add(fact)
    return found


def find_objects(words: Sequence[str], language: str) -> list[tuple[int, str]]:
    """The index of each word that names an object, with the object's kind."""
    return [(token.index, token.value) for token in _read(words, language) if token.part == "kind"]


def is_true(claim: Fact, facts: Iterable[Sequence[str | int]]) -> bool:
    """Whether the claim follows: what lies on a thing is also above it, what is left or right of it is beside it."""
    known = {tuple(fact) for fact in facts}
    if claim in known or claim[0] != "relation":
        return claim in known
    _, kind, relation, other = claim
    if relation == "above":
        return ("relation", kind, "on", other) in known
    pairs = ((kind, other), (other, kind))
    return relation == "beside" and any(
        ("relation", one, "left of", two) in known for one, two in pairs
    )


def find_content_labels(facts: Iterable[Sequence[str | int]]) -> set[tuple[str, ...]]:
    """What a classifier may learn, in parts: (dog), (dog, red), (dog, 2), (dog, left of …), (car, … left of), (beach).

    A relation is two labels, since each pair of kinds by itself is too rare to learn from.
    """
    labels: set[tuple[str, ...]] = set()
    for name, *values in facts:
        if name == "relation":
            kind, relation, other = map(str, values)
            labels |= {(kind, f"{relation} …"), (other, f"… {relation}")}
        else:  # a place, an object, or something of an object
            labels.add(tuple(map(str, values)))
    return labels


_OBJECTS: dict[str, Callable[[list[_Token]], list[_Named | _Token]]] = {
    "en": _english_objects,
    "ko": _korean_objects,
}
_RELATIONS: dict[str, Callable[[list[_Named | _Token], int, str], Fact | None]] = {
    "en": _english_relation,
    "ko": _korean_relation,
}
