"""A run folder: settings, vocabulary, splits, history, checkpoints, results; everything a script
needs of a model.

    checkpoints/RUN/config.json        every setting, where it came from, and facts
    checkpoints/RUN/vocabulary.json    the words
    checkpoints/RUN/forbidden.json     words that its captions must not have, if there are any
    checkpoints/RUN/splits.json        the photos of each split
    checkpoints/RUN/seen.json          marks of the photos it was trained on
    checkpoints/RUN/replay.json        a sample of them, for runs that start from this one
    checkpoints/RUN/calibration.json   from a caption's score to a share of captions
    checkpoints/RUN/folds.json         k-fold scores, with --folds
    checkpoints/RUN/history.jsonl      a line for each epoch
    checkpoints/RUN/spent.json         time and memory
    checkpoints/RUN/report.html        all of it as a page
    checkpoints/RUN/last  best         tf.train checkpoints
    checkpoints/RUN/encoder.json       how its encoder is built, if the name alone does not say it

A Hugging Face model, hf:FOLDER or hf:OWNER/NAME, may be named as a run wherever no photos of its
own are needed. A run may be at an address, s3://BUCKET/RUN, wherever it is only read.
"""

import difflib
import json
import os
import shlex
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from utils import hugging_face
from utils.addresses import is_address, reject_address
from utils.commands import format_command
from utils.errors import UsageError, UserError
from utils.fetching import fetch_run
from utils.files import write_json, write_text
from utils.hub.known import SUGGESTED
from utils.places import find_places
from utils.terminal import note

VERSION = 2  # of the run folder; higher when programs can no longer read each other's folders
MARK_LENGTH = 16  # characters of a photo's sha256
LISTED_RUNS = 8

# Entries of config.json that are paths.
PATHS = ("dataset", "encoder_weights", "weights", "cache", "from")

# Entries that config.json must have.
CAPTIONER_ENTRIES = ("decoder", "dataset", "encoder_weights", "fingerprint")
CLASSIFIER_ENTRIES = ("dataset", "trunk", "image_size", "classes", "alter", "seed")


# Which run.


def choose_folder(name: str | None, *, default: str, root: Path | None = None) -> Path:
    """Return the folder for `--run NAME|DIR`; if no name is given, `default` with date and time.

    `root` is the folder of runs, by default checkpoints/.
    """
    root = root or find_places().runs
    if name is None:
        return root / f"{default}-{datetime.now():%Y%m%d-%H%M%S}"
    if not name.strip():
        raise UsageError("--run must be a name or a folder (got nothing)")
    reject_address("--run", name, "copy the run there when it is trained")
    if "/" in name or os.sep in name:
        return Path(name)
    return root / name


def find_run(name: str | None, root: Path | None = None) -> Path:
    """Return the folder of an existing run; the newest if no name is given.

    hf:FOLDER and hf:OWNER/NAME stay, with the whole path or the commit. A run at an address, such
    as s3://BUCKET/RUN, is fetched: `name` must be what a user typed. `root` is the folder of runs,
    by default checkpoints/.
    """
    root = root or find_places().runs
    if name is None:
        return _find_newest(root)
    if is_address(name):
        return fetch_run(name)
    if hugging_face.is_hugging_face(name):
        return Path(hugging_face.name_folder(hugging_face.find_folder(name)))
    folder = choose_folder(name, default="", root=root)
    if folder.is_dir():
        return folder
    if Path(name).is_dir():
        return Path(name)
    known = [run.name for run in list_runs(root)]
    if not known:
        raise UserError(f"no run {name!r}, and {describe_no_run(root)}")
    similar = difflib.get_close_matches(name, known, n=2)
    if similar:
        hint = f"did you mean {' or '.join(map(repr, similar))}?"
    else:
        hint = f"there are: {', '.join(known[:LISTED_RUNS])}"
    raise UserError(f"no run {name!r} in {root.absolute()}; {hint}")


def find_trained_run(name: str | None, root: Path | None = None) -> Path:
    """Return the folder of a run; if no name is given, the newest that has finished an epoch.

    A note says so if there is a newer one.
    """
    run = find_run(name, root)
    if name is not None or find_best_epoch(run) is not None:
        return run
    for older in list_runs(run.parent):
        if find_best_epoch(older) is not None:
            note(f"{run} has not finished an epoch yet; using {older}")
            return older
    return run


def _find_newest(root: Path) -> Path:
    runs = list_runs(root)
    if not runs:
        raise UserError(_describe_first_ways(root))
    return runs[0]


