"""Which photos predict.py asks about: files and folders that are named, or random ones of the run's test split."""

import filecmp
import os
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from config import Settings
from utils import runs
from utils.captions_file import COLUMNS, Columns
from utils.errors import UserError
from utils.terminal import say


def select_photos(names: Iterable[str]) -> dict[Path, Path]:
    """The photos that names of files and folders mean, folders gone through; of each the name that its copy is to have."""
    from data.photos.images import find_photos

    photos: dict[Path, Path] = {}
    for name in names:
        path = Path(name)
        if not name:
            raise UserError('an empty name names no photo; for all below the current folder: "."')
        if not path.exists():
            raise UserError(f"no photo or folder {name}")
        if path.is_dir():
            found = find_photos(path)
            if not found:
                raise UserError(f"no photos in {path}")
            photos |= {photo: photo.relative_to(path) for photo in found if photo not in photos}
        else:
            photos.setdefault(path, Path(path.name))
    once = {
        os.path.normpath(photo.absolute()): photo for photo in reversed(photos)
    }  # of its spellings the first
    return {
        photo: name
        for photo, name in photos.items()
        if once[os.path.normpath(photo.absolute())] == photo
    }


def is_drawn_scene(photo: Path, saved: dict[str, Any], name: str | None = None) -> bool:
    """Whether a photo is a drawn scene: one of the run's own dataset, a copy of one (by its name there, where the copy has
    another), or of another folder of scenes."""
    dataset = Path(saved["dataset"]).resolve()
    dataset = dataset.parent if dataset.suffix in (".csv", ".tsv") else dataset
    original = dataset / "photos" / Path(name or photo.name).name
    own = photo.resolve().is_relative_to(dataset) or (
        photo.is_file() and original.is_file() and filecmp.cmp(photo, original, shallow=False)
    )
    return own or any(
        (folder / "facts.json").is_file() for folder in (photo.parent, photo.parent.parent)
    )


def random_test_photos(
    run: Path, saved: dict[str, Any], number: int, seed: int
) -> dict[Path, tuple[str, ...]]:
    """Random photos of the run's test split (val, where there is none) with their captions."""
    from pipeline import dataset as stages
    from pipeline.classifier import dataset as class_stages

    if saved["dataset"] is None:
        raise UserError(f"{run} has no photos of its own; name photos to caption")
    path = Path(saved["dataset"])
    dataset = (
        class_stages.read_dataset(path)
        if runs.is_classifier(saved)
        else stages.read_dataset(path, Settings.of_run(saved).data)
    )
    splits = runs.read_splits(run)
    if not splits["test"]:
        say("the dataset has no test split: photos of val are taken in its place")
    names = set(splits["test"] or splits["val"])
    folder = dataset.folder
    photos = {
        example.photo: example.captions
        for example in dataset.examples
        if os.path.relpath(example.photo, folder).replace(os.sep, "/") in names
    }
    if not photos:
        raise UserError(
            f"the test photos of {run} are no longer in {folder}; name photos to ask about"
        )
    chosen = random.Random(seed).sample(sorted(photos), min(number, len(photos)))
    return {photo: photos[photo] for photo in chosen}


DRAWN_SCENES_ONLY = (
    "this run was trained on drawn scenes; of photographs it can say nothing sensible"
)


