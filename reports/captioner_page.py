"""The page of a run that captions, report.html in its folder: scores, photos with captions and attention, curves.

train.py writes it from before the first epoch on, and evaluate.py --report makes it anew; photos come with the scores.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data.photos.images import UnreadablePhoto, read_photo
from data.text.language import LANGUAGE_NAMES, normalize_language
from pipeline.evaluation import Subject, tokenizer_for
from reports.analysis import compute_length_shares
from reports.charts import bar_chart, line_chart
from reports.html import Html, element, facts, items, joined, picture, table
from reports.page import (
    describe_splits,
    epochs_section,
    format_score,
    get_score_name,
    make_line,
    write_page,
)
from utils import runs
from utils.metrics.captions import SCORE_KEYS
from utils.metrics.cider_reward import CiderD
from utils.plots.attention import make_attention_tile
from utils.plots.figure import shrink

if TYPE_CHECKING:
    from pipeline.evaluation import Result

EXTREMES, SPREAD = 6, 12  # photos among the best, and among the worst; from all over the split
WORDS_OF = {
    "All over the split": 4,
    "The best by CIDEr": 2,
    "The worst by CIDEr": 2,
}  # photos whose words are shown
PHOTO, TILE = 400, 150  # pixels of the longer side of a photo, and of one with attention
STEPS = (0.25, 0.5, 1.0, 2.0)  # CIDEr from which on a caption has the next colour
_THIRDS = (
    ("upper left", "top", "upper right"),
    ("left", "middle", "right"),
    ("lower left", "bottom", "lower right"),
)


@dataclass(frozen=True)
class PhotoCard:
    """A photo on the page."""

    name: str
    pixels: np.ndarray
    caption: Any
    cider: float
    references: Sequence[str]
    ciders: Sequence[
        float | None
    ]  # of each true caption against the photo's others, where there are any


def write_captioner_page(
    run: Path, subject: Subject | None = None, result: "Result | None" = None
) -> Path:
    """Write the page, with photos of what was scored, where something was; where it is."""
    saved = runs.read_config(run)
    history = runs.read_history(run)
    groups = choose_photos(subject, result) if subject and result else {}
    language = _code(str(saved.get("language") or "und"))
    about = [
        ("photos", describe_splits(run)),
        (
            "captions",
            f"{LANGUAGE_NAMES.get(normalize_language(language), 'of another language')} ({language})",
        ),
    ]
    about += [("begun from", Path(saved["from"]).name)] if saved.get("from") else []
    if final := runs.read_scores(run):
        about.append((f"CIDEr on {final['split']}", format_score(final["CIDEr"])))
    split = result.split if result else ""
    return write_page(
        run,
        saved,
        about,
        [
            ("Scores", _scores(run, result)),
            ("Photos and captions", _photos(groups, split, language)),
            ("Where it looked", _strips(groups, language)),
            ("Epoch by epoch", epochs_section(run, make_charts(history, runs.kept_epoch(run)))),
        ],
    )


def _code(language: str) -> str:
    """The language's code as a page has it."""
    _, *rest = language.replace("_", "-").split("-")
    return "-".join([normalize_language(language), *rest])


def make_charts(history: Sequence[dict[str, Any]], best: int | None) -> list[Html]:
    """A chart of the losses and of each kind of score, of which the history has any."""
    true_words = [
        row for row in history if "reward" not in row
    ]  # else the loss is not that of the true words
    losses = [
        make_line(true_words, "loss", "training", 1),
        make_line(history, "val_loss", "validation", 2),
    ]
    charts = [line_chart("Loss, teacher-forced", losses, best=best)]
    kinds = {
        "CIDEr": {"CIDEr": 2},
        "BLEU and ROUGE-L": {"BLEU-1": 5, "BLEU-2": 3, "BLEU-4": 1, "ROUGE-L": 4},
        "NIST": {"NIST-2": 3, "NIST-4": 1},
    }
    for title, scores in kinds.items():
        lines = [
            make_line(history, key + SCORE_KEYS[name], name + told, colour, dashed=bool(key))
            for name, colour in scores.items()
            for key, told in (("", ""), ("forced_", ", teacher-forced"))
        ]
        charts.append(line_chart(f"{title} on val", lines, best=best, from_zero=True))
    tops = sorted({key for row in history for key in row if key.startswith("Top")})
    charts.append(
        line_chart(
            "Accuracy on val, teacher-forced",
            [
                make_line(history, key, get_score_name(key), place)
                for place, key in enumerate(tops, 1)
            ],
            best=best,
        )
    )
    rewards = [
        make_line(history, "reward", "drawn captions", 6),
        make_line(history, "greedy_reward", "greedy ones", 5),
    ]
    charts.append(line_chart("Reward on train", rewards, best=best))
    return [chart for chart in charts if chart]


