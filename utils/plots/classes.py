"""Pictures of a classifier: its curves, pictures with their classes, which classes are taken for which."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.curves import draw_curve
from utils.plots.figure import BLUE, INK, MARGIN, ORANGE, PALE, PIXELS, WIDTH, save_figure, shrink
from utils.plots.fonts import choose_fonts, replace_missing, suggest_font, wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LIGHT = "#a9c5e0"
_NUMBERED = 30  # classes of which a confusion matrix has room for numbers


def draw_class_history(history: list[dict[str, Any]], path: Path, *, best: int = 0) -> None:
    """Draws loss and accuracy of each epoch into a PNG, the `best` epoch marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.6), layout="constrained")
    panels = dict(zip(("loss", "accuracy"), figure.subplots(1, 2), strict=True))
    for name, axes in panels.items():
        draw_curve(axes, history, name, label="training", color=BLUE)
        draw_curve(axes, history, f"val_{name}", label="validation", color=ORANGE)
        axes.set_title(f"{name}", loc="left")
        axes.set_xlabel("epoch")
        axes.set_xlim(0.5, max((row["epoch"] for row in history), default=1) + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.spines[["top", "right"]].set_visible(False)
        if best:
            axes.axvline(best, color=PALE, linestyle=":", linewidth=1.2)
        if history:
            axes.legend(frameon=False, fontsize=9)
    marked = f" Dotted: the best epoch, {best}, by accuracy on val." if best else ""
    figure.suptitle(
        "Training pictures are altered, and part of what is seen in them is dropped." + marked,
        x=0.01,
        ha="left",
        fontsize=9,
        color=PALE,
    )
    save_figure(figure, path)


def draw_picture_grid(
    cells: Sequence[tuple[np.ndarray, str, bool]], *, title: str, note: str = "", columns: int = 8
) -> "Figure":
    """Pictures (H, W, 3) uint8, each above its text of a line or two, which stands out where the third says so; a note may
    explain them."""
    from matplotlib.figure import Figure

    text = [title, note, *(text for _, text, _ in cells)]
    font = {"family": choose_fonts("".join(text)), "parse_math": False}
    side = (WIDTH - 2 * MARGIN) / columns
    told = [
        [
            each
            for line in text.split("\n")
            for each in wrap(replace_missing(line, font), side / 0.085)[:2]
        ]
        for _, text, _ in cells
    ]
    line, size = 0.17, side * 0.92
    heights = [
        size + 0.14 + line * max(map(len, told[start : start + columns]))
        for start in range(0, len(told), columns)
    ]
    height = 0.65 + sum(heights) + 0.25
    figure = Figure(figsize=(WIDTH, height))
    figure.text(
        MARGIN / WIDTH,
        1 - 0.2 / height,
        replace_missing(title, font),
        fontsize=13,
        weight="bold",
        va="top",
        color=INK,
        **font,
    )
    if note:
        figure.text(
            MARGIN / WIDTH,
            1 - 0.45 / height,
            replace_missing(note, font),
            fontsize=8.5,
            va="top",
            color=PALE,
            **font,
        )
    for number, ((picture, _, stands_out), lines) in enumerate(zip(cells, told, strict=True)):
        row, column = divmod(number, columns)
        left, below = (
            (MARGIN + column * side) / WIDTH,
            1 - (0.65 + sum(heights[:row]) + size) / height,
        )
        axes = figure.add_axes((left, below, size / WIDTH, size / height), anchor="S")
        axes.set_axis_off()
        axes.imshow(shrink(picture, PIXELS // 2), interpolation="lanczos")
        figure.text(
            left + size / 2 / WIDTH,
            below - 0.05 / height,
            "\n".join(lines),
            fontsize=9,
            va="top",
            ha="center",
            linespacing=1.2,
            color=ORANGE if stands_out else INK,
            **font,
        )
    figure.text(
        MARGIN / WIDTH, 0.08 / height, suggest_font(text) or "", fontsize=8.5, color=PALE, **font
    )
    return figure


def draw_confusion(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], *, title: str
) -> "Figure":
    """Which classes (rows) were taken for which (columns), as shares of the row; in numbers too where there is room."""
    from matplotlib.colors import PowerNorm
    from matplotlib.figure import Figure

    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    number = len(classes)
    numbered = number <= _NUMBERED
    cell = 0.5 if numbered else max(0.12, 10 / number)  # inches
    letters = 9 if numbered else max(4.5, 50 * cell)
    font = {"family": choose_fonts("".join([title, *classes])), "parse_math": False}
    names = [_short(replace_missing(name, font)) for name in classes]
    room = 0.4 + 0.0085 * letters * max(map(len, names))  # for names beside and above
    width, height = room + cell * number + 1.5, room + cell * number + 1.3
    width = max(width, 6.5)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes(
        ((room + 0.2) / width, 0.6 / height, cell * number / width, cell * number / height)
    )
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))  # the root, for mistakes are few
    if numbered:
        for row, column in np.argwhere(counts):
            axes.text(
                column,
                row,
                f"{counts[row, column]}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.35 else INK,
                fontsize=9 if counts.max() < 10**4 else 6,
            )
    axes.set_xticks(range(number), names, rotation=90, fontsize=letters, color=INK, **font)
    axes.set_yticks(range(number), names, fontsize=letters, color=INK, **font)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row, share in enumerate(shares.diagonal()):
        told = f"{share:.2f}" if counts[row].any() else "–"
        axes.text(number - 0.3, row, told, fontsize=letters, color=PALE, va="center")
    figure.text(
        0.2 / width,
        1 - 0.15 / height,
        replace_missing(title, font),
        fontsize=13,
        weight="bold",
        va="top",
        color=INK,
        **font,
    )
    figure.text(
        0.2 / width,
        0.2 / height,
        "Rows: the true class. Columns: what it was taken for. At the end of each row "
        "the share that is right.",
        fontsize=8.5,
        color=PALE,
    )
    return figure


def draw_likeliest(
    photo: np.ndarray, likeliest: Sequence[tuple[str, float]], *, true: str | None = None
) -> "Figure":
    """The photo (H, W, 3) uint8 beside the classes that it may be of, as bars; the true one, where it is known, beneath."""
    from matplotlib.figure import Figure

    names = [name for name, _ in likeliest]
    font = {"family": choose_fonts("".join([*names, true or ""])), "parse_math": False}
    figure = Figure(figsize=(9, 3.9))
    place = figure.add_axes((0.03, 0.1, 0.38, 0.84), anchor="C")
    place.set_axis_off()
    place.imshow(shrink(photo, PIXELS), interpolation="lanczos")
    axes = figure.add_axes((0.62, 0.12, 0.3, 0.8))
    places = range(len(names), 0, -1)
    colours = [BLUE] + [_LIGHT] * (len(names) - 1)
    axes.barh(places, [probability for _, probability in likeliest], color=colours, height=0.6)
    axes.set_yticks(
        places,
        ["\n".join(wrap(replace_missing(name, font), 24)[:2]) for name in names],
        fontsize=11,
        color=INK,
        **font,
    )
    for where, (_, probability) in zip(places, likeliest, strict=True):
        axes.text(
            probability + 0.02, where, f"{probability:.2f}", va="center", fontsize=10, color=INK
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0.4, max(len(names), 4) + 0.6)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    told = [replace_missing(f"true: {true}", font)] if true else []
    figure.text(
        0.03,
        0.03,
        "   ".join([*told, suggest_font([*names, true or ""]) or ""]),
        fontsize=10,
        color=PALE,
        **font,
    )
    return figure


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
