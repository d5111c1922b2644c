"""Write a run as a folder that captions photos, or names classes, without this project.

python export.py --to litert --out captioner/                  the newest run
python export.py --run NAME --to saved_model --out captioner/ --licence cc-by-4.0
python export.py --run hf:FOLDER --to onnx --out captioner/ --photos holiday/
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import config
from config import Settings
from exporting.formats import FORMATS, check_installed
from pipeline.photo_selection import select_photos
from pipeline.saved import read_saved_config
from pipeline.settings import check_belongs
from utils import command_line, runs
from utils.addresses import RemotePhoto
from utils.errors import UserError, require, run_script
from utils.exports import reject_export
from utils.files import check_empty, format_bytes, make_folder_atomically, size_of
from utils.hugging_face import describe
from utils.places import find_places
from utils.quiet import import_tensorflow
from utils.terminal import note, output, say

OWN = ("run", "runs", "to", "out", "verify", "photos", "licence", "weights", "weights_in")
VERIFIED = 100  # photos


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    command_line.add_run_options(parser)
    parser.add_argument(
        "--to", required=True, choices=tuple(FORMATS), metavar="FORMAT", help=", ".join(FORMATS)
    )
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="a folder that is new, or empty"
    )
    parser.add_argument(
        "--weights-in",
        choices=("float16", "float32"),
        metavar="TYPE",
        help="store weights in float16 or float32 (default: float16 if no caption changes by it)",
    )
    parser.add_argument(
        "--verify",
        type=int,
        metavar="PHOTOS",
        help=f"compare the captions of this many test photos first (default {VERIFIED}; 0: none)",
    )
    parser.add_argument(
        "--photos",
        action="append",
        default=[],
        metavar="PHOTO|FOLDER",
        help="compare these photos instead (may be repeated)",
    )
    parser.add_argument(
        "--licence", metavar="NAME", help="licence for the model card, such as cc-by-4.0"
    )
    command_line.add_max_length_option(parser)
    command_line.add_weights_option(parser)
    own = dict.fromkeys(config.SETTING_NAMES, "the run's own")
    command_line.add_options(parser, config.Search, defaults=own)
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """Export, and compare before the folder gets its name; return 1 if captions differ."""
    typed, search = read_command_line()
    check_installed(typed.to)
    check_weights_in(typed)
    run = runs.find_trained_run(typed.run, find_places(typed.runs).runs)
    reject_export(run, "export.py")
    saved = read_saved_config(run)
    if runs.is_classifier(saved):
        check_belongs("classifier", search)
        require(typed.weights is None, "--weights is for captioners, and this run is a classifier")
    out = Path(typed.out).absolute()
    check_empty(out)
    import_tensorflow()
    # Imported after the command line is checked, because TensorFlow comes with it.
    from exporting.source import load_source

    photos = choose_photos(typed, run, saved)
    source = load_source(run, saved, weights=typed.weights, changes=search)
    write(source, typed, out, photos)
    client = Path(typed.out) / "client.py"
    say(f"{typed.out}: {format_bytes(size_of(out))}; python {client} PHOTO uses it")
    return 0


def read_command_line() -> tuple[Namespace, dict[str, Any]]:
    """Return this command's own options, and the settings of the search; both checked."""
    search = command_line.parse_typed(make_options())
    typed = Namespace(**{name: search.pop(name, None) for name in OWN})
    is_possible = typed.verify is None or typed.verify >= 0
    require(is_possible, f"--verify must be at least 0 (got {typed.verify})")
    require(
        typed.verify is None or not typed.photos,
        "--verify counts test photos, and --photos names others; omit one of them",
    )
    Settings.from_flat(search)  # rejects wrong values
    return typed, search


def check_weights_in(typed: Namespace) -> None:
    """Reject a type of weights that the format does not have."""
    known = FORMATS[typed.to].weights_in
    require(
        typed.weights_in in (None, *known),
        f"--to {typed.to} stores weights in {' or '.join(known)} (got {typed.weights_in}); omit "
        "--weights-in",
    )


def choose_photos(typed: Namespace, run: Path, saved: dict[str, Any]) -> list[Path]:
    """Return the photos that are compared: those that are named, or random test photos."""
    if typed.photos:
        return read_all(select_photos(typed.photos).paths)
    wanted = VERIFIED if typed.verify is None else typed.verify
    if wanted == 0:
        return []
    if saved["dataset"] is None:
        raise UserError(
            f"{describe(run)} has no test photos to compare captions of; name photos with "
            "--photos, or give --verify 0"
        )
    from pipeline.prediction import random_test_photos  # imports NumPy

    photos = random_test_photos(run, saved, wanted, seed=0).paths
    if typed.verify is not None and len(photos) < wanted:
        note(f"the run has {len(photos)} test photos, and --verify {wanted} asks for more")
    return read_all(photos)


def read_all(photos: Sequence[Path | RemotePhoto]) -> list[Path]:
    """Return the photos if all can be read, before minutes are spent on an export."""
    from data.photos.images import UnreadablePhoto, read_photo  # imports Pillow

    for photo in photos:
        if isinstance(photo, RemotePhoto):
            raise UserError(f"--photos must be on a disk (got {photo}); download it first")
        try:
            read_photo(photo)
        except UnreadablePhoto as error:
            raise UserError(f"{photo} cannot be read: {error.reason}; omit it") from error
    return list(photos)


def write(source: Any, typed: Namespace, out: Path, photos: list[Path]) -> None:
    """Write the folder; the weights are as small as they can be without changing a caption."""
    from exporting.verify import DifferentAnswers  # imports TensorFlow

    types = FORMATS[typed.to].weights_in if typed.weights_in is None else (typed.weights_in,)
    for smaller in types[:-1]:
        try:
            write_once(source, typed, out, photos, smaller)
            return
        except DifferentAnswers as error:
            note(f"{error}; trying {types[-1]}")
    write_once(source, typed, out, photos, types[-1])


def write_once(
    source: Any, typed: Namespace, out: Path, photos: list[Path], weights_in: str
) -> None:
    """Write the folder with weights of this type, unless an answer differs."""
    from exporting.folder import write_folder  # imports TensorFlow
    from exporting.verify import compare

    with make_folder_atomically(out) as temporary:
        write_folder(source, typed.to, temporary, weights_in=weights_in, licence=typed.licence)
        if photos:
            comparison = compare(source, temporary, photos, weights_in=weights_in)
            output(str(comparison))
            comparison.check()


if __name__ == "__main__":
    run_script(main)
