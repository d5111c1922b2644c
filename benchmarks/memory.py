"""Memory that training takes with the features of 8,000 photos on disk, and of 80,000.

    python -m benchmarks.memory

The features' files are sparse: they take no room on the disk and are read as zeros. The peaks of
anonymous memory are compared, without pages of files, which the system may drop at any time.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import synthetic_data, training
from benchmarks.measuring import Figures, Measures, Options, Row, Turn, measure, run_benchmark
from data.caption_batches import CaptionBatches
from data.feature_cache import FeatureCache
from data.feature_extraction import BATCH_SIZE
from utils.files import write_json

FINGERPRINT = {"name": "synthetic"}


@dataclass(frozen=True)
class Sizes:
    """The numbers of photos and of steps."""

    few: int = 8_000
    many: int = 80_000
    steps: int = 200


TOY = Sizes(few=40, many=70, steps=2)


def write_sparse_cache(folder: Path, photos: int, side: int, depth: int) -> None:
    """Write a feature cache whose arrays take no room."""
    cache = FeatureCache(folder, FINGERPRINT)
    for start in range(0, photos, BATCH_SIZE):
        keys = [str(number) for number in range(start, min(start + BATCH_SIZE, photos))]
        file = cache.folder / f"{start:08d}.npy"
        np.lib.format.open_memmap(file, "w+", np.float16, (len(keys), side * side, depth))
        status = file.stat()
        index = {
            "bytes": status.st_size,
            "times": [status.st_mtime_ns, status.st_ctime_ns],
            "checksum": 0,  # the cache checks it only if the times differ
            "keys": keys,
        }
        write_json(file.with_suffix(".json"), index)


def _prepare_training(folder: str, photos: int, steps: int, training_sizes: dict[str, Any]) -> Turn:
    sizes = training.Sizes(**training_sizes)
    cache = FeatureCache(Path(folder), FINGERPRINT)
    training_photos = synthetic_data.make_training_photos(photos, sizes.vocabulary)
    batches = CaptionBatches(training_photos, cache, batch=sizes.batch, seed=0)
    epoch = synthetic_data.RepeatedEpoch(batches, steps)
    trainer = training.build_trainer(epoch, Path(folder) / "run", **training.choose_settings(sizes))

    def turn() -> dict[str, Any]:
        row = trainer.train_epoch(training.ignore_progress)
        return {"photos": photos, "steps": steps, "loss": row["loss"]}

    return turn


MEASURES: Measures = {"training": _prepare_training}


def run(folder: Path, options: Options) -> Figures:
    """Return `memory_difference` in megabytes, and its parts."""
    sizes = TOY if options.toy else Sizes()
    training_sizes = training.TOY if options.toy else training.Sizes()
    parts = {}
    for photos in (sizes.few, sizes.many):
        photos_folder = folder / str(photos)
        write_sparse_cache(photos_folder, photos, training_sizes.side, training_sizes.depth)
        figures = measure(
            "benchmarks.memory",
            ["training"],
            1,
            folder=str(photos_folder),
            photos=photos,
            steps=sizes.steps,
            training_sizes=asdict(training_sizes),
        )
        parts[str(photos)] = figures["training"]
    difference = None
    few, many = (part["anonymous_megabytes"] for part in parts.values())
    if few is not None and many is not None:
        difference = abs(many - few)
    return {"memory_difference": difference, "memory": parts}


def make_rows(figures: Figures) -> list[Row]:
    """Return the rows of the table."""
    rows = []
    for part in figures["memory"].values():
        peak = part["anonymous_megabytes"]
        measured = "not reported by this system" if peak is None else f"{peak:,.0f} MB"
        rows.append(
            Row(
                f"training on {part['photos']:,} photos' features on disk, without page cache",
                measured,
                megabytes=part["megabytes"],
            )
        )
    difference = figures["memory_difference"]
    if difference is not None:
        rows.append(
            Row("their difference", f"{difference:.0f} MB", "at most 300 MB", difference <= 300)
        )
    return rows


if __name__ == "__main__":
    run_benchmark(__doc__, run, make_rows, MEASURES)
