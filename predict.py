"""Caption photographs: random ones of the test split, or the files and folders that are named. A classifier names classes.

    python predict.py                                five random test photos of the newest run
    python predict.py photo.jpg holiday/ --out captions.csv
    python predict.py --run NAME --plot pictures/    also draw where the network looked, or how likely classes are
"""

import argparse
import os
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import answering
import config
from answering import Answering
from config import Settings
from utils import runs
from utils.device import use_device
from utils.errors import Refusal, WrongArgument, run_script
from utils.files import picture_names, refuse_unwritable
from utils.progress import say
from utils.quiet import import_tensorflow
from utils.result_files import COLUMNS, FORMATS, ResultFile

AHEAD = 32  # photos asked about together
WINDOWS = 10  # at most; of more photos none is shown


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = config.parser(__doc__)
    parser.add_argument("photos", nargs="*", metavar="PHOTO|FOLDER", help="photos, and folders of them (default: random "
                                                                          "photos of the run's test split)")
    parser.add_argument("--run", metavar="NAME|DIR", help="the run that captions, or names classes (default: the newest); "
                        "or hf:FOLDER, a VisionEncoderDecoderModel of Hugging Face with ViT and GPT-2")
    parser.add_argument("--number", type=int, default=5, metavar="PHOTOS", help="how many random test photos (default 5)")
    parser.add_argument("--plot", metavar="DIR", help="save each photo with attention laid over it, word by word; of a "
                                                      "classifier with its likeliest classes")
    parser.add_argument("--out", metavar="FILE", help="write path, caption and score (of a classifier classes and their "
                                                      "probabilities) there as they come (.jsonl or .csv); what already "
                                                      "stands in it is not done again")
    parser.add_argument("--seed", type=int, default=None, metavar="NUMBER", help="for random photos and for --sample "
                                                                                 "(default: other ones each time)")
    parser.add_argument("--weights", metavar="FILE|hf:FOLDER",
                        help="where the encoder's weights are now, if they were moved")
    config.add_options(parser, config.Search)
    config.add_options(parser, config.Machine, only=config.WHERE)
    return parser


def main() -> int:
    """Caption; 1 where a photo could not be read, all others done."""
    given = vars(options().parse_args())
    own = {name: given.pop(name) for name in ("photos", "run", "number", "plot", "out", "seed", "weights")}
    config.resolve(given, scenes=False)
    if own["number"] < 1:
        raise WrongArgument(f"--number is at least 1, not {own['number']}")
    if own["seed"] is not None:
        config.resolve({"seed": own["seed"]}, scenes=False)
    _check_ending(own["out"])
    # What is wrong with names and files is told before TensorFlow takes its seconds to load.
    run = runs.find(own["run"])
    saved = runs.read_config(run)
    classifier = runs.is_classifier(saved)
    if classifier:
        config.refuse_foreign("classifier", given | ({"weights": own["weights"]} if own["weights"] else {}))
    photos = list(dict.fromkeys(_named(own["photos"])))
    columns = answering.columns(saved["classes"]) if classifier else COLUMNS
    results = ResultFile(Path(own["out"]), columns) if own["out"] else None
    pictures = Path(own["plot"]) if own["plot"] else None
    if pictures:
        refuse_unwritable(pictures)
    import_tensorflow()
    use_device(given.pop("device", "auto"))

    seed = own["seed"] if own["seed"] is not None else random.randrange(2**31)
    answers = answering.naming(run) if classifier else answering.captioning(
        run, own["weights"], given.pop("engine", "auto"), given | {"seed": seed})
    references: dict[Path, tuple[str, ...]] = {}
    if not photos:
        references = _random_test_photos(run, saved, own["number"], seed)
        photos = list(references)
    elif saved.get("scenes", False) and not all(answering.drawn(photo, saved) for photo in photos):
        print(f"warning: {answering.NO_PHOTOGRAPHS}", file=sys.stderr)
    show = _has_screen() and len(photos) <= WINDOWS and not results
    with results or nullcontext():
        return _answer_all(answers, photos, references, results=results, pictures=pictures, show=show)


