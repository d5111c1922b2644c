"""Photos on a captioner's page: their choice, the CIDEr of their captions, attention by word."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data.photos.images import UnreadablePhoto, read_photo
from pipeline.evaluation import Evaluation, Result
from reports.page import Picture, encode_picture
from utils.plots.attention import make_attention_tile
from utils.plots.figure import shrink

SPREAD = 12  # photos from the whole split
EXTREMES = 6  # photos with the best captions, and with the worst
PHOTO_PIXELS = 400  # of a photo's longer side
TILE_PIXELS = 150  # of the longer side of a photo with attention
STEPS = (0.25, 0.5, 1.0, 2.0)  # CIDEr at which a caption gets the next colour
FROM_ALL, BEST, WORST = "From the whole split", "The best by CIDEr", "The worst by CIDEr"
WITH_WORDS = {FROM_ALL: 4, BEST: 2, WORST: 2}  # photos whose words are shown one by one
_PLACES = (
    ("upper left", "top", "upper right"),
    ("left", "middle", "right"),
    ("lower left", "bottom", "lower right"),
)


@dataclass(frozen=True)
class ScoredCaption:
    """A caption and its CIDEr; None if there is nothing to score it against."""

    text: str
    cider: float | None

    @property
    def step(self) -> str:
        """The class in style.css that colours the caption, from s0 to s4."""
        if self.cider is None:
            return ""
        return f"s{sum(self.cider >= bound for bound in STEPS)}"


@dataclass(frozen=True)
class PhotoCard:
    """A photo with its captions; `caption` is the captioner's, with words and attention."""

    name: str
    pixels: np.ndarray
    caption: Any
    predicted: ScoredCaption
    references: list[ScoredCaption]

    @property
    def picture(self) -> Picture:
        return encode_picture(self.pixels)


@dataclass(frozen=True)
class WordTile:
    """A word of a caption, and the photo with attention at that word."""

    word: str
    picture: Picture
    description: str


def choose_photos(evaluation: Evaluation, result: Result) -> dict[str, list[PhotoCard]]:
    """Return photos from the whole split, with the best captions and with the worst; none twice."""
    ciders = evaluation.scorer.score_photos_by_cider([caption.text for caption in result.captions])
    order = sorted(range(len(ciders)), key=lambda index: -ciders[index])
    extremes = min(EXTREMES, len(order) // 4)
    pixels: dict[int, np.ndarray] = {}
    best = _read_first(result, order, extremes, pixels)
    worst = _read_first(result, order[::-1], extremes, pixels)

    rest = [index for index in range(len(order)) if index not in pixels]
    evenly = []
    if rest:
        evenly = [rest[place * len(rest) // SPREAD] for place in range(SPREAD)]
    spread = _read_first(result, [*evenly, *rest], SPREAD, pixels)

    reference_ciders = evaluation.score_true_captions([*spread, *best, *worst])
    groups: dict[str, list[PhotoCard]] = {}
    for title, indices in ((FROM_ALL, spread), (BEST, best), (WORST, worst)):
        for index in indices:
            photo, caption = result.photos[index], result.captions[index]
            card = PhotoCard(
                photo.name,
                pixels[index],
                caption,
                ScoredCaption(caption.text, ciders[index]),
                list(map(ScoredCaption, photo.captions, reference_ciders[index])),
            )
            groups.setdefault(title, []).append(card)
    return groups


def _read_first(
    result: Result, indices: Sequence[int], number: int, pixels: dict[int, np.ndarray]
) -> list[int]:
    """Read `number` photos that can be read into `pixels`, none again; return their indices."""
    chosen = []
    for index in indices:
        if len(chosen) == number:
            break
        if index in pixels:
            continue
        try:
            pixels[index] = shrink(read_photo(result.photos[index].path), PHOTO_PIXELS)
        except UnreadablePhoto:
            continue
        chosen.append(index)
    return chosen


def choose_attention(groups: dict[str, list[PhotoCard]]) -> list[PhotoCard]:
    """Return the photos whose words are shown one by one."""
    chosen = []
    for title, cards in groups.items():
        chosen += [card for card in cards[: WITH_WORDS[title]] if card.caption.words]
    return chosen


def make_word_tiles(card: PhotoCard) -> list[WordTile]:
    """Return a tile for each word of the caption."""
    photo = shrink(card.pixels, TILE_PIXELS)
    words = card.caption.words
    maps = card.caption.attention.reshape(len(words), *card.caption.grid)
    tiles = []
    for word, attention in zip(words, maps, strict=True):
        picture = encode_picture(make_attention_tile(photo, attention))
        tiles.append(WordTile(word, picture, f"looked most at the {_find_place(attention)}"))
    return tiles


def _find_place(attention: np.ndarray) -> str:
    """Return the part of the photo where attention (rows, columns) is highest."""
    rows, columns = attention.shape
    row, column = np.unravel_index(int(attention.argmax()), attention.shape)
    return _PLACES[3 * int(row) // rows][3 * int(column) // columns]
