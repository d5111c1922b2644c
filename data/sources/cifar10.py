"""CIFAR-10 as folders of classes, written once from the arrays of `keras.datasets`."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

# In the order of the dataset's own numbers (Krizhevsky 2009).
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# Pictures uint8 (N, 32, 32, 3), and the numbers of their classes (N,) or (N, 1).
LabelledPictures = tuple[np.ndarray, np.ndarray]


def write(
    splits: dict[str, LabelledPictures],
    folder: Path,
    *,
    progress: Callable[[Iterable], Iterable] = iter,
) -> None:
    """Write the pictures as folder/split/class/number.png: all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        temporary.chmod(0o755)  # mkdtemp lets only the user in
        for split in splits:
            for name in CLASSES:
                (temporary / split / name).mkdir(parents=True)
        for file, pixels in progress(_name_pictures(splits)):
            Image.fromarray(pixels).save(temporary / file)
        temporary.replace(folder)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _name_pictures(splits: dict[str, LabelledPictures]) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the name of each picture's file and its pixels."""
    for split, (pictures, numbers) in splits.items():
        for index, (pixels, number) in enumerate(zip(pictures, numbers.ravel(), strict=True)):
            yield f"{split}/{CLASSES[number]}/{index:05}.png", pixels
