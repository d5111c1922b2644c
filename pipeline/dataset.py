"""What the scripts share of datasets: from settings to photos in splits, looked through, and words."""

import json
from pathlib import Path
from typing import Any

from config import Data, Settings
from data import sources
from data.caption_batches import TrainingPhoto
from data.photos.hashes import PhotoHashes
from data.photos.images import save_picture
from data.photos.photo import Photo
from data.photos.views import Views
from data.preprocess import Dataset, identify, near_duplicates, split_photos
from data.scenes import dataset as scenes
from data.sources.base import LeftOut, Source
from data.text.gpt2 import GPT2Tokenizer, read_vocabulary
from data.text.language import (
    LANGUAGE_NAMES,
    choose_unit,
    describe_wrong_language,
    normalize_language,
)
from data.text.loading import choose_kind, fit_tokenizer, load_tokenizer
from data.text.tokenizer import Tokenizer
from utils import hugging_face
from utils.errors import UsageError, UserError
from utils.files import unique_picture_names
from utils.runs import read_config, read_seen, read_splits, seen
from utils.terminal import progress, say, warn

SCENES = scenes.SCENES_FOLDER
DATASETS = SCENES.parent
SCENES_SIZE = {"train": 3000, "val": 300, "test": 300}
MIXED = 0.1  # of the captions: fewer in another language are a stray name or sign
AS_IS = Views(0, 0)  # photos without altered views


def dataset_path(name: str | None, language: str | None = None) -> Path:
    """The dataset that `--dataset` means: a path, the built-in scenes, or, left out, what lies in datasets/."""
    if name == "scenes":
        return SCENES
    if name is not None:
        return Path(name).expanduser()
    found = (
        [path for path in sorted(DATASETS.iterdir()) if _is_dataset(path, language)]
        if DATASETS.is_dir()
        else []
    )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(f"several datasets in {DATASETS}/: {names}; choose one with --dataset")
    if not found:
        say(
            f"no dataset in {DATASETS}/: using the built-in scenes, with the convnet encoder (your own: --dataset FOLDER)"
        )
        return SCENES
    say(f"using {found[0]}")
    return found[0]


def _is_dataset(path: Path, language: str | None) -> bool:
    ours = path.name in ("scenes", "cache", "README.md") or path.name.startswith(".")
    return not ours and sources.find_format(path, language) is not None


def is_scenes(path: Path) -> bool:
    """Whether a dataset is one of drawn scenes, whose facts are known."""
    return path == SCENES or ((path if path.is_dir() else path.parent) / "facts.json").is_file()


def facts_of(dataset: Source) -> dict[str, dict[str, Any]] | None:
    """Facts and boxes by photo name, of a dataset of scenes; None of photographs."""
    file = dataset.folder / "facts.json"
    return json.loads(file.read_text(encoding="utf-8"))["scenes"] if file.is_file() else None


def read_dataset(path: Path, data: Data) -> Source:
    """The dataset at `path`; the built-in scenes are drawn first where they are not there yet."""
    if path == SCENES and not scenes.has_scenes(SCENES, **SCENES_SIZE, seed=0):
        number = sum(SCENES_SIZE.values())
        say(f"drawing {number} scenes into {SCENES}/")
        scenes.write_scenes(
            SCENES,
            **SCENES_SIZE,
            seed=0,
            progress=lambda numbers: progress(numbers, number, "scenes"),
        )
    dataset = sources.read(
        path, language=data.language, format=data.format, outside=data.outside_photos
    )
    wrong = describe_wrong_language(dataset.path, data.language, dataset.detected_language)
    if wrong:
        warn(wrong)
    mixed = [
        f"{share:.0%} {LANGUAGE_NAMES[name]}"
        for name, share in dataset.other_languages.items()
        if share > MIXED
    ]
    if mixed:
        warn(
            f"by their letters the captions are not {LANGUAGE_NAMES[dataset.detected_language]} alone but also {', '.join(mixed)}; "
            "they are all cut and scored as one language"
        )
    return dataset


