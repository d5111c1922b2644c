"""What every run's page tells: settings that are not the default, curves by epoch, time and memory; and the page itself.

The page is made of what the run's folder holds, so that it can be made anew at any time; what more is known as it is
made (photos, their captions) is handed to it by `captioner_page.py` and `classifier_page.py`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any

import config
import presets
from config import Settings
from reports.charts import Line
from reports.html import Content, Html, document, element, facts, folded, joined, table
from utils import runs
from utils.files import write_text
from utils.metrics.captions import SCORE_KEYS
from utils.stopwatch import read_time_and_memory

FILE = "report.html"
# What the seconds of spent.json went to, in the order in which a run comes to it.
WENT_TO = {
    "reading": "reading captions and looking through photos",
    "features": "encoder and features",
    "preparing": "making the network ready",
    "training": "training",
    "validation": "scores on val after each epoch",
    "saving": "checkpoints, curves and this page after each epoch",
    "scoring": "scores and pictures at the end",
}


def write_page(
    run: Path,
    saved: dict[str, Any],
    about: Iterable[tuple[str, Content]],
    sections: Sequence[tuple[str, Html]],
) -> Path:
    """Write the page: what the run is `about`, the sections of its kind, then those that all runs have; where it is."""
    now = datetime.now().astimezone()
    when = element("time", f"{now:%Y-%m-%d %H:%M}", datetime=now.isoformat(timespec="minutes"))
    begun = facts(
        [
            ("preset", saved.get("preset", "inception-gru")),
            ("dataset", _dataset(saved)),
            *about,
            ("epochs", _state(run, saved)),
        ]
    )
    ends = [("Time and memory", _spent(run)), ("Settings", settings_section(saved))]
    foot = element(
        "p",
        "Made ",
        when,
        " from the files of the run's folder; nothing in it is loaded from elsewhere.",
    )
    file = run / FILE
    write_text(file, document(f"Run {run.absolute().name}", begun, [*sections, *ends], foot))
    return file


def _dataset(saved: dict[str, Any]) -> str:
    """The dataset's name, without the folders that it lies in."""
    return Path(saved["dataset"]).name if saved["dataset"] else "none of its own"


def _state(run: Path, saved: dict[str, Any]) -> str:
    """How far training has come."""
    done, best = len(runs.read_history(run)), runs.kept_epoch(run)
    told = f"{done} of {saved['epochs']}" + (
        "" if (run / "scores.json").is_file() else ", not finished yet"
    )
    return told + (f"; the best: {best}" if best else "")


def describe_splits(run: Path) -> str:
    """How many photos each split has."""
    return ", ".join(
        f"{split} {len(names):,}" for split, names in runs.read_splits(run).items() if names
    )


def format_score(value: float | None, digits: int = 3) -> str:
    """A score as it stands in a table: a dash where it could not be computed."""
    return "–" if value is None else f"{value:,.{digits}f}"


def make_line(
    history: Sequence[dict[str, Any]], key: str, name: str, colour: int, *, dashed: bool = False
) -> Line:
    """The line of one score."""
    return Line(
        name,
        [(row["epoch"], row[key]) for row in history if row.get(key) is not None],
        colour,
        dashed,
    )


def epochs_section(run: Path, charts: Sequence[Html]) -> Html:
    """Charts, and below them all numbers of all epochs."""
    history = runs.read_history(run)
    if not history:
        return element("p", "No epoch is done yet.")
    keys = list(dict.fromkeys(key for row in history for key in row if key != "epoch"))
    rows = [
        [
            str(row["epoch"]),
            *(format_score(row.get(key), 1 if key == "seconds" else 3) for key in keys),
        ]
        for row in history
    ]
    numbers = table(
        "Every epoch: losses and scores, and seconds of training",
        ["epoch", *map(get_score_name, keys)],
        rows,
    )
    return joined(
        [element("div", *charts, class_="charts"), folded("The numbers of every epoch", numbers)]
    )


def get_score_name(key: str) -> str:
    """What people call a score, or a number of the history."""
    names = {key: name for name, key in SCORE_KEYS.items()} | {
        "val_loss": "loss on val",
        "val_accuracy": "accuracy on val",
    }
    if key.startswith("forced_"):
        return f"{get_score_name(key.removeprefix('forced_'))}, teacher-forced"
    place, key = ("on val ", key.removeprefix("val_")) if key.startswith("val_Top") else ("", key)
    return (
        f"top-{key.removeprefix('Top')} accuracy {place}".strip()
        if key.startswith("Top")
        else names.get(key, key.replace("_", " "))
    )


