"""The report page of a captioner: scores, photos with captions and attention, and curves.

train.py writes it before the first epoch and after each one. Photos and captions are added with the
final scores, by train.py or by evaluate.py --report.
"""

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from data.text.language import LANGUAGE_NAMES, normalize_language
from pipeline.evaluation import Evaluation, Result
from reports.analysis import (
    ANALYSIS_FILE,
    OBJECT_COLUMNS,
    compute_length_shares,
    describe_search,
    list_beam_scores,
    list_wrong_objects,
)
from reports.charts import (
    Chart,
    Line,
    make_bar_chart,
    make_line_chart,
    make_reliability_chart,
)
from reports.page import Section, Table, describe_splits, make_epochs_section, make_line, write_page
from reports.page_photos import (
    STEPS,
    PhotoCard,
    choose_attention,
    choose_photos,
    make_word_tiles,
)
from reports.score_names import format_score, get_score_name
from reports.scores import (
    FOLD_COLUMNS,
    SCENE_COLUMNS,
    describe_folds,
    list_fold_scores,
    list_scene_scores,
    list_scores,
)
from utils import runs
from utils.calibration import read_calibration
from utils.hugging_face import describe
from utils.metrics.captions import SCORE_KEYS

# Scores on val in one chart each, with their colours.
_CHARTS = {
    "CIDEr": {"CIDEr": 2},
    "BLEU and ROUGE-L": {"BLEU-1": 5, "BLEU-2": 3, "BLEU-4": 1, "ROUGE-L": 4},
    "NIST": {"NIST-2": 3, "NIST-4": 1},
}
_TEACHER_FORCED = (
    "loss and accuracy are teacher-forced: each word is predicted from the true words before it"
)


def write_captioner_page(
    run: Path, evaluation: Evaluation | None = None, result: Result | None = None
) -> Path:
    """Write the page, with photos and captions if there is a result; return the file."""
    saved = runs.read_config(run)
    scores = runs.read_scores(run)
    language = _normalize_code(str(saved.get("language") or "und"))
    language_name = LANGUAGE_NAMES.get(normalize_language(language), "of another language")
    facts = [("photos", describe_splits(run)), ("captions", f"{language_name} ({language})")]
    if saved.get("from"):
        facts.append(("started from", Path(describe(saved["from"])).name))
    if scores:
        facts.append((f"CIDEr on {scores['split']}", format_score(scores["CIDEr"])))

    sections = [
        _make_scores_section(run, scores, result),
        _make_reliability_section(run, result),
    ]
    if evaluation and result:
        groups = choose_photos(evaluation, result)
        if groups:
            sections.append(_make_photos_section(groups, result.split, language))
            sections.append(_make_attention_section(groups, language))
    charts = make_charts(runs.read_history(run), runs.find_best_epoch(run))
    sections.append(make_epochs_section(run, charts))
    return write_page(run, saved, facts, sections)


def _normalize_code(language: str) -> str:
    """Return the language's code as HTML has it: ko-KR."""
    _, *rest = language.replace("_", "-").split("-")
    return "-".join([normalize_language(language), *rest])


def make_charts(history: Sequence[dict[str, Any]], best: int | None) -> list[Chart | None]:
    """Return a chart of the losses and of each kind of score; None if the history has none."""
    on_true_words = [row for row in history if "reward" not in row]  # else the loss is the reward's
    losses = [
        make_line(on_true_words, "loss", "training", 1),
        make_line(history, "val_loss", "validation", 2),
    ]
    charts = [make_line_chart("Loss, teacher-forced", losses, best=best)]
    for title, colours in _CHARTS.items():
        lines = []
        for name, colour in colours.items():
            key = SCORE_KEYS[name]
            forced = f"forced_{key}"
            lines.append(make_line(history, key, name, colour))
            lines.append(make_line(history, forced, get_score_name(forced), colour, is_dashed=True))
        charts.append(make_line_chart(f"{title} on val", lines, best=best, from_zero=True))

    lines = []
    for colour, key in enumerate(_find_accuracies(history), start=1):
        lines.append(make_line(history, key, get_score_name(key), colour))
    charts.append(make_line_chart("Accuracy on val, teacher-forced", lines, best=best))
    rewards = [
        make_line(history, "reward", "sampled captions", 6),
        make_line(history, "greedy_reward", "greedy captions", 5),
    ]
    charts.append(make_line_chart("Reward on train", rewards, best=best))
    return charts


def _find_accuracies(history: Sequence[dict[str, Any]]) -> list[str]:
    """Return the keys of the top-k accuracies in the history."""
    keys: set[str] = set().union(*history)
    return sorted(key for key in keys if key.startswith("Top"))


