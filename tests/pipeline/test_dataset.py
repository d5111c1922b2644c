"""What the scripts share, on a folder of small scenes: photos in splits, encoder and features, and what is left out."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from config import Data, Settings
from data.photos.hashes import PhotoHashes
from data.photos.images import read_photo
from data.photos.views import Views
from pipeline import dataset as stages
from tests.helpers.scripts import scenes_folder
from utils.errors import UserError


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("stages")) as folder:
        yield folder


def test_without_a_dataset_the_scenes_are_used(capsys):
    assert stages.dataset_path(None) == Path("datasets/scenes")
    assert "using the built-in scenes" in capsys.readouterr().out


def test_one_dataset_is_taken_and_of_several_none(place, monkeypatch):
    monkeypatch.setattr(stages, "DATASETS", place / "several")
    shutil.copytree("drawn", "several/one")
    assert stages.dataset_path(None) == place / "several/one"
    shutil.copytree("drawn", "several/two")
    with pytest.raises(UserError, match="one, two; choose one with --dataset"):
        stages.dataset_path(None)


def test_every_view_of_every_training_photo_is_saved_under_a_name_of_its_own(tmp_path):
    prepared = stages.prepare(
        stages.read_dataset(Path("drawn"), Data()),
        Settings(),
        PhotoHashes(Path("cache/photos.json")),
    )
    photos = prepared.splits["train"][:3]
    other = tmp_path / "other" / photos[0].path.name  # another photo of the same name
    other.parent.mkdir()
    shutil.copy(photos[1].path, other)
    photos.append(replace(photos[1], path=other))
    views = Views(2, 0)
    stages.save_augmented(
        replace(prepared, splits={"train": photos}), views, 64, tmp_path / "augmented"
    )
    names = sorted(file.name for file in (tmp_path / "augmented").iterdir())
    stems = [photo.path.stem for photo in photos[:3]] + [photos[0].path.name]
    assert names == sorted(f"{stem}_view{view}.jpg" for stem in stems for view in (1, 2))
    saved = read_photo(tmp_path / "augmented" / f"{stems[2]}_view2.jpg").astype(float)
    assert abs(saved - views.load_picture(photos[2], 2, 64)).mean() < 4  # JPEG's loss
    assert abs(saved - views.load_picture(photos[2], 1, 64)).mean() > 4
