"""How well photos that look alike are found: altered copies of photos, and pairs of different ones.

python -m benchmarks.near_duplicates FOLDER
"""

import argparse
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from data.photos.images import find_photos, read_photo
from data.photos.near_duplicates import (
    HASH_SIDE,
    compute_perceptual_hash,
    find_similar,
    is_same_picture,
)

ALTERED: dict[str, Callable[[Image.Image], Image.Image]] = {
    "saved as JPEG at quality 30": lambda photo: photo,
    "half as wide and high": lambda photo: photo.resize((photo.width // 2, photo.height // 2)),
    "squeezed to 224 x 224": lambda photo: photo.resize((224, 224)),
    "a quarter brighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.25),
    "a third more contrast": lambda photo: ImageEnhance.Contrast(photo).enhance(1.33),
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "a fiftieth cut off at each edge": lambda photo: _cropped(photo, 50),
    "a twentieth cut off at each edge": lambda photo: _cropped(photo, 20),
}


def _cropped(photo: Image.Image, part: int) -> Image.Image:
    across, down = photo.width // part, photo.height // part
    return photo.crop((across, down, photo.width - across, photo.height - down))


def _pixels(photo: bytes | Path) -> np.ndarray:
    return read_photo(photo, (HASH_SIDE, HASH_SIDE))


def found(photos: list[Path]) -> dict[str, float]:
    """The share of photos that are found again, for each alteration."""
    shares = {}
    for name, alter in ALTERED.items():
        near = []
        for photo in photos:
            copy = io.BytesIO()
            alter(Image.fromarray(read_photo(photo))).save(
                copy, "JPEG", quality=30 if "30" in name else 90
            )
            pixels = _pixels(photo), _pixels(copy.getvalue())
            near.append(
                any(
                    True
                    for _ in find_similar(*([compute_perceptual_hash(each)] for each in pixels))
                )
                and is_same_picture(*pixels)
            )
        shares[name] = float(np.mean(near))
    return shares


def same(photos: list[Path]) -> list[tuple[Path, Path]]:
    """The pairs that are taken for the same."""
    looks = [compute_perceptual_hash(_pixels(photo)) for photo in photos]
    pairs = [
        (photos[left], photos[right]) for left, right in find_similar(looks, looks) if left < right
    ]
    return [
        (left, right) for left, right in pairs if is_same_picture(_pixels(left), _pixels(right))
    ]


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", metavar="FOLDER", help="photos, no two of them the same")
    parser.add_argument(
        "--altered",
        type=int,
        default=120,
        metavar="PHOTOS",
        help="how many are altered (default 120)",
    )
    given = parser.parse_args()
    photos = find_photos(Path(given.folder))
    print(f"| copies of {min(given.altered, len(photos))} photos | found |\n| --- | --- |")
    for name, share in found(photos[: given.altered]).items():
        print(f"| {name} | {share:.1%} |")
    pairs = same(photos)
    number = len(photos)
    print(
        f"\n{len(pairs)} of {number * (number - 1) // 2:,} pairs of {number:,} photos are taken for the same"
    )
    for left, right in pairs[:10]:
        print(f"  {left.name}  {right.name}")


if __name__ == "__main__":
    main()
