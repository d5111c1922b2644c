"""Lines, records and figures of a classifier's predictions."""

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.classifier.prediction import ClassPredictor
from utils.captions_file import class_columns
from utils.predictions import Prediction

NAMES = ("cat", "dog", "owl", "yak", "emu", "fox")
PREDICTION = Prediction(NAMES, np.array([0.1, 0.4, 0.2, 0.15, 0.1, 0.05]))


def test_a_line_has_the_five_likeliest_classes():
    predictor = ClassPredictor(None)
    line = "dog 0.40, owl 0.20, yak 0.15, cat 0.10, emu 0.10"
    assert predictor.format_line(PREDICTION, ()) == line
    assert predictor.format_line(PREDICTION, ("owl",)) == line + "\n    true: owl"


def test_a_record_has_the_columns_of_the_captions_file():
    record = ClassPredictor(None).make_record(PREDICTION)
    assert list(record.values()) == ["dog", 0.4, "owl", 0.2, "yak", 0.15, "cat", 0.1, "emu", 0.1]
    assert class_columns(len(NAMES)) == ("path", *record)
    assert class_columns(2) == ("path", "class", "probability", "class_2", "probability_2")


def test_a_figure_has_the_photo_and_its_classes(tmp_path):
    Image.new("RGB", (10, 6), (200, 20, 20)).save(tmp_path / "a.png")
    figure = ClassPredictor(None).draw(Path(tmp_path / "a.png"), PREDICTION, ("owl",))
    assert figure.axes[0].images[0].get_array().shape == (6, 10, 3)
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == ["dog", "owl", "yak", "cat", "emu"]


def test_no_photos_need_no_network():
    assert ClassPredictor(None).predict([], []) == []
