"""What all captioners share: photos in, captions out. This file needs no TensorFlow."""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from data.photos.crops import project_window
from data.photos.images import AnyPhoto, load_pixels, read_photo, read_size
from data.photos.reading import DEFAULT, WHOLE, Reading, Window
from data.text.tokenizer import Word
from utils.predictions import Caption

BATCH = 64  # photos at a time


class Tokenizer(Protocol):
    """The part of a tokenizer that the captioner needs."""

    def decode(self, numbers: Iterable[int]) -> list[Word]: ...

    def encode(self, caption: str) -> list[int]: ...

    def encode_prompt(self, text: str) -> list[int]: ...

    def join_words(self, words: Sequence[str]) -> str: ...


class BaseCaptioner(ABC):
    """Captions photos; each subclass has networks of its kind."""

    def __init__(
        self,
        *,
        tokenizer: Tokenizer,
        grid: tuple[int, int],
        image_size: int,
        settings: dict[str, Any],
        read_photo: Callable[..., np.ndarray] = read_photo,
        reading: Reading = DEFAULT,
    ) -> None:
        """`settings` are those of the search; each call may change them."""
        self.tokenizer = tokenizer
        self.grid = grid
        self.image_size = image_size
        self.settings = settings
        self.reading = reading
        self._read_photo = read_photo

    @abstractmethod
    def warm_up(self) -> None:
        """Load what the first photo would have to wait for."""

    def __call__(
        self,
        photos: AnyPhoto | Sequence[AnyPhoto],
        *,
        originals: Sequence[AnyPhoto] | None = None,
        **changes: Any,
    ) -> Caption | list[Caption]:
        """Return the caption of a photo, or those of a list.

        A photo is a path, the bytes of a file, uint8 pixels, or a Pillow image. The first one that
        cannot be read is named by an UnreadablePhoto, a ValueError.

        `originals` are the photos themselves where `photos` are pixels at the network's size.
        `changes` are search settings: beam, length_penalty, no_repeat, max_length, min_length,
        sample, temperature, top_k, top_p, look, crops, seed, and prompt, with which captions
        begin.
        """
        if isinstance(photos, AnyPhoto):
            return self([photos], **changes)[0]
        settings = self.change_settings(changes)
        captions = []
        with ThreadPoolExecutor(2) as pool:
            for start in range(0, len(photos), BATCH):
                part = photos[start : start + BATCH]
                pictures = list(pool.map(self._load_pixels, part, itertools.count(start + 1)))
                whole = part if originals is None else originals[start : start + BATCH]
                windows = [self._find_window(photo) for photo in whole]
                captions += self._caption_pictures(pictures, settings, windows)
        return captions

    @abstractmethod
    def change_settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """Return the search settings with these changes, checked."""

    @abstractmethod
    def _caption_pictures(
        self, pictures: list[np.ndarray], settings: dict[str, Any], windows: Sequence[Window]
    ) -> list[Caption]:
        """Return the captions of pictures (S, S, 3) that show these windows of their photos."""

    def _find_window(self, photo: AnyPhoto) -> Window:
        """Return the part of a photo that the network sees."""
        if self.reading.fit == "squeeze":
            return WHOLE
        return self.reading.find_window(read_size(photo), (self.image_size, self.image_size))

    def _load_pixels(self, photo: AnyPhoto, number: int = 1) -> np.ndarray:
        """Load a photo as uint8 (S, S, 3); given pixels are resized as those of a file are."""
        size = (self.image_size, self.image_size)
        read, reading = self._read_photo, self.reading
        return load_pixels(photo, size, number=number, read=read, reading=reading)

    def _make_caption(
        self, tokens: np.ndarray, scores: Sequence[float], places: np.ndarray, window: Window
    ) -> Caption:
        """Make a photo's caption of tokens (K, T) of K candidates, and their scores.

        `places` (T, L) is the attention of the best one to locations of the window.
        """
        decoded = [self.tokenizer.decode(row) for row in tokens]
        texts = [self._join(words) for words in decoded]
        found = list(zip(texts, map(float, scores), strict=True))
        words = decoded[0]
        return Caption(
            text=texts[0],
            score=found[0][1],
            words=[word.text for word in words if word.text],
            attention=_average_by_word(words, project_window(places, self.grid, window)),
            grid=self.grid,
            candidates=[candidate for candidate in found if candidate[0]],
        )

    def _join(self, words: Sequence[Word]) -> str:
        return self.tokenizer.join_words([word.text for word in words if word.text])


def _average_by_word(words: Sequence[Word], attention: np.ndarray) -> np.ndarray:
    """Return attention (words, L) by attention (T, L): a word's mean over its tokens.

    A word without letters has no row.
    """
    rows = []
    start = 0
    for word in words:
        end = start + word.tokens
        if word.text:
            rows.append(attention[start:end].mean(axis=0))
        start = end
    if not rows:
        return attention[:0]
    return np.stack(rows)
