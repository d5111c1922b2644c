"""A visit to demo.py's page: the visitor's photos, their captions, and what the visitor typed."""

import io
import unicodedata
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from data.photos.images import read_photo
from data.sources.base import MAX_CAPTION_LENGTH
from ui.answers import Answer
from utils.captions_file import Row, compute_mark, is_mended, make_mark, read_picture_mark
from utils.plots.figure import shrink

THUMBNAIL_PIXELS = 480  # the longer side
# A spreadsheet runs a cell that begins so as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass
class CaptionedPhoto:
    """A visitor's photo with the model's answer; the pixels are kept as JPEG to save memory."""

    name: str  # another one than those of other pictures
    answer: Answer  # its photo has no pixels
    mark: str  # of the photo's file and the model's caption, as predict.py writes it
    jpeg: bytes
    thumbnail: np.ndarray  # (h, w, 3) uint8
    typed: str | None = None  # what the visitor typed in place of the caption
    field_text: str = ""  # in the caption's field when the photo was shown last
    shown_label: str = ""  # below the thumbnail
    downloaded: str = ""  # the caption in the table that was downloaded last

    @classmethod
    def from_answer(cls, answer: Answer, name: str) -> "CaptionedPhoto":
        """Compress the pixels of an answer's photo."""
        pixels = answer.photo.pixels
        jpeg = io.BytesIO()
        Image.fromarray(pixels).save(jpeg, "JPEG", quality=92)
        thumbnail = shrink(pixels, THUMBNAIL_PIXELS)
        photo = cls(name, answer, "", jpeg.getvalue(), thumbnail)
        photo.change_answer(answer)
        return photo

    def change_answer(self, answer: Answer) -> None:
        """Keep another answer of the model; what the visitor typed stays."""
        pixels = answer.photo.pixels
        self.answer = replace(answer, photo=replace(answer.photo, pixels=pixels[:0]))
        self.mark = make_mark(self.source, answer.caption)

    @property
    def source(self) -> Path:
        """Return the photo's file."""
        return self.answer.photo.source

    @property
    def fault(self) -> str | None:
        """Return why what the visitor typed is no caption, or None."""
        return None if self.typed is None else find_fault(self.typed)

    @property
    def caption(self) -> str:
        """Return the visitor's caption if there is a valid one, else the model's."""
        if self.typed is None or self.fault:
            return self.answer.caption
        return tidy(self.typed)

    @property
    def text(self) -> str:
        """Return the text for the caption's field: what was typed, even if it is no caption."""
        return self.answer.caption if self.typed is None else self.typed

    @property
    def is_mended(self) -> bool:
        """Return whether the visitor wrote another caption than the model."""
        return is_mended(self.row)

    @property
    def label(self) -> str:
        """Return the text below the thumbnail."""
        return f"✎ {self.caption}" if self.is_mended else self.caption

    @property
    def was_renamed(self) -> bool:
        """Return whether another photo had this one's name before."""
        return self.name != self.answer.photo.name

    @property
    def picture_mark(self) -> str:
        """Return the mark of the photo's file."""
        return read_picture_mark({"mark": self.mark})

    @property
    def row(self) -> Row:
        """Return the photo's row in a captions file, like predict.py's, without the path."""
        return self.answer.row | {"caption": self.caption, "mark": self.mark}

    def draw(self, word: int | None) -> np.ndarray:
        """Return the pixels (H, W, 3) uint8, with a word's attention if there is a word."""
        pixels = read_photo(self.jpeg)
        if word is None:
            return pixels
        return self.answer.draw_attention(word, pixels)


@dataclass
class Visit:
    """The photos of a visitor. All events of the visitor share it, also while others go on."""

    photos: list[CaptionedPhoto] = field(default_factory=list)
    shown: int = 0  # the number of the photo in view
    is_typing: bool = False  # into the caption's field

    def show(self, number: int) -> CaptionedPhoto:
        """Return the photo with this number, which is in view from now on."""
        self.shown = number
        photo = self.photos[number]
        if photo.typed is not None and not tidy(photo.typed):
            photo.typed = None  # an empty field asks for the model's caption
        photo.field_text = photo.text
        return photo

    def keep(self, number: int, text: str) -> None:
        """Keep the text of the caption's field for a photo, if the visitor typed it."""
        photo = self.photos[number]
        if photo.typed is not None or text != photo.field_text:
            photo.typed = text

    @property
    def mended(self) -> list[CaptionedPhoto]:
        """Return the photos whose captions the visitor mended."""
        return [photo for photo in self.photos if photo.is_mended]

    @property
    def has_unsaved(self) -> bool:
        """Return whether a mended caption is in no table that was downloaded."""
        return any(photo.caption != photo.downloaded for photo in self.mended)

    def add(self, answer: Answer) -> None:
        """Add the photo of an answer, with a number in its name if another picture has the name.

        The table names photos by it: two pictures of one name would share their captions.
        """
        picture = compute_mark(answer.photo.source)
        others = {photo.name for photo in self.photos if photo.picture_mark != picture}
        path = Path(answer.photo.name)
        name = path.name
        number = 2
        while name in others:
            name = f"{path.stem} ({number}){path.suffix}"
            number += 1
        self.photos.append(CaptionedPhoto.from_answer(answer, name))


def tidy(text: str) -> str:
    """Return the text on one line, as training reads it."""
    return unicodedata.normalize("NFC", " ".join(text.split()))


def find_fault(text: str) -> str | None:
    """Return why a text is no caption, or None."""
    caption = tidy(text)
    if not caption:
        return "An empty caption is not kept"
    if caption.startswith(FORMULA_STARTS):
        return f"A caption cannot begin with {caption[0]}: a spreadsheet would run it"
    if len(caption) > MAX_CAPTION_LENGTH:
        return f"A caption has at most {MAX_CAPTION_LENGTH:,} characters (got {len(caption):,})"
    return None
