"""Load many photos into one array of pixels."""

from collections.abc import Callable, Sequence

import numpy as np

from data.photos.images import UnreadablePhoto, read_photo
from data.photos.photo import Photo
from utils.errors import UserError
from utils.progress import progress


def load_picture(photo: Photo, image_size: int) -> np.ndarray:
    """Read a photo that could be read before, as uint8 (S, S, 3); an error names it."""
    try:
        return read_photo(photo.path, (image_size, image_size))
    except UnreadablePhoto as error:
        raise changed_photo_error(photo, error) from None


def changed_photo_error(photo: Photo, reason: object) -> UserError:
    """Return the error for a photo that could be read when the job started, and now cannot."""
    return UserError(
        f"{photo.path} could be read before and cannot be read now ({reason}); restore it, or take "
        "it out of the dataset and start a new run"
    )


def allocate_in_memory(shape: tuple[int, ...]) -> np.ndarray:
    """Return an array in memory that is not filled yet."""
    return np.empty(shape, np.uint8)


def load_pictures(
    photos: Sequence[Photo],
    image_size: int,
    allocate: Callable[[tuple[int, ...]], np.ndarray] = allocate_in_memory,
) -> np.ndarray:
    """Load photos as uint8 (N, S, S, 3), into what `allocate` returns."""
    pictures = allocate((len(photos), image_size, image_size, 3))
    for place, photo in enumerate(progress(photos, len(photos), "photos read")):
        pictures[place] = load_picture(photo, image_size)
    return pictures