def _scores(run: Path, result: "Result | None") -> Html:
    """The scores with which training ended, and what evaluate.py --report found; nothing where neither is there."""
    tables, file = [], run / "results" / "report.json"
    if final := runs.read_scores(run):
        rows = [[name, format_score(final.get(key))] for name, key in SCORE_KEYS.items()]
        rows += [
            [get_score_name(key), format_score(final[key])]
            for key in final
            if key == "loss" or key.startswith("Top")
        ]
        tables = [
            table(
                f"At the end of training, on the {final['images']:,} photos of {final['split']}",
                ["score", "value"],
                rows,
            ),
            _scene_scores(final),
        ]
    found = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    if not tables and not found:
        return Html()
    notes = [
        "loss and accuracy are teacher-forced: each word is foretold from the true ones before it",
        *(found or {}).get("notes", []),
        *(result.notes if result else []),
    ]
    return joined(
        [
            element("div", *tables, class_="tables"),
            _report(found) if found else None,
            items(dict.fromkeys(notes), class_="pale"),
        ]
    )


def _scene_scores(scores: dict[str, Any]) -> Html:
    """Of drawn scenes, whose facts are known."""
    if "facts_precision" not in scores:
        return Html()
    places = ("", "_references", "_shuffled")
    rows = [
        [f"facts {kind}", *(format_score(scores[f"facts_{kind}{place}"]) for place in places)]
        for kind in ("precision", "recall")
    ]
    rows.append(
        ["pointing", format_score(scores["pointing"]), "", format_score(scores["pointing_chance"])]
    )
    return table(
        "What is true in the drawn scenes", ["score", "captions", "true captions", "chance"], rows
    )


def _report(found: dict[str, Any]) -> Html:
    """What evaluate.py --report found."""
    forced, words = found["teacher_forced"], found["vocabulary"]
    columns = {f"beam {beam}": scores for beam, scores in found["beams"].items()} | {
        "teacher-forced": forced
    }
    keys = list(dict.fromkeys(key for scores in columns.values() for key in scores))
    rows = [
        [
            get_score_name(key),
            *(
                format_score(scores[key], 0 if key == "captions_per_second" else 3)
                if key in scores
                else ""
                for scores in columns.values()
            ),
        ]
        for key in keys
    ]
    lengths = compute_length_shares(**found["lengths"])
    novel = "not known" if found["novel"] is None else f"{found['novel']:.1%}"
    asked = "words drawn at random" if found["sample"] else f"beam {found['beam']}"
    told = [
        ("free-running loss", format_score(found["free_running"]["loss"])),
        (
            "different words",
            f"{words['captions']:,} of {words['known']:,} {words['unit']} known; in the true captions "
            f"{words['references']:,}",
        ),
        ("not among the captions learned from", novel),
        ("different captions", f"{found['distinct']:.1%}"),
    ]
    where = f"{found['photos']:,} photos of {found['split']}, {Path(found['dataset']).name}"
    bars = bar_chart(
        f"Words a caption, with {asked}",
        lengths.names,
        [("captions", lengths.captions), ("true captions", lengths.references)],
        under="number of words",
    )
    scores = table(f"Searches of several widths, on the {where}", ["score", *columns], rows)
    return joined(
        [
            element("h3", "Found by evaluate.py --report"),
            element("div", scores, bars, class_="tables"),
            facts(told),
        ]
    )


