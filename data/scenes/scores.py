"""How true captions of scenes are, and whether attention looks at what is named."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from data.scenes.facts import find_claims, find_objects, is_true


class CaptionWithAttention(Protocol):
    """What is needed of a generated caption."""

    text: str
    words: list[str]
    attention: np.ndarray  # (words, L)
    grid: tuple[int, int]


def score_claims(
    captions: Sequence[str], facts: Sequence[Sequence[Sequence[str | int]]], language: str
) -> tuple[float, float]:
    """Precision: the part of all claims that is true, 0 where nothing is claimed. Recall: the part of all facts claimed.

    There is one caption for each scene; `facts` has the facts of each scene, as tuples or as JSON gives them.
    """
    claimed = true = stated = known = 0
    for caption, scene in zip(captions, facts, strict=True):
        said, real = find_claims(caption, language), {tuple(fact) for fact in scene}
        claimed, true = claimed + len(said), true + sum(is_true(claim, real) for claim in said)
        stated, known = stated + len(said & real), known + len(real)
    return true / max(claimed, 1), stated / max(known, 1)


def score_facts(
    captions: Sequence[CaptionWithAttention],
    references: Sequence[Sequence[str]],
    scenes: Sequence[dict[str, Any]],
    language: str,
) -> dict[str, float]:
    """Precision of what captions claim and recall of what is to be said.

    The references give the ceiling (they are true, but no one says everything); captions of other photos the floor.
    """
    facts = [scene["facts"] for scene in scenes]
    texts = [caption.text for caption in captions]
    shuffled = texts[1:] + texts[:1]  # each caption goes to its neighbour; scenes come in no order
    spread = [(text, each) for row, each in zip(references, facts, strict=True) for text in row]
    found = {}
    for name, pairs in (
        ("", list(zip(texts, facts, strict=True))),
        ("_references", spread),
        ("_shuffled", list(zip(shuffled, facts, strict=True))),
    ):
        precision, recall = score_claims(
            [text for text, _ in pairs], [each for _, each in pairs], language
        )
        found |= {f"facts_precision{name}": precision, f"facts_recall{name}": recall}
    return found


def score_pointing(
    captions: Sequence[CaptionWithAttention],
    scenes: Sequence[dict[str, Any]],
    language: str,
    size: int,
) -> dict[str, float | None]:
    """How often attention's peak, at a word that names an object of the scene, lies in a box of that object.

    Beside it what chance gives: the share of all locations that lie in such a box. Boxes are in pixels of `size`. Attention
    that is the same everywhere has no peak, and does not count.
    """
    hits, chances = [], []
    for caption, scene in zip(captions, scenes, strict=True):
        rows, columns = caption.grid
        x, y = np.meshgrid(
            (np.arange(columns) + 0.5) * size / columns, (np.arange(rows) + 0.5) * size / rows
        )
        for word, kind in find_objects(caption.words, language):
            boxes = [box["box"] for box in scene["boxes"] if box["kind"] == kind]
            if not boxes:
                continue  # a wrong word; precision counts it
            if not np.ptp(caption.attention[word]):
                continue
            inside = np.zeros(rows * columns, bool)
            for left, top, right, bottom in boxes:
                inside |= ((left <= x) & (x < right) & (top <= y) & (y < bottom)).ravel()
            hits.append(inside[caption.attention[word].argmax()])
            chances.append(inside.mean())
    if not hits:
        return {"pointing": None, "pointing_chance": None}
    return {"pointing": float(np.mean(hits)), "pointing_chance": float(np.mean(chances))}
