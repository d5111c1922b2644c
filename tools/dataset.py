"""Describe a dataset: for `python -m data.sources PATH`.

python -m data.sources PATH                      what is there, and what is skipped and why
python -m data.sources PATH --picture FILE.png   also nine of its photos with their captions
"""

import argparse
from pathlib import Path

import config
from config import Settings
from data.photos.images import read_photo
from data.photos.photo import Photo
from data.preprocess import Dataset
from data.sources.base import SPLITS
from pipeline.dataset import (
    find_dataset,
    fit_tokenizer,
    is_scenes,
    prepare_dataset,
    report_look_alikes,
)
from pipeline.settings import complete, merge, preset_layers, values_of
from reports.dataset import (
    describe_captions_per_photo,
    describe_language,
    describe_split_origin,
    describe_vocabulary,
    format_left_out,
    format_splits,
)
from utils.command_line import add_options, make_parser, parse_typed
from utils.errors import UserError
from utils.files import check_writable
from utils.plots.figure import check_picture_file, save_figure
from utils.plots.photos import draw_captioned_photos
from utils.terminal import say

DRAWN_PHOTOS = 9


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = make_parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m data.sources"
    parser.add_argument(
        "path", metavar="PATH", help="the dataset: a captions file, its folder, or scenes"
    )
    parser.add_argument(
        "--picture", metavar="FILE.png", help="also draw nine of its photos with their captions"
    )
    names = ("format", "language", "outside_photos", "test_size")
    add_options(parser, config.Data, only=names)
    names = ("tokenizer", "vocabulary", "minimum_count", "max_length")
    add_options(parser, config.Words, only=names)
    add_options(parser, config.Vision, only=("cache",))
    add_options(parser, config.Training, only=("seed",))
    return parser


def main() -> int:
    """Read the dataset, open every photo once, and print what there is."""
    typed = parse_typed(make_options())
    path = find_dataset(typed.pop("path"))
    picture = check_picture_file(typed.pop("picture"), "--picture")
    chosen = choose_settings(typed, path)
    check_writable(Path(chosen.vision.cache))
    dataset = prepare_dataset(chosen, needed=())
    settings = complete(chosen, dataset, has_bfloat16=False)
    say(f"recognised: {dataset.source.kind} ({dataset.path})")
    say(format_splits(dataset))
    say(f"splits: {describe_split_origin(dataset)}")
    say(f"captions: {describe_captions_per_photo(dataset)}")
    say(describe_language(chosen, settings, dataset))
    say(describe_words(chosen, settings, dataset))
    report_look_alikes(dataset)
    if dataset.left_out:
        say(format_left_out(dataset.left_out))
    else:
        say("skipped: nothing")
    if picture:
        draw_photos(dataset, picture)
        say(f"picture: {picture}")
    return 0


def choose_settings(typed: dict[str, object], path: Path) -> Settings:
    """Return the settings of the default preset for this dataset."""
    layers = [("command line", typed)]
    layers += preset_layers(typed, "inception-gru", scenes=is_scenes(path))
    return Settings.from_flat(values_of(merge(layers)) | {"dataset": str(path)})


def describe_words(chosen: Settings, settings: Settings, dataset: Dataset) -> str:
    """Return the lengths of captions and the vocabulary, or why there is none."""
    if not dataset.splits["train"]:
        return "vocabulary: none, without a photo to train on; evaluate.py can score a run on these"
    try:
        tokenizer = fit_tokenizer(settings, dataset, source=chosen.words.tokenizer)
    except UserError as error:
        return f"vocabulary: none; {error}"
    return "\n".join(describe_vocabulary(settings, dataset, tokenizer))


def draw_photos(dataset: Dataset, file: Path) -> None:
    """Draw nine photos of all splits with their captions."""
    split_of = {photo: split for split, photos in dataset.splits.items() for photo in photos}
    photos = choose_photos(dataset)
    photos.sort(key=lambda photo: SPLITS.index(split_of[photo]))
    drawn = []
    for photo in photos:
        title = f"{photo.name} – {split_of[photo]}"
        drawn.append((read_photo(photo.path), title, photo.captions))
    title = f"{dataset.source.kind}: {dataset.path}"
    save_figure(draw_captioned_photos(drawn, title=title), file)


def choose_photos(dataset: Dataset) -> list[Photo]:
    """Return three photos of each split, and training photos where there are fewer."""
    chosen: list[Photo] = []
    each = DRAWN_PHOTOS // 3
    for photos in dataset.splits.values():
        step = max(1, len(photos) // each)
        chosen += photos[::step][:each]
    rest = [photo for photo in dataset.splits["train"] if photo not in chosen]
    missing = DRAWN_PHOTOS - len(chosen)
    step = max(1, len(rest) // max(missing, 1))
    return chosen + rest[::step][:missing]
