"""List runs, or compare some of them.

python -m tools.runs                       list all runs in checkpoints/, newest first
python -m tools.runs ONE OTHER             compare settings and scores side by side
python -m tools.runs ONE --json FILE       write everything about a run, for programs
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from config import Settings
from pipeline.saved import read_saved_config
from reports.score_names import get_score_name
from reports.settings_table import select_settings
from utils import command_line, hugging_face, runs
from utils.errors import UsageError, UserError, run_script
from utils.files import check_writable, format_bytes, size_of, write_json
from utils.metrics.captions import SCORE_KEYS
from utils.places import find_places
from utils.tables import format_setting, format_table
from utils.terminal import output, warn

NOTHING = "–"
LIST_COLUMNS = ("run", "date", "preset", "dataset", "epochs", "best on val", "on test", "size")
# Entries of config.json that are not settings, but differ between runs.
_MORE_ENTRIES = ("encoder_weights", "from")
# In a row of the history these are of training; what is scored on val has other names.
_TRAINING_NAMES = {"loss": "training loss", "accuracy": "training accuracy"}


@dataclass(frozen=True)
class RunSummary:
    """A run as its folder describes it. A damaged one has a reason instead."""

    name: str
    folder: Path
    started: float | None = None  # seconds since 1970; None for hf:FOLDER
    size: int = 0  # bytes
    settings: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)  # _MORE_ENTRIES
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int | None = None
    scores: dict[str, Any] | None = None  # None before the end of training
    damage: str | None = None

    @property
    def best(self) -> dict[str, Any]:
        """The history's row of the best epoch."""
        for row in self.history:
            if row["epoch"] == self.best_epoch:
                return row
        return {}

    @property
    def state(self) -> str:
        if self.damage:
            return "damaged"
        if self.started is None:
            return NOTHING
        return "finished" if self.scores else "unfinished"

    def to_json(self) -> dict[str, Any]:
        """Return everything, as --json writes it."""
        date = None
        if self.started is not None:
            date = datetime.fromtimestamp(self.started).astimezone().isoformat("T", "seconds")
        return {
            "run": self.name,
            "folder": str(self.folder),
            "date": date,
            "bytes": self.size,
            "state": self.state,
            "damaged": self.damage,
            "settings": self.settings | self.more,
            "epochs": len(self.history),
            "best_epoch": self.best_epoch,
            "best": self.best,
            "scores": self.scores,
        }


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m tools.runs"
    parser.add_argument(
        "run",
        nargs="*",
        metavar="NAME|DIR",
        help="runs to compare, hf:FOLDER or hf:OWNER/NAME (default: list all runs)",
    )
    command_line.add_runs_option(parser)
    parser.add_argument(
        "--all", action="store_true", help="also show the settings that the runs have in common"
    )
    parser.add_argument("--json", metavar="FILE", help="also write everything to this file")
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """List all runs, or compare some."""
    arguments = command_line.parse_typed(make_options())
    names, root, file = arguments["run"], arguments["runs"], arguments["json"]
    if arguments["all"] and not names:
        raise UsageError("--all needs runs to compare")
    if file:
        check_writable(Path(file).parent)

    if names:
        summaries = _read_named(names, find_places(root).runs)
        show_all = arguments["all"] or len(summaries) == 1
        text = format_comparison(summaries, show_all=show_all)
    else:
        summaries = _read_folder(root)
        if summaries:
            text = format_list(summaries)
        else:
            text = runs.describe_no_run(find_places(root).runs)
    if file:
        write_json(Path(file), [summary.to_json() for summary in summaries])
    output(text)
    for summary in summaries:
        if summary.damage:
            warn(summary.damage)
    return 0


def _read_named(names: Sequence[str], root: Path) -> list[RunSummary]:
    """Read the runs with these names, in this folder of runs; reject a damaged one."""
    summaries = [read_run(runs.find_run(name, root)) for name in names]
    for summary in summaries:
        if summary.damage:
            raise UserError(summary.damage)
    return summaries


def _read_folder(root: str | None) -> list[RunSummary]:
    """Read all runs in a folder, damaged ones too."""
    folder = find_places(root).runs
    if root and not folder.is_dir():
        raise UserError(f"--runs must be an existing folder (got {folder})")
    return [read_run(run) for run in runs.list_runs(folder)]


def read_run(run: Path) -> RunSummary:
    """Return the summary of a run; an error in its files becomes its `damage`."""
    name = run.name if run.parent == find_places().runs else hugging_face.describe(run)
    if hugging_face.is_hugging_face(run):
        files = hugging_face.find_folder(run).rglob("*")
        size = sum(size_of(file.resolve()) for file in files if file.is_file())
        return RunSummary(name, run, size=size, settings=select_settings(read_saved_config(run)))
    started, size = None, 0
    try:
        started, size = runs.read_start_time(run), size_of(run)
        saved = runs.read_config(run)
        summary = RunSummary(
            name,
            run,
            started,
            size,
            select_settings(saved),
            {entry: saved.get(entry) for entry in _MORE_ENTRIES},
            [row for row in runs.read_history(run) if isinstance(row.get("epoch"), int)],
            runs.find_best_epoch(run),
            runs.read_scores(run),
        )
        _list_cells(summary)  # fails for a value of the wrong type
        return summary
    except UserError as error:
        damage = str(error)
        if str(run) not in damage:
            damage = f"{run}: {damage}"
    except (TypeError, ValueError, AttributeError, KeyError, OSError) as error:
        damage = f"{run} is damaged ({error})"
    return RunSummary(name, run, started, size, damage=damage)


