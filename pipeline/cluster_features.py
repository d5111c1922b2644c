"""Features for training, encoded on the machines of a Ray cluster into one cache."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from config import Settings
from data.feature_cache import FeatureCache
from data.feature_extraction import PendingPicture, encode_pictures, find_pending, report_cost
from data.photos.photo import Photo
from data.photos.reading import Reading
from data.photos.views import Views
from data.preprocess import Dataset
from data.sources.base import SPLITS
from models.encoders.encoder import Encoder
from pipeline.cluster import Job, Work, spread
from pipeline.cluster_address import make_absolute
from pipeline.features import make_encoder
from utils.errors import UserError
from utils.progress import progress


def fill_cache_on_cluster(
    address: str, settings: Settings, dataset: Dataset, encoder: Encoder, views: Views
) -> None:
    """Encode all photos and views that are missing in the cache.

    All machines see the cache, the photos and the encoder's weights under the same paths.
    """
    root = Path(settings.vision.cache).absolute()
    cache = FeatureCache(root, encoder.fingerprint())
    views = replace(views, reading=Reading(**encoder.reading))
    photos = list(_list_photos(dataset))
    pictures, number = find_pending(photos, cache, views, encoder.image_size)
    if not pictures:
        return
    report_cost(pictures, number, cache, encoder, image_size=encoder.image_size)
    make_work = partial(
        _make_work, settings, make_absolute(encoder.weights), encoder.fingerprint(), root
    )
    job = Job(make_work, [root], settings.machine.device)
    for _ in progress(spread(address, job, pictures), len(pictures), "photos"):
        pass
    _check_complete(root, encoder.fingerprint(), pictures)


def _list_photos(dataset: Dataset) -> Iterator[tuple[Photo, str]]:
    """Yield the photos, by paths that hold on every machine, with their splits."""
    for split in SPLITS:
        for photo in dataset.splits[split]:
            yield replace(photo, path=photo.path.absolute()), split


def _make_work(settings: Settings, weights: str, fingerprint: dict[str, Any], root: Path) -> Work:
    """Build the encoder; return the function that an actor calls with some pictures."""
    encoder = make_encoder(settings, weights)
    if encoder.fingerprint() != fingerprint:
        raise UserError(
            f"the encoder {settings.vision.encoder} is another one here, or has other weights; "
            "give all machines the same weights and the same packages"
        )
    cache = FeatureCache(root, fingerprint)

    def encode(pictures: list[PendingPicture]) -> list[Any]:
        for _ in encode_pictures(pictures, cache, encoder):
            pass
        return [None] * len(pictures)

    return encode


def _check_complete(
    root: Path, fingerprint: dict[str, Any], pictures: Sequence[PendingPicture]
) -> None:
    """Raise an error if features that were encoded are not in the cache as this machine sees it."""
    cache = FeatureCache(root, fingerprint)
    missing = sum(picture.key not in cache for picture in pictures)
    if missing:
        raise UserError(
            f"{missing} of {len(pictures)} features are not in {cache.folder} as this machine sees "
            "it; use a --cache on a disk that all machines share"
        )
