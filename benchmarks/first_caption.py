"""Seconds from the start of `predict.py` to the first caption, beside those of `import tensorflow`.

    python -m benchmarks.first_caption

First a run is trained on a few photos, with InceptionV3 at 299 pixels. Then both start in turn.
"""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import synthetic_data
from benchmarks.measuring import Figures, Options, Row, read_memory, run_benchmark, summarize_turns
from utils.errors import UserError

ROOT = Path(__file__).parents[1]
PHOTOS = 10  # for training
TOY_OPTIONS = ["--units", "8", "--embedding", "8", "--attention-units", "4", "--image-size", "32"]


def write_dataset(folder: Path, photos: list[Path]) -> Path:
    """Write a captions file with a caption for each photo; return its folder."""
    with (folder / "captions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["photo", "caption", "split"])
        for number, photo in enumerate(photos):
            split = {0: "val", 1: "test"}.get(number, "train")
            path = os.path.relpath(photo, folder)
            table.writerow([path, f"photo {number} of a few", split])
    return folder


def _start_python(*command: Any, **options: Any) -> subprocess.Popen:
    words = [sys.executable, *map(str, command)]
    return subprocess.Popen(words, cwd=ROOT, text=True, **options)


def train_run(folder: Path, photos: list[Path], options: Options) -> Path:
    """Train for one epoch on these photos; return the run's folder."""
    run_folder = folder / "run"
    command = ["train.py", "--dataset", write_dataset(folder, photos), "--outside-photos"]
    command += ["--run", run_folder, "--cache", folder / "cache"]
    command += ["--epochs", 1, "--reward-epochs", 0, "--augment", 0, "--minimum-count", 1]
    command += ["--encoder", "convnet" if options.toy else "inception_v3"]
    command += ["--weights", options.weights]
    if options.layer:
        command += ["--layer", options.layer]
    if options.toy:
        command += TOY_OPTIONS
    with _start_python(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        output, _ = process.communicate()
    if process.returncode:
        last_line = output.strip().splitlines()[-1]
        raise UserError(f"train.py failed on {len(photos)} photos: {last_line}")
    return run_folder


def time_prediction(run_folder: Path, photo: Path) -> dict[str, Any]:
    """Start predict.py; return the seconds to the photo's caption and its peak memory then."""
    start = time.perf_counter()
    command = ["predict.py", "--run", run_folder, photo]
    with _start_python(*command, stdout=subprocess.PIPE) as process:
        line = process.stdout.readline()
        seconds = time.perf_counter() - start
        megabytes = read_memory(process.pid, "VmHWM")
        process.communicate()
    if not line.startswith(f"{photo}: "):
        raise RuntimeError(f"predict.py must print a caption of {photo} (got {line!r})")
    return {"seconds": seconds, "megabytes": megabytes}


def time_import() -> dict[str, Any]:
    """Return the seconds of a process that only imports TensorFlow."""
    start = time.perf_counter()
    with _start_python("-c", "import tensorflow", stderr=subprocess.DEVNULL) as process:
        if process.wait():
            raise RuntimeError("TensorFlow cannot be imported")
    return {"seconds": time.perf_counter() - start}


def run(folder: Path, options: Options) -> Figures:
    """Return `first_caption_seconds`, how many more than the import, and their parts."""
    photos = synthetic_data.make_photos(PHOTOS, folder / "photos", options.photos)
    run_folder = train_run(folder, photos, options)
    time_import()  # brings its files into the system's cache
    predictions, imports = [], []
    for _ in range(options.rounds):
        predictions.append(time_prediction(run_folder, photos[0]))
        imports.append(time_import())
    parts = {"predict": summarize_turns(predictions), "import": summarize_turns(imports)}
    seconds = parts["predict"]["seconds"]
    return {
        "first_caption_seconds": seconds,
        "first_caption_more": seconds - parts["import"]["seconds"],
        "first_caption": parts,
    }


def make_rows(figures: Figures) -> list[Row]:
    """Return the rows of the table."""
    seconds = figures["first_caption_seconds"]
    more = figures["first_caption_more"]
    return [
        Row(
            "`predict.py`, from its start to the first caption",
            f"{seconds:.1f} s: {more:.1f} s more than `import tensorflow`",
            "at most 5 s more",
            more <= 5,
            figures["first_caption"]["predict"]["megabytes"],
        )
    ]


if __name__ == "__main__":
    run_benchmark(__doc__, run, make_rows, {})
