"""Show what augmentation does to a photo: the photo, the views of it that training gets, and each augmenter alone.

python doc/img_augmentation_test.py                         a photo that is there, in a window
python doc/img_augmentation_test.py photo.jpg --views 11    your own
python doc/img_augmentation_test.py --out views.png         into a file
"""

import argparse
import hashlib
import math
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

import presets
import showing
from data.img_augmentation import AUGMENTERS, augment, make_recipe_name
from utils import command_line
from utils.errors import UsageError, run_script
from utils.plots.classes import draw_picture_grid
from utils.terminal import say

COLUMNS = 6
DRAWS = 8  # of each augmenter alone; the one that changes the photo most is shown


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__)
    showing.add_photo(parser)
    parser.add_argument(
        "--views",
        type=int,
        default=COLUMNS - 1,
        metavar="NUMBER",
        help=f"how many altered views (default {COLUMNS - 1})",
    )
    parser.add_argument(
        "--no-flip", action="store_true", help="as for a photo whose captions say left or right"
    )
    parser.add_argument(
        "--image-size",
        type=int,
        default=299,
        metavar="PIXELS",
        help="side to which the photo is squeezed, as for the encoder (default 299, InceptionV3's)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="NUMBER", help="train.py's --seed (default 0)"
    )
    showing.add_out(parser)
    return parser


def main() -> int:
    """Alter, draw."""
    given = options().parse_args()
    if given.views < 1:
        raise UsageError(f"--views is a number from 1, not {given.views}")
    presets.resolve({"image_size": given.image_size, "seed": given.seed}, scenes=False)
    photo = showing.photo_for(given.photo)
    out = showing.file_for(given.out, photo)
    image = showing.opened(photo, (given.image_size, given.image_size))
    flip = not given.no_flip

    # A view depends on the photo's bytes, the seed and its number alone, so these are the very ones that train.py makes.
    photo_hash = hashlib.sha256(photo.read_bytes()).hexdigest()
    views = [
        augment(image, photo_hash=photo_hash, seed=given.seed, view=view, flip=flip)
        for view in range(1, given.views + 1)
    ]
    alone = {
        name: strongest(name, image, given.seed) for name in AUGMENTERS if flip or name != "flip"
    }
    say(
        f"{photo}: recipe {make_recipe_name(flip=flip)}, seed {given.seed}, views 1 to {given.views}"
    )

    cells = [
        (image, photo.name, False),
        *((view, f"view {number}", False) for number, view in enumerate(views, 1)),
        *(
            (altered, f"{name}\n{change(altered, image):.1f}", True)
            for name, altered in alone.items()
        ),
    ]
    note = (
        f"Squeezed to {given.image_size} x {given.image_size} pixels, as the encoder sees it. Orange: the strongest of "
        f"{DRAWS} draws of each augmenter, and by how much it changes a pixel in the mean, of 255."
    )
    figure = draw_picture_grid(
        cells,
        title="A photo, views of it as training gets them, and each augmenter alone",
        note=note,
        columns=max(COLUMNS, math.ceil((1.6 * len(cells)) ** 0.5)),
    )  # as wide as screens are
    showing.show(figure, out, __file__)
    return 0


def strongest(name: str, image: np.ndarray, seed: int) -> np.ndarray:
    """The image as the augmenter of this name alters it, in that of some draws that changes it most."""
    augmenter = AUGMENTERS[name]()
    augmenter.seed_(seed)
    return max(
        (augmenter(image=image) for _ in range(DRAWS)), key=lambda altered: change(altered, image)
    )


def change(altered: np.ndarray, image: np.ndarray) -> float:
    """By how much the pixels differ, in the mean."""
    return float(np.abs(altered.astype(np.float32) - image).mean())


if __name__ == "__main__":
    run_script(main)