def _check_ending(name: str | None) -> None:
    """Refuse an `--out` that is of no known format."""
    if name is not None and Path(name).suffix.lower() not in FORMATS:
        raise WrongArgument(f"--out writes {' or '.join(FORMATS)}, not {name}")


def _named(names: Iterable[str]) -> Iterator[Path]:
    """The photos that names of files and folders mean, folders gone through."""
    from data.images import photos_in

    for name in names:
        path = Path(name)
        if not path.exists():
            raise Refusal(f"no photo or folder {name}")
        if path.is_dir():
            found = photos_in(path)
            if not found:
                raise Refusal(f"no photos in {path}")
            yield from found
        else:
            yield path


def _random_test_photos(run: Path, saved: dict[str, Any], number: int, seed: int) -> dict[Path, tuple[str, ...]]:
    """Random photos of the run's test split (val, where there is none) with their captions."""
    import class_stages
    import stages

    if saved["dataset"] is None:
        raise Refusal(f"{run} has no photos of its own; name photos to caption")
    path = Path(saved["dataset"])
    dataset = class_stages.read_dataset(path) if runs.is_classifier(saved) else stages.read_dataset(
        path, Settings.of_run(saved).data)
    splits = runs.read_splits(run)
    if not splits["test"]:
        say("the dataset has no test split: photos of val are taken in its place")
    names = set(splits["test"] or splits["val"])
    folder = dataset.folder
    photos = {example.photo: example.captions for example in dataset.examples
              if os.path.relpath(example.photo, folder).replace(os.sep, "/") in names}
    if not photos:
        raise Refusal(f"the test photos of {run} are no longer in {folder}; name photos to ask about")
    chosen = random.Random(seed).sample(sorted(photos), min(number, len(photos)))
    return {photo: photos[photo] for photo in chosen}


def _answer_all(answers: Answering, photos: Sequence[Path], references: dict[Path, tuple[str, ...]], *,
                results: ResultFile | None, pictures: Path | None, show: bool) -> int:
    """Caption, show, write and draw; photos that cannot be read are named and counted."""
    todo = [photo for photo in photos if results is None or _printable(photo) not in results.done]
    if results and len(todo) < len(photos):
        say(f"{len(photos) - len(todo)} of {len(photos)} already stand in {results.file}")
    names = picture_names(photos)
    unreadable = 0
    for photo, answer in _answered(answers, todo):
        if isinstance(answer, str):
            print(f"left out: {_printable(photo)}: {answer}", file=sys.stderr)
            unreadable += 1
            continue
        true = references.get(photo, ())
        say(f"{_printable(photo)}: {answers.line(answer, true)}")
        if pictures or show:
            _draw(answers.figure(photo, answer, true), pictures / f"{names[photo]}.png" if pictures else None)
        if results:  # the last, so that a photo which stands in the file has its picture too
            results.write(_printable(photo), *answers.record(answer))
    if unreadable:
        print(f"error: {unreadable} of {len(todo)} photos could not be read", file=sys.stderr)
    return 1 if unreadable else 0


def _answered(answers: Answering, photos: Sequence[Path]) -> Iterator[tuple[Path, Any]]:
    """Each photo with its answer; one that cannot be read with the reason, as text."""
    from data.images import UnreadablePhoto, read

    def pixels(photo: Path) -> Any:
        try:
            return read(photo, (answers.image_size, answers.image_size))
        except UnreadablePhoto as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(photos), AHEAD):
            found = list(pool.map(pixels, photos[start : start + AHEAD]))
            told = iter(answers([each for each in found if not isinstance(each, str)]))
            for photo, each in zip(photos[start : start + AHEAD], found, strict=True):
                yield photo, each if isinstance(each, str) else next(told)


def _printable(photo: Path) -> str:
    """The photo's path as text that every terminal and file takes: bytes that are no UTF-8 as \\udcNN."""
    return str(photo).encode("utf-8", "backslashreplace").decode()


def _has_screen() -> bool:
    """Whether a window can be opened."""
    return sys.stdout.isatty() and (sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")))


def _draw(figure: Any, file: Path | None) -> None:
    """A figure into a file or a window."""
    from utils.plots import save_figure, show_figure

    if file is None:
        show_figure(figure)
    else:
        save_figure(figure, file)


if __name__ == "__main__":
    run_script(main)
