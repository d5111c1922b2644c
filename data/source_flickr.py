"""Flickr8k and Flickr30k: as distributed (name#k, a tab, a caption; lists of the splits) and as Kaggle has them."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from data.examples import LeftOut, Part, Row, in_two_splits, numbered_lines
from data.source_tables import CAPTION, PHOTO, first_there, separator_of
from utils.errors import Refusal

PHOTO_FOLDERS = ("Flicker8k_Dataset", "Flickr8k_Dataset/Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k_images",
                 "flickr30k_images/flickr30k_images", "flickr30k-images", "Images", "images", ".")
_TOKEN = re.compile(r"[^\t]*#\d+\s*\t")
# Kaggle's results.csv of Flickr30k has a line in which one of the separators is missing.
_WITHOUT_SEPARATOR = re.compile(r"\s*(\d+)\s+(\S.*)")
_LISTS = {"train": ("Flickr_8k.trainImages.txt", "train.txt"), "val": ("Flickr_8k.devImages.txt", "val.txt"),
          "test": ("Flickr_8k.testImages.txt", "test.txt")}




def find_flickr8k(folder: Path, _language: str | None) -> list[Path]:
    """Flickr8k's captions as distributed, else as Kaggle has them."""
    return first_there(folder, ["Flickr8k.token.txt", "Flickr8k_text/Flickr8k.token.txt", "captions.txt"])


def find_flickr30k(folder: Path, _language: str | None) -> list[Path]:
    """Flickr30k's captions as distributed, else as Kaggle has them (in some copies among the photos)."""
    return first_there(folder, ["results_20130124.token", "results.csv", "flickr30k_images/results.csv"])


def is_flickr8k(file: Path) -> bool:
    """Whether a file is one of Flickr8k's."""
    return file.name.endswith(".token.txt") or file.name == "captions.txt"


def is_flickr30k(file: Path) -> bool:
    """Whether a file is one of Flickr30k's."""
    return file.suffix == ".token" or (file.name == "results.csv" and separator_of(file) == "|")


def read_flickr(files: list[Path], folder: Path, _language: str | None) -> list[Part]:
    """The captions; where there are lists of the splits, of listed photos alone."""
    parts = []
    for file in files:
        part = Part((), [place / name for place in dict.fromkeys([folder, file.parent]) for name in PHOTO_FOLDERS])
        if _TOKEN.match(next(numbered_lines(file), ("", ""))[1]):
            splits = _splits(file.parent, part.left_out)
            part.rows = _token_rows(file, splits, part.left_out)
            part.whole, part.listed, part.repeats = not splits, bool(splits), True
        else:
            part.rows = _kaggle_rows(file)
        parts.append(part)
    return parts


def _splits(folder: Path, left_out: list[LeftOut]) -> dict[str, tuple[str, str]]:
    """The split of each listed photo and where it is listed."""
    splits: dict[str, tuple[str, str]] = {}
    for split, names in _LISTS.items():
        for file in [folder / name for name in names if (folder / name).is_file()][:1]:
            for where, line in numbered_lines(file):
                name = line.strip() if "." in line else f"{line.strip()}.jpg"  # Flickr30k's lists have the stems
                if name in splits:
                    before = splits[name][0]
                    told = "listed twice" if before == split else in_two_splits(before, split)
                    left_out.append(LeftOut(name, told, where))
                else:
                    splits[name] = (split, where)
    return splits


def _token_rows(path: Path, splits: dict[str, tuple[str, str]], left_out: list[LeftOut]) -> Iterator[Row]:
    captioned, seen = set(), set()
    for where, line in numbered_lines(path):
        name, tab, caption = line.partition("\t")
        if not tab:
            raise Refusal(f"{path.parent / where}: no tab between the photo's name and its caption")
        if name in seen:
            left_out.append(LeftOut(name, "the same line twice", where))
            continue
        seen.add(name)
        name = name.rpartition("#")[0] or name
        captioned.add(name)
        yield Row(name, caption, splits[name][0] if name in splits else None, where)
    left_out += [LeftOut(name, "listed, but without captions", where) for name, (_, where) in splits.items()
                 if name not in captioned]


def _kaggle_rows(path: Path) -> Iterator[Row]:
    """A header, then a photo, perhaps a number, and a caption a line. The caption is the last column, and may have the
    separator in it without quotes."""
    separator = separator_of(path)
    lines = numbered_lines(path)
    header = [name.strip().lower() for name in next(lines, ("", ""))[1].split(separator)]
    columns = len(header)
    if columns < 2 or header[0] not in PHOTO or header[-1] not in CAPTION:
        raise Refusal(f"{path}, line 1: a header such as image,caption is wanted; found {separator.join(header)[:80]}")
    for where, line in lines:
        if separator == "," and '"' in line:  # elsewhere a quote is a quote
            cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True))
            cells = [*cells[: columns - 1], separator.join(cells[columns - 1 :])] if len(cells) >= columns else cells
        else:
            cells = line.split(separator, columns - 1)
        if len(cells) == columns - 1 == 2 and (mended := _WITHOUT_SEPARATOR.fullmatch(cells[1])):
            cells = [cells[0], *mended.groups()]
        if len(cells) < columns:
            raise Refusal(f"{path.parent / where}: {len(cells)} columns where the header has {columns}")
        yield Row(cells[0].strip(), cells[-1], None, where)
