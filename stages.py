"""What the scripts share: from settings to photos in splits, to an encoder, to features in the cache."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from config import Settings
from data import scene_facts, scenes, sources
from data.batches import TrainingPhoto
from data.feature_extraction import FeatureCache, PhotoHashes
from data.images import save
from data.preprocess import Photo, Prepared, Views, extract, identify, label_matrix, load_pictures, split_photos, word_labels
from data.sources import Dataset
from data.tokenizer import WordTokenizer
from models import classifier
from models.decoders import DECODERS
from models.encoders import ENCODERS, Encoder
from utils.errors import Refusal, nearest
from utils.files import picture_names, written_whole
from utils.progress import progress, say
from utils.runs import read_splits

SCENES = scenes.FOLDER
DATASETS = SCENES.parent
SCENES_SIZE = {"train": 3000, "val": 300, "test": 300}
CONVNET_PHOTOS = 20_000  # at most this many teach the convnet; they are held in memory (1 GB at 128 pixels)
AS_IS = Views(0, 0)  # photos without altered views
CONVNET_WORDS = 200  # of a dataset without facts


def dataset_path(name: str | None, language: str = "en") -> Path:
    """The dataset that `--dataset` means: a path, the built-in scenes, or, left out, what lies in datasets/."""
    if name == "scenes":
        return SCENES
    if name is not None:
        return Path(name)
    found = [path for path in sorted(DATASETS.iterdir()) if _is_dataset(path, language)] if DATASETS.is_dir() else []
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise Refusal(f"several datasets in {DATASETS}/: {names}; choose one with --dataset")
    if not found:
        say(f"no dataset in {DATASETS}/: using the built-in scenes, with the convnet encoder (your own: --dataset FOLDER)")
        return SCENES
    say(f"using {found[0]}")
    return found[0]


def _is_dataset(path: Path, language: str) -> bool:
    ours = path.name in ("scenes", "cache") or path.name.startswith(".")
    return not ours and any(reader(path, language) is not None for reader in sources.FORMATS.values())


def is_scenes(path: Path) -> bool:
    """Whether a dataset is one of drawn scenes, whose facts are known."""
    return path == SCENES or ((path if path.is_dir() else path.parent) / "facts.json").is_file()


def refuse_unknown_names(settings: Settings) -> None:
    """Refuse an encoder or decoder that there is not, before anything is read."""
    named = {"encoder": (settings.vision.encoder, ENCODERS), "decoder": (settings.decoding.decoder, DECODERS)}
    for kind, (name, known) in named.items():
        if name not in known:
            raise nearest(kind, str(name), list(known))


def facts_of(dataset: Dataset) -> dict[str, dict[str, Any]] | None:
    """Facts and boxes by photo name, of a dataset of scenes; None of photographs."""
    file = dataset.path.parent / "facts.json"
    return json.loads(file.read_text(encoding="utf-8"))["scenes"] if file.is_file() else None


def read_dataset(path: Path, language: str) -> Dataset:
    """The dataset at `path`; the built-in scenes are drawn first where they are not there yet."""
    if path == SCENES and not scenes.is_written(SCENES, **SCENES_SIZE, seed=0):
        number = sum(SCENES_SIZE.values())
        say(f"drawing {number} scenes into {SCENES}/")
        scenes.write(SCENES, **SCENES_SIZE, seed=0, progress=lambda numbers: progress(numbers, number, "scenes"))
    dataset = sources.read(path, language=language)
    if language != "en" and f".{language}." not in dataset.path.name:
        say(f"no captions.{language}.csv there: the captions of {dataset.path.name} are read")
    return dataset


def prepare(dataset: Dataset, settings: Settings, hashes: PhotoHashes, *,
            needed: tuple[str, ...] = ("train", "val")) -> Prepared:
    """The dataset's photos in splits, of which those `needed` are not empty."""
    photos, left_out = identify(dataset, hashes, progress=progress)
    hashes.save()
    if not photos:
        raise Refusal(f"none of the {len(dataset.examples)} photos of {dataset.path} can be read; the first: "
                      f"{left_out[0][0]}: {left_out[0][1]}")
    prepared = split_photos(photos, test_size=settings.data.test_size, seed=settings.training.seed,
                            limit=settings.data.limit, needed=needed)
    prepared.left_out[:0] = left_out
    if settings.data.strict:
        report_left_out(prepared, strict=True)
    return prepared


def saved_splits(prepared: Prepared, run: Path) -> dict[str, list[Photo]]:
    """The photos in the splits that the run was trained with."""
    by_name = {photo.name: photo for photos in prepared.splits.values() for photo in photos}
    return {split: [by_name[name] for name in names if name in by_name] for split, names in read_splits(run).items()}


def report_left_out(prepared: Prepared, *, strict: bool, shown: int = 5, file: Path | None = None) -> None:
    """Name and count what was left out, the rest in `file`; refuse it where `--strict` asks for that."""
    if not prepared.left_out:
        return
    shown = 4 * shown if strict else shown
    names = "; ".join(f"{name}: {reason}" for name, reason in prepared.left_out[:shown])
    more = f"; and {len(prepared.left_out) - shown} more" if len(prepared.left_out) > shown else ""
    if strict:
        raise Refusal(f"--strict: the dataset has {len(prepared.left_out)} faults: {names}{more}")
    say(f"left out {len(prepared.left_out)}: {names}{more}" + (f" (all of them: {file})" if more and file else ""))


