"""The outline of predict.py after its command line: photos, predictor, writers."""

import sys
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

from data.alt_text.copies import CaptionedCopies
from pipeline.classifier.prediction import make_class_predictor
from pipeline.cluster_prediction import ClusterRun, predict_on_cluster
from pipeline.photo_selection import SelectedPhotos
from pipeline.prediction import (
    Predictor,
    caption_photos,
    make_caption_predictor,
    predict_here,
    random_test_photos,
    warn_of_photographs,
)
from pipeline.prediction_writers import PlotWriter, PredictionWriters
from pipeline.saved_calibration import read_run_calibration
from pipeline.shards import select_shard
from utils import runs
from utils.addresses import is_address
from utils.captions_file import CAPTION_COLUMNS, DOUBTFUL_COLUMNS, CaptionsFile, class_columns
from utils.command_line import option_name
from utils.device import use_device
from utils.errors import UserError
from utils.exports import is_export
from utils.files import check_writable
from utils.hugging_face import describe
from utils.plots.figure import has_screen
from utils.quiet import import_tensorflow
from utils.terminal import note, say

MOST_WINDOWS = 10  # of more photos none is shown in a window


def predict_photos(
    typed: Namespace,
    search: dict[str, Any],
    run: Path,
    saved: dict[str, Any],
    selected: SelectedPhotos,
) -> int:
    """Predict and write everywhere; return the exit status.

    TensorFlow is loaded if there is a photo to caption, after everything else was checked. If no
    photo is selected, random test photos are.
    """
    captions_file = read_captions_file(typed, saved)
    if typed.shard is not None:
        selected = select_shard(selected, typed.shard)
    copies = prepare_copies(typed, selected, saved)
    if typed.plot:
        check_writable(Path(typed.plot))

    device = search.pop("device", "auto")
    remark = describe_scores(typed, search, saved, run)
    predictor = make_predictor(typed, search, saved, run)
    is_random = not typed.photos
    if is_random:
        if not typed.ray:
            load(predictor, run, device)  # fails before a dataset is made or read
        selected = random_test_photos(run, saved, typed.number, typed.seed)
    else:
        warn_of_photographs(selected.paths, saved)

    plots = prepare_plots(typed, predictor, selected)
    writers = PredictionWriters(predictor, selected, captions_file, copies, plots)
    remaining = writers.find_remaining()
    if remaining and typed.ray:
        make = partial(make_predictor, typed, search, saved)
        place = ClusterRun(run, typed.run if is_address(typed.run) else None)
        results = predict_on_cluster(typed.ray, make, place, remaining, device)
    else:
        if remaining and not is_random:
            load(predictor, run, device)  # fails before the captions file is made
        results = predict_here(predictor, remaining)
    if remaining and remark:
        note(remark)
    with writers.open():
        for photo, prediction in caption_photos(results, len(remaining), writers.skip):
            writers.write(photo, prediction)
        if captions_file is not None and typed.keep_order:
            captions_file.sort(selected.paths)
        elif captions_file is not None and typed.sort == "doubt":
            captions_file.sort_by(predictor.rank_doubt)
        return writers.report()


def load(predictor: Predictor, run: Path, device: str) -> None:
    """Load the networks, and TensorFlow unless the run was exported."""
    if not is_export(run):
        import_tensorflow()
        use_device(device)
    predictor.load_encoder()


def read_captions_file(typed: Namespace, saved: dict[str, Any]) -> CaptionsFile | None:
    """Read and check the file of `--out`."""
    if not typed.out:
        return None
    if runs.is_classifier(saved):
        return CaptionsFile(Path(typed.out), class_columns(len(saved["classes"])))
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
        if is_address(name):
            raise UserError(
                f"--write-metadata copies photos that are on a disk, and {name} is an address; "
                "omit it, or download the photos first"
            )
        if Path(name).is_dir() and folder.resolve().is_relative_to(Path(name).resolve()):
            raise UserError(
                f"--write-metadata {folder} is among the photos of {Path(name)}; "
                "choose a folder outside of it"
            )
    return CaptionedCopies(folder, selected.copy_names, saved.get("language"))


def make_predictor(
    typed: Namespace, search: dict[str, Any], saved: dict[str, Any], run: Path
) -> Predictor:
    """Return the predictor of the run's captioner or classifier; neither is loaded yet."""
    if runs.is_classifier(saved):
        return make_class_predictor(run)
    settings = search | {"seed": typed.seed}
    engine = settings.pop("engine", "auto")
    calibration = read_run_calibration(run)
    return make_caption_predictor(
        run,
        settings,
        weights=typed.weights,
        engine=engine,
        minimum_score=typed.minimum_score or 0.0,
        calibration=calibration,
    )


def describe_scores(
    typed: Namespace, search: dict[str, Any], saved: dict[str, Any], run: Path
) -> str | None:
    """Return what somebody should know who relies on scores; None if there is nothing.

    `search` are the typed settings of the search.
    """
    if runs.is_classifier(saved):
        return None
    calibration = read_run_calibration(run)
    if calibration is None:
        if typed.minimum_score is None:
            return None
        return (
            f"{describe(run)} has no calibration: --minimum-score compares the mean probability of "
            "a caption's words, and not a share of captions"
        )
    changes = calibration.list_changes(search)
    if not changes:
        return None
    options = ", ".join(map(option_name, changes))
    return f"scores were calibrated without {options}: with it they may be too high or too low"


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
