"""The model behind both screens of demo.py: loads a run in the background and answers for photos.

loader = ModelLoader(run)
loader.start()                                      # loader.progress says how far it is
answer = loader.wait()(open_photo("photo.jpg"), beam=5)
answer.caption, answer.words, answer.draw_attention(0), answer.candidates
"""

import math
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

from config import Settings
from data.photos.images import UnreadablePhoto, read_photo
from pipeline import prediction
from pipeline.classifier.prediction import make_class_predictor
from pipeline.saved import read_saved_config
from utils import runs
from utils.captions_file import SHOWN_CLASSES
from utils.errors import UserError, describe_file_error
from utils.plots.attention import NO_ATTENTION, draw_half_peak_line, is_uniform, overlay_attention
from utils.plots.figure import shrink
from utils.quiet import import_tensorflow

MAXIMUM_BEAM = 20  # the widest beam that the screens offer
SCREEN_PIXELS = 1280  # the longer side of a photo on the screen

# The steps of loading, with their seconds on two cores.
LOADING_STEPS = {
    "Loading TensorFlow": 6.0,
    "Loading the decoder": 1.0,
    "Loading the encoder": 3.0,
    "Warming up": 5.0,
}
# The settings of a search that the screens may change.
SEARCH_SETTINGS = (
    "beam",
    "length_penalty",
    "sample",
    "temperature",
    "top_k",
    "top_p",
    "seed",
)


def read_search_settings(run: Path) -> dict[str, Any]:
    """Return the run's own search settings without loading the model; {} for a classifier."""
    config = read_saved_config(run)
    if runs.is_classifier(config):
        return {}
    return {name: config[name] for name in SEARCH_SETTINGS if name in config}


@dataclass(frozen=True)
class ScreenPhoto:
    """A photo that could be read, with its pixels at the size of the screen."""

    name: str
    source: Path | bytes | np.ndarray
    pixels: np.ndarray  # (H, W, 3) uint8, upright


def open_photo(source: Path | str | bytes | np.ndarray, name: str | None = None) -> ScreenPhoto:
    """Open a photo from its path, the bytes of its file, or its pixels."""
    if isinstance(source, str):
        source = Path(source)
    if not name:
        name = _name_photo(source)
    pixels = source
    if not isinstance(source, np.ndarray):
        try:
            pixels = read_photo(source)
        except UnreadablePhoto as error:
            raise _unreadable_error(name, error) from error
    return ScreenPhoto(name, source, shrink(pixels, SCREEN_PIXELS))


def _name_photo(source: Path | bytes | np.ndarray) -> str:
    if isinstance(source, Path):
        return source.name.encode("utf-8", "backslashreplace").decode()
    return "the photo"


def _unreadable_error(name: str, error: UnreadablePhoto) -> UserError:
    return UserError(f"{name} cannot be read: {error.reason}")


@dataclass(frozen=True)
class Answer:
    """The model's answer for one photo, as both screens show it."""

    photo: ScreenPhoto
    caption: str  # a classifier's likeliest class
    words: list[str]  # empty if there is no attention to show
    # Captions with their scores, or classes with their probabilities; the answer comes first.
    candidates: list[tuple[str, float]]
    note: str | None  # a remark for the user
    prediction: Any
    draw: Callable[..., Any]
    row: dict[str, str | float] = field(default_factory=dict)  # values of a captions file

    @cached_property
    def maps(self) -> np.ndarray:
        """Return the attention (T, rows, columns)."""
        return self.prediction.attention.reshape(len(self.words), *self.prediction.grid)

    def draw_attention(self, word: int, pixels: np.ndarray | None = None) -> np.ndarray:
        """Lay a word's attention over the photo, or over its pixels (H, W, 3) at another size."""
        if pixels is None:
            pixels = self.photo.pixels
        attention = self.maps[word]
        return draw_half_peak_line(overlay_attention(pixels, attention), attention)

    def draw_figure(self) -> Any:
        """Draw photo, caption and all attention maps as one picture, like `predict.py --plot`."""
        return self.draw(self.photo.pixels, self.prediction, ())


