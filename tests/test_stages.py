"""What the scripts share, on a folder of small scenes: photos in splits, encoder and features, and what is left out."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import stages
from config import Settings
from data.feature_extraction import PhotoHashes
from data.images import read
from data.preprocess import Views
from tests.scripts import SIZES, scenes_folder
from utils.errors import Refusal


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    with scenes_folder(tmp_path_factory.mktemp("stages")) as folder:
        yield folder


@pytest.fixture(scope="module")
def whole(place):
    return have_all("drawn", weights="none")


def have_all(name, **changes):
    """As `train.py` does."""
    settings = Settings.from_flat({"dataset": name, "cache": f"{name}_cache", "encoder": "convnet", "convnet_epochs": 1,
                                   "image_size": 80, "augment": 0} | changes)
    hashes = PhotoHashes(Path(settings.vision.cache) / "photos.json")
    return stages.have_all(stages.read_dataset(Path(name), "en"), settings, hashes, Views(0, 0))


def test_without_a_dataset_the_scenes_are_used(capsys):
    assert stages.dataset_path(None) == Path("datasets/scenes")
    assert "using the built-in scenes" in capsys.readouterr().out


def test_one_dataset_is_taken_and_of_several_none(place, monkeypatch):
    monkeypatch.setattr(stages, "DATASETS", place / "several")
    shutil.copytree("drawn", "several/one")
    assert stages.dataset_path(None) == place / "several/one"
    shutil.copytree("drawn", "several/two")
    with pytest.raises(Refusal, match="one, two; choose one with --dataset"):
        stages.dataset_path(None)


def test_a_photo_found_unreadable_on_the_way_leaves_the_splits_as_if_it_had_been_known(capsys):
    shutil.copytree("drawn", "faulty")
    limit = SIZES["train"] // 2
    first, *_ = have_all("faulty", limit=limit, cache="whole_cache", weights="none")
    name = first.splits["train"][3].name
    Path("faulty", name).write_bytes(Path("faulty", name).read_bytes()[:3000])
    for _ in range(2):
        prepared, encoder, _, features = have_all("faulty", limit=limit, weights="none")
        assert len(prepared.splits["train"]) == limit
        assert len({photo.name for photo in prepared.splits["train"]} & {photo.name for photo in first.splits["train"]}
                   ) == limit - 1
        assert prepared.left_out == [(name, "cut short")]
        assert all(photo.hash in features for photos in prepared.splits.values() for photo in photos)
        assert encoder.fingerprint() == features.fingerprint
    stages.report_left_out(prepared, strict=False)
    assert f"left out 1: {name}: cut short" in capsys.readouterr().out


@pytest.mark.slow  # compiles the convnet's training, as the next one does twice
def test_the_convnet_is_trained_once_although_a_fault_was_found_on_the_way():
    shutil.copytree("drawn", "again")
    photo = next(Path("again/photos").iterdir())
    photo.write_bytes(b"")
    with pytest.raises(Refusal, match=rf"^--strict: the dataset has 1 faults: photos/{photo.name}: empty file$"):
        stages.report_left_out(have_all("again")[0], strict=True)
    assert len(list(Path("again_cache/convnet").iterdir())) == 1
    with pytest.raises(Refusal, match="--strict: the dataset has 1 faults"):  # known from the start now
        have_all("again", strict=True)


@pytest.mark.slow
def test_a_damaged_convnet_is_trained_again_to_the_same_weights(capsys):
    _, encoder, weights, _ = have_all("drawn")
    weights = Path(weights)
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[: size // 2])
    _, again, *_ = have_all("drawn")
    assert "the convnet is trained again" in capsys.readouterr().out
    assert again.fingerprint() == encoder.fingerprint()
    assert weights.stat().st_size == size
    assert not list(weights.parent.glob(".part-*"))


def test_every_view_of_every_training_photo_is_saved_under_a_name_of_its_own(whole, tmp_path):
    prepared = whole[0]
    photos = prepared.splits["train"][:3]
    other = tmp_path / "other" / photos[0].path.name  # another photo of the same name
    other.parent.mkdir()
    shutil.copy(photos[1].path, other)
    photos.append(replace(photos[1], path=other))
    views = Views(2, 0)
    stages.save_augmented(replace(prepared, splits={"train": photos}), views, 64, tmp_path / "augmented")
    names = sorted(file.name for file in (tmp_path / "augmented").iterdir())
    stems = [photo.path.stem for photo in photos[:3]] + [photos[0].path.name]
    assert names == sorted(f"{stem}_view{view}.jpg" for stem in stems for view in (1, 2))
    saved = read(tmp_path / "augmented" / f"{stems[2]}_view2.jpg").astype(float)
    assert abs(saved - views.picture(photos[2], 2, 64)).mean() < 4  # JPEG's loss
    assert abs(saved - views.picture(photos[2], 1, 64)).mean() > 4