def _describe_first_ways(root: Path) -> str:
    """Return what a user can do who has no run yet."""
    option = shlex.join(["--run", f"{hugging_face.PREFIX}{SUGGESTED.name}"])
    train = "make train"
    return (
        f"no run in {root.absolute()} yet (--runs DIR names another folder). Two ways lead to "
        "captions:\n"
        f"    {option}    a captioner of others for photographs, downloaded once "
        f"({SUGGESTED.size}, {SUGGESTED.licence})\n"
        f"    {train:{len(option)}}    a captioner of drawings, trained here; of your own photos: "
        f"{format_command('train.py', '--dataset', 'DATASET')}\n"
        "python -m tools.models lists more captioners of others."
    )


def find_weights(weights: str, root: Path | None = None) -> str:
    """Return the folder of a run that is named as weights; other weights as they are."""
    if weights in ("imagenet", "none") or hugging_face.is_hugging_face(weights):
        return weights
    if is_address(weights):
        return weights  # there is no such file: only what a user types is opened
    run = choose_folder(weights, default="", root=root)
    if (run / "config.json").is_file():
        return str(run)
    return weights


def describe_no_run(root: Path) -> str:
    """Return that a folder has no run yet, and what to do about it."""
    return (
        f"no run in {root.absolute()} yet; make one with: {format_command('train.py')}, or name "
        "another folder with --runs DIR"
    )


def list_runs(folder: Path) -> list[Path]:
    """Return the runs in a folder, the one that was started or resumed last first."""
    runs = [file.parent for file in folder.glob("*/config.json")]
    return sorted(runs, key=lambda run: (read_start_time(run), run.name), reverse=True)


def read_start_time(run: Path) -> float:
    """Return when a run was started or resumed, in seconds since 1970. A copy keeps it."""
    file = run / "config.json"
    try:
        return float(json.loads(file.read_text(encoding="utf-8"))["written"])
    except (ValueError, KeyError, TypeError):  # a damaged file
        return file.stat().st_mtime


def find_best_epoch(run: Path) -> int | None:
    """Return the epoch with the best weights, or None before the first one."""
    files = (run / "best").glob("ckpt-*.index")
    return max((int(file.stem.removeprefix("ckpt-")) for file in files), default=None)


# config.json.


def write_config(run: Path, config: dict[str, Any]) -> None:
    """Write config.json. From here on the folder is a run."""
    about = {"version": VERSION, "written": round(time.time(), 3)}
    paths = {name: _save_path(config[name], run) for name in PATHS if config.get(name)}
    write_json(run / "config.json", about | config | paths)


def _save_path(path: str, run: Path) -> str:
    """Return a path as `_resolve_path` finds it again.

    A relative path stays as it is if the run lies in checkpoints/ of the current folder.
    """
    place = Path(path)
    is_seen_from_run = run.resolve().parent.parent == Path.cwd()
    if is_seen_from_run or not place.exists():
        return path
    return str(place.absolute())


def read_config(run: Path) -> dict[str, Any]:
    """Read a run folder's config.json."""
    config = _read_json(run)
    _check_config(run, config)
    if (run / "encoder").is_dir():  # copied from the run that trained it
        config["weights"] = config["encoder_weights"] = str(run / "encoder")
    for name in PATHS:
        if config.get(name):
            config[name] = _resolve_path(config[name], run)
    return config


def _read_json(run: Path) -> Any:
    file = run / "config.json"
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{run} is not a run folder: it has no config.json") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is damaged ({error}); train again, or restore the file") from None


def _check_config(run: Path, config: Any) -> None:
    """Raise a UserError unless these are the contents of a run's config.json of this version."""
    version = None
    if isinstance(config, dict):
        if "model_type" in config:
            prefix = hugging_face.PREFIX
            name = shlex.quote(f"{prefix}{run}")
            raise UserError(f"{run} is a Hugging Face model, not a run; name it as {name}")
        version = config.get("version")
    if version != VERSION:
        raise UserError(
            f"{run} is a run of version {version}; this program reads version {VERSION}: train "
            "again, or use the program that wrote it"
        )
    entries = CLASSIFIER_ENTRIES if is_classifier(config) else CAPTIONER_ENTRIES
    missing = [name for name in entries if name not in config]
    if missing:
        raise UserError(
            f"{run / 'config.json'} is damaged: it has no {missing[0]!r}; restore it, or train "
            "again"
        )