def _make_scores_section(
    run: Path, scores: dict[str, Any] | None, result: Result | None
) -> Section | None:
    """Return the section with the final scores and the analysis; None if there are neither."""
    notes = [_TEACHER_FORCED]
    analysis = None
    file = run / ANALYSIS_FILE
    if file.is_file():
        saved_analysis = json.loads(file.read_text(encoding="utf-8"))
        notes += saved_analysis["notes"]
        analysis = _describe_analysis(saved_analysis)
    if not scores and not analysis:
        return None
    if result:
        notes += result.notes

    tables = []
    if scores:
        caption = f"At the end of training, on the {scores['images']:,} photos of {scores['split']}"
        tables.append(Table(caption, ["score", "value"], list_scores(scores)))
        scene_rows = list_scene_scores(scores)
        if scene_rows:
            tables.append(Table("Facts of the scenes", SCENE_COLUMNS, scene_rows))
    folds = runs.read_folds(run)
    if folds:
        caption = describe_folds(folds).capitalize()
        tables.append(Table(caption, FOLD_COLUMNS, list_fold_scores(folds)))
    content = {
        "tables": tables,
        "analysis": analysis,
        "notes": list(dict.fromkeys(notes)),
    }
    return Section("Scores", "captioner_scores.html", content)


def _describe_analysis(analysis: dict[str, Any]) -> dict[str, Any]:
    """Return what the page shows of an analysis by evaluate.py --report."""
    columns, rows = list_beam_scores(analysis)
    dataset = Path(analysis["dataset"]).name
    caption = (
        f"Scores by beam width, on the {analysis['photos']:,} photos of {analysis['split']}, "
        f"{dataset}"
    )
    lengths = compute_length_shares(**analysis["lengths"])
    chart = make_bar_chart(
        f"Words a caption, with {describe_search(analysis)}",
        lengths.names,
        [("captions", lengths.captions), ("true captions", lengths.references)],
        unit="number of words",
    )
    words = analysis["vocabulary"]
    novel = "not known" if analysis["novel"] is None else f"{analysis['novel']:.1%}"
    facts = [
        ("free-running loss", format_score(analysis["free_running"]["loss"])),
        (
            "different words",
            f"{words['captions']:,} of {words['known']:,} known {words['unit']}; "
            f"{words['references']:,} in the true captions",
        ),
        ("captions that are not in the training captions", novel),
        ("different captions", f"{analysis['distinct']:.1%}"),
    ]
    tables = [Table(caption, ["score", *columns], rows)]
    objects = list_wrong_objects(analysis)
    if objects:
        tables.append(
            Table("Objects most often named and not in the photo", OBJECT_COLUMNS, objects)
        )
    return {"tables": tables, "chart": chart, "facts": facts}


def _make_reliability_section(run: Path, result: Result | None) -> Section | None:
    """Return the section with the reliability of scores; None if they are not calibrated."""
    calibration = read_calibration(run)
    if calibration is None:
        return None
    measured = {f"val, held out ({calibration.captions:,} captions)": calibration.reliability}
    if result and result.reliability and result.split != "val":
        measured[f"{result.split} ({len(result.captions):,} captions)"] = result.reliability
    lines = []
    facts = []
    for number, (name, reliability) in enumerate(measured.items(), start=1):
        points = [(point.score, point.accepted) for point in reliability.points]
        lines.append(Line(name, points, number))
        facts += [
            (f"accepted, {name}", f"{reliability.accepted:.1%}"),
            (
                f"Brier score, {name}",
                f"{format_score(reliability.brier)}; of one score for all "
                f"{format_score(reliability.brier_of_share)}",
            ),
            (f"calibration error, {name}", format_score(reliability.error)),
        ]
    bound = f"{calibration.bound:g}"
    title = f"Share of captions with a CIDEr of at least {bound}, by score"
    content = {"bound": bound, "chart": make_reliability_chart(title, lines), "facts": facts}
    return Section("Reliability of scores", "captioner_reliability.html", content)


def _make_photos_section(groups: dict[str, list[PhotoCard]], split: str, language: str) -> Section:
    bounds = [f"below {STEPS[0]:g}"]
    bounds += [f"{low:g} to {high:g}" for low, high in pairwise(STEPS)]
    bounds.append(f"{STEPS[-1]:g} and above")
    content = {"groups": groups, "bounds": bounds, "split": split, "language": language}
    return Section("Photos and captions", "captioner_photos.html", content)


def _make_attention_section(groups: dict[str, list[PhotoCard]], language: str) -> Section | None:
    cards = choose_attention(groups)
    if not cards:
        return None
    strips = []
    if any(np.ptp(card.caption.attention) for card in cards):
        strips = [(card, make_word_tiles(card)) for card in cards]
    content = {"strips": strips, "language": language}
    return Section("Attention", "captioner_attention.html", content)
