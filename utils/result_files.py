"""Files of results, JSON lines or CSV, written as the results come and gone on with where they stopped.

A file that stands already is read and checked before anything of it is touched: what is not ours is refused as it is.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from utils.errors import Refusal

COLUMNS = ("path", "caption", "score")  # of captions; in every kind the path comes first, and a number last
_LINE_BEGINS = b'{"path": "'


Columns = tuple[str, ...]
Row = tuple[str | float, ...]


@dataclass(frozen=True)
class Format:
    """How results stand in a file, as bytes."""

    header: Callable[[Columns], bytes]
    records: Callable[[bytes], Iterator[bytes]]  # cuts what comes after the header into records, line ends kept
    path_in: Callable[[bytes, Columns], str | None]  # the path in a whole record of ours; None of anything else
    may_be_cut: Callable[[bytes, Columns], bool]  # whether this may be the beginning of a record of ours
    record: Callable[[Row, Columns], bytes]


class ResultFile:
    """Results in a `.jsonl` or `.csv` file; opened for more by `with`."""

    def __init__(self, file: Path, columns: Columns = COLUMNS) -> None:
        """Read what stands there into `done`; refused where that is not ours. Nothing is written yet."""
        self.file = file
        self.done: set[str] = set()
        self._columns = columns
        self._format = FORMATS[file.suffix.lower()]
        self._header = self._format.header(columns)
        self._opened: IO[bytes]
        if any(parent.exists() and not parent.is_dir() for parent in file.parents) or file.is_dir():
            raise Refusal(f"cannot write {file}: it is a folder, or lies in what is none; choose another --out")
        self._written = file.read_bytes() if file.exists() else b""
        self._whole = self._check()

    def _check(self) -> int:
        """How many bytes to keep: all but a last record that was cut short. What they hold goes into `done`."""
        start, header = self._after_header(), self._header
        if start == 0 and header and self._written:
            if header.startswith(self._written):
                return 0  # cut short in its first line
            raise Refusal(f"{self.file} is not a file of these results: its first line is not {header.decode().strip()}; "
                          "it is left as it is; choose another --out")
        end, line = start, self._written[:start].count(b"\n") + 1
        for record in self._format.records(self._written[start:]):
            path = self._format.path_in(record, self._columns) if record.strip() else ""
            if path is None:
                last = end + len(record) == len(self._written)
                if last and self._format.may_be_cut(record, self._columns):
                    break
                raise Refusal(f"{self.file}, line {line}: not a result of this program; the file is left as it is; mend "
                              "or remove the line, or choose another --out")
            if path:
                self.done.add(path)
            end, line = end + len(record), line + record.count(b"\n")
        return end

    def _after_header(self) -> int:
        """Where the header ends; 0 where there is none. Spreadsheets put a mark before it, and end lines in CR LF."""
        found = re.match(rb"(?:\xef\xbb\xbf)?" + self._header.rstrip(b"\n") + rb"\r?\n", self._written)
        return found.end() if found and self._header else 0

    def __enter__(self) -> Self:
        """Open to add; a last record that was cut short is removed."""
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self._opened = self.file.open("ab")
        self._opened.truncate(self._whole)
        if self._whole == 0:
            self._opened.write(self._header)
        elif not self._written[: self._whole].endswith(b"\n"):  # as some editors leave it
            self._opened.write(b"\n")
        self._opened.flush()
        return self

    def write(self, path: str, *values: str | float) -> None:
        """Add a result, the values of the other columns; it is in the file before the next photo's turn."""
        self._opened.write(self._format.record((path, *values), self._columns))
        self._opened.flush()
        self.done.add(path)

    def __exit__(self, *_: Any) -> None:
        """Close; what Ctrl-C left in the buffer is written."""
        self._opened.close()


def _lines(written: bytes) -> Iterator[bytes]:
    """Each line a record."""
    yield from io.BytesIO(written)  # unlike splitlines(), it ends lines at \n alone


def _json_path(record: bytes, columns: Columns) -> str | None:
    try:
        row = json.loads(record)
    except ValueError:
        return None
    ours = isinstance(row, dict) and row.keys() == set(columns) and isinstance(row["path"], str)
    return row["path"] if ours else None


def _json_may_be_cut(record: bytes, _columns: Columns) -> bool:
    try:
        json.loads(record)
    except ValueError:
        return not record.endswith(b"\n") and (record.startswith(_LINE_BEGINS) or _LINE_BEGINS.startswith(record))
    return False  # whole, but not ours


def _json_record(values: Row, columns: Columns) -> bytes:
    row = {name: round(value, 4) if isinstance(value, float) else value for name, value in zip(columns, values, strict=True)}
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


def _csv_path(record: bytes, columns: Columns) -> str | None:
    try:
        (row,) = csv.reader(io.StringIO(record.decode(), newline=""), strict=True)
        float(row[-1])
    except (ValueError, IndexError, csv.Error):
        return None
    # Without its line end a row is whole only if its last number is: ours have four decimals.
    whole = record.endswith(b"\n") or re.search(r"\.\d{4}$", row[-1])
    return row[0] if len(row) == len(columns) and whole else None


def _csv_may_be_cut(record: bytes, columns: Columns) -> bool:
    _, *later = io.BytesIO(record)
    if any(_csv_path(line, columns) is not None for line in later):
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
    ".jsonl": Format(lambda columns: b"", _lines, _json_path, _json_may_be_cut, _json_record),
    ".csv": Format(_csv_header, _rows, _csv_path, _csv_may_be_cut, _csv_record),
}
