"""COCO's captions: lists of images and of annotations, joined by the image's number."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.sources.base import CaptionRows, LeftOut, Row, infer_file_split
from data.sources.layouts import PHOTO_FOLDERS
from data.sources.text_files import read_json, read_json_start, shorten_json
from utils.errors import UserError

# The photos' folders where the captions file has another name.
_YEARS = ("train2014", "val2014", "train2017", "val2017")


def find(folder: Path, _language: str | None) -> list[Path]:
    """Find COCO's captions files; of several years only those whose photos are there."""
    found = []
    for place in (folder / "annotations", folder):
        for file in sorted(place.glob("*caption*.json")):
            # STAIR's tokenized files hold the same captions again.
            if recognise(file) and not file.stem.endswith("_tokenized"):
                found.append(file)
    with_photos = []
    for file in found:
        name = _name_photo_folder(file)
        if (folder / name).is_dir() or (folder / "images" / name).is_dir():
            with_photos.append(file)
    return with_photos or found


def recognise(file: Path) -> bool:
    """Return whether a file is COCO's by its beginning; an empty one by its name."""
    if file.suffix.lower() != ".json":
        return False
    start = read_json_start(file)
    if not start:  # an interrupted download, which `read` reports
        return "caption" in file.name and not file.name.startswith("dataset_")
    has_lists = '"images"' in start or '"annotations"' in start
    is_karpathy = '"sentences"' in start
    return start.startswith("{") and has_lists and not is_karpathy


def read(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """Read COCO's captions files."""
    parts = []
    for file in files:
        name = _name_photo_folder(file)
        without_year = re.sub(r"\d+$", "", name)
        names = [name, f"images/{name}", without_year, f"images/{without_year}"]
        names += [*_YEARS, ".", *PHOTO_FOLDERS]
        roots = [*(folder / each for each in names), file.parent]
        left_out: list[LeftOut] = []
        rows = _read_rows(file, infer_file_split(file.stem), left_out)
        parts.append(CaptionRows(rows, roots, left_out, allows_repeats=True))
    return parts


def _name_photo_folder(file: Path) -> str:
    """Return the name of the folder of a file's photos: captions_val2014.json → val2014."""
    _, separator, name = file.stem.rpartition("captions_")
    return name if separator else file.stem


def _read_rows(path: Path, split: str | None, left_out: list[LeftOut]) -> Iterator[Row]:
    content = read_json(path)
    keys = ("images", "annotations")
    if not isinstance(content, dict) or not all(isinstance(content.get(k), list) for k in keys):
        raise UserError(f"{path}: COCO's captions have lists `images` and `annotations`")
    # Popped, so that what was read can be freed.
    names = _read_images(content.pop("images"), path, left_out)
    seen: set[int] = set()
    for index, annotation in enumerate(content.pop("annotations")):
        where = f"{path}, annotations[{index}]"
        is_known = isinstance(annotation, dict) and _is_id(annotation.get("image_id"))
        if not is_known or not isinstance(annotation.get("caption"), str):
            raise UserError(
                f"{where}: expected an image_id and a caption, got {shorten_json(annotation)}"
            )
        caption = annotation["caption"]
        name = names.get(annotation["image_id"])
        if name is None:
            image = f"image {annotation['image_id']}"
            left_out.append(LeftOut(image, "a caption, but no such image", where))
            continue
        # Two people may write the same caption, but under two numbers.
        number = annotation.get("id")
        if _is_id(number):
            mark = hash((number, name, caption))
            if mark in seen:
                left_out.append(LeftOut(name, f"the annotation {number} twice", where))
                continue
            seen.add(mark)
        yield Row(name, caption, split, where)


def _read_images(images: list[Any], path: Path, left_out: list[LeftOut]) -> dict[int | str, str]:
    """Return the file names by the images' numbers."""
    names: dict[int | str, str] = {}
    seen: set[str] = set()
    for index, image in enumerate(images):
        where = f"{path}, images[{index}]"
        is_known = isinstance(image, dict) and _is_id(image.get("id"))
        if not is_known or not isinstance(image.get("file_name"), str):
            raise UserError(f"{where}: expected an id and a file_name, got {shorten_json(image)}")
        name = image["file_name"]
        if image["id"] in names or name in seen:
            left_out.append(LeftOut(name, "listed twice", where))
        names.setdefault(image["id"], name)
        seen.add(name)
    return names


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str)
