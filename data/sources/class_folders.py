"""Pictures sorted into folders by class: split/class/*.jpg, or class/*.jpg.

An example's one caption is its class.
"""

import os
import shlex
import unicodedata
from pathlib import Path

from data.photos.folders import PHOTO_ENDINGS, find_photos
from data.sources.base import Example, LeftOut, Source, infer_folder_split
from utils.errors import UserError

LAYOUT = "a folder of split/class/*.jpg (train, val, test), or of class/*.jpg"


def recognise(folder: Path) -> bool:
    """Return whether a folder has pictures of at least two classes."""
    names = set()
    for place in _find_splits(folder) or [folder]:
        names.update(each.name for each in _find_class_folders(place))
    return len(names) > 1


def read(folder: Path) -> Source:
    """Read the pictures of a folder, each with its class as its one caption."""
    _check(folder)
    splits = _find_splits(folder)
    examples: list[Example] = []
    left_out: list[LeftOut] = []
    for place in splits or [folder]:
        split = infer_folder_split(place.name) if splits else None
        for class_folder in _list_folders(place):
            photos = find_photos(class_folder)
            name = unicodedata.normalize("NFC", class_folder.name)
            examples += [Example(photo, (name,), split) for photo in photos]
            if not photos:
                reason = "a folder without pictures"
                left_out.append(LeftOut(_name_within(class_folder, folder), reason))
        left_out += _leave_out_pictures(place, folder)
    if splits:
        for each in _list_folders(folder):
            if each not in splits and _has_picture(each):
                left_out.append(LeftOut(each.name, "a folder beside those of the splits"))
        left_out += _leave_out_pictures(folder, folder)
    return Source("folders of classes", folder, folder, examples, left_out)


def _check(folder: Path) -> None:
    """Refuse a folder that has no classes, or whose folders are datasets of their own."""
    if not folder.exists():
        raise UserError(f"no folder {folder}; give {LAYOUT}, or cifar10")
    if not folder.is_dir() or not recognise(folder):
        message = f"{folder} has no two folders of pictures whose names could be classes"
        inner = _find_inner_dataset(folder)
        if inner is None:
            raise UserError(f"{message}; give {LAYOUT}")
        raise UserError(f"{message}; did you mean {inner}?")
    for place in _find_splits(folder) or [folder]:
        for inner in _list_folders(place):
            if len(_find_splits(inner)) > 1:
                option = shlex.join(["--dataset", str(inner)])
                raise UserError(
                    f"{inner} is a folder of splits and no class; give one dataset: "
                    f"{option}, not {folder}"
                )


def _find_inner_dataset(folder: Path) -> Path | None:
    """Return the first folder inside this one that has classes, or None."""
    if not folder.is_dir():
        return None
    return next((each for each in _list_folders(folder) if recognise(each)), None)


def _leave_out_pictures(place: Path, folder: Path) -> list[LeftOut]:
    """Return the pictures that lie right in a place, as left out."""
    reason = "a picture in no class's folder"
    pictures = sorted(each for each in place.iterdir() if _is_picture(each.name) and each.is_file())
    return [LeftOut(_name_within(picture, folder), reason) for picture in pictures]


def _find_splits(folder: Path) -> list[Path]:
    """Find folders that are named after splits and hold folders of pictures.

    The name is not enough: a class, too, may be called train.
    """
    found = []
    for each in _list_folders(folder):
        if infer_folder_split(each.name) is not None and _find_class_folders(each):
            found.append(each)
    return found


def _find_class_folders(place: Path) -> list[Path]:
    """Find the folders in a place that hold pictures.

    None counts if all are named after splits, as in datasets of captions.
    """
    found = [each for each in _list_folders(place) if _has_picture(each)]
    if all(infer_folder_split(each.name) is not None for each in found):
        return []
    return found


def _list_folders(place: Path) -> list[Path]:
    """List the folders in a place, sorted, without hidden ones."""
    folders = [each for each in place.iterdir() if each.is_dir()]
    return sorted(each for each in folders if not each.name.startswith("."))


def _has_picture(folder: Path) -> bool:
    """Return whether there is a picture anywhere under a folder; the search stops at the first."""
    for _, _, names in os.walk(folder):
        if any(_is_picture(name) for name in names):
            return True
    return False


def _is_picture(name: str) -> bool:
    return name.lower().endswith(PHOTO_ENDINGS) and not name.startswith(".")


def _name_within(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
