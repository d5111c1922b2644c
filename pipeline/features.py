"""What the scripts share of encoders: from photos in splits to an encoder, and to features in the cache."""

import hashlib
import json
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from config import Settings
from data.caption_labels import build_label_matrix, choose_word_labels
from data.feature_cache import FeatureCache
from data.feature_extraction import extract
from data.photos.hashes import PhotoHashes
from data.photos.photo import Photo, PicturesOf
from data.photos.pixels import load_pictures
from data.photos.views import Views
from data.picture_batches import PictureLoader
from data.preprocess import Dataset
from data.scenes import facts as scene_facts
from data.sources.base import SPLITS, Source
from models.decoders import DECODERS
from models.encoders import ENCODERS
from models.encoders import convnet_training as content_classifier
from models.encoders.convnet_training import Label
from models.encoders.encoder import Encoder
from models.encoders.engines import choose_engine, choose_precision
from pipeline.dataset import facts_of, look_through
from utils import runs
from utils.device import has_bfloat16
from utils.errors import UserError, unknown_name_error
from utils.files import open_locked, write_atomically
from utils.terminal import TrainingBar, progress, say

CONVNET_PHOTOS = (
    20_000  # at most this many teach the convnet; they are held in memory (1 GB at 128 pixels)
)
CONVNET_WORDS = 200  # of a dataset without facts
ENGINES = {"openvino": "OpenVINO", "tensorflow": "TensorFlow"}  # as their makers write them


def refuse_unknown_names(settings: Settings) -> None:
    """Refuse an encoder or decoder that there is not, before anything is read."""
    named = {
        "encoder": (settings.vision.encoder, ENCODERS),
        "decoder": (settings.decoding.decoder, DECODERS),
    }
    for kind, (name, known) in named.items():
        if name not in known:
            raise unknown_name_error(kind, str(name), list(known))


def for_this_machine(settings: Settings) -> Settings:
    """The settings with what they leave to the machine, which is told."""
    machine = settings.machine
    precision = machine.precision
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16() else "float32"
    if settings.vision.finetune_encoder:
        say(f"products in {precision}, the encoder learns in float32")
    else:
        engine = choose_engine(machine.engine)
        say(
            f"products in {precision}, features by {ENGINES[engine]} in {choose_precision(engine, precision)}"
        )
    tell_slower(machine.engine)
    return Settings.from_flat(settings.flat() | {"precision": precision})


def tell_slower(engine: str) -> None:
    """Say that OpenVINO would be quicker, where it was not left out on purpose."""
    if (
        engine == "auto"
        and choose_engine(engine) == "tensorflow"
        and not tf.config.get_visible_devices("GPU")
    ):
        say(
            "OpenVINO is not installed, and TensorFlow takes twice as long for features: pip install openvino"
        )


def make_encoder(
    settings: Settings, dataset: Source, prepared: Dataset, hashes: PhotoHashes
) -> tuple[Encoder, str]:
    """The encoder, and where its weights are; a convnet without weights is trained first, once per data and settings."""
    vision = settings.vision
    own = vision.encoder == "convnet" and vision.weights == "imagenet"
    weights = (
        str(_convnet_weights(settings, dataset, prepared, hashes))
        if own
        else _place(vision.weights)
    )
    options = {
        "weights": weights,
        "layer": vision.layer,
        "image_size": vision.image_size,
        "grid": vision.grid,
        "engine": settings.machine.engine,
        "precision": settings.machine.precision,
    }
    try:
        encoder = Encoder(vision.encoder, **options)
    except UserError as refusal:
        if not own or vision.layer is not None:
            raise
        say(f"{refusal}: the convnet is trained again")
        Path(weights).unlink()
        _convnet_weights(settings, dataset, prepared, hashes)
        encoder = Encoder(vision.encoder, **options)
    if own:  # until the run's settings are written, nothing else says that they are needed
        weakref.finalize(encoder, open_locked(Path(weights)).close)
    return encoder, weights


def _place(weights: str) -> str:
    """Where weights are: of a run's name its folder, as with --run."""
    run = runs.place(weights, default="")
    return (
        str(run)
        if weights not in ("imagenet", "none") and (run / "config.json").is_file()
        else weights
    )


