"""Captions files of predict.py that somebody has mended: the rows whose caption was changed."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from data.sources.base import CaptionRows, LeftOut, Row, parse_split
from data.sources.json_lines import read_records as read_json_records
from data.sources.tables import read_records as read_table_records
from data.sources.tables import split_header
from data.sources.text_files import parse_json, read_lines
from utils.captions_file import CAPTION_COLUMNS, is_mended
from utils.errors import UserError

_NAMES = ("captions.csv", "captions.jsonl")
# A spreadsheet may have moved columns and added some.
_NEEDED = frozenset(CAPTION_COLUMNS)


def find(folder: Path, _language: str | None) -> list[Path]:
    """Find the captions file that predict.py has written into a folder."""
    for name in _NAMES:
        if recognise(folder / name):
            return [folder / name]
    return []


def recognise(file: Path) -> bool:
    """Return whether a file has the columns of predict.py's captions, a mark among them."""
    ending = file.suffix.lower()
    if ending not in (".csv", ".jsonl") or not file.is_file():
        return False
    _, line = next(read_lines(file), ("", ""))
    if ending == ".csv":
        return set(split_header(line, file)) >= _NEEDED
    try:
        first = parse_json(line, file, 1, advice="a line holds one object")
    except UserError:
        return False  # what is wrong is said when it is read as JSON lines
    return isinstance(first, dict) and first.keys() >= _NEEDED


def read(files: list[Path], _folder: Path, _language: str | None) -> list[CaptionRows]:
    """Read the mended rows of captions files; say of each file how many others it has."""
    return [_read_file(file, all_rows=False) for file in files]


def read_all(files: list[Path], _folder: Path, _language: str | None) -> list[CaptionRows]:
    """Read all rows of captions files; of a photo with a mended row, that one alone."""
    return [_read_file(file, all_rows=True) for file in files]


def _read_file(file: Path, *, all_rows: bool) -> CaptionRows:
    left_out: list[LeftOut] = []
    # predict.py writes paths as they were typed, so seen from the folder of that time.
    roots = [file.parent, Path()]
    rows = _choose_rows(file, left_out, all_rows=all_rows)
    # Somebody may have removed rows on purpose, so a photo without one is no fault.
    return CaptionRows(rows, roots, left_out, reports_uncaptioned=False)


def _choose_rows(file: Path, left_out: list[LeftOut], *, all_rows: bool) -> Iterator[Row]:
    """Yield the rows that are learned; enter into `left_out` how many are not, and why."""
    mended, unchanged, unmarked = [], [], []
    for where, record in _read_records(file):
        row = _make_row(record, where)
        if is_mended(record):
            mended.append(row)
        elif record["mark"].strip():
            unchanged.append(row)
        else:
            unmarked.append(row)
    yield from mended
    others = unchanged + unmarked
    if all_rows:
        mended_photos = {row.photo for row in mended}
        yield from (row for row in others if row.photo not in mended_photos)
        return
    remedy = "--all-rows takes all"
    reasons = {
        f"not changed since predict.py wrote the caption; {remedy}": unchanged,
        f"without a mark, by which a change is seen; {remedy}": unmarked,
    }
    for reason, rows in reasons.items():
        if rows:
            number = "1 row" if len(rows) == 1 else f"{len(rows):,} rows"
            left_out.append(LeftOut(number, reason, str(file)))


def _read_records(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if file.suffix.lower() == ".csv":
        return read_table_records(file)
    return read_json_records(file)


def _make_row(record: Mapping[str, Any], where: str) -> Row:
    values = [record.get(name) for name in ("path", "caption", "mark", "split")]
    if not all(isinstance(value, str) for value in values[:3]):
        raise UserError(
            f"{where}: no path, caption and mark as text; restore them as predict.py wrote them"
        )
    path, caption, _, split = values
    return Row(path.strip(), caption, parse_split(split, where), where)
