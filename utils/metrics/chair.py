"""CHAIR (Rohrbach et al. 2018): the objects that captions name and photos do not show.

CHAIRi is the share of all mentions of objects that are wrong, CHAIRs the share of captions with a
wrong one. An object that is named twice counts twice.
"""

from collections import Counter
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple


class ObjectCount(NamedTuple):
    """The mentions of an object, and those of them whose photo does not show it."""

    name: str
    mentions: int
    wrong: int


def score_chair(
    mentions: Sequence[Sequence[str]], present: Sequence[AbstractSet[str]]
) -> dict[str, float | None]:
    """Return both scores of captions by the objects that each names and those in its photo.

    CHAIRi is None if no caption names an object.
    """
    wrong = _find_wrong(mentions, present)
    mention_count = sum(map(len, mentions))
    wrong_count = sum(map(len, wrong))
    wrong_captions = sum(1 for names in wrong if names)
    share = wrong_count / mention_count if mention_count else None
    return {"CHAIRi": share, "CHAIRs": wrong_captions / len(mentions)}


def count_objects(
    mentions: Sequence[Sequence[str]], present: Sequence[AbstractSet[str]]
) -> list[ObjectCount]:
    """Return the counts of all objects that captions name, those most often wrong first."""
    total: Counter[str] = Counter()
    for names in mentions:
        total.update(names)
    wrong: Counter[str] = Counter()
    for names in _find_wrong(mentions, present):
        wrong.update(names)
    counts = [ObjectCount(name, number, wrong[name]) for name, number in total.items()]
    return sorted(counts, key=lambda count: (-count.wrong, -count.mentions, count.name))


def _find_wrong(
    mentions: Sequence[Sequence[str]], present: Sequence[AbstractSet[str]]
) -> list[list[str]]:
    """Return the objects that each caption names and its photo does not show."""
    wrong = []
    for names, shown in zip(mentions, present, strict=True):
        wrong.append([name for name in names if name not in shown])
    return wrong
