"""How long `predict.py` takes from its start to the first caption, beside what `import tensorflow` takes.

    python -m benchmarks.first_caption

A run is trained first, on a few photos, with InceptionV3 at 299 pixels. Then the two are started in turn.
"""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import made_up
from benchmarks.measuring import Given, Row, in_all, memory_of, script
from utils.errors import UserError

ROOT = Path(__file__).parents[1]
PHOTOS = 10  # that the run is trained on
SMALL = ["--units", "8", "--embedding", "8", "--attention-units", "4", "--image-size", "32"]


def dataset(folder: Path, photos: list[Path]) -> Path:
    """A folder with these photos and a caption of each."""
    splits = ["val", "test", *["train"] * len(photos)]
    with (folder / "captions.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["photo", "caption", "split"])
        table.writerows(
            [os.path.relpath(photo, folder), f"photo {number} of a few", split]
            for number, (photo, split) in enumerate(zip(photos, splits, strict=False))
        )
    return folder


def _python(*command: Any, **more: Any) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, *map(str, command)], cwd=ROOT, text=True, **more)


def trained(folder: Path, photos: list[Path], given: Given) -> Path:
    """A run folder, as train.py leaves it."""
    place = dataset(folder, photos)
    network = ["--encoder", "convnet" if given.toy else "inception_v3", "--weights", given.weights]
    network += ["--layer", given.layer] if given.layer else []
    command = [
        "train.py",
        "--dataset",
        place,
        "--outside-photos",
        "--run",
        folder / "run",
        "--cache",
        folder / "cache",
        "--epochs",
        1,
        "--reward-epochs",
        0,
        "--augment",
        0,
        "--minimum-count",
        1,
        *network,
        *(SMALL if given.toy else []),
    ]
    with _python(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as training:
        told, _ = training.communicate()
    if training.returncode:
        raise UserError(f"train.py failed on {len(photos)} photos: {told.strip().splitlines()[-1]}")
    return folder / "run"


def predicted(run: Path, photo: Path) -> dict[str, Any]:
    """Seconds from the start of predict.py until the photo's caption stands on its output, and its peak memory then."""
    began = time.perf_counter()
    with _python("predict.py", "--run", run, photo, stdout=subprocess.PIPE) as predicting:
        line = predicting.stdout.readline()
        seconds = time.perf_counter() - began
        megabytes = memory_of(predicting.pid, "VmHWM")
        predicting.communicate()
    if not line.startswith(f"{photo}: "):
        raise RuntimeError(f"predict.py said {line!r}, and no caption of {photo}")
    return {"seconds": seconds, "megabytes": megabytes}


def imported() -> dict[str, Any]:
    """Seconds that a process takes which does nothing but import TensorFlow."""
    began = time.perf_counter()
    with _python("-c", "import tensorflow", stderr=subprocess.DEVNULL) as importing:
        if importing.wait():
            raise RuntimeError("TensorFlow can't be imported")
    return {"seconds": time.perf_counter() - began}


def run(folder: Path, given: Given) -> dict[str, Any]:
    """`first_caption_seconds`, how many of these are more than the import's, and what these come from."""
    photos = made_up.photos(PHOTOS, folder / "photos", given.photos)
    of = trained(folder, photos, given)
    imported()  # after which its files lie in memory
    turns: dict[str, list[dict[str, Any]]] = {"predict": [], "import": []}
    for _ in range(given.rounds):
        turns["predict"].append(predicted(of, photos[0]))
        turns["import"].append(imported())
    found = {name: in_all(each) for name, each in turns.items()}
    return {
        "first_caption_seconds": found["predict"]["seconds"],
        "first_caption_more": found["predict"]["seconds"] - found["import"]["seconds"],
        "first_caption": found,
    }


def rows(found: dict[str, Any]) -> list[Row]:
    """The table's."""
    more = found["first_caption_more"]
    return [
        Row(
            "`predict.py`, from its start to the first caption",
            f"{found['first_caption_seconds']:.1f} s: {more:.1f} s more than `import tensorflow`",
            "at most 5 s more",
            more <= 5,
            found["first_caption"]["predict"]["megabytes"],
        )
    ]


if __name__ == "__main__":
    script(__doc__, run, rows, {})
