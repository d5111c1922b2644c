"""The place of --dataset is found, and a misspelt one is answered with a similar one."""

from pathlib import Path

import pytest

from pipeline.dataset_places import check_exists, find_class_folders, find_dataset, is_scenes
from tests.helpers.classes import write_class_folders
from utils.errors import UsageError, UserError


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAPTION_HOME", raising=False)
    return tmp_path


def make_dataset(folder):
    """Make a dataset of one photo that is not there."""
    folder = Path(folder)
    folder.mkdir(parents=True)
    (folder / "captions.csv").write_text("photo,caption\na.jpg,A dog.\n")
    return folder


def test_without_a_dataset_the_scenes_are_used(place, capsys):
    assert find_dataset(None) == Path("datasets/scenes")
    assert f"no dataset in {place}/datasets/: using the built-in scenes" in capsys.readouterr().out


def test_one_dataset_is_taken_and_of_several_none(capsys):
    one = make_dataset("datasets/one")
    make_dataset("datasets/scenes")  # the built-in ones are not counted
    assert find_dataset(None) == one
    assert capsys.readouterr().out == "using datasets/one\n"
    make_dataset("datasets/two")
    with pytest.raises(UserError, match="one, two; choose one with --dataset"):
        find_dataset(None)


def test_another_home_has_other_datasets(place, monkeypatch):
    one = make_dataset(place / "home/datasets/one")
    monkeypatch.setenv("CAPTION_HOME", "home")
    assert find_dataset(None) == one
    assert find_dataset("scenes") == place / "home/datasets/scenes"
    assert find_class_folders("cifar10") == place / "home/datasets/cifar10"


def test_scenes_are_recognised_by_their_facts():
    drawn = make_dataset("drawn")
    assert not is_scenes(drawn)
    (drawn / "facts.json").write_text("{}")
    assert is_scenes(drawn)
    assert is_scenes(drawn / "captions.csv")
    assert is_scenes(Path("datasets/scenes"))


def test_find_class_folders(place, capsys):
    assert find_class_folders("cifar10") == Path("datasets/cifar10")
    assert find_class_folders("~/pets") == Path("~/pets").expanduser()
    with pytest.raises(
        UsageError, match=r"^--dataset scenes has captions and no classes; use cifar10, or "
    ):
        find_class_folders("scenes")
    assert find_class_folders(None) == Path("datasets/cifar10")
    line = f"no folder of classes in {place}/datasets/: using CIFAR-10 "
    assert capsys.readouterr().out == f"{line}(your own: --dataset FOLDER)\n"
    for ours in ("cifar10", "cache", ".part"):
        write_class_folders(place / "datasets" / ours, unsplit=1)
    write_class_folders(place / "datasets/captioned", unsplit=1)
    (place / "datasets/captioned/captions.csv").write_text("photo,caption\nred/00.png,A red one.\n")
    (place / "datasets/README.md").write_text("")
    assert find_class_folders(None) == Path("datasets/cifar10")
    write_class_folders(place / "datasets/colours", unsplit=1)
    capsys.readouterr()
    assert find_class_folders(None) == Path("datasets/colours")
    assert capsys.readouterr().out == "using datasets/colours\n"
    write_class_folders(place / "datasets/more", unsplit=1)
    with pytest.raises(
        UserError, match=r"^several folders of classes in .*/datasets/: colours, more; choose one"
    ):
        find_class_folders(None)


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("datasets/flickr8", "did you mean datasets/flickr8k?"),
        ("flickr8k", "did you mean datasets/flickr8k?"),
        ("scnes", "did you mean scenes?"),
        ("phots", "did you mean photos?"),
        ("xyzzy", "give a captions file, its folder, or `scenes`"),
    ],
)
def test_a_misspelt_dataset_is_answered_with_a_similar_one(place, typed, hint):
    make_dataset("datasets/flickr8k")
    make_dataset("photos")
    with pytest.raises(UserError) as caught:
        check_exists(Path(typed))
    assert str(caught.value) == f"no dataset at {typed} (seen from {place}); {hint}"
    assert caught.value.status == 1


def test_a_dataset_that_exists_or_will_be_made_is_accepted():
    for path in (make_dataset("photos"), Path("datasets/scenes"), Path("datasets/cifar10")):
        check_exists(path)
