"""What is measured on: photos, features and captions, the same at every start."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from data.caption_batches import CaptionBatches, TrainingPhoto
from data.photos.images import find_photos
from data.text.tokenizer import END, SPECIAL_TOKENS, START
from utils.errors import UserError

CAPTIONS = 5  # a photo
SHORTEST, LONGEST = 3, 23  # words of a caption
WIDTH, HEIGHT = 500, 375  # pixels of a photo, as most of Flickr8k's are


def photos(number: int, folder: Path, own: str | None = None) -> list[Path]:
    """So many JPEG files: the first of one's own (fewer, where there are no more), or drawn ones, which are written into
    the folder."""
    if own is None:
        return _cropped(number, folder)
    if not Path(own).is_dir():
        raise UserError(f"no folder {own}; --photos names one with JPEG files")
    found = [photo for photo in find_photos(Path(own)) if photo.suffix.lower() in (".jpg", ".jpeg")]
    if not found:
        raise UserError(f"no JPEG files in {own}; name another folder, or leave --photos out")
    return found[:number]


def _cropped(number: int, folder: Path) -> list[Path]:
    """Crops of scikit-learn's two photos, of any size and place, every other one mirrored."""
    from sklearn.datasets import load_sample_image

    random = np.random.default_rng(0)
    whole = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{each:06d}.jpg" for each in range(number)]
    for each, file in enumerate(files):
        photo = whole[random.integers(len(whole))]
        height = random.uniform(0.6, 1.0) * min(photo.height, photo.width * HEIGHT / WIDTH)
        width = height * WIDTH / HEIGHT
        left, top = random.uniform(0, photo.width - width), random.uniform(0, photo.height - height)
        crop = photo.resize(
            (WIDTH, HEIGHT), Image.Resampling.BICUBIC, box=(left, top, left + width, top + height)
        )
        crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if each % 2 else crop
        content = io.BytesIO()
        crop.save(content, "JPEG", quality=90)
        file.write_bytes(content.getvalue())
    return files


def features(number: int, side: int, depth: int) -> np.ndarray:
    """Features (P, L, D) float16 of so many photos, as after a ReLU: half of them 0."""
    random = np.random.default_rng(0)
    drawn = random.standard_normal((number, side * side, depth), np.float32)
    return np.maximum(drawn, 0, out=drawn).astype(np.float16)


@dataclass(frozen=True)
class Rows:
    """Features in memory in the feature cache's place; their keys are numbers, which begin anew after the last of them."""

    features: np.ndarray

    def get(self, keys: Sequence[str]) -> np.ndarray:
        """Features of these keys (n, L, D)."""
        return self.features[[int(key) % len(self.features) for key in keys]]


def lengths(number: int) -> np.ndarray:
    """Words (P, C) of the captions of so many photos, drawn like Flickr8k's: 10.8 in the mean, a photo's longest 15.

    Captions of one photo are a little alike in length, hence two draws: a photo's, then a caption's.
    """
    random = np.random.default_rng(1)
    of_photo = random.gamma(60, 1 / 60, (number, 1))
    drawn = 10.8 * of_photo * random.gamma(11, 1 / 11, (number, CAPTIONS))
    return drawn.round().clip(SHORTEST, LONGEST).astype(int)


def training_photos(
    number: int, vocabulary: int, keys: Sequence[str] | None = None
) -> list[TrainingPhoto]:
    """Photos with captions of random words; their keys are numbers unless they are given."""
    random = np.random.default_rng(2)
    words = list(range(vocabulary))  # a vocabulary's numbers exist once, as in a tokenizer

    def caption(length: int) -> tuple[int, ...]:
        return (
            START,
            *(words[each] for each in random.integers(len(SPECIAL_TOKENS), vocabulary, length)),
            END,
        )

    return [
        TrainingPhoto((keys[photo] if keys else str(photo),), tuple(caption(each) for each in row))
        for photo, row in enumerate(lengths(number))
    ]


@dataclass(frozen=True)
class Epoch:
    """The same epoch at every call, or its first steps: what was compiled in one turn is there in the next."""

    batches: CaptionBatches
    steps: int

    def epoch(self, _number: int, *, first: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Features (P, L, D) and tokens (B, T)."""
        yield from islice(self.batches.epoch(0), self.steps)
