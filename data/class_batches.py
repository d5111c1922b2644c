"""Pictures with their classes' numbers, held in memory, as batches that are altered anew in every epoch."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from data.caption_batches import read_ahead

MEMORY_SHARE = 0.4  # of the machine's memory that pictures may take


def can_hold_in_memory(number: int, image_size: int) -> bool:
    """Whether so many pictures may be held in memory; where the system does not say how much there is, 2 GB may."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        memory = 2e9 / MEMORY_SHARE
    return number * image_size**2 * 3 <= MEMORY_SHARE * memory


def allocate_on_disk(shape: tuple[int, ...], folder: Path) -> np.ndarray:
    """Room for pictures in a file without a name, which is gone when the program ends, however it ends."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return (
            np.memmap(file, np.uint8, "w+", shape=shape)
            if np.prod(shape)
            else np.empty(shape, np.uint8)
        )


class ClassBatches:
    """Batches of pictures (B, S, S, 3) uint8 and classes (B,) int32, in an order and altered in a way that depend on seed,
    epoch and step alone. What does not fill a batch is left over, other pictures in every epoch."""

    def __init__(
        self, pictures: np.ndarray, labels: Sequence[int], *, batch: int, seed: int, alter: str
    ) -> None:
        """`alter` says how: mirrored (and moved), moved, or none."""
        self._pictures = pictures
        self._labels = np.asarray(labels, np.int32)
        self._seed = seed
        self._alter = alter
        self.batch = min(batch, len(pictures))
        self.steps = len(pictures) // self.batch

    def epoch(self, number: int, *, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of an epoch, from the `first` on, made by a thread while the step before computes."""
        order = np.random.default_rng((self._seed, number)).permutation(len(self._pictures))
        chosen = [
            (step, order[step * self.batch : (step + 1) * self.batch])
            for step in range(first, self.steps)
        ]

        def make(step: int, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            places = np.sort(places)  # a file is read in order
            random = np.random.default_rng((self._seed, number, step))
            return alter_pictures(
                np.asarray(self._pictures[places]), self._alter, random
            ), self._labels[places]

        return read_ahead(chosen, make)


def alter_pictures(pictures: np.ndarray, alter: str, random: np.random.Generator) -> np.ndarray:
    """The pictures (B, S, S, 3), each moved by up to a sixteenth of its side, what comes in from there mirrored at the
    edge; with `mirrored`, half of them the other way round."""
    if alter == "none":
        return pictures
    size = pictures.shape[1]
    most = max(1, size // 16)
    wider = np.pad(pictures, ((0, 0), (most, most), (most, most), (0, 0)), mode="reflect")
    moves = random.integers(0, 2 * most + 1, (len(pictures), 2))
    moved = np.stack(
        [
            picture[down : down + size, right : right + size]
            for picture, (down, right) in zip(wider, moves, strict=True)
        ]
    )
    if alter == "mirrored":
        turned = random.random(len(pictures)) < 0.5
        moved[turned] = moved[turned, :, ::-1]
    return moved
