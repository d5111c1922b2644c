"""How much memory training takes when the features on disk are of 8,000 photos, and of 80,000.

    python -m benchmarks.memory

The features' files are full of holes, which take no room on the disk and are read as zeros. What is compared is the peak of
anonymous memory: pages of files that the system may drop at any time are left out.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import made_up
from benchmarks.measuring import Given, Measures, Row, Turn, measured, script
from benchmarks.training import Sizes as Learned
from benchmarks.training import of_preset, trainer
from data.caption_batches import CaptionBatches
from data.feature_cache import FeatureCache
from data.feature_extraction import BATCH_SIZE
from utils.files import write_json

FINGERPRINT = {"name": "made-up"}


@dataclass(frozen=True)
class Sizes:
    """How many photos, and how much is learned from them."""

    few: int = 8_000
    many: int = 80_000
    steps: int = 200


TOY = Sizes(few=40, many=70, steps=2)


def hollow(folder: Path, photos: int, side: int, depth: int) -> None:
    """A feature cache of so many photos, whose arrays hold nothing."""
    cache = FeatureCache(folder, FINGERPRINT)
    for start in range(0, photos, BATCH_SIZE):
        keys = [str(number) for number in range(start, min(start + BATCH_SIZE, photos))]
        file = cache.folder / f"{start:08d}.npy"
        np.lib.format.open_memmap(file, "w+", np.float16, (len(keys), side * side, depth))
        seen = file.stat()
        # A checksum is looked at where the times are others alone.
        write_json(
            file.with_suffix(".json"),
            {
                "bytes": seen.st_size,
                "times": [seen.st_mtime_ns, seen.st_ctime_ns],
                "checksum": 0,
                "keys": keys,
            },
        )


def _training(folder: str, photos: int, steps: int, learned: dict[str, Any]) -> Turn:
    sizes = Learned(**learned)
    cache = FeatureCache(Path(folder), FINGERPRINT)
    batches = CaptionBatches(
        made_up.training_photos(photos, sizes.vocabulary), cache, batch=sizes.batch, seed=0
    )
    training = trainer(made_up.Epoch(batches, steps), Path(folder) / "run", **of_preset(sizes))

    def turn() -> dict[str, Any]:
        row = training.train_epoch(lambda step, steps, loss: None)
        return {"photos": photos, "steps": steps, "loss": row["loss"]}

    return turn


MEASURES: Measures = {"training": _training}


def run(folder: Path, given: Given) -> dict[str, Any]:
    """`memory_difference` in megabytes, and what it comes from."""
    from benchmarks.training import TOY as LEARNED

    sizes, learned = (TOY, LEARNED) if given.toy else (Sizes(), Learned())
    found = {}
    for photos in (sizes.few, sizes.many):
        place = folder / str(photos)
        hollow(place, photos, learned.side, learned.depth)
        found[str(photos)] = measured(
            "benchmarks.memory",
            ["training"],
            1,
            folder=str(place),
            photos=photos,
            steps=sizes.steps,
            learned=asdict(learned),
        )["training"]
    peaks = [each["anonymous_megabytes"] for each in found.values()]
    return {
        "memory_difference": None if None in peaks else abs(peaks[1] - peaks[0]),
        "memory": found,
    }


def rows(found: dict[str, Any]) -> list[Row]:
    """The table's."""
    told, difference = [], found["memory_difference"]
    for each in found["memory"].values():
        peak = each["anonymous_megabytes"]
        told.append(
            Row(
                f"training on {each['photos']:,} photos' features on disk, page cache left out",
                "not told by this system" if peak is None else f"{peak:,.0f} MB",
                megabytes=each["megabytes"],
            )
        )
    if difference is None:
        return told
    return [
        *told,
        Row("the difference of these", f"{difference:.0f} MB", "at most 300 MB", difference <= 300),
    ]


if __name__ == "__main__":
    script(__doc__, run, rows, MEASURES)
