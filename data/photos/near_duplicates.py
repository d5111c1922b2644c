"""Find photos that look alike although their bytes differ: another size, quality or brightness."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image
from scipy.fft import dctn

HASH_SIDE = 32  # pixels to which a photo is squeezed before it is compared
HASH_NAME = "phash-1"  # under which hashes are stored; another name when the hash changes
# Two photos count as the same if at most this number of 64 bits differ, and then if their pixels
# correlate at least this much. benchmarks/near_duplicates.py measures what that finds.
MAX_DISTANCE = 12
MIN_CORRELATION = 0.8
# A picture of one colour or with one plain edge has fewer, and looks like all others of its kind.
_MIN_BITS = 16


def compute_perceptual_hash(pixels: np.ndarray) -> int:
    """Return 64 bits of a photo, uint8 (32, 32, 3): the lowest frequencies above their median.

    The perceptual hash of C. Zauner (2010).
    """
    low = dctn(_convert_to_grey(pixels), norm="ortho")[:8, :8].ravel()
    bits = np.packbits(low > np.median(low))
    return int.from_bytes(bits.tobytes(), "big")


def is_same_picture(one: np.ndarray, other: np.ndarray) -> bool:
    """Return whether the pixels of two photos, uint8 (32, 32, 3), correlate."""
    one = _convert_to_grey(one)
    other = _convert_to_grey(other)
    one = one - one.mean()
    other = other - other.mean()
    norms = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) >= MIN_CORRELATION * norms


def find_similar(
    ones: Sequence[int], others: Sequence[int], *, max_distance: int = MAX_DISTANCE
) -> Iterator[tuple[int, int]]:
    """Yield the indices (in ones, in others) of similar hashes; skip pictures without detail."""
    others = np.array(others, np.uint64)
    for index, one in enumerate(ones):
        if one.bit_count() < _MIN_BITS:
            continue
        distances = np.bitwise_count(others ^ np.uint64(one))
        for other in np.flatnonzero(distances <= max_distance):
            yield index, int(other)


def _convert_to_grey(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
