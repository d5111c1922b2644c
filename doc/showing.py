"""What the scripts in doc/ share: a photo to try them with, and the picture that they draw, in a window or a file."""

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


SAMPLES = ("china.jpg", "flower.jpg")  # that scikit-learn brings along


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add --out to the command line."""
    parser.add_argument(
        "--out", metavar="FILE.png", help="write the picture there (default: show it in a window)"
    )


def add_photo(parser: argparse.ArgumentParser) -> None:
    """Add a photo to the command line."""
    parser.add_argument(
        "photo",
        nargs="?",
        metavar="PHOTO",
        help="a photo of yours (default: china.jpg; that and flower.jpg come with scikit-learn)",
    )


def photo_for(named: str | None) -> Path:
    """The photo that was named; where there is none of that name, or none was named, one that is there on every machine."""
    if named is None:
        return sample()
    return sample(named) if named in SAMPLES and not Path(named).exists() else Path(named)


def sample(name: str = SAMPLES[0]) -> Path:
    """A real photo that is there on every machine."""
    sklearn = find_spec("sklearn")  # found, not imported, which would take a second
    if sklearn is None:
        raise UserError(
            "no photo was named, and scikit-learn, which has one, is not installed; name a photo"
        )
    return Path(str(sklearn.origin)).parent / "datasets/images" / name


def opened(photo: Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """The photo's pixels, squeezed to `size` where one is given; refused where it cannot be read."""
    try:
        return read_photo(photo, size)
    except UnreadablePhoto as error:
        raise UserError(
            f"{photo} cannot be read: {error}; name a photo, such as a JPEG or PNG file"
        ) from None


def file_for(out: str | None, *used: Path) -> Path | None:
    """The file that --out names, which must be none of those used."""
    file = check_picture_file(out, "--out")
    if (
        file is not None
        and file.exists()
        and any(file.samefile(each) for each in used if each.exists())
    ):
        raise UsageError(f"--out {file} would write over what is read; give it another name")
    return file


def show(figure: "Figure", out: Path | None, script: str) -> None:
    """The figure in the file asked for, or a window; where there is no screen for one, in a file named as the script."""
    if out is None and has_screen():
        show_figure(figure)
        return
    file = out or Path(script).with_suffix(".png").name
    save_figure(figure, Path(file))
    say(
        f"picture: {file}"
        + ("" if out else " (there is no screen for a window; another name: --out FILE.png)")
    )