def settings_section(saved: dict[str, Any]) -> Html:
    """The settings that are not the default, who wanted them so, and what each means; the others folded."""
    meanings = {
        each.name: each.metadata["meaning"] for group in config.GROUPS for each in fields(group)
    }
    meanings = {"preset": "the system that is trained"} | meanings
    default, wanted = Settings().flat(), _wanted(saved)
    own = {name: value for name, value in _of(saved).items() if name in default}
    other = [name for name in own if own[name] != default[name]]
    rows = [
        [
            joined([element("code", _flag(name)), element("small", _short(meanings[name]))], " "),
            joined(
                [_told(own[name]), *(element("small", why) for why in [wanted.get(name)] if why)],
                " ",
            ),
            _told(default[name]),
        ]
        for name in other
    ]
    rest = [[element("code", _flag(name)), _told(own[name])] for name in own if name not in other]
    differing = table(
        "Settings that differ from the default",
        ["setting", "this run", "default"],
        rows,
        class_="words",
    )
    return joined(
        [
            differing if rows else element("p", "All settings are the default."),
            folded(
                f"The other {len(rest)} settings, which are the default",
                table(
                    "Settings as they are by default", ["setting", "this run"], rest, class_="words"
                ),
            ),
        ]
    )


def _of(saved: dict[str, Any]) -> dict[str, Any]:
    """The settings that the run has to do with."""
    known = Settings.of_run(saved)
    if runs.is_classifier(saved):
        return known.of_a_classifier()
    foreign = {each.name for each in fields(config.Classes)}
    return {
        name: value for name, value in known.flat().items() if name in saved and name not in foreign
    }


def _wanted(saved: dict[str, Any]) -> dict[str, str]:
    """By setting: what other than the command line wanted this value, where something did."""
    classifier, preset = runs.is_classifier(saved), saved.get("preset", "inception-gru")
    kind = ("trunk",) if classifier else ("decoder", "decoder_weights", "attention")
    given = {"preset": preset} | {name: saved[name] for name in kind if name in saved}
    scenes = bool(saved.get("scenes"))
    layers = {f"preset {preset}": presets.resolve(given, scenes=False).flat()}
    if scenes:
        layers["the drawn scenes"] = presets.resolve(given, scenes=True).flat()
    for way in () if classifier else presets.WAYS:
        if saved.get(way):
            layers[_flag(way)] = presets.resolve(
                given | {way: True}, scenes=scenes, continued=True
            ).flat()
            layers[_flag(way)]["epochs"] += saved.get("begun", 0)
    tokenizer = saved.get("tokenizer")
    layers[f"suits --tokenizer {tokenizer}"] = config.LENGTHS.get(tokenizer, {})
    default, own, wanted = Settings().flat(), _of(saved), {}
    for told, layer in layers.items():
        for name in layer.keys() & own.keys() - {"preset", *presets.WAYS}:
            if layer[name] == own[name] != default[name]:
                wanted.setdefault(name, told)
    return wanted


def _short(meaning: str) -> str:
    """What a setting means, without all that it may be."""
    return (
        meaning
        if len(meaning) <= 80
        else re.match(r"(?:with --[\w -]+: )?[^;:(]+", meaning)[0].strip()
    )


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _told(value: Any) -> str:
    """A setting's value as one would type it."""
    return (
        {None: "left out", True: "yes", False: "no"}[value]
        if value is None or isinstance(value, bool)
        else str(value)
    )


def _spent(run: Path) -> Html:
    """What the run took; of one that did not record it, what its history tells."""
    found, history = read_time_and_memory(run), runs.read_history(run)
    seconds = found.get("seconds", {})
    if not seconds and not history:
        return element("p", "Nothing was recorded yet.")
    if not seconds:
        told = format_duration(sum(row.get("seconds", 0) for row in history))
        return element(
            "p",
            f"Training took {told} in {len(history)} epochs; what else the run took was not recorded.",
        )
    whole = sum(seconds.values())
    rows = [
        [WENT_TO.get(what, what), format_duration(seconds[what]), f"{seconds[what] / whole:.0%}"]
        for what in sorted(seconds, key=[*WENT_TO, *seconds].index)
    ]
    rows.append(["all of it", format_duration(whole), "100%"])
    memory = found.get("peak_memory_bytes")
    most = f"{memory / 1e9:.1f} GB" if memory else "not known"
    return joined(
        [
            facts(
                [
                    ("time", format_duration(whole)),
                    ("memory, at most", most),
                    ("computed on", found.get("machine", "not known")),
                ]
            ),
            table(
                "Where the time went, over all sessions of the run", ["what", "time", "share"], rows
            ),
        ]
    )


def format_duration(seconds: float) -> str:
    """A time for people: 42 s, 3 min 5 s, 2 h 7 min."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