class Model:
    """A run's captioner or classifier, which answers for one photo at a time."""

    def __init__(
        self,
        run: Path,
        *,
        weights: str | None = None,
        engine: str = "auto",
        prompt: str | None = None,
    ) -> None:
        """`prompt` is the text with which every caption begins."""
        self.config = read_saved_config(run)
        self.is_captioner = not runs.is_classifier(self.config)
        if self.is_captioner:
            search = {"prompt": prompt}
            self._predictor = prediction.make_caption_predictor(
                run, search, weights=weights, engine=engine
            )
        else:
            self._predictor = make_class_predictor(run)
        self._predictor.load()
        self._lock = Lock()

    @property
    def image_size(self) -> int:
        """Return the side of the model's input in pixels."""
        return self._predictor.image_size

    def load_encoder(self) -> None:
        """Load the encoder now; a captioner would load it at its first photo."""
        self._predictor.load_encoder()

    def __call__(self, photo: ScreenPhoto, **search: Any) -> Answer:
        """Answer for a photo; `search` holds values for `SEARCH_SETTINGS`."""
        Settings.from_flat(search)  # rejects unknown settings and bad values
        with self._lock:
            result = self._predict(photo, search)
        if self.is_captioner:
            return self._describe_caption(photo, result)
        return self._describe_classes(photo, result)

    def _predict(self, photo: ScreenPhoto, search: dict[str, Any]) -> Any:
        """Predict from the file and not from the screen's pixels, like predict.py."""
        try:
            if self.is_captioner:
                search = self._predictor.search | search
                return self._predictor.captioner(photo.source, **search)
            return self._predictor.classifier(photo.source)
        except UnreadablePhoto as error:  # the file has changed since it was opened
            raise _unreadable_error(photo.name, error) from error

    def _describe_caption(self, photo: ScreenPhoto, result: Any) -> Answer:
        words = result.words
        notes = []
        if self._is_unfamiliar(photo):
            notes.append(f"{prediction.DRAWN_SCENES_ONLY.capitalize()}.")
        if is_uniform(result.attention):
            words = []
            notes.append(NO_ATTENTION)
        return Answer(
            photo,
            caption=result.text,
            words=words,
            candidates=rank_candidates(result),
            note=" ".join(notes) or None,
            prediction=result,
            draw=self._predictor.draw,
            row=self._predictor.make_record(result),
        )

    def _describe_classes(self, photo: ScreenPhoto, result: Any) -> Answer:
        classes = result.likeliest(SHOWN_CLASSES)
        return Answer(
            photo,
            caption=classes[0][0],
            words=[],
            candidates=classes,
            note=None,
            prediction=result,
            draw=self._predictor.draw,
            row=self._predictor.make_record(result),
        )

    def _is_unfamiliar(self, photo: ScreenPhoto) -> bool:
        """Return whether a run that knows only drawn scenes gets a photograph."""
        if not self.config.get("scenes", False):
            return False
        if not isinstance(photo.source, Path):
            return True
        return not prediction.is_drawn_scene(photo.source, self.config, photo.name)


def rank_candidates(result: Any) -> list[tuple[str, float]]:
    """Return the caption, then the other candidates by score, each text once.

    The caption need not have the highest score: a search may prefer a longer one, and sampling
    returns whatever it sampled.
    """
    best_scores: dict[str, float] = {}
    for text, score in result.candidates:
        best_scores[text] = max(score, best_scores.get(text, score))
    best_scores.pop(result.text, None)
    others = sorted(best_scores.items(), key=lambda candidate: candidate[1], reverse=True)
    return [(result.text, result.score), *others]


@dataclass(frozen=True)
class Progress:
    """The progress of loading."""

    share: float  # 0 to 1; estimated from the time within a step
    text: str


class ModelLoader:
    """Loads a run's model in a thread of its own."""

    def __init__(
        self,
        run: Path,
        *,
        weights: str | None = None,
        engine: str = "auto",
        device: str = "auto",
        prompt: str | None = None,
    ) -> None:
        self._run = run
        self._prompt = prompt
        self._weights = weights
        self._engine = engine
        self._device = device
        self._step = next(iter(LOADING_STEPS))
        self._step_began = time.monotonic()
        self._has_started = False
        self._done = Event()
        self._model: Model | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Start loading."""
        self._has_started = True
        self._step_began = time.monotonic()
        Thread(target=self._load, name="loading", daemon=True).start()

    @property
    def is_loading(self) -> bool:
        """Return whether the thread is at work."""
        return self._has_started and not self.is_done

    @property
    def is_done(self) -> bool:
        """Return whether loading has ended, with a model or with an error."""
        return self._done.is_set()

    @property
    def progress(self) -> Progress:
        """Return how far loading is and what it does now."""
        if self.is_done:
            return Progress(1.0, "Ready")
        step = self._step
        steps = list(LOADING_STEPS)
        seconds_before = sum(LOADING_STEPS[each] for each in steps[: steps.index(step)])
        expected = LOADING_STEPS[step]
        elapsed = time.monotonic() - self._step_began
        # Slower and slower, so that a step that takes longer than expected never seems finished.
        seconds_now = expected * (1 - math.exp(-elapsed / expected))
        return Progress((seconds_before + seconds_now) / sum(LOADING_STEPS.values()), step)

    @property
    def failure(self) -> str | None:
        """Return why loading failed, or None if it has not."""
        return None if self._error is None else explain_error(self._error)

    def wait(self) -> Model:
        """Wait for the model and return it, or raise the error that stopped loading."""
        self._done.wait()
        if self._error is not None:
            raise self._error
        return self._model

    def _load(self) -> None:
        try:
            import_tensorflow()
            # utils.device needs TensorFlow, which only this thread may load: it takes seconds.
            from utils.device import use_device

            use_device(self._device)
            self._begin_step("Loading the decoder")
            model = Model(
                self._run, weights=self._weights, engine=self._engine, prompt=self._prompt
            )
            self._begin_step("Loading the encoder")
            model.load_encoder()
            self._begin_step("Warming up")
            grey = np.full((model.image_size, model.image_size, 3), 128, np.uint8)
            model(open_photo(grey))
            self._model = model
        except Exception as error:  # raised again by `wait`
            self._error = error
        self._done.set()

    def _begin_step(self, step: str) -> None:
        self._step_began = time.monotonic()
        self._step = step


def explain_error(error: Exception) -> str:
    """Return an error as a sentence for the user; print an unexpected one with its traceback."""
    if isinstance(error, UserError):
        return str(error)
    sentence = describe_file_error(error)
    if sentence is None:
        traceback.print_exception(error, file=sys.stderr)
        sentence = f"unexpected error ({type(error).__name__}: {error}); see the terminal for more"
    return sentence