def suited(settings: Settings, dataset: Source) -> Settings:
    """The settings with what was left to the captions: language, tokenizer, longest caption."""
    asked, decoding = settings.words.tokenizer, settings.decoding
    kind = choose_kind(dataset.language, "gpt2" if decoding.pretrained and asked is None else asked)
    if decoding.pretrained and kind != "gpt2":
        raise UsageError(
            f"--tokenizer {asked}: {decoding.decoder_weights} were trained on GPT-2's pieces; leave it out"
        )
    if kind == "words" and choose_unit(dataset.language) == "characters":
        name = LANGUAGE_NAMES.get(normalize_language(dataset.language), dataset.language)
        warn(
            f"--tokenizer words cuts captions at spaces, and {name} sets none between words; a segmenter should "
            "have set them"
        )
    return settings.suited(dataset.language, kind, len(dataset.examples))


def fitted(
    settings: Settings, prepared: Dataset, *, source: str | None = None, start: Path | None = None
) -> Tokenizer:
    """The tokenizer of the training captions; of GPT-2's pieces, which are not fitted, the one that the `source` typed as
    --tokenizer, the run to start from, or the decoder's weights come with."""
    words = settings.words
    if words.tokenizer == "gpt2":
        return _gpt2(source, settings, start)
    return fit_tokenizer(
        str(words.tokenizer),
        (caption for photo in prepared.splits["train"] for caption in photo.captions),
        language=str(settings.data.language),
        vocabulary=words.vocabulary,
        minimum_count=words.minimum_count,
    )


def _gpt2(source: str | None, settings: Settings, start: Path | None) -> Tokenizer:
    """GPT-2's tokenizer, from where it is to be had."""
    weights, cut = settings.decoding.decoder_weights, choose_unit(str(settings.data.language))
    if source is not None and source != "gpt2":
        return GPT2Tokenizer(*read_vocabulary(Path(source).expanduser()), cut)
    if start is not None and not hugging_face.is_hugging_face(start):
        return load_tokenizer(start / "vocabulary.json")
    if not settings.decoding.pretrained:
        raise UserError(
            "--tokenizer gpt2 wants GPT-2's vocabulary: name a folder with vocab.json and merges.txt (or "
            "encoder.json and vocab.bpe) in its place, or --decoder-weights that come with one"
        )
    if hugging_face.is_hugging_face(weights):
        return GPT2Tokenizer(*read_vocabulary(hugging_face.find_folder(weights)), cut)
    from models.pretrained import load_vocabulary

    return GPT2Tokenizer(*load_vocabulary(weights), cut)


def prepare(
    dataset: Source,
    settings: Settings,
    hashes: PhotoHashes,
    *,
    needed: tuple[str, ...] = ("train", "val"),
) -> Dataset:
    """The dataset's photos in splits, of which those `needed` are not empty."""
    try:
        photos, left_out = identify(dataset, hashes, progress=progress)
    finally:  # what is known is kept when Ctrl-C comes among 120,000 photos
        hashes.save()
    if not photos:
        raise UserError(
            f"none of the {len(dataset.examples)} photos of {dataset.path} can be read; the first: "
            f"{left_out[0]}"
        )
    prepared = split_photos(
        photos,
        test_size=settings.data.test_size,
        seed=settings.training.seed,
        limit=settings.data.limit,
        needed=needed,
    )
    prepared.left_out[:0] = left_out
    if settings.data.strict:
        report_left_out(prepared.left_out, strict=True)
    return prepared


def saved_splits(prepared: Dataset, run: Path) -> dict[str, list[Photo]]:
    """The photos in the splits that the run was trained with."""
    by_name = {photo.name: photo for photos in prepared.splits.values() for photo in photos}
    return {
        split: [by_name[name] for name in names if name in by_name]
        for split, names in read_splits(run).items()
    }


