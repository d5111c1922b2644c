"""Show a photo, the augmented views that training gets, and the effect of each augmenter alone.

python doc/img_augmentation_test.py                         a sample photo, in a window
python doc/img_augmentation_test.py photo.jpg --views 11    your own photo
python doc/img_augmentation_test.py --out views.png         into a file
"""

import argparse
import hashlib
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import showing
from config import Settings
from data.img_augmentation import AUGMENTERS, augment, make_recipe_name
from utils import command_line
from utils.errors import UsageError, run_script
from utils.plots.classes import draw_picture_grid
from utils.terminal import say

COLUMNS = 6
DRAWS = 8  # of each augmenter; the one that changes the photo most is shown


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command_line.make_parser(__doc__)
    showing.add_photo_argument(parser)
    parser.add_argument(
        "--views",
        type=int,
        default=COLUMNS - 1,
        metavar="NUMBER",
        help=f"how many augmented views to show (default {COLUMNS - 1})",
    )
    parser.add_argument(
        "--no-flip", action="store_true", help="never flip, as if a caption says left or right"
    )
    parser.add_argument(
        "--image-size",
        type=int,
        default=299,
        metavar="PIXELS",
        help="resize the photo to this side, like the encoder (default 299, InceptionV3's)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="NUMBER", help="the --seed of train.py (default 0)"
    )
    showing.add_out_option(parser)
    return parser


def main() -> None:
    """Augment and draw."""
    arguments = make_options().parse_args()
    size, seed, number = arguments.image_size, arguments.seed, arguments.views
    flip = not arguments.no_flip
    if number < 1:
        raise UsageError(f"--views must be at least 1 (got {number})")
    Settings.from_flat({"image_size": size, "seed": seed})  # rejects bad values
    photo = showing.choose_photo(arguments.photo)
    out = showing.check_out_file(arguments.out, photo)
    image = showing.read_pixels(photo, (size, size))

    # A view depends only on the photo's bytes, the seed and the view's number. So these are the
    # same views as in training.
    photo_hash = hashlib.sha256(photo.read_bytes()).hexdigest()
    cells = [(image, photo.name, False)]
    for view in range(1, number + 1):
        picture = augment(image, photo_hash=photo_hash, seed=seed, view=view, flip=flip)
        cells.append((picture, f"view {view}", False))
    for name in AUGMENTERS:
        if name == "flip" and not flip:
            continue
        picture = find_strongest(name, image, seed)
        cells.append((picture, f"{name}\n{measure_change(picture, image):.1f}", True))
    say(f"{photo}: recipe {make_recipe_name(flip=flip)}, seed {seed}, views 1 to {number}")

    figure = draw_picture_grid(
        cells,
        title="A photo, its augmented views in training, and the effect of each augmenter alone",
        note=(
            f"Resized to {size} x {size} pixels, as the encoder sees it. Orange: the strongest of "
            f"{DRAWS} draws of each augmenter, with its mean change of a pixel (0 to 255)."
        ),
        columns=max(COLUMNS, math.ceil((1.6 * len(cells)) ** 0.5)),  # about as wide as a screen
    )
    showing.show_or_save(figure, out, __file__)


def find_strongest(name: str, image: np.ndarray, seed: int) -> np.ndarray:
    """Apply an augmenter several times; return the result that changes the image most."""
    augmenter = AUGMENTERS[name]()
    augmenter.seed_(seed)
    draws = [augmenter(image=image) for _ in range(DRAWS)]
    return max(draws, key=lambda draw: measure_change(draw, image))


def measure_change(altered: np.ndarray, image: np.ndarray) -> float:
    """Return the mean absolute difference of the pixels."""
    return float(np.abs(altered.astype(np.float32) - image).mean())


if __name__ == "__main__":
    run_script(main)