def make_encoder(settings: Settings, dataset: Dataset, prepared: Prepared, hashes: PhotoHashes) -> tuple[Encoder, str]:
    """The encoder, and where its weights are; a convnet without weights is trained first, once per data and settings."""
    vision = settings.vision
    own = vision.encoder == "convnet" and vision.weights == "imagenet"
    weights = str(_convnet_weights(settings, dataset, prepared, hashes)) if own else vision.weights
    try:
        return Encoder(vision.encoder, weights=weights, layer=vision.layer, image_size=vision.image_size), weights
    except Refusal as refusal:
        if not own or vision.layer is not None:
            raise
        say(f"{refusal}: the convnet is trained again")
    Path(weights).unlink()
    _convnet_weights(settings, dataset, prepared, hashes)
    return Encoder(vision.encoder, weights=weights, layer=vision.layer, image_size=vision.image_size), weights


def _convnet_weights(settings: Settings, dataset: Dataset, prepared: Prepared, hashes: PhotoHashes) -> Path:
    """The weights file of the convnet for these photos, labels and settings; trained where it is not there."""
    size, epochs = settings.vision.image_size or ENCODERS["convnet"].image_size, settings.vision.convnet_epochs

    def labels_and_file(photos: list[Photo]) -> tuple[list[set[classifier.Label]], Path]:
        labels = _content(photos, facts_of(dataset))
        told = json.dumps([classifier.VERSION, size, epochs, settings.training.seed,
                           sorted((photo.hash, sorted(each)) for photo, each in zip(photos, labels, strict=True))])
        name = f"{hashlib.sha256(told.encode()).hexdigest()[:16]}.weights.h5"
        return labels, Path(settings.vision.cache) / "convnet" / name

    photos = prepared.splits["train"][:CONVNET_PHOTOS]
    labels, file = labels_and_file(photos)
    if file.is_file():
        return file
    kept, pictures = load_pictures(photos, size, hashes, progress=progress)
    if len(kept) < len(photos):  # the next run knows from the start which photos cannot be read
        labels, file = labels_and_file(kept)
    names, matrix = label_matrix(labels, least=max(2, len(kept) // 200))
    if not names:
        raise Refusal(f"the captions of {len(kept)} photos name nothing often enough to train the convnet on; use more "
                      "photos, or another --encoder")
    say(f"training the convnet encoder on {len(kept)} photos and {len(names)} labels, {epochs} epochs")
    trunk = _with_bar(epochs, lambda report: classifier.train_convnet(
        pictures, matrix, names, epochs=epochs, seed=settings.training.seed, report=report))
    with written_whole(file) as temporary:
        trunk.save_weights(temporary)
    return file


def _content(photos: list[Photo], facts: dict[str, dict[str, Any]] | None) -> list[set[classifier.Label]]:
    """What each photo holds, as labels for the convnet: by its facts, else by the commonest words of its captions."""
    if facts is not None:
        return [scene_facts.content_labels(facts[photo.name]["facts"]) for photo in photos]
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return word_labels(photos, words=CONVNET_WORDS, common=ENGLISH_STOP_WORDS)


def _with_bar(epochs: int, train: Callable[[Callable[[int, float], None]], Any]) -> Any:
    """What `train` makes, with a progress bar that its reports of epoch and loss move."""
    with tqdm(total=epochs, unit=" epochs", disable=None, dynamic_ncols=True) as bar:

        def report(_epoch: int, loss: float) -> None:
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}")

        return train(report)


def have_all(dataset: Dataset, settings: Settings, hashes: PhotoHashes,
             views: Views) -> tuple[Prepared, Encoder, str, FeatureCache]:
    """What training needs: photos in splits, the encoder and where its weights are, and all features in the cache.

    Some photos turn out unreadable only on the way. Then the splits are made again, without them, so that they are the
    same as in every later run, which knows of them from the start.
    """
    while True:
        prepared = prepare(dataset, settings, hashes)
        known = hashes.unreadable()
        encoder, weights = make_encoder(settings, dataset, prepared, hashes)
        features = have_features(prepared, lambda encoder=encoder: encoder, encoder.fingerprint(), encoder.image_size,
                                 cache=Path(settings.vision.cache), hashes=hashes, views=views)
        if hashes.unreadable() == known:
            return prepared, encoder, weights, features


def have_features(prepared: Prepared, encoder: Callable[[], Encoder], fingerprint: dict[str, Any], image_size: int, *,
                  cache: Path, hashes: PhotoHashes, views: Views, splits: tuple[str, ...] = sources.SPLITS) -> FeatureCache:
    """The cache with the features of these splits in it; `encoder` is asked for only if something is missing."""
    features = FeatureCache(cache, fingerprint)
    extract(prepared, features, lambda images: encoder()(images).numpy(), hashes, image_size=image_size, views=views,
            splits=splits, progress=progress, say=say)
    return features


def save_augmented(prepared: Prepared, views: Views, image_size: int, folder: Path) -> None:
    """Write the altered views of the training photos as pictures."""
    photos = prepared.splits["train"]
    names = picture_names([photo.path for photo in photos])
    wanted = [(photo, view) for photo in photos for view in range(1, views.number + 1)]
    say(f"writing {len(wanted)} altered views into {folder}/")
    for photo, view in progress(wanted, len(wanted), "pictures"):
        save(views.picture(photo, view, image_size), folder / f"{names[photo.path]}_view{view}.jpg")


def training_photos(prepared: Prepared, split: str, tokenizer: WordTokenizer, max_length: int,
                    views: Views) -> list[TrainingPhoto]:
    """The photos of a split with their cache keys and tokens."""
    return [TrainingPhoto(views.keys(photo) if split == "train" else (photo.hash,),
                          tuple(tuple(tokenizer.encode(caption, max_length)) for caption in photo.captions))
            for photo in prepared.splits[split]]
