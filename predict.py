"""Caption photographs: random ones of the test split, or the files and folders that are named.

    python predict.py                                five random test photos of the newest run
    python predict.py photo.jpg holiday/ --out captions.csv
    python predict.py --run NAME --plot pictures/    also draw where the network looked
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

import config
from config import Settings
from utils import runs
from utils.device import use_device
from utils.errors import Refusal, WrongArgument, run_script
from utils.files import picture_names, refuse_unwritable
from utils.progress import say
from utils.quiet import import_tensorflow
from utils.result_files import FORMATS, ResultFile

AHEAD = 32  # photos captioned together
WINDOWS = 10  # at most; of more photos none is shown


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = config.parser(__doc__)
    parser.add_argument("photos", nargs="*", metavar="PHOTO|FOLDER", help="photos, and folders of them (default: random "
                                                                          "photos of the run's test split)")
    parser.add_argument("--run", metavar="NAME|DIR", help="the run to caption with (default: the newest), or hf:FOLDER, a "
                        "VisionEncoderDecoderModel of Hugging Face with ViT and GPT-2")
    parser.add_argument("--number", type=int, default=5, metavar="PHOTOS", help="how many random test photos (default 5)")
    parser.add_argument("--plot", metavar="DIR", help="save each photo with attention laid over it, word by word")
    parser.add_argument("--out", metavar="FILE", help="write path, caption and score there as they come (.jsonl or .csv); "
                                                      "what already stands in it is not done again")
    parser.add_argument("--seed", type=int, default=None, metavar="NUMBER", help="for random photos and for --sample "
                                                                                 "(default: other ones each time)")
    parser.add_argument("--weights", metavar="FILE", help="where the encoder's weights are now, if they were moved")
    config.add_options(parser, config.Search)
    config.add_options(parser, config.Machine)
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
    photos = list(dict.fromkeys(_named(own["photos"])))
    results = ResultFile(Path(own["out"])) if own["out"] else None
    pictures = Path(own["plot"]) if own["plot"] else None
    if pictures:
        refuse_unwritable(pictures)
    import_tensorflow()
    use_device(given.pop("device", "auto"))
    from models.captioner import Captioner

    seed = own["seed"] if own["seed"] is not None else random.randrange(2**31)
    captioner = Captioner.load(run, weights=own["weights"])
    references: dict[Path, tuple[str, ...]] = {}
    if not photos:
        references = _random_test_photos(run, saved, own["number"], seed)
        photos = list(references)
    elif saved.get("scenes", False) and not all(_drawn(photo, saved) for photo in photos):
        print("warning: this run was trained on drawn scenes; of photographs it can say nothing sensible", file=sys.stderr)
    show = _has_screen() and len(photos) <= WINDOWS and not results
    with results or nullcontext():
        return _caption_all(captioner, photos, references, given | {"seed": seed}, results=results, pictures=pictures,
                            show=show)


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


def _drawn(photo: Path, saved: dict[str, Any]) -> bool:
    """Whether a photo is a drawn scene: one of the run's own dataset, or of another folder of scenes."""
    dataset = Path(saved["dataset"]).resolve()
    own = photo.resolve().is_relative_to(dataset.parent if dataset.suffix in (".csv", ".tsv") else dataset)
    return own or any((folder / "facts.json").is_file() for folder in (photo.parent, photo.parent.parent))


def _random_test_photos(run: Path, saved: dict[str, Any], number: int, seed: int) -> dict[Path, tuple[str, ...]]:
    """Random photos of the run's test split (val, where there is none) with their captions."""
    import stages

    if saved["dataset"] is None:
        raise Refusal(f"{run} has no photos of its own; name photos to caption")
    dataset = stages.read_dataset(Path(saved["dataset"]), Settings.of_run(saved).data)
    splits = runs.read_splits(run)
    if not splits["test"]:
        say("the dataset has no test split: photos of val are taken in its place")
    names = set(splits["test"] or splits["val"])
    folder = dataset.folder
    photos = {example.photo: example.captions for example in dataset.examples
              if os.path.relpath(example.photo, folder).replace(os.sep, "/") in names}
    if not photos:
        raise Refusal(f"the test photos of {run} are no longer in {folder}; name photos to caption")
    chosen = random.Random(seed).sample(sorted(photos), min(number, len(photos)))
    return {photo: photos[photo] for photo in chosen}


def _caption_all(captioner: Any, photos: Sequence[Path], references: dict[Path, tuple[str, ...]], search: dict[str, Any], *,
                 results: ResultFile | None, pictures: Path | None, show: bool) -> int:
    """Caption, show, write and draw; photos that cannot be read are named and counted."""
    todo = [photo for photo in photos if results is None or _printable(photo) not in results.done]
    if results and len(todo) < len(photos):
        say(f"{len(photos) - len(todo)} of {len(photos)} already stand in {results.file}")
    names = picture_names(photos)
    unreadable = 0
    for photo, caption in _captioned(captioner, todo, search):
        if isinstance(caption, str):
            print(f"left out: {_printable(photo)}: {caption}", file=sys.stderr)
            unreadable += 1
            continue
        true = references.get(photo, ())
        say(f"{_printable(photo)}: {caption.text}  ({caption.score:.2f})" + "".join(f"\n    true: {text}" for text in true))
        if pictures or show:
            _draw(photo, caption, true, pictures / f"{names[photo]}.png" if pictures else None)
        if results:  # the last, so that a photo which stands in the file has its picture too
            results.write(_printable(photo), caption.text, caption.score)
    if unreadable:
        print(f"error: {unreadable} of {len(todo)} photos could not be read", file=sys.stderr)
    return 1 if unreadable else 0


def _captioned(captioner: Any, photos: Sequence[Path], search: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Each photo with its caption; one that cannot be read with the reason, as text."""
    from data.images import UnreadablePhoto, read

    def pixels(photo: Path) -> Any:
        try:
            return read(photo, (captioner.image_size, captioner.image_size))
        except UnreadablePhoto as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        for start in range(0, len(photos), AHEAD):
            found = list(pool.map(pixels, photos[start : start + AHEAD]))
            captions = iter(captioner([each for each in found if not isinstance(each, str)], **search))
            for photo, each in zip(photos[start : start + AHEAD], found, strict=True):
                yield photo, each if isinstance(each, str) else next(captions)


def _printable(photo: Path) -> str:
    """The photo's path as text that every terminal and file takes: bytes that are no UTF-8 as \\udcNN."""
    return str(photo).encode("utf-8", "backslashreplace").decode()


def _has_screen() -> bool:
    """Whether a window can be opened."""
    return sys.stdout.isatty() and (sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")))


def _draw(photo: Path, caption: Any, references: Sequence[str], file: Path | None) -> None:
    """The photo with attention laid over it, into a file or a window."""
    from data.images import read
    from utils.plots import attention_figure, save_figure, show_figure

    figure = attention_figure(read(photo), caption.words, caption.attention, grid=caption.grid, title=caption.text,
                              references=list(references))
    if file is None:
        show_figure(figure)
    else:
        save_figure(figure, file)


if __name__ == "__main__":
    run_script(main)
