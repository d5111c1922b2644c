"""Caption photographs: random ones of the test split, or the files and folders that are named.

    python predict.py                                five random test photos of the newest run
    python predict.py photo.jpg holiday/ --out captions.csv
    python predict.py --run NAME --plot pictures/    also draw where the network looked
"""

import argparse
import csv
import json
import os
import random
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import config
from utils import runs
from utils.device import use_device
from utils.errors import Refusal, WrongArgument, run_script
from utils.progress import say
from utils.quiet import import_tensorflow

AHEAD = 32  # photos captioned together


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = config.parser(__doc__)
    parser.add_argument("photos", nargs="*", metavar="PHOTO|FOLDER", help="photos, and folders of them (default: random "
                                                                          "photos of the run's test split)")
    parser.add_argument("--run", metavar="NAME|DIR", help="the run to caption with (default: the newest)")
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
    parser = options()
    given = vars(parser.parse_args())
    own = {name: given.pop(name) for name in ("photos", "run", "number", "plot", "out", "seed", "weights")}
    config.resolve(given, scenes=False)
    if own["number"] < 1:
        raise WrongArgument(f"--number is at least 1, not {own['number']}")
    if own["out"] and Path(own["out"]).suffix.lower() not in WRITERS:
        raise WrongArgument(f"--out writes .jsonl or .csv, not {own['out']}")
    run = runs.find(own["run"])
    saved = runs.read_config(run)
    photos = list(_named(own["photos"]))  # a wrong name is told before anything is loaded
    import_tensorflow()
    use_device(given.pop("device", "auto"))
    from models.captioner import Captioner

    seed = own["seed"] if own["seed"] is not None else random.randrange(2**31)
    captioner = Captioner.load(run, weights=own["weights"])
    references: dict[Path, tuple[str, ...]] = {}
    if not own["photos"]:
        references = _random_test_photos(run, saved, own["number"], seed)
        photos = list(references)
    elif _drawn(saved) and not all((photo.parent.parent / "facts.json").is_file() for photo in photos):
        print("warning: this run was trained on drawn scenes; of photographs it can say nothing sensible", file=sys.stderr)
    return _caption_all(captioner, photos, references, own, given | {"seed": seed})


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


def _drawn(saved: dict[str, Any]) -> bool:
    """Whether the run was trained on scenes."""
    path = Path(saved["dataset"])
    return ((path if path.is_dir() else path.parent) / "facts.json").is_file() or (saved["encoder"] == "convnet" and (
        path == Path("datasets/scenes")))


def _random_test_photos(run: Path, saved: dict[str, Any], number: int, seed: int) -> dict[Path, tuple[str, ...]]:
    """Random photos of the run's test split (val, where there is none) with their captions."""
    from data import sources

    dataset = sources.read(Path(saved["dataset"]), language=saved["language"])
    splits = json.loads((run / "splits.json").read_text(encoding="utf-8"))
    names = set(splits["test"] or splits["val"])
    folder = dataset.path.parent
    photos = {example.photo: example.captions for example in dataset.examples
              if example.photo.relative_to(folder).as_posix() in names}
    if not photos:
        raise Refusal(f"the test photos of {run} are no longer in {folder}; name photos to caption")
    chosen = random.Random(seed).sample(sorted(photos), min(number, len(photos)))
    return {photo: photos[photo] for photo in chosen}


