"""Read and split the dataset, on a folder of small scenes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import presets
from config import Settings
from data.photos.images import read_photo
from data.photos.photo import Photo
from data.photos.views import Views
from data.preprocess import Dataset
from data.sources.base import LeftOut, Source
from data.text.tokenizer import SPECIAL_TOKENS
from data.text.word_tokenizer import WordTokenizer
from pipeline.dataset import (
    fit_tokenizer,
    keeps_vocabulary,
    measure_coverage,
    prepare_dataset,
    report_left_out,
    save_augmented,
    warn_of_little,
)
from tests.helpers.scripts import SIZES, scenes_folder
from utils import runs
from utils.errors import UserError


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("dataset")) as folder:
        yield folder


def settings_for(dataset, **options):
    return Settings.from_flat({"dataset": dataset, "cache": "cache"} | options)


def test_a_dataset_is_prepared_with_facts():
    dataset = prepare_dataset(settings_for("drawn"))
    assert {split: len(photos) for split, photos in dataset.splits.items()} == SIZES
    assert dataset.facts.keys() == {name for names in dataset.names().values() for name in names}
    assert (dataset.look_alikes, dataset.left_out, dataset.language) == ([], [], "en")


def test_an_unreadable_photo_leaves_before_the_splits_are_made(capsys):
    """It is skipped as if it had never been there, now and later."""
    shutil.copytree("drawn", "faulty")
    limit = SIZES["train"] // 2
    whole = prepare_dataset(settings_for("faulty", limit=limit))
    name = whole.splits["train"][3].name
    photo = Path("faulty", name)
    photo.write_bytes(photo.read_bytes()[:3000])
    kept = {each.name for each in whole.splits["train"]} - {name}
    for _ in range(2):
        dataset = prepare_dataset(settings_for("faulty", limit=limit))
        names = {each.name for each in dataset.splits["train"]}
        assert len(names) == limit
        assert kept < names
        assert dataset.left_out == [LeftOut(name, "cut short")]
    report_left_out(dataset)
    assert f"skipped 1: {name}: cut short" in capsys.readouterr().out
    with pytest.raises(UserError, match=rf"^--strict: 1 faults? in the dataset: {name}: cut short"):
        prepare_dataset(settings_for("faulty", strict=True))


def test_each_view_is_saved_under_a_name_of_its_own(tmp_path):
    dataset = prepare_dataset(settings_for("drawn"))
    photos = dataset.splits["train"][:3]
    other = tmp_path / "other" / photos[0].path.name  # another photo of the same name
    other.parent.mkdir()
    shutil.copy(photos[1].path, other)
    photos.append(replace(photos[1], path=other))
    some = replace(dataset, splits={"train": photos})
    save_augmented(some, settings_for("drawn", augment=2), 64, tmp_path / "augmented")
    names = sorted(file.name for file in (tmp_path / "augmented").iterdir())
    stems = [photo.path.stem for photo in photos[:3]] + [photos[0].path.name]
    assert names == sorted(f"{stem}_view{view}.jpg" for stem in stems for view in (1, 2))
    views = Views(2, 0)
    saved = read_photo(tmp_path / "augmented" / f"{stems[2]}_view2.jpg").astype(float)
    assert abs(saved - views.load_picture(photos[2], 2, 64)).mean() < 4  # JPEG's loss
    assert abs(saved - views.load_picture(photos[2], 1, 64)).mean() > 4


KNOWN = ["a", "mauve", "zeppelin"]  # mauve and zeppelin are in no scene


@pytest.fixture(scope="module")
def source(place):
    """Make a run that knows three words, and no weights."""
    run = Path("checkpoints/source")
    facts = {"encoder_weights": "none", "fingerprint": {}}
    runs.write_config(run, Settings.from_flat({"tokenizer": "words"}).flat() | facts)
    WordTokenizer([*SPECIAL_TOKENS, *KNOWN]).save(run / "vocabulary.json")
    return run


@pytest.mark.parametrize("vocabulary_from", ["union", "new", "old"])
def test_the_words_of_a_run_to_start_from_stay(source, vocabulary_from):
    options = {"tokenizer": "words", "language": "en", "vocabulary_from": vocabulary_from}
    settings = settings_for("drawn", **options)
    dataset = prepare_dataset(settings)
    fitted = fit_tokenizer(settings, dataset).tokens
    expected = {
        "union": [*SPECIAL_TOKENS, *KNOWN, *(word for word in fitted[4:] if word != "a")],
        "new": fitted,
        "old": [*SPECIAL_TOKENS, *KNOWN],
    }
    assert fit_tokenizer(settings, dataset, start=source).tokens == expected[vocabulary_from]
    assert keeps_vocabulary(settings, source) == (vocabulary_from != "new")


def test_captions_without_a_frequent_word_keep_the_known_ones(source):
    settings = settings_for("drawn", tokenizer="words", language="en", minimum_count=10**6)
    dataset = prepare_dataset(settings)
    assert fit_tokenizer(settings, dataset, start=source).tokens[4:] == KNOWN
    with pytest.raises(UserError, match="no word occurs 1000000 times"):
        fit_tokenizer(settings, dataset)


def test_tokens_of_another_kind_do_not_stay(source):
    settings = settings_for("drawn", tokenizer="bpe", language="en")
    assert not keeps_vocabulary(settings, source)
    with pytest.raises(UserError, match=r"--vocabulary-from old .* words, .* \(got bpe\)"):
        keeps_vocabulary(settings_for("drawn", tokenizer="bpe", vocabulary_from="old"), source)


def make_photographs(train, val):
    """Make a dataset of photos with a caption each, which is no drawn scene."""
    splits = {"test": []}
    for split, captions in (("train", train), ("val", val)):
        splits[split] = [
            Photo(Path(f"{each}.jpg"), each, (each,), f"{number:064x}", split)
            for number, each in enumerate(captions)
        ]
    return Dataset(Source("test", Path("photos"), Path("photos"), []), splits)


WORDS = WordTokenizer([*SPECIAL_TOKENS, "a", "dog", "runs"])


def test_few_photos_and_rare_words_are_warned_of_once(capsys):
    little = make_photographs(["a dog runs"] * 3, ["a dog", "a cat sits"])
    assert measure_coverage(little, "val", WORDS) == 3 / 5
    warn_of_little(little, WORDS, has_start=False)
    (line,) = capsys.readouterr().err.splitlines()
    parts = ["3 photos", "60% of the words of val", "--from RUN", "--from hf:"]
    for part in [*parts, "--minimum-count 1", "--tokenizer bpe"]:
        assert part in line


@pytest.mark.parametrize(
    ("photos", "val", "has_start", "parts"),
    [
        (presets.FEW_PHOTOS, ["a dog runs"], False, []),
        (presets.FEW_PHOTOS - 1, ["a dog runs"], False, ["999 photos", "--from RUN"]),
        (3, ["a dog runs"], True, []),
        (3, ["a cat"], True, ["50%", "--minimum-count 1"]),
    ],
)
def test_what_is_enough_is_not_warned_of(capsys, photos, val, has_start, parts):
    warn_of_little(make_photographs(["a dog runs"] * photos, val), WORDS, has_start=has_start)
    error = capsys.readouterr().err
    assert bool(error) == bool(parts)
    for part in parts:
        assert part in error


def test_scenes_are_enough(capsys):
    scenes = make_photographs(["a dog runs"], ["a cat"])
    scenes.facts = {}
    warn_of_little(scenes, WORDS, has_start=False)
    assert capsys.readouterr().err == ""
