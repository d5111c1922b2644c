"""Read, check and split the dataset, and fit the tokenizer on its captions."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import config
import presets
from config import Data, Settings
from data import sources
from data.caption_batches import TrainingPhoto
from data.photos.hashes import PhotoHashes
from data.photos.images import save_picture
from data.photos.photo import Photo
from data.photos.views import Views
from data.preprocess import Dataset, find_look_alikes, open_photos, split_photos
from data.scenes import dataset as scenes
from data.sources.base import LeftOut, Source
from data.text import loading
from data.text.combining import combine_vocabularies
from data.text.gpt2 import GPT2Tokenizer, read_vocabulary
from data.text.language import LANGUAGE_NAMES, choose_unit, describe_wrong_language
from data.text.tokenizer import UNKNOWN, Tokenizer
from pipeline.saved import read_saved_config
from utils import hugging_face, runs
from utils.command_line import require
from utils.errors import UserError
from utils.files import unique_picture_names
from utils.hub.known import SUGGESTED
from utils.places import find_places
from utils.progress import progress
from utils.terminal import say, warn

SCENES_SIZE = {"train": 3000, "val": 300, "test": 300}
MIXED = 0.1  # share of the captions; fewer in another language are a stray name or sign
NO_VIEWS = Views(0, 0)  # photos without augmented views
SHOWN_FAULTS = 5
SHOWN_PAIRS = 3


def read_facts(source: Source) -> dict[str, dict[str, Any]] | None:
    """Return facts and boxes of drawn scenes by photo name; None for photographs."""
    file = source.folder / "facts.json"
    if not file.is_file():
        return None
    return json.loads(file.read_text(encoding="utf-8"))["scenes"]


def read_source(path: Path, data: Data) -> Source:
    """Read the captions at `path`; draw the built-in scenes first if they are missing."""
    is_built_in = path == find_places().scenes
    if is_built_in and not scenes.has_scenes(path, **SCENES_SIZE, seed=0):
        _draw_scenes(path)
    source = sources.read(
        path,
        language=data.language,
        format=data.format,
        outside=data.outside_photos,
        all_rows=data.all_rows,
    )
    wrong = describe_wrong_language(source.path, data.language, source.detected_language)
    if wrong:
        warn(wrong)
    mixed = [
        f"{share:.0%} {LANGUAGE_NAMES[name]}"
        for name, share in source.other_languages.items()
        if share > MIXED
    ]
    if mixed:
        warn(
            f"by their letters the captions are {LANGUAGE_NAMES[source.detected_language]}, but "
            f"also {', '.join(mixed)}; they are all split and scored as one language"
        )
    return source


def _draw_scenes(folder: Path) -> None:
    number = sum(SCENES_SIZE.values())
    say(f"drawing {number} scenes into {folder}/")

    def show(numbers: Iterable) -> Iterable:
        return progress(numbers, number, "scenes")

    scenes.write_scenes(folder, **SCENES_SIZE, seed=0, progress=show)


def prepare_dataset(settings: Settings, *, needed: tuple[str, ...] = ("train", "val")) -> Dataset:
    """Read the dataset of the settings, open each photo once, and split them."""
    source = read_source(Path(settings.data.dataset), settings.data)
    dataset = split_source(source, settings, needed=needed)
    dataset.facts = read_facts(source)
    if dataset.facts is None:  # drawings of the same few things look alike by design
        dataset.look_alikes = find_look_alikes(dataset)
    return dataset


def split_source(
    source: Source, settings: Settings, *, needed: tuple[str, ...] = ("train", "val")
) -> Dataset:
    """Open the photos of a source and split them; the `needed` splits must not be empty."""
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    photos, left_out = open_photos(source, hashes)
    if not photos:
        raise UserError(
            f"none of the {len(source.examples)} photos of {source.path} can be read; the first: "
            f"{left_out[0]}"
        )
    dataset = split_photos(
        source,
        photos,
        test_size=settings.data.test_size,
        seed=settings.training.seed,
        limit=settings.data.limit,
        needed=needed,
    )
    dataset.left_out[:0] = left_out
    if settings.data.strict:
        check_no_faults(dataset.left_out)
    return dataset


def restore_splits(dataset: Dataset, run: Path) -> None:
    """Put the photos into the splits that the run was trained with."""
    by_name = {photo.name: photo for photos in dataset.splits.values() for photo in photos}
    for split, names in runs.read_splits(run).items():
        dataset.splits[split] = [by_name[name] for name in names if name in by_name]


def check_no_faults(left_out: list[LeftOut]) -> None:
    """Raise a UserError that names the faults of a dataset, for --strict."""
    if not left_out:
        return
    raise UserError(
        f"--strict: {len(left_out)} faults in the dataset: {_list(left_out, 4 * SHOWN_FAULTS)}"
    )


def _list(items: list[Any], shown: int) -> str:
    """Return the first items, and the number of the others."""
    names = "; ".join(map(str, items[:shown]))
    if len(items) > shown:
        names += f"; and {len(items) - shown} more"
    return names


def report_left_out(dataset: Dataset) -> None:
    """Print what was skipped and why."""
    left_out = dataset.left_out
    if not left_out:
        return
    line = f"skipped {len(left_out)}: {_list(left_out, SHOWN_FAULTS)}"
    if len(left_out) > SHOWN_FAULTS:
        line += " (all of them: left_out.json of the run)"
    say(line)


def report_look_alikes(dataset: Dataset) -> None:
    """Print the pairs of photos that look alike. They stay: alike need not be the same."""
    pairs = dataset.look_alikes
    if not pairs:
        return
    splits = {photo: split for split, photos in dataset.splits.items() for photo in photos}
    lines = [
        f"{one.name} ({splits[one]}) and {other.name} ({splits[other]})" for one, other in pairs
    ]
    noun = "pair" if len(pairs) == 1 else "pairs"
    say(f"near-duplicates: {len(pairs)} {noun} in different splits: {_list(lines, SHOWN_PAIRS)}")


def report_seen(dataset: Dataset, source: Path) -> None:
    """Warn of photos in val and test that the run `source`, or a run before it, was trained on."""
    if read_saved_config(source).get("captions") == dataset.digest():
        return  # the same photos in the same splits
    marks = runs.read_seen(source)
    if marks is None:
        warn(
            f"{hugging_face.describe(source)} does not say which photos it was trained on; some of "
            "val and test may be among them"
        )
        return
    for split in ("val", "test"):
        photos = dataset.splits[split]
        known = sum(runs.is_seen(photo.hash, marks) for photo in photos)
        if known:
            warn(
                f"{known} of the {len(photos)} photos of {split} were in the training of {source}; "
                "their scores will be too good"
            )


def warn_of_little(dataset: Dataset, tokenizer: Tokenizer, *, has_start: bool) -> None:
    """Warn of few photos to train on, or of a vocabulary that misses many words of val.

    With `has_start`, training starts from a model that has learned elsewhere.
    """
    if dataset.facts is not None:
        return  # the grammar of scenes is small
    photos = len(dataset.splits["train"])
    coverage = measure_coverage(dataset, "val", tokenizer)
    faults, remedies = [], []
    if photos < presets.FEW_PHOTOS and not has_start:
        faults.append(f"{photos:,} photos are few to learn from")
        model = f"{hugging_face.PREFIX}{SUGGESTED.name}"
        remedies.append(f"start from another run (--from RUN) or captioner (--from {model})")
    if coverage < presets.LEAST_COVERAGE:
        faults.append(f"the vocabulary covers only {coverage:.0%} of the words of val")
        remedies.append("keep rarer words (--minimum-count 1)")
        if tokenizer.kind == "words":
            remedies.append("learn pieces of words (--tokenizer bpe)")
    if faults:
        warn(f"{' and '.join(faults)}; it helps to {', or to '.join(remedies)}")


def measure_coverage(dataset: Dataset, split: str, tokenizer: Tokenizer) -> float:
    """Return the share of a split's tokens that the vocabulary knows; 1 without captions."""
    tokens = known = 0
    for photo in dataset.splits[split]:
        for caption in photo.captions:
            numbers = tokenizer.encode(caption)[1:-1]
            tokens += len(numbers)
            known += sum(number != UNKNOWN for number in numbers)
    return known / tokens if tokens else 1.0


