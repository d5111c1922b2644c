"""Encode photos into the feature cache, and estimate what that costs."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.feature_cache import BATCH, FeatureCache, Item, _pictures
from data.photos.hashes import PhotoHashes
from data.photos.photo import Photo, PicturesOf
from data.photos.pixels import Progress
from data.preprocess import Dataset
from data.sources.base import SPLITS
from utils.errors import UserError

Encode = Callable[[np.ndarray], np.ndarray]


def extract(
    prepared: Dataset,
    cache: FeatureCache,
    encode: Encode,
    hashes: PhotoHashes,
    *,
    image_size: int,
    views: PicturesOf,
    splits: Sequence[str] = SPLITS,
    progress: Progress,
    say: Callable[[str], None],
) -> int:
    """Have the features of all photos of the splits, and of their views, in the cache; how many were new.

    Photos that turn out unreadable leave the splits. Says what it will cost before it starts.
    """
    items: dict[str, Item] = {}
    owners: dict[str, Photo] = {}
    wanted: set[str] = set()
    for split in splits:
        for photo in prepared.splits[split]:
            keys = views.keys(photo, split)
            wanted.update(keys)
            for view, key in enumerate(keys):
                if key not in cache and key not in items:
                    items[key] = Item(
                        key, lambda photo=photo, view=view: views.picture(photo, view, image_size)
                    )
                    owners[key] = photo
    if cache.damaged:
        say(f"{cache.damaged} damaged cache files found; their photos are extracted again")
    if not items:
        say(f"features: all {len(wanted)} are in the cache, nothing to extract")
        return 0
    price = cost(list(items.values()), encode, np.zeros((image_size, image_size, 3), np.uint8))
    say(
        f"features: {len(items)} to extract, {len(wanted) - len(items)} in the cache; about {price.gigabytes:.2g} GB of "
        f"disk and {max(price.minutes, 0.1):.1f} minutes"
    )
    refuse_small_disk(cache.folder, price.gigabytes)
    unreadable: dict[str, str] = {}

    def note(key: str, error: Exception) -> None:
        unreadable[owners[key].hash] = str(error)
        hashes.mark_unreadable(owners[key].path, error)

    try:
        extracted = sum(
            progress(
                cache.extract(list(items.values()), encode, unreadable=note), len(items), "photos"
            )
        )
    finally:
        hashes.save()
    prepared.drop(unreadable)
    return extracted


@dataclass(frozen=True)
class Cost:
    """What an extraction will take."""

    gigabytes: float
    minutes: float


def cost(
    items: Sequence[Item],
    encode: Callable[[np.ndarray], np.ndarray],
    blank: np.ndarray,
    *,
    batch: int = BATCH,
) -> Cost:
    """Measured on a batch of the photos, from all over, and on blank pictures: one batch to warm up, one for the clock."""
    pictures = np.broadcast_to(blank, (batch, *blank.shape)).copy()
    features = np.asarray(encode(pictures))
    some = items[:: max(1, len(items) // batch)][:batch]
    began = time.perf_counter()
    for _ in _pictures(some, batch, lambda key, error: None):
        pass
    reading = (time.perf_counter() - began) / len(some)
    began = time.perf_counter()
    encode(pictures)
    seconds = reading + (time.perf_counter() - began) / batch
    return Cost(len(items) * features[0].size * 2 / 1e9, len(items) * seconds / 60)


def refuse_small_disk(folder: Path, gigabytes: float) -> None:
    """Refuse where the disk under `folder` has less room than the features need, with a twentieth to spare."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes * 1.05:
        raise UserError(
            f"the features need {gigabytes:.1f} GB and the disk of {folder} has {free:.1f} GB free; make "
            "room, use fewer photos (--limit) or views (--augment), or another --cache"
        )
