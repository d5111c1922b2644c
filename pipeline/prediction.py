"""Captions for photos: which photos, and the predictor that `predict.py` and `demo.py` ask.

`pipeline/prediction_writers.py` writes what it predicts.
"""

import filecmp
import itertools
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from config import Settings
from data.photos.images import UnreadablePhoto, read_photo
from data.photos.reading import Reading
from data.text.loading import load_tokenizer
from data.text.tokenizer import Tokenizer
from pipeline import dataset as caption_dataset
from pipeline.classifier import dataset as class_dataset
from pipeline.photo_selection import SelectedPhotos
from utils import runs
from utils.addresses import RemotePhoto
from utils.calibration import Calibration
from utils.captions_file import is_mended
from utils.errors import UserError
from utils.exports import is_export
from utils.hugging_face import describe, is_hugging_face
from utils.plots.attention import draw_attention
from utils.progress import progress
from utils.terminal import say, warn

BATCH = 32  # photos read and captioned together
_READERS = 2  # photos read at once: decoding takes the processor
_REMOTE_READERS = 16  # photos read at once from addresses: a server takes its time to answer
DRAWN_SCENES_ONLY = (
    "this run was trained on drawn scenes only; its captions of photographs make no sense"
)


# Which photos


def random_test_photos(run: Path, saved: dict[str, Any], number: int, seed: int) -> SelectedPhotos:
    """Return random photos of the run's test split (val if it has none) with their captions."""
    if saved["dataset"] is None:
        raise UserError(
            f"{describe(run)} has no photos of its own; name photos on the command line"
        )
    dataset = _read_dataset(saved)
    splits = runs.read_splits(run)
    if not splits["test"]:
        say("the dataset has no test split; these are photos of val")
    names = set(splits["test"] or splits["val"])
    references = {}
    for example in dataset.examples:
        name = os.path.relpath(example.photo, dataset.folder).replace(os.sep, "/")
        if name in names:
            references[example.photo] = example.captions
    if not references:
        raise UserError(
            f"the test photos of {run} are no longer in {dataset.folder}; "
            "name photos on the command line"
        )
    chosen = random.Random(seed).sample(sorted(references), min(number, len(references)))
    return SelectedPhotos(chosen, references={photo: references[photo] for photo in chosen})


def _read_dataset(saved: dict[str, Any]) -> Any:
    path = Path(saved["dataset"])
    if runs.is_classifier(saved):
        return class_dataset.read_class_source(path)
    return caption_dataset.read_source(path, Settings.from_config(saved).data)


def is_drawn_scene(
    photo: Path | RemotePhoto, saved: dict[str, Any], name: str | None = None
) -> bool:
    """Return whether a photo is a drawn scene.

    It is one in the run's own dataset, a copy of one of these (`name` is the photo's name there,
    if the copy has another), or in another folder of scenes. Of a photo at an address, only name
    and size are compared, without a request.
    """
    if saved["dataset"] is None:  # of an exported run
        return isinstance(photo, Path) and _lies_among_scenes(photo)
    dataset = Path(saved["dataset"]).resolve()
    if dataset.suffix in (".csv", ".tsv"):
        dataset = dataset.parent
    original = dataset / "photos" / Path(name or photo.name).name
    if isinstance(photo, RemotePhoto):
        return original.is_file() and original.stat().st_size == photo.file.size
    if photo.resolve().is_relative_to(dataset):
        return True
    if photo.is_file() and original.is_file() and filecmp.cmp(photo, original, shallow=False):
        return True
    return _lies_among_scenes(photo)


def _lies_among_scenes(photo: Path) -> bool:
    folders = (photo.parent, photo.parent.parent)
    return any((folder / "facts.json").is_file() for folder in folders)


def warn_of_photographs(photos: Iterable[Path | RemotePhoto], saved: dict[str, Any]) -> None:
    """Warn if a run that has seen drawn scenes alone is given anything else."""
    if saved.get("scenes", False) and not all(is_drawn_scene(photo, saved) for photo in photos):
        warn(DRAWN_SCENES_ONLY)


# What is predicted

# Each photo with its prediction, or with the error of reading it.
Results = Iterator[tuple[Path | RemotePhoto, Any | UnreadablePhoto]]


