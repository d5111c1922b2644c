"""Cost of a photo in extraction and in an epoch, with 1,000, 4,000 and 16,000 photos.

    python -m benchmarks.scaling

A thousand files are linked under more names, and the features of a thousand photos are shared by
more captions. The sizes take their turns upwards, then downwards, so that a machine that becomes
slower or faster affects all of them.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np

from benchmarks import synthetic_data, training
from benchmarks.extraction import build_encoder, choose_network, extract_photos
from benchmarks.measuring import Figures, Measures, Options, Row, Turn, measure, run_benchmark
from data.caption_batches import CaptionBatches


@dataclass(frozen=True)
class Sizes:
    """The numbers of photos and the network."""

    photos: tuple[int, ...] = (1_000, 4_000, 16_000)
    distinct: int = 1_000
    encoder: str = "inception_v3"
    image_size: int = 299


TOY = Sizes(photos=(2, 4), distinct=2, encoder="convnet", image_size=32)


def time_sizes(sizes: Sequence[int], work: Callable[[int], None]) -> Figures:
    """Do the work for all sizes upwards, then downwards; return the median seconds a photo."""
    downwards = list(reversed(sizes[:-1]))
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    for size in [*sizes, *downwards]:
        start = time.perf_counter()
        work(size)
        seconds[size].append((time.perf_counter() - start) / size)
    medians = [float(np.median(seconds[size])) for size in sizes]
    return {"photos": list(sizes), "a_photo": medians}


def link_photos(photos: Sequence[Path], number: int, folder: Path) -> list[Path]:
    """Link the photos, again and again, under as many names as asked for."""
    folder.mkdir()
    links = []
    for place in range(number):
        link = folder / f"{place:06d}.jpg"
        os.link(photos[place % len(photos)], link)
        links.append(link)
    return links


def _prepare_extraction(
    photos: list[str],
    folder: str,
    sizes: list[int],
    network: dict[str, Any],
    training_sizes: dict[str, Any],
) -> Turn:
    encoder = build_encoder(network)
    fingerprint = encoder.fingerprint()
    cache = Path(folder) / "cache"
    links = link_photos([Path(photo) for photo in photos], max(sizes), Path(folder) / "names")

    def extract(size: int) -> None:
        extract_photos(links[:size], encoder, fingerprint, cache)
        rmtree(cache)

    extract(min(sizes))
    return lambda: time_sizes(sizes, extract)


@dataclass(frozen=True)
class FirstOfEachShape:
    """The first batch of each shape in an epoch, so that all shapes are compiled."""

    whole: synthetic_data.RepeatedEpoch

    @property
    def steps(self) -> int:
        """Return the steps of the whole epoch."""
        return self.whole.steps

    def epoch(self, number: int, *, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield features (P, L, D) and tokens (B, T)."""
        shapes = set()
        for features, tokens in self.whole.epoch(number):
            if tokens.shape not in shapes:
                shapes.add(tokens.shape)
                yield features, tokens


def _prepare_epoch(
    photos: list[str],
    folder: str,
    sizes: list[int],
    network: dict[str, Any],
    training_sizes: dict[str, Any],
) -> Turn:
    data = training.Sizes(**training_sizes)
    features = synthetic_data.make_features(min(sizes), data.side, data.depth)
    store = synthetic_data.MemoryFeatures(features)
    epochs = {}
    for size in sizes:
        training_photos = synthetic_data.make_training_photos(size, data.vocabulary)
        batches = CaptionBatches(training_photos, store, batch=data.batch, seed=0)
        epochs[size] = synthetic_data.RepeatedEpoch(batches, batches.steps)
    trainer = training.build_trainer(
        FirstOfEachShape(epochs[max(sizes)]),
        Path(folder) / "run",
        precision="bfloat16",
        **training.choose_settings(data),
    )

    def train(size: int) -> None:
        trainer.batches = epochs[size]
        trainer.train_epoch(training.ignore_progress)

    trainer.train_epoch(training.ignore_progress)
    return lambda: time_sizes(sizes, train)


MEASURES: Measures = {"extraction": _prepare_extraction, "epoch": _prepare_epoch}


def run(folder: Path, options: Options) -> Figures:
    """Return `extraction_linearity` and `epoch_linearity`, and their parts.

    A linearity is the largest deviation of a photo's cost from that at the smallest size.
    """
    sizes = TOY if options.toy else Sizes()
    training_sizes = training.TOY if options.toy else training.Sizes()
    photos = synthetic_data.make_photos(sizes.distinct, folder / "photos", options.photos)
    parts: Figures = {}
    for name in MEASURES:  # one after the other: they are not compared
        parts |= measure(
            "benchmarks.scaling",
            [name],
            1,
            photos=[str(photo) for photo in photos],
            folder=str(folder),
            sizes=sizes.photos,
            network=choose_network(sizes, options),
            training_sizes=asdict(training_sizes),
        )
    figures = {}
    for name in MEASURES:
        figures[f"{name}_linearity"] = compute_deviation(parts[name]["a_photo"])
    return figures | {"scaling": parts}


def compute_deviation(costs: Sequence[float]) -> float:
    """Return the largest deviation of a cost from the first, as a share of it."""
    return max(abs(cost / costs[0] - 1) for cost in costs)


def make_rows(figures: Figures) -> list[Row]:
    """Return the rows of the table."""
    rows = []
    for name, title in (("extraction", "extraction"), ("epoch", "an epoch in bfloat16")):
        part = figures["scaling"][name]
        deviation = figures[f"{name}_linearity"]
        costs = " / ".join(f"{cost * 1000:.2f}" for cost in part["a_photo"])
        photos = " / ".join(f"{number:,}" for number in part["photos"])
        rows.append(
            Row(
                f"{title}, milliseconds a photo of {photos}",
                f"{costs}: {deviation:.1%} apart",
                "within 10 %",
                deviation <= 0.1,
                part["megabytes"],
            )
        )
    return rows


if __name__ == "__main__":
    run_benchmark(__doc__, run, make_rows, MEASURES)
