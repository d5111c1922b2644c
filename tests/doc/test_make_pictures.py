"""The pictures of the README fit into their maximum sizes."""

import numpy as np
import pytest
from PIL import Image

import make_pictures
from tests.helpers.scripts import run_command


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "doc").mkdir()
    monkeypatch.setattr(make_pictures, "ROOT", tmp_path)
    return tmp_path / "doc"


def test_the_pipeline_needs_no_run(folder):
    done = run_command(make_pictures, "--only", "pipeline")
    assert done.status == 0
    assert (folder / "pipeline.png").stat().st_size <= make_pictures.MAXIMUM_BYTES["pipeline"]
    with Image.open(folder / "pipeline.png") as picture:
        assert f"{picture.width} x {picture.height} pixels" in done.out
        assert picture.width in make_pictures.WIDTHS


def test_a_large_picture_becomes_narrower_or_is_rejected(folder, monkeypatch):
    """At a tenth of the widths: choosing 256 colours for noise takes long."""
    monkeypatch.setattr(make_pictures, "WIDTHS", tuple(each // 10 for each in make_pictures.WIDTHS))
    noise = np.random.default_rng(0).integers(0, 256, (40, 140, 3)).astype(np.uint8)
    picture = Image.fromarray(noise)
    smallest = len(make_pictures.encode_png(picture.resize((60, 17))))
    monkeypatch.setitem(make_pictures.MAXIMUM_BYTES, "demo", 2 * smallest)
    make_pictures.write_picture(picture, "demo")
    with Image.open(folder / "demo.png") as written:
        assert 60 <= written.width < 132
    monkeypatch.setitem(make_pictures.MAXIMUM_BYTES, "demo", 1000)
    with pytest.raises(make_pictures.UserError, match=r"demo\.png .*1,000 bytes .*60 pixels"):
        make_pictures.write_picture(picture, "demo")


def test_an_unknown_picture_is_rejected(folder):
    done = run_command(make_pictures, "--only", "pipelin")
    assert done.status == 2
    assert "pipelin" in done.error
