"""What demo.py shows of a photo, in a window or on a page: a run's model, loaded in the background, and its answers.

loading = Loading(run)                          # loading.progress tells how far it is
shown = loading.model()(opened("photo.jpg"), beam=5)
shown.caption, shown.words, shown.over(0), shown.candidates
"""

import math
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

import presets
from data.photos.images import UnreadablePhoto, read_photo
from pipeline import prediction
from pipeline.classifier.prediction import SHOWN_CLASSES, load_classifier
from utils import runs
from utils.errors import UserError, describe_file_error
from utils.plots.attention import NO_ATTENTION, draw_half_peak_line, is_uniform, overlay_attention
from utils.plots.figure import shrink
from utils.quiet import import_tensorflow

WIDEST = 20  # beams that can be turned to
SCREEN = 1280  # pixels of the longer side of a photo as it is shown
# What is loaded, and the seconds it takes on two cores.
STEPS = {
    "TensorFlow": 6.0,
    "the decoder": 1.0,
    "the encoder": 3.0,
    "a first caption, for practice": 5.0,
}
CONTROLS = (
    "beam",
    "length_penalty",
    "sample",
    "temperature",
    "top_k",
    "top_p",
    "seed",
)  # settings of a search to turn


def controls(run: Path) -> dict[str, Any]:
    """The run's own settings of what there is to turn, known before it is loaded; nothing of a classifier."""
    saved = runs.read_config(run)
    return (
        {}
        if runs.is_classifier(saved)
        else {name: saved[name] for name in CONTROLS if name in saved}
    )


@dataclass(frozen=True)
class Opened:
    """A photo that could be read."""

    name: str
    photo: Path | bytes | np.ndarray
    pixels: np.ndarray  # (H, W, 3) uint8, upright, no larger than the screen wants it


def opened(photo: Path | str | bytes | np.ndarray, name: str | None = None) -> Opened:
    """The photo, by its path, the bytes of its file, or its pixels; refused where it cannot be read. Needs no model."""
    photo = Path(photo) if isinstance(photo, str) else photo
    name = name or (
        photo.name.encode("utf-8", "backslashreplace").decode()
        if isinstance(photo, Path)
        else "the photo"
    )
    try:
        pixels = photo if isinstance(photo, np.ndarray) else read_photo(photo)
    except UnreadablePhoto as error:
        raise UserError(f"{name} cannot be read: {error}") from error
    return Opened(name, photo, shrink(pixels, SCREEN))


@dataclass(frozen=True)
class Shown:
    """What is shown of a photo."""

    opened: Opened
    caption: str  # of a classifier its likeliest class
    words: list[str]  # empty where there is no attention to show
    candidates: list[
        tuple[str, float]
    ]  # captions and their scores, or classes and their probabilities; what is said first
    note: str | None  # a sentence that belongs to it
    answer: Any
    draw: Callable[..., Any]
    record: tuple[str | float, ...] = ()  # what stands of it in a file of results

    @cached_property
    def maps(self) -> np.ndarray:
        """Attention (words, rows, columns)."""
        return self.answer.attention.reshape(len(self.words), *self.answer.grid)

    def over(self, word: int, pixels: np.ndarray | None = None) -> np.ndarray:
        """The photo (H, W, 3) uint8, or its pixels in another size, with the attention of that word laid over it."""
        pixels = self.opened.pixels if pixels is None else pixels
        return draw_half_peak_line(overlay_attention(pixels, self.maps[word]), self.maps[word])

    def figure(self) -> Any:
        """All of it as one picture, as `predict.py --plot` draws it."""
        return self.draw(self.opened.pixels, self.answer, ())