def fit_tokenizer(
    settings: Settings, dataset: Dataset, *, source: str | None = None, start: Path | None = None
) -> Tokenizer:
    """Fit the tokenizer on the training captions. A pretrained one is not fitted but loaded.

    Args:
        source: what was typed as --tokenizer.
        start: the run that training starts from. Its tokens stay, unless --vocabulary-from new.
    """
    words = settings.words
    if words.tokenizer not in config.FITTED_TOKENIZERS:
        return _load_pretrained(source, settings, start)
    known = None
    if keeps_vocabulary(settings, start):
        known = loading.load_tokenizer(start / "vocabulary.json")
    if known is not None and words.vocabulary_from == "old":
        return known
    captions = (caption for photo in dataset.splits["train"] for caption in photo.captions)
    fitted = loading.fit_tokenizer(
        str(words.tokenizer),
        captions,
        language=str(settings.data.language),
        vocabulary=words.vocabulary,
        minimum_count=words.minimum_count,
        may_be_empty=known is not None,
    )
    if known is not None:
        return combine_vocabularies(known, fitted)
    return fitted


def keeps_vocabulary(settings: Settings, start: Path | None) -> bool:
    """Return whether the tokens of the run to start from stay, with or without new ones."""
    words = settings.words
    if start is None or hugging_face.is_hugging_face(start) or words.vocabulary_from == "new":
        return False
    if words.tokenizer not in config.FITTED_TOKENIZERS:
        return False
    kind = read_saved_config(start)["tokenizer"]
    require(
        kind == words.tokenizer or words.vocabulary_from != "old",
        f"--vocabulary-from old needs --tokenizer {kind}, as {start} has (got {words.tokenizer})",
    )
    return kind == words.tokenizer


