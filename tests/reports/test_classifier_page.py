"""The page of a classifier: scores, confused classes, pictures."""

import numpy as np
import pytest

from config import Settings
from pipeline.classifier.evaluation import ClassResult
from reports.classifier_page import write_classifier_page
from tests.helpers.pages import read_page, read_rows
from utils import runs
from utils.files import write_json
from utils.metrics.classes import score_classes

CLASSES = ["blue", "<b>green</b>", "red"]
MATRIX = "Rows: the true class; columns: the predicted class; in bold the right predictions"
EPOCH = {
    "epoch": 1,
    "loss": 1.0,
    "accuracy": 0.5,
    "val_loss": 1.5,
    "val_accuracy": 0.25,
    "seconds": 3.0,
}


def make_run(folder, classes=CLASSES):
    settings = Settings.from_flat({"preset": "classifier", "dataset": "colours"})
    facts = {"encoder": "convnet", "image_size": 16, "classes": classes}
    runs.write_config(folder, settings.for_classifier() | facts)
    write_json(folder / "splits.json", {"train": ["a"], "val": ["b"], "test": ["c", "d"]})
    runs.write_history(folder, [EPOCH])
    return folder


def make_result(true, predicted, classes=CLASSES):
    """Return the result for pictures of these true classes and predicted classes."""
    probabilities = np.full((len(true), len(classes)), 0.1)
    probabilities[np.arange(len(true)), predicted] = 0.8
    scores = score_classes(probabilities, np.array(true), classes, top=5)
    scores["images"] = len(true)
    pictures = np.zeros((len(true), 8, 8, 3), np.uint8)
    return ClassResult("test", scores, pictures, np.array(true), probabilities, ["a note"])


@pytest.fixture
def page(tmp_path):
    """The page of five pictures, three of them classified correctly."""
    result = make_result([0, 0, 1, 2, 2], [0, 1, 1, 2, 1])
    return read_page(write_classifier_page(make_run(tmp_path / "run"), result))


def test_all_sections_are_there(page):
    assert page.texts("h2") == [
        "Scores",
        "Confused classes",
        "Pictures",
        "Epoch by epoch",
        "Time and memory",
        "Settings",
    ]
    assert page.texts("figcaption")[-2:] == ["Loss", "Accuracy"]


def test_scores_are_shown_in_all_and_by_class(page):
    assert read_rows(page, "On the 5 pictures of test")[1] == ["accuracy", "0.600"]
    assert read_rows(page, "By class")[1:] == [
        ["blue", "0.500", "2"],
        ["<b>green</b>", "1.000", "1"],
        ["red", "0.500", "2"],
    ]
    assert "a note" in page.texts("li")


def test_few_classes_have_a_confusion_matrix(page):
    assert read_rows(page, MATRIX) == [
        ["true class", *CLASSES],
        ["blue", "1", "1", "0"],
        ["<b>green</b>", "0", "1", "0"],
        ["red", "0", "1", "1"],
    ]
    assert page.texts("b") == ["1", "1", "1"]
    assert {each["class"] for each in page.all("b")} == {"s4"}
    wrong = [each.get("class") for each in page.all("span") if each["text"] in ("0", "1")]
    assert wrong == ["s0", None, None, None, None, "s0"]


def test_the_most_common_mistakes_are_shown(page):
    assert read_rows(page, "The most common mistakes")[1:] == [
        ["blue", "<b>green</b>", "1"],
        ["red", "<b>green</b>", "1"],
    ]


def test_pictures_show_predicted_and_true_class(page):
    assert page.texts("h3") == ["From the whole split"]
    texts = [text for text in page.texts("p") if "80%" in text]
    assert sorted(texts) == [
        "<b>green</b> 80%",
        "<b>green</b> 80%true class: blue",
        "<b>green</b> 80%true class: red",
        "blue 80%",
        "red 80%",
    ]
    descriptions = {each["alt"] for each in page.all("img")}
    assert descriptions == {f"a picture of the class {name}" for name in CLASSES}


def test_many_classes_have_no_matrix(tmp_path):
    classes = [f"class {number}" for number in range(30)]
    result = make_result([number % 30 for number in range(60)], [0] * 60, classes)
    page = read_page(write_classifier_page(make_run(tmp_path / "run", classes), result))
    assert not page.all("table", class_="matrix")
    assert len(read_rows(page, "The most common mistakes")) == 11
    assert page.texts("h3") == ["From the whole split", "More of the mistakes"]
    assert len(page.all("img")) == 48


def test_without_a_result_there_are_no_pictures(tmp_path):
    page = read_page(write_classifier_page(make_run(tmp_path / "run")))
    assert page.texts("h3") == []
    assert not page.all("img")


def test_without_mistakes_the_page_says_so(tmp_path):
    result = make_result([0, 1], [0, 1])
    page = read_page(write_classifier_page(make_run(tmp_path / "run"), result))
    assert "All pictures are classified correctly." in page.texts("p")
    assert page.texts("h3") == ["From the whole split"]
