"""Batches of pictures in memory with their classes, altered differently in every epoch."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from data.caption_batches import Batch, read_ahead
from utils.device import measure_memory

MEMORY_SHARE = 0.4  # of the machine's memory that pictures may take
_USUAL_MEMORY = 5e9  # bytes of a machine that does not tell


def can_hold_in_memory(number: int, image_size: int) -> bool:
    """Return whether this number of pictures fits into the share of memory for pictures."""
    memory = measure_memory() or _USUAL_MEMORY
    return number * image_size**2 * 3 <= MEMORY_SHARE * memory


def allocate_on_disk(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """Return a uint8 array in a file without a name, which vanishes when the program ends."""
    if np.prod(shape) == 0:
        return np.empty(shape, np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.uint8, "w+", shape=shape)


class ClassBatches:
    """Batches of pictures (B, S, S, 3) uint8 and classes (B,) int32.

    Order and alterations depend on seed, epoch and step alone. The pictures that do not fill a
    batch are skipped, different ones in every epoch.
    """

    def __init__(
        self, pictures: np.ndarray, labels: Sequence[int], *, batch: int, seed: int, alter: str
    ) -> None:
        """Plan batches of `batch` pictures; `alter` is mirrored (and moved), moved, or none."""
        self._pictures = pictures
        self._labels = np.asarray(labels, np.int32)
        self._seed = seed
        self._alter = alter
        self.batch = min(batch, len(pictures))
        self.steps = len(pictures) // self.batch

    def epoch(self, number: int, *, first: int = 0) -> Iterator[Batch]:
        """Yield an epoch's batches from the `first` on; a thread makes them ahead."""
        order = np.random.default_rng((self._seed, number)).permutation(len(self._pictures))
        plan = []
        for step in range(first, self.steps):
            plan.append((step, order[step * self.batch : (step + 1) * self.batch]))

        def make(step: int, indices: np.ndarray) -> Batch:
            indices = np.sort(indices)  # so that a file is read in order
            random = np.random.default_rng((self._seed, number, step))
            pictures = alter_pictures(np.asarray(self._pictures[indices]), self._alter, random)
            return pictures, self._labels[indices]

        return read_ahead(plan, make)


def alter_pictures(pictures: np.ndarray, alter: str, random: np.random.Generator) -> np.ndarray:
    """Move each picture (B, S, S, 3) by up to a sixteenth of its side; if `mirrored`, mirror half.

    The pixels that come in at an edge are reflected at it.
    """
    if alter == "none":
        return pictures
    size = pictures.shape[1]
    margin = max(1, size // 16)
    padding = ((0, 0), (margin, margin), (margin, margin), (0, 0))
    padded = np.pad(pictures, padding, mode="reflect")
    offsets = random.integers(0, 2 * margin + 1, (len(pictures), 2))
    windows = []
    for picture, (down, right) in zip(padded, offsets, strict=True):
        windows.append(picture[down : down + size, right : right + size])
    moved = np.stack(windows)
    if alter == "mirrored":
        is_mirrored = random.random(len(pictures)) < 0.5
        moved[is_mirrored] = moved[is_mirrored, :, ::-1]
    return moved
