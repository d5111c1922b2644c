"""The folder of built-in scenes: complete, repeatable, and whole or not there."""

import csv
import hashlib
import json
from collections import Counter

import pytest
from PIL import Image

from data.scenes import dataset
from data.scenes.layout import compose_scene
from utils.errors import UserError

SIZES = {"train": 24, "val": 4, "test": 4}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    dataset.write_scenes(folder, **SIZES, seed=3)
    return folder


def hash_files(folder):
    hashes = {}
    for path in folder.rglob("*"):
        if path.is_file():
            name = str(path.relative_to(folder))
            hashes[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return hashes


def test_the_written_folder(written):
    names = sorted(path.name for path in written.iterdir())
    assert names == ["captions.csv", "captions.ko.csv", "facts.json", "photos"]
    about = json.loads((written / "facts.json").read_text(encoding="utf-8"))
    assert about["sizes"] == SIZES
    assert about["seed"] == 3
    assert len(about["scenes"]) == 32
    for photo, record in about["scenes"].items():
        with Image.open(written / photo) as picture:
            assert picture.size == (299, 299)
            assert picture.format == "JPEG"
        scene = compose_scene(record["seed"])
        assert [tuple(fact) for fact in record["facts"]] == list(scene.facts)
        assert record["boxes"] == dataset.find_boxes(scene)


@pytest.mark.parametrize("name", ["captions.csv", "captions.ko.csv"])
def test_the_written_captions(written, name):
    about = json.loads((written / "facts.json").read_text(encoding="utf-8"))
    with (written / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["photo", "caption", "split"]
    assert len(rows) == 5 * 32
    assert {row["photo"] for row in rows} == set(about["scenes"])
    assert len({(row["photo"], row["split"]) for row in rows}) == 32
    counts = Counter(row["split"] for row in rows)
    assert counts == {split: 5 * size for split, size in SIZES.items()}


def test_write_repeats_its_bytes_and_replaces_older_scenes(written, tmp_path):
    folder = tmp_path / "again"
    dataset.write_scenes(folder, train=20, val=0, test=0, seed=9)
    assert not dataset.has_scenes(folder, **SIZES, seed=3)
    dataset.write_scenes(folder, **SIZES, seed=3)
    hashes = hash_files(folder)
    assert hashes == hash_files(written)
    assert len(set(hashes.values())) == 32 + 3


def test_has_scenes_checks_sizes_and_seed(written, tmp_path):
    assert dataset.has_scenes(written, **SIZES, seed=3)
    assert not dataset.has_scenes(written, **SIZES, seed=4)
    assert not dataset.has_scenes(written, **SIZES | {"val": 5}, seed=3)
    assert not dataset.has_scenes(tmp_path / "nothing", **SIZES, seed=3)


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def stop_half_way(records):
        for number, record in enumerate(records):
            if number == 5:
                raise KeyboardInterrupt
            yield record

    with pytest.raises(KeyboardInterrupt):
        dataset.write_scenes(tmp_path / "scenes", **SIZES, progress=stop_half_way)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_other_files_is_rejected(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        dataset.write_scenes(tmp_path, **SIZES)
    assert (tmp_path / "letter.txt").read_text() == "mine"
