"""What `python evaluate.py --report` adds to the scores: searches of several widths, lengths, words, novelty, best and worst
photos; and pictures of captions with attention, with which training ends too."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config import Settings
from data.text.tokenizer import SPECIAL_TOKENS
from pipeline.evaluation import Subject, tokenizer_for
from utils import runs
from utils.errors import UserError
from utils.files import write_json
from utils.metrics.captions import SCORE_KEYS, SCORES_WITHOUT_JAVA
from utils.metrics.java import ScoreUnavailable
from utils.plots.fonts import wrap
from utils.terminal import say

if TYPE_CHECKING:
    from pipeline.evaluation import Result

BEAMS = (1, 3, 5)
EXTREMES = 10  # photos among the best, and among the worst
# Of a search, as far as they are there: METEOR takes seconds, SPICE minutes.
OF_A_BEAM = (
    *SCORES_WITHOUT_JAVA,
    "METEOR",
    "facts_precision",
    "facts_recall",
    "pointing",
    "captions_per_second",
)
OF_CHANCE = ("sample", "temperature", "top_k", "top_p")
_WIDTH, _BAR, _ROWS = 100, 32, 20  # of the terminal, of a histogram's longest bar, of a histogram


def write_analysis(run: Path, subject: Subject, result: "Result") -> dict[str, Any]:
    """The report, which is also written into the run as results/report.json; what is in it: checkpoints/README.md."""
    from models.training.teacher_forcing import FreeRunningEvaluator

    said = [caption.text for caption in result.captions]
    best, worst = find_extremes(result, subject.scorer.score_photos_by_cider(said))
    top = f"Top{subject.settings.training.top}"
    forced = {"loss": result.scores["loss"], top: result.scores[top]} | {
        name.removeprefix("forced_"): score
        for name, score in result.scores.items()
        if name.startswith("forced_")
    }
    free = FreeRunningEvaluator(subject.captioner.decoder)(subject.batches.epoch(0, shuffle=False))
    learned = load_training_captions(run, subject)
    lost = (
        []
        if learned
        else [
            "the captions that the run has learned from are gone: how many are novel is not known"
        ]
    )
    found = {
        "dataset": subject.settings.data.dataset,
        "split": result.split,
        "photos": len(said),
        "beam": subject.settings.search.beam,
        "sample": subject.settings.search.sample,
        "beams": {str(beam): _beam(subject, result, beam) for beam in BEAMS},
        "teacher_forced": forced,
        "free_running": {"loss": free},
        **describe_captions(
            said, [text for captions in subject.references for text in captions], learned, subject
        ),
        "best": best,
        "worst": worst,
        "notes": result.notes + lost,
    }
    write_json(run / "results" / "report.json", found)
    return found


def _beam(subject: Subject, result: "Result", beam: int) -> dict[str, float | None]:
    """Scores and speed of a search of this width, all else as it is set; those in hand are not worked out again."""
    search = subject.settings.search
    scores = result.scores
    if search.sample or search.beam != beam:
        others = {name: value for name, value in subject.search.items() if name not in OF_CHANCE}
        captions, seconds = subject.captions(**others | {"beam": beam, "sample": False})
        said = [caption.text for caption in captions]
        scores = subject.scorer.score(said) | {
            "METEOR": None,
            "captions_per_second": len(said) / seconds,
        }
        if result.scores["METEOR"] is not None:
            try:
                scores |= subject.scorer.score(said, ["METEOR"])
            except ScoreUnavailable as error:
                say(f"METEOR with beam {beam}: {error}")
        scores |= subject.scene_scores(captions)
    return {name: scores[name] for name in OF_A_BEAM if name in scores}


def load_training_captions(run: Path, subject: Subject) -> list[str]:
    """The captions that the run has learned from; none where its dataset is gone."""
    if subject.trained_on is not None:
        return [caption for photo in subject.trained_on for caption in photo.captions]
    from pipeline import dataset as stages

    saved = runs.read_config(run)
    try:
        dataset = stages.read_dataset(
            Path(saved["dataset"]), Settings.of_run(saved, strict=False).data
        )
    except UserError:
        return []
    names = set(runs.read_splits(run)["train"])
    return [
        caption
        for example in dataset.examples
        for caption in example.captions
        if os.path.relpath(example.photo, dataset.folder).replace(os.sep, "/") in names
    ]


def describe_captions(
    said: Sequence[str], true: Sequence[str], learned: Sequence[str], subject: Subject
) -> dict[str, Any]:
    """How long the captions are, how many different words they have, and how many of them stand among those learned from or
    among each other, beside the true captions. Words are those that the scores count."""
    tokenize = tokenizer_for(subject.language)
    captions, references = ([tuple(tokenize(text)) for text in texts] for texts in (said, true))
    known = {tuple(tokenize(text)) for text in learned}
    tokenizer = subject.captioner.tokenizer
    return {
        "lengths": {"captions": _lengths(captions), "references": _lengths(references)},
        "vocabulary": {
            "captions": len(set().union(*captions)),
            "references": len(set().union(*references)),
            "known": len(tokenizer) - len(SPECIAL_TOKENS),
            "unit": tokenizer.token_name,
        },
        "novel": sum(caption not in known for caption in captions) / len(captions)
        if known
        else None,
        "distinct": len(set(captions)) / len(captions),
    }


def _lengths(captions: Iterable[Sequence[str]]) -> dict[str, int]:
    """How many captions have so many words, by that number."""
    return {str(length): count for length, count in sorted(Counter(map(len, captions)).items())}


def find_extremes(
    result: "Result", ciders: Sequence[float]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The best photos by their captions' CIDEr, the best first, and the worst, the worst first; no photo is in both."""
    order = sorted(range(len(ciders)), key=lambda index: -ciders[index])
    half = -(-len(order) // 2)
    best, worst = order[:half][:EXTREMES], order[half:][::-1][:EXTREMES]
    rows = [
        {
            "photo": photo.name,
            "CIDEr": cider,
            "caption": caption.text,
            "references": list(photo.captions),
        }
        for photo, caption, cider in zip(result.photos, result.captions, ciders, strict=True)
    ]
    return [rows[index] for index in best], [rows[index] for index in worst]


def format_analysis(found: dict[str, Any]) -> str:
    """The report as lines for a terminal."""
    forced, words = found["teacher_forced"], found["vocabulary"]
    names = {name: key for name, key in SCORE_KEYS.items() if key != "SPICE"}
    names |= {
        key.replace("_", " "): key for key in OF_A_BEAM if key.startswith(("facts", "pointing"))
    }
    names |= {"captions a second": "captions_per_second", "loss": "loss"}
    names |= {
        f"top-{key.removeprefix('Top')} accuracy": key for key in forced if key.startswith("Top")
    }
    columns = {f"beam {beam}": scores for beam, scores in found["beams"].items()} | {
        "teacher-forced": forced
    }
    asked = "words drawn at random" if found["sample"] else f"beam {found['beam']}"
    novel = "–" if found["novel"] is None else f"{found['novel']:.3f}"
    lines = ["", " " * 18 + "".join(f"{name:>16}" for name in columns)]
    lines += [
        (
            f"{name:18}" + "".join(f"{_shown(scores, key):>16}" for scores in columns.values())
        ).rstrip()
        for name, key in names.items()
        if any(key in scores for scores in columns.values())
    ]
    lines += [
        "teacher-forced: each word foretold from the true ones before it (in scores: of each first caption)",
        f"free-running loss: {found['free_running']['loss']:.3f} (the true words, foretold from the network's own)",
        "",
        f"captions with {asked}, beside the true captions",
        *_histogram(**found["lengths"]),
        f"different words: {words['captions']:,}, in the true captions {words['references']:,}; the vocabulary has "
        f"{words['known']:,} {words['unit']}",
        f"novel (not among the captions learned from): {novel} of the captions; distinct: {found['distinct']:.3f}",
    ]
    for title, rows in (("best", found["best"]), ("worst", found["worst"])):
        lines += ["", f"the {title} by CIDEr"] if rows else []
        for row in rows:
            lines += [
                f"{row['CIDEr']:7.3f}  {row['photo']}",
                _cut(f"says:  {row['caption']}"),
                _cut(f"true:  {row['references'][0]}"),
            ]
    return "\n".join(lines)


def _shown(scores: dict[str, float | None], key: str) -> str:
    """A score as it stands in the table: nothing where there is none, a dash where it could not be computed."""
    if key not in scores:
        return ""
    return (
        "–"
        if scores[key] is None
        else f"{scores[key]:.{0 if key == 'captions_per_second' else 3}f}"
    )


def _cut(line: str) -> str:
    """The line, indented, with what goes beyond the terminal left out."""
    lines = wrap(line, _WIDTH - 11)
    return " " * 9 + lines[0] + " …" * (len(lines) > 1)


@dataclass(frozen=True)
class LengthShares:
    """Captions by their number of words, and the true ones: shares of each kind, the longest together as `24+`."""

    names: list[str]
    captions: list[float]
    references: list[float]


def compute_length_shares(captions: dict[str, int], references: dict[str, int]) -> LengthShares:
    """Shares of the numbers of captions by length."""
    lengths = [int(length) for length in (*captions, *references)]
    first = min(lengths)
    last = min(max(lengths), first + _ROWS - 1)

    def shares(counts: dict[str, int]) -> list[float]:
        found = Counter()
        for length, count in counts.items():
            found[min(int(length), last)] += count / sum(counts.values())
        return [found[length] for length in range(first, last + 1)]

    names = [
        f"{length}{'+' * (length == last < max(lengths))}" for length in range(first, last + 1)
    ]
    return LengthShares(names, shares(captions), shares(references))


def _histogram(captions: dict[str, int], references: dict[str, int]) -> list[str]:
    """A line for each length with a bar for the captions and one for the true ones; the longest lengths share the last."""
    shares = compute_length_shares(captions, references)
    most = max(*shares.captions, *shares.references)
    means = [
        sum(int(length) * count for length, count in counts.items()) / sum(counts.values())
        for counts in (captions, references)
    ]
    titles = [
        f"{title}, mean {mean:.1f}"
        for title, mean in zip(("captions", "true captions"), means, strict=True)
    ]
    lines = [f"{'words':>8}  {titles[0]:{_BAR + 8}}  {titles[1]}"]
    for name, *pair in zip(shares.names, shares.captions, shares.references, strict=True):
        bars = [f"{share:6.1%} {'#' * round(share / most * _BAR):{_BAR}}" for share in pair]
        lines.append(
            f"{name.removesuffix('+'):>7}{'+' if name.endswith('+') else ' '}  {'   '.join(bars)}".rstrip()
        )
    return lines
