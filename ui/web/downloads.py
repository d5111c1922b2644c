"""The files that demo.py's page shows and offers for download."""

import io
import shutil
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from data.photos.images import read_photo, save_picture
from ui.answers import Answer
from utils.captions_file import CaptionsFile, Columns
from utils.plots.figure import shrink

THUMBNAIL_PIXELS = 480  # the longer side
KEEP_SECONDS = 60  # how long a file is kept; Gradio copies it sooner


@dataclass(frozen=True)
class CaptionedPhoto:
    """A visitor's photo with the model's answer; the pixels are kept as JPEG to save memory."""

    answer: Answer  # its photo has no pixels
    jpeg: bytes
    thumbnail: np.ndarray  # (h, w, 3) uint8

    @classmethod
    def from_answer(cls, answer: Answer) -> "CaptionedPhoto":
        """Compress the pixels of an answer's photo."""
        pixels = answer.photo.pixels
        jpeg = io.BytesIO()
        Image.fromarray(pixels).save(jpeg, "JPEG", quality=92)
        photo = replace(answer.photo, pixels=pixels[:0])
        thumbnail = shrink(pixels, THUMBNAIL_PIXELS)
        return cls(replace(answer, photo=photo), jpeg.getvalue(), thumbnail)

    @property
    def name(self) -> str:
        """Return the photo's name."""
        return self.answer.photo.name

    def draw(self, word: int | None) -> np.ndarray:
        """Return the pixels (H, W, 3) uint8, with a word's attention if there is a word."""
        pixels = read_photo(self.jpeg)
        if word is None:
            return pixels
        return self.answer.draw_attention(word, pixels)


class Downloads:
    """Writes files into a folder, each in a folder of its own so that its name is free."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write_picture(self, photo: CaptionedPhoto, word: int | None = None) -> str:
        """Write a photo, with a word's attention if there is a word; return the path."""
        stem = Path(photo.name).stem[:60]
        if word is not None:
            stem = f"{stem}-{photo.answer.words[word]}"
        file = self._make_folder() / f"{stem}.png".replace("/", "-")
        save_picture(photo.draw(word), file)
        return str(file)

    def write_table(self, name: str, columns: Columns, photos: Sequence[CaptionedPhoto]) -> str:
        """Write the answers for all photos, like predict.py; return the path."""
        file = self._make_folder() / name
        with CaptionsFile(file, columns) as table:
            for photo in photos:
                table.write(_guard_formula(photo.name), photo.answer.row)
        return str(file)

    def remove_old(self) -> None:
        """Remove the files that are older than `KEEP_SECONDS`."""
        for folder in self.folder.iterdir():
            if time.time() - folder.stat().st_mtime > KEEP_SECONDS:
                shutil.rmtree(folder)

    def _make_folder(self) -> Path:
        folder = self.folder / uuid.uuid4().hex
        folder.mkdir()
        return folder


def _guard_formula(name: str) -> str:
    """Return a file's name in a form that no spreadsheet runs as a formula."""
    return f"./{name}" if name.startswith(("=", "+", "-", "@", "\t", "\r")) else name
