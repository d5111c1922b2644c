"""Copies of photos with their captions in them, in a folder of their own; the photos are not touched."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from data.alt_text import jpeg_png
from data.alt_text.xmp import CannotAddCaption
from data.photos.images import detect_format
from utils.errors import UserError
from utils.files import check_writable, write_atomically

_SAME = (
    2_000_000_000  # nanoseconds between two times that a memory card's file system takes for one
)


class CaptionedCopies:
    """Copies of JPEG and PNG files under a folder, by the names that the photos are to have there."""

    def __init__(self, folder: Path, names: Mapping[Path, Path], language: str | None) -> None:
        """Nothing is written yet; refused where a copy would come to lie where a photo, or another's copy, does."""
        self.folder = folder
        self._names = names
        self._language = language
        check_writable(folder)
        files = {photo: photo.resolve() for photo in names}
        photos, taken = set(files.values()), {}
        for photo, name in names.items():
            if (folder / name).resolve() in photos:
                raise UserError(
                    f"the copy of {photo} would be {folder / name}, one of the photos; choose another folder"
                )
            other = taken.setdefault(name, photo)
            if files[other] != files[photo]:
                raise UserError(
                    f"the copies of {other} and {photo} would both be {folder / name}; use two commands, with a "
                    "folder each"
                )

    def find_obstacle(self, photo: Path) -> str | None:
        """Why a photo of its kind has no copy; None where it may have one, or is no picture, which reading it tells."""
        found = detect_format(photo)
        return (
            None
            if found in (None, "JPEG", "PNG")
            else f"captions are put into JPEG and PNG files, not into {found}"
        )

    def has_copy(self, photo: Path) -> bool:
        """Whether its copy is there, by the time at which the photo was last changed: a copy keeps that."""
        try:
            there = (self.folder / self._names[photo]).stat().st_mtime_ns
            return abs(there - photo.stat().st_mtime_ns) <= _SAME
        except OSError:
            return False

    def write(self, photo: Path, caption: str) -> str | None:
        """Write the photo's copy, with the caption and the photo's time and rights; where that cannot be, the reason."""
        copy = self.folder / self._names[photo]
        if copy.exists():
            return f"{copy} is another photo's, or of before this one was changed; remove it, or choose another folder"
        try:
            after = jpeg_png.add_caption(photo.read_bytes(), caption, self._language)
        except CannotAddCaption as error:
            return str(error)
        except OSError as error:
            return (error.strerror or str(error)).lower()
        with write_atomically(copy) as temporary:
            temporary.write_bytes(after)
            with suppress(PermissionError):  # of rights, the last of it: not every disk has them
                shutil.copystat(photo, temporary)
        return None
