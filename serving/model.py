"""The run behind the server: reads photos as predict.py does, and predicts as it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data.photos.images import read_photo, read_size
from pipeline.classifier.prediction import ClassPredictor, make_class_predictor
from pipeline.prediction import DRAWN_SCENES_ONLY, CaptionPredictor, make_caption_predictor
from pipeline.saved_calibration import read_run_calibration
from utils import runs
from utils.device import use_device
from utils.exports import is_export
from utils.hugging_face import describe
from utils.quiet import import_tensorflow
from utils.terminal import warn

SHOWN_CLASSES = 5
_DIGITS = 4  # of a score, as in the files of predict.py


@dataclass(frozen=True)
class ReadPhoto:
    """A photo that could be read, at the network's size."""

    pixels: np.ndarray  # (S, S, 3) uint8
    size: tuple[int, int]  # height and width of the photo itself


@dataclass(frozen=True)
class CaptionAnswer:
    """The caption of a photo."""

    text: str
    score: float
    words: list[str]
    maps: np.ndarray  # (T, rows, columns): where the network looked for each word
    candidates: list[tuple[str, float]]


@dataclass(frozen=True)
class ClassAnswer:
    """The classes of a photo with their probabilities, the likeliest first."""

    classes: list[tuple[str, float]]


Answer = CaptionAnswer | ClassAnswer


class Model(Protocol):
    """The part of a run that the server needs."""

    name: str
    is_captioner: bool

    def read(self, photo: bytes) -> ReadPhoto:
        """Read the file of a photo, or raise UnreadablePhoto."""

    def predict(self, photos: Sequence[ReadPhoto], beam: int | None) -> Sequence[Answer]:
        """Answer for photos; a beam of None is the run's own."""


class _Run:
    """The parts that captioners and classifiers share."""

    def __init__(self, name: str, predictor: Any) -> None:
        self.name = name
        self._predictor = predictor
        self._predictor.load_encoder()

    def read(self, photo: bytes) -> ReadPhoto:
        side = self._predictor.image_size
        pixels = read_photo(photo, (side, side), self._predictor.reading)
        return ReadPhoto(pixels, read_size(photo))

    def warm_up(self, batch: int) -> None:
        """Answer for grey photos, so that everything is compiled before the first request."""
        side = self._predictor.image_size
        grey = ReadPhoto(np.full((side, side, 3), 128, np.uint8), (side, side))
        # TensorFlow compiles the first two sizes for themselves, and then for all sizes.
        for number in sorted({1, min(2, batch), min(3, batch), batch}):
            self.predict([grey] * number, None)


class RunCaptioner(_Run):
    """A run that writes captions."""

    is_captioner = True
    _predictor: CaptionPredictor

    def predict(self, photos: Sequence[ReadPhoto], beam: int | None) -> list[CaptionAnswer]:
        search = dict(self._predictor.search)
        if beam is not None:
            search["beam"] = beam
        pixels = [photo.pixels for photo in photos]
        # Attention is laid on the part of the photo that the network sees. Only its size matters.
        originals = [np.broadcast_to(np.uint8(0), (*photo.size, 3)) for photo in photos]
        captions = self._predictor.captioner(pixels, originals=originals, **search)
        return [self._make_answer(caption) for caption in captions]

    def _make_answer(self, caption: Any) -> CaptionAnswer:
        return CaptionAnswer(
            text=caption.text,
            score=self._convert(caption.score),
            words=caption.words,
            maps=caption.attention.reshape(len(caption.words), *caption.grid),
            candidates=[(text, self._convert(score)) for text, score in caption.candidates],
        )

    def _convert(self, score: float) -> float:
        """Return a score as predict.py writes it: calibrated if the run has a calibration."""
        calibration = self._predictor.calibration
        if calibration is not None:
            score = calibration.convert(score)
        return round(score, _DIGITS)


class RunClassifier(_Run):
    """A run that predicts classes."""

    is_captioner = False
    _predictor: ClassPredictor

    def predict(self, photos: Sequence[ReadPhoto], beam: int | None) -> list[ClassAnswer]:
        predictions = self._predictor.predict([photo.pixels for photo in photos], [])
        return [ClassAnswer(prediction.likeliest(SHOWN_CLASSES)) for prediction in predictions]


def load_model(
    run: Path,
    saved: dict[str, Any],
    search: dict[str, Any],
    *,
    weights: str | None,
    batch: int,
    device: str,
    engine: str,
) -> Model:
    """Load a run and warm it up.

    `search` are the settings of captions that replace the run's own.
    """
    if saved.get("scenes", False):
        warn(DRAWN_SCENES_ONLY)
    if not is_export(run):
        import_tensorflow()
        use_device(device)
    name = Path(describe(run)).resolve().name
    if runs.is_classifier(saved):
        model = RunClassifier(name, make_class_predictor(run))
    else:
        calibration = read_run_calibration(run)
        predictor = make_caption_predictor(
            run, search, weights=weights, engine=engine, calibration=calibration
        )
        model = RunCaptioner(name, predictor)
    model.warm_up(batch)
    return model
