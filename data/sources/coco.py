"""Datasets in JSON: COCO's captions, Karpathy's splits of Flickr8k, Flickr30k and COCO, AI-Hub's Korean COCO."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data.sources.base import (
    CaptionRows,
    LeftOut,
    Row,
    infer_file_split,
    infer_folder_split,
    parse_split,
    read_json,
    read_json_start,
)
from data.sources.photo_finder import PHOTO_FOLDERS
from data.text.language import normalize_language
from utils.errors import UserError

_PHOTO_FOLDERS = (".", *PHOTO_FOLDERS)
_YEARS = (
    "train2014",
    "val2014",
    "train2017",
    "val2017",
)  # of captions whose file is not named as their photos' folder


def looks_like(kind: str, path: Path) -> bool:
    """Whether a JSON file begins as one of this kind does: coco, karpathy or aihub."""
    head = read_json_start(path) if path.suffix.lower() == ".json" else ""
    if head.startswith("["):
        return kind == "aihub" and '"caption_ko"' in head
    if (
        not head.strip() and path.suffix.lower() == ".json"
    ):  # an empty download: its name tells, and reading it refuses it
        return kind == (
            "karpathy"
            if path.name.startswith("dataset_")
            else "coco"
            if "caption" in path.name
            else "aihub"
        )
    found = (
        "karpathy"
        if '"sentences"' in head
        else "coco"
        if '"images"' in head or '"annotations"' in head
        else None
    )
    return head.startswith("{") and kind == found


def find_coco(folder: Path, language: str | None) -> list[Path]:
    """COCO's caption files; of several years only those whose photos are there."""
    found = [
        file
        for place in (folder / "annotations", folder)
        for file in sorted(place.glob("*caption*.json"))
        if looks_like("coco", file) and not file.stem.endswith("_tokenized")
    ]  # STAIR's has the same captions again
    return [
        file
        for file in found
        if (folder / _own_folder(file)).is_dir() or (folder / "images" / _own_folder(file)).is_dir()
    ] or found


def find_karpathy(folder: Path, _language: str | None) -> list[Path]:
    """Karpathy's file; of several, which come together, the one whose photos are there."""
    return sorted(_all(folder, "karpathy"), key=lambda file: -_photos_there(file, folder))[:1]


def _photos_there(file: Path, folder: Path) -> int:
    """How many of the first twenty photos that one of Karpathy's files names lie in the folder."""
    head = read_json_start(file)
    paths, names = (
        re.findall(rf'"{key}":\s*"([^"]+)"', head)[:20] for key in ("filepath", "filename")
    )
    within = [
        Path(*parts)
        for parts in (zip(paths, names, strict=False) if paths else zip(names, strict=True))
    ]
    return sum(
        any((folder / place / name).is_file() for place in _PHOTO_FOLDERS) for name in within
    )


def find_aihub(folder: Path, _language: str | None) -> list[Path]:
    """AI-Hub's files."""
    return _all(folder, "aihub")


def _all(folder: Path, kind: str) -> list[Path]:
    return [
        file
        for place in (folder, folder / "annotations")
        for file in sorted(place.glob("*.json"))
        if looks_like(kind, file)
    ]


def _own_folder(file: Path) -> str:
    """The folder of a COCO file's photos: captions_val2014.json → val2014."""
    return file.stem.rpartition("captions_")[2] if "captions_" in file.stem else file.stem


