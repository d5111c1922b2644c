"""A run folder: settings, vocabulary, splits, history, checkpoints, results; everything a script needs of a model.

    checkpoints/RUN/config.json        every resolved setting, and what the encoder was
    checkpoints/RUN/vocabulary.json    the words
    checkpoints/RUN/splits.json        the photos of each split
    checkpoints/RUN/seen.json          hashes of the photos that it, and the runs it began from, learned or were chosen by
    checkpoints/RUN/history.jsonl      a line an epoch
    checkpoints/RUN/spent.json         time and memory
    checkpoints/RUN/report.html        all of it as a page
    checkpoints/RUN/last  best         tf.train checkpoints
    checkpoints/RUN/encoder.json       how its encoder is built, where the name alone does not tell

    python -m tools.runs               the runs that there are, newest first
    python -m tools.runs ONE OTHER     two of them, settings and scores side by side

A Hugging Face model, hf:FOLDER, may stand in a run's place wherever no photos of its own are asked for.
"""

import json
import os
import time
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from utils import hugging_face
from utils.errors import UsageError, UserError
from utils.files import write_json, write_text

ROOT = Path("checkpoints")
_MARK = 16  # digits of a photo's sha256 that are kept
_PLACES = ("dataset", "encoder_weights", "weights", "cache")  # that config.json tells
_OF_CAPTIONS = (
    "decoder",
    "dataset",
    "encoder_weights",
    "fingerprint",
)  # that config.json must tell
_OF_CLASSES = ("dataset", "trunk", "image_size", "classes", "alter", "seed")  # of a classifier's
VERSION = 1  # of the run folder's layout; raised when an older program could not read a newer folder, or the other way


def place(name: str | None, *, default: str) -> Path:
    """The folder that `--run NAME|DIR` means for a new run; `default` and the time where no name is given."""
    if name is not None and not name.strip():
        raise UsageError("--run is a name or a folder, and nothing came")
    if name is None:
        return ROOT / f"{default}-{datetime.now():%Y%m%d-%H%M%S}"
    return Path(name) if "/" in name or os.sep in name else ROOT / name


def find(name: str | None) -> Path:
    """The folder of an existing run; the newest where no name is given. `hf:FOLDER` stays what it is."""
    if name is not None and hugging_face.is_hugging_face(name):
        return Path(f"{hugging_face.PREFIX}{hugging_face.find_folder(name).resolve()}")
    if name is not None:
        folder = place(name, default="")
        if not folder.is_dir() and Path(name).is_dir():
            folder = Path(name)
        if not folder.is_dir():
            known = [run.name for run in listed()]
            raise UserError(
                f"no run {name!r} in {ROOT.absolute()}; there are: {', '.join(known[:8])}"
                if known
                else f"no run {name!r}, and none in {ROOT.absolute()}; make one with: python train.py"
            )
        return folder
    runs = listed()
    if not runs:
        raise UserError(f"no run in {ROOT.absolute()} yet; make one with: python train.py")
    return runs[0]


def listed(folder: Path = ROOT) -> list[Path]:
    """The runs in a folder, newest first: those that began, or were last gone on with, last."""
    return sorted(
        (file.parent for file in folder.glob("*/config.json")),
        key=lambda run: (began(run), run.name),
        reverse=True,
    )


def began(run: Path) -> float:
    """When a run began or was last gone on with, in seconds since 1970: its settings are written then. A copy keeps that."""
    file = run / "config.json"
    try:
        return float(json.loads(file.read_text(encoding="utf-8"))["written"])
    except (ValueError, KeyError, TypeError):  # damaged, or of an older run
        return file.stat().st_mtime


def kept_epoch(run: Path) -> int | None:
    """The epoch whose weights are the best, which captions are made with; None where there is none yet."""
    return max(
        (int(file.stem.removeprefix("ckpt-")) for file in (run / "best").glob("ckpt-*.index")),
        default=None,
    )


def write_config(run: Path, config: dict[str, Any]) -> None:
    """Write config.json; the folder exists from here on."""
    write_json(
        run / "config.json", {"version": VERSION, "written": round(time.time(), 3), **config}
    )


