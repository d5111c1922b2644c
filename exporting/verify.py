"""Compare the captions of an exported folder's own client with those of the run."""

import importlib.util
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


class DifferentAnswers(UserError):
    """Some photos got another answer from the export."""


@dataclass(frozen=True)
class Comparison:
    """Photos that got another answer, and the largest difference of the scores of equal ones."""

    photos: int
    different: tuple[Path, ...]
    difference: float

    def __str__(self) -> str:
        equal = self.photos - len(self.different)
        return (
            f"identical: {equal} of {self.photos}; scores differ by at most {self.difference:.1e}"
        )

    def check(self) -> None:
        """Raise an error if an answer differs."""
        if self.different:
            raise DifferentAnswers(
                f"{len(self.different)} of {self.photos} photos got another answer than by the "
                f"run, such as {self.different[0]}"
            )


def compare(source: Source, folder: Path, photos: Sequence[Path]) -> Comparison:
    """Let client.py of the folder and the run answer for the same photos.

    transformers is not installed here: a folder for it is opened as hf:FOLDER is.
    """
    expected = source.answer(photos)
    with hold_standard_error():  # what runtimes print when they start
        client = _load_client(folder) if is_export(folder) else _load_hugging_face(folder, source)
        ask(client, photos[0])
    different, difference = [], 0.0
    for photo, (text, score) in zip(progress(photos, len(photos), "photos"), expected, strict=True):
        got, got_score = ask(client, photo)
        if got != text:
            different.append(photo)
        else:
            difference = max(difference, abs(got_score - score))
    return Comparison(len(photos), tuple(different), difference)


def ask(client: ModuleType | SimpleNamespace, photo: Path) -> tuple[str, float]:
    """Return the client's caption with its score, or the likeliest class with its probability."""
    if hasattr(client, "caption"):
        return client.caption(photo)
    return client.classify(photo)[0]


def _load_hugging_face(folder: Path, source: Source) -> Any:
    captioner = load_run(f"hf:{folder}", weights=None, engine="tensorflow", precision="float32")

    def caption(photo: Path) -> tuple[str, float]:
        found = captioner(photo, **source.changes)
        return found.text, found.score

    return SimpleNamespace(caption=caption)


def _load_client(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_client", folder / "client.py")
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    return client