def _resolve_path(path: str, run: Path) -> str:
    """Return a saved path as it is seen from here.

    It was written as seen from the folder that holds checkpoints/, where the run was trained.
    """
    original = run.resolve().parent.parent / path
    if original.exists() and original != Path(path).resolve():
        return str(original)
    return path


def is_classifier(config: dict[str, Any]) -> bool:
    """Return whether a run's config.json is that of a classifier, which writes no captions."""
    return config.get("preset") == "classifier"


def check_writes_captions(run: Path, config: dict[str, Any]) -> None:
    """Raise a UserError for a classifier where a run that writes captions is needed."""
    if is_classifier(config):
        command = format_command("train.py", "--encoder", "convnet", "--weights", run)
        raise UserError(
            f"{run} is a classifier and writes no captions; to use it as the encoder of a "
            f"captioner: {command}"
        )


# How an encoder is built.


def write_encoder_construction(run: Path, construction: dict[str, Any]) -> None:
    """Write how a run's encoder is built, if its name does not say it."""
    write_json(run / "encoder.json", construction)


def read_encoder_construction(run: Path) -> dict[str, Any] | None:
    """Read how a run's encoder is built; None if its name says it."""
    for file in (run / "encoder.json", run / "encoder" / "encoder.json"):
        if not file.is_file():
            continue
        try:
            return json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UserError(
                f"{file} is damaged ({error}); restore it from a copy, or train again"
            ) from None
    return None


# Words that captions must not have.


def write_forbidden(run: Path, sequences: Sequence[Sequence[int]]) -> None:
    """Write the token sequences that no caption may have, if there are any."""
    if sequences:
        write_text(run / "forbidden.json", json.dumps(sequences) + "\n")


def read_forbidden(run: Path) -> tuple[tuple[int, ...], ...]:
    """Read the token sequences that no caption of a run may have."""
    file = run / "forbidden.json"
    if not file.is_file():
        return ()
    try:
        sequences = json.loads(file.read_text(encoding="utf-8"))
        return tuple(tuple(map(int, sequence)) for sequence in sequences)
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{file} is damaged ({error}); restore it from a copy, or train again"
        ) from None


# Photos.


def read_splits(run: Path) -> dict[str, list[str]]:
    """Read the names of the photos in each split that the run was trained with."""
    if hugging_face.is_hugging_face(run):
        raise UserError(
            f"{hugging_face.describe(run)} does not say which photos it was trained with; "
            "name photos, or a --dataset"
        )
    file = run / "splits.json"
    try:
        splits = json.loads(file.read_text(encoding="utf-8"))
        return {split: list(splits[split]) for split in ("train", "val", "test")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is missing or damaged ({error}); restore it, or train again"
        ) from None


def write_seen(run: Path, hashes: Iterable[str], source: Path | None) -> None:
    """Write marks of the photos of the run, with those of the run it starts from."""
    marks = {photo_hash[:MARK_LENGTH] for photo_hash in hashes}
    if source is not None:
        marks |= read_seen(source) or set()
    write_text(run / "seen.json", json.dumps(sorted(marks)))


def read_seen(run: Path) -> set[str] | None:
    """Read marks of the photos that the run was trained on; None if there are none."""
    try:
        return set(json.loads((run / "seen.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def is_seen(photo_hash: str, marks: set[str]) -> bool:
    """Return whether a photo is among the marks of `read_seen`."""
    return photo_hash[:MARK_LENGTH] in marks


# Epochs and scores.


def read_history(run: Path) -> list[dict[str, Any]]:
    """Read the rows of history.jsonl, one for each epoch; a last line that was cut short is
    skipped.
    """
    rows: list[dict[str, Any]] = []
    try:
        lines = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return rows
    for line in lines:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return rows


def write_history(run: Path, rows: list[dict[str, Any]]) -> None:
    """Write history.jsonl. It has a few hundred lines at most, so the whole file is written."""
    write_text(run / "history.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


def write_folds(run: Path, scores: dict[str, Any]) -> None:
    """Write the k-fold scores of a run's photos."""
    write_json(run / "folds.json", scores)


def read_folds(run: Path) -> dict[str, Any] | None:
    """Read the k-fold scores of a run's photos; None if there are none."""
    try:
        return json.loads((run / "folds.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def read_scores(run: Path) -> dict[str, Any] | None:
    """Read the final scores; None before the end of training, or if the file is damaged."""
    try:
        scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(scores, dict):
        return None
    return scores
