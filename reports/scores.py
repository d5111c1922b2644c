"""Scores of a split as tables for the terminal."""

from collections.abc import Mapping
from typing import Any

from pipeline.classifier.evaluation import ClassResult
from pipeline.evaluation import Result
from reports.score_names import CONTENT_SCORES, format_score, get_score_name
from utils.metrics.captions import SCORE_KEYS
from utils.metrics.classes import find_mistakes
from utils.tables import format_table

SHOWN_CLASSES = 20  # with more, only the best and the worst are listed
SHOWN_EXTREMES = 5
SHOWN_MISTAKES = 3


def list_scores(scores: Mapping[str, Any]) -> list[list[str]]:
    """Return a row for each score: coco-caption's, of content, then of teacher forcing."""
    rows = [[name, format_score(scores.get(key))] for name, key in SCORE_KEYS.items()]
    rows += [[name, format_score(scores[name])] for name in CONTENT_SCORES if name in scores]
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
    parts += ["", *describe_score(scores)]
    parts += [f"note: {note}" for note in result.notes]
    return "\n".join(parts)


def describe_score(scores: Mapping[str, Any]) -> list[str]:
    """Return lines about the score that predict.py writes beside a caption."""
    correlation = format_score(scores.get("score_CIDEr_correlation"))
    line = f"score of a caption: rank correlation with its CIDEr {correlation}"
    if "score_Brier" not in scores:
        return [f"{line}; not calibrated"]
    accepted = scores["score_accepted"]
    return [
        line,
        f"calibrated: {accepted:.1%} of the captions have a CIDEr of at least "
        f"{scores['score_bound']:g}; Brier score {format_score(scores['score_Brier'])} (without "
        f"scores {format_score(accepted * (1 - accepted))}), calibration error "
        f"{format_score(scores['score_ECE'])}",
    ]


FOLD_COLUMNS = ("score", "all photos", "mean of the folds", "spread")


def list_fold_scores(folds: Mapping[str, Any]) -> list[list[str]]:
    """Return rows for FOLD_COLUMNS; the spread is the standard deviation of the folds."""
    rows = []
    for name, score in folds["together"].items():
        values = [score, folds["mean"][name], folds["spread"][name]]
        rows.append([get_score_name(name), *map(format_score, values)])
    return rows


def describe_folds(folds: Mapping[str, Any]) -> str:
    """Return how k-fold scores were made."""
    number = len(folds["folds"]["CIDEr"])
    return f"{number} folds of {folds['photos']:,} photos, each captioned by a decoder without it"


def format_folds(folds: Mapping[str, Any]) -> str:
    """Return k-fold scores as text for the terminal."""
    table = format_table(FOLD_COLUMNS, list_fold_scores(folds), numbers=FOLD_COLUMNS[1:])
    return f"\n{describe_folds(folds)}\n{table}\nnow the run that is kept, on its own splits\n"


def format_class_scores(result: ClassResult) -> str:
    """Return a classifier's scores for the terminal; of many classes the best and the worst."""
    scores = result.scores
    speed = f"{scores['images_per_second']:,.0f} a second"
    line = f"accuracy {scores['accuracy']:.3f}, loss {scores['loss']:.3f}"
    for key in scores:
        if key.startswith("Top"):
            line += f", {get_score_name(key)} {scores[key]:.3f}"
    parts = [f"{result.split}: {scores['images']:,} pictures, {speed}", line]
    parts += _list_classes(scores["accuracy_per_class"])
    names = list(scores["accuracy_per_class"])
    mistakes = find_mistakes(scores["confusion"], names, SHOWN_MISTAKES)
    if mistakes:
        pairs = [f"{true} for {predicted} ({times})" for true, predicted, times in mistakes]
        parts.append(f"most often mistaken: {', '.join(pairs)}")
    parts += [f"note: {note}" for note in result.notes]
    return "\n".join(parts)


def _list_classes(accuracies: Mapping[str, float | None]) -> list[str]:
    """Return a table of classes, or of many classes the best and the worst."""
    known = {name: share for name, share in accuracies.items() if share is not None}
    ordered = sorted(known, key=lambda name: -known[name])
    if len(known) <= SHOWN_CLASSES:
        rows = [[name, format_score(share)] for name, share in known.items()]
        return [format_table(["class", "accuracy"], rows, numbers=["accuracy"])]
    best = ", ".join(f"{name} {known[name]:.3f}" for name in ordered[:SHOWN_EXTREMES])
    worst = ", ".join(f"{name} {known[name]:.3f}" for name in ordered[: -SHOWN_EXTREMES - 1 : -1])
    return [f"the best of {len(known)} classes: {best}", f"the worst: {worst}"]
