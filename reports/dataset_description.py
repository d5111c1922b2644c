"""Describe a dataset in full, for `python -m data.sources PATH`."""

from pathlib import Path
from typing import Any

from config import Settings
from data.photos.images import read_photo
from data.photos.photo import Photo
from data.preprocess import Dataset
from data.sources.base import SPLITS
from pipeline.dataset import fit_tokenizer, prepare_dataset, report_look_alikes
from pipeline.dataset_places import is_scenes
from pipeline.settings import complete, merge, preset_layers, values_of
from reports.dataset import (
    describe_captions_per_photo,
    describe_language,
    describe_split_origin,
    describe_vocabulary,
    format_left_out,
    format_splits,
)
from utils.errors import UserError
from utils.files import check_writable
from utils.plots.figure import check_picture_file, save_figure
from utils.plots.photos import draw_captioned_photos
from utils.terminal import say

DRAWN_PHOTOS = 9


def describe_dataset(path: Path, typed: dict[str, Any], picture: str | None) -> None:
    """Read the dataset, open every photo once, and print what there is.

    Args:
        typed: settings by name.
        picture: the file of --picture.
    """
    picture_file = check_picture_file(picture, "--picture")
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
    if picture_file:
        draw_photos(dataset, picture_file)
        say(f"picture: {picture_file}")


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
