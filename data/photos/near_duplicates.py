"""Photos that look alike although their bytes differ: another size, another quality, a touch of brightness."""

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

HASH_SIDE = 32  # pixels to which a photo is squeezed before it is compared
# Two photos are taken for the same where at most so many of 64 bits differ, and then their pixels rise and fall together.
# benchmarks/near_duplicates.py shows what that finds.
MAX_DISTANCE = 12
MIN_CORRELATION = 0.8
HASH_NAME = "phash-1"  # the name under which looks are kept; another one when `look` changes
_BITS = 16  # that a photo has at least; one of a single colour or a plain edge has few, and looks like all such


def compute_perceptual_hash(pixels: np.ndarray) -> int:
    """What the photo, uint8 (32, 32, 3), looks like, in 64 bits: which of its lowest frequencies are above their median.

    The perceptual hash that C. Zauner describes (2010).
    """
    from scipy.fft import dctn

    low = dctn(_grey(pixels), norm="ortho")[:8, :8].ravel()
    return int.from_bytes(np.packbits(low > np.median(low)).tobytes(), "big")


def _grey(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(pixels).convert("L"), np.float32)


def is_same_picture(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether the pixels of two photos, uint8 (32, 32, 3), rise and fall together."""
    one, other = (_grey(pixels) - _grey(pixels).mean() for pixels in (one, other))
    return float((one * other).sum()) >= MIN_CORRELATION * float(
        np.sqrt((one**2).sum() * (other**2).sum())
    )


def find_similar(
    ones: Sequence[int], others: Sequence[int], *, distance: int = MAX_DISTANCE
) -> Iterator[tuple[int, int]]:
    """The places (in ones, in others) of what may be the same; pictures without detail are passed over."""
    others = np.array(others, np.uint64)
    for place, one in enumerate(ones):
        if one.bit_count() < _BITS:
            continue
        near = np.flatnonzero(np.bitwise_count(others ^ np.uint64(one)) <= distance)
        yield from ((place, int(other)) for other in near)
