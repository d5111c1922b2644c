"""The built-in dataset: seeded drawings of one to three objects, each with facts and captions.

A folder of scenes has photos, five captions of each in two languages, and facts with boxes.
"""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from data.scenes.captions import write_captions
from data.scenes.drawing import PICTURE_SIZE, draw_things
from data.scenes.layout import Scene, compose_scene
from utils.errors import UserError

VERSION = 1  # of drawings and captions: folders of another version are written again
CAPTION_FILES = {"en": "captions.csv", "ko": "captions.ko.csv"}
LANGUAGES = tuple(CAPTION_FILES)
_SPLITS = ("train", "val", "test")
_MOST_WORKERS = 8
_SCENES_A_WORKER = 20  # at least: a process takes as long to start as to draw these
_ABANDONED_SECONDS = 3600
_REPOSITORY = Path(__file__).resolve().parents[2]


def draw_scene(scene: Scene, size: int = PICTURE_SIZE) -> np.ndarray:
    """Return the picture of a scene, (size, size, 3) uint8."""
    pixels, _ = _draw_with_boxes(scene, size)
    return pixels


def find_boxes(scene: Scene) -> list[dict[str, object]]:
    """Return {"kind", "box"} of each thing: left, top, right, bottom of its visible part.

    Boxes are in pixels of PICTURE_SIZE.
    """
    _, boxes = _draw_with_boxes(scene)
    return boxes


def _draw_with_boxes(
    scene: Scene, size: int = PICTURE_SIZE
) -> tuple[np.ndarray, list[dict[str, object]]]:
    pixels, numbers = draw_things(scene.place, scene.things, scene.seed)
    scale = len(numbers) // PICTURE_SIZE
    boxes: list[dict[str, object]] = []
    for number, thing in enumerate(scene.things, 1):
        rows = (numbers == number).any(axis=1).nonzero()[0]
        columns = (numbers == number).any(axis=0).nonzero()[0]
        left, right = _find_edges(columns, scale)
        top, bottom = _find_edges(rows, scale)
        boxes.append({"kind": thing.kind, "box": [left, top, right, bottom]})
    if size != PICTURE_SIZE:
        picture = Image.fromarray(pixels)
        pixels = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
    return pixels, boxes


