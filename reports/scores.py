"""Scores of a split as tables for the terminal, and the names that people know the scores by."""

from collections.abc import Mapping
from typing import Any

from pipeline.evaluation import Result
from utils.metrics.captions import SCORE_KEYS
from utils.tables import format_table

_NAMES = {key: name for name, key in SCORE_KEYS.items()}
_VAL_NAMES = {"val_loss": "loss on val", "val_accuracy": "accuracy on val"}


def get_score_name(key: str) -> str:
    """Return the name for people of a score, or of another number in history.jsonl."""
    if key.startswith("forced_"):
        return f"{get_score_name(key.removeprefix('forced_'))}, teacher-forced"
    if key.startswith("val_Top"):
        return f"{get_score_name(key.removeprefix('val_'))} on val"
    if key.startswith("Top"):
        return f"top-{key.removeprefix('Top')} accuracy"
    if key in _VAL_NAMES:
        return _VAL_NAMES[key]
    return _NAMES.get(key, key.replace("_", " "))


def format_score(value: float | None, digits: int = 3) -> str:
    """Return a score as a table shows it: a dash if it could not be computed."""
    if value is None:
        return "–"
    return f"{value:,.{digits}f}"


def list_scores(scores: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each score: coco-caption's, then loss and accuracy of teacher forcing."""
    rows = [[name, format_score(scores.get(key))] for name, key in SCORE_KEYS.items()]
    for key in scores:
        if key == "loss" or key.startswith("Top"):
            rows.append([get_score_name(key), format_score(scores[key])])
    return rows


SCENE_COLUMNS = ("score", "captions", "true captions", "chance")


def list_scene_scores(scores: Mapping[str, Any]) -> list[list[str]]:
    """Return rows for SCENE_COLUMNS: facts and pointing, which are known of scenes alone."""
    if "facts_precision" not in scores:
        return []
    rows = []
    for name in ("facts_precision", "facts_recall"):
        values = [scores[name + suffix] for suffix in ("", "_references", "_shuffled")]
        rows.append([get_score_name(name), *map(format_score, values)])
    chance = format_score(scores["pointing_chance"])
    rows.append(["pointing", format_score(scores["pointing"]), "", chance])
    return rows


def format_scores(result: Result) -> str:
    """Return all scores of a split as text for the terminal."""
    scores = result.scores
    speed = f"{scores['captions_per_second']:.0f} captions a second"
    parts = [
        f"{result.split}: {scores['images']} photos, {speed}",
        format_table(["score", "value"], list_scores(scores), numbers=["value"]),
    ]
    scene_rows = list_scene_scores(scores)
    if scene_rows:
        parts.append("")
        parts.append(format_table(SCENE_COLUMNS, scene_rows, numbers=SCENE_COLUMNS[1:]))
    parts += [f"note: {note}" for note in result.notes]
    return "\n".join(parts)
