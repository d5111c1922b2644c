"""Facts of scenes, and the facts that captions claim, in English and Korean.

A fact is a plain tuple: ("object", kind), ("colour", kind, colour), ("count", kind, number),
("size", kind, "small" or "large"), ("relation", kind, relation, kind) and ("place", place).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from data.scenes.words import ENGLISH, INVERSES, KOREAN, PEOPLE, Words, make_plural

Fact = tuple[str | int, ...]

_PARTICLES = ("에서", "이", "가", "은", "는", "을", "를", "와", "과", "의", "에", "도")
_SUBJECT_PARTICLES = ("이", "가", "은", "는")
_LONGEST_PHRASE = 5  # words


@dataclass(frozen=True)
class Group:
    """All objects of one kind in a scene: they share colour and size."""

    kind: str
    colour: str
    count: int
    size: str | None  # 'small', 'large', or neither clearly


def make_relation(kind: str, relation: str, other: str) -> Fact:
    """Return the relation as a fact, in the one direction in which facts are kept."""
    if relation in INVERSES:
        return "relation", other, INVERSES[relation], kind
    if relation == "beside" and other < kind:
        kind, other = other, kind
    return "relation", kind, relation, other


@dataclass(frozen=True)
class _Token:
    """Some words of a caption and their meaning; `part` is a key of the lexicon, or 'other'."""

    part: str
    value: str
    index: int  # of the first word
    particle: str = ""  # ending of a Korean word


@dataclass
class _Mention:
    """An object as a caption names it."""

    kind: str
    claims: set[Fact] = field(default_factory=set)
    is_subject: bool = False  # marked by a Korean particle


_Item = _Mention | _Token
_Meaning = tuple[str, str]  # part of speech, value


def _index_phrases(lexicon: dict[str, Words]) -> dict[tuple[str, ...], _Meaning]:
    """Return the meaning of every phrase, by its words."""
    meanings = {}
    for part, words in lexicon.items():
        for value, phrases in words.items():
            for phrase in phrases:
                meanings[tuple(phrase.split())] = (part, value)
    return meanings


def _index_plurals(lexicon: dict[str, Words]) -> dict[tuple[str, ...], _Meaning]:
    meanings = {}
    for kind, nouns in lexicon["kind"].items():
        for noun in nouns:
            meanings[(make_plural(noun),)] = ("kind", kind)
    return meanings


_MEANINGS = {
    "en": _index_phrases(ENGLISH) | _index_plurals(ENGLISH),
    "ko": _index_phrases(KOREAN),
}


def _read_tokens(words: Sequence[str], language: str) -> list[_Token]:
    """Return the words as tokens; the longest phrase wins."""
    plain = [_remove_signs(word.lower()) for word in words]
    tokens = []
    index = 0
    while index < len(plain):
        token, length = _read_token(plain, index, language)
        if token.part != "silent" and token.value:
            tokens.append(token)
        index += length
    if language == "ko":
        return _resolve_counters(tokens)
    return tokens


def _remove_signs(word: str) -> str:
    return "".join(letter for letter in word if letter.isalnum())


def _read_token(words: Sequence[str], index: int, language: str) -> tuple[_Token, int]:
    """Return the token that begins at a word, and its number of words."""
    for length in range(_LONGEST_PHRASE, 0, -1):
        meaning = _MEANINGS[language].get(tuple(words[index : index + length]))
        if meaning:
            return _Token(*meaning, index), length
    if language == "ko":
        return _read_word_with_particle(words[index], index), 1
    return _Token("other", words[index], index), 1


def _read_word_with_particle(word: str, index: int) -> _Token:
    """Return a Korean word without its particle, if that is a known word."""
    for particle in _PARTICLES:
        if word.endswith(particle):
            meaning = _MEANINGS["ko"].get((word.removesuffix(particle),))
            if meaning:
                return _Token(*meaning, index, particle)
    return _Token("other", word, index)


def _resolve_counters(tokens: list[_Token]) -> list[_Token]:
    """Return the tokens with every 개 resolved.

    It is the counter of things after a number, and a dog elsewhere.
    """
    resolved = []
    previous_part = "other"
    for token in tokens:
        if token.value == "개" and previous_part != "count":
            resolved.append(replace(token, part="kind", value="dog"))
        else:
            resolved.append(token)
        previous_part = token.part
    return resolved


def _claim_properties(kind: str, tokens: Iterable[_Token]) -> set[Fact]:
    """Return the claims of an object and the words about it."""
    claims: set[Fact] = {("object", kind)}
    for token in tokens:
        if token.part == "count":
            claims.add(("count", kind, int(token.value)))
        elif token.part in ("colour", "size"):
            claims.add((token.part, kind, token.value))
    return claims


def _find_clothes_colour(tokens: Sequence[_Token]) -> _Token | None:
    """Return the colour of 'in (a) blue (dress)' at the beginning.

    Return None if the colour belongs to an object that follows, as in 'in a blue car'.
    """
    missing = ["", "", "", ""]
    parts = [token.part for token in tokens[:4]] + missing
    position = 2 if parts[1] == "count" else 1
    if parts[0] != "wearing" or parts[position] != "colour":
        return None
    if parts[position + 1] in ("kind", "size"):
        return None
    return tokens[position]


def _group_english(tokens: list[_Token]) -> list[_Item]:
    """Return the tokens, with every object and the words about it as one mention."""
    items: list[_Item] = []
    waiting: list[_Token] = []  # counts, colours and sizes before their object
    clothes: list[_Token] = []
    for position, token in enumerate(tokens):
        if token.part in ("count", "colour", "size"):
            if token not in clothes:
                waiting.append(token)
        elif token.part == "kind":
            about = waiting
            waiting = []
            colour = None
            if token.value in PEOPLE:
                colour = _find_clothes_colour(tokens[position + 1 :])
            if colour:
                clothes.append(colour)
                about = [*about, colour]
            items.append(_Mention(token.value, _claim_properties(token.value, about)))
        else:
            waiting = []
            items.append(token)
    return items


def _counts_next_object(tokens: Sequence[_Token]) -> bool:
    """Return whether a Korean number before these tokens counts an object that follows.

    It does in '마리의 빨간 개', but not in '마리의 사진'.
    """
    if tokens and tokens[0].part == "counter" and tokens[0].particle != "의":
        return False
    for token in tokens:
        if token.part not in ("counter", "colour", "size", "wearing"):
            return token.part == "kind"
    return False


def _group_korean(tokens: list[_Token]) -> list[_Item]:
    """Return the tokens, with every object and the words about it as one mention.

    A count comes before the object ('두 마리의 개') or after it ('개 두 마리가').
    """
    items: list[_Item] = []
    waiting: list[_Token] = []  # counts, colours and sizes before their object
    for position, token in enumerate(tokens):
        last = items[-1] if items else None
        following = tokens[position + 1 :]
        is_count = token.part == "count"
        if is_count and isinstance(last, _Mention) and not _counts_next_object(following):
            last.claims |= _claim_properties(last.kind, [token])
            last.is_subject = bool(following) and following[0].particle in _SUBJECT_PARTICLES
        elif token.part in ("count", "colour", "size"):
            waiting.append(token)
        elif token.part == "kind":
            claims = _claim_properties(token.value, waiting)
            is_subject = token.particle in _SUBJECT_PARTICLES
            items.append(_Mention(token.value, claims, is_subject))
            waiting = []
        elif token.part not in ("counter", "wearing"):
            waiting = []
            items.append(token)
    return items


def _find_mentions(items: Iterable[_Item]) -> list[_Mention]:
    return [item for item in items if isinstance(item, _Mention)]


def _relate_english(items: list[_Item], position: int, relation: str) -> Fact | None:
    """Return the relation that the word at this position claims.

    The objects stand around it as in 'A on B', 'on B is A' or 'B with A on it'.
    """
    before = _find_mentions(items[:position])
    after = _find_mentions(items[position + 1 :])
    following = items[position + 1] if position + 1 < len(items) else None
    if isinstance(following, _Mention):
        if before:
            return make_relation(before[-1].kind, relation, following.kind)
        if len(after) > 1:
            return make_relation(after[1].kind, relation, following.kind)
    elif following and following.part == "pronoun" and len(before) > 1:
        return make_relation(before[-1].kind, relation, before[-2].kind)
    return None


def _relate_korean(items: list[_Item], position: int, relation: str) -> Fact | None:
    """Return the relation that the word at this position claims: 'B 앞에 A가' or 'A가 B 앞에'."""
    landmark = items[position - 1] if position > 0 else None
    if not isinstance(landmark, _Mention):
        return None
    before = _find_mentions(items[: position - 1])
    subjects = [mention for mention in before if mention.is_subject]
    after = _find_mentions(items[position + 1 :])
    if subjects:
        return make_relation(subjects[-1].kind, relation, landmark.kind)
    if after:
        return make_relation(after[0].kind, relation, landmark.kind)
    return None


def _relate_sides(items: list[_Item], language: str) -> Fact | None:
    """Return the claim of 'A on the left and B on the right'; Korean names the side first."""
    kinds: dict[str, str] = {}
    for position, item in enumerate(items):
        if isinstance(item, _Token) and item.part == "side":
            if language == "en":
                nearest = _find_mentions(reversed(items[:position]))
            else:
                nearest = _find_mentions(items[position + 1 :])
            if nearest:
                kinds[item.value] = nearest[0].kind
    if len(kinds) < 2:
        return None
    return make_relation(kinds["left"], "left of", kinds["right"])


_GROUP_TOKENS: dict[str, Callable[[list[_Token]], list[_Item]]] = {
    "en": _group_english,
    "ko": _group_korean,
}
_RELATE: dict[str, Callable[[list[_Item], int, str], Fact | None]] = {
    "en": _relate_english,
    "ko": _relate_korean,
}


def find_claims(caption: str, language: str) -> set[Fact]:
    """Return the facts that a caption claims.

    Words and sentences that the scenes' own captions never use claim nothing.
    """
    tokens = _read_tokens(caption.split(), language)
    items = _GROUP_TOKENS[language](tokens)
    claims: set[Fact] = set()
    relations = [_relate_sides(items, language)]
    for position, item in enumerate(items):
        if isinstance(item, _Mention):
            claims |= item.claims
        elif item.part == "place":
            claims.add(("place", item.value))
        elif item.part == "relation":
            relations.append(_RELATE[language](items, position, item.value))
    claims.update(relation for relation in relations if relation)
    return claims


def find_objects(words: Sequence[str], language: str) -> list[tuple[int, str]]:
    """Return the index of each word that names an object, with the object's kind."""
    tokens = _read_tokens(words, language)
    return [(token.index, token.value) for token in tokens if token.part == "kind"]


def is_true(claim: Fact, facts: Iterable[Sequence[str | int]]) -> bool:
    """Return whether a claim follows from the facts.

    A thing on another is also above it; a thing left or right of another is also beside it.
    """
    known = {tuple(fact) for fact in facts}
    if claim in known:
        return True
    if claim[0] != "relation":
        return False
    _, kind, relation, other = claim
    if relation == "above":
        return ("relation", kind, "on", other) in known
    if relation == "beside":
        left = ("relation", kind, "left of", other)
        right = ("relation", other, "left of", kind)
        return left in known or right in known
    return False


def find_content_labels(facts: Iterable[Sequence[str | int]]) -> set[tuple[str, ...]]:
    """Return a scene's labels for a classifier, in parts: (dog), (dog, red), (dog, 2), (beach).

    A relation is two labels, (dog, left of …) and (car, … left of): each pair of kinds by itself
    is too rare to learn from.
    """
    labels: set[tuple[str, ...]] = set()
    for name, *values in facts:
        parts = tuple(str(value) for value in values)
        if name == "relation":
            kind, relation, other = parts
            labels.add((kind, f"{relation} …"))
            labels.add((other, f"… {relation}"))
        else:
            labels.add(parts)
    return labels
