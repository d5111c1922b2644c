"""What every dataset format is made into: Examples. Reading text, gathering rows, and what is left out and why."""

import codecs
import io
import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TextIO

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
MAX_CAPTION_LENGTH = (
    2000  # characters of a caption; the longest dense descriptions in use have about 1,500
)


@dataclass(frozen=True)
class Example:
    """A photo with its captions."""

    photo: Path
    captions: tuple[str, ...]
    split: str | None = None


class LeftOut(NamedTuple):
    """Something that is not used."""

    name: str
    reason: str
    where: str = ""  # file and line

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" + (f" ({self.where})" if self.where else "")


@dataclass
class Source:
    """What was read, and what was left out."""

    kind: str
    path: Path  # the captions file, or the folder where there are several
    folder: Path  # photos are named by their path within it
    examples: list[Example]
    left_out: list[LeftOut] = field(default_factory=list)
    language: str = "en"
    detected_language: str = "en"  # the language that the captions' letters tell
    other_languages: dict[str, float] = field(
        default_factory=dict
    )  # the shares of captions that are in others


class Row(NamedTuple):
    """A caption as a file has it."""

    name: str  # of the photo
    caption: str
    split: str | None
    where: str  # file and line


@dataclass
class CaptionRows:
    """A captions file: its rows, and the folders where its photos may lie, the likeliest first."""

    rows: Iterable[Row]
    roots: Sequence[Path]
    whole: bool = (
        True  # whether pictures beside the captioned ones that no row names are worth a word
    )
    listed: bool = False  # whether photos in no list of a split are left out
    repeats: bool = (
        False  # whether two people may have said the same of a photo; elsewhere a line came twice
    )
    left_out: list[LeftOut] = field(default_factory=list)  # filled while the rows are read


def parse_split(text: str | None, where: str) -> str | None:
    """Our name of a split as files write it, None for none."""
    if text is None or not text.strip():
        return None
    name = _SPLIT_NAMES.get(text.strip().lower())
    if name is None:
        raise UserError(f"{where}: unknown split {text!r}; use train, val or test")
    return name


def resolve_split(first: str, second: str) -> tuple[str, str]:
    """The split of a photo that two splits claim (test before val before train, so that what is scored stays whole), and
    what is told of it."""
    kept = max(first, second, key=SPLITS.index)
    return kept, f"listed for {first} and for {second}; kept for {kept}"


def infer_folder_split(name: str) -> str | None:
    """The split that a folder's name tells (train, val2014), None where it tells none."""
    return _SPLIT_NAMES.get(name.lower().rstrip("0123456789_-"))


def open_text(path: Path, *, newline: str | None = None) -> TextIO:
    """The file's text, UTF-8 (or UTF-16 that begins with its mark); refused with the line where it is neither."""
    content = path.read_bytes()
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    encoding = "utf-16" if marked else "utf-8-sig"
    try:
        if b"\0" in content[:1000] and not marked:
            raise UserError(
                f"{path}, line 1: zero bytes, as in UTF-16 without its mark; save the file as UTF-8"
            )
        content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: not UTF-8 text ({error.reason}); save the file as UTF-8 (it may be "
            "Windows-1252 or, in Korean, CP949 now)"
        ) from None
    return io.TextIOWrapper(io.BytesIO(content), encoding, newline=newline)


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """The lines that are not blank, without their ends, each with file and line."""
    for number, line in enumerate(open_text(path), start=1):
        if line.strip():
            yield f"{path}, line {number}", line.rstrip("\n")


def parse_json(text: str, path: Path, line: int = 1, *, advice: str = "is the file whole?") -> Any:
    """What JSON says that begins in this line of the file; refused with the line where it is broken."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        line += error.lineno - 1
        raise UserError(
            f"{path}, line {line}: broken JSON ({error.msg}, column {error.colno}); {advice}"
        ) from None
    except RecursionError:
        raise UserError(f"{path}, line {line}: JSON nested too deep for captions") from None
    except ValueError as error:  # a number of more than 4,300 digits
        raise UserError(f"{path}, line {line}: broken JSON ({error})") from None


def read_json(path: Path) -> Any:
    """What a JSON file holds."""
    return parse_json(open_text(path).read(), path)


def read_json_start(path: Path, size: int = 1 << 16) -> str:
    """The beginning of a JSON file, by which it is recognised."""
    with path.open("rb") as file:
        head = file.read(size)
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return head.decode("utf-16" if marked else "utf-8", "replace").lstrip("\ufeff \t\r\n")


def infer_file_split(name: str) -> str | None:
    """The split that a part of a file's name tells: train of caption_train_annotations."""
    return next(
        (
            split
            for piece in reversed(re.split(r"[_.\-\s]", name))
            if (split := infer_folder_split(piece))
        ),
        None,
    )


