"""Crops in which a photo is looked at when it is captioned: networks see more in several of them than in one.

1   the photo
2   and its middle, enlarged
4   and both mirrored
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data.feature_cache import make_feature_key
from data.photos.images import read_photo
from data.photos.photo import Photo

_MARGIN = 1 / 16  # of the side, which the middle leaves out at each edge


@dataclass(frozen=True)
class Crops:
    """So many crops of each photo."""

    number: int = 1

    def keys(self, photo: Photo, _split: str = "") -> tuple[str, ...]:
        """Cache keys of the crops, the photo itself first."""
        return tuple(
            make_feature_key(photo.hash, recipe="crop", view=crop) for crop in range(self.number)
        )

    def load_picture(self, photo: Photo, crop: int, image_size: int) -> np.ndarray:
        """The pixels of a crop."""
        return crop_picture(read_photo(photo.path, (image_size, image_size)), crop)

    def cut(self, picture: np.ndarray) -> list[np.ndarray]:
        """The crops (S, S, 3) of a picture of that size."""
        return [crop_picture(picture, crop) for crop in range(self.number)]


def crop_picture(picture: np.ndarray, crop: int) -> np.ndarray:
    """Crop 0, 1, 2 or 3 of a picture uint8 (H, W, 3), as large as that."""
    if crop % 2:
        height, width = picture.shape[:2]
        box = (_MARGIN * width, _MARGIN * height, (1 - _MARGIN) * width, (1 - _MARGIN) * height)
        picture = np.asarray(
            Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR, box=box)
        )
    return picture[:, ::-1] if crop >= 2 else picture


def project_to_photo(attention: Sequence[np.ndarray], grid: tuple[int, int]) -> np.ndarray:
    """Attention (T, L) over the places of the whole photo, of that over those of each crop (T, L); the sum stays."""
    rows, columns = grid
    total = np.zeros_like(attention[0])
    for crop, each in enumerate(attention):
        places = each.reshape(-1, rows, columns)
        if crop >= 2:
            places = places[:, :, ::-1]
        if crop % 2:
            places = _of_middle(rows).T @ places @ _of_middle(columns)
        total += places.reshape(total.shape)
    return total


def _of_middle(places: int) -> np.ndarray:
    """The shares (L, L) of each place of the middle's side that lie in each place of the photo's."""
    edges = np.linspace(_MARGIN, 1 - _MARGIN, places + 1)
    whole = np.linspace(0, 1, places + 1)
    overlap = np.minimum(edges[1:, None], whole[None, 1:]) - np.maximum(
        edges[:-1, None], whole[None, :-1]
    )
    return (overlap.clip(0) / (edges[1] - edges[0])).astype(np.float32)
