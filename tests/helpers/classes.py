"""Folders of pictures that a small network soon tells apart: red, green and blue ones."""

import numpy as np

from data.photos.images import save_picture

CLASSES = ("blue", "green", "red")
SIDE = 24  # pixels


def picture(name, seed):
    """Noise with much of a colour in it."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 120, (SIDE, SIDE, 3)).astype(np.uint8)
    pixels[..., ("red", "green", "blue").index(name)] += 110
    return pixels


def class_folders(folder, *, seed=0, **splits):
    """The folder, with so many pictures of each class in each split; without splits as split `None`."""
    for place, (split, number) in enumerate(splits.items()):
        for kind, name in enumerate(CLASSES):
            for each in range(number):
                file = folder / ("" if split == "unsplit" else split) / name / f"{each:02}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                save_picture(picture(name, (seed, place, kind, each)), file)
    return folder
