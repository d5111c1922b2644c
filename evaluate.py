"""Score a run on a split with the field's metrics; a classifier by its accuracy.

python evaluate.py                               the newest run on val
python evaluate.py --run NAME --split test --beam 5 --json scores.json
python evaluate.py --report                      three beams, novelty, best and worst photos
python evaluate.py --clip hf:openai/clip-vit-base-patch32     also CLIPScore
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
from pathlib import Path
from typing import Any

import config
from config import Settings
from data.objects.files import check_objects
from pipeline.dataset_places import check_exists, find_class_folders, find_dataset
from pipeline.saved import read_saved_config
from pipeline.settings import check_belongs, check_data_names
from utils import hugging_face, runs
from utils.command_line import (
    add_options,
    add_runs_option,
    add_screen_options,
    make_parser,
    parse_typed,
)
from utils.errors import UserError, run_script
from utils.exports import reject_export
from utils.fetching import is_fetched
from utils.files import check_writable, write_json
from utils.metrics.java import describe_java_needs
from utils.places import find_places
from utils.quiet import import_tensorflow
from utils.terminal import output, say


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = make_parser(__doc__)
    parser.epilog = describe_java_needs()
    parser.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="run to score, or s3://BUCKET/RUN, hf:FOLDER, hf:OWNER/NAME (default: the newest)",
    )
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        default="val",
        help="photos to score; val is what some datasets call dev (default val)",
    )
    parser.add_argument(
        "--clip",
        metavar="hf:OWNER/NAME|hf:FOLDER",
        help="also CLIPScore and RefCLIPScore by this CLIP model (default: none)",
    )
    parser.add_argument(
        "--objects",
        metavar="FILE|references",
        help="what photos show, for CHAIR (default: the dataset's instances_*.json or `objects`)",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the scores there, as fractions")
    parser.add_argument(
        "--report",
        action="store_true",
        help="also a longer report and pictures in the run's results/, and its page",
    )
    parser.add_argument(
        "--weights", metavar="FILE|hf:FOLDER", help="the encoder's weights, if they were moved"
    )
    add_runs_option(parser)
    own = dict.fromkeys(config.SETTING_NAMES, "the run's own")
    names = ("dataset", "format", "language", "outside_photos")
    add_options(parser, config.Data, only=names, defaults=own)
    add_options(parser, config.Vision, only=("cache",), defaults=own)
    add_options(parser, config.Search, defaults=own)
    add_options(parser, config.Machine, only=config.DEVICE_SETTINGS)
    add_screen_options(parser)
    return parser


def main() -> int:
    """Score, print the table, write the JSON and the report."""
    typed = parse_typed(make_options())
    name, root, split, weights = (typed.pop(each) for each in ("run", "runs", "split", "weights"))
    file, is_report, clip = (typed.pop(each) for each in ("json", "report", "clip"))
    objects = typed.pop("objects")
    Settings.from_flat(typed)  # rejects wrong values
    check_data_names(typed)
    run = runs.find_trained_run(name, find_places(root).runs)
    reject_export(run, "evaluate.py")
    saved = read_saved_config(run)
    check_request(
        run,
        saved,
        typed,
        others={"weights": weights, "clip": clip, "objects": objects},
        file=file,
        is_report=is_report,
    )
    clip_folder = None if clip is None else find_clip(clip)
    import_tensorflow()
    # These import TensorFlow, which takes seconds: wrong options are rejected before.
    from pipeline import evaluation, features
    from pipeline.classifier.evaluation import load_class_evaluation
    from reports.evaluation import report_captions, report_classes
    from reports.scores import format_class_scores, format_scores
    from utils.device import use_device

    use_device(typed.get("device", "auto"))
    if runs.is_classifier(saved):
        result = load_class_evaluation(run, saved, split, **typed)
        output(format_class_scores(result))
    else:
        features.suggest_openvino(typed.get("engine", "auto"))
        evaluated = evaluation.load_evaluation(
            run, split=split, weights=weights, clip=clip_folder, objects=objects, **typed
        )
        result = evaluation.score(evaluated)
        output(format_scores(result))
    if file:
        write_json(Path(file), result.scores)
    if is_report and runs.is_classifier(saved):
        say(report_classes(run, result))
    elif is_report:
        say(report_captions(run, evaluated, result))
    return 0


def check_request(
    run: Path,
    saved: dict[str, Any],
    typed: dict[str, Any],
    *,
    others: dict[str, str | None],
    file: str | None,
    is_report: bool,
) -> None:
    """Reject what the run cannot do, and files that cannot be read or written.

    `others` are options for captioners alone, which are no settings.
    """
    is_classifier = runs.is_classifier(saved)
    if "dataset" in typed:
        find = find_class_folders if is_classifier else find_dataset
        check_exists(find(typed["dataset"]))
    if is_classifier:
        named = {name: value for name, value in others.items() if value is not None}
        check_belongs("classifier", typed | named)
    elif saved["dataset"] is None and "dataset" not in typed:
        raise UserError(
            f"{hugging_face.describe(run)} has no photos of its own; name the photos to score with "
            "--dataset"
        )
    if others["objects"] is not None:
        check_objects(others["objects"])
    if is_report and hugging_face.is_hugging_face(run):
        raise UserError(
            f"--report is written into a run's folder, and {hugging_face.describe(run)} is none; "
            "omit it"
        )
    if is_report and is_fetched(run):
        raise UserError(
            "--report is written into a run's folder, and this run is at an address; omit it"
        )
    if file:
        check_writable(Path(file).parent)
        if Path(file).is_dir():
            raise UserError(f"--json must be a file (got the folder {file})")
    if is_report:
        check_writable(run if is_classifier else run / "results")


def find_clip(name: str) -> Path:
    """Return the folder of a CLIP model, by its name or path with or without hf:."""
    if not hugging_face.is_hugging_face(name):
        name = f"{hugging_face.PREFIX}{name}"
    if hugging_face.is_missing_folder(name):
        raise UserError(
            f"--clip must be a CLIP model, hf:OWNER/NAME or hf:FOLDER (got {name}, which does not "
            "exist)"
        )
    folder = hugging_face.find_folder(name)
    # It imports TensorFlow, which takes seconds: a wrong name is rejected before.
    from pipeline.clip_scoring import check_folder

    check_folder(folder)
    return folder


if __name__ == "__main__":
    run_script(main)
