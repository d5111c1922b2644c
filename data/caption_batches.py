"""Batches of cached features and tokens: of a fixed shape, in an order set by seed and epoch."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.feature_cache import FeatureStore
from utils.shares import Share

Batch = tuple[np.ndarray, np.ndarray]
Plan = list[tuple[np.ndarray, np.ndarray]]  # of each batch the indices of its photos, their views

LENGTH_STEP = 2  # captions are padded to a multiple of this, so that few shapes need compiling
AHEAD = 2  # batches made before they are needed
WINDOW = 32  # batches among which photos with captions of similar length are grouped


@dataclass(frozen=True)
class TrainingPhoto:
    """A photo as the decoder trains on it."""

    keys: tuple[str, ...]  # in the cache, one for each view; every epoch draws one of them
    captions: tuple[tuple[int, ...], ...]  # tokens, from start to end


def read_ahead(plan: Sequence[tuple[Any, ...]], make: Callable[..., Batch]) -> Iterator[Batch]:
    """Yield the batch that `make` makes of each entry, while a thread makes the next ones.

    A plain thread: `tf.data.Dataset.from_generator` once hung for good beside a training step, its
    executor and the step's both waiting, all workers idle (two cores, TensorFlow 2.21).
    """
    with ThreadPoolExecutor(1) as pool:
        pending = deque(pool.submit(make, *entry) for entry in plan[:AHEAD])
        try:
            for index in range(len(plan)):
                batch = pending.popleft().result()
                if index + AHEAD < len(plan):
                    pending.append(pool.submit(make, *plan[index + AHEAD]))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)


class CaptionBatches:
    """Batches of P photos with C captions each: features (P, L, D) float16, tokens (P·C, T) int32.

    A photo with fewer captions than C is filled up with empty captions, and the last batch with
    empty photos; their tokens are all padding and count for nothing. A photo with more captions
    than C comes as several photos.

    An epoch has all photos, perhaps several times, and some of those that are replayed.

    One of several workers gets its share of each batch, as long as the whole batch's longest
    caption: all workers compile the same shapes.
    """

    def __init__(
        self,
        photos: Sequence[TrainingPhoto],
        cache: FeatureStore,
        *,
        batch: int,
        seed: int,
        captions_per_photo: int = 5,
        passes: int = 1,
        replayed: Sequence[TrainingPhoto] = (),
        replay: float = 0.0,
        worker: int = 0,
        workers: int = 1,
    ) -> None:
        """Plan batches of `batch` captions, with at most `captions_per_photo` for each photo.

        `batch` counts the captions of all `workers`, of which this is number `worker`. An epoch
        consists of `passes` over all photos. Each pass also has some of the `replayed` photos,
        `replay` times as many as there are new ones.
        """
        most = min(captions_per_photo, max(len(photo.captions) for photo in photos), batch)
        self._photos: list[TrainingPhoto] = []
        numbers = []
        for number, photo in enumerate([*photos, *replayed]):
            for start in range(0, len(photo.captions), most):
                captions = photo.captions[start : start + most]
                self._photos.append(TrainingPhoto(photo.keys, captions))
                numbers.append(number)
        self._numbers = np.array(numbers)
        self._cache = cache
        self._seed = seed
        self.captions_per_photo = most
        self.photos_per_batch = max(1, batch // most)
        self.share = Share(self.photos_per_batch, worker, workers)
        self._own = sum(number < len(photos) for number in numbers)  # before those to replay
        self._passes = passes
        self._replays = min(round(replay * self._own), len(self._photos) - self._own)  # in a pass
        self.steps = passes * -(-(self._own + self._replays) // self.photos_per_batch)

    def epoch(self, number: int, *, first: int = 0, shuffle: bool = True) -> Iterator[Batch]:
        """Yield features and tokens of an epoch's batches, from the `first` on.

        Without `shuffle` the photos come in order, each in its first view.
        """
        plan = self._plan_epoch(number) if shuffle else self._plan_in_order()
        return read_ahead(plan[first:], self._make_batch)

    def with_photo_numbers(self, number: int, *, first: int = 0) -> Iterator[Batch]:
        """Yield features and photos' numbers (P,) of an epoch's batches, from the `first` on.

        A photo's number is its index among the photos given; −1 stands for no photo.
        """
        return read_ahead(self._plan_epoch(number)[first:], self._make_numbered_batch)

    def _plan_in_order(self) -> Plan:
        indices = np.arange(self._own)
        return [(group, np.zeros_like(group)) for group in self._cut(indices, 1)]

    def _plan_epoch(self, epoch: int) -> Plan:
        """Return the photos of each batch in random order, and a random view of each.

        A step takes as long as its longest caption. So within a window of batches, photos are
        sorted by length before they are cut into batches, and then the batches are shuffled. No
        batch spans two passes, which would bring photos twice.
        """
        random = np.random.default_rng((self._seed, epoch))
        lengths = np.array([max(map(len, photo.captions)) for photo in self._photos])
        plan = []
        for _ in range(self._passes):
            windows = []
            for window in self._cut(self._draw_pass(random), WINDOW):
                windows.append(window[np.argsort(lengths[window], kind="stable")])
            for group in self._cut(np.concatenate(windows), 1):
                number_of_views = [len(self._photos[index].keys) for index in group]
                plan.append((group, random.integers(0, number_of_views)))
        return [plan[place] for place in random.permutation(len(plan))]

    def _draw_pass(self, random: np.random.Generator) -> np.ndarray:
        """Return the photos of a pass in random order: all new ones, and some of the old ones."""
        if not self._replays:
            return random.permutation(self._own)
        old = np.arange(self._own, len(self._photos))
        drawn = random.choice(old, self._replays, replace=False)
        return random.permutation(np.concatenate([np.arange(self._own), drawn]))

    def _cut(self, indices: np.ndarray, batches: int) -> list[np.ndarray]:
        """Cut indices into parts of this number of batches."""
        size = batches * self.photos_per_batch
        return np.split(indices, range(size, len(indices), size))

    def _make_batch(self, indices: np.ndarray, views: np.ndarray) -> Batch:
        whole = [self._photos[index] for index in indices]
        longest = max(len(caption) for photo in whole for caption in photo.captions)
        # One token more than the network reads: it reads all but the last and predicts all but the
        # first.
        length = -(-(longest - 1) // LENGTH_STEP) * LENGTH_STEP + 1
        tokens = np.zeros((self.share.size, self.captions_per_photo, length), np.int32)
        for place, index in enumerate(self.share.take(indices)):
            for row, caption in enumerate(self._photos[index].captions):
                tokens[place, row, : len(caption)] = caption
        return self._read_features(indices, views), tokens.reshape(-1, length)

    def _make_numbered_batch(self, indices: np.ndarray, views: np.ndarray) -> Batch:
        mine = self.share.take(indices)
        numbers = np.full(self.share.size, -1)
        numbers[: len(mine)] = self._numbers[mine]
        return self._read_features(indices, views), numbers

    def _read_features(self, indices: np.ndarray, views: np.ndarray) -> np.ndarray:
        """Return the share's features (P, …), filled up with zeros."""
        keys = []
        for index, view in zip(indices, views, strict=True):
            keys.append(self._photos[index].keys[view])
        mine = self.share.take(keys)
        if not mine:  # the last batch has fewer photos than there are workers
            return np.zeros_like(self._cache.get(keys[:1] * self.share.size))
        return self.share.pad(self._cache.get(mine))
