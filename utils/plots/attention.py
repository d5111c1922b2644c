"""A caption with the photo's attention at each word."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageColor

from utils.plots.figure import (
    INK,
    MARGIN,
    PALE,
    PIXELS,
    WIDTH,
    YELLOW,
    add_photo,
    add_text,
    make_figure,
    shrink,
)
from utils.plots.fonts import choose_fonts, replace_missing, suggest_font, wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NO_ATTENTION = "This network saw the photo once, before the first word, and has no attention."
_LEGEND = (
    "Bright is where the network looked as it wrote the word, "
    "the line half of each panel's own peak."
)

# Inches.
_PHOTO_WIDTH = 5.2
_LEAST_HEAD, _MOST_HEAD = 2.4, 3.7  # height of the photo and its caption beside it
_WORD_HEIGHT = 0.36  # above each panel
_FOOT_HEIGHT = 0.5
_TITLE_LINE, _REFERENCE_LINE = 0.31, 0.225
_TITLE_LETTER, _REFERENCE_LETTER = 0.135, 0.094

_LEAST_SHAPE, _MOST_SHAPE = 0.4, 1.6  # height by width; beyond them a panel has empty space
_TILE_PIXELS = 300


def draw_attention(
    photo: np.ndarray,
    words: Sequence[str],
    attention: np.ndarray,
    *,
    title: str,
    references: Sequence[str] = (),
    grid: tuple[int, int] | None = None,
) -> "Figure":
    """Draw the photo (H, W, 3) uint8 and its caption, and attention (T, L) over it for each word.

    `title` is the caption as a sentence. `grid` is the rows and columns of the L locations, a
    square by default. A network whose attention is the same everywhere gets no panels for words.
    """
    without_attention = is_uniform(attention)
    if without_attention:
        words, attention = [], attention[:0]
    maps = _split_maps(attention, len(words), grid)
    texts = [title, *references, *words]
    font = {"family": choose_fonts("".join(texts)), "color": INK, "parse_math": False}
    photo = shrink(photo, PIXELS)
    shape = float(np.clip(photo.shape[0] / photo.shape[1], _LEAST_SHAPE, _MOST_SHAPE))

    columns = 6 if len(words) <= 18 else 8
    rows = -(-len(words) // columns)
    panel_height = (WIDTH - 2 * MARGIN) / columns * 0.93 * shape
    head = MARGIN + float(np.clip(_PHOTO_WIDTH * shape, _LEAST_HEAD, _MOST_HEAD))
    height = head + rows * (panel_height + _WORD_HEIGHT) + _FOOT_HEIGHT
    figure = make_figure(WIDTH, height)
    _add_head(figure, photo, head, font, title=title, references=references)
    panels = figure.add_gridspec(
        max(rows, 1),
        columns,
        left=MARGIN / WIDTH,
        right=1 - MARGIN / WIDTH,
        bottom=_FOOT_HEIGHT / height,
        top=1 - (head + _WORD_HEIGHT) / height,
        wspace=0.07,
        hspace=_WORD_HEIGHT / panel_height,
    )
    tile = shrink(photo, _TILE_PIXELS)
    for place, word, map_ in zip(panels, words, maps, strict=False):
        _draw_panel(figure.add_subplot(place), tile, map_, word, font)

    notes = []
    if without_attention:
        notes.append(NO_ATTENTION)
    elif words:
        notes.append(_LEGEND)
    notes.append(suggest_font(texts) or "")
    small = "   ".join(filter(None, notes))
    add_text(figure, small, MARGIN, bottom=0.16, fontsize=8.5, **font | {"color": PALE})
    return figure


def overlay_attention(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Return the photo (H, W, 3) uint8, bright at the peak of attention, grey where it is 0.

    The map (rows, columns) is spread over the whole photo, as the encoder saw it squeezed.
    """
    share = _spread(attention, photo.shape[:2])[..., None]
    grey = photo.mean(axis=2, keepdims=True) * 0.4 + np.float32([14, 16, 24])
    return (grey + (photo - grey) * share).clip(0, 255).round().astype(np.uint8)


