"""Encode photos into the feature cache, and estimate what that costs."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data.feature_cache import FeatureCache
from data.photos.hashes import PhotoHashes
from data.photos.photo import Photo, PicturesOf
from data.photos.pixels import Progress
from data.preprocess import Dataset
from data.sources.base import SPLITS
from utils.device import count_cores
from utils.errors import UserError

BATCH_SIZE = 32  # photos: large enough for the encoder, small enough to lose
READ_AHEAD = 2  # batches of pictures read before the encoder needs them

Encode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PendingPicture:
    """One picture to encode: its cache key and a function that loads it as uint8 (S, S, 3)."""

    key: str
    load: Callable[[], np.ndarray]


OnUnreadable = Callable[[str, ValueError], None]  # called with the key and the reason


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
    items: dict[str, PendingPicture] = {}
    owners: dict[str, Photo] = {}
    wanted: set[str] = set()
    for split in splits:
        for photo in prepared.splits[split]:
            keys = views.keys(photo, split)
            wanted.update(keys)
            for view, key in enumerate(keys):
                if key not in cache and key not in items:
                    items[key] = PendingPicture(
                        key,
                        lambda photo=photo, view=view: views.load_picture(photo, view, image_size),
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
                encode_pictures(list(items.values()), cache, encode, on_unreadable=note),
                len(items),
                "photos",
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
    items: Sequence[PendingPicture],
    encode: Callable[[np.ndarray], np.ndarray],
    blank: np.ndarray,
    *,
    batch: int = BATCH_SIZE,
) -> Cost:
    """Measured on a batch of the photos, from all over, and on blank pictures: one batch to warm up, one for the clock."""
    pictures = np.broadcast_to(blank, (batch, *blank.shape)).copy()
    features = np.asarray(encode(pictures))
    some = items[:: max(1, len(items) // batch)][:batch]
    began = time.perf_counter()
    for _ in _read_batches(some, batch, lambda key, error: None):
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


def encode_pictures(
    pending: Sequence[PendingPicture],
    cache: FeatureCache,
    encode: Encode,
    *,
    on_unreadable: OnUnreadable,
    batch_size: int = BATCH_SIZE,
) -> Iterator[int]:
    """Encode pictures into the cache; yield the number of photos in each finished batch.

    Pictures are read before the encoder needs them, and features are written while it encodes the next batch.
    A picture that cannot be read is reported to `on_unreadable` and skipped.
    """
    writing: Future[int] | None = None

    def write(keys: list[str], features: np.ndarray) -> int:
        cache.put(keys, features)
        return len(keys)

    with ThreadPoolExecutor(1) as writer:
        for keys, pictures in _read_batches(pending, batch_size, on_unreadable):
            # One shape, so that the encoder is compiled once.
            padding = np.zeros((batch_size - len(keys), *pictures.shape[1:]), np.uint8)
            features = encode(np.concatenate([pictures, padding]))[: len(keys)]
            if writing is not None:
                yield writing.result()
            writing = writer.submit(write, keys, features)
        if writing is not None:
            yield writing.result()


def _read_batches(
    pending: Sequence[PendingPicture], batch_size: int, on_unreadable: OnUnreadable
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield keys and pictures (n, S, S, 3) of each batch; one thread per core reads ahead."""
    groups = [pending[start : start + batch_size] for start in range(0, len(pending), batch_size)]
    with ThreadPoolExecutor(count_cores()) as pool:

        def start_reading(group: Sequence[PendingPicture]) -> list[Future[np.ndarray]]:
            return [pool.submit(picture.load) for picture in group]

        reading = deque(start_reading(group) for group in groups[:READ_AHEAD])
        try:
            for number, group in enumerate(groups):
                keys, pictures = _collect(group, reading.popleft(), on_unreadable)
                if number + READ_AHEAD < len(groups):
                    reading.append(start_reading(groups[number + READ_AHEAD]))
                if keys:
                    yield keys, np.stack(pictures)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _collect(
    group: Sequence[PendingPicture], reading: list[Future[np.ndarray]], on_unreadable: OnUnreadable
) -> tuple[list[str], list[np.ndarray]]:
    """Wait for the pictures of a batch; return keys and pixels of those that could be read."""
    keys = []
    pictures = []
    for picture, future in zip(group, reading, strict=True):
        try:
            pictures.append(future.result())
            keys.append(picture.key)
        except ValueError as error:
            on_unreadable(picture.key, error)
    return keys, pictures
