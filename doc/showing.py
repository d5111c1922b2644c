"""The common parts of the scripts in doc/: a sample photo, and a picture in a window or a file."""

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from data.photos.images import UnreadablePhoto, read_photo
from utils.errors import UsageError, UserError
from utils.plots.figure import check_picture_file, has_screen, save_figure, show_figure
from utils.terminal import say

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SAMPLES = ("china.jpg", "flower.jpg")  # installed with scikit-learn


def add_out_option(parser: argparse.ArgumentParser) -> None:
    """Add --out to the command line."""
    parser.add_argument(
        "--out", metavar="FILE.png", help="write the picture there (default: show it in a window)"
    )


def add_photo_argument(parser: argparse.ArgumentParser) -> None:
    """Add a photo to the command line."""
    parser.add_argument(
        "photo",
        nargs="?",
        metavar="PHOTO",
        help="a photo, or scikit-learn's china.jpg or flower.jpg (default china.jpg)",
    )


def choose_photo(name: str | None) -> Path:
    """Return the photo with this name, or a sample photo."""
    if name is None:
        return find_sample()
    if name in SAMPLES and not Path(name).exists():
        return find_sample(name)
    return Path(name)


def find_sample(name: str = SAMPLES[0]) -> Path:
    """Return one of scikit-learn's sample photos."""
    package = find_spec("sklearn")  # importing it would take a second
    if package is None:
        raise UserError("no photo to show: scikit-learn is not installed; name a photo")
    return Path(str(package.origin)).parent / "datasets/images" / name


def read_pixels(photo: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """Read a photo (H, W, 3) uint8, resized to `size` if there is one."""
    try:
        return read_photo(photo, size)
    except UnreadablePhoto as error:
        raise UserError(f"{photo} cannot be read: {error}; name a JPEG or PNG file") from None


def check_out_file(out: str | None, *inputs: Path) -> Path | None:
    """Return the file of --out; reject a file that is also an input."""
    file = check_picture_file(out, "--out")
    if file is None or not file.exists():
        return file
    for each in inputs:
        if each.exists() and file.samefile(each):
            raise UsageError(f"--out {file} would overwrite the input; choose another name")
    return file


def show_or_save(figure: "Figure", out: Path | None, script: str) -> None:
    """Save the figure in `out`, or show it; without a screen, save it under the script's name."""
    if out is not None:
        save_figure(figure, out)
        say(f"picture: {out}")
    elif has_screen():
        show_figure(figure)
    else:
        file = Path(Path(script).with_suffix(".png").name)
        save_figure(figure, file)
        say(f"picture: {file} (there is no screen for a window; --out FILE.png sets the name)")
