"""Files of results, JSON lines or CSV, written as the results come and gone on with where they stopped.

A file that stands already is read and checked before anything of it is touched: what is not ours is refused as it is.
"""

import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from utils.errors import UserError
from utils.files import try_lock

# In every kind the path comes first, and a number last; `doubtful` is there where captions with a low score are kept out of
# the captions, `photo` tells by `mark_of` which picture it was.
COLUMNS = ("path", "caption", "score")
OF_FILES = ("path", "caption", "photo", "score")
WITH_DOUBTFUL = ("path", "caption", "doubtful", "photo", "score")
OLDER = (COLUMNS, ("path", "caption", "doubtful", "score"))
_LOOKED_AT = 1 << 16  # bytes by which pictures are told apart
_LINE_BEGINS = b'{"path": "'


Columns = tuple[str, ...]
Row = tuple[str | float, ...]


@dataclass(frozen=True)
class Format:
    """How results stand in a file, as bytes."""

    header: Callable[[Columns], bytes]
    records: Callable[
        [bytes], Iterator[bytes]
    ]  # cuts what comes after the header into records, line ends kept
    row: Callable[
        [bytes, Columns], dict[str, Any] | None
    ]  # a whole record of ours by column; None of anything else
    may_be_cut: Callable[
        [bytes, Columns], bool
    ]  # whether this may be the beginning of a record of ours
    record: Callable[[Row, Columns], bytes]


class CaptionsFile:
    """Results in a `.jsonl` or `.csv` file; opened for more by `with`."""

    def __init__(self, file: Path, columns: Columns = COLUMNS, *others: Columns) -> None:
        """Read what stands there into `done`, rows by path; refused where that is not ours. Nothing is written yet.

        A table with the columns of `others` is ours too, and gone on with in those: `columns` then tells them.
        """
        self.file = file
        self.done: dict[str, dict[str, Any]] = {}
        self._format = FORMATS[file.suffix.lower()]
        self._opened: IO[bytes]
        if any(parent.exists() and not parent.is_dir() for parent in file.parents) or file.is_dir():
            raise UserError(
                f"cannot write {file}: it is a folder, or lies in what is none; choose another --out"
            )
        self._written = file.read_bytes() if file.exists() else b""
        self._known = (columns, *others)
        self.columns = next((each for each in self._known if self._after_header(each)), columns)
        self._header = self._format.header(self.columns)
        self._whole = self._check()
        self._by_place = {_place(path): row for path, row in self.done.items()}
        self._moved = {
            (Path(path).name, row["photo"]): row
            for path, row in self.done.items()
            if row.get("photo") and not Path(path).exists()
        }
        self._names = {name for name, _ in self._moved}

    def standing(self, path: str) -> dict[str, Any] | None:
        """The row of this path, however it is spelled; or of the same picture under a path at which nothing is any more, or
        which is told from another folder."""
        found = self._by_place.get(_place(path))
        if found is None and Path(path).name in self._names and Path(path).is_file():
            found = self._moved.get((Path(path).name, mark_of(Path(path))))
        return found

    def _check(self) -> int:
        """How many bytes to keep: all but a last record that was cut short. What they hold goes into `done`."""
        start, header = self._after_header(self.columns), self._header
        if start == 0 and header and self._written:
            if any(self._format.header(each).startswith(self._written) for each in self._known):
                return 0  # cut short in its first line
            if any(self._after_header(each, separator=b";") for each in self._known):
                raise UserError(
                    f"{self.file} has semicolons between its values, as some spreadsheets write them; save it "
                    "with commas, or choose another --out; it is left as it is"
                )
            raise UserError(
                f"{self.file} is not a file of these results: its first line is not {header.decode().strip()}; "
                "it is left as it is; choose another --out"
            )
        end, line = start, self._written[:start].count(b"\n") + 1
        for record in self._format.records(self._written[start:]):
            row = self._row(record) if record.strip() else {}
            if row is None:
                last = end + len(record) == len(self._written)
                if last and self._format.may_be_cut(record, self.columns):
                    break
                raise UserError(
                    f"{self.file}, line {line}: not a result of this program; the file is left as it is; mend "
                    "or remove the line, or choose another --out"
                )
            if row:
                self.done[row["path"]] = row
            end, line = end + len(record), line + record.count(b"\n")
        return end

    def _row(self, record: bytes) -> dict[str, Any] | None:
        """A record of ours by column: of the table's, or, where each record names its own, of those that there may be."""
        rows = (
            self._format.row(record, each)
            for each in ((self.columns,) if self._header else self._known)
        )
        return next((row for row in rows if row is not None), None)

    def _after_header(self, columns: Columns, separator: bytes = b",") -> int:
        """Where the header of these columns ends; 0 where there is none. Spreadsheets put a mark before it, and end lines in
        CR LF."""
        header = self._format.header(columns).replace(b",", separator)
        found = re.match(rb"(?:\xef\xbb\xbf)?" + header.rstrip(b"\n") + rb"\r?\n", self._written)
        return found.end() if found and header else 0

    def __enter__(self) -> Self:
        """Open to add, alone; a last record that was cut short is removed."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._opened = self.file.open("ab")
        try:
            self._claim()
        except BaseException:
            self._opened.close()
            raise
        self._opened.truncate(self._whole)
        if self._whole == 0:
            self._opened.write(self._header)
        elif not self._written[: self._whole].endswith(b"\n"):  # as some editors leave it
            self._opened.write(b"\n")
        self._opened.flush()
        return self

    def _claim(self) -> None:
        """Refuse to write where another program writes, or has written since the file was read."""
        if not try_lock(self._opened):
            raise UserError(
                f"another command is writing into {self.file}; wait until it has ended, or choose another --out"
            )
        if self._opened.seek(0, os.SEEK_END) != len(self._written):
            raise UserError(
                f"{self.file} was written by another command meanwhile; run this one again"
            )

    def write(self, path: str, *values: str | float) -> None:
        """Add a result, the values of the other columns; it is in the file before the next photo's turn."""
        self._opened.write(self._format.record((path, *values), self.columns))
        self._opened.flush()
        self.done[path] = self._by_place[_place(path)] = dict(
            zip(self.columns, (path, *values), strict=True)
        )

    def __exit__(self, *_: Any) -> None:
        """Close; what Ctrl-C left in the buffer is written."""
        self._opened.close()