class Predictor(Protocol):
    """What is asked of photos, and how the answers are told."""

    image_size: int

    def load_encoder(self) -> None:
        """Load what is needed for the first photo; refused where that cannot be."""

    def predict(self, pictures: Sequence[Any]) -> list[Any]:
        """An answer for each picture (S, S, 3) uint8."""

    def format_line(self, answer: Any, true: Sequence[str]) -> str:
        """What is said of a photo, and what is true."""

    def make_record(self, answer: Any, mark: str = "") -> tuple[str | float, ...]:
        """What stands in a file of results, beside the path; `mark` is the picture's."""

    def is_doubtful(self, answer: Any) -> bool:
        """Whether it is told, and not taken for one."""

    def describe_mismatches(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """What is to be said of rows of a file that are not as is asked for now."""

    def caption_to_copy(self, row: Mapping[str, Any]) -> str:
        """The caption of such a row that may be put into a copy, "" for none."""

    def draw(self, photo: Path | np.ndarray, answer: Any, true: Sequence[str]) -> Any:
        """What is drawn of a photo, given by its file or as pixels."""


@dataclass(frozen=True)
class CaptionPredictor:
    """Captions, as a captioner writes them by these settings of its search."""

    captioner: Any
    search: dict[str, Any]
    minimum_score: float = (
        0.0  # a caption with a lower score is doubtful: it is told, and not taken for one
    )
    columns: Columns = COLUMNS  # of the file of results

    @property
    def image_size(self) -> int:
        """Pixels a side."""
        return self.captioner.image_size

    def load_encoder(self) -> None:
        """Load the encoder."""
        _ = self.captioner.encoder

    def predict(self, pictures: Sequence[Any]) -> list[Any]:
        """A caption for each picture."""
        return self.captioner(pictures, **self.search)

    def format_line(self, answer: Any, true: Sequence[str]) -> str:
        """The caption and its score, then the true captions."""
        doubtful = ", doubtful" if self.is_doubtful(answer) else ""
        return f"{answer.text}  ({answer.score:.2f}{doubtful})" + "".join(
            f"\n    true: {text}" for text in true
        )

    def make_record(self, answer: Any, mark: str = "") -> tuple[str | float, ...]:
        """Caption and score; of a doubtful one no caption, and where there is a column for it, what it would have been."""
        texts = ("", answer.text) if self.is_doubtful(answer) else (answer.text, "")
        values = dict(zip(("caption", "doubtful"), texts, strict=True)) | {
            "photo": mark,
            "score": answer.score,
        }
        return tuple(values[name] for name in self.columns[1:])

    def is_doubtful(self, answer: Any) -> bool:
        """Whether its score is too low."""
        return round(answer.score, 4) < self.minimum_score  # as it stands in the file

    def describe_mismatches(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """How many captions have too low a score, or too many words."""
        rows = list(rows)
        empty = sum(not row["caption"] for row in rows)
        told = [f"{empty} without a caption"] * bool(empty)
        rows = [row for row in rows if row["caption"]]
        low = sum(self._too_low(row) for row in rows)
        told += [
            f"{low} with a score below {self.minimum_score:g}, which go into no new copy"
        ] * bool(low)
        most = self.search.get("max_length")
        if most:
            long = sum(self.captioner.count_tokens(row["caption"]) > most for row in rows)
            told += [f"{long} longer than --max-length {most}"] * bool(long)
        return told

    def caption_to_copy(self, row: Mapping[str, Any]) -> str:
        """The caption, if its score is not too low."""
        return "" if self._too_low(row) else str(row["caption"] or "").strip()

    def _too_low(self, row: Mapping[str, Any]) -> bool:
        # One that stands beside what was doubtful was written by somebody.
        return float(row["score"]) < self.minimum_score and not row.get("doubtful")

    def draw(self, photo: Path | np.ndarray, answer: Any, true: Sequence[str]) -> Any:
        """The photo with attention laid over it."""
        from utils.plots.attention import draw_attention

        return draw_attention(
            load_pixels(photo),
            answer.words,
            answer.attention,
            grid=answer.grid,
            title=answer.text,
            references=list(true),
        )


def load_pixels(photo: Path | np.ndarray) -> np.ndarray:
    """The pixels of a photo, or those that were given."""
    from data.photos.images import read_photo

    return photo if isinstance(photo, np.ndarray) else read_photo(photo)


def load_captioner(
    run: Path, weights: str | None, engine: str, search: dict[str, Any], **marking: Any
) -> Predictor:
    """A run's captions; refused where its network cannot search so."""
    from models.captioner import Captioner
    from pipeline import features as encoding

    encoding.tell_slower(engine)
    captioner = Captioner.load(run, weights=weights, engine=engine)
    captioner([], **search)  # of no photos: before a file of results is touched
    return CaptionPredictor(captioner, search, **marking)
