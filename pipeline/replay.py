"""Replay: photos of the run that training starts from, on which it trains again beside new ones.

A network that learns from a few new photos forgets some of what it knew. Old photos among the new
ones prevent that. They need not exist any more: a run keeps the captions of a sample, and their
features are in the feature cache.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

from config import Settings
from data.feature_cache import FeatureCache
from data.photos.photo import Photo
from data.preprocess import Dataset
from pipeline.resume import New, Resumed, Start
from utils.errors import UserError
from utils.files import write_text
from utils.hugging_face import is_hugging_face
from utils.terminal import say

FILE = "replay.json"

# Photos that a run keeps for runs that start from it. They take up to a megabyte.
KEPT = {"train": 2000, "val": 200}

# In the file, by split: the run's own photos, and those of earlier runs that it was trained on.
OWN, EARLIER = "own", "earlier"

Splits = dict[str, list[Photo]]


def write_kept_photos(run: Path, dataset: Dataset, replayed: Dataset | None) -> None:
    """Write a sample of the photos and captions that the run learns from, and those it replays."""
    own = {split: _choose_evenly(dataset.splits[split], number) for split, number in KEPT.items()}
    earlier: Splits = {split: [] for split in KEPT}
    if replayed is not None:
        earlier = {split: replayed.splits[split] for split in KEPT}
    content = {OWN: _to_json(own), EARLIER: _to_json(earlier)}
    write_text(run / FILE, json.dumps(content, ensure_ascii=False) + "\n")


def find_replayed(
    settings: Settings, dataset: Dataset, start: Start, features: Any
) -> Dataset | None:
    """Return the photos to replay, as a dataset; None if there are none.

    They are those of the source whose features are cached. A resumed run has those that it started
    with.
    """
    if not settings.training.replay or not isinstance(features, FeatureCache):
        return None
    if isinstance(start, New) or start.source is None or is_hugging_face(start.source):
        return None
    if isinstance(start, Resumed):
        splits = _read(start.run, advice="start a new run")[EARLIER]
        photos = [photo for split in splits.values() for photo in split]
        missing = [photo for photo in photos if photo.hash not in features]
        if missing:
            raise UserError(
                f"the features of {len(missing)} photos that {start.run} replays are no longer in "
                f"{features.folder}; restore them, or start a new run"
            )
    else:
        splits = _choose_new(start.source, dataset, features)
    if not splits["train"]:
        return None
    return replace(dataset, splits=splits | {"test": []}, left_out=[], look_alikes=[], facts=None)


def report_replayed(
    settings: Settings, source: Path, dataset: Dataset, replayed: Dataset | None
) -> None:
    """Print how many photos are replayed, or why none are."""
    if replayed is not None:
        counts = {split: len(photos) for split, photos in replayed.splits.items()}
        say(
            f"photos of {source}: {counts['train']} are replayed, {settings.training.replay:g} for "
            f"each new one in an epoch; {counts['val']} of its val are scored too"
        )
        return
    present = _list_hashes(dataset)
    kept = [photo for photos in _read(source).values() for photo in photos["train"]]
    others = [photo for photo in kept if photo.hash not in present]
    if not kept:
        reason = "it keeps none of its photos"
    elif not others:
        reason = "its photos are in the dataset"
    else:
        reason = f"none of {len(others)} has features in {settings.vision.cache}"
    say(f"photos of {source}: none are replayed, because {reason}")


def _list_hashes(dataset: Dataset) -> set[str]:
    return {photo.hash for photos in dataset.splits.values() for photo in photos}


def _choose_new(source: Path, dataset: Dataset, features: FeatureCache) -> Splits:
    """Return the source's photos that are cached and not in the dataset."""
    present = _list_hashes(dataset)
    kept = _read(source)
    splits = {}
    for split, number in KEPT.items():
        usable = []
        for photo in _alternate(kept[OWN][split], kept[EARLIER][split]):
            if photo.hash in features and photo.hash not in present:
                usable.append(photo)
        splits[split] = usable[:number]
    return splits


def _alternate(one: Sequence[Photo], other: Sequence[Photo]) -> Iterator[Photo]:
    """Yield photos of both in turn, until both are at their end."""
    for pair in zip_longest(one, other):
        yield from (photo for photo in pair if photo is not None)


def _choose_evenly(photos: Sequence[Photo], number: int) -> list[Photo]:
    """Return at most this many photos, from all over the sequence."""
    if len(photos) <= number:
        return list(photos)
    return [photos[place * len(photos) // number] for place in range(number)]


def _to_json(splits: Splits) -> dict[str, list[dict[str, Any]]]:
    content = {}
    for split, photos in splits.items():
        content[split] = [
            {"name": photo.name, "hash": photo.hash, "captions": list(photo.captions)}
            for photo in photos
        ]
    return content


def _read(run: Path, advice: str = "train with --replay 0") -> dict[str, Splits]:
    """Read the photos that a run keeps; none if it keeps none."""
    file = run / FILE
    if not file.is_file():
        return {part: {split: [] for split in KEPT} for part in (OWN, EARLIER)}
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return {part: _from_json(content[part]) for part in (OWN, EARLIER)}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is damaged ({error}); restore it from a copy, or {advice}"
        ) from None


def _from_json(content: dict[str, list[dict[str, Any]]]) -> Splits:
    splits: Splits = {}
    for split in KEPT:
        splits[split] = [
            Photo(Path(row["name"]), row["name"], tuple(row["captions"]), row["hash"], split)
            for row in content[split]
        ]
    return splits
