"""What the scripts share of classifiers' datasets: from settings to pictures in splits, each with its class."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from config import Settings
from data import sources
from data.class_batches import allocate_on_disk, can_hold_in_memory
from data.photos.hashes import PhotoHashes
from data.photos.images import UnreadablePhoto, read_longer_side
from data.photos.photo import Photo
from data.photos.pixels import load_pictures
from data.preprocess import Dataset
from data.sources import cifar10, class_folders
from data.sources.base import SPLITS, LeftOut, Source
from pipeline import dataset as stages
from utils.errors import UsageError, UserError
from utils.terminal import progress, say

SIZES = (
    32,
    64,
    128,
)  # pixels a side that pictures are squeezed to: the first that is no less than they have


def dataset_path(name: str | None) -> Path:
    """The dataset that `--dataset` means: a folder of classes, CIFAR-10, or, left out, what lies in datasets/."""
    if name == "cifar10":
        return cifar10.FOLDER
    if name == "scenes":
        raise UsageError(
            "--dataset scenes: drawings with captions, and no classes; give cifar10, or "
            f"{class_folders.LAYOUT}"
        )
    if name is not None:
        return Path(name).expanduser()
    datasets = stages.DATASETS
    found = (
        [path for path in sorted(datasets.iterdir()) if _is_dataset(path)]
        if datasets.is_dir()
        else []
    )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(
            f"several folders of classes in {datasets}/: {names}; choose one with --dataset"
        )
    if found:
        say(f"using {found[0]}")
        return found[0]
    say(f"no folder of classes in {datasets}/: using CIFAR-10 (your own: --dataset FOLDER)")
    return cifar10.FOLDER


def _is_dataset(path: Path) -> bool:
    ours = (
        path in (stages.SCENES, cifar10.FOLDER) or path.name == "cache" or path.name.startswith(".")
    )
    return (
        not ours
        and path.is_dir()
        and sources.find_format(path) is None
        and class_folders.recognise(path)
    )


def read_dataset(path: Path) -> Source:
    """The pictures at `path`; CIFAR-10 is fetched first where it is not there yet."""
    if path == cifar10.FOLDER and not path.exists():
        say("CIFAR-10 is fetched by Keras (170 MB), where it has not been yet")
        parts = _downloaded()
        number = sum(len(pictures) for pictures, _ in parts.values())
        say(f"writing its {number:,} pictures into {path}/")
        cifar10.write(parts, path, progress=lambda pictures: progress(pictures, number, "pictures"))
    return class_folders.read(path)


def _downloaded() -> dict[str, cifar10.LabelledPictures]:
    """CIFAR-10's pictures and their classes' numbers, by split.

    Keras' archive holds pickles. Keras alone opens them, from the archive whose sha256 it has compared with the one
    that it knows; what is kept here of them are PNG files.
    """
    import keras

    try:
        train, test = keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises a bare Exception where the download fails
        archive = (
            Path(os.environ.get("KERAS_HOME", "~/.keras"))
            / "datasets/cifar-10-batches-py-target_archive"
        )
        raise UserError(
            f"CIFAR-10 could not be downloaded ({str(error).splitlines()[0][:120]}); put cifar-10-python.tar.gz, "
            f"had elsewhere, where Keras looks for it, as {archive}, or give pictures of your own: --dataset with "
            f"{class_folders.LAYOUT}"
        ) from None
    return {"train": train, "test": test}


@dataclass(frozen=True)
class Loaded:
    """Photos in splits with their pixels."""

    prepared: Dataset
    classes: list[str]
    image_size: int
    pictures: dict[str, np.ndarray]  # by split: (N, S, S, 3) uint8

    def labels(self, split: str) -> np.ndarray:
        """The numbers (N,) of the photos' classes."""
        places = {name: place for place, name in enumerate(self.classes)}
        return np.array(
            [places[photo.captions[0]] for photo in self.prepared.splits[split]], np.int32
        )