def gather(
    parts: Iterable[CaptionRows], folder: Path, *, outside: bool
) -> tuple[list[Example], list[LeftOut]]:
    """Examples in the order of their first row; and what was left out. `outside` allows photos beyond `folder`."""
    entries: dict[str, _Entry] = {}
    left_out: list[LeftOut] = []
    finder = PhotoFinder(folder, outside=outside)
    beside: set[str] = set()
    contested: set[tuple[str, frozenset[str]]] = set()
    for part in parts:
        named: dict[str, _Entry | None] = {}
        roots = [root for root in dict.fromkeys(part.roots) if root.is_dir()]
        for name, caption, split, where in part.rows:
            if name not in named:
                named[name] = _entry(name, where, roots, finder, entries, left_out)
            entry = named[name]
            if entry is None:
                continue
            if split is not None and split != entry.split:
                if entry.split is None:
                    entry.split = split
                elif (
                    entry.photo,
                    pair := frozenset((entry.split, split)),
                ) not in contested:  # once, not for each caption
                    contested.add((entry.photo, pair))
                    entry.split, told = resolve_split(entry.split, split)
                    left_out.append(LeftOut(name, told, where))
            reason = entry.add(caption, repeats=part.repeats)
            if reason is not None:
                left_out.append(LeftOut(name, reason, where))
        left_out += part.left_out
        if part.whole:
            beside |= {
                os.path.dirname(entry.photo)
                for entry in named.values()
                if entry is not None and finder.is_inside(entry.photo)
            }
        if part.listed:
            unlisted = [
                entry for entry in named.values() if entry is not None and entry.split is None
            ]
            left_out += [
                LeftOut(os.path.relpath(entry.photo, folder), "in no list of a split")
                for entry in unlisted
            ]
            for entry in unlisted:
                entry.captions.clear()
    examples = [
        Example(Path(entry.photo), tuple(entry.captions), entry.split)
        for entry in entries.values()
        if entry.captions
    ]
    known = {str(example.photo) for example in examples}
    left_out += [
        LeftOut(os.path.relpath(photo, folder), "a photo without captions")
        for photo in finder.pictures(beside)
        if photo not in known
    ]
    within = os.path.join(folder, "")
    return examples, [each._replace(where=each.where.removeprefix(within)) for each in left_out]


def gather_captions(parts: Iterable[CaptionRows]) -> dict[str, list[str]]:
    """The captions by their photos' names, those that `gather` would leave out left out, but no photo looked for."""
    entries: dict[str, _Entry] = {}
    for part in parts:
        for row in part.rows:
            entries.setdefault(row.name, _Entry(row.name)).add(row.caption, repeats=part.repeats)
    return {name: entry.captions for name, entry in entries.items() if entry.captions}


class _Entry:
    """A photo and what was said of it so far."""

    __slots__ = ("captions", "photo", "split")

    def __init__(self, photo: str) -> None:
        self.photo = photo
        self.captions: list[str] = []
        self.split: str | None = None

    def add(self, caption: str, *, repeats: bool) -> str | None:
        """Add a caption; the reason where it is none to be added."""
        caption = " ".join(caption.split())
        if not caption.isascii():  # JSON may hold half a letter, which no file could
            caption = (
                unicodedata.normalize("NFC", caption).encode("utf-8", "replace").decode("utf-8")
            )
        if len(caption) > MAX_CAPTION_LENGTH:
            number = caption.count(" ") + 1
            words = f"{number:,} words" if number > 1 else "one word"
            return f"a caption of {words} ({len(caption):,} characters, {MAX_CAPTION_LENGTH:,} at most)"
        if not caption:
            return "an empty caption"
        if caption in self.captions and not repeats:
            return "the same caption twice"
        self.captions.append(caption)
        return None


def _entry(
    name: str,
    where: str,
    roots: Sequence[Path],
    finder: PhotoFinder,
    entries: dict[str, _Entry],
    left_out: list[LeftOut],
) -> _Entry | None:
    """The entry of the photo with this name, a new one where it is first heard of; None where there is no such photo."""
    if not name:
        left_out.append(LeftOut("(no name)", "a caption without a photo's name", where))
        return None
    try:
        photo = finder.find(name, roots, where)
    except PermissionError:
        left_out.append(LeftOut(name[:MAX_SHOWN], "no permission to look into its folder", where))
        return None
    if photo is None:
        like = finder.like(name, roots)
        reason = "a caption, but no such photo" + (f" (there is {like})" if like else "")
        left_out.append(LeftOut(name[:MAX_SHOWN], reason, where))
        return None
    return entries.setdefault(photo, _Entry(photo))
