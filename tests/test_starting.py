"""What training takes over from the run that it begins from."""

from pathlib import Path

import pytest

from config import Settings
from starting import inherited
from utils.runs import write_config

FOUND = {"encoder_weights": "some.weights.h5", "fingerprint": {}, "decoder": "gru", "dataset": "drawn", "encoder": "convnet"}


@pytest.fixture
def run(tmp_path):
    """Makes a run folder with these settings; None leaves one out, as in a run from before there was such a setting."""
    for name in ("vocabulary.json", "best"):
        Path(tmp_path, name).touch()

    def make(**changes):
        config = Settings().flat() | FOUND | changes
        write_config(tmp_path, {name: value for name, value in config.items() if name not in changes or value is not None})
        return tmp_path

    return make


def test_what_the_encoder_sees_is_taken_over(run):
    found = inherited(run(layer="stage3_1", image_size=96, grid=4), {})
    assert {name: found[name] for name in ("encoder", "weights", "layer", "image_size", "grid")} == {
        "encoder": "convnet", "weights": "some.weights.h5", "layer": "stage3_1", "image_size": 96, "grid": 4}
    assert inherited(run(grid=4), {"grid": 5})["grid"] == 5


def test_a_run_from_before_there_was_a_grid_to_choose_has_none(run):
    assert inherited(run(grid=None), {})["grid"] is None
