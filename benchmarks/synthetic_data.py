"""Photos, features and captions for benchmarks, the same at every run."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from data.caption_batches import CaptionBatches, TrainingPhoto
from data.photos.folders import find_photos
from data.text.tokenizer import END, SPECIAL_TOKENS, START
from utils.errors import UserError

CAPTIONS = 5  # a photo
SHORTEST, LONGEST = 3, 23  # words of a caption
WIDTH, HEIGHT = 500, 375  # pixels, like most photos of Flickr8k


def make_photos(number: int, folder: Path, own_folder: str | None = None) -> list[Path]:
    """Return the first JPEG files of one's own folder, or crops, which are written to `folder`."""
    if own_folder is None:
        return _write_crops(number, folder)
    if not Path(own_folder).is_dir():
        raise UserError(f"--photos must be a folder with JPEG files (got {own_folder})")
    photos = find_photos(Path(own_folder))
    jpegs = [photo for photo in photos if photo.suffix.lower() in (".jpg", ".jpeg")]
    if not jpegs:
        raise UserError(f"--photos {own_folder} has no JPEG files; choose another folder")
    return jpegs[:number]


def _write_crops(number: int, folder: Path) -> list[Path]:
    """Write random crops of scikit-learn's two photos; every other one is mirrored."""
    from sklearn.datasets import load_sample_image  # scikit-learn takes a second to import

    random = np.random.default_rng(0)
    photos = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for place in range(number):
        photo = photos[random.integers(len(photos))]
        largest = min(photo.height, photo.width * HEIGHT / WIDTH)
        height = random.uniform(0.6, 1.0) * largest
        width = height * WIDTH / HEIGHT
        left = random.uniform(0, photo.width - width)
        top = random.uniform(0, photo.height - height)
        box = (left, top, left + width, top + height)
        crop = photo.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=box)
        if place % 2:
            crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        jpeg = io.BytesIO()
        crop.save(jpeg, "JPEG", quality=90)
        file = folder / f"{place:06d}.jpg"
        file.write_bytes(jpeg.getvalue())
        files.append(file)
    return files


def make_features(number: int, side: int, depth: int) -> np.ndarray:
    """Return random features (P, L, D) float16; half of them are 0, as after a ReLU."""
    random = np.random.default_rng(0)
    values = random.standard_normal((number, side * side, depth), np.float32)
    return np.maximum(values, 0, out=values).astype(np.float16)


@dataclass(frozen=True)
class MemoryFeatures:
    """Features in memory instead of the feature cache.

    Their keys are numbers. Keys beyond the last photo start again at the first.
    """

    features: np.ndarray  # (P, L, D)

    def get(self, keys: Sequence[str]) -> np.ndarray:
        """Return the features of these keys (n, L, D)."""
        return self.features[[int(key) % len(self.features) for key in keys]]


def draw_lengths(number: int) -> np.ndarray:
    """Return the number of words of captions (P, C), distributed like Flickr8k's.

    Their mean is 10.8; the longest of a photo has 15 on average. Captions of one photo are a
    little alike in length, so there are two draws: one for the photo, one for the caption.
    """
    random = np.random.default_rng(1)
    of_photos = random.gamma(60, 1 / 60, (number, 1))
    lengths = 10.8 * of_photos * random.gamma(11, 1 / 11, (number, CAPTIONS))
    return lengths.round().clip(SHORTEST, LONGEST).astype(int)


def make_training_photos(number: int, vocabulary: int) -> list[TrainingPhoto]:
    """Return photos with captions of random words; their keys are numbers."""
    random = np.random.default_rng(2)
    words = list(range(vocabulary))  # each number exists once in memory, as with a tokenizer
    photos = []
    for place, lengths in enumerate(draw_lengths(number)):
        captions = []
        for length in lengths:
            numbers = random.integers(len(SPECIAL_TOKENS), vocabulary, length)
            captions.append((START, *(words[each] for each in numbers), END))
        photos.append(TrainingPhoto((str(place),), tuple(captions)))
    return photos


@dataclass(frozen=True)
class RepeatedEpoch:
    """The same epoch at every call, or its first steps, so that it is compiled only once."""

    batches: CaptionBatches
    steps: int

    def epoch(self, _number: int, *, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield features (P, L, D) and tokens (B, T)."""
        yield from islice(self.batches.epoch(0), self.steps)