def _load_pretrained(source: str | None, settings: Settings, start: Path | None) -> Tokenizer:
    """Load a tokenizer from a typed folder, the run to start from, or the decoder's weights."""
    kind, weights = str(settings.words.tokenizer), settings.decoding.decoder_weights
    unit = choose_unit(str(settings.data.language))
    if source is not None and source != kind:
        return GPT2Tokenizer(*read_vocabulary(Path(source).expanduser()), unit)
    if start is not None and not hugging_face.is_hugging_face(start):
        return loading.load_tokenizer(start / "vocabulary.json")
    if not settings.decoding.is_pretrained:
        raise UserError(
            "--tokenizer gpt2 needs GPT-2's vocabulary: name a folder with vocab.json and "
            "merges.txt (or encoder.json and vocab.bpe) instead, or --decoder-weights that come "
            "with one"
        )
    # These load TensorFlow, which this module otherwise does without.
    from models.pretrained.families import describe_tokenizer
    from models.pretrained.keras_hub_presets import load_vocabulary

    if hugging_face.is_hugging_face(weights):
        folder = hugging_face.find_folder(weights)
        return loading.load_pretrained_tokenizer(
            kind, folder, unit=unit, **describe_tokenizer(weights)
        )

    return GPT2Tokenizer(*load_vocabulary(weights), unit)


def tokenize_photos(
    dataset: Dataset, split: str, tokenizer: Tokenizer, max_length: int, views: Views
) -> list[TrainingPhoto]:
    """Return the photos of a split with their cache keys and the tokens of their captions."""
    photos = []
    for photo in dataset.splits[split]:
        tokens = [tuple(tokenizer.encode(caption, max_length)) for caption in photo.captions]
        photos.append(TrainingPhoto(views.keys(photo, split), tuple(tokens)))
    return photos


def save_augmented(dataset: Dataset, settings: Settings, image_size: int, folder: Path) -> None:
    """Write the augmented views of the training photos as pictures.

    An encoder that is trained too gets new views in every epoch; these are the first ones.
    """
    views = Views(settings.vision.augment, settings.training.seed)
    photos: list[Photo] = dataset.splits["train"]
    names = unique_picture_names([photo.path for photo in photos])
    pairs = [(photo, view) for photo in photos for view in range(1, views.number + 1)]
    say(f"writing {len(pairs)} augmented views into {folder}/")
    for photo, view in progress(pairs, len(pairs), "pictures"):
        picture = views.load_picture(photo, view, image_size)
        save_picture(picture, folder / f"{names[photo.path]}_view{view}.jpg")
