"""Photos with their captions on one page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from utils.plots.figure import _MARGIN, _WIDTH, INK, PALE, PIXELS, no_larger
from utils.plots.fonts import drawable, families, missing_font, wrapped

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def captioned_photos(
    photos: Sequence[tuple[np.ndarray, str, Sequence[str]]], *, title: str
) -> "Figure":
    """Photos (H, W, 3) uint8, each above its name and captions, three in a row."""
    from matplotlib.figure import Figure

    columns, cell, line, most = (
        3,
        _WIDTH / 3,
        0.19,
        16,
    )  # inches: a photo's width, a line's height; lines of captions
    text = [title, *(line for _, name, captions in photos for line in (name, *captions))]
    font = {"family": families("".join(text)), "color": INK, "parse_math": False}
    letters = (cell - 2 * _MARGIN) / 0.08
    told = [
        [each for caption in captions for each in wrapped("– " + drawable(caption, font), letters)]
        for _, _, captions in photos
    ]
    told = [lines if len(lines) <= most else [*lines[: most - 1], "…"] for lines in told]
    pictures = cell * 0.72
    heights = [
        pictures + 0.65 + line * max(map(len, told[start : start + columns]))
        for start in range(0, len(told), columns)
    ]
    height = 0.6 + sum(heights) + 0.2
    figure = Figure(figsize=(_WIDTH, height))
    figure.text(
        _MARGIN / _WIDTH,
        1 - 0.2 / height,
        drawable(title, font),
        fontsize=13,
        weight="bold",
        va="top",
        **font,
    )
    for number, ((photo, name, _), lines) in enumerate(zip(photos, told, strict=True)):
        row, column = divmod(number, columns)
        below = 1 - (0.6 + sum(heights[:row]) + pictures) / height
        left, width = (column * cell + _MARGIN) / _WIDTH, (cell - 2 * _MARGIN) / _WIDTH
        axes = figure.add_axes((left, below, width, pictures * 0.97 / height), anchor="SW")
        axes.set_axis_off()
        axes.imshow(no_larger(photo, PIXELS // 2), interpolation="lanczos")
        name = drawable(name, font)
        figure.text(
            left,
            below - 0.08 / height,
            name if len(name) <= 54 else f"…{name[-53:]}",
            fontsize=8,
            va="top",
            **font | {"color": PALE},
        )
        figure.text(
            left,
            below - 0.28 / height,
            "\n".join(lines),
            fontsize=10,
            va="top",
            linespacing=1.3,
            **font,
        )
    figure.text(
        _MARGIN / _WIDTH,
        0.08 / height,
        missing_font(text) or "",
        fontsize=8.5,
        **font | {"color": PALE},
    )
    return figure
