"""The awkward pictures of tests/fixtures, and how image processors of others read them."""

from pathlib import Path

import numpy as np

from data.photos.images import read_photo
from data.photos.reading import Reading

PICTURES = sorted((Path(__file__).parents[1] / "fixtures" / "pictures").iterdir())
# The processors cut values of 16 bits at 255, and drop transparency; here 16 bits are scaled to 8,
# and what is transparent is white.
ON_PURPOSE = {"4_grey_of_16_bits.png", "5_alpha.png"}


def check_reading(picture: Path, reading: Reading, recorded: np.ndarray, most: int = 0) -> None:
    """Compare a picture with the recorded pixels (10, H, W, 3) of all pictures.

    `most` is the largest difference of a value from 0 to 255.
    """
    wanted = recorded[PICTURES.index(picture)]
    pixels = read_photo(picture, wanted.shape[:2], reading)
    difference = np.abs(pixels.astype(int) - wanted).max()
    if picture.name in ON_PURPOSE:
        assert difference > 50
    else:
        assert difference <= most
