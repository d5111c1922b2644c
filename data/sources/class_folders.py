"""Pictures sorted into folders, one for each class: split/class/*.jpg, or class/*.jpg. The class takes a caption's place."""

import os
import unicodedata
from pathlib import Path

from data.photos.images import PHOTO_ENDINGS, find_photos
from data.sources.base import Example, LeftOut, Source, infer_folder_split
from utils.errors import UserError

LAYOUT = "a folder of split/class/*.jpg (train, val, test), or of class/*.jpg"


def recognise(folder: Path) -> bool:
    """Whether a folder is one of classes, at least two."""
    places = _splits(folder) or [folder]
    return len({each.name for place in places for each in _class_folders(place)}) > 1


def read(folder: Path) -> Source:
    """The pictures of a folder, each with its class as its one caption; and what was left out."""
    if not folder.exists():
        raise UserError(f"no folder {folder}; give {LAYOUT}, or cifar10")
    if not folder.is_dir() or not recognise(folder):
        inner = (
            next((each for each in _folders(folder) if recognise(each)), None)
            if folder.is_dir()
            else None
        )
        hint = f"; did you mean {inner}?" if inner else f"; wanted is {LAYOUT}"
        raise UserError(
            f"{folder} has no two folders of pictures whose names could be classes" + hint
        )
    examples: list[Example] = []
    left_out: list[LeftOut] = []
    splits = _splits(folder)
    _refuse_datasets(folder, [inner for place in splits or [folder] for inner in _folders(place)])
    for place in splits or [folder]:
        split = infer_folder_split(place.name) if splits else None
        for inner in _folders(place):
            photos = find_photos(inner)
            name = unicodedata.normalize("NFC", inner.name)
            examples += [Example(photo, (name,), split) for photo in photos]
            if not photos:
                left_out.append(LeftOut(_name(inner, folder), "a folder without pictures"))
        left_out += [
            LeftOut(_name(photo, folder), "a picture in no class's folder")
            for photo in _pictures(place)
        ]
    if splits:
        beside = [each for each in _folders(folder) if each not in splits and _holds_picture(each)]
        left_out += [LeftOut(each.name, "a folder beside those of the splits") for each in beside]
        left_out += [
            LeftOut(photo.name, "a picture in no class's folder") for photo in _pictures(folder)
        ]
    return Source("folders of classes", folder, folder, examples, left_out)


def _refuse_datasets(folder: Path, classes: list[Path]) -> None:
    """Refuse a folder whose folders are no classes but hold splits: it is one too high."""
    inner = next((each for each in classes if len(_splits(each)) > 1), None)
    if inner is not None:
        raise UserError(
            f"{inner} is a folder of splits and no class; give one dataset: --dataset {inner}, and not {folder}"
        )


def _splits(folder: Path) -> list[Path]:
    """The folders whose names are those of splits, and that hold folders of pictures: a class, too, may be called train."""
    return [
        each for each in _folders(folder) if infer_folder_split(each.name) and _class_folders(each)
    ]


def _class_folders(place: Path) -> list[Path]:
    """The folders in a place that hold pictures; none where all are called as splits are, as in datasets of captions."""
    found = [each for each in _folders(place) if _holds_picture(each)]
    return [] if all(infer_folder_split(each.name) for each in found) else found


def _folders(place: Path) -> list[Path]:
    """The folders in a place, sorted; hidden ones left out."""
    return sorted(
        each for each in place.iterdir() if each.is_dir() and not each.name.startswith(".")
    )


def _pictures(place: Path) -> list[Path]:
    """The pictures right in a place, sorted."""
    return sorted(each for each in place.iterdir() if _is_picture(each.name) and each.is_file())


def _holds_picture(folder: Path) -> bool:
    """Whether there is a picture anywhere under a folder; it is not gone through further."""
    return any(_is_picture(name) for _, _, names in os.walk(folder) for name in names)


def _is_picture(name: str) -> bool:
    return name.lower().endswith(PHOTO_ENDINGS) and not name.startswith(".")


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
