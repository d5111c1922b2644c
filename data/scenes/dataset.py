"""The built-in dataset: seeded drawings of one to three objects, each with facts, boxes and ten true captions."""

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

import numpy as np
from PIL import Image

from data.scenes.captions import write_captions
from data.scenes.drawing import SIZE, render_scene
from data.scenes.layout import Scene, compose_scene
from utils.errors import UserError

VERSION = 1  # of the drawings and captions: folders of another one are written again
SCENES_FOLDER = Path(
    "datasets/scenes"
)  # of the scenes that are drawn where there is no other dataset
LANGUAGES = {"en": "captions.csv", "ko": "captions.ko.csv"}
_SPLITS = ("train", "val", "test")


def draw_scene(scene: Scene, size: int = SIZE) -> np.ndarray:
    """The picture of a scene, (size, size, 3) uint8."""
    return _draw(scene, size)[0]


def _draw(scene: Scene, size: int = SIZE) -> tuple[np.ndarray, list[dict[str, object]]]:
    """The picture, and for each thing its kind and the box of what is seen of it."""
    things = [(thing.kind, thing.colour, thing.box, thing.seed) for thing in scene.things]
    pixels, seen = render_scene(scene.place, things, scene.seed)
    boxes: list[dict[str, object]] = []
    for number, thing in enumerate(scene.things, 1):
        rows, columns = ((seen == number).any(axis=axis).nonzero()[0] for axis in (1, 0))
        finer = len(seen) // SIZE  # half a pixel counts as a whole one
        edges = [int(first) // finer for first in (columns[0], rows[0])]
        edges += [-(-int(last + 1) // finer) for last in (columns[-1], rows[-1])]
        boxes.append({"kind": thing.kind, "box": edges})
    if size != SIZE:
        pixels = np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS))
    return pixels, boxes


def find_boxes(scene: Scene) -> list[dict[str, object]]:
    """Each thing's {"kind", "box"}, the box of what is seen of it: left, top, right, bottom in pixels of SIZE."""
    return _draw(scene)[1]


def caption_scene(scene: Scene, language: str = "en") -> list[str]:
    """The scene's five captions in 'en' or 'ko'."""
    return [caption.text for caption in write_captions(scene.facts, language, scene.seed)]


def has_scenes(folder: Path, *, train: int, val: int, test: int, seed: int) -> bool:
    """Whether the folder holds exactly these scenes of this version, every file of them."""
    try:
        facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
        sizes = {"train": train, "val": val, "test": test}
        if (facts["version"], facts["seed"], facts["sizes"]) != (VERSION, seed, sizes):
            return False
        there = {f"photos/{path.name}" for path in (folder / "photos").iterdir()}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return there == set(facts["scenes"]) and all(
        (folder / name).is_file() for name in LANGUAGES.values()
    )


def write_scenes(
    folder: Path,
    *,
    train: int = 3000,
    val: int = 300,
    test: int = 300,
    seed: int = 0,
    progress: Callable[[Iterable], Iterable] | None = None,
) -> None:
    """Writes the dataset as a folder of photos, captions in two languages and facts; all of it or nothing."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "facts.json").is_file():
        raise UserError(
            f"{folder} is not empty and does not hold scenes; move away what is in it, or use another folder"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    for left in folder.parent.glob(
        f".{folder.name}-*"
    ):  # by a run that was killed; a younger one may be at work
        if time.time() - left.stat().st_mtime > 3600:
            shutil.rmtree(left, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        partial.chmod(0o755)  # mkdtemp's own is for its user only
        (partial / "photos").mkdir()
        records = list((progress or iter)(_Drawing(partial, seed, train + val + test)))
        splits = [
            name
            for name, size in zip(_SPLITS, (train, val, test), strict=True)
            for _ in range(size)
        ]
        _write_tables(partial, records, splits)
        about = {
            "version": VERSION,
            "seed": seed,
            "sizes": {name: splits.count(name) for name in _SPLITS},
        }
        scenes = {record["photo"]: record["scene"] for record in records}
        (partial / "facts.json").write_text(
            json.dumps(about | {"scenes": scenes}), encoding="utf-8"
        )
        if folder.exists():
            shutil.rmtree(folder)
        partial.replace(folder)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write_tables(folder: Path, records: Sequence[dict], splits: Sequence[str]) -> None:
    """Writes the captions of each language with their split."""
    for language, name in LANGUAGES.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(("photo", "caption", "split"))
            for record, split in zip(records, splits, strict=True):
                table.writerows(
                    (record["photo"], caption, split) for caption in record["captions"][language]
                )


class _Drawing:
    """The records of all scenes in order, while processes of their own draw them; it has a length for progress bars.

    Processes of `multiprocessing` would import the caller's script anew, and TensorFlow with it.
    """

    def __init__(self, folder: Path, seed: int, number: int) -> None:
        self.folder, self.seed, self.number = folder, seed, number

    def __len__(self) -> int:
        return self.number

    def __iter__(self) -> Iterator[dict]:
        step = max(1, min(os.cpu_count() or 1, 8, self.number // 20))
        environment = os.environ | {"PYTHONIOENCODING": "utf-8"}
        command = [
            sys.executable,
            "-m",
            "data.scenes.dataset",
            str(self.folder.resolve()),
            str(self.seed),
        ]
        workers = [
            subprocess.Popen(
                [*command, str(start), str(self.number), str(step)],
                stdout=subprocess.PIPE,
                encoding="utf-8",
                env=environment,
                cwd=Path(__file__).resolve().parents[2],
            )
            for start in range(step)
        ]
        try:
            for number in range(self.number):
                line = workers[number % step].stdout.readline()
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


def _draw_share(folder: Path, seed: int, numbers: Iterable[int]) -> None:
    """Draws the scenes of these numbers into the folder and prints a line of JSON for each."""
    for number in numbers:
        scene = compose_scene(seed * 1_000_000 + number)
        pixels, boxes = _draw(scene)
        photo = f"photos/{number:06}.jpg"
        about = {"facts": scene.facts, "boxes": boxes, "place": scene.place, "seed": scene.seed}
        record = {
            "photo": photo,
            "scene": about,
            "captions": {each: caption_scene(scene, each) for each in LANGUAGES},
        }
        try:
            Image.fromarray(pixels).save(folder / photo, quality=92)
        except OSError as error:  # told to who reads the lines, and raised there
            record = {"errno": (error.errno, error.strerror, str(error.filename or folder / photo))}
        print(json.dumps(record), flush=True)


if (
    __name__ == "__main__"
):  # a worker of _Drawing, which ends it on Ctrl-C; and it ends quietly when nobody reads on
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    _draw_share(Path(sys.argv[1]), int(sys.argv[2]), range(*map(int, sys.argv[3:6])))
