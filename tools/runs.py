"""Which runs there are, and how two of them differ: for `python -m tools.runs`.

python -m tools.runs                       all in checkpoints/, newest first
python -m tools.runs ONE OTHER             settings in which they differ, and scores, side by side
python -m tools.runs ONE --json FILE       all that is known of a run, for programs
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from config import Classes, Settings
from utils import command_line, hugging_face, runs
from utils.errors import UsageError, UserError, run_script
from utils.files import check_writable, format_bytes, size_of, write_json
from utils.metrics.captions import SCORE_KEYS
from utils.terminal import output, warn

NOTHING = "–"
_TITLES = {key: name for name, key in SCORE_KEYS.items()}
# Of an epoch what is learned stands beside what is scored on val.
_OF_AN_EPOCH = {
    "loss": "training loss",
    "accuracy": "training accuracy",
    "val_loss": "loss",
    "val_accuracy": "accuracy",
}


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m tools.runs"
    parser.add_argument(
        "run",
        nargs="*",
        metavar="NAME|DIR",
        help="runs to look at closely, side by side (default: a list of all); also hf:FOLDER",
    )
    parser.add_argument(
        "--runs", metavar="DIR", help=f"list the runs in this folder (default {runs.ROOT})"
    )
    parser.add_argument(
        "--all", action="store_true", help="also show the settings that the runs have in common"
    )
    parser.add_argument("--json", metavar="FILE", help="also write all of it there")
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """List, or compare."""
    given = command_line.typed(options())
    if given["run"] and given["runs"]:
        raise UsageError(
            "--runs names a folder to list; of runs that are named the folder is part of the name"
        )
    if given["all"] and not given["run"]:
        raise UsageError("--all goes with the names of runs")
    if given["json"]:
        check_writable(Path(given["json"]).parent)
    if given["run"]:
        found = [read(runs.find(name)) for name in given["run"]]
        damaged = next((each.damaged for each in found if each.damaged), None)
        if damaged:
            raise UserError(damaged)
        lines = comparison(found, everything=given["all"] or len(found) == 1)
    else:
        root = Path(given["runs"]) if given["runs"] else runs.ROOT
        if given["runs"] and not root.is_dir():
            raise UserError(f"no folder {root}; --runs names one with run folders in it")
        found = [read(run, root) for run in runs.listed(root)]
        lines = (
            table(found)
            if found
            else [f"no run in {root.absolute()} yet; make one with: python train.py"]
        )
    if given["json"]:
        write_json(Path(given["json"]), [each.plain() for each in found])
    output("\n".join(lines))
    for each in found:
        if each.damaged:
            warn(each.damaged)
    return 0


@dataclass(frozen=True)
class Run:
    """What is known of a run; of a damaged one why no more."""

    name: str
    folder: Path
    began: float | None = None  # or was last gone on with; None of hf:FOLDER
    size: int = 0  # bytes
    settings: dict[str, Any] = field(default_factory=dict)
    found: dict[str, Any] = field(
        default_factory=dict
    )  # of what is known beyond settings, what tells runs apart
    history: list[dict[str, Any]] = field(default_factory=list)
    kept: int | None = None  # the epoch whose weights are the best
    scores: dict[str, Any] | None = None  # at the end of training; None before
    damaged: str | None = None

    @property
    def epochs(self) -> str:
        """How many epochs are done, of how many."""
        wanted = self.settings.get("epochs")
        return (
            f"{len(self.history)}/{wanted}"
            if self.began is not None and not self.damaged
            else NOTHING
        )

    @property
    def best(self) -> dict[str, Any]:
        """The row of the epoch that is kept."""
        return next((row for row in self.history if row["epoch"] == self.kept), {})

    @property
    def state(self) -> str:
        """What has become of the training."""
        if self.damaged:
            return "damaged"
        return NOTHING if self.began is None else "finished" if self.scores else "unfinished"

    def plain(self) -> dict[str, Any]:
        """All of it as JSON has it."""
        date = (
            None
            if self.began is None
            else datetime.fromtimestamp(self.began).astimezone().isoformat("T", "seconds")
        )
        return {
            "run": self.name,
            "folder": str(self.folder),
            "date": date,
            "bytes": self.size,
            "state": self.state,
            "damaged": self.damaged,
            "settings": self.settings | self.found,
            "epochs": len(self.history),
            "best_epoch": self.kept,
            "best": self.best,
            "scores": self.scores,
        }


def read(run: Path, root: Path | None = None) -> Run:
    """What is known of a run in a folder of runs; what is wrong with one run is no reason to tell nothing of the others."""
    name = run.name if root in (None, runs.ROOT) and run.parent == runs.ROOT else str(run)
    if hugging_face.is_hugging_face(run):
        saved = runs.read_config(run)
        said = {
            name: value for name, value in _settings(saved).items() if name in saved
        }  # nothing of its training
        return Run(name, run, size=size_of(hugging_face.find_folder(run)), settings=said)
    known: dict[str, Any] = {}
    try:
        known = {"began": runs.began(run), "size": size_of(run)}
        saved = runs.read_config(run)
        history = [row for row in runs.read_history(run) if isinstance(row.get("epoch"), int)]
        found = Run(
            name,
            run,
            **known,
            settings=_settings(saved),
            history=history,
            kept=runs.kept_epoch(run),
            scores=runs.read_scores(run),
            found={each: saved.get(each) for each in ("encoder_weights", "from")},
        )
        table([found])  # what is of another kind than it should be fails here
        return found
    except UserError as refusal:
        return Run(
            name,
            run,
            **known,
            damaged=str(refusal) if str(run) in str(refusal) else f"{run}: {refusal}",
        )
    except (TypeError, ValueError, AttributeError, KeyError, OSError) as error:
        return Run(name, run, **known, damaged=f"{run} is damaged ({error})")


def _settings(saved: dict[str, Any]) -> dict[str, Any]:
    """The settings of a run, those that it is older than as they were meant then."""
    settings = Settings.of_run(saved)
    if runs.is_classifier(saved):
        return settings.of_a_classifier()
    return {
        name: value
        for name, value in settings.flat().items()
        if name not in {each.name for each in fields(Classes)}
    }


def table(found: Sequence[Run]) -> list[str]:
    """A line for each run."""
    rows = [("run", "date", "preset", "dataset", "epochs", "best on val", "on test", "size")]
    for run in found:
        rows.append(
            (
                run.name,
                _date(run),
                run.settings.get("preset", NOTHING),
                _dataset(run),
                run.epochs,
                _on_val(run),
                _on_test(run),
                format_bytes(run.size),
            )
        )
    return _columns(rows)


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _date(run: Run) -> str:
    return NOTHING if run.began is None else f"{datetime.fromtimestamp(run.began):%Y-%m-%d %H:%M}"


def _dataset(run: Run) -> str:
    """The dataset's folder, or its file in that, without the folders above."""
    path = Path(run.settings.get("dataset") or NOTHING)
    return path.name if not path.suffix or path.is_dir() else str(Path(path.parent.name, path.name))


