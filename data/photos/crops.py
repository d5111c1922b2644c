"""Crops of a photo that are captioned together: networks see more in several of them than in one.

1 crop    the photo
2 crops   and its middle, enlarged
4 crops   and both mirrored
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data.feature_names import make_feature_key
from data.photos.images import read_photo
from data.photos.photo import Photo
from data.photos.reading import DEFAULT, WHOLE, Reading, Window

_MARGIN = 1 / 16  # share of the side that the middle omits at each edge


@dataclass(frozen=True)
class Crops:
    """The first `number` crops of each photo."""

    number: int = 1
    reading: Reading = DEFAULT

    def keys(self, photo: Photo, _split: str = "") -> tuple[str, ...]:
        """Return the cache keys of the crops, the photo itself first."""
        return tuple(
            make_feature_key(photo.hash, recipe="crop", view=crop) for crop in range(self.number)
        )

    def load_picture(self, photo: Photo, crop: int, image_size: int) -> np.ndarray:
        """Load the pixels (S, S, 3) of a crop."""
        picture = read_photo(photo.path, (image_size, image_size), self.reading)
        return crop_picture(picture, crop)

    def cut(self, picture: np.ndarray) -> list[np.ndarray]:
        """Return the crops of a picture, each as large as it."""
        return [crop_picture(picture, crop) for crop in range(self.number)]


def _shows_middle(crop: int) -> bool:
    return crop % 2 == 1


def _is_mirrored(crop: int) -> bool:
    return crop >= 2


def crop_picture(picture: np.ndarray, crop: int) -> np.ndarray:
    """Return crop 0, 1, 2 or 3 of a picture uint8 (H, W, 3), as large as it."""
    if _shows_middle(crop):
        height, width = picture.shape[:2]
        left, right = _MARGIN * width, (1 - _MARGIN) * width
        top, bottom = _MARGIN * height, (1 - _MARGIN) * height
        middle = Image.fromarray(picture).resize(
            (width, height), Image.Resampling.BILINEAR, box=(left, top, right, bottom)
        )
        picture = np.asarray(middle)
    if _is_mirrored(crop):
        picture = picture[:, ::-1]
    return picture


def project_to_photo(attention: Sequence[np.ndarray], grid: tuple[int, int]) -> np.ndarray:
    """Project the attention (T, L) to each crop's locations onto the photo's; its sum stays."""
    rows, columns = grid
    total = np.zeros_like(attention[0])
    for crop, weights in enumerate(attention):
        weights = weights.reshape(-1, rows, columns)
        if _is_mirrored(crop):
            weights = weights[:, :, ::-1]
        if _shows_middle(crop):
            middle = (_MARGIN, 1 - _MARGIN)
            weights = (
                _compute_overlaps(rows, *middle).T @ weights @ _compute_overlaps(columns, *middle)
            )
        total += weights.reshape(total.shape)
    return total


def project_window(attention: np.ndarray, grid: tuple[int, int], window: Window) -> np.ndarray:
    """Project the attention (T, L) to a part of the photo onto the whole photo; its sum stays."""
    if window == WHOLE:
        return attention
    top, left, bottom, right = window
    rows, columns = grid
    weights = attention.reshape(-1, rows, columns)
    vertical = _compute_overlaps(rows, top, bottom)
    horizontal = _compute_overlaps(columns, left, right)
    return (vertical.T @ weights @ horizontal).reshape(attention.shape)


def _compute_overlaps(locations: int, start: float, end: float) -> np.ndarray:
    """Return the share of each location of a part's side in each location of the photo's side.

    The part reaches from `start` to `end`, as shares of the photo's side. The shape is (locations
    of the part, locations of the photo).
    """
    part = np.linspace(start, end, locations + 1)
    photo = np.linspace(0, 1, locations + 1)
    starts = np.maximum(part[:-1, None], photo[None, :-1])
    ends = np.minimum(part[1:, None], photo[None, 1:])
    length = part[1] - part[0]
    return ((ends - starts).clip(0) / length).astype(np.float32)