def draw_half_peak_line(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Return the photo (H, W, 3) uint8 with a line where attention is half its peak.

    On black fur and at night brightness alone is not seen.
    """
    share = _spread(attention, photo.shape[:2])
    if min(share.shape) < 2 or not _crosses_half(share):
        return photo
    steepness = np.maximum(np.hypot(*np.gradient(share)), 1e-9)
    pixels_from_line = np.abs(share - 0.5) / steepness
    width = max(max(share.shape) / 400, 1.5)  # pixels
    opacity = np.clip((width + 1) / 2 - pixels_from_line, 0, 1)[..., None]
    yellow = np.float32(ImageColor.getrgb(YELLOW))
    return (photo + (yellow - photo) * opacity).round().astype(np.uint8)


def make_attention_tile(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Return the photo with attention laid over it and the line at half of its peak."""
    return draw_half_peak_line(overlay_attention(photo, attention), attention)


def is_uniform(attention: np.ndarray) -> bool:
    """Return whether attention (T, L) is the same everywhere, as of a network without attention."""
    return attention.size > 0 and not np.ptp(attention)


def _split_maps(attention: np.ndarray, words: int, grid: tuple[int, int] | None) -> np.ndarray:
    """Return attention (T, L) as T maps (rows, columns)."""
    if grid is None:
        side = round(attention.shape[1] ** 0.5)
        grid = (side, side)
    rows, columns = grid
    if attention.shape != (words, rows * columns):
        raise ValueError(
            f"attention must be of {words} words over {rows} x {columns} locations "
            f"(got {attention.shape})"
        )
    return attention.reshape(words, rows, columns)


def _spread(attention: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return attention (rows, columns) in a photo's size (height, width), as share of its peak."""
    image = Image.fromarray(attention.astype(np.float32))
    spread = np.asarray(image.resize(size[::-1], Image.Resampling.BICUBIC))
    return np.clip(spread / max(float(spread.max()), 1e-12), 0, 1)


def _crosses_half(share: np.ndarray) -> bool:
    return bool(share.min() < 0.5 < share.max())


def _draw_panel(
    axes: Any, tile: np.ndarray, attention: np.ndarray, word: str, font: dict[str, Any]
) -> None:
    axes.set_axis_off()
    axes.imshow(overlay_attention(tile, attention), interpolation="lanczos")
    share = _spread(attention, tile.shape[:2])
    if _crosses_half(share):
        axes.contour(share, [0.5], colors=[YELLOW], linewidths=1.1)
    size = 11 if len(word) <= 16 else 8
    axes.set_title(replace_missing(word, font), pad=4, fontsize=size, **font)


def _add_head(
    figure: "Figure",
    photo: np.ndarray,
    head: float,
    font: dict[str, Any],
    *,
    title: str,
    references: Sequence[str],
) -> None:
    """Add the photo at the upper left, `head` inches high, and beside it the captions."""
    height = figure.get_figheight()
    photo_height = head - MARGIN
    place = (MARGIN / WIDTH, 1 - head / height, _PHOTO_WIDTH / WIDTH, photo_height / height)
    add_photo(figure, place, photo, anchor="NW")

    photo_width = min(_PHOTO_WIDTH, photo_height * photo.shape[1] / photo.shape[0])
    left = MARGIN + photo_width + 0.4
    room = WIDTH - MARGIN - left
    lines = wrap(replace_missing(title, font), room / _TITLE_LETTER)[:4]
    add_text(
        figure,
        "\n".join(lines),
        left,
        top=MARGIN,
        fontsize=16,
        weight="bold",
        linespacing=1.25,
        **font,
    )
    if not references:
        return
    title_height = _TITLE_LINE * len(lines) + 0.2
    reference_lines = ["True captions"]
    for text in references:
        reference_lines += wrap("– " + replace_missing(text, font), room / _REFERENCE_LETTER)
    fitting = int((photo_height - title_height) / _REFERENCE_LINE)  # more would cover the panels
    add_text(
        figure,
        "\n".join(reference_lines[:fitting]),
        left,
        top=MARGIN + title_height,
        fontsize=11,
        linespacing=1.35,
        **font | {"color": PALE},
    )
