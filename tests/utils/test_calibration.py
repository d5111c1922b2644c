"""Calibrated scores: the logistic function of a score's logarithm; the file in the run folder."""

import json
import math

import pytest

from tests.helpers.calibrations import make_calibration
from utils.calibration import FILE_NAME, read_calibration, remove_calibration, write_calibration
from utils.errors import UserError


@pytest.mark.parametrize(
    ("score", "expected"),
    [(1.0, 0.5), (0.5, 0.2), (0.25, 1 / 17), (0.0, 0.0)],
)
def test_a_slope_of_two_gives_score_squared_as_odds(score, expected):
    assert make_calibration().convert(score) == pytest.approx(expected, abs=1e-9)


def test_an_extreme_calibration_stays_between_0_and_1():
    assert make_calibration(slope=1e6).convert(0.1) == 0.0
    assert make_calibration(intercept=1e6).convert(0.9) == 1.0


def test_a_higher_intercept_is_a_higher_share():
    calibration = make_calibration(intercept=math.log(4))
    assert calibration.convert(0.5) == pytest.approx(0.5)


def test_the_file_is_plain_numbers_and_is_read_again(tmp_path):
    calibration = make_calibration(intercept=0.123456789)
    write_calibration(tmp_path, calibration)
    values = json.loads((tmp_path / FILE_NAME).read_text())
    assert values["bound"] == 0.62
    assert values["reliability"]["points"] == [[0.2, 0.25, 60], [0.5, 0.55, 60]]
    assert read_calibration(tmp_path) == calibration
    remove_calibration(tmp_path)
    assert read_calibration(tmp_path) is None
    remove_calibration(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"bound": 1}', '{"reliability": 3}'])
def test_a_damaged_file_is_one_line(tmp_path, text):
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(UserError, match=r"calibration\.json is damaged") as caught:
        read_calibration(tmp_path)
    assert "\n" not in str(caught.value)


def test_changed_settings_of_the_search_are_listed():
    calibration = make_calibration()
    assert calibration.list_changes({"beam": 3, "engine": "auto"}) == []
    assert calibration.list_changes({"beam": 5, "sample": True}) == ["beam", "sample"]
