"""Photos of a dataset found by their names, however those are written."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.photos.images import PHOTO_ENDINGS
from utils.errors import UserError

MAX_SHOWN = 80  # characters of a name in a message
# Where the photos of Flickr8k, Flickr30k and COCO's relatives lie, from the dataset's folder.
PHOTO_FOLDERS = (
    "Flicker8k_Dataset",
    "Flickr8k_Dataset/Flicker8k_Dataset",
    "Flickr8k_Dataset",
    "flickr30k_images",
    "flickr30k_images/flickr30k_images",
    "flickr30k-images",
    "Images",
    "images",
    ".",
)


class PhotoFinder:
    """Finds photos by name. Folders are listed once: to ask for each of 120,000 files would take longer than to read
    their captions."""

    def __init__(self, folder: Path, *, outside: bool) -> None:
        self._folder = str(folder)
        self._bounds = os.path.join(os.path.abspath(folder), "")
        self._outside = outside
        self._files: dict[
            str, dict[str, str]
        ] = {}  # folder → its files' names in NFC → as they are on disk
        self._folded: dict[
            str, dict[str, str]
        ] = {}  # folder → its files' names without capitals → as they are
        self._real: dict[str, str] = {}  # folder → its path as it is on disk

    def find(self, name: str, roots: Sequence[Path], where: str) -> str | None:
        """The path of the photo `name` under the first of the roots that has it, None where none has."""
        for root in roots:
            path = os.path.normpath(os.path.join(root, name))
            absolute = os.path.abspath(path)
            inside = absolute.startswith(self._bounds)
            if not inside and not self._outside:
                raise UserError(
                    f"{where}: the photo {name[:MAX_SHOWN]} lies outside the dataset's folder {self._folder}; "
                    "--outside-photos allows that"
                )
            # However it is named, a photo has one path.
            path = (
                os.path.normpath(os.path.join(self._folder, absolute[len(self._bounds) :]))
                if inside
                else absolute
            )
            parent, own = os.path.split(path)
            there = self._listed(parent).get(_composed(own))
            if there is not None:
                return os.path.join(self._real[parent], there)
        if "\\" in name and os.sep != "\\":  # a table from Windows
            return self.find(name.replace("\\", "/"), roots, where)
        return None

    def is_inside(self, photo: str) -> bool:
        """Whether a photo lies in the dataset's folder."""
        return os.path.abspath(photo).startswith(self._bounds)

    def like(self, name: str, roots: Sequence[Path]) -> str | None:
        """A photo whose name differs from `name` in small and capital letters alone."""
        for root in roots:
            parent, own = os.path.split(os.path.normpath(os.path.join(root, name)))
            if parent not in self._folded:
                self._folded[parent] = {each.casefold(): each for each in self._listed(parent)}
            there = self._folded[parent].get(_composed(own).casefold())
            if there is not None:
                return there
        return None

    def _listed(self, folder: str) -> dict[str, str]:
        if folder not in self._files:
            self._files[folder] = {}
            try:
                self._real[folder] = real = self._as_on_disk(folder)
                with os.scandir(real or ".") as entries:
                    self._files[folder] = {
                        _composed(entry.name): entry.name
                        for entry in entries
                        if not entry.is_dir(follow_symlinks=False)
                    }
            except PermissionError:
                del self._files[folder]
                raise
            except (
                OSError,
                ValueError,
            ):  # not there, longer than a name may be, or with a zero byte in it
                pass
        return self._files[folder]

    def _as_on_disk(self, folder: str) -> str:
        """The folder's path as the disk has it, where its name is in pieces there."""
        if folder.isascii() or os.path.isdir(folder):
            return folder
        parent, own = os.path.split(folder)
        parent = self._as_on_disk(parent)
        with os.scandir(parent or ".") as entries:
            there = next(
                (each.name for each in entries if _composed(each.name) == _composed(own)), own
            )
        return os.path.join(parent, there)

    def pictures(self, folders: Iterable[str]) -> list[str]:
        """The pictures in these folders, sorted; hidden ones left out."""
        return sorted(
            os.path.join(folder, name)
            for folder in set(folders)
            for name in self._listed(folder).values()
            if name.lower().endswith(PHOTO_ENDINGS) and not name.startswith(".")
        )


def _composed(name: str) -> str:
    """The name in NFC: files that came from a Mac have theirs in pieces, and tables don't."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)