class Model:
    """A run's captioner or classifier, which answers one photo at a time."""

    def __init__(self, run: Path, *, weights: str | None = None, engine: str = "auto") -> None:
        self.saved = runs.read_config(run)
        self.writes = not runs.is_classifier(self.saved)  # captions, and no classes
        self._answers = (
            prediction.load_captioner(run, weights, engine, {})
            if self.writes
            else load_classifier(run)
        )
        self._lock = Lock()

    @property
    def image_size(self) -> int:
        """Pixels a side of what it looks at."""
        return self._answers.image_size

    def load_encoder(self) -> None:
        """Load the encoder, which a captioner does only when it is first asked for."""
        if self.writes:
            _ = self._answers.captioner.encoder

    def __call__(self, photo: Opened, **search: Any) -> Shown:
        """What is shown of a photo; `search` are settings of `CONTROLS`."""
        presets.resolve(search, scenes=False)  # refuses what cannot be
        with self._lock:
            answer = self._ask(photo, search)
        if not self.writes:
            classes = answer.likeliest(SHOWN_CLASSES)
            return Shown(
                photo,
                classes[0][0],
                [],
                classes,
                None,
                answer,
                self._answers.draw,
                self._answers.make_record(answer),
            )
        nowhere = is_uniform(answer.attention)
        notes = [prediction.DRAWN_SCENES_ONLY.capitalize() + "."] if self._is_strange(photo) else []
        notes += [NO_ATTENTION] if nowhere else []
        return Shown(
            photo,
            answer.text,
            [] if nowhere else answer.words,
            _ordered(answer),
            " ".join(notes) or None,
            answer,
            self._answers.draw,
            self._answers.make_record(answer),
        )

    def _ask(self, photo: Opened, search: dict[str, Any]) -> Any:
        """The answer, of the pixels that predict.py reads of the same file."""
        try:
            if self.writes:
                return self._answers.captioner(photo.photo, **search)
            return self._answers.classifier(photo.photo)
        except UnreadablePhoto as error:  # it has changed since it was opened
            raise UserError(f"{photo.name} cannot be read: {error}") from error

    def _is_strange(self, photo: Opened) -> bool:
        """Whether a run that knows drawings alone is asked about a photograph."""
        if not self.saved.get("scenes", False):
            return False
        return not isinstance(photo.photo, Path) or not prediction.is_drawn_scene(
            photo.photo, self.saved, photo.name
        )


def _ordered(answer: Any) -> list[tuple[str, float]]:
    """The caption, then the others by their scores; each once. (A search may prefer a longer one, and a draw is a draw.)"""
    others = dict(
        sorted(answer.candidates, key=lambda candidate: candidate[1])
    )  # of equal ones the best score stays
    others.pop(answer.text, None)
    return [
        (answer.text, answer.score),
        *sorted(others.items(), key=lambda candidate: -candidate[1]),
    ]


@dataclass(frozen=True)
class Progress:
    """How far loading is."""

    share: float  # 0 to 1; within a step it is guessed from the time
    text: str


class Loading:
    """A run's model, loaded by a thread of its own."""

    def __init__(
        self, run: Path, *, weights: str | None = None, engine: str = "auto", device: str = "auto"
    ) -> None:
        self._how = (run, weights, engine, device)
        self._step, self._since = next(iter(STEPS)), time.monotonic()
        self._done = Event()
        self._model: Model | None = None
        self._error: Exception | None = None
        Thread(target=self._load, name="loading", daemon=True).start()

    @property
    def done(self) -> bool:
        """Whether it is at its end, for good or ill."""
        return self._done.is_set()

    @property
    def progress(self) -> Progress:
        """How far it is, and what it is at."""
        if self.done:
            return Progress(1.0, "ready")
        step, seconds = self._step, time.monotonic() - self._since
        before = sum(STEPS[each] for each in list(STEPS)[: list(STEPS).index(step)])
        now = STEPS[step] * (1 - math.exp(-seconds / STEPS[step]))
        return Progress((before + now) / sum(STEPS.values()), f"Loading {step}")

    @property
    def failure(self) -> str | None:
        """Why there will be no model, as a sentence; None while it loads, and where it came."""
        return None if self._error is None else sentence(self._error)

    def model(self) -> Model:
        """The model, once it is there; raises what kept it from coming."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._model

    def _load(self) -> None:
        run, weights, engine, device = self._how
        try:
            import_tensorflow()
            from utils.device import use_device

            use_device(device)
            self._begin("the decoder")
            model = Model(run, weights=weights, engine=engine)
            self._begin("the encoder")
            model.load_encoder()
            self._begin("a first caption, for practice")
            grey = np.full((model.image_size, model.image_size, 3), 128, np.uint8)
            model(Opened("practice", grey, grey))
            self._model = model
        except Exception as error:  # whatever it is, who waits for the model is told
            self._error = error
        self._done.set()

    def _begin(self, step: str) -> None:
        self._since, self._step = time.monotonic(), step


def sentence(error: Exception) -> str:
    """What to tell a person of an error; one that nobody has foreseen also goes to standard error, whole."""
    told = str(error) if isinstance(error, UserError) else describe_file_error(error)
    if told is None:
        traceback.print_exception(error, file=sys.stderr)
        told = f"something went wrong that should not have ({type(error).__name__}: {error}); the terminal says more"
    return told
