"""The files that demo.py's page shows and offers for download."""

import shutil
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from data.photos.images import save_picture
from ui.web.visit import FORMULA_STARTS, CaptionedPhoto
from utils.captions_file import CaptionsFile, Columns

KEEP_SECONDS = 60  # how long a file is kept; Gradio copies it sooner


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
        """Write the captions of all photos, like predict.py; return the path."""
        file = self._make_folder() / name
        with CaptionsFile(file, columns) as table:
            for photo in photos:
                table.write(_guard_formula(photo.name), photo.row)
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
    return f"./{name}" if name.startswith(FORMULA_STARTS) else name
