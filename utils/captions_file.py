"""Captions files: JSON lines or CSV, one line a photo, written as the captions come.

An existing file is read and checked before anything is written to it. A file of another program is
refused; a last line that was cut short is dropped. A classifier's classes are written the same way.
"""

import csv
import hashlib
import io
import json
import os
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, Self

from utils.addresses import RemotePhoto, is_address
from utils.errors import UserError
from utils.files import (
    MARKED_BYTES,
    hash_beginning,
    printable_path,
    try_lock,
    write_atomically,
)

Columns = tuple[str, ...]
Row = dict[str, Any]

# The path is the first column, a number the last. `mark` tells whether the picture or the caption
# has changed since (see `make_mark`). `doubtful` is a caption with a score below --minimum-score.
CAPTION_COLUMNS = ("path", "caption", "mark", "score")
DOUBTFUL_COLUMNS = ("path", "caption", "doubtful", "mark", "score")
SHOWN_CLASSES = 5  # the likeliest ones of a photo, which a classifier writes
CALIBRATED = "calibrated"  # the end of a mark whose row has a calibrated score

_CAPTION_DIGITS = 8  # of a caption's hash in its mark
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # some spreadsheets write it before the header


class CaptionsFile:
    """Captions in a `.jsonl` or `.csv` file, opened by `with` to add more."""

    def __init__(self, file: Path, *allowed: Columns, remedy: str = "choose another --out") -> None:
        """Read and check the file. Nothing is written yet.

        A new file gets the first of the `allowed` columns, an existing one keeps its own. `remedy`
        ends the error of a file that is refused.
        """
        self.file = file
        self._remedy = remedy
        self.rows: dict[str, Row] = {}
        self._format = FORMATS[file.suffix.lower()]
        self._allowed = allowed
        self._opened: IO[bytes]
        self._has_byte_order_mark = False
        _check_place(file, remedy)
        self._content = file.read_bytes() if file.exists() else b""
        self.columns, start = self._read_header()
        self._kept_bytes = self._read_rows(start)
        self._row_by_place = {normalise_path(path): row for path, row in self.rows.items()}
        self._moved_rows = {
            (Path(path).name, read_picture_mark(row)): row
            for path, row in self.rows.items()
            if read_picture_mark(row) and not is_address(path) and not Path(path).exists()
        }
        self._moved_names = {name for name, _ in self._moved_rows}

    @property
    def has_header(self) -> bool:
        """Return whether all rows have the same columns, which the first line names."""
        return self._format.has_header

    @property
    def is_cut(self) -> bool:
        """Return whether the file ended in the middle of a row, which was dropped."""
        return self._kept_bytes < len(self._content)

    def find_columns(self) -> list[Columns]:
        """Return the columns of the header, or without a header each kind that a row has."""
        if self.has_header:
            return [self.columns] if self._kept_bytes else []
        kinds = {frozenset(row) for row in self.rows.values()}
        return [columns for columns in self._allowed if frozenset(columns) in kinds]

    def find(self, photo: Path | RemotePhoto) -> Row | None:
        """Return the row of a photo, None if it has none.

        A photo is found by any spelling of its path. One that was moved, or that the file lists
        relative to another folder, is found by its name and mark. An address has one spelling.
        """
        row = self._row_by_place.get(normalise_path(printable_path(photo)))
        if isinstance(photo, RemotePhoto):
            return row
        if row is None and photo.name in self._moved_names and photo.is_file():
            row = self._moved_rows.get((photo.name, compute_mark(photo)))
        return row

    def write(self, path: Path | RemotePhoto | str, values: Mapping[str, str | float]) -> None:
        """Add a row with the values of this file's columns; it is on disk when this returns."""
        row: Row = {"path": printable_path(path)}
        for name in self.columns[1:]:
            row[name] = values[name]
        self.add(row)

    def add(self, row: Row) -> None:
        """Add a row as another captions file has it; it is on disk when this returns."""
        self._opened.write(self._format.format_row(row))
        self._opened.flush()
        self.rows[row["path"]] = self._row_by_place[normalise_path(row["path"])] = row

    def sort(self, photos: Iterable[Path | RemotePhoto]) -> None:
        """Write the rows of these photos in their order, after all others. This closes the file."""
        rows = {}
        for photo in photos:
            row = self.find(photo)
            if row is not None:
                rows[row["path"]] = row
        others = [row for path, row in self.rows.items() if path not in rows]
        self._rewrite([*others, *rows.values()])

    def sort_by(self, key: Callable[[Row], Any]) -> None:
        """Write all rows in the order of their keys. This closes the file."""
        self._rewrite(sorted(self.rows.values(), key=key))

    def _rewrite(self, rows: Iterable[Row]) -> None:
        """Replace the file by one with these rows, and close it."""
        with write_atomically(self.file) as temporary:
            with temporary.open("wb") as sorted_file:
                if self._has_byte_order_mark:
                    sorted_file.write(_BYTE_ORDER_MARK)
                sorted_file.write(self._format.format_header(self.columns))
                for row in rows:
                    sorted_file.write(self._format.format_row(row))
            self._opened.close()

    def __enter__(self) -> Self:
        """Open the file for this process alone; drop a last line that was cut short."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._opened = self.file.open("ab")
        try:
            self._lock()
        except BaseException:
            self._opened.close()
            raise
        self._opened.truncate(self._kept_bytes)
        if self._kept_bytes == 0:
            self._opened.write(self._format.format_header(self.columns))
        elif not self._content[: self._kept_bytes].endswith(b"\n"):  # as some editors leave it
            self._opened.write(b"\n")
        self._opened.flush()
        return self

    def __exit__(self, *_: Any) -> None:
        self._opened.close()

    def _lock(self) -> None:
        if not try_lock(self._opened):
            raise UserError(
                f"another command is writing into {self.file}; "
                f"wait until it has ended, or {self._remedy}"
            )
        if self._opened.seek(0, os.SEEK_END) != len(self._content):
            raise UserError(
                f"{self.file} was written by another command meanwhile; run this one again"
            )

    def _read_header(self) -> tuple[Columns, int]:
        """Return the columns of the file and the number of bytes of its header."""
        if not self._format.has_header or not self._content:
            return self._allowed[0], 0
        first, newline, _ = self._content.partition(b"\n")
        if not newline and self._is_cut_header(first):
            return self._allowed[0], 0
        self._has_byte_order_mark = first.startswith(_BYTE_ORDER_MARK)
        names = first.removeprefix(_BYTE_ORDER_MARK).rstrip(b"\r").decode(errors="replace")
        for separated in (_COMMAS, _SEMICOLONS):
            columns = separated.parse_header(names)
            if newline and columns in self._allowed:
                self._format = separated
                return columns, len(first) + 1
        raise UserError(
            f"{self.file} is not a captions file of this program: its first line is not "
            f"{','.join(self._allowed[0])}; it was not changed; {self._remedy}"
        )

    def _is_cut_header(self, first: bytes) -> bool:
        return any(self._format.format_header(each).startswith(first) for each in self._allowed)

    def _read_rows(self, start: int) -> int:
        """Read all rows after the header into `rows`; return how many bytes of the file to keep."""
        kept_bytes = start
        line_number = 1 if start else 0
        for line in io.BytesIO(self._content[start:]):  # lines end at \n alone
            line_number += 1
            if line.strip():
                row = self._parse(line)
                if row is None:
                    if not line.endswith(b"\n") and self._format.may_be_cut(line):
                        break
                    raise UserError(
                        f"{self.file}, line {line_number}: not a line of a captions file of this "
                        f"program; mend or remove it, or {self._remedy}; "
                        "the file was not changed"
                    )
                self.rows[row["path"]] = row
            kept_bytes += len(line)
        return kept_bytes

    def _parse(self, line: bytes) -> Row | None:
        """Return the row of a line, None if it is not a whole row of a captions file."""
        possible = (self.columns,) if self._format.has_header else self._allowed
        for columns in possible:
            row = self._format.parse_row(line, columns)
            if row is not None:
                return row
        return None


class _Format(ABC):
    """A file format: one line for each row."""

    has_header: bool

    @abstractmethod
    def format_header(self, columns: Columns) -> bytes: ...

    @abstractmethod
    def format_row(self, row: Row) -> bytes: ...

    @abstractmethod
    def parse_row(self, line: bytes, columns: Columns) -> Row | None:
        """Return the row of a line, None if it is not a whole row with these columns."""

    @abstractmethod
    def may_be_cut(self, line: bytes) -> bool:
        """Return whether the last line, without its end, may be the beginning of a row."""


class _JsonLines(_Format):
    """Rows as JSON objects."""

    has_header = False
    _BEGINNING = b'{"path": "'

    def format_header(self, columns: Columns) -> bytes:
        return b""

    def format_row(self, row: Row) -> bytes:
        values = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in row.items()
        }
        return (json.dumps(values, ensure_ascii=False) + "\n").encode()

    def parse_row(self, line: bytes, columns: Columns) -> Row | None:
        try:
            row = json.loads(line)
        except ValueError:
            return None
        if not isinstance(row, dict) or row.keys() != set(columns):
            return None
        is_valid = isinstance(row["path"], str) and isinstance(row[columns[-1]], int | float)
        return row if is_valid else None

    def may_be_cut(self, line: bytes) -> bool:
        try:
            json.loads(line)
        except ValueError:
            return line.startswith(self._BEGINNING) or self._BEGINNING.startswith(line)
        return False  # whole, but of another program


class _Separated(_Format):
    """Rows as CSV after a header. A line break in a value is written as \\n.

    Spreadsheets in countries with a decimal comma write semicolons between values, and commas in
    numbers. Both are read; numbers are written with a point.
    """

    has_header = True

    def __init__(self, separator: str) -> None:
        self.separator = separator

    def format_header(self, columns: Columns) -> bytes:
        return (self.separator.join(columns) + "\n").encode()

    def parse_header(self, line: str) -> Columns:
        """Return the columns; some spreadsheets put quotes round each."""
        return tuple(next(csv.reader([line], delimiter=self.separator), ()))

    def format_row(self, row: Row) -> bytes:
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self.separator, lineterminator="\n")
        writer.writerow(map(_format_value, row.values()))
        return text.getvalue().encode()

    def parse_row(self, line: bytes, columns: Columns) -> Row | None:
        try:
            (values,) = csv.reader([line.decode()], delimiter=self.separator, strict=True)
            if self.separator == ";":
                values[-1] = values[-1].replace(",", ".")
            float(values[-1])
        except (ValueError, IndexError, csv.Error):
            return None
        if len(values) != len(columns):
            return None
        # Numbers are written with four decimals: without a line end, fewer mean a cut.
        if not line.endswith(b"\n") and not re.search(r"\.\d{4}$", values[-1]):
            return None
        return dict(zip(columns, values, strict=True))

    def may_be_cut(self, line: bytes) -> bool:
        return True  # the header says that the file is ours


_COMMAS = _Separated(",")
_SEMICOLONS = _Separated(";")


def _format_value(value: str | float) -> str:
    if isinstance(value, str):
        return value.replace("\r", "\\r").replace("\n", "\\n")
    return f"{value:.4f}"


FORMATS: dict[str, _Format] = {".jsonl": _JsonLines(), ".csv": _COMMAS}


# Marks.


def make_mark(photo: Path | RemotePhoto, caption: str, *, is_calibrated: bool = False) -> str:
    """Return a mark that tells whether another picture or another caption is there later.

    It also tells whether the row's score is calibrated, so that no file mixes both kinds.
    """
    mark = f"{compute_mark(photo)}-{_hash_caption(caption)}"
    if is_calibrated:
        return f"{mark}-{CALIBRATED}"
    return mark


def read_picture_mark(row: Mapping[str, Any]) -> str:
    """Return the mark of the picture that a row was written for; empty if it has none."""
    return _split_mark(row)[0]


def is_mended(row: Mapping[str, Any]) -> bool:
    """Return whether a row has another caption than it was written with."""
    words = _split_mark(row)[1]
    return bool(words) and words != _hash_caption(row["caption"])


def has_calibrated_score(row: Mapping[str, Any]) -> bool | None:
    """Return whether a row's score is calibrated; None if its mark was cleared."""
    picture, _, kind = _split_mark(row)
    if not picture:
        return None
    return kind == CALIBRATED


