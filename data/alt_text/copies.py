"""Copies of photos with captions in them, in another folder. The photos are not changed."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from data.alt_text import jpeg_png
from data.alt_text.xmp import CannotAddCaption
from data.photos.images import detect_format
from utils.errors import UserError
from utils.files import check_writable, write_atomically

# A memory card's file system stores times in steps of two seconds.
_TIME_STEP = 2_000_000_000  # nanoseconds


class CaptionedCopies:
    """Copies of JPEG and PNG files in a folder; `names` maps photos to their paths in it."""

    def __init__(self, folder: Path, names: Mapping[Path, Path], language: str | None) -> None:
        """Check that every copy has a place of its own. Nothing is written yet."""
        self.folder = folder
        self._names = names
        self._language = language
        check_writable(folder)
        files = {photo: photo.resolve() for photo in names}
        photos = set(files.values())
        owners: dict[Path, Path] = {}
        for photo, name in names.items():
            copy = folder / name
            if copy.resolve() in photos:
                raise UserError(
                    f"the copy of {photo} would be {copy}, one of the photos; choose another folder"
                )
            owner = owners.setdefault(name, photo)
            if files[owner] != files[photo]:
                raise UserError(
                    f"the copies of {owner} and {photo} would both be {copy}; "
                    "use two commands, with a folder each"
                )

    def find_obstacle(self, photo: Path) -> str | None:
        """Return the reason why a photo of this kind can have no copy, else None.

        A file that is no picture has no obstacle here: an error of its own follows when it is read.
        """
        found = detect_format(photo)
        if found in (None, "JPEG", "PNG"):
            return None
        return f"captions are put into JPEG and PNG files, not into {found}"

    def has_copy(self, photo: Path) -> bool:
        """Return whether the photo has a copy with the same time of modification."""
        copy = self.folder / self._names[photo]
        try:
            difference = copy.stat().st_mtime_ns - photo.stat().st_mtime_ns
        except OSError:
            return False
        return abs(difference) <= _TIME_STEP

    def write(self, photo: Path, caption: str) -> str | None:
        """Write the photo's copy with the caption, and with the photo's time and permissions.

        Return the reason if that is impossible.
        """
        copy = self.folder / self._names[photo]
        if copy.exists():
            return (
                f"{copy} is another photo's copy, or older than the photo; remove it, or choose "
                "another folder"
            )
        try:
            content = jpeg_png.add_caption(photo.read_bytes(), caption, self._language)
        except CannotAddCaption as error:
            return str(error)
        except OSError as error:
            return (error.strerror or str(error)).lower()
        with write_atomically(copy) as temporary:
            temporary.write_bytes(content)
            with suppress(PermissionError):  # not every disk has permissions
                shutil.copystat(photo, temporary)
        return None
