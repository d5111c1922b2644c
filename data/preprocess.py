"""Prepare a dataset: its photos in train, val and test, and what is skipped and why.

Equal photos under two names never stand on both sides of a split, and photos that look alike are
named.
"""

import functools
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.near_duplicates import HASH_SIDE, find_similar, is_same_picture
from data.photos.photo import Photo
from data.sources.base import SPLITS, LeftOut, Source
from utils.errors import UserError
from utils.progress import progress

FEW_PHOTOS = 200  # fewer are split in exact shares


@dataclass
class Dataset:
    """Photos in splits, and everything that is known of them before training."""

    source: Source
    splits: dict[str, list[Photo]]
    left_out: list[LeftOut] = field(default_factory=list)
    how_split: str = ""  # in words
    look_alikes: list[tuple[Photo, Photo]] = field(default_factory=list)  # in different splits
    facts: dict[str, Any] | None = None  # of drawn scenes, by photo name

    @property
    def language(self) -> str:
        return self.source.language

    @property
    def path(self) -> Path:
        return self.source.path

    def digest(self) -> str:
        """Return a mark of all photos and captions in the splits."""
        content = [
            (split, photo.hash, photo.captions)
            for split, photos in self.splits.items()
            for photo in photos
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def names(self) -> dict[str, list[str]]:
        """Return the names of the photos in each split."""
        return {split: [photo.name for photo in photos] for split, photos in self.splits.items()}

    def skip(self, split: str, photos: Iterable[Photo], reason: str) -> None:
        """Take photos out of a split, for this reason."""
        skipped = {photo.name for photo in photos}
        self.left_out += [
            LeftOut(photo.name, reason) for photo in self.splits[split] if photo.name in skipped
        ]
        self.splits[split] = [photo for photo in self.splits[split] if photo.name not in skipped]


def open_photos(source: Source, hashes: PhotoHashes) -> tuple[list[Photo], list[LeftOut]]:
    """Open each photo of the source once; return those that can be read, and what is skipped."""
    photos = []
    left_out = list(source.left_out)
    examples = {example.photo: example for example in source.examples}
    opened = hashes.open_all(examples)
    try:
        for known in progress(opened, len(examples), "photos opened"):
            name = os.path.relpath(known.path, source.folder).replace(os.sep, "/")
            if known.hash is None:
                left_out.append(LeftOut(name, known.reason or "unreadable"))
                continue
            example = examples[known.path]
            photos.append(
                Photo(known.path, name, example.captions, known.hash, example.split, known.look)
            )
    finally:  # Ctrl-C among 120,000 photos keeps what is known
        hashes.save()
    return photos, left_out


def split_photos(
    source: Source,
    photos: Sequence[Photo],
    *,
    test_size: float,
    seed: int,
    limit: int | None = None,
    needed: Sequence[str] = ("train", "val"),
) -> Dataset:
    """Put photos into train, val and test: as the dataset says, else by the hash of their bytes.

    A photo's split depends on its bytes and the seed alone, so it stays when others are added. Few
    photos are an exception: by hash alone, val could have three of fifty photos, or none. They are
    split in exact shares, in the order of their hashes. A `needed` split without photos is an
    error.
    """
    given = {photo.split for photo in photos} - {None}
    unlisted = sum(photo.split is None for photo in photos)
    is_listed = bool(given - {"train"}) or not unlisted
    needs_val = bool(given) and "val" not in given  # then val is taken from train

    splits: dict[str, list[Photo]] = {split: [] for split in SPLITS}
    chosen: dict[tuple[str | None, str], str] = {}  # by the split that is given, and the hash
    if not is_listed:
        chosen |= _choose_splits(photos, None, ("test", "val"), test_size, seed)
    if needs_val:
        chosen |= _choose_splits(photos, "train", ("val",), test_size, seed)
    for photo in photos:
        split = chosen.get((photo.split, photo.hash), photo.split or "train")
        splits[split].append(photo)

    dataset = Dataset(source, splits)
    dataset.how_split = _describe_split(is_listed, needs_val, unlisted, seed)
    _skip_equal_photos(dataset)
    if not splits["val"] and len(splits["train"]) > 1:
        _move_one_to_val(dataset, seed)
        if not needs_val:
            dataset.how_split += "; val was empty, so one training photo serves as val"
    if limit is not None:
        first = sorted(splits["train"], key=lambda photo: _rank(photo, seed))[:limit]
        kept = set(first)
        splits["train"] = [photo for photo in splits["train"] if photo in kept]
    _check_not_empty(dataset, needed, has_splits=bool(given - {"train"}), photos=len(photos))
    return dataset


def _describe_split(is_listed: bool, needs_val: bool, unlisted: int, seed: int) -> str:
    if not is_listed:
        return f"by photo, seed {seed}"
    how = "as the dataset says"
    if needs_val:
        how += f"; val taken from train, seed {seed}"
    if unlisted:
        how += f"; {unlisted} without a split are in train"
    return how


def _skip_equal_photos(dataset: Dataset) -> None:
    """Skip in val what is in test too, and in train what is in either."""
    for split, others in (("val", ("test",)), ("train", ("val", "test"))):
        held_out = {photo.hash for other in others for photo in dataset.splits[other]}
        equal = [photo for photo in dataset.splits[split] if photo.hash in held_out]
        dataset.skip(split, equal, f"the same picture is in {' or '.join(others)}")


def _move_one_to_val(dataset: Dataset, seed: int) -> None:
    splits = dataset.splits
    moved = min(splits["train"], key=lambda photo: _rank(photo, seed)).hash
    splits["val"] = [photo for photo in splits["train"] if photo.hash == moved]
    splits["train"] = [photo for photo in splits["train"] if photo.hash != moved]


def _check_not_empty(
    dataset: Dataset, needed: Sequence[str], *, has_splits: bool, photos: int
) -> None:
    splits = dataset.splits
    for split in needed:
        if splits[split]:
            continue
        if not has_splits:
            if photos == 1:
                raise UserError(
                    f"no photo for the {split} split: 1 usable photo is too few; add photos"
                )
            raise UserError(
                f"no photo for the {split} split: {photos} usable photos are too few; add photos, "
                "or change --test-size"
            )
        counts = [f"{len(photos)} for {name}" for name, photos in splits.items() if photos]
        raise UserError(
            f"no photo for the {split} split: the dataset's own splits have "
            f"{', '.join(counts) or 'none'}; list photos for {split} too, or list no splits"
        )


def find_look_alikes(dataset: Dataset) -> list[tuple[Photo, Photo]]:
    """Return pairs of photos that look alike in different splits, test before val before train."""
    sides = [dataset.splits[split] for split in ("test", "val", "train")]
    looks = [[photo.look for photo in side] for side in sides]
    pixels = functools.cache(
        lambda photo: read_photo(photo.path, (HASH_SIDE, HASH_SIDE))
    )  # of candidates alone
    pairs = []
    for first in range(len(sides)):
        for second in range(first + 1, len(sides)):
            for left, right in find_similar(looks[first], looks[second]):
                one, other = sides[first][left], sides[second][right]
                if is_same_picture(pixels(one), pixels(other)):
                    pairs.append((one, other))
    return pairs


def divide_photos(photos: Sequence[Photo], number: int, seed: int) -> list[list[Photo]]:
    """Return at most `number` parts of about equal size, in an order that the seed gives.

    Equal pictures are in one part. There are fewer parts if there are fewer pictures.
    """
    ranks = {photo.hash: _rank(photo, seed) for photo in photos}
    order = sorted(ranks, key=ranks.__getitem__)
    places = {photo_hash: place % number for place, photo_hash in enumerate(order)}
    parts: list[list[Photo]] = [[] for _ in range(min(number, len(order)))]
    for photo in photos:
        parts[places[photo.hash]].append(photo)
    return parts


def _rank(photo: Photo, seed: int) -> float:
    """Return a number from 0 to 1 that belongs to the photo's bytes."""
    digest = hashlib.sha256(f"{seed}:{photo.hash}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _choose_splits(
    photos: Sequence[Photo],
    given: str | None,
    names: Sequence[str],
    test_size: float,
    seed: int,
) -> dict[tuple[str | None, str], str]:
    """Choose which photos of the given split go into the splits `names`; the others stay.

    Each of the splits gets the share `test_size`.
    """
    ranks = {photo.hash: _rank(photo, seed) for photo in photos if photo.split == given}
    order = sorted(ranks, key=ranks.__getitem__)
    number = max(1, round(test_size * len(order)))
    number = min(number, (len(order) - 1) // len(names))  # one stays
    chosen = {}
    for place, photo_hash in enumerate(order):
        if len(order) < FEW_PHOTOS:
            part = place // number if number else len(names)
        else:
            part = int(ranks[photo_hash] / test_size)
        if part < len(names):
            chosen[given, photo_hash] = names[part]
    return chosen