def report_left_out(left_out: list[LeftOut], *, strict: bool = False, shown: int = 5) -> None:
    """Name and count what was left out; refuse it where `--strict` asks for that."""
    if not left_out:
        return
    shown = 4 * shown if strict else shown
    names = "; ".join(map(str, left_out[:shown]))
    more = f"; and {len(left_out) - shown} more" if len(left_out) > shown else ""
    if strict:
        raise UserError(
            f"--strict: the dataset has {len(left_out)} fault{'s' * (len(left_out) > 1)}: {names}{more}"
        )
    say(
        f"left out {len(left_out)}: {names}{more}"
        + (" (all of them: left_out.json of the run)" if more else "")
    )


def look_through(
    dataset: Source,
    settings: Settings,
    hashes: PhotoHashes,
    *,
    needed: tuple[str, ...] = ("train", "val"),
) -> tuple[Dataset, list[tuple[Photo, Photo]]]:
    """The dataset's photos in splits, each looked at once; and the pairs on two sides that look alike.

    Of scenes no pairs: drawings of the same few things look alike by design.
    """
    while True:
        prepared = prepare(dataset, settings, hashes, needed=needed)
        known = hashes.unreadable()
        try:
            pairs = (
                [] if facts_of(dataset) else near_duplicates(prepared, hashes, progress=progress)
            )
        finally:
            hashes.save()
        if hashes.unreadable() == known:
            return prepared, pairs


def report_near_duplicates(
    prepared: Dataset, pairs: list[tuple[Photo, Photo]], *, shown: int = 3
) -> None:
    """Count the pairs and name the first. They stay: what looks alike to 64 bits need not be the same."""
    if not pairs:
        return
    sides = {photo: split for split, photos in prepared.splits.items() for photo in photos}
    names = "; ".join(
        f"{one.name} ({sides[one]}) and {other.name} ({sides[other]})"
        for one, other in pairs[:shown]
    )
    more = f"; and {len(pairs) - shown} more" if len(pairs) > shown else ""
    say(
        f"near-duplicates: {len(pairs)} pair{'s' * (len(pairs) > 1)} of photos on two sides look alike: {names}{more}"
    )


def report_seen(prepared: Dataset, start: Path) -> None:
    """Warn of photos to be scored that the run which is begun from, or one before it, has learned from."""
    if (
        read_config(start).get("captions") == prepared.digest()
    ):  # the same photos in the same splits
        return
    marks = read_seen(start)
    if marks is None:
        warn(
            f"{start} does not say which photos it learned from; some of val and test may be among them"
        )
        return
    for split in ("val", "test"):
        known = sum(seen(photo.hash, marks) for photo in prepared.splits[split])
        if known:
            warn(
                f"{known} of the {len(prepared.splits[split])} photos of {split} were in the training of {start}; "
                "their scores will be too good"
            )


def save_augmented(prepared: Dataset, views: Views, image_size: int, folder: Path) -> None:
    """Write the altered views of the training photos as pictures."""
    photos = prepared.splits["train"]
    names = unique_picture_names([photo.path for photo in photos])
    wanted = [(photo, view) for photo in photos for view in range(1, views.number + 1)]
    say(f"writing {len(wanted)} altered views into {folder}/")
    for photo, view in progress(wanted, len(wanted), "pictures"):
        save_picture(
            views.load_picture(photo, view, image_size),
            folder / f"{names[photo.path]}_view{view}.jpg",
        )


def training_photos(
    prepared: Dataset, split: str, tokenizer: Tokenizer, max_length: int, views: Views
) -> list[TrainingPhoto]:
    """The photos of a split with their cache keys and tokens."""
    return [
        TrainingPhoto(
            views.keys(photo, split),
            tuple(tuple(tokenizer.encode(caption, max_length)) for caption in photo.captions),
        )
        for photo in prepared.splits[split]
    ]
