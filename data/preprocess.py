"""The preparation stage: which photos there are, in which split, and their features in the cache."""

import functools
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.near_duplicates import (
    HASH_NAME,
    HASH_SIDE,
    compute_perceptual_hash,
    find_similar,
    is_same_picture,
)
from data.photos.photo import Photo
from data.photos.pixels import Progress
from data.sources.base import SPLITS, LeftOut, Source
from utils.errors import UserError


@dataclass
class Dataset:
    """What the preparation knows: the splits, and what was left out and why."""

    splits: dict[str, list[Photo]]
    left_out: list[LeftOut] = field(default_factory=list)
    how: str = ""  # the splits were made

    def digest(self) -> str:
        """A mark of all photos and captions in the splits: of others it is another."""
        told = [
            (split, photo.hash, photo.captions)
            for split, photos in self.splits.items()
            for photo in photos
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]

    def names(self) -> dict[str, list[str]]:
        """The names of the photos in each split."""
        return {split: [photo.name for photo in photos] for split, photos in self.splits.items()}

    def drop(self, unreadable: dict[str, str]) -> None:
        """Leave out the photos with these hashes, for these reasons."""
        for split, photos in self.splits.items():
            self.left_out += [
                LeftOut(photo.name, unreadable[photo.hash])
                for photo in photos
                if photo.hash in unreadable
            ]
            self.splits[split] = [photo for photo in photos if photo.hash not in unreadable]


def identify(
    dataset: Source, hashes: PhotoHashes, *, progress: Progress
) -> tuple[list[Photo], list[LeftOut]]:
    """The dataset's photos with the hashes of their bytes; and those that cannot be read, with why."""
    photos, left_out = [], list(dataset.left_out)
    folder = dataset.folder
    by_path = {example.photo: example for example in dataset.examples}
    for path, photo_hash, reason in progress(
        hashes.hashed(by_path), len(by_path), "photos looked at"
    ):
        name = os.path.relpath(path, folder).replace(os.sep, "/")
        if photo_hash is None:
            left_out.append(LeftOut(name, reason or "unreadable"))
        else:
            photos.append(
                Photo(path, name, by_path[path].captions, photo_hash, by_path[path].split)
            )
    return photos, left_out


def split_photos(
    photos: Sequence[Photo],
    *,
    test_size: float,
    seed: int,
    limit: int | None,
    needed: Sequence[str] = ("train", "val"),
) -> Dataset:
    """The photos in train, val and test: as the dataset says, else by the hash of their bytes; refused where one of
    the splits `needed` would have none.

    A photo's side depends on its bytes and the seed alone: it stays when others are added, and equal bytes under two
    names never stand on both sides. Only of a handful of photos, where the hashes leave val empty, one is lent to it.
    """
    given = {photo.split for photo in photos} - {None}
    without = sum(photo.split is None for photo in photos)
    listed = (
        bool(given - {"train"}) or not without
    )  # where val or test is listed, what is not listed is for training
    carved = bool(given) and "val" not in given  # a part of what is listed for train validates

    def side(photo: Photo) -> str:
        if photo.split is None:
            return "train" if listed else _side(photo, test_size, seed)
        return (
            "val"
            if carved and photo.split == "train" and _rank(photo, seed) <= test_size
            else photo.split
        )

    splits: dict[str, list[Photo]] = {split: [] for split in SPLITS}
    for photo in photos:
        splits[side(photo)].append(photo)
    prepared = Dataset(splits, how="as the dataset says" if listed else f"by photo, seed {seed}")
    prepared.how += f"; val taken from train, seed {seed}" if listed and carved else ""
    prepared.how += f"; {without} without a split stand in train" if listed and without else ""
    _drop_twins(prepared)
    if not splits["val"] and len(splits["train"]) > 1:
        lent = min(splits["train"], key=lambda photo: _rank(photo, seed)).hash
        splits["val"] = [photo for photo in splits["train"] if photo.hash == lent]
        splits["train"] = [photo for photo in splits["train"] if photo.hash != lent]
        prepared.how += (
            ""
            if carved
            else "; so few photos left val empty: one of train serves there, until there are more"
        )
    if limit is not None:
        kept = set(sorted(splits["train"], key=lambda photo: _rank(photo, seed))[:limit])
        splits["train"] = [photo for photo in splits["train"] if photo in kept]
    for split in needed:
        if not splits[split]:
            sides = ", ".join(f"{len(each)} for {name}" for name, each in splits.items() if each)
            few = f"{len(photos)} usable photos are too few; add photos, or change --test-size"
            raise UserError(
                f"no photo for the {split} split: "
                + (
                    few
                    if not given - {"train"}
                    else (
                        f"the dataset's own splits leave {sides or 'none'}; list some for {split} too, or leave its splits out"
                    )
                )
            )
    return prepared


def _drop_twins(prepared: Dataset) -> None:
    """Leave out of val what is in test too, and of train what is in either: what is scored stays whole, test before val."""
    for split, others in (("val", ("test",)), ("train", ("val", "test"))):
        held_out = {photo.hash for other in others for photo in prepared.splits[other]}
        reason = f"the same picture is in {' or '.join(others)}"
        prepared.left_out += [
            LeftOut(photo.name, reason)
            for photo in prepared.splits[split]
            if photo.hash in held_out
        ]
        prepared.splits[split] = [
            photo for photo in prepared.splits[split] if photo.hash not in held_out
        ]


def near_duplicates(
    prepared: Dataset, hashes: PhotoHashes, *, progress: Progress
) -> list[tuple[Photo, Photo]]:
    """Pairs of photos on two sides that look alike; of each the one that is scored first (test before val before train)."""
    sides = [prepared.splits[split] for split in ("test", "val", "train")]
    photos = [photo for side in sides for photo in side]
    looked = hashes.looks(
        (photo.path for photo in photos),
        lambda path: compute_perceptual_hash(read_photo(path, (HASH_SIDE, HASH_SIDE))),
        name=HASH_NAME,
    )
    looks = dict(zip(photos, progress(looked, len(photos), "photos compared"), strict=True))
    sides = [[photo for photo in side if looks[photo] is not None] for side in sides]
    pixels = functools.cache(
        lambda photo: read_photo(photo.path, (HASH_SIDE, HASH_SIDE))
    )  # of the few that may be the same
    pairs = [
        (one[left], other[right])
        for place, one in enumerate(sides)
        for other in sides[place + 1 :]
        for left, right in find_similar(
            [looks[photo] for photo in one], [looks[photo] for photo in other]
        )
    ]
    return [(left, right) for left, right in pairs if is_same_picture(pixels(left), pixels(right))]


def _rank(photo: Photo, seed: int) -> float:
    """A number in 0..1 that belongs to the photo's bytes."""
    digest = hashlib.sha256(f"{seed}:{photo.hash}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _side(photo: Photo, test_size: float, seed: int) -> str:
    rank = _rank(photo, seed)
    return "test" if rank < test_size else "val" if rank < 2 * test_size else "train"