def choose_photos(subject: Subject, result: "Result") -> dict[str, list[PhotoCard]]:
    """Photos from all over the split, the best and the worst by CIDEr; in place of one that cannot be read another."""
    said = [caption.text for caption in result.captions]
    ciders = subject.scorer.score_photos_by_cider(said)
    order = sorted(range(len(said)), key=lambda index: -ciders[index])
    few = min(EXTREMES, len(order) // 4)
    pixels: dict[int, np.ndarray] = {}

    def readable(indices: Sequence[int], number: int) -> list[int]:
        """The first ones, so many, whose photos can be read and are not shown already."""
        chosen = []
        for index in indices:
            if len(chosen) == number:
                break
            if index in pixels:
                continue
            try:
                pixels[index] = shrink(read_photo(result.photos[index].path), PHOTO)
            except UnreadablePhoto:
                continue
            chosen.append(index)
        return chosen

    best, worst = readable(order, few), readable(order[::-1], few)
    rest = [index for index in range(len(said)) if index not in pixels]
    evenly = [rest[place * len(rest) // SPREAD] for place in range(SPREAD if rest else 0)]
    spread = readable([*evenly, *rest], SPREAD)
    human = score_true_captions(subject, [*spread, *best, *worst])
    groups = {"All over the split": spread, "The best by CIDEr": best, "The worst by CIDEr": worst}
    return {
        title: [
            PhotoCard(
                result.photos[index].name,
                pixels[index],
                result.captions[index],
                ciders[index],
                result.photos[index].captions,
                human[index],
            )
            for index in indices
        ]
        for title, indices in groups.items()
        if indices
    }


def score_true_captions(subject: Subject, indices: Sequence[int]) -> dict[int, list[float | None]]:
    """By photo: CIDEr of each true caption against the photo's others, words weighted as for the captions; None where
    there are no others."""
    tokenize = tokenizer_for(subject.language)
    documents = [
        [" ".join(tokenize(caption)) for caption in captions] for captions in subject.references
    ]
    pairs = [
        (index, place)
        for index in indices
        if len(documents[index]) > 1
        for place in range(len(documents[index]))
    ]
    others = [documents[index][:place] + documents[index][place + 1 :] for index, place in pairs]
    score = CiderD(others, documents=documents)
    found = {index: [None] * len(documents[index]) for index in indices}
    for number, (index, place) in enumerate(pairs):
        found[index][place] = score(number, documents[index][place])
    return found


def _photos(groups: dict[str, list[PhotoCard]], split: str, language: str) -> Html:
    """The gallery."""
    if not groups:
        return Html()
    bounds = [
        f"below {STEPS[0]:g}",
        *(f"{low:g} to {high:g}" for low, high in pairwise(STEPS)),
        f"{STEPS[-1]:g} and above",
    ]
    told = (
        f"Photos of {split}. In bold what the network says, below it what people say. Numbers and colours: CIDEr, how "
        "much of what a caption says is in the true captions, rare words counting more; of a true caption, how much is "
        "in the photo's others."
    )
    legend = element(
        "ul",
        *(element("li", bound, class_=f"step s{place}") for place, bound in enumerate(bounds)),
        class_="steps",
        aria_label="Colours of CIDEr",
    )
    parts = [element("p", told), legend]
    for title, photos in groups.items():
        parts += [
            element("h3", title),
            items((_card(photo, language) for photo in photos), class_="cards"),
        ]
    return joined(parts)


def _card(photo: PhotoCard, language: str) -> Html:
    """A photo, its caption and the true ones."""
    said = _caption("p", photo.caption.text, photo.cider, language, class_="said")
    true = element(
        "ul",
        *(
            _caption("li", text, cider, language)
            for text, cider in zip(photo.references, photo.ciders, strict=True)
        ),
        class_="true",
        aria_label="True captions",
    )
    return element(
        "figure",
        picture(photo.pixels, photo.references[0], lang=language),
        element("figcaption", said, true, element("p", photo.name, class_="pale")),
    )


def _caption(tag: str, text: str, cider: float | None, language: str, *, class_: str = "") -> Html:
    """A caption, its CIDEr as number and colour."""
    score = (
        None
        if cider is None
        else element(
            "span",
            element("span", "CIDEr", class_=None if class_ else "unseen"),
            f" {cider:.2f}",
            class_="score",
        )
    )
    step = "" if cider is None else f"s{sum(cider >= bound for bound in STEPS)}"
    return element(
        tag,
        score,
        element("span", text, lang=language, dir="auto"),
        class_=f"{class_} {step}".strip() or None,
    )


def _strips(groups: dict[str, list[PhotoCard]], language: str) -> Html:
    """Some of the photos word by word, with where the network looked before it said each."""
    chosen = [
        photo
        for title, photos in groups.items()
        for photo in photos[: WORDS_OF[title]]
        if photo.caption.words
    ]
    if not chosen:
        return Html()
    if not any(np.ptp(photo.caption.attention) for photo in chosen):
        return element(
            "p", "This network saw each photo once, before the first word, and has no attention."
        )
    told = "Bright is where the network looked as it wrote the word; the line is half of each picture's own peak."
    return joined(
        [
            element("p", told),
            element("div", *(_strip(photo, language) for photo in chosen), class_="strips"),
        ]
    )


def _strip(photo: PhotoCard, language: str) -> Html:
    """A photo's caption, a word and its map each."""
    small = shrink(photo.pixels, TILE)
    maps = photo.caption.attention.reshape(len(photo.caption.words), *photo.caption.grid)
    words = [
        joined(
            [
                picture(make_attention_tile(small, map_), f"looked most at the {_place(map_)}"),
                element("span", word, lang=language, dir="auto"),
            ]
        )
        for word, map_ in zip(photo.caption.words, maps, strict=True)
    ]
    return element(
        "figure",
        element(
            "figcaption",
            element("span", photo.caption.text, lang=language, dir="auto"),
            element("span", f" {photo.name}", class_="pale"),
        ),
        items(words, "ol", class_="strip"),
    )


def _place(map_: np.ndarray) -> str:
    """Where in the photo attention (rows, columns) is at its peak."""
    row, column = np.unravel_index(int(map_.argmax()), map_.shape)
    return _THIRDS[3 * int(row) // map_.shape[0]][3 * int(column) // map_.shape[1]]
