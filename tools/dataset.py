"""Describe a dataset: for `python -m data.sources PATH`.

python -m data.sources PATH                      what is there, and what is skipped and why
python -m data.sources PATH --picture FILE.png   also nine of its photos with their captions
"""

import argparse

import config
from config import Settings
from pipeline.dataset_places import check_exists, find_dataset
from pipeline.settings import check_data_names
from utils.command_line import add_options, make_parser, parse_typed


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = make_parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m data.sources"
    parser.add_argument(
        "path", metavar="PATH", help="the dataset: a captions file, its folder, or scenes"
    )
    parser.add_argument(
        "--picture", metavar="FILE.png", help="also draw nine of its photos with their captions"
    )
    names = ("format", "language", "outside_photos", "test_size")
    add_options(parser, config.Data, only=names)
    names = ("tokenizer", "vocabulary", "minimum_count", "max_length")
    add_options(parser, config.Words, only=names)
    add_options(parser, config.Vision, only=("cache",))
    add_options(parser, config.Training, only=("seed",))
    return parser


def main() -> int:
    """Read the dataset, open every photo once, and print what there is."""
    typed = parse_typed(make_options())
    name, picture = typed.pop("path"), typed.pop("picture")
    Settings.from_flat(typed)  # rejects wrong values
    check_data_names(typed)
    path = find_dataset(name)
    check_exists(path)
    # Imported after the options are checked, because NumPy, SciPy and Pillow come with it.
    from reports.dataset_description import describe_dataset

    describe_dataset(path, typed, picture)
    return 0
