"""Pictures of captions with attention, and the file that lists them."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pipeline.evaluation import Result
from reports.pictures import draw_captions
from utils.predictions import Caption


@pytest.fixture
def result(tmp_path):
    """Five photos with a caption each."""
    photos, captions = [], []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (30, 20), (50 * number, 0, 0)).save(path)
        photos.append(SimpleNamespace(name=path.name, captions=(f"true {number}",), path=path))
        attention = np.full((2, 4), 0.25)
        captions.append(
            Caption(f"number {number}", 0.5, ["number", str(number)], attention, (2, 2), [])
        )
    return Result("test", {}, [], photos, captions)


def read_rows(run):
    return json.loads((run / "results/captions.json").read_text())


def photo_names(run):
    return [row["photo"] for row in read_rows(run)]


def test_each_picture_is_listed_with_its_caption(tmp_path, result):
    run = tmp_path / "run"
    files = draw_captions(run, result, number=5)
    assert files == [run / "results" / f"0{number}.png" for number in range(1, 6)]
    assert all(Image.open(file).format == "PNG" for file in files)
    for row, file in zip(read_rows(run), files, strict=True):
        number = row["photo"][0]
        assert row == {
            "picture": file.name,
            "photo": f"{number}.png",
            "caption": f"number {number}",
            "score": 0.5,
            "references": [f"true {number}"],
        }


def test_photos_are_in_an_order_that_the_seed_chooses(tmp_path, result):
    run = tmp_path / "run"
    draw_captions(run, result, number=5)
    names = photo_names(run)
    assert sorted(names) == [f"{number}.png" for number in range(5)]
    assert names != sorted(names)
    draw_captions(run, result, number=2, seed=1)
    assert photo_names(run) != names[:2]


def test_old_pictures_are_removed_and_other_files_stay(tmp_path, result):
    run = tmp_path / "run"
    draw_captions(run, result, number=5)
    (run / "results/mine.png").touch()
    draw_captions(run, result, number=2)
    names = sorted(file.name for file in (run / "results").iterdir())
    assert names == ["01.png", "02.png", "captions.json", "mine.png"]


def test_an_unreadable_photo_is_replaced_by_the_next(tmp_path, result):
    run = tmp_path / "run"
    draw_captions(run, result, number=5)
    names = photo_names(run)
    (tmp_path / names[0]).unlink()
    assert len(draw_captions(run, result, number=4)) == 4
    assert photo_names(run) == names[1:]
