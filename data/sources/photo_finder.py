"""Find a dataset's photos by the names that captions files use for them."""

import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from data.photos.folders import PHOTO_ENDINGS
from utils.errors import UserError

MAX_SHOWN = 80  # characters of a name in a message


class PhotoFinder:
    """Finds photos by name.

    Each folder is listed once: checking 120,000 files one by one takes longer than reading their
    captions. Paths are strings: a Path for each of 600,000 rows takes longer than all the rest.
    """

    def __init__(self, folder: Path, *, outside: bool) -> None:
        """Find photos in the dataset's folder, or also `outside` of it."""
        self._folder = str(folder)
        self._folder_start = os.path.join(os.path.abspath(folder), "")
        self._outside = outside
        self._names: dict[str, dict[str, str]] = {}  # folder → name in NFC → name on disk
        self._folded: dict[str, dict[str, str]] = {}  # folder → name without case → name on disk
        self._disk_paths: dict[str, str] = {}  # folder → its path on disk

    def find(self, name: str, roots: Sequence[Path], where: str) -> str | None:
        """Return the path of the photo under the first root that has it, or None."""
        for root in roots:
            given = os.path.join(root, name)
            path = self._normalize(given)
            if path is None:
                # A root may itself lie outside, such as the current folder for a table elsewhere.
                if not self.is_inside(str(root)) and not os.path.lexists(given):
                    continue
                raise UserError(
                    f"{where}: the photo {name[:MAX_SHOWN]} lies outside the dataset's folder "
                    f"{self._folder}; --outside-photos allows that"
                )
            parent, own = os.path.split(path)
            name_on_disk = self._list(parent).get(_compose(own))
            if name_on_disk is not None:
                return os.path.join(self._disk_paths[parent], name_on_disk)
        if "\\" in name and os.sep != "\\":  # a table from Windows
            return self.find(name.replace("\\", "/"), roots, where)
        return None

    def is_inside(self, photo: str) -> bool:
        """Return whether a photo lies in the dataset's folder, or is the folder."""
        return os.path.join(os.path.abspath(photo), "").startswith(self._folder_start)

    def find_other_case(self, name: str, roots: Sequence[Path]) -> str | None:
        """Return the name of a photo that differs from `name` only in upper and lower case."""
        for root in roots:
            parent, own = os.path.split(os.path.normpath(os.path.join(root, name)))
            if parent not in self._folded:
                self._folded[parent] = {each.casefold(): each for each in self._list(parent)}
            found = self._folded[parent].get(_compose(own).casefold())
            if found is not None:
                return found
        return None

    def list_pictures(self, folders: Iterable[str]) -> list[str]:
        """List the pictures in these folders, sorted, without hidden ones."""
        pictures = []
        for folder in set(folders):
            for name in self._list(folder).values():
                if name.lower().endswith(PHOTO_ENDINGS) and not name.startswith("."):
                    pictures.append(os.path.join(folder, name))
        return sorted(pictures)

    def _normalize(self, path: str) -> str | None:
        """Return the one path that a photo has however it is written; None if it is not allowed."""
        absolute = os.path.abspath(path)
        if absolute.startswith(self._folder_start):
            within = absolute[len(self._folder_start) :]
            return os.path.normpath(os.path.join(self._folder, within))
        return absolute if self._outside else None

    def _list(self, folder: str) -> dict[str, str]:
        """Return the names of a folder's files, by their names in NFC."""
        if folder not in self._names:
            self._names[folder] = self._scan(folder)
        return self._names[folder]

    def _scan(self, folder: str) -> dict[str, str]:
        names = {}
        try:
            path = self._find_on_disk(folder)
            with os.scandir(path or ".") as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        names[_compose(entry.name)] = entry.name
        except PermissionError:
            raise
        except (OSError, ValueError):  # no such folder, too long a name, or a zero byte in it
            return {}
        self._disk_paths[folder] = path
        return names

    def _find_on_disk(self, folder: str) -> str:
        """Return a folder's path as the disk spells it, perhaps in decomposed characters."""
        if folder.isascii() or os.path.isdir(folder):
            return folder
        parent, own = os.path.split(folder)
        parent = self._find_on_disk(parent)
        with os.scandir(parent or ".") as entries:
            for entry in entries:
                if _compose(entry.name) == _compose(own):
                    return os.path.join(parent, entry.name)
        return os.path.join(parent, own)


def _compose(name: str) -> str:
    """Return the name in NFC: files copied from a Mac have decomposed names."""
    if name.isascii():
        return name
    return unicodedata.normalize("NFC", name)
