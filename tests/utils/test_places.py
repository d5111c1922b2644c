"""Runs and datasets are in the current folder, or in the one that CAPTION_HOME names."""

from pathlib import Path

import pytest

from config import Settings
from utils.errors import UserError
from utils.places import describe_place, find_places
from utils.prerequisites import PROJECT


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAPTION_HOME", raising=False)
    return tmp_path


def test_the_places_are_in_the_current_folder():
    places = find_places()
    assert places.runs == Path("checkpoints")
    assert places.datasets == Path("datasets")
    assert places.cache == Path("datasets/cache")
    assert (places.scenes, places.cifar10) == (Path("datasets/scenes"), Path("datasets/cifar10"))
    assert Settings().vision.cache == "datasets/cache"


def test_the_variable_names_another_folder(folder, monkeypatch):
    home = folder / "home"
    home.mkdir()
    for value in ("home", str(home)):
        monkeypatch.setenv("CAPTION_HOME", value)
        places = find_places()
        assert (places.runs, places.datasets) == (home / "checkpoints", home / "datasets")
        assert Settings().vision.cache == str(home / "datasets/cache")
    monkeypatch.setenv("CAPTION_HOME", " ")
    assert find_places().runs == Path("checkpoints")


def test_the_option_names_the_folder_of_runs_alone(folder, monkeypatch):
    (folder / "home").mkdir()
    monkeypatch.setenv("CAPTION_HOME", "home")
    places = find_places("elsewhere")
    assert (places.runs, places.datasets) == (Path("elsewhere"), folder / "home/datasets")


def test_a_home_that_does_not_exist_is_rejected(monkeypatch):
    monkeypatch.setenv("CAPTION_HOME", "nowhere")
    with pytest.raises(UserError, match=r"CAPTION_HOME must be an existing folder \(got nowhere\)"):
        find_places()


def test_a_place_is_named_in_full_outside_the_project(folder, monkeypatch):
    assert describe_place(Path("datasets")) == str(folder / "datasets")
    monkeypatch.chdir(PROJECT)
    assert describe_place(Path("datasets")) == "datasets"
