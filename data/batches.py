"""Cached features and tokens as batches of a fixed shape, in an order that depends on seed and epoch alone."""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from data.feature_extraction import FeatureCache

LENGTH_STEP = 4  # captions are padded to a multiple of this, so that few shapes need compiling
AHEAD = 2  # batches read before they are needed
WINDOW = 16  # batches among which photos with captions of like length are put together


@dataclass(frozen=True)
class TrainingPhoto:
    """A photo as the decoder trains on it."""

    keys: tuple[str, ...]  # of its features in the cache, a view each; one is drawn at random every epoch
    captions: tuple[tuple[int, ...], ...]  # as tokens, start to end


class Batches:
    """Batches of P photos with C captions each: features (P, L, D) float16 and tokens (P·C, T) int32.

    Photos with fewer captions than C, and a last batch with fewer photos, are filled up with empty captions, whose
    tokens are all padding and count for nothing. Photos with more than C captions come as several.
    """

    def __init__(self, photos: Sequence[TrainingPhoto], cache: FeatureCache, *, batch: int, seed: int,
                 captions_a_photo: int = 5) -> None:
        """`batch` counts captions; `captions_a_photo` is C at most."""
        most = min(captions_a_photo, max(len(photo.captions) for photo in photos), batch)
        self._photos = [TrainingPhoto(photo.keys, photo.captions[start : start + most])
                        for photo in photos for start in range(0, len(photo.captions), most)]
        self._cache = cache
        self._seed = seed
        self.rows = most
        self.photos = max(1, batch // most)
        self.steps = -(-len(self._photos) // self.photos)

    def epoch(self, number: int, *, first: int = 0, shuffle: bool = True) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The batches of an epoch from the `first` on, read by a thread while the step before computes.

        A plain thread: `tf.data.Dataset.from_generator` was once seen to hang for good beside a training step (its
        executor and the step's both waiting, all workers idle; two cores, TensorFlow 2.21).
        """
        chosen = (self._plan(number) if shuffle else self._in_order())[first:]
        with ThreadPoolExecutor(1) as pool:
            ahead = deque(pool.submit(self._batch, *each) for each in chosen[:AHEAD])
            try:
                for place in range(len(chosen)):
                    batch = ahead.popleft().result()
                    if place + AHEAD < len(chosen):
                        ahead.append(pool.submit(self._batch, *chosen[place + AHEAD]))
                    yield batch
            finally:
                pool.shutdown(cancel_futures=True)

    def _in_order(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Every photo as it is, in the order given."""
        numbers = np.arange(len(self._photos))
        return [(group, np.zeros_like(group)) for group in np.split(numbers, range(self.photos, len(numbers), self.photos))]

    def _plan(self, epoch: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Which photos make each batch, and in which view: random, but with captions of like length together.

        A step takes as long as its longest caption, so within a window of batches photos are sorted by length before
        they are cut into batches; the batches then come in random order.
        """
        random = np.random.default_rng((self._seed, epoch))
        order = random.permutation(len(self._photos))
        longest = np.array([max(map(len, photo.captions)) for photo in self._photos])
        window = WINDOW * self.photos
        order = np.concatenate([part[np.argsort(longest[part], kind="stable")]
                                for part in np.split(order, range(window, len(order), window))])
        groups = np.split(order, range(self.photos, len(order), self.photos))
        views = [random.integers(0, [len(self._photos[index].keys) for index in group]) for group in groups]
        return [(groups[place], views[place]) for place in random.permutation(len(groups))]

    def _batch(self, indices: np.ndarray, views: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        photos = [self._photos[index] for index in indices]
        features = self._cache.rows([photo.keys[view] for photo, view in zip(photos, views, strict=True)])
        longest = max(len(caption) for photo in photos for caption in photo.captions)
        # One token more than the network reads: it reads all but the last and foretells all but the first.
        length = -(-(longest - 1) // LENGTH_STEP) * LENGTH_STEP + 1
        tokens = np.zeros((self.photos, self.rows, length), np.int32)
        for place, photo in enumerate(photos):
            for row, caption in enumerate(photo.captions):
                tokens[place, row, : len(caption)] = caption
        missing = self.photos - len(photos)
        if missing:
            features = np.concatenate([features, np.zeros((missing, *features.shape[1:]), np.float16)])
        return features, tokens.reshape(self.photos * self.rows, length)
