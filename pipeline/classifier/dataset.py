"""Find and read pictures by class, put them into splits, and load their pixels."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from config import Settings
from data.class_batches import allocate_on_disk, can_hold_in_memory
from data.photos.images import read_longer_side
from data.photos.photo import Photo
from data.photos.pixels import allocate_in_memory, load_pictures
from data.preprocess import Dataset
from data.sources import cifar10, class_folders
from data.sources.base import SPLITS, Source
from pipeline.dataset import split_source
from utils.errors import UserError
from utils.keras_files import find_keras_file
from utils.places import find_places
from utils.progress import progress
from utils.terminal import say

SIZES = (32, 64, 128)  # sides of the network's pictures, in pixels
SAMPLED_SIDES = 100  # pictures whose size decides
UNKNOWN_CLASS = "no training picture is of its class"
NO_TEST_PICTURES = "there are no test pictures of these classes: val is scored in its place"


def read_class_source(path: Path) -> Source:
    """Read the pictures at `path`; download CIFAR-10 first if it is missing."""
    if path == find_places().cifar10 and not path.exists():
        say("downloading CIFAR-10 with Keras (170 MB), unless Keras has it already")
        parts = _download_cifar10()
        number = sum(len(pictures) for pictures, _ in parts.values())
        say(f"writing its {number:,} pictures into {path}/")

        def show(pictures: Iterable) -> Iterable:
            return progress(pictures, number, "pictures")

        cifar10.write(parts, path, progress=show)
    return class_folders.read(path)


def _download_cifar10() -> dict[str, cifar10.LabelledPictures]:
    """Return CIFAR-10's pictures and class numbers by split.

    Keras' archive holds pickles. Keras alone opens them, after it has compared the archive's
    sha256.
    """
    # Keras takes TensorFlow's seconds to import, and only this download needs it here.
    import keras

    try:
        train, test = keras.datasets.cifar10.load_data()
    except Exception as error:  # Keras raises a bare Exception if the download fails
        archive = find_keras_file("datasets", "cifar-10-batches-py-target_archive")
        reason = str(error).splitlines()[0]
        raise UserError(
            f"CIFAR-10 could not be downloaded ({reason}); put cifar-10-python.tar.gz where Keras "
            f"looks for it, as {archive}, or use your own pictures: --dataset with "
            f"{class_folders.LAYOUT}"
        ) from None
    return {"train": train, "test": test}


@dataclass(frozen=True)
class ClassPictures:
    """A dataset of classes with its pixels."""

    dataset: Dataset
    classes: list[str]
    image_size: int
    pixels: dict[str, np.ndarray]  # by split: (N, S, S, 3) uint8

    def labels(self, split: str) -> np.ndarray:
        """Return the class numbers (N,) of a split's pictures."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        names = [photo.captions[0] for photo in self.dataset.splits[split]]
        return np.array([numbers[name] for name in names], np.int32)


def prepare_classes(settings: Settings) -> ClassPictures:
    """Read the dataset, open each picture once, split them, and load their pixels."""
    source = read_class_source(Path(settings.data.dataset))
    dataset = split_source(source, settings)
    classes = sorted({photo.captions[0] for photo in dataset.splits["train"]})
    skip_unknown_classes(dataset, classes)
    if len(classes) < 2:
        raise UserError(
            f"all training pictures are of one class, {classes[0]}; use more (a higher --limit), "
            "or more classes"
        )
    if not dataset.splits["val"]:
        raise UserError(
            "no picture of val has a class of train; use more pictures (a higher --limit), or name "
            "val's folders as those of train"
        )
    size = settings.vision.image_size
    if size is None:
        size = choose_image_size(dataset.splits["train"], settings.classes.trunk)
    return load_pixels_of(dataset, classes, size, cache=Path(settings.vision.cache))


def skip_unknown_classes(dataset: Dataset, classes: Sequence[str]) -> None:
    """Skip pictures of other classes."""
    for split, photos in dataset.splits.items():
        unknown = [photo for photo in photos if photo.captions[0] not in classes]
        dataset.skip(split, unknown, UNKNOWN_CLASS)


def load_pixels_of(
    dataset: Dataset,
    classes: list[str],
    image_size: int,
    *,
    cache: Path,
    splits: Sequence[str] = SPLITS,
) -> ClassPictures:
    """Load the pixels of these splits into memory, or into a file if they are too many."""
    number = sum(len(dataset.splits[split]) for split in splits)
    allocate: Callable[[tuple[int, ...]], np.ndarray] = allocate_in_memory
    if not can_hold_in_memory(number, image_size):
        gigabytes = number * image_size**2 * 3 / 1e9
        say(
            f"pictures: {gigabytes:.1f} GB, too much for this machine's memory; they are kept in a "
            f"file in {cache}/ while this runs"
        )
        allocate = partial(allocate_on_disk, folder=cache)
    pixels = {}
    for split in splits:
        pixels[split] = load_pictures(dataset.splits[split], image_size, allocate)
    return ClassPictures(dataset, classes, image_size, pixels)


def choose_image_size(photos: Sequence[Photo], trunk: str) -> int:
    """Return the side of the network's pictures: the tutorial's 32, or what suits the pictures."""
    if trunk == "tutorial":
        return SIZES[0]
    step = max(1, len(photos) // SAMPLED_SIDES)
    sides = [read_longer_side(photo.path) for photo in photos[::step]]
    middle = float(np.median(sides))
    for size in SIZES:
        if middle <= size:
            return size
    return SIZES[-1]


def describe_classes(pictures: ClassPictures) -> str:
    """Return the dataset in a few lines."""
    dataset = pictures.dataset
    splits = dataset.splits
    counts = Counter(photo.captions[0] for photos in splits.values() for photo in photos)
    most, highest = counts.most_common()[0]
    least, lowest = counts.most_common()[-1]
    each = f"{highest:,} of each"
    if lowest != highest:
        each = f"{lowest:,} ({least}) to {highest:,} ({most}) of each"
    how = dataset.how_split
    if not splits["test"]:
        how += "; no test split: val is scored in its place"
    sizes = ", ".join(f"{split} {len(photos):,}" for split, photos in splits.items())
    size = pictures.image_size
    return (
        f"{dataset.source.kind} ({dataset.path}): {counts.total():,} pictures, "
        f"{len(pictures.classes)} classes, {each}\n"
        f"splits: {sizes} ({how})\n"
        f"pixels: {size} x {size}, scaled to -1..1"
    )
