"""Flickr8k and Flickr30k, as distributed and as Kaggle has them.

As distributed, a line is name#k, a tab and a caption, and lists of photos give the splits.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from data.sources.base import CaptionRows, LeftOut, Row, parse_split, resolve_split
from data.sources.layouts import PHOTO_FOLDERS, find_first
from data.sources.tables import count_columns, find_separator, read_kaggle_header
from data.sources.text_files import read_lines
from utils.errors import UserError

_NAME_AT_START = re.compile(r"[^#\t,|]{0,80}")  # of the photo, at the start of every line
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
# Kaggle's results.csv of Flickr30k has a line in which one of the separators is missing.
_WITHOUT_SEPARATOR = re.compile(r"\s*(\d+)\s+(\S.*)")
_SPLIT_LISTS = {
    "train": ("Flickr_8k.trainImages.txt", "train.txt"),
    "val": ("Flickr_8k.devImages.txt", "val.txt"),
    "test": ("Flickr_8k.testImages.txt", "test.txt"),
}

SplitLists = dict[str, tuple[str, str]]  # photo's name → its split, and where it is listed


def find_flickr8k(folder: Path, _language: str | None) -> list[Path]:
    """Find Flickr8k's captions as distributed, or else as Kaggle has them."""
    names = ["Flickr8k.token.txt", "Flickr8k_text/Flickr8k.token.txt"]
    return find_first(folder, names) or _find_kaggle(folder, ["captions.txt"])


def find_flickr30k(folder: Path, _language: str | None) -> list[Path]:
    """Find Flickr30k's captions as distributed, or else as Kaggle has them."""
    # In some copies the table lies among the photos.
    names = ["results.csv", "flickr30k_images/results.csv"]
    return find_first(folder, ["results_20130124.token"]) or _find_kaggle(folder, names)


def _find_kaggle(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the first of these files that has a header as Kaggle's, as a list of one or none."""
    for name in names:
        file = folder / name
        if file.is_file() and read_kaggle_header(file) is not None:
            return [file]
    return []


def recognise_flickr8k(file: Path) -> bool:
    """Return whether a file is named as Flickr8k's."""
    return file.name.endswith(".token.txt") or file.name == "captions.txt"


def recognise_flickr30k(file: Path) -> bool:
    """Return whether a file is named as Flickr30k's, and a table has a header as Kaggle's."""
    if file.suffix == ".token":
        return True
    return file.name == "results.csv" and read_kaggle_header(file) is not None


def read(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """Read the captions; where there are lists of splits, only listed photos are used."""
    return [_read_file(file, folder) for file in files]


def _read_file(file: Path, folder: Path) -> CaptionRows:
    left_out: list[LeftOut] = []
    places = list(dict.fromkeys([folder, file.parent]))
    splits = _read_splits(places, left_out)
    header = None
    if not file.name.endswith((".token", ".token.txt")):
        header = read_kaggle_header(file)
        if header is None and file.name in ("captions.txt", "results.csv"):
            raise UserError(f"{file}, line 1: expected a header such as image,caption")
    if header is None:
        rows = _read_tokens(file, left_out)
        is_numbered = True
    else:
        rows = _read_kaggle(file, header, left_out)
        is_numbered = "number" in header[1]
    return CaptionRows(
        _add_splits(rows, splits, left_out),
        [place / name for place in places for name in PHOTO_FOLDERS],
        left_out,
        reports_uncaptioned=not splits,
        requires_split=bool(splits),
        # Where captions are numbered, two people may have written the same one.
        allows_repeats=is_numbered,
    )


def _read_splits(folders: list[Path], left_out: list[LeftOut]) -> SplitLists:
    """Read the lists of splits in the first of the folders that has them."""
    splits: SplitLists = {}
    for split, names in _SPLIT_LISTS.items():
        for where, line in _read_list(folders, names):
            name = line.strip()
            if "." not in name:  # Flickr30k's lists name photos without .jpg
                name += ".jpg"
            if name not in splits:
                splits[name] = (split, where)
                continue
            before, first_place = splits[name]
            kept, reason = split, "listed twice"
            if before != split:
                kept, reason = resolve_split(before, split)
            splits[name] = (kept, first_place)
            left_out.append(LeftOut(name, reason, where))
    return splits


def _read_list(folders: list[Path], names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for folder in folders:
        files = find_first(folder, names)
        if files:
            yield from read_lines(files[0])
            return


def _add_splits(rows: Iterable[Row], splits: SplitLists, left_out: list[LeftOut]) -> Iterator[Row]:
    """Yield the rows with the splits of the lists, then note listed photos without captions."""
    captioned = set()
    for row in rows:
        captioned.add(row.photo)
        if row.photo in splits:
            split, _ = splits[row.photo]
            row = row._replace(split=split)
        yield row
    for name, (_, where) in splits.items():
        if name not in captioned:
            left_out.append(LeftOut(name, "listed, but without captions", where))


def _read_tokens(path: Path, left_out: list[LeftOut]) -> Iterator[Row]:
    for where, line in _read_unique_lines(path, left_out):
        name, tab, caption = line.partition("\t")
        if not tab:
            raise UserError(f"{where}: no tab between the photo's name and its caption")
        photo, _, _ = name.rpartition("#")
        yield Row(photo or name, caption, None, where)


def _read_unique_lines(path: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, str]]:
    """Yield the lines; one that is repeated is left out."""
    seen: set[str] = set()
    for where, line in read_lines(path):
        if line in seen:
            name = _NAME_AT_START.match(line)[0]
            left_out.append(LeftOut(name, "the same line twice", where))
        else:
            seen.add(line)
            yield where, line


def _read_kaggle(path: Path, header: list[str], left_out: list[LeftOut]) -> Iterator[Row]:
    """Read a photo, perhaps a number or a split, and a caption a line.

    The caption may contain the separator without being in quotes.
    """
    separator = find_separator(path)
    columns = len(header)
    split_column = header.index("split") if "split" in header else None
    lines = _read_unique_lines(path, left_out)
    next(lines)
    for where, line in lines:
        cells = line.split(separator, columns - 1)
        if len(cells) == 2 and columns == 3 and split_column is None:
            repaired = _WITHOUT_SEPARATOR.fullmatch(cells[1])
            if repaired:
                cells = [cells[0], *repaired.groups()]
        if len(cells) < columns:
            raise UserError(f"{where}: {count_columns(cells)} where the header has {columns}")
        if separator == ",":  # with other separators a quote is part of the caption
            cells = [_remove_quotes(cell) for cell in cells]
        split = None
        if split_column is not None:
            split = parse_split(cells[split_column], where)
        yield Row(cells[0].strip(), cells[-1], split, where)


def _remove_quotes(cell: str) -> str:
    """Return a cell without the quotes round it."""
    cell = cell.strip()
    if _QUOTED.fullmatch(cell):
        return cell[1:-1].replace('""', '"')
    return cell
