"""Photos with their captions on one page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.figure import (
    INK,
    MARGIN,
    PALE,
    PIXELS,
    WIDTH,
    add_photo,
    add_text,
    make_figure,
    shrink,
)
from utils.plots.fonts import choose_fonts, replace_missing, suggest_font, wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLUMNS = 3
_MOST_LINES = 16  # of captions below a photo
_LONGEST_NAME = 54  # letters

# Inches.
_CELL_WIDTH = WIDTH / _COLUMNS
_TEXT_WIDTH = _CELL_WIDTH - 2 * MARGIN
_PICTURE_HEIGHT = 0.72 * _CELL_WIDTH
_LINE, _LETTER = 0.19, 0.08
_TITLE_HEIGHT = 0.6


def draw_captioned_photos(
    photos: Sequence[tuple[np.ndarray, str, Sequence[str]]], *, title: str
) -> "Figure":
    """Draw photos (H, W, 3) uint8, three in a row, each above its name and captions."""
    texts = [title]
    for _, name, captions in photos:
        texts += [name, *captions]
    font = {"family": choose_fonts("".join(texts)), "color": INK, "parse_math": False}
    lines = [_wrap_captions(captions, font) for _, _, captions in photos]
    row_heights = []
    for start in range(0, len(photos), _COLUMNS):
        most = max(map(len, lines[start : start + _COLUMNS]))
        row_heights.append(_PICTURE_HEIGHT + 0.65 + _LINE * most)

    height = _TITLE_HEIGHT + sum(row_heights) + 0.2
    figure = make_figure(WIDTH, height)
    heading = replace_missing(title, font)
    add_text(figure, heading, MARGIN, top=0.2, fontsize=13, weight="bold", **font)
    small_font = font | {"color": PALE}
    for number, (photo, name, _) in enumerate(photos):
        row, column = divmod(number, _COLUMNS)
        left = column * _CELL_WIDTH + MARGIN
        bottom = _TITLE_HEIGHT + sum(row_heights[:row]) + _PICTURE_HEIGHT  # from above
        place = (
            left / WIDTH,
            1 - bottom / height,
            _TEXT_WIDTH / WIDTH,
            0.97 * _PICTURE_HEIGHT / height,
        )
        add_photo(figure, place, shrink(photo, PIXELS // 2), anchor="SW")
        short_name = _shorten(replace_missing(name, font))
        add_text(figure, short_name, left, top=bottom + 0.08, fontsize=8, **small_font)
        add_text(
            figure,
            "\n".join(lines[number]),
            left,
            top=bottom + 0.28,
            fontsize=10,
            linespacing=1.3,
            **font,
        )
    add_text(figure, suggest_font(texts) or "", MARGIN, bottom=0.08, fontsize=8.5, **small_font)
    return figure


def _wrap_captions(captions: Sequence[str], font: dict[str, Any]) -> list[str]:
    lines = []
    for caption in captions:
        lines += wrap("– " + replace_missing(caption, font), _TEXT_WIDTH / _LETTER)
    if len(lines) > _MOST_LINES:
        return [*lines[: _MOST_LINES - 1], "…"]
    return lines


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
