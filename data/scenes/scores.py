"""Score captions of scenes: are their claims true, and does attention point at named objects?"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from data.scenes.facts import find_claims, find_objects, is_true

SceneFacts = Sequence[Sequence[str | int]]  # of one scene, as tuples or as JSON gives them


class CaptionWithAttention(Protocol):
    """The attributes of a generated caption that are needed here."""

    text: str
    words: list[str]
    attention: np.ndarray  # (words, L)
    grid: tuple[int, int]


def score_claims(
    captions: Sequence[str], facts: Sequence[SceneFacts], language: str
) -> tuple[float, float]:
    """Return precision and recall of one caption a scene.

    Precision is the share of all claims that are true, 0 if there are none. Recall is the share of
    all facts that are claimed.
    """
    claim_count = true_count = 0
    fact_count = claimed_fact_count = 0
    for caption, scene_facts in zip(captions, facts, strict=True):
        claims = find_claims(caption, language)
        known = {tuple(fact) for fact in scene_facts}
        claim_count += len(claims)
        true_count += sum(is_true(claim, known) for claim in claims)
        fact_count += len(known)
        claimed_fact_count += len(claims & known)
    return true_count / max(claim_count, 1), claimed_fact_count / max(fact_count, 1)


def score_facts(
    captions: Sequence[CaptionWithAttention],
    references: Sequence[Sequence[str]],
    scenes: Sequence[dict[str, Any]],
    language: str,
) -> dict[str, float]:
    """Return precision and recall of the captions, with a ceiling and a floor.

    The references are the ceiling: they are true, but none says everything. Captions of other
    photos are the floor.
    """
    facts = [scene["facts"] for scene in scenes]
    texts = [caption.text for caption in captions]
    other_texts = texts[1:] + texts[:1]  # of the neighbour; scenes come in no order

    reference_texts, reference_facts = [], []
    for photo_references, scene_facts in zip(references, facts, strict=True):
        for text in photo_references:
            reference_texts.append(text)
            reference_facts.append(scene_facts)

    pairs = {
        "": (texts, facts),
        "_references": (reference_texts, reference_facts),
        "_shuffled": (other_texts, facts),
    }
    scores = {}
    for suffix, (some_texts, some_facts) in pairs.items():
        precision, recall = score_claims(some_texts, some_facts, language)
        scores[f"facts_precision{suffix}"] = precision
        scores[f"facts_recall{suffix}"] = recall
    return scores


def score_pointing(
    captions: Sequence[CaptionWithAttention],
    scenes: Sequence[dict[str, Any]],
    language: str,
    size: int,
) -> dict[str, float | None]:
    """Return how often attention's peak lies in a box of the object that the word names.

    Chance is the share of all locations in such a box. Boxes are in pixels of `size`. Attention
    that is equal everywhere has no peak and does not count; nor does an object that the scene does
    not have, which is for precision to count.
    """
    hits, chances = [], []
    for caption, scene in zip(captions, scenes, strict=True):
        for word, kind in find_objects(caption.words, language):
            boxes = [entry["box"] for entry in scene["boxes"] if entry["kind"] == kind]
            attention = caption.attention[word]
            has_peak = np.ptp(attention) > 0
            if boxes and has_peak:
                inside = _locate_boxes(boxes, caption.grid, size)
                hits.append(inside[attention.argmax()])
                chances.append(inside.mean())
    if not hits:
        return {"pointing": None, "pointing_chance": None}
    return {"pointing": float(np.mean(hits)), "pointing_chance": float(np.mean(chances))}


def _locate_boxes(boxes: Sequence[Sequence[float]], grid: tuple[int, int], size: int) -> np.ndarray:
    """Return which locations (L) have their centre in a box."""
    rows, columns = grid
    x, y = np.meshgrid(
        (np.arange(columns) + 0.5) * size / columns, (np.arange(rows) + 0.5) * size / rows
    )
    inside = np.zeros(rows * columns, bool)
    for left, top, right, bottom in boxes:
        inside |= ((left <= x) & (x < right) & (top <= y) & (y < bottom)).ravel()
    return inside
