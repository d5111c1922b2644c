"""CSV and TSV tables with a header: a photo column, a caption column, perhaps a split column."""

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.sources.base import CaptionRows, Row, parse_split
from data.sources.layouts import (
    find_first,
    find_in_split_folders,
    infer_split,
    list_language_codes,
    list_photo_roots,
)
from data.sources.photo_finder import MAX_SHOWN
from data.sources.text_files import open_text, read_lines
from utils.errors import UserError

PHOTO_COLUMNS = (
    "photo",
    "image",
    "file",
    "filename",
    "file_name",
    "image_name",
    "file_path",
    "path",
)
CAPTION_COLUMNS = ("caption", "text", "comment", "sentence", "description")
OBJECTS = "objects"  # the column with the names of what a photo shows
_ENDINGS = (".csv", ".tsv")
_SEPARATORS = (",", "\t", ";", "|")

# A cell of a megabyte is a caption that is too long, not the end of the file.
csv.field_size_limit(1 << 30)


def find(folder: Path, language: str | None) -> list[Path]:
    """Find the table of a folder, in this language if there is one, or in each split's folder."""
    names = []
    for code in list_language_codes(language):
        names += [f"captions.{code}.csv", f"captions.{code}.tsv"]
    names += ["captions.csv", "captions.tsv", "metadata.csv"]
    tables = [*folder.glob("captions.*.csv"), *folder.glob("captions.*.tsv")]
    if len(tables) == 1:
        names.append(tables[0].name)
    return (
        find_first(folder, names)
        or find_in_split_folders(folder, "metadata.csv")
        or _find_only_table(folder)
    )


def _find_only_table(folder: Path) -> list[Path]:
    """Find the one table of a folder, whatever its name, if it has a header."""
    tables = []
    for file in folder.iterdir():
        if file.suffix.lower() in _ENDINGS and not file.name.startswith("."):
            tables.append(file)
    if len(tables) != 1 or tables[0].name == "results.csv":  # that is Flickr30k's
        return []
    with tables[0].open("rb") as file:
        start = file.read(1000).decode("utf-8-sig", "replace")
    header = split_header(start.partition("\n")[0], tables[0])
    has_photo = find_column(header, PHOTO_COLUMNS) is not None
    has_caption = find_column(header, CAPTION_COLUMNS) is not None
    return tables if has_photo and has_caption else []


def recognise(file: Path) -> bool:
    """Return whether a file is a table, and not Kaggle's of Flickr30k."""
    if file.suffix.lower() not in _ENDINGS:
        return False
    return file.name != "results.csv" or read_kaggle_header(file) is None


def read(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """Read tables."""
    return [
        CaptionRows(_read_rows(file, infer_split(file, folder)), list_photo_roots(file, folder))
        for file in files
    ]


def _read_rows(path: Path, default_split: str | None) -> Iterator[Row]:
    table = _read_table(path)
    _, first = next(table, ("", []))
    header = [" ".join(name.split()).lower()[:MAX_SHOWN] for name in first]
    if not header:
        raise UserError(
            f"{path} is empty; name the columns in its first line, such as photo,caption,split"
        )
    photo_column = find_column(header, PHOTO_COLUMNS)
    caption_column = find_column(header, CAPTION_COLUMNS)
    split_column = find_column(header, ("split",))
    if photo_column is None or caption_column is None:
        raise UserError(
            f"{path}: the first line names no photo and caption column; found "
            f"{', '.join(header)[:MAX_SHOWN]}; write photo,caption or photo,caption,split there"
        )
    for where, cells in table:
        _check_number_of_cells(cells, len(header), where)
        split = default_split
        if split_column is not None:
            split = parse_split(cells[split_column], where) or default_split
        yield Row(cells[photo_column].strip(), cells[caption_column], split, where)


def read_records(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a table, each after its place, with their cells by column."""
    table = _read_table(path)
    _, first = next(table, ("", []))
    header = [name.strip().lower() for name in first]
    for where, cells in table:
        _check_number_of_cells(cells, len(header), where)
        yield where, dict(zip(header, cells, strict=False))


def _check_number_of_cells(cells: Sequence[str], columns: int, where: str) -> None:
    # To ignore cells beyond the header would cut a caption short without a word.
    if len(cells) < columns or "".join(cells[columns:]).strip():
        raise UserError(
            f"{where}: {count_columns(cells)} where the header has {columns}; put quotes "
            "round a caption that contains commas (or tabs)"
        )


def read_objects(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield photos and the objects in them, if the table has a column for those.

    The names of several objects have a comma, a semicolon or a bar between them.
    """
    for _, record in read_records(path):
        photo_column = next((name for name in PHOTO_COLUMNS if name in record), None)
        if photo_column is None or OBJECTS not in record:
            return
        names = re.split("[,;|]", record[OBJECTS])
        yield record[photo_column].strip(), [name for name in names if name.strip()]


def _read_table(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the rows that are not blank, each after the file and the line in which it begins."""
    with open_text(path, newline="") as text:
        # Strict, because otherwise a quote that is never closed swallows all later lines.
        table = csv.reader(text, delimiter=find_separator(path), strict=True)
        line = 1
        try:
            for cells in table:
                if any(cell.strip() for cell in cells):
                    yield f"{path}, line {line}", cells
                line = table.line_num + 1
        except csv.Error as error:
            raise UserError(
                f"{path}, line {line}: {error}; close every quote that opens a cell, and write "
                "quotes inside it twice"
            ) from None


def find_separator(path: Path) -> str:
    """Return what separates the columns, by the header's line, or else by the file's ending."""
    default = "\t" if path.suffix.lower() == ".tsv" else ","
    with open_text(path) as text:
        header = next((line for line in text if line.strip(" \t\r\n,;|")), "")
    if default in header:
        return default
    most = max(_SEPARATORS, key=header.count)
    return most if most in header else default


def split_header(line: str, path: Path) -> list[str]:
    """Return the names of the columns in a header's line, in lower case."""
    cells = line.split(find_separator(path))
    return [cell.strip().strip('"').lower() for cell in cells]


def find_column(header: list[str], names: Sequence[str]) -> int | None:
    """Return the index of the first of these names that is a column, or None."""
    for name in names:
        if name in header:
            return header.index(name)
    return None


def count_columns(cells: Sequence[str]) -> str:
    """Return the number of cells with its noun."""
    return "1 column" if len(cells) == 1 else f"{len(cells)} columns"


def read_kaggle_header(path: Path) -> list[str] | None:
    """Return the columns of a table of Kaggle's, or None.

    They are a photo first and a caption last.
    """
    _, line = next(read_lines(path), ("", ""))
    header = split_header(line, path)
    if len(header) > 1 and header[0] in PHOTO_COLUMNS and header[-1] in CAPTION_COLUMNS:
        return header
    return None
