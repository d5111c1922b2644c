"""Which photos `predict.py` captions. No photo is opened here, and NumPy is not needed."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from data.photos.folders import find_photos
from utils.errors import UserError


@dataclass(frozen=True)
class SelectedPhotos:
    """Photos to caption."""

    paths: list[Path]
    copy_names: dict[Path, Path] = field(default_factory=dict)  # below the folder of the copies
    references: dict[Path, tuple[str, ...]] = field(default_factory=dict)  # true captions

    @property
    def all_paths(self) -> list[Path]:
        """Return also the photos of other shares, from whose plots those of this share differ."""
        return list(self.copy_names) or self.paths


def select_photos(names: Iterable[str]) -> SelectedPhotos:
    """Return the photos of files and folders, each once, under the first spelling of its path."""
    copy_names: dict[Path, Path] = {}
    seen: set[str] = set()
    for name in names:
        for photo, copy_name in _expand(name).items():
            normal = os.path.normpath(photo.absolute())
            if normal not in seen:
                seen.add(normal)
                copy_names[photo] = copy_name
    return SelectedPhotos(list(copy_names), copy_names)


def _expand(name: str) -> dict[Path, Path]:
    """Return the photo, or all photos of the folder, each with the name of its copy."""
    path = Path(name)
    if not name:
        raise UserError('a photo has an empty name; use "." for all photos below this folder')
    if not path.exists():
        raise UserError(f"no photo or folder {name}")
    if not path.is_dir():
        return {path: Path(path.name)}
    photos = find_photos(path)
    if not photos:
        raise UserError(f"no photos in {path}")
    return {photo: photo.relative_to(path) for photo in photos}
