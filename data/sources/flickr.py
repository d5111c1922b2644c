"""Flickr8k and Flickr30k: as distributed (name#k, a tab, a caption; lists of the splits) and as Kaggle has them."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from data.sources.base import CaptionRows, LeftOut, Row, parse_split, read_lines, resolve_split
from data.sources.photo_finder import PHOTO_FOLDERS
from data.sources.tables import CAPTION, PHOTO, find_first, separator_of
from utils.errors import UserError

_NAME = re.compile(r"[^#\t,|]{0,80}")  # of the photo, with which every line begins
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
# Kaggle's results.csv of Flickr30k has a line in which one of the separators is missing.
_WITHOUT_SEPARATOR = re.compile(r"\s*(\d+)\s+(\S.*)")
_LISTS = {
    "train": ("Flickr_8k.trainImages.txt", "train.txt"),
    "val": ("Flickr_8k.devImages.txt", "val.txt"),
    "test": ("Flickr_8k.testImages.txt", "test.txt"),
}


def find_flickr8k(folder: Path, _language: str | None) -> list[Path]:
    """Flickr8k's captions as distributed, else as Kaggle has them."""
    return find_first(
        folder, ["Flickr8k.token.txt", "Flickr8k_text/Flickr8k.token.txt"]
    ) or _kaggle(folder, "captions.txt")


def find_flickr30k(folder: Path, _language: str | None) -> list[Path]:
    """Flickr30k's captions as distributed, else as Kaggle has them (in some copies among the photos)."""
    return find_first(folder, ["results_20130124.token"]) or _kaggle(
        folder, "results.csv", "flickr30k_images/results.csv"
    )


def _kaggle(folder: Path, *names: str) -> list[Path]:
    """The first of these files that has a header as Kaggle's."""
    return [file for name in names for file in find_first(folder, [name]) if _kaggle_header(file)][
        :1
    ]


def is_flickr8k(file: Path) -> bool:
    """Whether a file is one of Flickr8k's."""
    return file.name.endswith(".token.txt") or file.name == "captions.txt"


def is_flickr30k(file: Path) -> bool:
    """Whether a file is one of Flickr30k's."""
    return file.suffix == ".token" or (
        file.name == "results.csv" and _kaggle_header(file) is not None
    )


def read_flickr(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """The captions; where there are lists of the splits, of listed photos alone."""
    parts = []
    for file in files:
        part = CaptionRows(
            (),
            [
                place / name
                for place in dict.fromkeys([folder, file.parent])
                for name in PHOTO_FOLDERS
            ],
        )
        splits = _splits([folder, file.parent], part.left_out)
        header = None if file.name.endswith((".token", ".token.txt")) else _kaggle_header(file)
        if header is None and file.name in ("captions.txt", "results.csv"):
            raise UserError(f"{file}, line 1: a header such as image,caption is wanted there")
        rows = (
            _kaggle_rows(file, header, part.left_out)
            if header
            else _token_rows(file, part.left_out)
        )
        part.rows = _with_splits(rows, splits, part.left_out)
        # Where captions are numbered two people may have said the same.
        part.whole, part.listed, part.repeats = (
            not splits,
            bool(splits),
            not header or "number" in header[1],
        )
        parts.append(part)
    return parts


def _splits(folders: list[Path], left_out: list[LeftOut]) -> dict[str, tuple[str, str]]:
    """The split of each listed photo and where it is listed."""
    splits: dict[str, tuple[str, str]] = {}
    for split, names in _LISTS.items():
        for file in [file for folder in folders for file in find_first(folder, list(names))][:1]:
            for where, line in read_lines(file):
                name = (
                    line.strip() if "." in line else f"{line.strip()}.jpg"
                )  # Flickr30k's lists have the stems
                if name in splits:
                    before = splits[name][0]
                    kept, told = (
                        resolve_split(before, split) if before != split else (split, "listed twice")
                    )
                    splits[name] = (kept, splits[name][1])
                    left_out.append(LeftOut(name, told, where))
                else:
                    splits[name] = (split, where)
    return splits


def _with_splits(
    rows: Iterable[Row], splits: dict[str, tuple[str, str]], left_out: list[LeftOut]
) -> Iterator[Row]:
    """The rows with the splits of the lists; at the end, what is listed without captions is told."""
    captioned = set()
    for row in rows:
        captioned.add(row.name)
        yield row._replace(split=splits[row.name][0]) if row.name in splits else row
    left_out += [
        LeftOut(name, "listed, but without captions", where)
        for name, (_, where) in splits.items()
        if name not in captioned
    ]


def _token_rows(path: Path, left_out: list[LeftOut]) -> Iterator[Row]:
    for where, line in _once(path, left_out):
        name, tab, caption = line.partition("\t")
        if not tab:
            raise UserError(f"{where}: no tab between the photo's name and its caption")
        yield Row(name.rpartition("#")[0] or name, caption, None, where)


def _once(path: Path, left_out: list[LeftOut]) -> Iterator[tuple[str, str]]:
    """The lines; one that stands there before is left out."""
    seen: set[str] = set()
    for where, line in read_lines(path):
        if line in seen:
            left_out.append(LeftOut(_NAME.match(line)[0], "the same line twice", where))
        else:
            seen.add(line)
            yield where, line


def _kaggle_header(path: Path) -> list[str] | None:
    """The columns of Kaggle's files, a photo first and a caption last; None where the first line names none."""
    line = next(read_lines(path), ("", ""))[1]
    header = [name.strip().strip('"').lower() for name in line.split(separator_of(path))]
    return header if len(header) > 1 and header[0] in PHOTO and header[-1] in CAPTION else None


def _kaggle_rows(path: Path, header: list[str], left_out: list[LeftOut]) -> Iterator[Row]:
    """A photo, perhaps a number or a split, and a caption a line, which may have the separator in it without quotes."""
    separator, columns = separator_of(path), len(header)
    split = header.index("split") if "split" in header else None
    lines = _once(path, left_out)
    next(lines)
    for where, line in lines:
        cells = line.split(separator, columns - 1)
        if (
            len(cells) == columns - 1 == 2
            and split is None
            and (mended := _WITHOUT_SEPARATOR.fullmatch(cells[1]))
        ):
            cells = [cells[0], *mended.groups()]
        if len(cells) < columns:
            raise UserError(
                f"{where}: {len(cells)} column{'s' * (len(cells) != 1)} where the header has {columns}"
            )
        if separator == ",":  # elsewhere a quote is a quote
            cells = [_unquoted(cell) for cell in cells]
        yield Row(
            cells[0].strip(),
            cells[-1],
            parse_split(cells[split], where) if split is not None else None,
            where,
        )


def _unquoted(cell: str) -> str:
    """What stands between a cell's quotes, where it has them round it."""
    cell = cell.strip()
    return cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell
