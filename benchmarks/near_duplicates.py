"""The search for similar photos: altered copies that it finds, and different photos it confuses.

python -m benchmarks.near_duplicates FOLDER
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from data.photos.folders import find_photos
from data.photos.images import read_photo
from data.photos.near_duplicates import (
    HASH_SIDE,
    compute_perceptual_hash,
    find_similar,
    is_same_picture,
)

ALTERATIONS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved as JPEG at quality 30": lambda photo: photo,
    "half as wide and high": lambda photo: photo.resize((photo.width // 2, photo.height // 2)),
    "resized to 224 x 224": lambda photo: photo.resize((224, 224)),
    "a quarter brighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.25),
    "a third more contrast": lambda photo: ImageEnhance.Contrast(photo).enhance(1.33),
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "a fiftieth cut off at each edge": lambda photo: _crop(photo, 50),
    "a twentieth cut off at each edge": lambda photo: _crop(photo, 20),
}
QUALITIES = {"saved as JPEG at quality 30": 30}  # of JPEG files; the others have 90


def _crop(photo: Image.Image, part: int) -> Image.Image:
    across, down = photo.width // part, photo.height // part
    return photo.crop((across, down, photo.width - across, photo.height - down))


def _read_small(photo: bytes | Path) -> np.ndarray:
    return read_photo(photo, (HASH_SIDE, HASH_SIDE))


def measure_found_copies(photos: list[Path]) -> dict[str, float]:
    """Return the share of photos whose altered copy is found, for each alteration."""
    shares = {}
    for name, alter in ALTERATIONS.items():
        found = []
        for photo in photos:
            copy = io.BytesIO()
            altered = alter(Image.fromarray(read_photo(photo)))
            altered.save(copy, "JPEG", quality=QUALITIES.get(name, 90))
            found.append(_is_found(_read_small(photo), _read_small(copy.getvalue())))
        shares[name] = float(np.mean(found))
    return shares


def _is_found(original: np.ndarray, copy: np.ndarray) -> bool:
    """Return whether two photos count as the same."""
    pairs = find_similar([compute_perceptual_hash(original)], [compute_perceptual_hash(copy)])
    return any(True for _ in pairs) and is_same_picture(original, copy)


def find_pairs(photos: list[Path]) -> list[tuple[Path, Path]]:
    """Return the pairs of photos that count as the same."""
    hashes = [compute_perceptual_hash(_read_small(photo)) for photo in photos]
    pairs = []
    for left, right in find_similar(hashes, hashes):
        if left >= right:
            continue
        if is_same_picture(_read_small(photos[left]), _read_small(photos[right])):
            pairs.append((photos[left], photos[right]))
    return pairs


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", help="photos, all different")
    parser.add_argument(
        "--altered",
        type=int,
        default=120,
        metavar="PHOTOS",
        help="how many photos to alter (default 120)",
    )
    return parser


def main() -> None:
    """Print the shares of copies found, and the pairs that are confused."""
    arguments = make_options().parse_args()
    photos = find_photos(Path(arguments.folder))
    originals = photos[: arguments.altered]
    print(f"| copies of {len(originals)} photos | found |\n| --- | --- |")
    for name, share in measure_found_copies(originals).items():
        print(f"| {name} | {share:.1%} |")
    pairs = find_pairs(photos)
    number = len(photos)
    all_pairs = number * (number - 1) // 2
    print(f"\n{len(pairs)} of {all_pairs:,} pairs of {number:,} photos count as the same")
    for left, right in pairs[:10]:
        print(f"  {left.name}  {right.name}")


if __name__ == "__main__":
    main()
