"""CIFAR-10 as a folder of classes, made once from the arrays of `keras.datasets`."""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path("datasets/cifar10")
# In the order of the dataset's own numbers (Krizhevsky 2009).
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

Part = tuple[
    np.ndarray, np.ndarray
]  # pictures uint8 (N, 32, 32, 3), numbers of their classes (N,) or (N, 1)


def write(
    parts: dict[str, Part], folder: Path, *, progress: Callable[[Iterable], Iterable] = iter
) -> None:
    """Write the pictures of each split as folder/split/class/number.png: all of them or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        partial.chmod(0o755)  # mkdtemp's own is for its user only
        for split in parts:
            for name in CLASSES:
                (partial / split / name).mkdir(parents=True)
        for file, pixels in progress(_pictures(parts)):
            Image.fromarray(pixels).save(partial / file)
        partial.replace(folder)
    except BaseException:  # Ctrl-C too
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _pictures(parts: dict[str, Part]) -> Iterator[tuple[str, np.ndarray]]:
    """Each picture with the name of its file."""
    for split, (pictures, numbers) in parts.items():
        for place, (pixels, number) in enumerate(zip(pictures, numbers.ravel(), strict=True)):
            yield f"{split}/{CLASSES[number]}/{place:05}.png", pixels
