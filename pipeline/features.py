"""Build the encoder, and fill the feature cache.

The convnet encoder is trained here first, once for the same photos, labels and settings.
"""

import hashlib
import json
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from config import Settings
from data.caption_labels import build_label_matrix, choose_word_labels
from data.feature_cache import FeatureCache
from data.feature_extraction import Encode, extract_features
from data.photos.photo import Photo, PhotoViews
from data.photos.pixels import load_pictures
from data.photos.reading import Reading
from data.photos.views import Views
from data.picture_batches import PictureLoader
from data.preprocess import Dataset
from data.scenes import facts as scene_facts
from data.sources.base import SPLITS
from models.encoders import ENCODERS, convnet_training
from models.encoders.convnet_training import Label
from models.encoders.encoder import Encoder
from models.encoders.engines import choose_engine, choose_precision
from models.training.strategy import ALONE, Strategy
from pipeline.settings import has_own_convnet
from utils import runs
from utils.errors import UserError
from utils.files import open_locked, write_atomically
from utils.progress import TrainingBar
from utils.terminal import say

CONVNET_PHOTOS = 20_000  # at most this many train the convnet: 1 GB of memory at 128 pixels
CONVNET_WORDS = 200  # of a dataset without facts
ENGINES = {"openvino": "OpenVINO", "tensorflow": "TensorFlow"}  # as their makers spell them


def build_encoder(settings: Settings, dataset: Dataset) -> Encoder:
    """Build the encoder. A convnet without given weights is trained first."""
    vision = settings.vision
    if has_own_convnet(settings):
        file = train_convnet_once(settings, dataset)
        try:
            encoder = make_encoder(settings, str(file))
        except UserError as error:
            if vision.layer is not None:
                raise
            say(f"{error}: the convnet is trained again")
            file.unlink()
            encoder = make_encoder(settings, str(train_convnet_once(settings, dataset)))
        # Until the run's config.json is written, nothing else says that the file is needed.
        weakref.finalize(encoder, open_locked(file).close)
    else:
        encoder = make_encoder(settings, runs.find_weights(vision.weights))
    if vision.finetune_encoder:
        encoder.unfreeze(vision.finetune_from)
    return encoder


def make_encoder(settings: Settings, weights: str) -> Encoder:
    """Build the encoder of these settings, with weights of its own."""
    vision, machine = settings.vision, settings.machine
    return Encoder(
        str(vision.encoder),
        weights=weights,
        layer=vision.layer,
        image_size=vision.image_size,
        grid=vision.grid,
        engine=machine.engine,
        precision=machine.precision,
    )


def train_convnet_once(settings: Settings, dataset: Dataset) -> Path:
    """Return the weights file of the convnet for these photos, labels and settings; train it if
    there is none.
    """
    size = settings.vision.image_size or ENCODERS["convnet"].image_size
    epochs, seed = settings.vision.convnet_epochs, settings.training.seed
    photos = dataset.splits["train"][:CONVNET_PHOTOS]
    labels = choose_labels(photos, dataset)
    content = sorted((photo.hash, sorted(each)) for photo, each in zip(photos, labels, strict=True))
    recipe = json.dumps([convnet_training.VERSION, size, epochs, seed, content])
    name = hashlib.sha256(recipe.encode()).hexdigest()[:16]
    file = Path(settings.vision.cache) / "convnet" / f"{name}.weights.h5"
    if file.is_file():
        return file

    names, matrix = build_label_matrix(labels, least=max(2, len(photos) // 200))
    if not names:
        raise UserError(
            f"the captions of {len(photos)} photos name nothing often enough to train the convnet; "
            "use more photos, or another --encoder"
        )
    pictures = load_pictures(photos, size)
    say(
        f"training the convnet encoder on {len(photos)} photos and {len(names)} labels, "
        f"{epochs} epochs"
    )
    with TrainingBar(epochs, convnet_training.count_steps(len(photos))) as bar:
        network = convnet_training.train_convnet(
            pictures, matrix, names, epochs=epochs, seed=seed, report=bar.update
        )
    with write_atomically(file) as temporary:
        network.save_weights(temporary)
    return file


def choose_labels(photos: list[Photo], dataset: Dataset) -> list[set[Label]]:
    """Return what each photo shows, as labels for the convnet: by its facts, else by frequent words
    of its captions.
    """
    facts = dataset.facts
    if facts is not None:
        return [scene_facts.find_content_labels(facts[photo.name]["facts"]) for photo in photos]
    # scikit-learn takes a second to import, and only photographs need it.
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return choose_word_labels(
        photos, words=CONVNET_WORDS, common=ENGLISH_STOP_WORDS, language=dataset.language
    )


def extract(
    settings: Settings,
    dataset: Dataset,
    encoder: Encoder,
    views: Views,
    strategy: Strategy = ALONE,
) -> FeatureCache | PictureLoader:
    """Return the features of all photos and views. An encoder that is trained too gets the pictures
    instead.

    Several workers extract a share each. What is then missing, because their disks are not shared,
    every worker extracts for itself.
    """
    views = replace(views, reading=Reading(**encoder.reading))
    if settings.vision.finetune_encoder:
        photos = [photo for split in SPLITS for photo in dataset.splits[split]]
        return PictureLoader(photos, views, encoder.image_size, encoder.fingerprint())
    root, fingerprint, size = Path(settings.vision.cache), encoder.fingerprint(), encoder.image_size
    if not strategy.is_alone:
        cache = FeatureCache(root, fingerprint)
        fill_cache(cache, dataset, encoder, size, views, is_own=strategy.worker.owns)
        strategy.wait_for_all()
    cache = FeatureCache(root, fingerprint)
    fill_cache(cache, dataset, encoder, size, views)
    strategy.wait_for_all()
    return cache


def fill_cache(
    cache: FeatureCache,
    dataset: Dataset,
    encode: Encode,
    image_size: int,
    views: PhotoViews,
    splits: tuple[str, ...] = SPLITS,
    is_own: Callable[[str], bool] = lambda _key: True,
) -> None:
    """Extract the features that are missing in the cache, of the pictures whose keys are own."""
    photos = [(photo, split) for split in splits for photo in dataset.splits[split]]
    extract_features(photos, cache, encode, image_size=image_size, views=views, is_own=is_own)


def make_views(settings: Settings) -> Views:
    """Return the augmented views: new ones in every epoch if the encoder is trained too."""
    number = settings.vision.augment
    if settings.vision.finetune_encoder:
        number *= settings.training.epochs
    return Views(number, settings.training.seed)


def report_engine(settings: Settings) -> None:
    """Print what computes in which precision."""
    machine = settings.machine
    if settings.vision.finetune_encoder:
        say(f"products in {machine.precision}; the encoder is trained in float32")
    else:
        engine = choose_engine(machine.engine)
        precision = choose_precision(engine, machine.precision)
        say(f"products in {machine.precision}; features by {ENGINES[engine]} in {precision}")
    suggest_openvino(machine.engine)


def suggest_openvino(engine: str) -> None:
    """Print that OpenVINO would be faster, if it is missing and was not declined."""
    if engine != "auto" or choose_engine(engine) != "tensorflow":
        return
    if not tf.config.get_visible_devices("GPU"):
        say("TensorFlow takes twice as long for features as OpenVINO: pip install openvino")