def _on_val(run: Run) -> str:
    """The score by which the best epoch was kept."""
    if "trunk" in run.settings and "accuracy" in run.best:
        return f"accuracy {run.best['val_accuracy']:.3f}"
    name = run.settings.get("best_by", "CIDEr")
    score = run.best.get("val_loss" if name == "loss" else SCORE_KEYS[name])
    return NOTHING if score is None else f"{name} {score:.3f}"


def _on_test(run: Run) -> str:
    """What was scored at the end; of a run that has not ended, that."""
    if run.scores is None:
        return run.state
    names = (
        {"accuracy": "accuracy"}
        if "accuracy" in run.scores
        else {"CIDEr": "CIDEr", "BLEU-4": "Bleu_4"}
    )
    told = "  ".join(
        f"{name} {run.scores[key]:.3f}"
        for name, key in names.items()
        if run.scores.get(key) is not None
    )
    return told + " (val)" * (run.scores.get("split") == "val")


def comparison(found: Sequence[Run], *, everything: bool) -> list[str]:
    """Runs side by side: a column each; `everything` also tells in which settings they agree."""
    known = {name for run in found for name in run.settings}
    names = [*(name for name in Settings().flat() if name in known), "encoder_weights", "from"]
    values = {name: [_value(run, name) for run in found] for name in names}
    shown = [name for name in names if everything or len(set(values[name])) > 1]
    same = len(names) - len(shown)
    rows = [
        ("", *(run.name for run in found)),
        ("date", *map(_date, found)),
        ("state", *(run.state for run in found)),
        ("epochs", *(run.epochs for run in found)),
        ("size", *(format_bytes(run.size) for run in found)),
    ]
    rows += [
        _title("settings" if everything else f"settings ({same} more are the same: --all)", found)
    ]
    rows += [(f"  {name}", *values[name]) for name in shown]
    epochs = [
        {_OF_AN_EPOCH.get(name, name): value for name, value in run.best.items()} for run in found
    ]
    rows += _scores("the best epoch, on val", found, epochs)
    rows += _scores("scores at the end", found, [run.scores or {} for run in found])
    lines = _columns(rows)
    if len({_scored_on(run) for run in found if run.best or run.scores}) > 1:
        lines.append(
            "note: these runs were not scored on the same photos and captions, so their scores need not compare"
        )
    return lines


def _title(text: str, found: Sequence[Run]) -> tuple[str, ...]:
    return (text, *[""] * len(found))


def _value(run: Run, name: str) -> str:
    """A setting as it is typed; nothing where the run has none of that name."""
    value = (run.settings | run.found).get(name, "")
    return (
        NOTHING
        if value is None
        else {True: "yes", False: "no"}[value]
        if isinstance(value, bool)
        else str(value)
    )


def _scores(
    title: str, found: Sequence[Run], rows: Sequence[dict[str, Any]]
) -> list[tuple[str, ...]]:
    """A line for each of the scores that is a number, or the split; none where no run has any."""
    names = dict.fromkeys(
        name for row in rows for name, value in row.items() if isinstance(value, int | float | str)
    )
    return [_title(title, found)] * bool(names) + [
        (f"  {_score(name)}", *(_shown(row.get(name)) for row in rows)) for name in names
    ]


def _score(name: str) -> str:
    """The name of a score for people."""
    if name.startswith("forced_"):
        return f"teacher-forced {_score(name.removeprefix('forced_'))}"
    if name.startswith("Top"):
        return f"top-{name.removeprefix('Top')} accuracy"
    return _TITLES.get(name, name.replace("_", " "))


def _shown(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else "" if value is None else str(value)


def _scored_on(run: Run) -> str:
    """What tells which photos, with which captions, a run was scored on."""
    try:
        splits = runs.read_splits(run.folder)
    except UserError:
        return ""
    told = [
        str(Path(run.settings["dataset"]).resolve()),
        run.settings.get("language"),
        splits["val"],
        splits["test"],
    ]
    return repr(told)


if __name__ == "__main__":
    run_script(main)
