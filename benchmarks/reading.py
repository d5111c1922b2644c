"""Time and memory for reading a dataset of COCO's size and hashing its photos.

    python -m benchmarks.reading                        120,000 synthetic photos, 600,000 captions
    python -m benchmarks.reading --photos 1000 --json FILE

Photos are small (about 2 KB), so that they fit on any disk; hashing real ones takes as long as
reading them. Each measure runs in a process of its own: its seconds, without Python's start, and
its peak memory.
"""

import argparse
import csv
import io
import json
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.measuring import Figures, Measures, Turn, measure, serve_turns
from data import sources
from data.photos.hashes import PhotoHashes
from utils.files import write_json

CAPTIONS = 5  # a photo
WORDS = """a the two three red blue green old young small large man woman dog cat horse bus street
table beach field kitchen window umbrella ball kite train plate pizza sits stands runs rides holds
eats looks near under behind beside with and on in of at"""


def generate(folder: Path, photos: int) -> None:
    """Write a folder like COCO's, and the same captions as a table."""
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2017").mkdir()
    choices = random.Random(0)
    words = WORDS.split()
    jpeg = _make_jpeg()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number in range(photos):
        name = f"{number:012d}.jpg"
        # Readers ignore bytes after the end of a JPEG; here they make each file different.
        (folder / "train2017" / name).write_bytes(jpeg + name.encode())
        images.append(_describe_image(number, name))
        for place in range(CAPTIONS):
            caption = " ".join(choices.choices(words, k=10)).capitalize() + "."
            caption_number = number * CAPTIONS + place
            annotations.append({"image_id": number, "id": caption_number, "caption": caption})
    (folder / "annotations/captions_train2017.json").write_text(
        json.dumps({"images": images, "annotations": annotations})
    )
    with (folder / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["photo", "caption"])
        for annotation in annotations:
            path = f"train2017/{annotation['image_id']:012d}.jpg"
            table.writerow([path, annotation["caption"]])


def _make_jpeg() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(pixels).resize((96, 72)).save(jpeg, "JPEG", quality=80)
    return jpeg.getvalue()


def _describe_image(number: int, name: str) -> dict[str, Any]:
    """Return an image's entry with all of COCO's fields, whose reading takes time and memory."""
    return {
        "license": 3,
        "file_name": name,
        "coco_url": f"images.example/train2017/{name}",
        "height": 72,
        "width": 96,
        "date_captured": "2013-11-14 11:18:45",
        "flickr_url": f"photos.example/{name}",
        "id": number,
    }


def _generate(path: Path, photos: str) -> int:
    generate(path, int(photos))
    return int(photos)


def _count_captions(path: Path, _cache: str) -> int:
    return sum(len(example.captions) for example in sources.read(path).examples)


def _open_photos(path: Path, cache: str) -> int:
    hashes = PhotoHashes(Path(cache))
    photos = sorted((path / "train2017").iterdir())
    opened = sum(known.hash is not None for known in hashes.open_all(photos))
    hashes.save()
    return opened


def _prepare(work: Callable[[Path, str], int], path: str, argument: str) -> Turn:
    return lambda: {"count": work(Path(path), argument)}


MEASURES: Measures = {
    "generate": partial(_prepare, _generate),
    "read": partial(_prepare, _count_captions),
    "open": partial(_prepare, _open_photos),
}


def run(photos: int, folder: Path) -> dict[str, Figures]:
    """Generate a dataset in the folder; return the figures of all measures on it."""
    coco, table = folder / "coco", folder / "coco/table.csv"
    cache = folder / "photos.json"

    def measure_one(name: str, path: Path, argument: Path | int = cache) -> Figures:
        figures = measure("benchmarks.reading", [name], 1, path=str(path), argument=str(argument))
        return figures[name]

    measure_one("generate", coco, photos)
    return {
        "captions read, COCO's JSON": measure_one("read", coco),
        "captions read, a table": measure_one("read", table),
        "photos opened and hashed, the first time": measure_one("open", coco),
        "photos opened and hashed, again": measure_one("open", coco),
    }


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--photos", type=int, default=120_000, metavar="PHOTOS", help="how many (default 120,000)"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--measure", choices=list(MEASURES), help=argparse.SUPPRESS)
    return parser


def main() -> None:
    """Generate, measure, print a table."""
    arguments = make_options().parse_args()
    if arguments.measure:
        serve_turns(MEASURES, arguments.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        figures = run(arguments.photos, Path(folder))
    print("| what | number | seconds | peak MB |\n| --- | --- | --- | --- |")
    for name, each in figures.items():
        numbers = f"{each['count']:,} | {each['seconds']:.1f} | {each['megabytes']:.0f}"
        print(f"| {name} | {numbers} |")
    if arguments.json:
        write_json(Path(arguments.json), figures)


if __name__ == "__main__":
    main()
