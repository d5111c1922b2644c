"""Pictures of a run: its curves, and where the network looked at each word. Never by pyplot's global state."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from utils.errors import UsageError
from utils.files import check_writable, write_atomically
from utils.plots.fonts import replace_missing, wrap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, MARGIN = 12.0, 0.3  # inches
PHOTO_WIDTH, HEAD = (
    5.2,
    (2.4, 3.7),
)  # inches: the photo beside its caption, least and most height of the two
PIXELS = 720  # the longer side of a photo as it is drawn: more is not seen at this size
INK, PALE, BLUE, ORANGE, YELLOW = "#22252b", "#6b7280", "#2563a8", "#d9702b", "#ffc61a"


def save_figure(figure: "Figure", path: Path) -> None:
    """Writes the figure as PNG, whole or not at all."""
    with write_atomically(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, facecolor="white")


def check_picture_file(name: str | None, option: str) -> Path | None:
    """The file that an option names for a picture, None where it was left out; refused where no picture can be written."""
    if name is None:
        return None
    file = Path(name)
    if file.suffix.lower() != ".png" or file.is_dir():
        raise UsageError(f"{option} wants the name of a file that ends in .png, not {name}")
    check_writable(file.parent)
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


def shrink(photo: np.ndarray, pixels: int) -> np.ndarray:
    """The photo, made smaller where its longer side has more pixels."""
    image = Image.fromarray(photo)
    image.thumbnail((pixels, pixels), Image.Resampling.BICUBIC)
    return np.asarray(image)


def draw_head(
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
    place = (MARGIN / WIDTH, 1 - head / height, PHOTO_WIDTH / WIDTH, (head - MARGIN) / height)
    axes = figure.add_axes(place, anchor="NW")
    axes.set_axis_off()
    axes.imshow(photo, interpolation="lanczos")
    left = MARGIN + min(PHOTO_WIDTH, (head - MARGIN) * photo.shape[1] / photo.shape[0]) + 0.4
    top, room = 1 - MARGIN / height, WIDTH - MARGIN - left
    lines = wrap(replace_missing(title, font), room / 0.135)[:4]
    figure.text(
        left / WIDTH,
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
            for line in wrap("– " + replace_missing(text, font), room / 0.094)
        ]
        fitting = int(
            (head - MARGIN - 0.31 * len(lines) - 0.2) / 0.225
        )  # more would run into the panels
        text = "\n".join(["True captions", *people][:fitting])
        figure.text(
            left / WIDTH,
            top,
            text,
            fontsize=11,
            va="top",
            linespacing=1.35,
            **font | {"color": PALE},
        )
