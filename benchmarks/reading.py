"""How long it takes, and how much memory, to read a dataset of COCO's size and to know its photos.

    python -m benchmarks.reading                        120,000 generated photos, 600,000 captions
    python -m benchmarks.reading --photos 1000 --json FILE

Photos are drawn small (about 2 KB), so that they fit on any disk; hashing real ones takes as long as reading them. Each
measurement is a process of its own: its seconds, without Python's start, and its peak memory.
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

from benchmarks.measuring import Measures, Turn, measured, serve
from data import sources
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.near_duplicates import HASH_NAME, HASH_SIDE, compute_perceptual_hash
from utils.files import write_json

CAPTIONS = 5  # a photo
WORDS = """a the two three red blue green old young small large man woman dog cat horse bus street table beach field kitchen
window umbrella ball kite train plate pizza sits stands runs rides holds eats looks near under behind beside with
and on in of at"""


def generate(folder: Path, photos: int) -> None:
    """A folder as COCO's, and the same captions as a table."""
    chance, words = random.Random(0), WORDS.split()
    (folder / "annotations").mkdir(parents=True)
    (folder / "train2017").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    whole = io.BytesIO()
    Image.fromarray(pixels).resize((96, 72)).save(whole, "JPEG", quality=80)
    images, annotations = [], []
    for number in range(photos):
        name = f"{number:012d}.jpg"
        # What follows the end of a JPEG is not looked at: the bytes of each are its own all the same.
        (folder / "train2017" / name).write_bytes(whole.getvalue() + name.encode())
        images.append(
            {
                "license": 3,
                "file_name": name,
                "coco_url": f"images.example/train2017/{name}",
                "height": 72,
                "width": 96,
                "date_captured": "2013-11-14 11:18:45",
                "flickr_url": f"photos.example/{name}",
                "id": number,
            }
        )
        annotations += [
            {
                "image_id": number,
                "id": number * CAPTIONS + each,
                "caption": " ".join(chance.choices(words, k=10)).capitalize() + ".",
            }
            for each in range(CAPTIONS)
        ]
    (folder / "annotations/captions_train2017.json").write_text(
        json.dumps({"images": images, "annotations": annotations})
    )
    with (folder / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["photo", "caption"])
        table.writerows(
            [f"train2017/{each['image_id']:012d}.jpg", each["caption"]] for each in annotations
        )


def _generate(path: Path, photos: str) -> int:
    generate(path, int(photos))
    return int(photos)


def _read(path: Path, _cache: str) -> int:
    return sum(len(example.captions) for example in sources.read(path).examples)


def _hash(path: Path, cache: str) -> int:
    hashes = PhotoHashes(Path(cache))
    known = sum(
        photo_hash is not None
        for _, photo_hash, _ in hashes.hashed(sorted((path / "train2017").iterdir()))
    )
    hashes.save()
    return known


def _look(path: Path, cache: str) -> int:
    hashes = PhotoHashes(Path(cache))
    photos = [photo for photo, *_ in hashes.hashed(sorted((path / "train2017").iterdir()))]
    looks = hashes.looks(
        photos,
        lambda photo: compute_perceptual_hash(read_photo(photo, (HASH_SIDE, HASH_SIDE))),
        name=HASH_NAME,
    )
    seen = sum(each is not None for each in looks)
    hashes.save()
    return seen


def _once(work: Callable[[Path, str], int], path: str, more: str) -> Turn:
    return lambda: {"count": work(Path(path), more)}


MEASURES: Measures = {
    "generate": partial(_once, _generate),
    "read": partial(_once, _read),
    "hash": partial(_once, _hash),
    "look": partial(_once, _look),
}


def run(photos: int, folder: Path) -> dict[str, dict[str, Any]]:
    """All measurements, on a dataset generated in the folder."""
    coco, cache = folder / "coco", folder / "photos.json"

    def found(what: str, path: Path, more: Path | int = cache) -> dict[str, Any]:
        return measured("benchmarks.reading", [what], 1, path=str(path), more=str(more))[what]

    found("generate", coco, photos)
    return {
        "captions read, COCO's JSON": found("read", coco),
        "captions read, a table": found("read", coco / "table.csv"),
        "photos hashed, the first time": found("hash", coco),
        "photos hashed, again": found("hash", coco),
        "photos looked at, the first time": found("look", coco),
        "photos looked at, again": found("look", coco),
    }


def main() -> None:
    """Generate, measure, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--photos", type=int, default=120_000, metavar="PHOTOS", help="how many (default 120,000)"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")
    parser.add_argument("--measure", choices=list(MEASURES), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        serve(MEASURES, given.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = run(given.photos, Path(folder))
    print("| what | number | seconds | peak MB |\n| --- | --- | --- | --- |")
    for what, each in found.items():
        print(f"| {what} | {each['count']:,} | {each['seconds']:.1f} | {each['megabytes']:.0f} |")
    if given.json:
        write_json(Path(given.json), found)


if __name__ == "__main__":
    main()
