"""Examples, and how rows of captions of any format become Examples."""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from data.sources.photo_finder import MAX_SHOWN, PhotoFinder
from utils.errors import UserError

SPLITS = ("train", "val", "test")
_SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "restval": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "dev": "val",
    "test": "test",
}
MAX_CAPTION_LENGTH = 2000  # characters; the longest dense descriptions in use have about 1,500


@dataclass(frozen=True)
class Example:
    """A photo with its captions."""

    photo: Path
    captions: tuple[str, ...]
    split: str | None = None


class LeftOut(NamedTuple):
    """Something that is not used, or not used as it is written."""

    name: str
    reason: str
    where: str = ""  # file and line

    def __str__(self) -> str:
        text = f"{self.name}: {self.reason}"
        if self.where:
            text += f" ({self.where})"
        return text


@dataclass
class Source:
    """A dataset that was read: its examples, and what was left out."""

    kind: str
    path: Path  # the captions file, or the folder if there are several
    folder: Path  # photos are named by their path within it
    examples: list[Example]
    left_out: list[LeftOut] = field(default_factory=list)
    language: str = "en"
    detected_language: str = "en"  # by the captions' letters
    other_languages: dict[str, float] = field(default_factory=dict)  # the shares of their captions


class Row(NamedTuple):
    """One caption as a file has it."""

    photo: str  # its name
    caption: str
    split: str | None
    where: str  # file and line


@dataclass
class CaptionRows:
    """The rows of one captions file, and the folders in which its photos may lie."""

    rows: Iterable[Row]
    roots: Sequence[Path]  # the likeliest first
    left_out: list[LeftOut] = field(default_factory=list)  # filled while the rows are read
    # Whether pictures beside the captioned ones are reported as photos without captions.
    reports_uncaptioned: bool = True
    # Whether a photo without a split is left out.
    requires_split: bool = False
    # Whether two people may have written the same caption; otherwise it is a duplicate.
    allows_repeats: bool = False


def parse_split(text: str | None, where: str) -> str | None:
    """Return the split that a file's word for it means, or None for no word."""
    if text is None or not text.strip():
        return None
    split = _SPLIT_NAMES.get(text.strip().lower())
    if split is None:
        raise UserError(f"{where}: unknown split {text!r}; use train, val or test")
    return split


def infer_folder_split(name: str) -> str | None:
    """Return the split that a folder is named after (train, val2014), or None."""
    return _SPLIT_NAMES.get(name.lower().rstrip("0123456789_-"))


def infer_file_split(name: str) -> str | None:
    """Return the split that a file's name contains (caption_train_annotations), or None."""
    for part in reversed(re.split(r"[_.\-\s]", name)):
        split = infer_folder_split(part)
        if split is not None:
            return split
    return None


def resolve_split(first: str, second: str) -> tuple[str, str]:
    """Return which of two splits keeps a photo, and a sentence about it.

    Test goes before val before train, so that the scored splits stay complete.
    """
    kept = max(first, second, key=SPLITS.index)
    return kept, f"listed for {first} and for {second}; kept for {kept}"


def gather(
    files: Iterable[CaptionRows], folder: Path, *, outside: bool
) -> tuple[list[Example], list[LeftOut]]:
    """Return the examples in the order of their first rows, and what was left out.

    `outside` allows photos outside the folder.
    """
    gathering = _Gathering(folder, outside=outside)
    for captions in files:
        gathering.add(captions)
    return gathering.finish()


def gather_captions(files: Iterable[CaptionRows]) -> dict[str, list[str]]:
    """Return the captions that `gather` would use, by photo name; look for no photos."""
    entries: dict[str, _Entry] = {}
    for captions in files:
        for row in captions.rows:
            entry = entries.setdefault(row.photo, _Entry(row.photo))
            entry.add(row.caption, allows_repeats=captions.allows_repeats)
    return {name: entry.captions for name, entry in entries.items() if entry.captions}


class _Entry:
    """A photo and its captions so far."""

    __slots__ = ("captions", "photo", "split")

    def __init__(self, photo: str) -> None:
        self.photo = photo
        self.captions: list[str] = []
        self.split: str | None = None

    def add(self, caption: str, *, allows_repeats: bool) -> str | None:
        """Add a caption, or return the reason why it is left out."""
        caption = " ".join(caption.split())
        if not caption.isascii():
            composed = unicodedata.normalize("NFC", caption)
            # JSON may hold half of a surrogate pair, which no file can.
            caption = composed.encode("utf-8", "replace").decode("utf-8")
        if len(caption) > MAX_CAPTION_LENGTH:
            return _describe_long_caption(caption)
        if not caption:
            return "an empty caption"
        if caption in self.captions and not allows_repeats:
            return "the same caption twice"
        self.captions.append(caption)
        return None


