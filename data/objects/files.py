"""Read which objects photos show: from COCO's instances, or a column or field `objects`."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.objects.vocabulary import find_canonical, split_words
from data.sources import coco, json_lines, tables
from data.sources.text_files import open_text
from utils.errors import UserError

# What is read of COCO's file; the outlines, which are most of it, are not kept.
_KEPT = (
    "images",
    "annotations",
    "categories",
    "id",
    "file_name",
    "image_id",
    "category_id",
    "name",
)
REFERENCES = "references"  # --objects for what true captions name, and nothing else
_LISTS = ("images", "annotations", "categories")


@dataclass
class KnownObjects:
    """The objects in photos by the photos' names, and the names of all objects of the dataset."""

    names: set[str] = field(default_factory=set)
    photos: dict[str, set[str]] = field(default_factory=dict)

    def find(self, photo: str) -> set[str] | None:
        """Return the objects in a photo, by its path or else its file's name; None if unknown."""
        for name in (photo, Path(photo).name):
            if name in self.photos:
                return self.photos[name]
        return None

    def add(self, photo: str, names: Iterable[str]) -> None:
        """Add objects of a photo. Their names may be any words of COCO's objects, or others."""
        canonical = {find_canonical(name) for name in names if split_words(name)}
        self.names |= canonical
        self.photos.setdefault(photo, set()).update(canonical)


def find_files(captions: Path) -> list[Path]:
    """Return the files that may say what the photos of a dataset show, the smallest first.

    `captions` is the captions file or the folder of the dataset. COCO's instances go before the
    captions file itself.
    """
    if captions.is_file():
        twin = captions.with_name(captions.name.replace("captions_", "instances_"))
        if twin != captions and twin.is_file():
            return [twin]
        return [captions] if _is_listing(captions) else []
    found = []
    for place in (captions, captions / "annotations"):
        found += [file for file in place.glob("instances_*.json") if coco.recognise(file)]
    if found:
        return sorted(found, key=lambda file: file.stat().st_size)
    return [*tables.find(captions, None), *json_lines.find(captions, None)]


def check_objects(value: str) -> None:
    """Reject a value of --objects that cannot say what photos show."""
    if value == REFERENCES:
        return
    file = Path(value).expanduser()
    if not file.is_file():
        raise UserError(
            "--objects must be COCO's instances_*.json, a table or JSON lines with the names of "
            f"objects as `objects`, or references (got {file}, which does not exist)"
        )
    if not _is_listing(file) and not coco.recognise(file):
        raise UserError(
            f"--objects {file} is no table, no JSON lines and no file of COCO's instances"
        )


def read_objects(files: Sequence[Path], photos: Iterable[str], folder: Path) -> KnownObjects:
    """Read files until they say what all these photos show; `folder` is that of the dataset."""
    known = KnownObjects()
    photos = list(photos)
    for file in files:
        if _is_listing(file):
            _read_listing(file, known, folder)
        else:
            _read_instances(file, known)
        if all(known.find(photo) is not None for photo in photos):
            break
    return known


def _is_listing(file: Path) -> bool:
    """Return whether a file is a table or JSON lines, which may have a field `objects`."""
    return tables.recognise(file) or json_lines.recognise(file)


def _read_listing(file: Path, known: KnownObjects, folder: Path) -> None:
    """Read a listing; in a folder of the dataset, it names photos as seen from there."""
    place = Path()
    if file.parent.is_relative_to(folder):
        place = file.parent.relative_to(folder)
    read = tables.read_objects if tables.recognise(file) else json_lines.read_objects
    for photo, names in read(file):
        known.add((place / photo).as_posix(), names)


def _read_instances(file: Path, known: KnownObjects) -> None:
    content = _load_json(file)
    has_lists = isinstance(content, dict) and all(
        isinstance(content.get(name), list) for name in _LISTS
    )
    if not has_lists:
        raise UserError(f"{file}: COCO's instances have lists {', '.join(_LISTS)}")
    try:
        names = {category["id"]: category["name"] for category in content["categories"]}
        photos = {image["id"]: image["file_name"] for image in content["images"]}
        for photo in photos.values():
            known.add(photo, [])
        for annotation in content["annotations"]:
            photo = photos[annotation["image_id"]]
            known.add(photo, [names[annotation["category_id"]]])
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{file}: COCO's instances have images with id and file_name, categories with id and "
            f"name, and annotations with image_id and category_id (missing: {error})"
        ) from None
    known.names |= {find_canonical(name) for name in names.values()}


def _load_json(file: Path) -> Any:
    """Read a JSON file without what is not needed: COCO's has half a gigabyte of outlines."""

    def keep(value: dict[str, Any]) -> dict[str, Any]:
        return {name: value[name] for name in _KEPT if name in value}

    try:
        return json.load(open_text(file), object_hook=keep)
    except ValueError as error:
        raise UserError(f"{file}: broken JSON ({error}); is the file complete?") from None
