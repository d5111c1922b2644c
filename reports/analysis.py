"""The analysis of evaluate.py --report: beam widths, caption lengths, words, best and worst photos.

It is printed, written into the run as results/report.json (described in checkpoints/README.md), and
shown on the run's page.
"""

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Settings
from data.text.tokenizer import SPECIAL_TOKENS
from models.training.teacher_forced_scores import FreeRunningEvaluator
from pipeline import dataset as stages
from pipeline.evaluation import Evaluation, Result, choose_scoring_tokenizer
from reports.score_names import CONTENT_SCORES, format_score, get_score_name
from utils import runs
from utils.errors import UserError
from utils.files import write_json
from utils.metrics.captions import SCORE_KEYS, SCORES_WITHOUT_JAVA
from utils.metrics.chair import ObjectCount
from utils.metrics.java import ScoreUnavailable
from utils.tables import format_table
from utils.terminal import say

ANALYSIS_FILE = Path("results", "report.json")  # in the run's folder
BEAMS = (1, 3, 5)
EXTREMES = 10  # photos with the best captions, and with the worst; objects most often wrong
# Scores of each beam width. METEOR takes seconds; SPICE would take minutes.
BEAM_SCORES = (
    *SCORES_WITHOUT_JAVA,
    "METEOR",
    *CONTENT_SCORES,
    "facts_precision",
    "facts_recall",
    "pointing",
    "captions_per_second",
)
SAMPLING_SETTINGS = ("sample", "temperature", "top_k", "top_p")
_LONGEST_BAR = 32  # characters
_MOST_LENGTHS = 20  # rows of the histogram; the longest captions share the last one


def write_analysis(run: Path, evaluation: Evaluation, result: Result) -> dict[str, Any]:
    """Analyse the captions of a result, write the analysis into the run, and return it."""
    captions = [caption.text for caption in result.captions]
    references = list(itertools.chain.from_iterable(evaluation.references))
    training_captions = load_training_captions(run, evaluation)
    notes = list(result.notes)
    if not training_captions:
        notes.append("the training captions are gone: how many captions are novel is not known")
    best, worst = find_extremes(result, evaluation.scorer.score_photos_by_cider(captions))
    free_running = FreeRunningEvaluator(evaluation.captioner.decoder)
    analysis = {
        "dataset": evaluation.settings.data.dataset,
        "split": result.split,
        "photos": len(captions),
        "beam": evaluation.settings.search.beam,
        "sample": evaluation.settings.search.sample,
        "beams": {str(beam): _score_beam(evaluation, result, beam) for beam in BEAMS},
        "teacher_forced": _select_teacher_forced(evaluation, result),
        "free_running": {"loss": free_running(evaluation.batches.epoch(0, shuffle=False))},
        **describe_captions(captions, references, training_captions, evaluation),
        "best": best,
        "worst": worst,
        "notes": notes,
    }
    if evaluation.objects is not None:
        analysis["objects"] = _list_wrong_objects(evaluation.objects.count(captions))
    write_json(run / ANALYSIS_FILE, analysis)
    return analysis


def _list_wrong_objects(counts: Sequence[ObjectCount]) -> list[dict[str, Any]]:
    """Return the objects that captions most often name where the photo does not show them."""
    wrong = [count._asdict() for count in counts if count.wrong]
    return wrong[:EXTREMES]


def _select_teacher_forced(evaluation: Evaluation, result: Result) -> dict[str, float | int | None]:
    """Return the teacher-forced scores, named as those of captions are."""
    top = f"Top{evaluation.settings.training.top}"
    scores = {"loss": result.scores["loss"], top: result.scores[top]}
    for name, score in result.scores.items():
        if name.startswith("forced_"):
            scores[name.removeprefix("forced_")] = score
    return scores


def _score_beam(evaluation: Evaluation, result: Result, beam: int) -> dict[str, float | None]:
    """Return scores and speed of this beam width; the result's own, if that is how it was made."""
    search = evaluation.settings.search
    scores = result.scores
    if search.sample or search.beam != beam:
        scores = _caption_with_beam(evaluation, beam, with_meteor=scores["METEOR"] is not None)
    return {name: scores[name] for name in BEAM_SCORES if name in scores}