def _describe_long_caption(caption: str) -> str:
    number = caption.count(" ") + 1
    words = f"{number:,} words" if number > 1 else "one word"
    return f"a caption of {words} ({len(caption):,} characters, {MAX_CAPTION_LENGTH:,} at most)"


class _Gathering:
    """Examples in the making."""

    def __init__(self, folder: Path, *, outside: bool) -> None:
        self._folder = folder
        self._finder = PhotoFinder(folder, outside=outside)
        self._entries: dict[str, _Entry] = {}  # by the photo's path
        self._left_out: list[LeftOut] = []
        self._captioned_folders: set[str] = set()
        self._conflicts: set[tuple[str, str, str]] = set()  # photo and its two splits

    def add(self, captions: CaptionRows) -> None:
        """Add the rows of a captions file to the entries of their photos."""
        roots = [root for root in dict.fromkeys(captions.roots) if root.is_dir()]
        by_name: dict[str, _Entry | None] = {}
        for name, caption, split, where in captions.rows:
            if name not in by_name:
                by_name[name] = self._find_entry(name, roots, where)
            entry = by_name[name]
            if entry is None:
                continue
            if split is not None and split != entry.split:
                self._set_split(entry, split, name, where)
            reason = entry.add(caption, allows_repeats=captions.allows_repeats)
            if reason is not None:
                self._left_out.append(LeftOut(name, reason, where))
        self._left_out += captions.left_out
        entries = [entry for entry in by_name.values() if entry is not None]
        if captions.reports_uncaptioned:
            for entry in entries:
                if self._finder.is_inside(entry.photo):
                    self._captioned_folders.add(os.path.dirname(entry.photo))
        if captions.requires_split:
            self._drop_without_split(entries)

    def finish(self) -> tuple[list[Example], list[LeftOut]]:
        """Return the examples and what was left out."""
        examples = []
        for entry in self._entries.values():
            if entry.captions:
                examples.append(Example(Path(entry.photo), tuple(entry.captions), entry.split))
        used = {str(example.photo) for example in examples}
        for picture in self._finder.list_pictures(self._captioned_folders):
            if picture not in used:
                name = os.path.relpath(picture, self._folder)
                self._left_out.append(LeftOut(name, "a photo without captions"))
        return examples, [self._shorten_place(each) for each in self._left_out]

    def _find_entry(self, name: str, roots: Sequence[Path], where: str) -> _Entry | None:
        """Return the entry of the photo with this name; None if there is no such photo."""
        if not name:
            self._left_out.append(LeftOut("(no name)", "a caption without a photo's name", where))
            return None
        try:
            photo = self._finder.find(name, roots, where)
        except PermissionError:
            reason = "no permission to read its folder"
            self._left_out.append(LeftOut(name[:MAX_SHOWN], reason, where))
            return None
        if photo is None:
            reason = "a caption, but no such photo"
            similar = self._finder.find_other_case(name, roots)
            if similar is not None:
                reason += f" (there is {similar})"
            self._left_out.append(LeftOut(name[:MAX_SHOWN], reason, where))
            return None
        return self._entries.setdefault(photo, _Entry(photo))

    def _set_split(self, entry: _Entry, split: str, name: str, where: str) -> None:
        if entry.split is None:
            entry.split = split
            return
        first, second = sorted((entry.split, split))
        conflict = (entry.photo, first, second)
        if conflict in self._conflicts:  # reported once, not for each caption
            return
        self._conflicts.add(conflict)
        entry.split, reason = resolve_split(entry.split, split)
        self._left_out.append(LeftOut(name, reason, where))

    def _drop_without_split(self, entries: list[_Entry]) -> None:
        for entry in entries:
            if entry.split is None:
                name = os.path.relpath(entry.photo, self._folder)
                self._left_out.append(LeftOut(name, "in no split's list"))
                entry.captions.clear()

    def _shorten_place(self, left_out: LeftOut) -> LeftOut:
        """Return the same with its file named within the dataset's folder."""
        start = os.path.join(self._folder, "")
        return left_out._replace(where=left_out.where.removeprefix(start))