def mark_of(photo: Path) -> str:
    """A mark of a picture's file: of another picture under that name it is another. It takes no reading of whole files."""
    with photo.open("rb") as file:
        told = file.read(_LOOKED_AT)
    return hashlib.sha256(told + str(photo.stat().st_size).encode()).hexdigest()[:12]


def _place(path: str) -> str:
    """The path in one spelling."""
    return os.path.normpath(Path(path).absolute())


def _lines(written: bytes) -> Iterator[bytes]:
    """Each line a record."""
    yield from io.BytesIO(written)  # unlike splitlines(), it ends lines at \n alone


def _json_row(record: bytes, columns: Columns) -> dict[str, Any] | None:
    try:
        row = json.loads(record)
    except ValueError:
        return None
    ours = isinstance(row, dict) and row.keys() == set(columns) and isinstance(row["path"], str)
    return row if ours and isinstance(row[columns[-1]], int | float) else None


def _json_may_be_cut(record: bytes, _columns: Columns) -> bool:
    try:
        json.loads(record)
    except ValueError:
        return not record.endswith(b"\n") and (
            record.startswith(_LINE_BEGINS) or _LINE_BEGINS.startswith(record)
        )
    return False  # whole, but not ours


def _json_record(values: Row, columns: Columns) -> bytes:
    row = {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in zip(columns, values, strict=True)
    }
    return (json.dumps(row, ensure_ascii=False) + "\n").encode()


def _rows(written: bytes) -> Iterator[bytes]:
    """Each row of a CSV a record: it goes on over line ends while a quote is open."""
    row = b""
    for line in io.BytesIO(written):
        row += line
        if row.count(b'"') % 2 == 0:
            yield row
            row = b""
    if row:
        yield row


def _csv_header(columns: Columns) -> bytes:
    return (",".join(columns) + "\n").encode()


def _csv_row(record: bytes, columns: Columns) -> dict[str, Any] | None:
    try:
        (row,) = csv.reader(io.StringIO(record.decode(), newline=""), strict=True)
        float(row[-1])
    except (ValueError, IndexError, csv.Error):
        return None
    # Without its line end a row is whole only if its last number is: ours have four decimals.
    whole = record.endswith(b"\n") or re.search(r"\.\d{4}$", row[-1])
    return dict(zip(columns, row, strict=True)) if len(row) == len(columns) and whole else None


def _csv_may_be_cut(record: bytes, columns: Columns) -> bool:
    _, *later = io.BytesIO(record)
    if any(_csv_row(line, columns) is not None for line in later):
        return False  # a quote mistyped in the middle made one record of all that follows
    ended = record.endswith(b"\n") and record.count(b'"') % 2 == 0
    return not ended and re.sub(rb'"[^"]*("|$)', b"", record).count(b",") < len(columns)


def _csv_record(values: Row, _columns: Columns) -> bytes:
    text = io.StringIO()
    told = [f"{value:.4f}" if isinstance(value, float) else value for value in values]
    # Only what its line end holds makes the writer put quotes round a field, before Python 3.13: \r has to be in it.
    csv.writer(text, lineterminator="\r\n").writerow(told)
    return text.getvalue().removesuffix("\r\n").encode() + b"\n"


FORMATS = {
    ".jsonl": Format(lambda columns: b"", _lines, _json_row, _json_may_be_cut, _json_record),
    ".csv": Format(_csv_header, _rows, _csv_row, _csv_may_be_cut, _csv_record),
}
