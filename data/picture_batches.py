"""Pictures in place of cached features, for training the encoder too; loaded at each use."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from data.feature_cache import FeatureSequence
from data.photos.photo import Photo
from data.photos.views import Views
from utils.errors import UserError


class PictureLoader:
    """Pictures (n, S, S, 3) uint8 by the keys that the feature cache would have."""

    def __init__(
        self, photos: Iterable[Photo], views: Views, image_size: int, fingerprint: dict[str, Any]
    ) -> None:
        """Load views of the photos; `fingerprint` is the encoder's before training."""
        self.fingerprint = fingerprint
        self._views = views
        self._image_size = image_size
        self._places: dict[str, tuple[Photo, int]] = {}
        for photo in photos:
            for view, key in enumerate(views.keys(photo)):
                self._places[key] = (photo, view)
        self._pool = ThreadPoolExecutor(2)

    def get(self, keys: Sequence[str]) -> np.ndarray:
        """Load the pictures of these keys, two at a time."""
        return np.stack(list(self._pool.map(self._load, keys)))

    def select(self, keys: Sequence[str]) -> FeatureSequence:
        """Return the pictures of these keys as a sequence that loads a slice when asked for it."""
        return FeatureSequence(self, keys)

    def _load(self, key: str) -> np.ndarray:
        photo, view = self._places[key]
        try:
            return self._views.load_picture(photo, view, self._image_size)
        except ValueError as error:
            raise UserError(
                f"{photo.path} cannot be read ({error}); remove it from the dataset and start "
                "a new run"
            ) from None
