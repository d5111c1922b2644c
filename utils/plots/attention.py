"""A caption with the photo's attention at each word."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageColor

from utils.plots.figure import (
    HEAD,
    INK,
    MARGIN,
    PALE,
    PHOTO_WIDTH,
    PIXELS,
    WIDTH,
    YELLOW,
    draw_head,
    shrink,
)
from utils.plots.fonts import choose_fonts, replace_missing, suggest_font

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WORD, _FOOT = 0.36, 0.5  # inches: above each small panel for its word, and under them all
NO_ATTENTION = "This network saw the photo once, before the first word, and has no attention."


def draw_attention(
    photo: np.ndarray,
    words: Sequence[str],
    attention: np.ndarray,
    *,
    title: str,
    references: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
) -> "Figure":
    """The photo (H, W, 3) uint8 with its caption, and for each word the photo with attention (T, L) laid over it.

    The title is the caption as a person reads it; the grid, rows and columns of the L locations, a square by default. A
    network that looks nowhere in particular, whose attention is the same everywhere, has no panels for its words.
    """
    from matplotlib.figure import Figure

    even = is_uniform(attention)
    if even:
        words, attention = [], attention[:0]
    maps = _grids(attention, len(words), grid)
    sentence = suggest_font([title, *references, *words])
    font = {
        "family": choose_fonts("".join([title, *references, *words])),
        "color": INK,
        "parse_math": False,
    }
    photo = shrink(photo, PIXELS)
    shape = min(
        max(photo.shape[0] / photo.shape[1], 0.4), 1.6
    )  # a panorama or a tower leaves part of its box empty
    columns = 6 if len(words) <= 18 else 8
    panel = (WIDTH - 2 * MARGIN) / columns * 0.93 * shape
    rows = -(-len(words) // columns)
    head = MARGIN + float(np.clip(PHOTO_WIDTH * shape, *HEAD))
    height = head + rows * (panel + _WORD) + _FOOT
    figure = Figure(figsize=(WIDTH, height))
    draw_head(figure, photo, title=title, references=references, font=font, head=head)
    places = figure.add_gridspec(
        max(rows, 1),
        columns,
        left=MARGIN / WIDTH,
        right=1 - MARGIN / WIDTH,
        bottom=_FOOT / height,
        top=1 - (head + _WORD) / height,
        wspace=0.07,
        hspace=_WORD / panel,
    )
    tile = shrink(photo, 300)
    for place, word, map_ in zip(places, words, maps, strict=False):
        axes = figure.add_subplot(place)
        axes.set_axis_off()
        axes.imshow(overlay_attention(tile, map_), interpolation="lanczos")
        share = _share(map_, tile.shape[:2])
        if (
            share.min() < 0.5 < share.max()
        ):  # on black fur and at night brightness alone is not seen
            axes.contour(share, [0.5], colors=[YELLOW], linewidths=1.1)
        axes.set_title(
            replace_missing(word, font), pad=4, fontsize=11 if len(word) <= 16 else 8, **font
        )
    told = "Bright is where the network looked as it wrote the word, the line half of each panel's own peak."
    if even:
        told = NO_ATTENTION
    small = "   ".join(part for part in (told if words or even else None, sentence) if part)
    figure.text(MARGIN / WIDTH, 0.16 / height, small, fontsize=8.5, **font | {"color": PALE})
    return figure


def overlay_attention(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """The photo (H, W, 3) uint8, bright where attention (rows, columns) is at its peak, dark and grey where it is 0.

    The map is spread over the whole photo, as the photo was squeezed to the encoder's input.
    """
    share = _share(attention, photo.shape[:2])[..., None]
    grey = photo.mean(axis=2, keepdims=True) * 0.4 + np.float32([14, 16, 24])
    return (grey + (photo - grey) * share).clip(0, 255).round().astype(np.uint8)


def draw_half_peak_line(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """The photo (H, W, 3) uint8 with a line where attention (rows, columns) is half its peak: on black fur and at night
    brightness alone is not seen."""
    share = _share(attention, photo.shape[:2])
    if min(share.shape) < 2 or not share.min() < 0.5 < share.max():
        return photo
    steepness = np.maximum(np.hypot(*np.gradient(share)), 1e-9)
    width = max(max(share.shape) / 400, 1.5)  # pixels
    ink = np.clip((width + 1) / 2 - np.abs(share - 0.5) / steepness, 0, 1)[
        ..., None
    ]  # 1 on the line, its edges soft
    return (photo + (np.float32(ImageColor.getrgb(YELLOW)) - photo) * ink).round().astype(np.uint8)


def make_attention_tile(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """The photo with attention over it and the line."""
    return draw_half_peak_line(overlay_attention(photo, attention), attention)


def is_uniform(attention: np.ndarray) -> bool:
    """Whether attention (T, L) is the same everywhere: of a network that looks nowhere in particular."""
    return attention.size > 0 and not np.ptp(attention)


def _share(attention: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Attention (rows, columns) spread over a photo of size (height, width), as a share of its peak."""
    spread = np.asarray(
        Image.fromarray(attention.astype(np.float32)).resize(size[::-1], Image.Resampling.BICUBIC)
    )
    return np.clip(spread / max(float(spread.max()), 1e-12), 0, 1)


def _grids(attention: np.ndarray, words: int, grid: tuple[int, int] | None) -> np.ndarray:
    """Attention (T, L) as T maps (rows, columns)."""
    rows, columns = grid or (round(attention.shape[1] ** 0.5),) * 2
    if attention.shape != (words, rows * columns):
        raise ValueError(
            f"wanted attention of {words} words over {rows} x {columns} locations, came {attention.shape}"
        )
    return attention.reshape(words, rows, columns)
