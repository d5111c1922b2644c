"""Photos of an earlier run: what a run keeps of its own, and which are learned again."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from config import Settings
from data.feature_cache import FeatureCache
from data.photos.photo import Photo
from data.preprocess import Dataset
from data.sources.base import Source
from pipeline import replay
from pipeline.replay import find_replayed, report_replayed, write_kept_photos
from pipeline.resume import FromRun, New, Resumed
from utils.errors import UserError

SETTINGS = Settings.from_flat({"replay": 1.0})


def make_photos(kind, number):
    return [
        Photo(Path(f"{kind}{each}.jpg"), f"{kind}{each}.jpg", (f"a {kind}",), f"{kind}{each}", None)
        for each in range(number)
    ]


def make_dataset(kind, train, val=2):
    splits = {
        "train": make_photos(kind, train),
        "val": make_photos(f"{kind}-val-", val),
        "test": make_photos(f"{kind}-test-", 1),
    }
    return Dataset(Source(Path("list.csv"), Path(), [], "en"), splits)


def names_of(dataset):
    return {split: [photo.name for photo in photos] for split, photos in dataset.splits.items()}


@pytest.fixture
def features(tmp_path):
    """The features of all dogs and cats, but for dog2."""
    cache = FeatureCache(tmp_path / "cache", {"name": "toy"})
    for kind in ("dog", "cat"):
        keys = [f"{kind}{each}" for each in range(4)] + [f"{kind}-val-{each}" for each in range(2)]
        keys = [key for key in keys if key != "dog2"]
        cache.put(keys, np.zeros((len(keys), 1, 2)))
    return cache


@pytest.fixture
def source(tmp_path):
    """A run that learned from four dogs."""
    run = tmp_path / "dogs"
    write_kept_photos(run, make_dataset("dog", 4), None)
    return run


def start_from(source, run):
    return FromRun(run, source, {})


def test_cached_photos_of_the_source_are_replayed(source, features, tmp_path):
    new = make_dataset("bird", 3)
    replayed = find_replayed(SETTINGS, new, start_from(source, tmp_path / "new"), features)
    assert names_of(replayed) == {
        "train": ["dog0.jpg", "dog1.jpg", "dog3.jpg"],
        "val": ["dog-val-0.jpg", "dog-val-1.jpg"],
        "test": [],
    }
    assert replayed.splits["train"][0].captions == ("a dog",)
    assert replayed.language == "en"


def test_photos_that_are_in_the_dataset_are_not_replayed(source, features, tmp_path):
    """One that is in the test split now must not be learned."""
    new = make_dataset("bird", 3)
    new.splits["test"] = make_photos("dog", 1)
    new.splits["train"] += make_photos("dog", 2)[1:]
    replayed = find_replayed(SETTINGS, new, start_from(source, tmp_path / "new"), features)
    assert names_of(replayed)["train"] == ["dog3.jpg"]


def test_a_run_hands_on_what_it_replayed(source, features, tmp_path):
    """Of each kind as many as of the other, as far as there are."""
    run = tmp_path / "cats"
    cats = make_dataset("cat", 4)
    replayed = find_replayed(SETTINGS, cats, start_from(source, run), features)
    write_kept_photos(run, cats, replayed)
    third = find_replayed(SETTINGS, make_dataset("bird", 1), start_from(run, tmp_path), features)
    assert names_of(third)["train"] == [
        "cat0.jpg", "dog0.jpg", "cat1.jpg", "dog1.jpg", "cat2.jpg", "dog3.jpg", "cat3.jpg",
    ]  # fmt: skip


def test_a_resumed_run_replays_what_it_started_with(source, features, tmp_path):
    run = tmp_path / "birds"
    birds = make_dataset("bird", 1)
    replayed = find_replayed(SETTINGS, birds, start_from(source, run), features)
    write_kept_photos(run, birds, replayed)
    (source / replay.FILE).unlink()  # it is not needed any more
    resumed = Resumed(run, {"from": str(source)}, 1)
    assert names_of(find_replayed(SETTINGS, birds, resumed, features)) == names_of(replayed)
    empty = FeatureCache(tmp_path / "other", {"name": "toy"})
    with pytest.raises(UserError, match=r"the features of 5 photos that .* replays are no longer"):
        find_replayed(SETTINGS, birds, resumed, empty)


@pytest.mark.parametrize("why", ["new", "zero", "hugging face", "nothing cached", "not cached"])
def test_nothing_is_replayed(source, features, tmp_path, why):
    start, settings = start_from(source, tmp_path / "new"), SETTINGS
    if why == "new":
        start = New(tmp_path / "new")
    elif why == "zero":
        settings = Settings()
    elif why == "hugging face":
        start = start_from(Path("hf:some/model"), tmp_path / "new")
    elif why == "nothing cached":
        features = FeatureCache(tmp_path / "other", {"name": "toy"})
    else:
        features = SimpleNamespace()  # pictures, for an encoder that is trained too
    assert find_replayed(settings, make_dataset("bird", 1), start, features) is None


def test_a_sample_of_many_photos_is_kept(tmp_path, features, monkeypatch):
    monkeypatch.setattr(replay, "KEPT", {"train": 2, "val": 1})
    write_kept_photos(tmp_path / "run", make_dataset("dog", 4), None)
    replayed = find_replayed(
        SETTINGS, make_dataset("bird", 1), start_from(tmp_path / "run", tmp_path), features
    )
    assert names_of(replayed) == {"train": ["dog0.jpg"], "val": ["dog-val-0.jpg"], "test": []}


def test_a_damaged_file_is_one_line(source, features, tmp_path):
    (source / replay.FILE).write_text('{"own": 3}')
    with pytest.raises(UserError, match=r"replay\.json is damaged .*--replay 0"):
        find_replayed(SETTINGS, make_dataset("bird", 1), start_from(source, tmp_path), features)


def test_the_number_of_replayed_photos_is_printed(source, features, tmp_path, capsys):
    new = make_dataset("bird", 3)
    replayed = find_replayed(SETTINGS, new, start_from(source, tmp_path / "new"), features)
    settings = replace(SETTINGS, origins={})
    report_replayed(settings, source, new, replayed)
    assert "3 are replayed, 1 for each new one in an epoch; 2 of its val" in capsys.readouterr().out
    report_replayed(settings, source, new, None)
    assert "because none of 4 has features in " in capsys.readouterr().out
    report_replayed(settings, source, make_dataset("dog", 4), None)
    assert "because its photos are in the dataset" in capsys.readouterr().out
    report_replayed(settings, tmp_path, new, None)
    assert "because it keeps none of its photos" in capsys.readouterr().out