def read_config(run: Path) -> dict[str, Any]:
    """The contents of config.json; refused where the folder is not a run or is of another version. Of hf:FOLDER what it
    would say."""
    if hugging_face.is_hugging_face(run):
        return hugging_face.build_run_config(run)
    try:
        config = json.loads((run / "config.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{run} is not a run folder: it has no config.json") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(
            f"{run / 'config.json'} is damaged ({error}); train again, or restore the file"
        ) from None
    if isinstance(config, dict) and "model_type" in config:
        raise UserError(
            f"{run} is a Hugging Face model and no run; say so: {hugging_face.PREFIX}{run}"
        )
    if not isinstance(config, dict) or config.get("version") != VERSION:
        version = config.get("version") if isinstance(config, dict) else None
        raise UserError(
            f"{run} is a run of version {version}; this program reads version {VERSION}: train again, "
            "or use the program that wrote it"
        )
    missing = [
        name
        for name in (_OF_CLASSES if is_classifier(config) else _OF_CAPTIONS)
        if name not in config
    ]
    if missing:
        raise UserError(
            f"{run / 'config.json'} is damaged: it says nothing of {missing[0]!r}; restore it, or train again"
        )
    if (run / "encoder").is_dir():  # trained in another run, and copied
        config["weights"] = config["encoder_weights"] = str(run / "encoder")
    return config | {name: _from_here(config[name], run) for name in _PLACES if config.get(name)}


def _from_here(place: str, run: Path) -> str:
    """A place that the run tells, which is told from where it was trained, with the run in checkpoints/ there; that may not
    be where this program is started."""
    there = run.resolve().parent.parent / place
    return str(there) if there.exists() and there != Path(place).resolve() else place


def is_classifier(config: dict[str, Any]) -> bool:
    """Whether a run's config.json is that of a classifier, which names classes and writes no captions."""
    return config.get("preset") == "classifier"


def refuse_classifier(run: Path, config: dict[str, Any]) -> None:
    """Refuse a classifier where a run is wanted that writes captions."""
    if is_classifier(config):
        raise UserError(
            f"{run} is a classifier: it names classes and writes no captions. What it has learned to see serves "
            f"captions as an encoder: python train.py --encoder convnet --weights {run}"
        )


def write_encoder_construction(run: Path, making: dict[str, Any]) -> None:
    """Write how the encoder that a run trains is built, where its name alone does not tell: a classifier's trunk, a ViT."""
    write_json(run / "encoder.json", making)


def read_encoder_construction(run: Path) -> dict[str, Any] | None:
    """How the encoder is built that a run has trained, or went on from; None where its name tells all."""
    file = next(
        (
            file
            for file in (run / "encoder.json", run / "encoder" / "encoder.json")
            if file.is_file()
        ),
        None,
    )
    try:
        return None if file is None else json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            f"{file} is damaged ({error}); restore it from a copy, or train again"
        ) from None


def read_splits(run: Path) -> dict[str, list[str]]:
    """The names of the photos in each split that the run was trained with."""
    if hugging_face.is_hugging_face(run):
        raise UserError(
            f"{run} does not say which photos it was trained with; name photos, or a --dataset"
        )
    try:
        splits = json.loads((run / "splits.json").read_text(encoding="utf-8"))
        return {split: list(splits[split]) for split in ("train", "val", "test")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{run / 'splits.json'} is missing or damaged ({error}); restore it, or train again"
        ) from None


def write_seen(run: Path, hashes: Iterable[str], start: Path | None) -> None:
    """Write which photos the run learns from or is chosen by, with those of the run it begins from."""
    before = (read_seen(start) or set()) if start else set()
    write_text(run / "seen.json", json.dumps(sorted(before | {each[:_MARK] for each in hashes})))


def read_seen(run: Path) -> set[str] | None:
    """Marks of the photos that the run learned from or was chosen by; None where that was not written down."""
    try:
        return set(json.loads((run / "seen.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def seen(photo_hash: str, marks: set[str]) -> bool:
    """Whether a photo is among the marks of `read_seen`."""
    return photo_hash[:_MARK] in marks


def read_history(run: Path) -> list[dict[str, Any]]:
    """The rows of history.jsonl, an epoch each; a last line that was cut short is left out."""
    rows = []
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


def read_scores(run: Path) -> dict[str, Any] | None:
    """The scores at the end of training; None before that, or where the file is damaged: then `--resume` scores again."""
    try:
        scores = json.loads((run / "scores.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return scores if isinstance(scores, dict) else None


def write_history(run: Path, rows: list[dict[str, Any]]) -> None:
    """Write history.jsonl anew; a few hundred short lines at most, so whole is as cheap as appended, and safer."""
    write_text(run / "history.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
