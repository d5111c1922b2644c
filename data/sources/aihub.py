"""AI-Hub's Korean COCO: an object a photo, with COCO's English captions and their translations."""

from collections.abc import Iterator
from pathlib import Path

from data.sources.base import CaptionRows, LeftOut, Row, infer_folder_split
from data.sources.layouts import PHOTO_FOLDERS
from data.sources.text_files import (
    find_json_files,
    iterate_photos,
    read_json,
    read_json_start,
    shorten_json,
)
from data.text.language import normalize_language
from utils.errors import UserError


def find(folder: Path, _language: str | None) -> list[Path]:
    """Find AI-Hub's files."""
    return find_json_files(folder, recognise)


def recognise(file: Path) -> bool:
    """Return whether a file is AI-Hub's by its beginning; an empty one by its name."""
    if file.suffix.lower() != ".json":
        return False
    start = read_json_start(file)
    if not start:  # an interrupted download, which `read` reports
        return not file.name.startswith("dataset_") and "caption" not in file.name
    return start.startswith("[") and '"caption_ko"' in start


def read(files: list[Path], folder: Path, language: str | None) -> list[CaptionRows]:
    """Read AI-Hub's files: the Korean captions, or the English ones if the language is English."""
    key = "caption_ko"
    if language and normalize_language(language) == "en":
        key = "captions"
    roots = [folder, *(folder / name for name in PHOTO_FOLDERS)]
    parts = []
    for file in files:
        left_out: list[LeftOut] = []
        rows = _read_rows(file, key, left_out)
        parts.append(CaptionRows(rows, [*roots, file.parent], left_out, allows_repeats=True))
    return parts


def _read_rows(path: Path, key: str, left_out: list[LeftOut]) -> Iterator[Row]:
    content = read_json(path)
    if not isinstance(content, list):
        raise UserError(f"{path}: AI-Hub's file is a list of photos, got {shorten_json(content)}")
    photos = iterate_photos(content, f"{path}, ", lambda photo: photo["file_path"], left_out)
    for where, photo, name in photos:
        captions = photo.get(key)
        if isinstance(captions, str):
            captions = [captions]
        if not isinstance(captions, list) or not all(isinstance(each, str) for each in captions):
            raise UserError(f"{where}: expected {key}, got {shorten_json(photo)}")
        split = None
        if "/" in name:
            split = infer_folder_split(Path(name).parts[0])
        for caption in captions:
            yield Row(name, caption, split, where)
