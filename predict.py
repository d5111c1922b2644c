"""Caption photos, or name their classes if the run is a classifier.

python predict.py                                five random test photos of the newest run
python predict.py photo.jpg holiday/ --out captions.csv
python predict.py holiday/ --out captions.csv --write-metadata captioned/
python predict.py --run NAME --plot pictures/    also draw attention, or bars of class probabilities
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import random
from argparse import Namespace
from pathlib import Path
from typing import Any

import config
from config import Settings
from pipeline.cluster_address import check_address, make_absolute
from pipeline.photo_selection import select_photos
from pipeline.saved import read_saved_config
from pipeline.settings import check_belongs
from pipeline.shards import Shard
from utils import command_line, runs
from utils.addresses import reject_address
from utils.captions_file import FORMATS
from utils.errors import UsageError, run_script
from utils.places import find_places

OWN = (
    "photos", "run", "runs", "number", "plot", "out", "minimum_score", "write_metadata", "seed",
    "weights", "keep_order", "sort", "shard", "ray",
)  # fmt: skip
FOR_CAPTIONS = ("weights", "minimum_score", "write_metadata")


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    parser.add_argument(
        "photos",
        nargs="*",
        metavar="PHOTO|FOLDER|ADDRESS",
        help="photos and folders, also s3://… (default: random test photos of the run)",
    )
    command_line.add_run_options(parser)
    parser.add_argument(
        "--number",
        type=int,
        default=5,
        metavar="PHOTOS",
        help="number of random test photos (default 5)",
    )
    parser.add_argument(
        "--plot",
        metavar="DIR",
        help="save each photo with its attention by word, or with its likeliest classes",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write path, caption and score there (.jsonl or .csv), and skip what is in it",
    )
    parser.add_argument(
        "--minimum-score",
        type=float,
        metavar="SCORE",
        help="write captions with a lower score (0 to 1) as doubtful, and into no copy",
    )
    parser.add_argument(
        "--sort",
        choices=("doubt",),
        metavar="doubt",
        help="at the end, sort the rows of --out, the most doubtful first",
    )
    command_line.add_max_length_option(parser)
    parser.add_argument(
        "--write-metadata",
        metavar="DIR",
        help="copy JPEG and PNG files there, each with its caption as alt text (XMP)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="NUMBER",
        help="for random photos and for --sample (default: another one each time)",
    )
    command_line.add_weights_option(parser)
    add_sharing_options(parser)
    own = dict.fromkeys(config.SETTING_NAMES, "the run's own")
    command_line.add_options(parser, config.Search, defaults=own)
    command_line.add_options(parser, config.Machine, only=config.DEVICE_SETTINGS)
    command_line.add_screen_options(parser)
    return parser


def add_sharing_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for many photos on several machines."""
    sharing = parser.add_argument_group("several machines")
    sharing.add_argument(
        "--shard",
        metavar="K/N",
        type=Shard.parse,
        help="caption only the K-th of N shares; python -m tools.merge joins their files",
    )
    sharing.add_argument(
        "--ray",
        metavar="local|auto|HOST:PORT",
        help="caption on all machines of this Ray cluster; local starts one on this machine",
    )
    sharing.add_argument(
        "--keep-order",
        action="store_true",
        help="at the end, sort the rows of --out in the order of the photos",
    )


def main() -> int:
    """Caption the photos; return 1 if one could not be read or copied, all others being done."""
    typed, search = read_command_line()
    run = runs.find_trained_run(typed.run, find_places(typed.runs).runs)
    saved = read_saved_config(run)
    if runs.is_classifier(saved):
        reject_caption_options(typed, search)
    selected = select_photos(typed.photos)
    # Imported after the command line is checked, because NumPy and Pillow come with it.
    from pipeline.prediction_job import predict_photos

    return predict_photos(typed, search, run, saved, selected)


def read_command_line() -> tuple[Namespace, dict[str, Any]]:
    """Return this command's own options, and the settings of search and machine; both checked."""
    search = command_line.parse_typed(make_options())
    typed = Namespace(**{name: search.pop(name) for name in OWN})
    Settings.from_flat(search)
    if typed.number < 1:
        raise UsageError(f"--number must be at least 1 (got {typed.number})")
    if typed.seed is None:
        typed.seed = random.randrange(2**31)
    Settings.from_flat({"seed": typed.seed})
    if typed.out is not None and Path(typed.out).suffix.lower() not in FORMATS:
        raise UsageError(f"--out must end in {' or '.join(FORMATS)} (got {typed.out!r})")
    for option in ("out", "plot", "write_metadata"):
        name = f"--{option.replace('_', '-')}"
        reject_address(name, getattr(typed, option), "name a file or folder here")
    if typed.minimum_score is not None and not 0 <= typed.minimum_score <= 1:
        raise UsageError(f"--minimum-score must be from 0 to 1 (got {typed.minimum_score})")
    if typed.write_metadata is not None and not typed.photos:
        raise UsageError("--write-metadata needs photos or folders on the command line")
    if typed.shard is not None and not typed.photos:
        raise UsageError("--shard needs photos or folders on the command line")
    if typed.ray is not None:
        check_address(typed.ray)
        if typed.weights is not None:
            typed.weights = make_absolute(typed.weights)
    for option, value in (("--keep-order", typed.keep_order), ("--sort", typed.sort)):
        if value and typed.out is None:
            raise UsageError(f"{option} needs --out FILE, whose rows it sorts")
    if typed.keep_order and typed.sort is not None:
        raise UsageError(f"--keep-order and --sort {typed.sort} order the same rows; use one")
    return typed, search


def reject_caption_options(typed: Namespace, search: dict[str, Any]) -> None:
    """Raise an error if options of captions were typed for a classifier."""
    given = dict(search)
    for name in FOR_CAPTIONS:
        if getattr(typed, name) is not None:
            given[name] = getattr(typed, name)
    check_belongs("classifier", given)


if __name__ == "__main__":
    run_script(main)
