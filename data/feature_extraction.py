"""Encode photos into the feature cache, and estimate what that costs."""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from data.feature_cache import FeatureCache
from data.photos.images import UnreadablePhoto
from data.photos.photo import Photo, PhotoViews
from data.photos.pixels import changed_photo_error
from utils.device import count_cores
from utils.errors import UserError
from utils.progress import progress
from utils.terminal import say

BATCH_SIZE = 32  # photos: large enough for the encoder, small enough to lose
READ_AHEAD = 2  # batches of pictures read before the encoder needs them

Encode = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class PendingPicture:
    """One picture to encode: its cache key, its photo, and a function that loads its pixels."""

    key: str
    photo: Photo
    load: Callable[[], np.ndarray]


def extract_features(
    photos: Sequence[tuple[Photo, str]],
    cache: FeatureCache,
    encode: Encode,
    *,
    image_size: int,
    views: PhotoViews,
    is_own: Callable[[str], bool] = lambda _key: True,
) -> int:
    """Extract the features that are missing in the cache; return their number.

    Prints what it will cost first. A photo that can no longer be read is an error; what is
    extracted by then stays.

    Args:
        photos: with the split of each.
        views: the pictures of each photo that have features.
        is_own: says by the key whether a picture is extracted here, and not by another worker.
    """
    pictures, number = find_pending(photos, cache, views, image_size, is_own)
    if not pictures:
        say(f"features: all {number} are in the cache, nothing to extract")
        return 0
    report_cost(pictures, number, cache, encode, image_size=image_size)
    batches = encode_pictures(pictures, cache, encode)
    return sum(progress(batches, len(pictures), "photos"))


def find_pending(
    photos: Sequence[tuple[Photo, str]],
    cache: FeatureCache,
    views: PhotoViews,
    image_size: int,
    is_own: Callable[[str], bool] = lambda _key: True,
) -> tuple[list[PendingPicture], int]:
    """Return the own pictures that are not in the cache, each once; and the number of all own."""
    if cache.damaged:
        say(f"{cache.damaged} damaged cache files found; their photos are extracted again")
    pending: dict[str, PendingPicture] = {}
    keys: set[str] = set()
    for photo, split in photos:
        for view, key in enumerate(views.keys(photo, split)):
            if not is_own(key):
                continue
            keys.add(key)
            if key not in cache and key not in pending:
                load = partial(views.load_picture, photo, view, image_size)
                pending[key] = PendingPicture(key, photo, load)
    return list(pending.values()), len(keys)


def report_cost(
    pictures: Sequence[PendingPicture],
    number: int,
    cache: FeatureCache,
    encode: Encode,
    *,
    image_size: int,
) -> None:
    """Print what an extraction will cost on this machine; check that the disk has room for it.

    `number` is that of all pictures, with those in the cache.
    """
    blank = np.zeros((image_size, image_size, 3), np.uint8)
    cost = estimate_cost(pictures, encode, blank)
    say(
        f"features: {len(pictures)} to extract, {number - len(pictures)} in the cache; about "
        f"{cost.gigabytes:.2g} GB of disk and {max(cost.minutes, 0.1):.1f} minutes"
    )
    check_disk_space(cache.folder, cost.gigabytes)


@dataclass(frozen=True)
class Cost:
    """The disk space and time of an extraction."""

    gigabytes: float
    minutes: float


def estimate_cost(
    pictures: Sequence[PendingPicture],
    encode: Encode,
    blank: np.ndarray,
    *,
    batch_size: int = BATCH_SIZE,
) -> Cost:
    """Time the reading of a batch of photos, and the encoding of blank pictures once warmed up."""
    blanks = np.broadcast_to(blank, (batch_size, *blank.shape)).copy()
    features = np.asarray(encode(blanks))
    step = max(1, len(pictures) // batch_size)
    sample = pictures[::step][:batch_size]
    started = time.perf_counter()
    for _ in _read_batches(sample, batch_size):
        pass
    read = time.perf_counter()
    encode(blanks)
    encoded = time.perf_counter()
    seconds = (read - started) / len(sample) + (encoded - read) / batch_size
    gigabytes = len(pictures) * features[0].size * 2 / 1e9  # float16
    return Cost(gigabytes, len(pictures) * seconds / 60)


def check_disk_space(folder: Path, gigabytes: float) -> None:
    """Raise a UserError if the disk under `folder` is too small; a twentieth stays free."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes * 1.05:
        raise UserError(
            f"the features need {gigabytes:.1f} GB and the disk of {folder} has {free:.1f} GB "
            "free; make room, use fewer photos (--limit) or views (--augment), or another --cache"
        )


def encode_pictures(
    pending: Sequence[PendingPicture],
    cache: FeatureCache,
    encode: Encode,
    *,
    batch_size: int = BATCH_SIZE,
) -> Iterator[int]:
    """Encode pictures into the cache; yield the number of photos in each finished batch.

    Pictures are read before the encoder needs them, and features are written while it encodes the
    next batch."""
    writing: Future[int] | None = None

    def write(keys: list[str], features: np.ndarray) -> int:
        cache.put(keys, features)
        return len(keys)

    with ThreadPoolExecutor(1) as writer:
        for keys, pictures in _read_batches(pending, batch_size):
            # One shape, so that the encoder is compiled once.
            padding = np.zeros((batch_size - len(keys), *pictures.shape[1:]), np.uint8)
            features = encode(np.concatenate([pictures, padding]))[: len(keys)]
            if writing is not None:
                yield writing.result()
            writing = writer.submit(write, keys, features)
        if writing is not None:
            yield writing.result()


def _read_batches(
    pending: Sequence[PendingPicture], batch_size: int
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yield keys and pictures (n, S, S, 3) of each batch; one thread per core reads ahead."""
    groups = [pending[start : start + batch_size] for start in range(0, len(pending), batch_size)]
    with ThreadPoolExecutor(count_cores()) as pool:

        def start_reading(group: Sequence[PendingPicture]) -> list[Future[np.ndarray]]:
            return [pool.submit(picture.load) for picture in group]

        reading = deque(start_reading(group) for group in groups[:READ_AHEAD])
        try:
            for number, group in enumerate(groups):
                keys, pictures = _collect(group, reading.popleft())
                if number + READ_AHEAD < len(groups):
                    reading.append(start_reading(groups[number + READ_AHEAD]))
                yield keys, np.stack(pictures)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _collect(
    group: Sequence[PendingPicture], reading: list[Future[np.ndarray]]
) -> tuple[list[str], list[np.ndarray]]:
    """Wait for the pictures of a batch; return their keys and pixels."""
    keys = []
    pictures = []
    for picture, future in zip(group, reading, strict=True):
        try:
            pictures.append(future.result())
        except UnreadablePhoto as error:
            raise changed_photo_error(picture.photo, error) from None
        keys.append(picture.key)
    return keys, pictures
