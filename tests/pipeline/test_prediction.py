"""What predict.py asks of photos: lines and records of classes, and of doubtful captions; test_predict.py has the others."""

from pathlib import Path

import numpy as np
from PIL import Image

from models.captioner import Caption
from models.classifier import Prediction
from pipeline.classifier.prediction import ClassPredictor, class_columns
from pipeline.prediction import CaptionPredictor

NAMES = ("cat", "dog", "owl", "yak", "emu", "fox")
ANSWER = Prediction(NAMES, np.array([0.1, 0.4, 0.2, 0.15, 0.1, 0.05]))


def test_a_line_and_a_record_hold_the_five_likeliest_classes():
    naming = ClassPredictor(None)
    assert naming.format_line(ANSWER, ()) == "dog 0.40, owl 0.20, yak 0.15, cat 0.10, emu 0.10"
    assert naming.format_line(ANSWER, ("owl",)).endswith("\n    true: owl")
    assert naming.make_record(ANSWER) == (
        "dog",
        0.4,
        "owl",
        0.2,
        "yak",
        0.15,
        "cat",
        0.1,
        "emu",
        0.1,
    )
    assert len(class_columns(NAMES)) == 1 + len(naming.make_record(ANSWER))
    assert class_columns(NAMES[:2]) == ("path", "class", "probability", "class_2", "probability_2")


def test_what_is_drawn_is_the_photo_with_its_classes(tmp_path):
    Image.new("RGB", (10, 6), (200, 20, 20)).save(tmp_path / "a.png")
    figure = ClassPredictor(None).draw(Path(tmp_path / "a.png"), ANSWER, ("owl",))
    assert figure.axes[0].images[0].get_array().shape == (6, 10, 3)
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == [
        "dog",
        "owl",
        "yak",
        "cat",
        "emu",
    ]


def test_no_photos_are_asked_of_nobody():
    assert ClassPredictor(None).predict([]) == []


def test_a_caption_is_doubtful_by_its_score_as_a_file_has_it():
    columns = ("path", "caption", "doubtful", "score")
    for score, record in (0.29996, ("a dog", "", 0.29996)), (0.29994, ("", "a dog", 0.29994)):
        caption = Caption("a dog", score, ["a", "dog"], np.zeros((2, 1)), (1, 1), [])
        assert CaptionPredictor(None, {}, 0.3, columns).make_record(caption) == record
        assert CaptionPredictor(None, {}, 0.3).make_record(caption) == (record[0], score)
        assert CaptionPredictor(None, {}).make_record(caption) == ("a dog", score)
    assert (
        CaptionPredictor(None, {}, 0.3).format_line(caption, ["a cat"])
        == "a dog  (0.30, doubtful)\n    true: a cat"
    )
