"""What a dataset holds: for `python -m data.sources PATH`, and in short for train.py.

python -m data.sources PATH                      what is there, and what is left out and why
python -m data.sources PATH --picture FILE.png   and nine of its photos with their captions
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import config
import presets
from config import Settings
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.photo import Photo
from data.preprocess import Dataset
from data.sources.base import SPLITS, LeftOut, Source
from data.text.language import LANGUAGE_NAMES, normalize_language
from data.text.tokenizer import END, SPECIAL_TOKENS, TOKEN_NAMES, UNKNOWN, Tokenizer
from pipeline import dataset as stages
from utils import command_line
from utils.errors import UserError
from utils.files import check_writable
from utils.plots.figure import check_picture_file, save_figure
from utils.plots.photos import draw_captioned_photos
from utils.terminal import say

ON_THE_PICTURE = 9  # photos


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m data.sources"
    parser.add_argument(
        "path", metavar="PATH", help="the dataset: a captions file, its folder, or `scenes`"
    )
    parser.add_argument(
        "--picture", metavar="FILE.png", help="also draw nine of its photos with their captions"
    )
    command_line.add_options(
        parser, config.Data, only=("format", "language", "outside_photos", "test_size")
    )
    command_line.add_options(
        parser, config.Words, only=("tokenizer", "vocabulary", "minimum_count", "max_length")
    )
    command_line.add_options(parser, config.Vision, only=("cache",))
    command_line.add_options(parser, config.Training, only=("seed",))
    return parser


def main() -> int:
    """Read, look at every photo once, tell."""
    given = command_line.typed(options())
    name, picture = given.pop("path"), given.pop("picture")
    path = stages.dataset_path(name)
    settings = presets.resolve(given | {"dataset": str(path)}, scenes=stages.is_scenes(path))
    check_writable(Path(settings.vision.cache))
    picture = check_picture_file(picture, "--picture")
    dataset = stages.read_dataset(path, settings.data)
    asked, settings = settings, stages.suited(settings, dataset)
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    prepared, pairs = stages.look_through(dataset, settings, hashes, needed=())
    say(f"recognised: {dataset.kind} ({dataset.path})")
    for line in (*_counts(prepared), _language(asked, settings, dataset)):
        say(line)
    if prepared.splits["train"]:
        try:
            tokenizer = stages.fitted(settings, prepared, source=asked.words.tokenizer)
            say("\n".join(_vocabulary(settings, prepared, tokenizer)))
        except UserError as refusal:
            say(f"vocabulary: none; {refusal}")
    else:
        say(
            "vocabulary: none, for no photo is there to train on; evaluate.py can score a run on these"
        )
    stages.report_near_duplicates(prepared, pairs)
    for line in _left_out(prepared.left_out):
        say(line)
    if picture:
        _draw(prepared, dataset, picture)
        say(f"picture: {picture}")
    return 0


def summarise_dataset(
    asked: Settings, settings: Settings, dataset: Source, prepared: Dataset, tokenizer: Tokenizer
) -> str:
    """All of it in a few lines."""
    photos, captions, splits = _counts(prepared)
    language = _language(asked, settings, dataset)
    return (
        f"{dataset.kind} ({dataset.path}); {photos}; {captions}\n{splits}\n{language}\n"
        f"{_vocabulary(settings, prepared, tokenizer)[1]}"
    )


def _counts(prepared: Dataset) -> list[str]:
    """How many photos, captions, and photos in each split."""
    photos = [photo for split in prepared.splits.values() for photo in split]
    numbers = Counter(len(photo.captions) for photo in photos)
    captions = sum(number * times for number, times in numbers.items())
    each = (
        f"{min(numbers)} a photo"
        if len(numbers) == 1
        else (f"{min(numbers)} to {max(numbers)} a photo, {captions / len(photos):.1f} on average")
    )
    sides = ", ".join(f"{split} {len(photos)}" for split, photos in prepared.splits.items())
    replaced = prepared.splits["val"] and not prepared.splits["test"]
    none = "; no test split: val is scored in its place" if replaced else ""
    return [
        f"photos: {len(photos)}",
        f"captions: {captions}, {each}",
        f"splits: {sides} ({prepared.how}{none})",
    ]


def _language(asked: Settings, settings: Settings, dataset: Source) -> str:
    """Which language, and how we know; what captions are cut into."""
    name = LANGUAGE_NAMES.get(normalize_language(settings.data.language))
    if asked.data.language:
        known = f"{name}, given" if name else "given"
    else:
        known = {
            "en": "English, by its Latin letters; another is said with --language",
            "und": "of another script; say it with --language",
        }.get(dataset.detected_language, f"{name}, by its letters")
    usual = (
        "of the decoder's weights"
        if settings.decoding.pretrained
        else "what suits it; another with --tokenizer"
    )
    cut = "given" if asked.words.tokenizer else usual
    return f"language: {settings.data.language} ({known}); captions of {TOKEN_NAMES[settings.words.tokenizer]} ({cut})"


def _vocabulary(settings: Settings, prepared: Dataset, tokenizer: Tokenizer) -> list[str]:
    """How long captions are, and how much of them the vocabulary covers."""
    encoded = {
        split: [tokenizer.encode(caption) for photo in photos for caption in photo.captions]
        for split, photos in prepared.splits.items()
    }
    lengths = sorted(len(numbers) - 2 for split in encoded.values() for numbers in split)
    most, unit = settings.words.max_length, tokenizer.token_name
    whole = sum(length <= most for length in lengths) / len(lengths)
    least = f"{settings.words.minimum_count} time{'s' * (settings.words.minimum_count > 1)}"
    covered = ", ".join(
        f"{_coverage(numbers):.1%} of {split}" for split, numbers in encoded.items() if numbers
    )
    known = f"{len(tokenizer) - len(SPECIAL_TOKENS)} {unit}"
    source = (
        f"{known} of GPT-2"
        if settings.words.tokenizer == "gpt2"
        else (
            f"{known} of the training captions ({settings.words.vocabulary} at most, seen at least {least})"
        )
    )
    return [
        f"lengths: {lengths[len(lengths) // 2]} {unit} in the middle, {lengths[-1]} at most; {whole:.1%} have no more "
        f"than {most}",
        f"vocabulary: {source}; they cover {covered}",
    ]


def _coverage(encoded: Sequence[Sequence[int]]) -> float:
    """The share of tokens that are known."""
    numbers = Counter(number for each in encoded for number in each[1:] if number != END)
    return 1 - numbers[UNKNOWN] / max(sum(numbers.values()), 1)


def _left_out(left_out: list[LeftOut], shown: int = 3) -> list[str]:
    """What was left out, by reason, the first of each named."""
    by_reason: dict[str, list[LeftOut]] = {}
    for each in left_out:
        by_reason.setdefault(each.reason, []).append(each)
    lines = [f"left out: {len(left_out) or 'nothing'}"]
    for reason, those in sorted(by_reason.items(), key=lambda pair: -len(pair[1])):
        lines.append(f"  {len(those)}: {reason}")
        lines += [
            f"    {each.name}" + (f" ({each.where})" if each.where else "")
            for each in those[:shown]
        ]
        lines += [f"    and {len(those) - shown} more"] * (len(those) > shown)
    return lines


def _draw(prepared: Dataset, dataset: Source, file: Path) -> None:
    """Nine photos from all over the dataset, those of the splits in turn, with their captions."""
    chosen: list[Photo] = []
    for photos in prepared.splits.values():
        chosen += photos[:: max(1, len(photos) * 3 // ON_THE_PICTURE)][: ON_THE_PICTURE // 3]
    rest = [photo for photo in prepared.splits["train"] if photo not in chosen]
    missing = ON_THE_PICTURE - len(chosen)
    chosen += rest[:: max(1, len(rest) // max(missing, 1))][:missing]
    sides = {photo: split for split, photos in prepared.splits.items() for photo in photos}
    chosen.sort(key=lambda photo: SPLITS.index(sides[photo]))
    save_figure(
        draw_captioned_photos(
            [
                (read_photo(photo.path), f"{photo.name} – {sides[photo]}", photo.captions)
                for photo in chosen
            ],
            title=f"{dataset.kind}: {dataset.path}",
        ),
        file,
    )