def _convnet_weights(
    settings: Settings, dataset: Source, prepared: Dataset, hashes: PhotoHashes
) -> Path:
    """The weights file of the convnet for these photos, labels and settings; trained where it is not there."""
    size, epochs = (
        settings.vision.image_size or ENCODERS["convnet"].image_size,
        settings.vision.convnet_epochs,
    )

    def labels_and_file(photos: list[Photo]) -> tuple[list[set[Label]], Path]:
        labels = _content(photos, facts_of(dataset), dataset.language)
        told = json.dumps(
            [
                content_classifier.VERSION,
                size,
                epochs,
                settings.training.seed,
                sorted(
                    (photo.hash, sorted(each)) for photo, each in zip(photos, labels, strict=True)
                ),
            ]
        )
        name = f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.weights.h5"
        return labels, Path(settings.vision.cache) / "convnet" / name

    photos = prepared.splits["train"][:CONVNET_PHOTOS]
    labels, file = labels_and_file(photos)
    if file.is_file():
        return file
    kept, pictures = load_pictures(photos, size, hashes, progress=progress)
    if len(kept) < len(photos):  # the next run knows from the start which photos cannot be read
        labels, file = labels_and_file(kept)
    names, matrix = build_label_matrix(labels, least=max(2, len(kept) // 200))
    if not names:
        raise UserError(
            f"the captions of {len(kept)} photos name nothing often enough to train the convnet on; use more "
            "photos, or another --encoder"
        )
    say(
        f"training the convnet encoder on {len(kept)} photos and {len(names)} labels, {epochs} epochs"
    )
    with TrainingBar(epochs, content_classifier.count_steps(len(kept))) as bar:
        trunk = content_classifier.train_convnet(
            pictures, matrix, names, epochs=epochs, seed=settings.training.seed, report=bar.update
        )
    with write_atomically(file) as temporary:
        trunk.save_weights(temporary)
    return file


def _content(
    photos: list[Photo], facts: dict[str, dict[str, Any]] | None, language: str
) -> list[set[Label]]:
    """What each photo holds, as labels for the convnet: by its facts, else by the commonest words of its captions."""
    if facts is not None:
        return [scene_facts.find_content_labels(facts[photo.name]["facts"]) for photo in photos]
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return choose_word_labels(
        photos, words=CONVNET_WORDS, common=ENGLISH_STOP_WORDS, language=language
    )


@dataclass(frozen=True)
class Ready:
    """What training needs."""

    prepared: Dataset
    pairs: list[tuple[Photo, Photo]]  # on two sides, that look alike
    encoder: Encoder
    weights: str  # where the encoder's are
    features: (
        FeatureCache | PictureLoader
    )  # all of them; of an encoder that is trained, the pictures


def have_all(
    dataset: Source,
    settings: Settings,
    hashes: PhotoHashes,
    views: Views,
    *,
    looked_through: tuple[Dataset, list[tuple[Photo, Photo]]] | None = None,
    agreed: Callable[[dict[str, Any]], None] | None = None,
) -> Ready:
    """Photos in splits (as they were `looked_through` before, or are now), the encoder, and all features in the cache.
    `agreed` sees the encoder's fingerprint before anything is extracted, and may refuse it.

    Some photos turn out unreadable only on the way. Then the splits are made again, without them, so that they are the
    same as in every later run, which knows of them from the start.
    """
    while True:
        prepared, pairs = looked_through or look_through(dataset, settings, hashes)
        looked_through = None
        known = hashes.unreadable()
        encoder, weights = make_encoder(settings, dataset, prepared, hashes)
        fingerprint = encoder.fingerprint()
        if agreed:
            agreed(fingerprint)
        features = have_features(
            prepared,
            lambda encoder=encoder: encoder,
            fingerprint,
            encoder.image_size,
            cache=Path(settings.vision.cache),
            hashes=hashes,
            views=views,
        )
        if hashes.unreadable() == known:
            return Ready(prepared, pairs, encoder, weights, features)


def have_pictures(
    dataset: Source,
    settings: Settings,
    hashes: PhotoHashes,
    views: Views,
    *,
    looked_through: tuple[Dataset, list[tuple[Photo, Photo]]],
    agreed: Callable[[dict[str, Any]], None] | None = None,
) -> Ready:
    """The same with the pictures in the features' place, for an encoder that is trained."""
    prepared, pairs = looked_through
    encoder, weights = make_encoder(settings, dataset, prepared, hashes)
    encoder.unfreeze(settings.vision.finetune_from)
    if agreed:
        agreed(encoder.fingerprint())
    photos = [photo for split in SPLITS for photo in prepared.splits[split]]
    return Ready(
        prepared,
        pairs,
        encoder,
        weights,
        PictureLoader(photos, views, encoder.image_size, encoder.fingerprint()),
    )


def have_features(
    prepared: Dataset,
    encoder: Callable[[], Encoder],
    fingerprint: dict[str, Any],
    image_size: int,
    *,
    cache: Path,
    hashes: PhotoHashes,
    views: PicturesOf,
    splits: tuple[str, ...] = SPLITS,
) -> FeatureCache:
    """The cache with the features of these splits in it; `encoder` is asked for only if something is missing."""
    features = FeatureCache(cache, fingerprint)
    extract(
        prepared,
        features,
        lambda images: encoder()(images),
        hashes,
        image_size=image_size,
        views=views,
        splits=splits,
        progress=progress,
        say=say,
    )
    return features