def format_list(summaries: Sequence[RunSummary]) -> str:
    """Return a table with a row for each run."""
    rows = [_list_cells(summary) for summary in summaries]
    return format_table(LIST_COLUMNS, rows, numbers=["epochs", "size"])


def _list_cells(summary: RunSummary) -> list[str]:
    return [
        summary.name,
        _format_date(summary),
        summary.settings.get("preset", NOTHING),
        _get_dataset_name(summary),
        _format_epochs(summary),
        _format_val_score(summary),
        _format_test_scores(summary),
        format_bytes(summary.size),
    ]


def _format_date(summary: RunSummary) -> str:
    if summary.started is None:
        return NOTHING
    return f"{datetime.fromtimestamp(summary.started):%Y-%m-%d %H:%M}"


def _format_epochs(summary: RunSummary) -> str:
    if summary.started is None or summary.damage:
        return NOTHING
    return f"{len(summary.history)}/{summary.settings['epochs']:d}"


def _get_dataset_name(summary: RunSummary) -> str:
    """Return the dataset's folder without those above it, or its file with its folder."""
    path = Path(summary.settings.get("dataset") or NOTHING)
    if not path.suffix or path.is_dir():
        return path.name
    return str(Path(path.parent.name, path.name))


def _format_val_score(summary: RunSummary) -> str:
    """Return the score on val by which the best epoch was chosen."""
    if "trunk" in summary.settings and "accuracy" in summary.best:
        return f"accuracy {summary.best['val_accuracy']:.3f}"
    name = summary.settings.get("best_by") or "CIDEr"
    key = "val_loss" if name == "loss" else SCORE_KEYS[name]
    score = summary.best.get(key)
    if score is None:
        return NOTHING
    return f"{name} {score:.3f}"


def _format_test_scores(summary: RunSummary) -> str:
    """Return the scores at the end of training, or the state of a run that has not ended."""
    scores = summary.scores
    if scores is None:
        return summary.state
    keys = ["accuracy"] if "accuracy" in scores else ["CIDEr", "Bleu_4"]
    parts = []
    for key in keys:
        if scores.get(key) is not None:
            parts.append(f"{get_score_name(key)} {scores[key]:.3f}")
    text = "  ".join(parts)
    if scores.get("split") == "val":
        text += " (val)"
    return text


def format_comparison(summaries: Sequence[RunSummary], *, show_all: bool) -> str:
    """Return a table with a column for each run; `show_all` includes settings that are equal."""
    known = {name for summary in summaries for name in summary.settings}
    names = [name for name in Settings().flat() if name in known]
    settings = []
    for name in [*names, *_MORE_ENTRIES]:
        values = [_format_value(summary, name) for summary in summaries]
        if show_all or len(set(values)) > 1:
            settings.append([f"  {name}", *values])
    same = len(names) + len(_MORE_ENTRIES) - len(settings)
    title = "settings" if show_all else f"settings ({same} more are the same: --all)"
    epochs = []
    for summary in summaries:
        epochs.append({_TRAINING_NAMES.get(key, key): row for key, row in summary.best.items()})

    empty = [""] * len(summaries)
    rows = [
        ["date", *map(_format_date, summaries)],
        ["state", *(summary.state for summary in summaries)],
        ["epochs", *map(_format_epochs, summaries)],
        ["size", *(format_bytes(summary.size) for summary in summaries)],
        [title, *empty],
        *settings,
        *_list_scores("best epoch", epochs),
        *_list_scores("scores at the end", [summary.scores or {} for summary in summaries]),
    ]
    text = format_table(["", *(summary.name for summary in summaries)], rows)
    scored = [summary for summary in summaries if summary.best or summary.scores]
    if len({_identify_photos(summary) for summary in scored}) > 1:
        text += (
            "\nnote: these runs were scored on different photos or captions, "
            "so their scores cannot be compared"
        )
    return text


def _format_value(summary: RunSummary, name: str) -> str:
    """Return a setting as it is typed; nothing if the run does not have it."""
    values = summary.settings | summary.more
    if name not in values:
        return ""
    return format_setting(values[name])


def _list_scores(title: str, scores: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the title and a row for each number or text in the runs' scores; nothing if empty."""
    names: list[str] = []
    for each in scores:
        for name, value in each.items():
            if isinstance(value, int | float | str) and name not in names:
                names.append(name)
    if not names:
        return []
    rows = [[title, *[""] * len(scores)]]
    for name in names:
        cells = [_format_number(each.get(name)) for each in scores]
        rows.append([f"  {get_score_name(name)}", *cells])
    return rows


def _format_number(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.3f}"
    return str(value)


def _identify_photos(summary: RunSummary) -> str:
    """Return a text that is equal for runs scored on the same photos with the same captions."""
    try:
        splits = runs.read_splits(summary.folder)
    except UserError:
        return ""
    dataset = Path(summary.settings["dataset"]).resolve()
    return repr([str(dataset), summary.settings.get("language"), splits["val"], splits["test"]])


if __name__ == "__main__":
    run_script(main)
