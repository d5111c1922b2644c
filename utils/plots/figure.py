"""Common parts of the figures: colours, sizes, text, files, windows.

Figures are matplotlib's objects; pyplot, which has global state, is used for windows alone.
matplotlib takes half a second to import, so functions that draw import it when they are called.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from utils.errors import UsageError
from utils.files import check_writable, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, MARGIN = 12.0, 0.3  # inches
PIXELS = 720  # the longer side of a drawn photo: more is not seen at this size

INK = "#22252b"
PALE = "#6b7280"
BLUE = "#2563a8"
ORANGE = "#d9702b"
YELLOW = "#ffc61a"

# Between a window and the edges of the screen, for its frame and the desktop's bars.
_BESIDE_WINDOW, _ABOVE_WINDOW = 40, 120  # pixels


def make_figure(width: float, height: float, **options: Any) -> "Figure":
    """Return an empty figure of a size in inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), **options)


def add_text(
    figure: "Figure",
    text: str,
    left: float,
    *,
    top: float | None = None,
    bottom: float | None = None,
    **look: Any,
) -> None:
    """Add text, `left` inches from the left edge and `top` from the upper or `bottom` from the
    lower one."""
    width, height = figure.get_size_inches()
    if top is not None:
        figure.text(left / width, 1 - top / height, text, va="top", **look)
    elif bottom is not None:
        figure.text(left / width, bottom / height, text, **look)


def add_photo(
    figure: "Figure", place: tuple[float, ...], photo: np.ndarray, anchor: str = "C"
) -> "Axes":
    """Add a photo at a place (left, bottom, width, height) in shares of the figure."""
    axes = figure.add_axes(place, anchor=anchor)
    axes.set_axis_off()
    axes.imshow(photo, interpolation="lanczos")
    return axes


def shrink(photo: np.ndarray, pixels: int) -> np.ndarray:
    """Return the photo, made smaller if its longer side has more pixels than that."""
    image = Image.fromarray(photo)
    image.thumbnail((pixels, pixels), Image.Resampling.BICUBIC)
    return np.asarray(image)


def save_figure(figure: "Figure", path: Path) -> None:
    """Write the figure as PNG, whole or not at all."""
    with write_atomically(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, facecolor="white")


def check_picture_file(name: str | None, option: str) -> Path | None:
    """Return the path of a PNG file that an option names, None if it was not given.

    Raise an error if the file cannot be written.
    """
    if name is None:
        return None
    file = Path(name)
    if file.suffix.lower() != ".png" or file.is_dir():
        raise UsageError(f"{option} must be a file name that ends in .png (got {name!r})")
    check_writable(file.parent)
    return file


def has_screen() -> bool:
    """Return whether matplotlib can open a window: on a server it has no screen or no toolkit."""
    import matplotlib.pyplot as plt
    from matplotlib.backends import BackendFilter, backend_registry

    backend = plt.get_backend()
    try:
        plt.switch_backend(backend)  # one that MPLBACKEND names was not tried yet
    except ImportError:
        return False
    return backend.lower() in backend_registry.list_builtin(BackendFilter.INTERACTIVE)


def show_figure(figure: "Figure") -> None:
    """Show the figure in a window until that is closed."""
    import matplotlib.pyplot as plt

    # Other toolkits fit windows to the screen and stop at Ctrl-C by themselves.
    is_tk = plt.get_backend().lower() == "tkagg"
    if is_tk:
        # Also the original resolution, to which matplotlib returns.
        figure.dpi = figure._original_dpi = figure.dpi * min(1.0, _scale_to_screen(figure))
    plt.figure(figure)
    if is_tk:
        window = plt.get_current_fig_manager().window
        window.report_callback_exception = _raise  # Tk prints a Ctrl-C amid drawing, and continues
        _keep_checking_signals(window)
    plt.show()


def _scale_to_screen(figure: "Figure") -> float:
    """Return the factor by which the figure could grow to fill the screen."""
    import tkinter

    window = tkinter.Tk()
    window.withdraw()
    width = window.winfo_screenwidth() - _BESIDE_WINDOW
    height = window.winfo_screenheight() - _ABOVE_WINDOW
    scale = window.winfo_fpixels("1i") / 96  # matplotlib enlarges windows on fine screens by it
    window.destroy()
    pixels = figure.get_size_inches() * figure.dpi * scale
    return float(np.min(np.array([width, height]) / pixels))


def _keep_checking_signals(window: Any) -> None:
    """Let Python see Ctrl-C, which it does not while Tk waits for events."""
    window.after(200, _keep_checking_signals, window)


def _raise(_kind: type[BaseException], error: BaseException, _trace: object) -> None:
    raise error
