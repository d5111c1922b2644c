"""Compare the captions of an exported folder's own client with those of the run."""

import importlib.util
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from exporting.source import Source
from models.trained_captioner import load_run
from utils.errors import UserError
from utils.exports import is_export
from utils.progress import progress
from utils.quiet import hold_standard_error

# The most that scores may differ, by the type of the weights.
TOLERANCE = {"float32": 1e-5, "float16": 1e-3}


class DifferentAnswers(UserError):
    """Some photos got another answer from the export."""


@dataclass(frozen=True)
class Comparison:
    """Photos that got another answer, and the largest difference of the scores of equal ones."""

    weights_in: str
    photos: int
    different: tuple[Path, ...]
    difference: float

    def __str__(self) -> str:
        equal = self.photos - len(self.different)
        result = f"weights in {self.weights_in}: identical: {equal} of {self.photos}"
        if not equal:
            return result
        return f"{result}; scores differ by at most {self.difference:.1e}"

    def check(self) -> None:
        """Raise an error if an answer differs."""
        if self.different:
            raise DifferentAnswers(
                f"{len(self.different)} of {self.photos} photos got another answer than by the "
                f"run, such as {self.different[0]}"
            )
        most = TOLERANCE[self.weights_in]
        if self.difference > most:
            raise DifferentAnswers(
                f"scores must not differ by more than {most:g} (got {self.difference:.1e})"
            )


def compare(source: Source, folder: Path, photos: Sequence[Path], *, weights_in: str) -> Comparison:
    """Let client.py of the folder and the run answer for the same photos.

    transformers is not installed here: a folder for it is opened as hf:FOLDER is.
    """
    expected = source.answer(photos)
    with hold_standard_error():  # what runtimes print when they start
        client = _load_client(folder) if is_export(folder) else _load_hugging_face(folder)
        ask(client, photos[0])
    different, difference = [], 0.0
    for photo, (text, score) in zip(progress(photos, len(photos), "photos"), expected, strict=True):
        got, got_score = ask(client, photo)
        if got != text:
            different.append(photo)
        else:
            difference = max(difference, abs(got_score - score))
    return Comparison(weights_in, len(photos), tuple(different), difference)


def ask(client: ModuleType | SimpleNamespace, photo: Path) -> tuple[str, float]:
    """Return the client's caption with its score, or the likeliest class with its probability."""
    try:
        if hasattr(client, "caption"):
            return client.caption(photo)
        return client.classify(photo)[0]
    except Exception as error:  # of Pillow, or of any runtime
        line = str(error).strip().partition("\n")[0]
        raise UserError(
            f"client.py cannot answer for {photo} ({line}); compare other photos with --photos"
        ) from error


def _load_hugging_face(folder: Path) -> Any:
    captioner = load_run(f"hf:{folder}", weights=None, engine="tensorflow", precision="float32")

    def caption(photo: Path) -> tuple[str, float]:
        found = captioner(photo)
        return found.text, found.score

    return SimpleNamespace(caption=caption)


def _load_client(folder: Path) -> ModuleType:
    """Import client.py, and remove the compiled code that Python leaves in the folder."""
    spec = importlib.util.spec_from_file_location("exported_client", folder / "client.py")
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)
    return client
