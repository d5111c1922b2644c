"""Photos in folders, found by the endings of their names. No photo is opened here."""

import os
from pathlib import Path

from utils.addresses import RemotePhoto, list_files

# .heic is listed although it cannot be read, so that such photos are counted and reported.
PHOTO_ENDINGS = (
    ".avif",
    ".bmp",
    ".gif",
    ".heic",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)


def find_photos(folder: Path) -> list[Path]:
    """List the photos under a folder by their endings, sorted, without hidden files and folders.

    A folder inside it that may not be opened is listed too, so that reading it reports it.
    """
    found: list[Path] = []

    def add_closed_folder(error: OSError) -> None:
        if Path(error.filename) == Path(folder):
            raise error
        found.append(Path(error.filename))

    for place, folders, names in os.walk(folder, onerror=add_closed_folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(PHOTO_ENDINGS) and not name.startswith("."):
                found.append(Path(place, name))
    return sorted(found)


def find_remote_photos(address: str) -> list[RemotePhoto]:
    """List the photo at an address, or those below it, as `find_photos` lists those of a folder."""
    found = []
    for file in list_files(address):
        is_typed = not file.name  # whatever its ending is
        if is_typed or _is_photo(file.name):
            found.append(RemotePhoto(file))
    return found


def _is_photo(name: str) -> bool:
    """Return whether a path below a folder is that of a photo, by its ending, and is not hidden."""
    is_hidden = any(part.startswith(".") for part in name.split("/"))
    return name.lower().endswith(PHOTO_ENDINGS) and not is_hidden