def load(dataset: Source, settings: Settings, hashes: PhotoHashes) -> Loaded:
    """All pictures of a dataset to train on.

    Where some turn out unreadable the splits are made again, without them, so that they are the same as in every later
    run, which knows of them from the start.
    """
    while True:
        prepared = stages.prepare(dataset, settings, hashes)
        classes = sorted({photo.captions[0] for photo in prepared.splits["train"]})
        leave_out_unknown(prepared, classes)
        if len(classes) < 2:
            raise UserError(
                f"all pictures to train on are of one class, {classes[0]!r}; use more (a higher --limit), or of "
                "more classes"
            )
        if not prepared.splits["val"]:
            raise UserError(
                "no picture of val is of a class that is trained on; use more pictures (a higher --limit), or "
                "give the folders of val the names of those of train"
            )
        size = settings.vision.image_size or _suited_size(
            prepared.splits["train"], settings.classes.trunk
        )
        known = hashes.unreadable()
        loaded = with_pixels(prepared, classes, size, hashes, cache=Path(settings.vision.cache))
        if hashes.unreadable() == known:
            return loaded


def leave_out_unknown(prepared: Dataset, classes: Sequence[str]) -> None:
    """Leave out pictures of classes that are not among these."""
    known = set(classes)
    for split, photos in prepared.splits.items():
        prepared.left_out += [
            LeftOut(photo.name, "no picture that is trained on is of its class")
            for photo in photos
            if photo.captions[0] not in known
        ]
        prepared.splits[split] = [photo for photo in photos if photo.captions[0] in known]


def with_pixels(
    prepared: Dataset,
    classes: list[str],
    image_size: int,
    hashes: PhotoHashes,
    *,
    cache: Path,
    splits: Sequence[str] = SPLITS,
) -> Loaded:
    """The photos of these splits with their pixels; those that cannot be read leave the splits."""
    room = _room(sum(len(prepared.splits[split]) for split in splits), image_size, cache)
    pictures = {}
    try:
        for split in splits:
            prepared.splits[split], pictures[split] = load_pictures(
                prepared.splits[split], image_size, hashes, progress=progress, **room
            )
    finally:
        hashes.save()
    return Loaded(prepared, classes, image_size, pictures)


def _suited_size(photos: Sequence[Photo], trunk: str) -> int:
    """The side that pictures are squeezed to: the tutorial's 32 pixels, or what suits some of the photos."""
    if trunk == "tutorial":
        return SIZES[0]
    sides = []
    for photo in photos[:: max(1, len(photos) // 100)]:
        try:
            sides.append(read_longer_side(photo.path))
        except UnreadablePhoto:
            continue
    middle = float(np.median(sides)) if sides else SIZES[-1]
    return next((size for size in SIZES if middle <= size), SIZES[-1])


def _room(
    number: int, image_size: int, cache: Path
) -> dict[str, Callable[[tuple[int, ...]], np.ndarray]]:
    """What makes room for so many pictures: memory, or, where they would take too much of it, the disk."""
    if can_hold_in_memory(number, image_size):
        return {}
    say(
        f"pictures: {number * image_size**2 * 3 / 1e9:.1f} GB, too much for this machine's memory: they are kept in a file "
        f"in {cache}/ while this runs"
    )
    return {"room": partial(allocate_on_disk, folder=cache)}


def told(dataset: Source, loaded: Loaded) -> str:
    """What is trained on, in a few lines."""
    splits, size = loaded.prepared.splits, loaded.image_size
    counts = Counter(photo.captions[0] for photos in splits.values() for photo in photos)
    least, most = (
        min(counts, key=lambda name: counts[name]),
        max(counts, key=lambda name: counts[name]),
    )
    each = (
        f"{counts[most]:,} of each"
        if counts[least] == counts[most]
        else (f"{counts[least]:,} ({least}) to {counts[most]:,} ({most}) of each")
    )
    how = loaded.prepared.how + (
        "" if splits["test"] else "; no test pictures of these classes: val is scored in its place"
    )
    return (
        f"{dataset.kind} ({dataset.path}): {counts.total():,} pictures, {len(loaded.classes)} classes, {each}\n"
        f"splits: {', '.join(f'{split} {len(photos):,}' for split, photos in splits.items())} ({how})\n"
        f"pixels: {size} x {size}, brought to -1..1"
    )
