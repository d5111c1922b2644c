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
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import config
from config import Settings
from data.alt_text.copies import CaptionedCopies
from pipeline.classifier.prediction import class_columns, load_classifier
from pipeline.prediction import (
    Predictor,
    SelectedPhotos,
    caption_photos,
    load_captioner,
    random_test_photos,
    select_photos,
    warn_of_photographs,
)
from pipeline.prediction_writers import PlotWriter, PredictionWriters
from pipeline.saved import read_saved_config
from pipeline.settings import check_belongs
from utils import command_line, runs
from utils.captions_file import CAPTION_COLUMNS, DOUBTFUL_COLUMNS, FORMATS, CaptionsFile
from utils.device import use_device
from utils.errors import UsageError, UserError, run_script
from utils.files import check_writable
from utils.plots.figure import has_screen
from utils.quiet import import_tensorflow
from utils.terminal import say

OWN = (
    "photos", "run", "number", "plot", "out", "minimum_score", "write_metadata", "seed", "weights",
)  # fmt: skip
FOR_CAPTIONS = ("weights", "minimum_score", "write_metadata")
MOST_WINDOWS = 10  # of more photos none is shown in a window


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    parser.add_argument(
        "photos",
        nargs="*",
        metavar="PHOTO|FOLDER",
        help="photos and folders of photos (default: random test photos of the run)",
    )
    parser.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="the run, or hf:FOLDER or hf:OWNER/NAME of Hugging Face (default: the newest)",
    )
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
        "--max-length",
        type=int,
        default=argparse.SUPPRESS,
        metavar="WORDS",
        help="longest caption in words, characters or pieces (default: the run's)",
    )
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
    parser.add_argument(
        "--weights",
        metavar="FILE|hf:FOLDER",
        help="the encoder's weights, if they were moved",
    )
    command_line.add_options(parser, config.Search)
    command_line.add_options(parser, config.Machine, only=config.DEVICE_SETTINGS)
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """Caption the photos; return 1 if one could not be read or copied, all others being done."""
    typed, search = read_command_line()
    run = runs.find_run(typed.run)
    saved = read_saved_config(run)
    if runs.is_classifier(saved):
        reject_caption_options(typed, search)
    # All files are checked here, before TensorFlow takes seconds to load.
    selected = select_photos(typed.photos)
    captions_file = read_captions_file(typed, saved)
    copies = prepare_copies(typed, selected, saved)
    if typed.plot:
        check_writable(Path(typed.plot))

    import_tensorflow()
    use_device(search.pop("device", "auto"))
    predictor = load_predictor(typed, run, search, saved)
    if not selected.paths:
        predictor.load_encoder()  # fails before a dataset is made or read
        selected = random_test_photos(run, saved, typed.number, typed.seed)
    else:
        warn_of_photographs(selected.paths, saved)

    plots = prepare_plots(typed, predictor, selected)
    writers = PredictionWriters(predictor, selected, captions_file, copies, plots)
    remaining = writers.find_remaining()
    if remaining:
        predictor.load_encoder()  # fails before the captions file is made
    with writers.open():
        for photo, prediction in caption_photos(predictor, remaining, writers.skip):
            writers.write(photo, prediction)
        return writers.report()


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
    if typed.minimum_score is not None and not 0 <= typed.minimum_score <= 1:
        raise UsageError(f"--minimum-score must be from 0 to 1 (got {typed.minimum_score})")
    if typed.write_metadata is not None and not typed.photos:
        raise UsageError("--write-metadata needs photos or folders on the command line")
    return typed, search


def reject_caption_options(typed: Namespace, search: dict[str, Any]) -> None:
    """Raise an error if options of captions were typed for a classifier."""
    given = dict(search)
    for name in FOR_CAPTIONS:
        if getattr(typed, name) is not None:
            given[name] = getattr(typed, name)
    check_belongs("classifier", given)


def read_captions_file(typed: Namespace, saved: dict[str, Any]) -> CaptionsFile | None:
    """Read and check the file of `--out`."""
    if not typed.out:
        return None
    if runs.is_classifier(saved):
        return CaptionsFile(Path(typed.out), class_columns(saved["classes"]))
    if typed.minimum_score is None:
        return CaptionsFile(Path(typed.out), CAPTION_COLUMNS, DOUBTFUL_COLUMNS)
    captions_file = CaptionsFile(Path(typed.out), DOUBTFUL_COLUMNS, CAPTION_COLUMNS)
    if captions_file.columns == CAPTION_COLUMNS:
        say(f"{typed.out} has no column `doubtful`: doubtful captions are shown, and empty there")
    return captions_file


def prepare_copies(
    typed: Namespace, selected: SelectedPhotos, saved: dict[str, Any]
) -> CaptionedCopies | None:
    """Check the folder of `--write-metadata`: among the photos, copies would be photos too."""
    if not typed.write_metadata:
        return None
    folder = Path(typed.write_metadata)
    for name in typed.photos:
        if Path(name).is_dir() and folder.resolve().is_relative_to(Path(name).resolve()):
            raise UserError(
                f"--write-metadata {folder} is among the photos of {Path(name)}; "
                "choose a folder outside of it"
            )
    return CaptionedCopies(folder, selected.copy_names, saved.get("language"))


def load_predictor(
    typed: Namespace, run: Path, search: dict[str, Any], saved: dict[str, Any]
) -> Predictor:
    """Load the run's captioner or classifier."""
    if runs.is_classifier(saved):
        return load_classifier(run)
    engine = search.pop("engine", "auto")
    return load_captioner(
        run,
        typed.weights,
        engine,
        search | {"seed": typed.seed},
        minimum_score=typed.minimum_score or 0.0,
    )


def prepare_plots(
    typed: Namespace, predictor: Predictor, selected: SelectedPhotos
) -> PlotWriter | None:
    """Return the plots of `--plot`; without any output to files, windows if there is a screen."""
    if typed.plot:
        return PlotWriter(predictor, selected, Path(typed.plot))
    if typed.out or typed.write_metadata or len(selected.paths) > MOST_WINDOWS:
        return None
    if sys.stdout.isatty() and has_screen():
        return PlotWriter(predictor, selected, None)
    return None


if __name__ == "__main__":
    run_script(main)
