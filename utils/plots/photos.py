"""Photos with their captions on one page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from utils.plots.figure import INK, MARGIN, PALE, PIXELS, WIDTH, shrink
from utils.plots.fonts import choose_fonts, replace_missing, suggest_font, wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_captioned_photos(
    photos: Sequence[tuple[np.ndarray, str, Sequence[str]]], *, title: str
) -> "Figure":
    """Photos (H, W, 3) uint8, each above its name and captions, three in a row."""
    from matplotlib.figure import Figure

    columns, cell, line, most = (
        3,
        WIDTH / 3,
        0.19,
        16,
    )  # inches: a photo's width, a line's height; lines of captions
    text = [title, *(line for _, name, captions in photos for line in (name, *captions))]
    font = {"family": choose_fonts("".join(text)), "color": INK, "parse_math": False}
    letters = (cell - 2 * MARGIN) / 0.08
    told = [
        [
            each
            for caption in captions
            for each in wrap("– " + replace_missing(caption, font), letters)
        ]
        for _, _, captions in photos
    ]
    told = [lines if len(lines) <= most else [*lines[: most - 1], "…"] for lines in told]
    pictures = cell * 0.72
    heights = [
        pictures + 0.65 + line * max(map(len, told[start : start + columns]))
        for start in range(0, len(told), columns)
    ]
    height = 0.6 + sum(heights) + 0.2
    figure = Figure(figsize=(WIDTH, height))
    figure.text(
        MARGIN / WIDTH,
        1 - 0.2 / height,
        replace_missing(title, font),
        fontsize=13,
        weight="bold",
        va="top",
        **font,
    )
    for number, ((photo, name, _), lines) in enumerate(zip(photos, told, strict=True)):
        row, column = divmod(number, columns)
        below = 1 - (0.6 + sum(heights[:row]) + pictures) / height
        left, width = (column * cell + MARGIN) / WIDTH, (cell - 2 * MARGIN) / WIDTH
        axes = figure.add_axes((left, below, width, pictures * 0.97 / height), anchor="SW")
        axes.set_axis_off()
        axes.imshow(shrink(photo, PIXELS // 2), interpolation="lanczos")
        name = replace_missing(name, font)
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
        MARGIN / WIDTH,
        0.08 / height,
        suggest_font(text) or "",
        fontsize=8.5,
        **font | {"color": PALE},
    )
    return figure
