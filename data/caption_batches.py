"""Cached features and tokens as batches of a fixed shape, in an order that depends on seed and epoch alone."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.feature_cache import FeatureStore

Make = Callable[..., tuple[np.ndarray, np.ndarray]]  # which photos, and how they are seen → a batch

LENGTH_STEP = 2  # captions are padded to a multiple of this, so that few shapes need compiling
AHEAD = 2  # batches read before they are needed
WINDOW = 32  # batches among which photos with captions of like length are put together


@dataclass(frozen=True)
class TrainingPhoto:
    """A photo as the decoder trains on it."""

    keys: tuple[
        str, ...
    ]  # of its features in the cache, a view each; one is drawn at random every epoch
    captions: tuple[tuple[int, ...], ...]  # as tokens, start to end


def read_ahead(
    chosen: Sequence[tuple[Any, ...]], make: Make
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The chosen batches, made by a thread while the step before computes.

    A plain thread: `tf.data.Dataset.from_generator` was once seen to hang for good beside a training step (its
    executor and the step's both waiting, all workers idle; two cores, TensorFlow 2.21).
    """
    with ThreadPoolExecutor(1) as pool:
        ahead = deque(pool.submit(make, *each) for each in chosen[:AHEAD])
        try:
            for place in range(len(chosen)):
                batch = ahead.popleft().result()
                if place + AHEAD < len(chosen):
                    ahead.append(pool.submit(make, *chosen[place + AHEAD]))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)


class CaptionBatches:
    """Batches of P photos with C captions each: features (P, L, D) float16 and tokens (P·C, T) int32.

    Photos with fewer captions than C, and a last batch with fewer photos, are filled up with empty captions, whose
    tokens are all padding and count for nothing. Photos with more than C captions come as several.
    """

    def __init__(
        self,
        photos: Sequence[TrainingPhoto],
        cache: FeatureStore,
        *,
        batch: int,
        seed: int,
        captions_per_photo: int = 5,
    ) -> None:
        """`batch` counts captions; `captions_per_photo` is C at most."""
        most = min(captions_per_photo, max(len(photo.captions) for photo in photos), batch)
        parts = [
            (number, TrainingPhoto(photo.keys, photo.captions[start : start + most]))
            for number, photo in enumerate(photos)
            for start in range(0, len(photo.captions), most)
        ]
        self._numbers = np.array([number for number, _ in parts])
        self._photos = [part for _, part in parts]
        self._cache = cache
        self._seed = seed
        self.captions_per_photo = most
        self.photos_per_batch = max(1, batch // most)
        self.steps = -(-len(self._photos) // self.photos_per_batch)

    def epoch(
        self, number: int, *, first: int = 0, shuffle: bool = True
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of an epoch, from the `first` on."""
        return read_ahead(
            (self._plan(number) if shuffle else self._in_order())[first:], self._batch
        )

    def with_photo_numbers(
        self, number: int, *, first: int = 0
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The same without captions: features (P, L, D) and the photos' numbers (P,), as they were given; −1 for none."""
        return read_ahead(self._plan(number)[first:], self._make_numbered_batch)

    def _in_order(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Every photo as it is, in the order given."""
        numbers = np.arange(len(self._photos))
        return [
            (group, np.zeros_like(group))
            for group in np.split(
                numbers, range(self.photos_per_batch, len(numbers), self.photos_per_batch)
            )
        ]

    def _plan(self, epoch: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Which photos make each batch, and in which view: random, but with captions of like length together.

        A step takes as long as its longest caption, so within a window of batches photos are sorted by length before
        they are cut into batches; the batches then come in random order.
        """
        random = np.random.default_rng((self._seed, epoch))
        order = random.permutation(len(self._photos))
        longest = np.array([max(map(len, photo.captions)) for photo in self._photos])
        window = WINDOW * self.photos_per_batch
        order = np.concatenate(
            [
                part[np.argsort(longest[part], kind="stable")]
                for part in np.split(order, range(window, len(order), window))
            ]
        )
        groups = np.split(order, range(self.photos_per_batch, len(order), self.photos_per_batch))
        views = [
            random.integers(0, [len(self._photos[index].keys) for index in group])
            for group in groups
        ]
        return [(groups[place], views[place]) for place in random.permutation(len(groups))]

    def _batch(self, indices: np.ndarray, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        photos = [self._photos[index] for index in indices]
        longest = max(len(caption) for photo in photos for caption in photo.captions)
        # One token more than the network reads: it reads all but the last and foretells all but the first.
        length = -(-(longest - 1) // LENGTH_STEP) * LENGTH_STEP + 1
        tokens = np.zeros((self.photos_per_batch, self.captions_per_photo, length), np.int32)
        for place, photo in enumerate(photos):
            for row, caption in enumerate(photo.captions):
                tokens[place, row, : len(caption)] = caption
        return self._features(indices, views), tokens.reshape(
            self.photos_per_batch * self.captions_per_photo, length
        )

    def _make_numbered_batch(
        self, indices: np.ndarray, views: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        numbers = np.full(self.photos_per_batch, -1)
        numbers[: len(indices)] = self._numbers[indices]
        return self._features(indices, views), numbers

    def _features(self, indices: np.ndarray, views: np.ndarray) -> np.ndarray:
        """(P, …), filled up with zeros."""
        found = self._cache.get(
            [self._photos[index].keys[view] for index, view in zip(indices, views, strict=True)]
        )
        missing = np.zeros((self.photos_per_batch - len(found), *found.shape[1:]), found.dtype)
        return np.concatenate([found, missing]) if len(missing) else found
