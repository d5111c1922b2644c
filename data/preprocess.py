"""The preparation stage: which photos there are, in which split, and their features in the cache."""

import functools
import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from data.examples import SPLITS, Dataset, LeftOut
from data.feature_extraction import FeatureCache, Item, cost, feature_key, refuse_small_disk
from data.images import read
from data.img_augmentation import augment, mentions_sides, recipe_name
from data.language import CUT, pieces_of
from data.near_duplicates import LOOK, SIDE, alike, look, together
from data.photo_hashes import PhotoHashes
from utils.errors import Refusal

Label = tuple[str, ...]  # what a picture holds, in parts: (dog), (dog, red)
Encode = Callable[[np.ndarray], np.ndarray]
Progress = Callable[
    [Iterable, int, str], Iterable
]  # (things, how many, of what) → the same things, with a bar


@dataclass(frozen=True)
class Photo:
    """A photo whose bytes are known."""

    path: Path
    name: str  # its path within the dataset's folder
    captions: tuple[str, ...]
    hash: str
    split: str | None


class PicturesOf(Protocol):
    """What is made of each photo, and has features of its own."""

    def keys(self, photo: Photo, split: str) -> tuple[str, ...]: ...

    def picture(self, photo: Photo, view: int, image_size: int) -> np.ndarray: ...


@dataclass(frozen=True)
class Views:
    """The altered views of training photos; a photo is mirrored only if none of its captions speaks of left or right."""

    number: int
    seed: int

    def keys(self, photo: Photo, split: str = "train") -> tuple[str, ...]:
        """Cache keys of the photo as it is, then of its views, which those of training have."""
        if split != "train":
            return (photo.hash,)
        recipe = recipe_name(flip=not mentions_sides(photo.captions)) if self.number else None
        return tuple(
            feature_key(photo.hash, recipe=recipe, seed=self.seed, view=view)
            for view in range(self.number + 1)
        )

    def picture(self, photo: Photo, view: int, image_size: int) -> np.ndarray:
        """The pixels of a view."""
        image = read(photo.path, (image_size, image_size))
        if view == 0:
            return image
        return augment(
            image,
            photo_hash=photo.hash,
            seed=self.seed,
            view=view,
            flip=not mentions_sides(photo.captions),
        )


@dataclass
class Prepared:
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
    dataset: Dataset, hashes: PhotoHashes, *, progress: Progress
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
) -> Prepared:
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
    prepared = Prepared(splits, how="as the dataset says" if listed else f"by photo, seed {seed}")
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
            raise Refusal(
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


def _drop_twins(prepared: Prepared) -> None:
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
    prepared: Prepared, hashes: PhotoHashes, *, progress: Progress
) -> list[tuple[Photo, Photo]]:
    """Pairs of photos on two sides that look alike; of each the one that is scored first (test before val before train)."""
    sides = [prepared.splits[split] for split in ("test", "val", "train")]
    photos = [photo for side in sides for photo in side]
    looked = hashes.looks(
        (photo.path for photo in photos), lambda path: look(read(path, (SIDE, SIDE))), name=LOOK
    )
    looks = dict(zip(photos, progress(looked, len(photos), "photos compared"), strict=True))
    sides = [[photo for photo in side if looks[photo] is not None] for side in sides]
    pixels = functools.cache(
        lambda photo: read(photo.path, (SIDE, SIDE))
    )  # of the few that may be the same
    pairs = [
        (one[left], other[right])
        for place, one in enumerate(sides)
        for other in sides[place + 1 :]
        for left, right in alike([looks[photo] for photo in one], [looks[photo] for photo in other])
    ]
    return [(left, right) for left, right in pairs if together(pixels(left), pixels(right))]


