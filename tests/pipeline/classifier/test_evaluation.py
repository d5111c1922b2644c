"""The scores of a classifier on a split."""

import numpy as np

from data.photos.photo import Photo
from data.preprocess import Dataset
from data.sources.base import Source
from pipeline.classifier.dataset import NO_TEST_PICTURES, ClassPictures
from pipeline.classifier.evaluation import evaluate_classes, score_split
from reports.scores import format_class_scores

CLASSES = [f"class {number:02}" for number in range(30)]


class Sure:
    """Says the class that a picture's first pixel names."""

    def probabilities(self, pictures):
        return np.eye(len(CLASSES), dtype=np.float32)[pictures[:, 0, 0, 0]]


def make_pictures(predicted, true, split="test"):
    """Pictures that are predicted to be of some classes, and their true ones."""
    pixels = np.zeros((len(predicted), 4, 4, 3), np.uint8)
    pixels[:, 0, 0, 0] = predicted
    photos = []
    for place, number in enumerate(true):
        photos.append(Photo(None, str(place), (CLASSES[number],), str(place), split))
    splits = {"train": [], "val": [], "test": []} | {split: photos}
    source = Source("test", None, None, [])
    return ClassPictures(Dataset(source, splits), CLASSES, 4, {split: pixels})


def test_a_split_is_scored():
    scores, probabilities = score_split(
        Sure(), make_pictures([0, 1, 1, 2], [0, 1, 2, 2]), "test", top=5
    )
    assert probabilities.shape == (4, 30)
    assert (scores["images"], scores["accuracy"]) == (4, 0.75)
    assert scores["images_per_second"] == 4 / scores["seconds"]
    assert scores["Top5"] == 1.0


def test_val_is_scored_if_there_is_no_test_split():
    pictures = make_pictures([0, 1], [0, 2], "val")
    result = evaluate_classes(Sure(), pictures, "test", top=5, notes=["a note"])
    assert (result.split, result.scores["accuracy"]) == ("val", 0.5)
    assert result.notes == [NO_TEST_PICTURES, "a note"]


def format_lines(predicted, true, top=5):
    pictures = make_pictures(predicted, true)
    result = evaluate_classes(Sure(), pictures, "test", top=top, notes=["a note"])
    return format_class_scores(result).splitlines()


def test_few_classes_are_all_in_the_table():
    first, second, *lines = format_lines([0, 1, 1, 2], [0, 1, 2, 2])
    assert first.startswith("test: 4 pictures, ")
    assert second == "accuracy 0.750, loss 6.908, top-5 accuracy 1.000"
    rows = [line.split() for line in lines]
    assert ["class", "00", "1.000"] in rows
    assert ["class", "02", "0.500"] in rows
    assert not any(row[:2] == ["class", "03"] for row in rows)  # without pictures
    assert lines[-2:] == ["most often mistaken: class 02 for class 01 (1)", "note: a note"]


def test_of_many_classes_the_best_and_the_worst_are_listed():
    true = np.repeat(np.arange(30), 10)
    is_wrong = np.arange(300) % 10 < true // 3  # the later the class, the more mistakes
    predicted = np.where(is_wrong, (true + 1) % 30, true)
    lines = format_lines(predicted, true)
    assert lines[2] == (
        "the best of 30 classes: class 00 1.000, class 01 1.000, class 02 1.000, class 03 0.900, "
        "class 04 0.900"
    )
    assert lines[3] == (
        "the worst: class 29 0.100, class 28 0.100, class 27 0.100, class 26 0.200, class 25 0.200"
    )
    assert lines[4].startswith("most often mistaken: class 27 for class 28 (9), ")


def test_without_mistakes_none_is_listed():
    lines = format_lines([3, 4], [3, 4], top=30)
    assert lines[1] == "accuracy 1.000, loss 0.000"
    assert not any(line.startswith("most often mistaken") for line in lines)
