"""Train a captioner: read captions, extract features once, train on them, score the result. Or
train a classifier.

    python train.py                                  the built-in scenes, or what lies in datasets/
    python train.py --dataset FOLDER --batch 64      your own photos and captions
    python train.py --run NAME --resume              resume a run where it stopped
    python train.py --dataset FOLDER --from NAME     start from the best weights of another run
    python train.py --dataset FOLDER --folds 5       scores of few photos: each one held out once
    python train.py --run NAME --resume --scst       add self-critical training on CIDEr-D
    python train.py --preset vit-gpt2 --dataset FOLDER     another system
    python train.py --preset classifier --dataset FOLDER   a classifier: a folder for each class
    python -m tools.launch --local 4 train.py ...          several workers: doc/scale.md

presets: inception-gru (default), show-attend-tell, inception-resnet-gru, vit-gpt2, classifier;
  of captioners that --from hf:… names: vit-gpt2, blip, git
encoders: inception_v3, resnet101, inception_resnet_v2, efficientnet_v2_s, mobilenet_v3_large,
  vit_b16, clip_vit_b16, siglip_base, dinov2_base, convnet (small, trained here)
weights: imagenet, none (random), a .weights.h5 file, a run that trained its encoder; for
  vit_b16 to dinov2_base also a KerasHub preset or hf:FOLDER
defaults: those of inception-gru; other presets, --from and --resume have their own
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
from pathlib import Path

import config
import presets
from config import Settings
from pipeline.cluster_address import check_address, check_has_features
from pipeline.dataset_places import check_exists
from pipeline.resume import Request, find_start
from pipeline.settings import check_suits_folds, check_suits_workers, choose
from utils import hugging_face, runs
from utils.addresses import reject_address
from utils.command_line import (
    add_options,
    add_runs_option,
    add_screen_options,
    make_parser,
    parse_typed,
)
from utils.commands import format_command
from utils.errors import run_script
from utils.quiet import import_tensorflow
from utils.terminal import note, say, show_errors_alone
from utils.workers import find_worker


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = make_parser(__doc__)
    run = parser.add_argument_group("run")
    run.add_argument(
        "--preset",
        metavar="NAME",
        default=argparse.SUPPRESS,
        help="system to train, one of those above (default inception-gru)",
    )
    run.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="name or folder of the run (default: preset, date and time)",
    )
    run.add_argument(
        "--resume", action="store_true", help="go on exactly where the run's last checkpoint is"
    )
    run.add_argument(
        "--from",
        dest="start",
        metavar="NAME|DIR",
        help="start from the best weights of another run, or of s3://…, hf:FOLDER, hf:OWNER/NAME",
    )
    run.add_argument(
        "--ray",
        metavar="local|auto|HOST:PORT",
        help="extract features on all machines of this Ray cluster; local starts one here",
    )
    run.add_argument(
        "--folds",
        type=int,
        metavar="N",
        help="first score all photos by N decoders, each trained without the photos it scores",
    )
    add_runs_option(run)
    defaults = presets.describe_defaults(Settings().flat())
    for group in config.GROUPS:
        add_options(parser, group, defaults=defaults)
    add_screen_options(parser)
    return parser


def read_command_line() -> Request:
    """Return what was typed."""
    typed = parse_typed(make_options())
    run, resume, start, root = (typed.pop(name) for name in ("run", "resume", "start", "runs"))
    ray, folds = typed.pop("ray"), typed.pop("folds")
    if ray is not None:
        check_address(ray)
    reject_address("--cache", typed.get("cache"), "name a folder that is on one")
    for name in ("weights", "decoder_weights"):
        if hugging_face.is_hugging_face(typed.get(name)):
            typed[name] = str(runs.find_run(typed[name]))  # a full path holds wherever the run goes
    request = Request(typed, run=run, resume=resume, start=start, runs=root, ray=ray, folds=folds)
    if "weights" in typed:
        typed["weights"] = runs.find_weights(typed["weights"], request.root)
    return request


def main() -> int:
    """Train; return 0 when done, and 130 when Ctrl-C stopped it with everything saved."""
    request = read_command_line()
    worker = find_worker()
    if worker.index > 0:
        show_errors_alone()
    start = find_start(request)
    settings = choose(request, start)
    if request.ray is not None:
        check_has_features(settings)
    check_suits_workers(settings, worker)
    if request.folds is not None:
        check_suits_folds(
            settings, request.folds, resume=request.resume, ray=request.ray, worker=worker
        )
    if "dataset" in request.options:
        check_exists(Path(settings.data.dataset))
    if start.is_finished(settings):
        say(f"{start.run} is finished; nothing to do (train longer with --epochs or --patience)")
        return 0
    import_tensorflow()
    # These import TensorFlow, which takes seconds: wrong options are rejected before.
    from pipeline.folds import score_folds
    from pipeline.job import train_captioner, train_classifier
    from reports.reporter import CaptionReporter, ClassReporter, SilentReporter
    from reports.scores import format_folds

    try:
        if settings.preset == "classifier":
            return train_classifier(settings, start, ClassReporter(start.run))
        reporter = SilentReporter()
        if worker.index == 0:
            reporter = CaptionReporter(start.run)
        folds = None
        if request.folds is not None:
            folds = score_folds(settings, start, request.folds)
            say(format_folds(folds))
        return train_captioner(
            settings, start, reporter, ray=request.ray, folds=folds, worker=worker
        )
    except KeyboardInterrupt:
        if worker.index > 0:
            return 130
        if (start.run / "config.json").is_file():
            command = format_command("train.py", "--run", start.run, "--resume")
            note(f"stopped; resume with: {command}")
        else:
            note("stopped before training; repeat the command, and nothing is extracted twice")
        return 130


if __name__ == "__main__":
    run_script(main)