def _rank(photo: Photo, seed: int) -> float:
    """A number in 0..1 that belongs to the photo's bytes."""
    digest = hashlib.sha256(f"{seed}:{photo.hash}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _side(photo: Photo, test_size: float, seed: int) -> str:
    rank = _rank(photo, seed)
    return "test" if rank < test_size else "val" if rank < 2 * test_size else "train"


def word_labels(
    photos: Sequence[Photo], *, words: int, common: frozenset[str], language: str = "en"
) -> list[set[Label]]:
    """For each photo those of the `words` commonest content words that its captions use; `common` words say nothing."""
    cut = CUT[pieces_of(language)]
    used = [
        {word for caption in photo.captions for word in cut(caption)} - common for photo in photos
    ]
    counts = Counter(word for each in used for word in each)
    # A word of nearly every photo tells none from another.
    telling = sorted(
        (word for word, count in counts.items() if count < 0.6 * len(photos)),
        key=lambda word: (-counts[word], word),
    )[:words]  # never in a set's order: every process has another
    return [{(word,) for word in each & set(telling)} for each in used]


def label_matrix(labels: Sequence[set[Label]], *, least: int) -> tuple[list[Label], np.ndarray]:
    """The K labels that at least `least` of the photos have, and which photo has which: 0/1 (N, K) uint8."""
    counts = Counter(label for each in labels for label in each)
    kept = sorted(label for label, count in counts.items() if count >= least)
    return kept, np.array([[label in each for label in kept] for each in labels], np.uint8).reshape(
        len(labels), len(kept)
    )


def _in_memory(shape: tuple[int, ...]) -> np.ndarray:
    return np.empty(shape, np.uint8)


def load_pictures(
    photos: Sequence[Photo],
    image_size: int,
    hashes: PhotoHashes,
    *,
    progress: Progress,
    room: Callable[[tuple[int, ...]], np.ndarray] = _in_memory,
) -> tuple[list[Photo], np.ndarray]:
    """uint8 pictures (N, S, S, 3) of the photos that can be read, and those photos; `room` makes what they are held in."""
    kept: list[Photo] = []
    pictures = room((len(photos), image_size, image_size, 3))
    for photo in progress(photos, len(photos), "photos read"):
        try:
            pictures[len(kept)] = read(photo.path, (image_size, image_size))
            kept.append(photo)
        except ValueError as error:
            hashes.mark_unreadable(photo.path, error)
    return kept, pictures[: len(kept)]


def extract(
    prepared: Prepared,
    cache: FeatureCache,
    encode: Encode,
    hashes: PhotoHashes,
    *,
    image_size: int,
    views: PicturesOf,
    splits: Sequence[str] = SPLITS,
    progress: Progress,
    say: Callable[[str], None],
) -> int:
    """Have the features of all photos of the splits, and of their views, in the cache; how many were new.

    Photos that turn out unreadable leave the splits. Says what it will cost before it starts.
    """
    items: dict[str, Item] = {}
    owners: dict[str, Photo] = {}
    wanted: set[str] = set()
    for split in splits:
        for photo in prepared.splits[split]:
            keys = views.keys(photo, split)
            wanted.update(keys)
            for view, key in enumerate(keys):
                if key not in cache and key not in items:
                    items[key] = Item(
                        key, lambda photo=photo, view=view: views.picture(photo, view, image_size)
                    )
                    owners[key] = photo
    if cache.damaged:
        say(f"{cache.damaged} damaged cache files found; their photos are extracted again")
    if not items:
        say(f"features: all {len(wanted)} are in the cache, nothing to extract")
        return 0
    price = cost(list(items.values()), encode, np.zeros((image_size, image_size, 3), np.uint8))
    say(
        f"features: {len(items)} to extract, {len(wanted) - len(items)} in the cache; about {price.gigabytes:.2g} GB of "
        f"disk and {max(price.minutes, 0.1):.1f} minutes"
    )
    refuse_small_disk(cache.folder, price.gigabytes)
    unreadable: dict[str, str] = {}

    def note(key: str, error: Exception) -> None:
        unreadable[owners[key].hash] = str(error)
        hashes.mark_unreadable(owners[key].path, error)

    try:
        extracted = sum(
            progress(
                cache.extract(list(items.values()), encode, unreadable=note), len(items), "photos"
            )
        )
    finally:
        hashes.save()
    prepared.drop(unreadable)
    return extracted
