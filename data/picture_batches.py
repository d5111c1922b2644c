"""Photos as pictures, read and altered anew whenever they are asked for: what an encoder that is trained looks at."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from data.feature_cache import FeatureSequence
from data.photos.photo import Photo
from data.photos.views import Views
from utils.errors import UserError


class PictureLoader:
    """What the feature cache is to a frozen encoder: by the same keys, pictures (n, S, S, 3) uint8."""

    def __init__(
        self, photos: Iterable[Photo], views: Views, image_size: int, fingerprint: dict[str, Any]
    ) -> None:
        """`fingerprint` is the encoder's as it begins."""
        self.fingerprint = fingerprint
        self._views = views
        self._image_size = image_size
        self._places = {
            key: (photo, view) for photo in photos for view, key in enumerate(views.keys(photo))
        }
        self._pool = ThreadPoolExecutor(2)

    def get(self, keys: Sequence[str]) -> np.ndarray:
        """The pictures of these keys, several read at a time."""
        return np.stack(list(self._pool.map(self._picture, keys)))

    def select(self, keys: Sequence[str]) -> FeatureSequence:
        """The pictures of these keys, read when a slice of them is asked for."""
        return FeatureSequence(self, keys)

    def _picture(self, key: str) -> np.ndarray:
        photo, view = self._places[key]
        try:
            return self._views.load_picture(photo, view, self._image_size)
        except ValueError as error:
            raise UserError(
                f"{photo.path} cannot be read ({error}); take it out of the dataset and start a new run"
            ) from None