class Predictor(Protocol):
    """A captioner or classifier, and how its predictions are shown and saved."""

    image_size: int
    reading: Reading
    is_calibrated: bool  # whether scores are shares of captions that people accept

    def load(self) -> None:
        """Load the network, but not an encoder of its own."""

    def load_encoder(self) -> None:
        """Load what the first photo needs; raise an error if that is impossible."""

    def predict(self, pictures: Sequence[Any], photos: Sequence[Path | RemotePhoto]) -> list[Any]:
        """Return a prediction for each picture (S, S, 3) uint8; `photos` are their files."""

    def is_doubtful(self, prediction: Any) -> bool:
        """Return whether the score is below `--minimum-score`."""

    def format_line(self, prediction: Any, references: Sequence[str]) -> str:
        """Return the prediction as text for the terminal, with the references below."""

    def make_record(self, prediction: Any) -> dict[str, str | float]:
        """Return the values of a captions file's columns, all but the path and the mark."""

    def describe_mismatches(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        """Return a line for each way in which saved rows are not as they would be made now."""

    def caption_to_copy(self, row: Mapping[str, Any]) -> str:
        """Return the caption of a saved row if it may go into a copy, "" if not."""

    def rank_doubt(self, row: Mapping[str, Any]) -> tuple[bool, float]:
        """Return the key by which `--sort doubt` orders saved rows, the most doubtful first."""

    def draw(
        self, photo: Path | RemotePhoto | np.ndarray, prediction: Any, references: Sequence[str]
    ) -> Any:
        """Return a figure of the prediction beside the photo."""


@dataclass(frozen=True)
class CaptionPredictor:
    """Captions, written by a captioner with these settings of its search.

    `load_captioner` is called when a captioner is first needed: saved captions need none, and
    TensorFlow takes seconds to load.
    """

    load_captioner: Callable[[], Any]
    search: dict[str, Any]
    minimum_score: float = 0.0
    tokenizer: Tokenizer | None = None  # counts the words of saved captions; None: the captioner's
    calibration: Calibration | None = None

    @cached_property
    def captioner(self) -> Any:
        return self.load_captioner()

    def load(self) -> None:
        _ = self.captioner

    @property
    def image_size(self) -> int:
        return self.captioner.image_size

    @property
    def reading(self) -> Reading:
        return self.captioner.reading

    def load_encoder(self) -> None:
        self.captioner.warm_up()

    def predict(self, pictures: Sequence[Any], photos: Sequence[Path | RemotePhoto]) -> list[Any]:
        return self.captioner(pictures, originals=photos, **self.search)

    @property
    def is_calibrated(self) -> bool:
        return self.calibration is not None

    def _score(self, prediction: Any) -> float:
        """Return the score that is written: the calibrated one if the run has a calibration."""
        if self.calibration is None:
            return prediction.score
        return self.calibration(prediction)

    def is_doubtful(self, prediction: Any) -> bool:
        return round(self._score(prediction), 4) < self.minimum_score  # rounded as in the file

    def format_line(self, prediction: Any, references: Sequence[str]) -> str:
        score = f"{self._score(prediction):.2f}"
        if self.is_doubtful(prediction):
            score += ", doubtful"
        return f"{prediction.text}  ({score})" + format_references(references)

    def make_record(self, prediction: Any) -> dict[str, str | float]:
        """Return caption and score; a doubtful caption is only in `doubtful`."""
        score = self._score(prediction)
        if self.is_doubtful(prediction):
            return {"caption": "", "doubtful": prediction.text, "score": score}
        return {"caption": prediction.text, "doubtful": "", "score": score}

    def describe_mismatches(self, rows: Iterable[Mapping[str, Any]]) -> list[str]:
        captioned = [row for row in rows if row["caption"]]
        empty = sum(not row["caption"] for row in rows)
        low = sum(self._is_too_low(row) for row in captioned)
        longest = self.search.get("max_length")
        lines = []
        if empty:
            lines.append(f"{empty} without a caption")
        if low:
            lines.append(
                f"{low} with a score below --minimum-score {self.minimum_score:g}: not copied"
            )
        if longest:
            too_long = sum(self._count_tokens(row["caption"]) > longest for row in captioned)
            if too_long:
                lines.append(f"{too_long} longer than --max-length {longest}")
        return lines

    def _count_tokens(self, caption: str) -> int:
        """Return the number of words, characters or pieces, as `max_length` counts them."""
        tokenizer = self.tokenizer
        if tokenizer is None:
            tokenizer = self.captioner.tokenizer
        return len(tokenizer.encode(caption)) - 2  # start and end

    def caption_to_copy(self, row: Mapping[str, Any]) -> str:
        if self._is_too_low(row):
            return ""
        return str(row["caption"] or "").strip()

    def _is_too_low(self, row: Mapping[str, Any]) -> bool:
        return float(row["score"]) < self.minimum_score and not _is_vouched_for(row)

    def rank_doubt(self, row: Mapping[str, Any]) -> tuple[bool, float]:
        return _is_vouched_for(row), float(row["score"])

    def draw(
        self, photo: Path | RemotePhoto | np.ndarray, prediction: Any, references: Sequence[str]
    ) -> Any:
        """Return the photo with attention laid over it for each word."""
        return draw_attention(
            load_pixels(photo),
            prediction.words,
            prediction.attention,
            grid=prediction.grid,
            title=prediction.text,
            references=list(references),
        )


def _is_vouched_for(row: Mapping[str, Any]) -> bool:
    """Return whether a person wrote a row's caption, beside a doubtful one or in place of one."""
    return bool(row["caption"]) and (bool(row.get("doubtful")) or is_mended(row))


def make_caption_predictor(
    run: Path,
    search: dict[str, Any],
    *,
    weights: str | None = None,
    engine: str = "auto",
    minimum_score: float = 0.0,
    calibration: Calibration | None = None,
) -> CaptionPredictor:
    """Return the predictor of a run's captions, whose captioner is loaded when it is needed.

    Loading raises an error if the network does not allow such a search.
    """

    def load_captioner() -> Any:
        from models.captioner import Captioner

        if not is_export(run):
            from pipeline import features  # imports TensorFlow

            features.suggest_openvino(engine)
        captioner = Captioner.load(run, weights=weights, engine=engine)
        captioner([], **search)  # checks the search settings before any file is written
        return captioner

    tokenizer = None
    if not is_hugging_face(run):
        tokenizer = load_tokenizer(run / "vocabulary.json")
    return CaptionPredictor(load_captioner, search, minimum_score, tokenizer, calibration)


def caption_photos(
    results: Results, number: int, skip: Callable[[Path | RemotePhoto, UnreadablePhoto], None]
) -> Iterator[tuple[Path | RemotePhoto, Any]]:
    """Yield each photo with its prediction; call `skip` with those that cannot be read.

    `number` is how many photos there are.
    """
    if number > BATCH:  # fewer are one batch, whose progress is not seen
        results = progress(results, number, "photos")
    for photo, prediction in results:
        if isinstance(prediction, UnreadablePhoto):
            skip(photo, prediction)
        else:
            yield photo, prediction


def predict_here(predictor: Predictor, photos: Sequence[Path | RemotePhoto]) -> Results:
    """Yield each photo with its prediction, or with the error of reading it."""
    if not photos:
        return  # no network is needed
    for batch, pictures in _read_batches(predictor, photos):
        readable, sources = [], []
        for photo, picture in zip(batch, pictures, strict=True):
            if not isinstance(picture, UnreadablePhoto):
                readable.append(picture)
                sources.append(photo)
        predictions = iter(predictor.predict(readable, sources))
        for photo, picture in zip(batch, pictures, strict=True):
            if isinstance(picture, UnreadablePhoto):
                yield photo, picture
            else:
                yield photo, next(predictions)


def _read_batches(
    predictor: Predictor, photos: Sequence[Path | RemotePhoto]
) -> Iterator[tuple[Sequence[Path | RemotePhoto], list[np.ndarray | UnreadablePhoto]]]:
    """Yield photos in batches, with their pictures or the errors of reading them.

    The next batch is read while this one is captioned.
    """
    size = (predictor.image_size, predictor.image_size)

    def try_read(photo: Path | RemotePhoto) -> np.ndarray | UnreadablePhoto:
        try:
            return read_photo(photo, size, predictor.reading)
        except UnreadablePhoto as error:
            return error

    batches = [photos[start : start + BATCH] for start in range(0, len(photos), BATCH)]
    is_remote = any(isinstance(photo, RemotePhoto) for photo in photos)
    pool = ThreadPoolExecutor(_REMOTE_READERS if is_remote else _READERS)
    try:
        reading = pool.map(try_read, batches[0])
        for batch, next_batch in itertools.zip_longest(batches, batches[1:], fillvalue=()):
            pictures = list(reading)
            reading = pool.map(try_read, next_batch)
            yield batch, pictures
    finally:
        pool.shutdown(cancel_futures=True)


def format_references(references: Iterable[str]) -> str:
    """Return the true captions or classes as lines below a prediction."""
    return "".join(f"\n    true: {text}" for text in references)


def load_pixels(photo: Path | RemotePhoto | np.ndarray) -> np.ndarray:
    """Return the pixels (H, W, 3) uint8 of a photo given by its file or its pixels."""
    if isinstance(photo, np.ndarray):
        return photo
    return read_photo(photo)
