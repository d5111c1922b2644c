"""The page of a classifier: scores, which classes are taken for which, pictures."""

import json

import numpy as np
import pytest

import presets
from reports.classifier_page import ClassifierResult, write_classifier_page
from tests.helpers.pages import rows, whole
from utils import runs
from utils.metrics.classes import score_classes

CLASSES = ["blue", "<b>green</b>", "red"]


def classifier_run(folder, classes=CLASSES):
    settings = presets.resolve({"preset": "classifier", "dataset": "colours"}, scenes=False)
    runs.write_config(
        folder,
        settings.of_a_classifier() | {"encoder": "convnet", "image_size": 16, "classes": classes},
    )
    (folder / "splits.json").write_text(
        json.dumps({"train": ["a"], "val": ["b"], "test": ["c", "d"]})
    )
    runs.write_history(
        folder,
        [
            {
                "epoch": 1,
                "loss": 1.0,
                "accuracy": 0.5,
                "val_loss": 1.5,
                "val_accuracy": 0.25,
                "seconds": 3.0,
            }
        ],
    )
    return folder


def found_of(true, taken, classes=CLASSES):
    """What is found of pictures of these classes that were taken for others."""
    probabilities = np.full((len(true), len(classes)), 0.1)
    probabilities[np.arange(len(true)), taken] = 0.8
    scores = score_classes(probabilities, np.array(true), classes, top=5) | {"images": len(true)}
    return ClassifierResult(
        "test",
        scores,
        np.zeros((len(true), 8, 8, 3), np.uint8),
        np.array(true),
        probabilities,
        ["a note"],
    )


def test_scores_confusion_and_pictures_of_few_classes(tmp_path):
    page = whole(
        write_classifier_page(
            classifier_run(tmp_path / "run"), found_of([0, 0, 1, 2, 2], [0, 1, 1, 2, 1])
        )
    )
    assert page.texts("h2") == [
        "Scores",
        "What is taken for what",
        "Pictures",
        "Epoch by epoch",
        "Time and memory",
        "Settings",
    ]
    assert rows(page, "On the 5 pictures of test")[1] == ["accuracy", "0.600"]
    assert rows(page, "By class")[1:] == [
        ["blue", "0.500", "2"],
        ["<b>green</b>", "1.000", "1"],
        ["red", "0.500", "2"],
    ]
    matrix = (
        "Rows: the true class; columns: what its pictures were taken for; in bold what is right"
    )
    assert rows(page, matrix)[1:] == [
        ["blue", "1", "1", "0"],
        ["<b>green</b>", "0", "1", "0"],
        ["red", "0", "1", "1"],
    ]
    assert page.texts("b") == ["1", "1", "1"]
    assert rows(page, "The commonest mistakes")[1:] == [
        ["blue", "<b>green</b>", "1"],
        ["red", "<b>green</b>", "1"],
    ]
    assert page.texts("h3") == ["From all over the split"]
    told = [text for text in page.texts("p") if "80%" in text]
    assert sorted(told) == [
        "<b>green</b> 80%",
        "<b>green</b> 80%true class: blue",
        "<b>green</b> 80%true class: red",
        "blue 80%",
        "red 80%",
    ]
    assert {each["alt"] for each in page.all("img")} == {
        f"a picture of the class {name}" for name in CLASSES
    }
    assert "a note" in page.texts("li")
    assert page.texts("figcaption")[-2:] == ["Loss", "Accuracy"]


def test_of_many_classes_the_commonest_mistakes_stand_for_the_matrix(tmp_path):
    classes = [f"class {number}" for number in range(30)]
    page = whole(
        write_classifier_page(
            classifier_run(tmp_path / "run", classes),
            found_of([number % 30 for number in range(60)], [0] * 60, classes),
        )
    )
    assert not page.all("table", class_="matrix")
    assert len(rows(page, "The commonest mistakes")) == 11
    assert page.texts("h3") == ["From all over the split", "More of the mistakes"]
    assert len(page.all("img")) == 48


@pytest.mark.parametrize("found", [None, found_of([0, 1], [0, 1])])
def test_without_scores_and_without_mistakes(tmp_path, found):
    page = whole(write_classifier_page(classifier_run(tmp_path / "run"), found))
    assert ("No picture is taken for what it is not." in page.texts("p")) == bool(found)
    assert page.texts("h3") == (["From all over the split"] if found else [])
