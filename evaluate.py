"""Score a run on a split with the field's measures; a classifier by its accuracy.

python evaluate.py                               the newest run on val
python evaluate.py --run NAME --split test --beam 5 --json scores.json
python evaluate.py --report                      more: three beams, lengths, novelty, best and worst photos, pictures
"""

import argparse
from pathlib import Path

import config
import presets
from pipeline.evaluation import scored, subject_of
from reports.scores import format_scores
from utils import command_line, hugging_face, runs
from utils.device import use_device
from utils.errors import UserError, run_script
from utils.files import check_writable, write_json
from utils.quiet import import_tensorflow
from utils.terminal import output, say


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--run", metavar="NAME|DIR", help="the run to score (default: the newest), or hf:FOLDER"
    )
    parser.add_argument(
        "--split",
        choices=("train", "val", "test"),
        default="val",
        help="which photos; val is what some datasets call dev (default val)",
    )
    parser.add_argument("--json", metavar="FILE", help="also write the scores there, as fractions")
    parser.add_argument(
        "--report",
        action="store_true",
        help="also beams 1, 3 and 5, free-running loss, lengths, words, "
        "novelty, best and worst photos; all of it, and result pictures, in the run's results/, and its "
        "page report.html made anew (of a classifier pictures and the page)",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE|hf:FOLDER",
        help="where the encoder's weights are now, if they were moved",
    )
    command_line.add_options(
        parser, config.Data, only=("dataset", "format", "language", "outside_photos")
    )
    command_line.add_options(parser, config.Vision, only=("cache",))
    command_line.add_options(parser, config.Search)
    command_line.add_options(parser, config.Machine, only=config.WHERE)
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """Score, print the table, write the JSON."""
    given = command_line.typed(options())
    name, split, file, more, weights = (
        given.pop(each) for each in ("run", "split", "json", "report", "weights")
    )
    presets.resolve(given, scenes=False)
    run = runs.find(name)
    saved = runs.read_config(run)
    classifier = runs.is_classifier(saved)
    if classifier:
        presets.refuse_foreign("classifier", given | ({"weights": weights} if weights else {}))
    elif saved["dataset"] is None and "dataset" not in given:
        raise UserError(f"{run} has no photos of its own; say by --dataset which to score")
    if more and hugging_face.is_hugging_face(run):
        raise UserError(f"--report is written into a run's folder, and {run} is none; leave it out")
    if file:
        check_writable(Path(file).parent)
        if Path(file).is_dir():
            raise UserError(f"--json wants a file, and {file} is a folder")
    if more:
        check_writable(run if classifier else run / "results")
    import_tensorflow()
    use_device(given.get("device", "auto"))
    if classifier:
        from pipeline.classifier import evaluation as class_report

        class_report.evaluate(
            run, saved, split=split, file=Path(file) if file else None, more=more, **given
        )
        return 0
    from pipeline import features as encoding

    encoding.tell_slower(given.get("engine", "auto"))
    subject = subject_of(run, split=split, weights=weights, **given)
    result = scored(subject)
    output(format_scores(result))
    if file:
        write_json(Path(file), result.scores)
    if more:
        from reports.analysis import format_analysis, write_analysis
        from reports.captioner_page import write_captioner_page
        from reports.pictures import draw_captions

        output(format_analysis(write_analysis(run, subject, result)))
        drawn = draw_captions(run, result, seed=subject.settings.training.seed)
        page = write_captioner_page(run, subject, result)
        say(
            f"\n{len(drawn)} pictures of captions with attention, and report.json: {run / 'results'}\n"
            f"all in one page: {page}"
        )
    return 0


if __name__ == "__main__":
    run_script(main)
