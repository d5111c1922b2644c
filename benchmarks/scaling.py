"""What a photo costs when there are more of them: extraction and an epoch of 1,000, 4,000 and 16,000 photos.

    python -m benchmarks.scaling

A thousand files stand under as many names as are wanted, and a thousand photos' features have as many captions. The sizes
take their turns upwards, then downwards, so that a machine that grows slower or faster does so for all.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from benchmarks import made_up
from benchmarks.extraction import build_encoder, extracted
from benchmarks.measuring import Given, Measures, Row, Turn, measured, script
from benchmarks.training import TOY as SMALL
from benchmarks.training import Sizes as Learned
from benchmarks.training import of_preset, trainer
from data.caption_batches import CaptionBatches


@dataclass(frozen=True)
class Sizes:
    """How many photos."""

    photos: tuple[int, ...] = (1_000, 4_000, 16_000)
    distinct: int = 1_000
    encoder: str = "inception_v3"
    image_size: int = 299


TOY = Sizes(photos=(2, 4), distinct=2, encoder="convnet", image_size=32)


def there_and_back(sizes: Sequence[int], work: Callable[[int], None]) -> dict[str, Any]:
    """Seconds a photo of each size: the median of its turns, upwards and downwards."""
    taken: dict[int, list[float]] = {size: [] for size in sizes}
    for size in [*sizes, *sizes[-2::-1]]:
        began = time.perf_counter()
        work(size)
        taken[size].append((time.perf_counter() - began) / size)
    return {"photos": list(sizes), "a_photo": [float(np.median(taken[size])) for size in sizes]}


def named(photos: Sequence[Path], number: int, folder: Path) -> list[Path]:
    """So many names of these files, each of which gets as many."""
    folder.mkdir()
    names = [folder / f"{each:06d}.jpg" for each in range(number)]
    for each, name in enumerate(names):
        os.link(photos[each % len(photos)], name)
    return names


def _extraction(
    photos: list[str],
    folder: str,
    sizes: list[int],
    network: dict[str, Any],
    learned: dict[str, Any],
) -> Turn:
    encoder = build_encoder(network)
    fingerprint, place = encoder.fingerprint(), Path(folder) / "cache"
    names = named([Path(photo) for photo in photos], max(sizes), Path(folder) / "names")

    def work(size: int) -> None:
        extracted(names[:size], encoder, fingerprint, place)
        rmtree(place)

    work(min(sizes))
    return lambda: there_and_back(sizes, work)


@dataclass(frozen=True)
class EachShape:
    """Of an epoch's batches the first of each shape, so that all are compiled."""

    whole: made_up.Epoch

    @property
    def steps(self) -> int:
        """Of the whole epoch."""
        return self.whole.steps

    def epoch(self, number: int, *, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Features (P, L, D) and tokens (B, T)."""
        seen = set()
        for features, tokens in self.whole.epoch(number):
            if tokens.shape not in seen:
                seen.add(tokens.shape)
                yield features, tokens


def _epoch(
    photos: list[str],
    folder: str,
    sizes: list[int],
    network: dict[str, Any],
    learned: dict[str, Any],
) -> Turn:
    learned = Learned(**learned)
    rows = made_up.Rows(made_up.features(min(sizes), learned.side, learned.depth))
    epochs = {}
    for size in sizes:
        batches = CaptionBatches(
            made_up.training_photos(size, learned.vocabulary), rows, batch=learned.batch, seed=0
        )
        epochs[size] = made_up.Epoch(batches, batches.steps)
    training = trainer(
        EachShape(epochs[max(sizes)]),
        Path(folder) / "run",
        precision="bfloat16",
        **of_preset(learned),
    )

    def work(size: int) -> None:
        training.batches = epochs[size]
        training.train_epoch(lambda step, steps, loss: None)

    training.train_epoch(lambda step, steps, loss: None)
    return lambda: there_and_back(sizes, work)


MEASURES: Measures = {"extraction": _extraction, "epoch": _epoch}


def run(folder: Path, given: Given) -> dict[str, Any]:
    """`extraction_linearity` and `epoch_linearity`, how far a photo's cost is from the smallest size's, and what these come
    from."""
    sizes, learned = (TOY, SMALL) if given.toy else (Sizes(), Learned())
    photos = [
        str(photo) for photo in made_up.photos(sizes.distinct, folder / "photos", given.photos)
    ]
    network = {
        "name": sizes.encoder,
        "image_size": sizes.image_size,
        "weights": given.weights,
        "layer": given.layer,
    }
    found: dict[str, Any] = {}
    for name in MEASURES:  # one after the other: they are not compared
        found |= measured(
            "benchmarks.scaling",
            [name],
            1,
            photos=photos,
            folder=str(folder),
            sizes=sizes.photos,
            network=network,
            learned=asdict(learned),
        )
    return {f"{name}_linearity": off(found[name]["a_photo"]) for name in MEASURES} | {
        "scaling": found
    }


def off(costs: Sequence[float]) -> float:
    """How far costs are from the first of them at the most, as a share of it."""
    return max(abs(cost / costs[0] - 1) for cost in costs)


def rows(found: dict[str, Any]) -> list[Row]:
    """The table's."""
    told = []
    for name, what in (("extraction", "extraction"), ("epoch", "an epoch in bfloat16")):
        each, apart = found["scaling"][name], found[f"{name}_linearity"]
        costs = " / ".join(f"{cost * 1000:.2f}" for cost in each["a_photo"])
        numbers = " / ".join(f"{photos:,}" for photos in each["photos"])
        told.append(
            Row(
                f"{what}, milliseconds a photo of {numbers}",
                f"{costs}: {apart:.1%} apart",
                "within 10 %",
                apart <= 0.1,
                each["megabytes"],
            )
        )
    return told


if __name__ == "__main__":
    script(__doc__, run, rows, MEASURES)