def _split_mark(row: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return the parts of a row's mark: of picture, caption and score; each empty if absent."""
    picture, _, rest = str(row.get("mark", "")).partition("-")
    words, _, kind = rest.partition("-")
    return picture, words, kind


def _hash_caption(caption: str) -> str:
    """Return a hash of the words: other spaces between them do not make another caption."""
    words = unicodedata.normalize("NFC", " ".join(caption.split()))
    return hashlib.sha256(words.encode()).hexdigest()[:_CAPTION_DIGITS]


def compute_mark(photo: Path | RemotePhoto) -> str:
    """Return a mark of the picture in a file: another picture has another one.

    It is made of the file's size and first bytes, so that large files are read quickly.
    """
    if isinstance(photo, RemotePhoto):
        return photo.compute_mark()
    with photo.open("rb") as file:
        beginning = file.read(MARKED_BYTES)
    return hash_beginning(beginning, photo.stat().st_size)


def class_columns(number: int) -> Columns:
    """Return the columns of a classifier's file: the path, then classes and probabilities by rank.

    `number` is that of the classifier's classes.
    """
    columns = ["path"]
    for rank in range(1, min(SHOWN_CLASSES, number) + 1):
        suffix = "" if rank == 1 else f"_{rank}"
        columns += [f"class{suffix}", f"probability{suffix}"]
    return tuple(columns)


def _check_place(file: Path, remedy: str) -> None:
    """Raise an error if no file can be at this path."""
    is_below_file = any(parent.exists() and not parent.is_dir() for parent in file.parents)
    if file.is_dir() or is_below_file:
        raise UserError(f"cannot write {file}: it is a folder or lies below a file; {remedy}")


def normalise_path(path: str) -> str:
    """Return the same text for all spellings of a path. An address has one."""
    if is_address(path):
        return path
    return os.path.normpath(Path(path).absolute())
