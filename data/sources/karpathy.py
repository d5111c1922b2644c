"""Karpathy's splits of Flickr8k, Flickr30k and COCO: an object a photo, with its sentences."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.sources.base import CaptionRows, LeftOut, Row, parse_split
from data.sources.layouts import PHOTO_FOLDERS
from data.sources.text_files import (
    find_json_files,
    iterate_photos,
    read_json,
    read_json_start,
    shorten_json,
)
from utils.errors import UserError

_PHOTO_FOLDERS = (".", *PHOTO_FOLDERS)
_COMPARED = 20  # photos by which a file is chosen among several


def find(folder: Path, _language: str | None) -> list[Path]:
    """Find Karpathy's file; of several, which come together, the one whose photos are there."""
    files = find_json_files(folder, recognise)
    files.sort(key=lambda file: -_count_photos(file, folder))
    return files[:1]


def recognise(file: Path) -> bool:
    """Return whether a file is Karpathy's by its beginning; an empty one by its name."""
    if file.suffix.lower() != ".json":
        return False
    start = read_json_start(file)
    if not start:  # an interrupted download, which `read` reports
        return file.name.startswith("dataset_")
    return start.startswith("{") and '"sentences"' in start


def _count_photos(file: Path, folder: Path) -> int:
    """Return how many of the first photos that a file names lie in the folder."""
    start = read_json_start(file)
    names = re.findall(r'"filename":\s*"([^"]+)"', start)[:_COMPARED]
    paths = re.findall(r'"filepath":\s*"([^"]+)"', start)[:_COMPARED]
    if paths:
        names = [f"{path}/{name}" for path, name in zip(paths, names, strict=False)]
    count = 0
    for name in names:
        count += any((folder / place / name).is_file() for place in _PHOTO_FOLDERS)
    return count


def read(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """Read Karpathy's files."""
    roots = [folder / name for name in _PHOTO_FOLDERS]
    parts = []
    for file in files:
        left_out: list[LeftOut] = []
        rows = _read_rows(file, left_out)
        parts.append(CaptionRows(rows, [*roots, file.parent], left_out, allows_repeats=True))
    return parts


def _read_rows(path: Path, left_out: list[LeftOut]) -> Iterator[Row]:
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise UserError(f"{path}: Karpathy's files have a list `images`")
    images = iterate_photos(content["images"], f"{path}, images", _get_name, left_out)
    for where, image, name in images:
        try:
            split = parse_split(image.get("split"), where)
            captions = [_get_caption(sentence) for sentence in image["sentences"]]
        except (KeyError, TypeError, AttributeError):
            raise UserError(
                f"{where}: expected a filename, a split and sentences, got {shorten_json(image)}"
            ) from None
        for caption in captions:
            yield Row(name, caption, split, where)


def _get_name(image: dict[str, Any]) -> str:
    parts = [image.get("filepath"), image["filename"]]
    return "/".join(part for part in parts if part)


def _get_caption(sentence: dict[str, Any]) -> str:
    if "raw" not in sentence:
        return " ".join(sentence["tokens"])
    if not isinstance(sentence["raw"], str):
        raise TypeError("a sentence is text")
    return sentence["raw"]
