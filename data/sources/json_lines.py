"""JSON lines, or a list in JSON: an object with a photo, a caption or several, perhaps a split."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from data.sources.base import CaptionRows, Row, parse_split
from data.sources.layouts import (
    find_first,
    find_in_split_folders,
    infer_split,
    list_language_codes,
    list_photo_roots,
)
from data.sources.photo_finder import MAX_SHOWN
from data.sources.tables import CAPTION_COLUMNS, OBJECTS, PHOTO_COLUMNS
from data.sources.text_files import open_text, parse_json, read_json, read_json_start
from utils.errors import UserError

_PHOTO_KEYS = (*PHOTO_COLUMNS, "image_id")
_CAPTION_KEYS = (*CAPTION_COLUMNS, "captions")


def find(folder: Path, language: str | None) -> list[Path]:
    """Find the file of a folder, in this language if there is one, or in each split's folder."""
    names = [f"captions.{code}.jsonl" for code in list_language_codes(language)]
    names.append("captions.jsonl")
    if _is_list(folder / "captions.json"):
        names.append("captions.json")
    names.append("metadata.jsonl")
    challenge = sorted(folder.glob("caption_*annotations*.json"))  # AI Challenger's
    return (
        find_first(folder, names)
        or [file for file in challenge if _is_list(file)]
        or find_in_split_folders(folder, "metadata.jsonl")
    )


def recognise(file: Path) -> bool:
    """Return whether a file holds JSON lines, or a list of objects."""
    return file.suffix.lower() == ".jsonl" or _is_list(file)


def _is_list(file: Path) -> bool:
    """Return whether a file is a list in JSON, and not AI-Hub's."""
    if file.suffix.lower() != ".json" or not file.is_file():
        return False
    start = read_json_start(file)
    return start.startswith("[") and '"caption_ko"' not in start


def read(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """Read files of objects."""
    parts = []
    for file in files:
        rows = _read_rows(_read_values(file), infer_split(file, folder))
        parts.append(CaptionRows(rows, list_photo_roots(file, folder)))
    return parts


def read_objects(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield photos and the objects in them, of each entry that has a list of those."""
    for where, value in _read_values(path):
        if not isinstance(value, dict) or OBJECTS not in value:
            continue
        name, names = _get_first(value, _PHOTO_KEYS), value[OBJECTS]
        is_list = isinstance(names, list) and all(isinstance(each, str) for each in names)
        if not isinstance(name, str) or not is_list:
            raise UserError(
                f'{where}: expected a photo and names of objects; write {{"photo": …, "objects": '
                '["dog", "ball"]}'
            )
        yield name.strip(), names


def read_records(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the objects of a file, each after its place."""
    for where, value in _read_values(file):
        if not isinstance(value, dict):
            raise UserError(f"{where}: expected an object (got {str(value)[:MAX_SHOWN]})")
        yield where, value


def _read_values(file: Path) -> Iterator[tuple[str, Any]]:
    if read_json_start(file, 100).startswith("["):
        return _read_list(file)
    return _read_lines(file)


def _read_lines(path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(open_text(path), start=1):
        if line.strip():
            advice = "a line holds one object"
            value = parse_json(line.rstrip("\n"), path, number, advice=advice)
            yield f"{path}, line {number}", value


def _read_list(path: Path) -> Iterator[tuple[str, Any]]:
    for index, value in enumerate(read_json(path)):
        yield f"{path}, [{index}]", value


def _read_rows(objects: Iterable[tuple[str, Any]], default_split: str | None) -> Iterator[Row]:
    for where, value in objects:
        if not isinstance(value, dict):
            raise UserError(
                f'{where}: expected an object, such as {{"photo": "a.jpg", "caption": "A cat."}}'
            )
        values = {str(key).strip().lower(): each for key, each in value.items()}
        name = _get_first(values, _PHOTO_KEYS)
        captions = _get_first(values, _CAPTION_KEYS)
        if not isinstance(captions, list):
            captions = [captions]
        if not all(isinstance(text, str) for text in (name, *captions)):
            found = ", ".join(values)[:MAX_SHOWN] or "nothing"
            raise UserError(
                f"{where}: no photo and caption as text; found {found}; "
                'write {"photo": …, "caption": …}'
            )
        split = values.get("split")
        if not isinstance(split, str | None):
            raise UserError(f"{where}: unknown split {split!r}; use train, val or test")
        split = parse_split(split, where) or default_split
        for caption in captions:
            yield Row(name.strip(), caption, split, where)


def _get_first(values: dict[str, Any], keys: Sequence[str]) -> Any:
    for key in keys:
        if key in values:
            return values[key]
    return None
