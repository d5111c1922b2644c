"""Read and split the dataset, on a folder of small scenes."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from config import Settings
from data.photos.images import read_photo
from data.photos.views import Views
from data.sources.base import LeftOut
from pipeline.dataset import (
    prepare_dataset,
    report_left_out,
    save_augmented,
)
from tests.helpers.scripts import SIZES, scenes_folder
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
