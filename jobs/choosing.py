"""Which photos predict.py asks about: files and folders that are named, or random ones of the run's test split."""

import filecmp
import os
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from config import Settings
from utils import runs
from utils.errors import Refusal
from utils.progress import say


def named(names: Iterable[str]) -> dict[Path, Path]:
    """The photos that names of files and folders mean, folders gone through; of each the name that its copy is to have."""
    from data.images import photos_in

    photos: dict[Path, Path] = {}
    for name in names:
        path = Path(name)
        if not name:
            raise Refusal('an empty name names no photo; for all below the current folder: "."')
        if not path.exists():
            raise Refusal(f"no photo or folder {name}")
        if path.is_dir():
            found = photos_in(path)
            if not found:
                raise Refusal(f"no photos in {path}")
            photos |= {photo: photo.relative_to(path) for photo in found if photo not in photos}
        else:
            photos.setdefault(path, Path(path.name))
    once = {
        os.path.normpath(photo.absolute()): photo for photo in reversed(photos)
    }  # of its spellings the first
    return {
        photo: name
        for photo, name in photos.items()
        if once[os.path.normpath(photo.absolute())] == photo
    }


def drawn(photo: Path, saved: dict[str, Any], name: str | None = None) -> bool:
    """Whether a photo is a drawn scene: one of the run's own dataset, a copy of one (by its name there, where the copy has
    another), or of another folder of scenes."""
    dataset = Path(saved["dataset"]).resolve()
    dataset = dataset.parent if dataset.suffix in (".csv", ".tsv") else dataset
    original = dataset / "photos" / Path(name or photo.name).name
    own = photo.resolve().is_relative_to(dataset) or (
        photo.is_file() and original.is_file() and filecmp.cmp(photo, original, shallow=False)
    )
    return own or any(
        (folder / "facts.json").is_file() for folder in (photo.parent, photo.parent.parent)
    )


def random_test_photos(
    run: Path, saved: dict[str, Any], number: int, seed: int
) -> dict[Path, tuple[str, ...]]:
    """Random photos of the run's test split (val, where there is none) with their captions."""
    from jobs import class_stages, stages

    if saved["dataset"] is None:
        raise Refusal(f"{run} has no photos of its own; name photos to caption")
    path = Path(saved["dataset"])
    dataset = (
        class_stages.read_dataset(path)
        if runs.is_classifier(saved)
        else stages.read_dataset(path, Settings.of_run(saved).data)
    )
    splits = runs.read_splits(run)
    if not splits["test"]:
        say("the dataset has no test split: photos of val are taken in its place")
    names = set(splits["test"] or splits["val"])
    folder = dataset.folder
    photos = {
        example.photo: example.captions
        for example in dataset.examples
        if os.path.relpath(example.photo, folder).replace(os.sep, "/") in names
    }
    if not photos:
        raise Refusal(
            f"the test photos of {run} are no longer in {folder}; name photos to ask about"
        )
    chosen = random.Random(seed).sample(sorted(photos), min(number, len(photos)))
    return {photo: photos[photo] for photo in chosen}