def read_coco(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """COCO's captions: images and annotations, put together by the image's number."""
    parts = []
    for file in files:
        own = _own_folder(file)
        plain = re.sub(r"\d+$", "", own)
        names = (own, f"images/{own}", plain, f"images/{plain}", *_YEARS, *_PHOTO_FOLDERS)
        part = CaptionRows((), [*(folder / name for name in names), file.parent], repeats=True)
        part.rows = _coco_rows(file, infer_file_split(file.stem), part.left_out)
        parts.append(part)
    return parts


def _coco_rows(path: Path, split: str | None, left_out: list[LeftOut]) -> Iterator[Row]:
    content = read_json(path)
    if not isinstance(content, dict) or not all(
        isinstance(content.get(key), list) for key in ("images", "annotations")
    ):
        raise UserError(
            f"{path}: COCO's captions have lists `images` and `annotations`, and these are not there"
        )
    names: dict[int | str, str] = {}
    seen: set[int | str] = set()
    for number, image in enumerate(content.pop("images")):
        where = f"{path}, images[{number}]"
        if (
            not isinstance(image, dict)
            or not _is_id(image.get("id"))
            or not isinstance(image.get("file_name"), str)
        ):
            raise UserError(
                f"{where}: an id and a file_name are wanted, and came {_shortened(image)}"
            )
        if image["id"] in names or image["file_name"] in seen:
            left_out.append(LeftOut(image["file_name"], "listed twice", where))
        names.setdefault(image["id"], image["file_name"])
        seen.add(image["file_name"])
    said: set[int] = (
        set()
    )  # a mark of each annotation: two people may say the same, but under two numbers
    for number, annotation in enumerate(content.pop("annotations")):
        where = f"{path}, annotations[{number}]"
        known = isinstance(annotation, dict) and _is_id(annotation.get("image_id"))
        if not known or not isinstance(annotation.get("caption"), str):
            raise UserError(
                f"{where}: an image_id and a caption are wanted, and came {_shortened(annotation)}"
            )
        name, own = names.get(annotation["image_id"]), annotation.get("id")
        mark = hash((own, name, annotation["caption"])) if _is_id(own) else None
        if name is None:
            left_out.append(
                LeftOut(f"image {annotation['image_id']}", "a caption, but no such image", where)
            )
        elif mark in said:
            left_out.append(LeftOut(name, f"the annotation {own} twice", where))
        else:
            if mark is not None:
                said.add(mark)
            yield Row(name, annotation["caption"], split, where)


def _is_id(value: Any) -> bool:
    return isinstance(value, int | str)


def read_karpathy(files: list[Path], folder: Path, _language: str | None) -> list[CaptionRows]:
    """Karpathy's files: an object a photo, with its split and sentences; restval counts as train."""
    roots = [folder / name for name in _PHOTO_FOLDERS]
    parts = []
    for file in files:
        part = CaptionRows((), [*roots, file.parent], repeats=True)
        part.rows = _karpathy_rows(file, part.left_out)
        parts.append(part)
    return parts


def _karpathy_rows(path: Path, left_out: list[LeftOut]) -> Iterator[Row]:
    content = read_json(path)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise UserError(f"{path}: Karpathy's files have a list `images`, and it is not there")
    for number, image, name in _once(
        content["images"],
        f"{path}, images",
        lambda image: "/".join(part for part in (image.get("filepath"), image["filename"]) if part),
        left_out,
    ):
        where = f"{path}, images[{number}]"
        try:
            split = parse_split(image.get("split"), where)
            captions = [
                sentence["raw"] + "" if "raw" in sentence else " ".join(sentence["tokens"])
                for sentence in image["sentences"]
            ]
        except (KeyError, TypeError, AttributeError):
            raise UserError(
                f"{where}: a filename, a split and sentences are wanted, and came "
                f"{_shortened(image)}"
            ) from None
        for caption in captions:
            yield Row(name, caption, split, where)


def read_aihub(files: list[Path], folder: Path, language: str | None) -> list[CaptionRows]:
    """AI-Hub's translation of COCO's captions: an object a photo with file_path and caption_ko, and the English ones."""
    parts = []
    for file in files:
        part = CaptionRows(
            (), [*(folder / name for name in _PHOTO_FOLDERS), file.parent], repeats=True
        )
        part.rows = _aihub_rows(
            file,
            "captions" if language and normalize_language(language) == "en" else "caption_ko",
            part.left_out,
        )
        parts.append(part)
    return parts


def _aihub_rows(path: Path, key: str, left_out: list[LeftOut]) -> Iterator[Row]:
    content = read_json(path)
    if not isinstance(content, list):
        raise UserError(
            f"{path}: AI-Hub's file is a list of photos, and came {_shortened(content)}"
        )
    for number, image, name in _once(
        content, f"{path}, ", lambda image: image["file_path"], left_out
    ):
        where = f"{path}, [{number}]"
        captions = image.get(key)
        captions = [captions] if isinstance(captions, str) else captions
        if not isinstance(captions, list) or not all(
            isinstance(caption, str) for caption in captions
        ):
            raise UserError(f"{where}: {key} is wanted, and came {_shortened(image)}")
        for caption in captions:
            yield Row(
                name,
                caption,
                infer_folder_split(Path(name).parts[0]) if "/" in name else None,
                where,
            )


def _once(
    images: list[Any], path: str, name_of: Any, left_out: list[LeftOut]
) -> Iterator[tuple[int, dict, str]]:
    """Each photo with its number and name; one that is listed a second time is told. `path` is of the file and the list."""
    seen = set()
    for number, image in enumerate(images):
        try:
            name = name_of(image)
        except (KeyError, TypeError, AttributeError):
            name = None
        if not isinstance(name, str):
            raise UserError(
                f"{path}[{number}]: the photo's name is wanted, and came {_shortened(image)}"
            )
        if name in seen:
            left_out.append(
                LeftOut(name, "listed twice; its captions are put together", f"{path}[{number}]")
            )
        seen.add(name)
        yield number, image, name


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + "…"
