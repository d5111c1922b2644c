"""Pictures of a run: its curves, and where the network looked at each word. Never by pyplot's global state."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageColor

from utils.errors import WrongArgument
from utils.files import refuse_unwritable, written_whole
from utils.fonts import drawable, families, missing_font, wrapped
from utils.metrics import KEYS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDTH, _MARGIN = 12.0, 0.3  # inches
_PHOTO_WIDTH, _HEAD = (
    5.2,
    (2.4, 3.7),
)  # inches: the photo beside its caption, least and most height of the two
_WORD, _FOOT = 0.36, 0.5  # inches: above each small panel for its word, and under them all
PIXELS = 720  # the longer side of a photo as it is drawn: more is not seen at this size
INK, PALE, BLUE, ORANGE, YELLOW = "#22252b", "#6b7280", "#2563a8", "#d9702b", "#ffc61a"
NO_ATTENTION = "This network saw the photo once, before the first word, and has no attention."

# The scores by panel, each with its colour: CIDEr and NIST go far beyond 1.
SCORES = {
    "BLEU, ROUGE-L, accuracy": {
        "BLEU-1": "#8fb8de",
        "BLEU-2": "#3a8f5c",
        "BLEU-4": BLUE,
        "ROUGE-L": "#8a5fb0",
    },
    "CIDEr": {"CIDEr": ORANGE},
    "NIST": {"NIST-2": "#3a8f5c", "NIST-4": BLUE},
}


def history_curves(
    history: list[dict[str, Any]], path: Path, *, best: int = 0, best_by: str = "CIDEr"
) -> None:
    """Draws the losses and the validation scores of each epoch into a PNG, what they have of them, the `best` epoch marked,
    where any was better than the start.

    Scores of captions written freely are solid, teacher-forced ones dashed. `best_by` is the score that chose it.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 7), layout="constrained")
    losses, *panels = figure.subplots(2, 2).flat
    # In self-critical epochs, which have a reward, the loss is not that of the true words.
    true_words = [row | {"loss": None} if "reward" in row else row for row in history]
    curve(losses, true_words, "loss", label="training", color=BLUE)
    curve(losses, history, "val_loss", label="validation", color=ORANGE)
    losses.set_title("loss, teacher-forced", loc="left")
    for axes, (title, scores) in zip(panels, SCORES.items(), strict=True):
        for name, colour in scores.items():
            curve(axes, history, KEYS[name], label=name, color=colour)
            curve(
                axes,
                history,
                f"forced_{KEYS[name]}",
                label=f"{name}, teacher-forced",
                color=colour,
                linestyle="--",
            )
        axes.set_title(f"{title} on val", loc="left")
    for key in sorted({key for row in history for key in row if key.startswith("Top")}):
        curve(
            panels[0],
            history,
            key,
            label=f"top-{key.removeprefix('Top')}, teacher-forced",
            color=PALE,
            linestyle="--",
        )
    curve(panels[1], history, "reward", label="reward, drawn captions of train", color="#b5467a")
    curve(panels[1], history, "greedy_reward", label="reward, greedy ones", color="#dd9dbb")
    epochs = [row["epoch"] for row in history]
    marked = (
        f"Dotted: the best epoch, {best}, by {best_by}"
        if best
        else "No epoch was better than the start"
    )
    figure.suptitle(
        "Scores, solid: captions written freely; dashed: each word foretold from the true ones before it. "
        + (marked if history else ""),
        x=0.01,
        ha="left",
        fontsize=9,
        color=PALE,
    )
    for axes in (losses, *panels):
        if best:
            axes.axvline(best, color=PALE, linestyle=":", linewidth=1.2)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1, 1))
        axes.spines[["top", "right"]].set_visible(False)
        if axes is not losses:
            axes.set_ylim(0, axes.get_ylim()[1] * 1.02)  # a dot at the top is drawn whole
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.set_xlabel("epoch")
        axes.set_xlim(min(epochs, default=1) - 0.5, max(epochs, default=1) + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    save_figure(figure, path)


def attention_figure(
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

    even = looks_nowhere(attention)
    if even:
        words, attention = [], attention[:0]
    maps = _grids(attention, len(words), grid)
    sentence = missing_font([title, *references, *words])
    font = {
        "family": families("".join([title, *references, *words])),
        "color": INK,
        "parse_math": False,
    }
    photo = no_larger(photo, PIXELS)
    shape = min(
        max(photo.shape[0] / photo.shape[1], 0.4), 1.6
    )  # a panorama or a tower leaves part of its box empty
    columns = 6 if len(words) <= 18 else 8
    panel = (_WIDTH - 2 * _MARGIN) / columns * 0.93 * shape
    rows = -(-len(words) // columns)
    head = _MARGIN + float(np.clip(_PHOTO_WIDTH * shape, *_HEAD))
    height = head + rows * (panel + _WORD) + _FOOT
    figure = Figure(figsize=(_WIDTH, height))
    _head(figure, photo, title=title, references=references, font=font, head=head)
    places = figure.add_gridspec(
        max(rows, 1),
        columns,
        left=_MARGIN / _WIDTH,
        right=1 - _MARGIN / _WIDTH,
        bottom=_FOOT / height,
        top=1 - (head + _WORD) / height,
        wspace=0.07,
        hspace=_WORD / panel,
    )
    tile = no_larger(photo, 300)
    for place, word, map_ in zip(places, words, maps, strict=False):
        axes = figure.add_subplot(place)
        axes.set_axis_off()
        axes.imshow(attention_over(tile, map_), interpolation="lanczos")
        share = _share(map_, tile.shape[:2])
        if (
            share.min() < 0.5 < share.max()
        ):  # on black fur and at night brightness alone is not seen
            axes.contour(share, [0.5], colors=[YELLOW], linewidths=1.1)
        axes.set_title(drawable(word, font), pad=4, fontsize=11 if len(word) <= 16 else 8, **font)
    told = "Bright is where the network looked as it wrote the word, the line half of each panel's own peak."
    if even:
        told = NO_ATTENTION
    small = "   ".join(part for part in (told if words or even else None, sentence) if part)
    figure.text(_MARGIN / _WIDTH, 0.16 / height, small, fontsize=8.5, **font | {"color": PALE})
    return figure


def attention_over(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """The photo (H, W, 3) uint8, bright where attention (rows, columns) is at its peak, dark and grey where it is 0.

    The map is spread over the whole photo, as the photo was squeezed to the encoder's input.
    """
    share = _share(attention, photo.shape[:2])[..., None]
    grey = photo.mean(axis=2, keepdims=True) * 0.4 + np.float32([14, 16, 24])
    return (grey + (photo - grey) * share).clip(0, 255).round().astype(np.uint8)


def half_line(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
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


def attention_tile(photo: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """The photo with attention over it and the line."""
    return half_line(attention_over(photo, attention), attention)


def looks_nowhere(attention: np.ndarray) -> bool:
    """Whether attention (T, L) is the same everywhere: of a network that looks nowhere in particular."""
    return attention.size > 0 and not np.ptp(attention)


def _share(attention: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Attention (rows, columns) spread over a photo of size (height, width), as a share of its peak."""
    spread = np.asarray(
        Image.fromarray(attention.astype(np.float32)).resize(size[::-1], Image.Resampling.BICUBIC)
    )
    return np.clip(spread / max(float(spread.max()), 1e-12), 0, 1)


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


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes the figure as PNG, whole or not at all."""
    with written_whole(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, facecolor="white")


def picture_file(name: str | None, option: str) -> Path | None:
    """The file that an option names for a picture, None where it was left out; refused where no picture can be written."""
    if name is None:
        return None
    file = Path(name)
    if file.suffix.lower() != ".png" or file.is_dir():
        raise WrongArgument(f"{option} wants the name of a file that ends in .png, not {name}")
    refuse_unwritable(file.parent)
    return file


def has_screen() -> bool:
    """Whether matplotlib can open a window: it finds no screen, or no toolkit, on a server."""
    import matplotlib.pyplot as plt
    from matplotlib.backends import BackendFilter, backend_registry

    backend = plt.get_backend()
    try:
        plt.switch_backend(backend)  # one that MPLBACKEND names is not tried before
    except ImportError:
        return False
    return backend.lower() in backend_registry.list_builtin(BackendFilter.INTERACTIVE)


def show_figure(figure: "Figure") -> None:
    """Shows the figure in a window until that is closed."""
    import matplotlib.pyplot as plt

    tk = (
        plt.get_backend().lower() == "tkagg"
    )  # others fit their windows in, and stop at Ctrl-C, by themselves
    if tk:  # what the figure began with is what matplotlib comes back to
        figure.dpi = figure._original_dpi = figure.dpi * min(1.0, _room_on_screen(figure))
    plt.figure(figure)
    if tk:  # it would print a Ctrl-C that comes amid drawing, and go on
        window = plt.get_current_fig_manager().window
        window.report_callback_exception = _raised
        _keep_awake(window)
    plt.show()


def _room_on_screen(figure: "Figure") -> float:
    """How many times as large the figure could be."""
    import tkinter

    probe = tkinter.Tk()
    probe.withdraw()
    pixels = np.array(
        [probe.winfo_screenwidth() - 40, probe.winfo_screenheight() - 120]
    )  # beside frame and tools
    scale = (
        probe.winfo_fpixels("1i") / 96
    )  # by which matplotlib enlarges its windows on fine screens
    probe.destroy()
    return float(np.min(pixels / (figure.get_size_inches() * figure.dpi * scale)))


def _keep_awake(window: Any) -> None:
    """Let Python look for Ctrl-C now and then, which it does not while Tk waits for something to happen."""
    window.after(200, _keep_awake, window)


def _raised(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
    raise error


def _points(history: list[dict[str, Any]], key: str) -> tuple[list[int], list[float]]:
    """Epochs and values of the rows that have the key; a score that could not be computed is None."""
    rows = [row for row in history if row.get(key) is not None]
    return [row["epoch"] for row in rows], [row[key] for row in rows]


def curve(axes: "Axes", history: list[dict[str, Any]], key: str, **look: Any) -> None:
    """Adds one curve, where the history has any of it; dots where there are few, open ones on a dashed line."""
    epochs, values = _points(history, key)
    if epochs:
        look |= {"markerfacecolor": "white"} if "linestyle" in look else {}
        axes.plot(
            epochs,
            values,
            marker="o" if len(history) <= 30 or len(epochs) == 1 else None,
            markersize=4,
            **look,
        )


def _grids(attention: np.ndarray, words: int, grid: tuple[int, int] | None) -> np.ndarray:
    """Attention (T, L) as T maps (rows, columns)."""
    rows, columns = grid or (round(attention.shape[1] ** 0.5),) * 2
    if attention.shape != (words, rows * columns):
        raise ValueError(
            f"wanted attention of {words} words over {rows} x {columns} locations, came {attention.shape}"
        )
    return attention.reshape(words, rows, columns)


def no_larger(photo: np.ndarray, pixels: int) -> np.ndarray:
    """The photo, made smaller where its longer side has more pixels."""
    image = Image.fromarray(photo)
    image.thumbnail((pixels, pixels), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _head(
    figure: "Figure",
    photo: np.ndarray,
    *,
    title: str,
    references: Sequence[str],
    font: dict[str, Any],
    head: float,
) -> None:
    """Adds the photo at the upper left, `head` inches down, and beside it the caption and its references."""
    height = figure.get_figheight()
    place = (_MARGIN / _WIDTH, 1 - head / height, _PHOTO_WIDTH / _WIDTH, (head - _MARGIN) / height)
    axes = figure.add_axes(place, anchor="NW")
    axes.set_axis_off()
    axes.imshow(photo, interpolation="lanczos")
    left = _MARGIN + min(_PHOTO_WIDTH, (head - _MARGIN) * photo.shape[1] / photo.shape[0]) + 0.4
    top, room = 1 - _MARGIN / height, _WIDTH - _MARGIN - left
    lines = wrapped(drawable(title, font), room / 0.135)[:4]
    figure.text(
        left / _WIDTH,
        top,
        "\n".join(lines),
        fontsize=16,
        weight="bold",
        va="top",
        linespacing=1.25,
        **font,
    )
    if references:
        top -= (0.31 * len(lines) + 0.2) / height
        people = [
            line
            for text in references
            for line in wrapped("– " + drawable(text, font), room / 0.094)
        ]
        fitting = int(
            (head - _MARGIN - 0.31 * len(lines) - 0.2) / 0.225
        )  # more would run into the panels
        text = "\n".join(["True captions", *people][:fitting])
        figure.text(
            left / _WIDTH,
            top,
            text,
            fontsize=11,
            va="top",
            linespacing=1.35,
            **font | {"color": PALE},
        )
