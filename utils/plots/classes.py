"""Figures of a classifier: its curves, pictures with their classes, its confusion matrix."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from utils.plots.curves import History, draw_curve, finish_panel
from utils.plots.figure import (
    BLUE,
    INK,
    MARGIN,
    ORANGE,
    PALE,
    PIXELS,
    WIDTH,
    add_photo,
    add_text,
    make_figure,
    save_figure,
    shrink,
)
from utils.plots.fonts import choose_fonts, replace_missing, suggest_font, wrap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LIGHT_BLUE = "#a9c5e0"
_TITLE_LOOK = {"fontsize": 13, "weight": "bold", "color": INK}
_SMALL_LOOK = {"fontsize": 8.5, "color": PALE}
_MOST_NUMBERED = 30  # classes for whose numbers a confusion matrix has room
_LONGEST_NAME = 28  # letters of a class
_GRID_HEAD, _GRID_FOOT = 0.65, 0.25  # inches above and below a grid of pictures


def draw_class_history(history: History, path: Path, *, best: int = 0) -> None:
    """Draw loss and accuracy of each epoch into a PNG, with the `best` epoch marked."""
    figure = make_figure(12, 4.6, layout="constrained")
    for name, axes in zip(("loss", "accuracy"), figure.subplots(1, 2), strict=True):
        draw_curve(axes, history, name, label="training", color=BLUE)
        draw_curve(axes, history, f"val_{name}", label="validation", color=ORANGE)
        axes.set_title(name, loc="left")
        finish_panel(axes, history, best)
        if history:
            axes.legend(frameon=False, fontsize=9)
    note = "Training has augmentation and dropout, validation has neither."
    if best:
        note += f" Dotted: the best epoch, {best}, by accuracy on val."
    figure.suptitle(note, x=0.01, ha="left", fontsize=9, color=PALE)
    save_figure(figure, path)


def draw_picture_grid(
    cells: Sequence[tuple[np.ndarray, str, bool]], *, title: str, note: str = "", columns: int = 8
) -> "Figure":
    """Draw pictures in rows, each above a text of a line or two, below a title and a note.

    A cell is a picture (H, W, 3) uint8, its text, and whether the text is highlighted.
    """
    texts = [title, note, *(text for _, text, _ in cells)]
    font = {"family": choose_fonts("".join(texts)), "parse_math": False}
    side = (WIDTH - 2 * MARGIN) / columns
    size = side * 0.92
    lines = [_wrap_cell(text, side / 0.085, font) for _, text, _ in cells]
    row_heights = []
    for start in range(0, len(cells), columns):
        most = max(map(len, lines[start : start + columns]))
        row_heights.append(size + 0.14 + 0.17 * most)

    height = _GRID_HEAD + sum(row_heights) + _GRID_FOOT
    figure = make_figure(WIDTH, height)
    add_text(figure, replace_missing(title, font), MARGIN, top=0.2, **_TITLE_LOOK, **font)
    if note:
        add_text(figure, replace_missing(note, font), MARGIN, top=0.45, **_SMALL_LOOK, **font)
    for number, (picture, _, is_highlighted) in enumerate(cells):
        row, column = divmod(number, columns)
        left = MARGIN + column * side
        bottom = _GRID_HEAD + sum(row_heights[:row]) + size  # from above
        place = (left / WIDTH, 1 - bottom / height, size / WIDTH, size / height)
        add_photo(figure, place, shrink(picture, PIXELS // 2), anchor="S")
        add_text(
            figure,
            "\n".join(lines[number]),
            left + size / 2,
            top=bottom + 0.05,
            fontsize=9,
            ha="center",
            linespacing=1.2,
            color=ORANGE if is_highlighted else INK,
            **font,
        )
    add_text(figure, suggest_font(texts) or "", MARGIN, bottom=0.08, **_SMALL_LOOK, **font)
    return figure


def draw_confusion(
    confusion: Sequence[Sequence[int]], classes: Sequence[str], *, title: str
) -> "Figure":
    """Draw how often a class (row) was predicted as another (column), in shares of the row.

    Cells also have numbers if there are few classes.
    """
    # Imported here with the rest of matplotlib (see figure.py).
    from matplotlib.colors import PowerNorm

    counts = np.array(confusion)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    number = len(classes)
    has_numbers = number <= _MOST_NUMBERED
    cell = 0.5 if has_numbers else max(0.12, 10 / number)  # inches
    font_size = 9 if has_numbers else max(4.5, 50 * cell)
    font = {"family": choose_fonts("".join([title, *classes])), "parse_math": False}
    names = [_shorten(replace_missing(name, font)) for name in classes]
    room = 0.4 + 0.0085 * font_size * max(map(len, names))  # for names, left and above
    width = max(room + cell * number + 1.5, 6.5)
    height = room + cell * number + 1.3

    figure = make_figure(width, height)
    place = ((room + 0.2) / width, 0.6 / height, cell * number / width, cell * number / height)
    axes = figure.add_axes(place)
    axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1))  # the root: mistakes are few
    if has_numbers:
        _add_counts(axes, counts, shares)
    for row, share in enumerate(shares.diagonal()):
        text = f"{share:.2f}" if counts[row].any() else "–"
        axes.text(number - 0.3, row, text, fontsize=font_size, color=PALE, va="center")
    name_look = {"fontsize": font_size, "color": INK, **font}
    axes.set_xticks(range(number), names, rotation=90, **name_look)
    axes.set_yticks(range(number), names, **name_look)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    add_text(figure, replace_missing(title, font), 0.2, top=0.15, **_TITLE_LOOK, **font)
    legend = (
        "Rows: the true class. Columns: the predicted class. At the end of each row: "
        "the share that is right."
    )
    add_text(figure, legend, 0.2, bottom=0.2, **_SMALL_LOOK)
    return figure


def draw_likeliest(
    photo: np.ndarray, likeliest: Sequence[tuple[str, float]], *, true: str | None = None
) -> "Figure":
    """Draw the photo (H, W, 3) uint8 beside bars of its likeliest classes, above the true one."""
    names = [name for name, _ in likeliest]
    texts = [*names, true or ""]
    font = {"family": choose_fonts("".join(texts)), "parse_math": False}
    figure = make_figure(9, 3.9)
    add_photo(figure, (0.03, 0.1, 0.38, 0.84), shrink(photo, PIXELS))
    axes = figure.add_axes((0.62, 0.12, 0.3, 0.8))
    places = range(len(names), 0, -1)
    probabilities = [probability for _, probability in likeliest]
    colours = [BLUE] + [_LIGHT_BLUE] * (len(names) - 1)
    axes.barh(places, probabilities, color=colours, height=0.6)
    labels = ["\n".join(wrap(replace_missing(name, font), 24)[:2]) for name in names]
    axes.set_yticks(places, labels, fontsize=11, color=INK, **font)
    for place, probability in zip(places, probabilities, strict=True):
        text = f"{probability:.2f}"
        axes.text(probability + 0.02, place, text, va="center", fontsize=10, color=INK)
    axes.set_xlim(0, 1)
    axes.set_ylim(0.4, max(len(names), 4) + 0.6)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    notes = [replace_missing(f"true: {true}", font)] if true else []
    notes.append(suggest_font(texts) or "")
    figure.text(0.03, 0.03, "   ".join(notes), fontsize=10, color=PALE, **font)
    return figure


def _wrap_cell(text: str, room: float, font: dict[str, Any]) -> list[str]:
    """Return the lines of a cell's text, two at most for each line of it."""
    lines = []
    for line in text.split("\n"):
        lines += wrap(replace_missing(line, font), room)[:2]
    return lines


def _add_counts(axes: "Axes", counts: np.ndarray, shares: np.ndarray) -> None:
    font_size = 9 if counts.max() < 10**4 else 6
    for row, column in np.argwhere(counts):
        color = "white" if shares[row, column] > 0.35 else INK
        text = f"{counts[row, column]}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=font_size)


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