def _caption_with_beam(
    evaluation: Evaluation, beam: int, *, with_meteor: bool
) -> dict[str, float | None]:
    """Caption all photos with this beam width and score the captions."""
    search = {"beam": beam, "sample": False}
    for name, value in evaluation.search.items():
        if name not in search and name not in SAMPLING_SETTINGS:
            search[name] = value
    captions, seconds = evaluation.caption(**search)
    texts = [caption.text for caption in captions]
    scores = evaluation.scorer.score(texts)
    scores["METEOR"] = None
    if with_meteor:
        try:
            scores |= evaluation.scorer.score(texts, ["METEOR"])
        except ScoreUnavailable as error:
            say(f"METEOR with beam {beam}: {error}")
    scores["captions_per_second"] = len(texts) / seconds
    return scores | evaluation.score_content(captions)


def load_training_captions(run: Path, evaluation: Evaluation) -> list[str]:
    """Return the captions that the run was trained on; none if its dataset is gone."""
    if evaluation.trained_on is not None:
        return list(itertools.chain(*(photo.captions for photo in evaluation.trained_on)))
    saved = runs.read_config(run)
    settings = Settings.from_config(saved, strict=False)
    try:
        dataset = stages.read_source(Path(saved["dataset"]), settings.data)
    except UserError:
        return []
    names = set(runs.read_splits(run)["train"])
    captions = []
    for example in dataset.examples:
        name = os.path.relpath(example.photo, dataset.folder).replace(os.sep, "/")
        if name in names:
            captions += example.captions
    return captions


def describe_captions(
    captions: Sequence[str],
    references: Sequence[str],
    training_captions: Sequence[str],
    evaluation: Evaluation,
) -> dict[str, Any]:
    """Return lengths and words of captions and references, and shares of novel and distinct ones.

    A novel caption is not among the training captions. Words are those that the scores count.
    """
    tokenize = choose_scoring_tokenizer(evaluation.language)
    captions = [tuple(tokenize(text)) for text in captions]
    references = [tuple(tokenize(text)) for text in references]
    known = {tuple(tokenize(text)) for text in training_captions}
    tokenizer = evaluation.captioner.tokenizer
    novel = None
    if known:
        novel = sum(caption not in known for caption in captions) / len(captions)
    return {
        "lengths": {
            "captions": _count_lengths(captions),
            "references": _count_lengths(references),
        },
        "vocabulary": {
            "captions": len(set().union(*captions)),
            "references": len(set().union(*references)),
            "known": len(tokenizer) - len(SPECIAL_TOKENS),
            "unit": tokenizer.token_name,
        },
        "novel": novel,
        "distinct": len(set(captions)) / len(captions),
    }


def _count_lengths(captions: Iterable[Sequence[str]]) -> dict[str, int]:
    """Return the number of captions by their number of words."""
    counts = Counter(len(caption) for caption in captions)
    return {str(length): count for length, count in sorted(counts.items())}


