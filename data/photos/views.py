"""The augmented views of training photos."""

from dataclasses import dataclass

import numpy as np

from data.feature_names import make_feature_key
from data.img_augmentation import augment, make_recipe_name, mentions_sides
from data.photos.images import read_photo
from data.photos.photo import Photo
from data.photos.reading import DEFAULT, Reading


@dataclass(frozen=True)
class Views:
    """The augmented views of training photos.

    A photo is mirrored only if its captions do not mention left or right.
    """

    number: int
    seed: int
    reading: Reading = DEFAULT

    def keys(self, photo: Photo, split: str = "train") -> tuple[str, ...]:
        """Return the cache keys of the photo itself and, in the training split, of its views."""
        if split != "train" or self.number == 0:
            return (photo.hash,)
        recipe = make_recipe_name(flip=not mentions_sides(photo.captions))
        return tuple(
            make_feature_key(photo.hash, recipe=recipe, seed=self.seed, view=view)
            for view in range(self.number + 1)
        )

    def load_picture(self, photo: Photo, view: int, image_size: int) -> np.ndarray:
        """Load the pixels (S, S, 3) of a view; view 0 is the photo itself."""
        image = read_photo(photo.path, (image_size, image_size), self.reading)
        if view == 0:
            return image
        return augment(
            image,
            photo_hash=photo.hash,
            seed=self.seed,
            view=view,
            flip=not mentions_sides(photo.captions),
        )