def _caption_all(captioner: Any, photos: list[Path], references: dict[Path, tuple[str, ...]], own: dict[str, Any],
                 search: dict[str, Any]) -> int:
    """Caption, show, write and draw; photos that cannot be read are named and counted."""
    writer = WRITERS[Path(own["out"]).suffix.lower()](Path(own["out"])) if own["out"] else None
    done = writer.done if writer else set()
    todo = [photo for photo in photos if str(photo) not in done]
    if len(todo) < len(photos):
        say(f"{len(photos) - len(todo)} of {len(photos)} already stand in {own['out']}")
    unreadable = 0
    for start in range(0, len(todo), AHEAD):
        for photo, picture, caption in _captioned(captioner, todo[start : start + AHEAD], search):
            if caption is None:
                print(f"left out: {photo}: {picture}", file=sys.stderr)
                unreadable += 1
                continue
            say(f"{photo}: {caption.text}  ({caption.score:.2f})" + "".join(
                f"\n    true: {text}" for text in references.get(photo, ())))
            if writer:
                writer.write(str(photo), caption.text, caption.score)
            if own["plot"] or (_has_screen() and len(photos) <= 10 and not own["out"]):
                _draw(photo, caption, references.get(photo, ()), own["plot"])
    if unreadable:
        print(f"error: {unreadable} of {len(todo)} photos could not be read", file=sys.stderr)
    return 1 if unreadable else 0


def _captioned(captioner: Any, photos: list[Path], search: dict[str, Any]) -> Iterator[tuple[Path, Any, Any]]:
    """(photo, pixels, caption) for each; for one that cannot be read (photo, reason, None)."""
    from data.images import UnreadablePhoto, read

    pictures: dict[Path, Any] = {}
    for photo in photos:
        try:
            pictures[photo] = read(photo, (captioner.image_size, captioner.image_size))
        except UnreadablePhoto as error:
            pictures[photo] = str(error)
    readable = [photo for photo in photos if not isinstance(pictures[photo], str)]
    captions = dict(zip(readable, captioner([pictures[photo] for photo in readable], **search), strict=True))
    for photo in photos:
        yield photo, pictures[photo], captions.get(photo)


def _has_screen() -> bool:
    """Whether a window can be opened."""
    return sys.stdout.isatty() and (sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")))


def _draw(photo: Path, caption: Any, references: tuple[str, ...], folder: str | None) -> None:
    """The photo with attention laid over it, into a folder or a window."""
    from data.images import read
    from utils.plots import attention_figure, save_figure, show_figure

    figure = attention_figure(read(photo), caption.words, caption.attention, grid=caption.grid, title=caption.text,
                              references=list(references))
    if folder is None:
        show_figure(figure)
    else:
        save_figure(figure, Path(folder) / f"{photo.stem}.png")


class _Lines:
    """Results as JSON lines."""

    def __init__(self, file: Path) -> None:
        """Open to add; a last line that was cut short is removed."""
        self.done: set[str] = set()
        whole = 0
        if file.is_file():
            for line in file.read_bytes().splitlines(keepends=True):
                path = self._path(line)
                if path is None:
                    break
                self.done.add(path)
                whole += len(line)
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", encoding="utf-8", newline="")
        self._file.truncate(whole)
        if whole == 0:
            self._begin()

    def _path(self, line: bytes) -> str | None:
        """The path of a whole line, None of another."""
        try:
            return json.loads(line)["path"] if line.endswith(b"\n") else None
        except (ValueError, KeyError, TypeError):
            return None

    def _begin(self) -> None:
        """Nothing goes before the first line."""

    def write(self, path: str, caption: str, score: float) -> None:
        """Add a result; it is on the disk before the next photo's turn."""
        self._file.write(json.dumps({"path": path, "caption": caption, "score": round(score, 4)}, ensure_ascii=False) + "\n")
        self._file.flush()


class _Table(_Lines):
    """Results as CSV with a header."""

    def _path(self, line: bytes) -> str | None:
        try:
            row = next(csv.reader([line.decode("utf-8-sig")]))
        except (UnicodeDecodeError, csv.Error, StopIteration):
            return None
        return row[0] if len(row) == 3 and line.endswith(b"\n") else None

    def _begin(self) -> None:
        csv.writer(self._file, lineterminator="\n").writerow(["path", "caption", "score"])

    def write(self, path: str, caption: str, score: float) -> None:
        """Add a result; it is on the disk before the next photo's turn."""
        csv.writer(self._file, lineterminator="\n").writerow([path, caption, f"{score:.4f}"])
        self._file.flush()


WRITERS = {".jsonl": _Lines, ".csv": _Table}


if __name__ == "__main__":
    run_script(main)