def find_extremes(
    result: Result, ciders: Sequence[float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the photos with the best CIDEr and those with the worst, the most extreme first."""
    rows = []
    for photo, caption, cider in zip(result.photos, result.captions, ciders, strict=True):
        row = {
            "photo": photo.name,
            "CIDEr": cider,
            "caption": caption.text,
            "references": list(photo.captions),
        }
        rows.append(row)
    rows.sort(key=lambda row: -row["CIDEr"])
    half = (len(rows) + 1) // 2
    best, worst = rows[:half], rows[half:]
    return best[:EXTREMES], worst[::-1][:EXTREMES]


def list_beam_scores(analysis: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Return the columns (beam widths and teacher forcing), and a row for each score."""
    columns = {f"beam {beam}": scores for beam, scores in analysis["beams"].items()}
    forced = analysis["teacher_forced"]
    columns["teacher-forced"] = forced
    keys = [*SCORE_KEYS.values(), *BEAM_SCORES, "loss", *forced]
    rows = []
    for key in dict.fromkeys(keys):
        if not any(key in scores for scores in columns.values()):
            continue
        digits = 0 if key == "captions_per_second" else 3
        cells = [get_score_name(key)]
        for scores in columns.values():
            if key in scores:
                cells.append(format_score(scores[key], digits))
            else:
                cells.append("")
        rows.append(cells)
    return list(columns), rows


OBJECT_COLUMNS = ("object", "named", "not in the photo")


def list_wrong_objects(analysis: dict[str, Any]) -> list[list[str]]:
    """Return rows for OBJECT_COLUMNS; none where nothing says what photos show."""
    rows = []
    for count in analysis.get("objects", []):
        rows.append([count["name"], f"{count['mentions']:,}", f"{count['wrong']:,}"])
    return rows


def describe_search(analysis: dict[str, Any]) -> str:
    """Return how the captions were searched for."""
    if analysis["sample"]:
        return "words drawn at random"
    return f"beam {analysis['beam']}"


def format_analysis(analysis: dict[str, Any]) -> str:
    """Return the analysis as text for the terminal."""
    columns, rows = list_beam_scores(analysis)
    words = analysis["vocabulary"]
    novel = format_score(analysis["novel"])
    lines = [
        "",
        format_table(["score", *columns], rows, numbers=columns),
        "teacher-forced: each word is predicted from the true words before it",
        f"free-running loss: {analysis['free_running']['loss']:.3f} (the true words, "
        "predicted from the network's own words before them)",
        "",
        f"lengths with {describe_search(analysis)}",
        format_lengths(**analysis["lengths"]),
        "",
        f"different words: {words['captions']:,}; in the true captions {words['references']:,}; "
        f"the vocabulary has {words['known']:,} {words['unit']}",
        f"novel captions (not among the training captions): {novel}; "
        f"distinct captions: {analysis['distinct']:.3f}",
    ]
    objects = list_wrong_objects(analysis)
    if objects:
        table = format_table(OBJECT_COLUMNS, objects, numbers=OBJECT_COLUMNS[1:])
        lines += ["", "objects most often named and not there", table]
    for title in ("best", "worst"):
        if analysis[title]:
            lines += ["", f"the {title} by CIDEr", _format_extremes(analysis[title])]
    return "\n".join(lines)


def _format_extremes(photos: Sequence[dict[str, Any]]) -> str:
    rows = []
    for photo in photos:
        cider = format_score(photo["CIDEr"])
        rows.append([cider, photo["photo"], photo["caption"], photo["references"][0]])
    columns = ["CIDEr", "photo", "caption", "true caption"]
    return format_table(columns, rows, numbers=["CIDEr"])


@dataclass(frozen=True)
class LengthShares:
    """Shares of captions and true captions by length; the longest together, as 24+."""

    names: list[str]
    captions: list[float]
    references: list[float]


def compute_length_shares(captions: dict[str, int], references: dict[str, int]) -> LengthShares:
    """Return shares for the numbers of captions by length."""
    lengths = [int(length) for length in (*captions, *references)]
    first, longest = min(lengths), max(lengths)
    last = min(longest, first + _MOST_LENGTHS - 1)
    shown = range(first, last + 1)
    names = [str(length) for length in shown]
    if longest > last:
        names[-1] += "+"
    return LengthShares(names, _compute_shares(captions, shown), _compute_shares(references, shown))


def _compute_shares(counts: dict[str, int], lengths: range) -> list[float]:
    total = sum(counts.values())
    shares = Counter()
    for length, count in counts.items():
        shares[min(int(length), lengths[-1])] += count / total
    return [shares[length] for length in lengths]


def format_lengths(captions: dict[str, int], references: dict[str, int]) -> str:
    """Return a histogram: for each length a bar for captions and one for true captions."""
    shares = compute_length_shares(captions, references)
    largest = max(*shares.captions, *shares.references)
    rows = []
    for name, *pair in zip(shares.names, shares.captions, shares.references, strict=True):
        bars = [f"{share:6.1%} {'#' * round(share / largest * _LONGEST_BAR)}" for share in pair]
        rows.append([name, *bars])
    columns = [
        "words",
        f"captions, mean {_compute_mean(captions):.1f}",
        f"true captions, mean {_compute_mean(references):.1f}",
    ]
    return format_table(columns, rows, numbers=["words"])


def _compute_mean(counts: dict[str, int]) -> float:
    words = sum(int(length) * count for length, count in counts.items())
    return words / sum(counts.values())
