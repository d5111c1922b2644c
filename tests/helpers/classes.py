"""Folders of pictures that a small network soon tells apart: red, green and blue ones."""

import numpy as np

from data.photos.images import save_picture

CLASSES = ("blue", "green", "red")
SIDE = 24  # pixels


def make_picture(name, seed):
    """Return noise in which one colour prevails."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 120, (SIDE, SIDE, 3)).astype(np.uint8)
    pixels[..., ("red", "green", "blue").index(name)] += 110
    return pixels


def write_class_folders(folder, *, seed=0, **splits):
    """Write this number of pictures of each class for each split; `unsplit` has no folder.

    Return the folder.
    """
    for place, (split, number) in enumerate(splits.items()):
        split_folder = folder if split == "unsplit" else folder / split
        for kind, name in enumerate(CLASSES):
            for each in range(number):
                file = split_folder / name / f"{each:02}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                save_picture(make_picture(name, (seed, place, kind, each)), file)
    return folder
