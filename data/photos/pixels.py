"""Load many photos into one array of pixels."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.photo import Photo

Progress = Callable[
    [Iterable, int, str], Iterable
]  # (things, how many, of what) → the same things, with a bar


def _in_memory(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, np.uint8)


def load_pictures(
    photos: Sequence[Photo],
    image_size: int,
    hashes: PhotoHashes,
    *,
    progress: Progress,
    room: Callable[[tuple[int, ...]], np.ndarray] = _in_memory,
) -> tuple[list[Photo], np.ndarray]:
    """uint8 pictures (N, S, S, 3) of the photos that can be read, and those photos; `room` makes what they are held in."""
    kept: list[Photo] = []
    pictures = room((len(photos), image_size, image_size, 3))
    for photo in progress(photos, len(photos), "photos read"):
        try:
            pictures[len(kept)] = read_photo(photo.path, (image_size, image_size))
            kept.append(photo)
        except ValueError as error:
            hashes.mark_unreadable(photo.path, error)
    return kept, pictures[: len(kept)]
