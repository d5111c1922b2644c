"""Which photos `predict.py` captions. No photo is opened here, and NumPy is not needed."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from data.photos.folders import find_photos, find_remote_photos
from utils.addresses import RemotePhoto, is_address
from utils.errors import UserError


@dataclass(frozen=True)
class SelectedPhotos:
    """Photos to caption."""

    paths: list[Path | RemotePhoto]
    # Below the folder of the copies.
    copy_names: dict[Path | RemotePhoto, Path] = field(default_factory=dict)
    # True captions.
    references: dict[Path | RemotePhoto, tuple[str, ...]] = field(default_factory=dict)

    @property
    def all_paths(self) -> list[Path | RemotePhoto]:
        """Return also the photos of other shares, from whose plots those of this share differ."""
        return list(self.copy_names) or self.paths


def select_photos(names: Iterable[str]) -> SelectedPhotos:
    """Return the photos of files, folders and addresses, each once, as it was first spelled."""
    copy_names: dict[Path | RemotePhoto, Path] = {}
    seen: set[str] = set()
    for name in names:
        for photo, copy_name in _expand(name).items():
            normal = str(photo)
            if isinstance(photo, Path):
                normal = os.path.normpath(photo.absolute())
            if normal not in seen:
                seen.add(normal)
                copy_names[photo] = copy_name
    return SelectedPhotos(list(copy_names), copy_names)


def _expand(name: str) -> dict[Path | RemotePhoto, Path]:
    """Return the photo, or all photos of the folder, each with the name of its copy."""
    if not name:
        raise UserError('a photo has an empty name; use "." for all photos below this folder')
    if is_address(name):
        remote = find_remote_photos(name)
        if not remote:
            raise UserError(f"no photos in {name}")
        return {photo: Path(photo.name) for photo in remote}
    path = Path(name)
    if not path.exists():
        raise UserError(f"no photo or folder {name}")
    if not path.is_dir():
        return {path: Path(path.name)}
    photos = find_photos(path)
    if not photos:
        raise UserError(f"no photos in {path}")
    return {photo: photo.relative_to(path) for photo in photos}
