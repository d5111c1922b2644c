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
    parts = []
    for file in files:
        left_out: list[LeftOut] = []
        # predict.py writes paths as they were typed, so seen from the folder of that time.
        roots = [file.parent, Path()]
        rows = _read_mended(file, left_out)
        parts.append(CaptionRows(rows, roots, left_out, reports_uncaptioned=False))
    return parts


def _read_mended(file: Path, left_out: list[LeftOut]) -> Iterator[Row]:
    """Yield the mended rows; enter into `left_out` how many rows are not."""
    records: Iterator[tuple[str, Mapping[str, Any]]]
    if file.suffix.lower() == ".csv":
        records = read_table_records(file)
    else:
        records = read_json_records(file)
    others = 0
    for where, record in records:
        row = _make_row(record, where)
        if is_mended(record):
            yield row
        else:
            others += 1
    if others:
        number = "1 row" if others == 1 else f"{others:,} rows"
        reason = "not changed since predict.py wrote the caption; --all-rows takes all"
        left_out.append(LeftOut(number, reason, str(file)))


def _make_row(record: Mapping[str, Any], where: str) -> Row:
    values = [record.get(name) for name in ("path", "caption", "mark", "split")]
    if not all(isinstance(value, str) for value in values[:3]):
        raise UserError(
            f"{where}: no path, caption and mark as text; restore them as predict.py wrote them"
        )
    path, caption, _, split = values
    return Row(path.strip(), caption, parse_split(split, where), where)