def _find_edges(positions: np.ndarray, scale: int) -> tuple[int, int]:
    """Return first pixel and end of positions on a finer grid; a part of a pixel is a whole one."""
    first = int(positions[0]) // scale
    end = -(-int(positions[-1] + 1) // scale)
    return first, end


def caption_scene(scene: Scene, language: str = "en") -> list[str]:
    """Return the scene's five captions in 'en' or 'ko'."""
    return [caption.text for caption in write_captions(scene.facts, language, scene.seed)]


def has_scenes(folder: Path, *, train: int, val: int, test: int, seed: int) -> bool:
    """Return whether the folder holds exactly these scenes of this version, every file of them."""
    sizes = {"train": train, "val": val, "test": test}
    try:
        about = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        is_same = (about["version"], about["seed"], about["sizes"]) == (VERSION, seed, sizes)
        expected_photos = set(about["scenes"])
        photos = {f"photos/{path.name}" for path in (folder / "photos").iterdir()}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    has_captions = all((folder / name).is_file() for name in CAPTION_FILES.values())
    return is_same and photos == expected_photos and has_captions


def write_scenes(
    folder: Path,
    *,
    train: int = 3000,
    val: int = 300,
    test: int = 300,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] = iter,
) -> None:
    """Write a folder of photos, captions in two languages, and facts; all of it or nothing."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "facts.json").is_file():
        raise UserError(
            f"{folder} is not empty and does not hold scenes; move its files away, or use another "
            "folder"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        partial.chmod(0o755)  # mkdtemp gives rights to its user only
        (partial / "photos").mkdir()
        sizes = dict(zip(_SPLITS, (train, val, test), strict=True))
        records = list(progress(_SceneDrawing(partial, seed, sum(sizes.values()))))
        _write_captions(partial, records, sizes)
        _write_facts(partial, records, sizes, seed)
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _remove_abandoned(folder: Path) -> None:
    """Remove folders of runs that were killed; a younger one may still be written."""
    for partial in folder.parent.glob(f".{folder.name}-*"):
        if time.time() - partial.stat().st_mtime > _ABANDONED_SECONDS:
            shutil.rmtree(partial, ignore_errors=True)


def _write_captions(folder: Path, records: Sequence[dict], sizes: dict[str, int]) -> None:
    """Write the captions of each language with their split."""
    splits = []
    for split, size in sizes.items():
        splits += [split] * size
    for language, name in CAPTION_FILES.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("photo", "caption", "split"))
            for record, split in zip(records, splits, strict=True):
                for caption in record["captions"][language]:
                    table.writerow((record["photo"], caption, split))


def _write_facts(folder: Path, records: Sequence[dict], sizes: dict[str, int], seed: int) -> None:
    about: dict[str, Any] = {"version": VERSION, "seed": seed, "sizes": sizes}
    about["scenes"] = {record["photo"]: record["scene"] for record in records}
    (folder / "facts.json").write_text(json.dumps(about), encoding="utf-8")


class _SceneDrawing:
    """The records of all scenes in order, while worker processes draw them.

    It has a length for progress bars. The workers run this file as a script: processes of
    `multiprocessing` would import the caller's script again, and TensorFlow with it.
    """

    def __init__(self, folder: Path, seed: int, number: int) -> None:
        self.folder = folder
        self.seed = seed
        self.number = number

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[dict]:
        most = self.number // _SCENES_A_WORKER
        worker_count = max(1, min(os.cpu_count() or 1, _MOST_WORKERS, most))
        workers = [self._start_worker(first, worker_count) for first in range(worker_count)]
        try:
            for number in range(self.number):
                line = workers[number % worker_count].stdout.readline()
                if not line:
                    raise RuntimeError(f"drawing of scene {number} stopped: see the message above")
                record = json.loads(line)
                if "errno" in record:
                    raise OSError(*record["errno"])
                yield record
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
                worker.stdout.close()

    def _start_worker(self, first: int, step: int) -> subprocess.Popen[str]:
        """Start a process that draws every step-th scene."""
        share = (self.seed, first, self.number, step)
        command = [sys.executable, "-m", "data.scenes.dataset", str(self.folder.resolve())]
        return subprocess.Popen(
            [*command, *map(str, share)],
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | {"PYTHONIOENCODING": "utf-8"},
            cwd=_REPOSITORY,
        )


def _draw_share(folder: Path, seed: int, numbers: Iterable[int]) -> None:
    """Draw the scenes of these numbers into the folder and print a line of JSON for each."""
    for number in numbers:
        scene = compose_scene(seed * 1_000_000 + number)
        pixels, boxes = _draw_with_boxes(scene)
        photo = f"photos/{number:06}.jpg"
        record: dict[str, Any] = {
            "photo": photo,
            "scene": {
                "facts": scene.facts,
                "boxes": boxes,
                "place": scene.place,
                "seed": scene.seed,
            },
            "captions": {language: caption_scene(scene, language) for language in LANGUAGES},
        }
        try:
            Image.fromarray(pixels).save(folder / photo, quality=92)
        except OSError as error:  # the reader of the lines raises it again
            file = str(error.filename or folder / photo)
            record = {"errno": (error.errno, error.strerror, file)}
        print(json.dumps(record), flush=True)


def _run_worker() -> None:
    """Draw the share that the command line names, until the reader of its output ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the reader, which kills workers
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # end without a message once nobody reads
    folder, seed, first, number, step = sys.argv[1:]
    _draw_share(Path(folder), int(seed), range(int(first), int(number), int(step)))


if __name__ == "__main__":
    _run_worker()
