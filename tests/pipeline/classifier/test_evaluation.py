"""What is told of a classifier's scores."""

import numpy as np

from data.photos.photo import Photo
from data.preprocess import Dataset
from pipeline.classifier.dataset import Loaded
from pipeline.classifier.evaluation import scored, table

CLASSES = [f"class {number:02}" for number in range(30)]


class Sure:
    """Says the class that a picture's first pixel names."""

    def probabilities(self, pictures):
        return np.eye(len(CLASSES), dtype=np.float32)[pictures[:, 0, 0, 0]]


def loaded(taken, true):
    """Pictures taken for some classes, and their true ones."""
    pictures = np.zeros((len(taken), 4, 4, 3), np.uint8)
    pictures[:, 0, 0, 0] = taken
    photos = [
        Photo(None, str(place), (CLASSES[number],), str(place), "test")
        for place, number in enumerate(true)
    ]
    return Loaded(Dataset({"train": [], "val": [], "test": photos}), CLASSES, 4, {"test": pictures})


def test_few_classes_are_all_in_the_table_and_those_without_pictures_are_not():
    scores, probabilities = scored(Sure(), loaded([0, 1, 1, 2], [0, 1, 2, 2]), "test", top=5)
    assert probabilities.shape == (4, 30)
    assert (scores["images"], scores["accuracy"]) == (4, 0.75)
    assert scores["images_per_second"] == 4 / scores["seconds"]
    first, *lines = table("test", scores, ["a note"]).splitlines()
    assert first.startswith("test: 4 pictures, ")
    assert lines == [
        "accuracy 0.750, loss 6.908, top-5 accuracy 1.000",
        "  class 00  1.000",
        "  class 01  1.000",
        "  class 02  0.500",
        "most often mistaken: class 02 for class 01 (1)",
        "note: a note",
    ]


def test_of_many_classes_the_best_and_the_worst_are_told():
    true = np.repeat(np.arange(30), 10)
    taken = np.where(
        np.arange(300) % 10 < true // 3, (true + 1) % 30, true
    )  # the later the class, the more mistakes
    lines = table("val", scored(Sure(), loaded(taken, true), "test", top=5)[0]).splitlines()
    assert lines[2] == (
        "the best of 30 classes: class 00 1.000, class 01 1.000, class 02 1.000, class 03 0.900, "
        "class 04 0.900"
    )
    assert lines[3] == (
        "the worst: class 29 0.100, class 28 0.100, class 27 0.100, class 26 0.200, class 25 0.200"
    )
    assert lines[4].startswith("most often mistaken: class 27 for class 28 (9), ")


def test_without_mistakes_none_is_told():
    lines = table("val", scored(Sure(), loaded([3, 4], [3, 4]), "test", top=30)[0]).splitlines()
    assert lines[1:] == ["accuracy 1.000, loss 0.000", "  class 03  1.000", "  class 04  1.000"]
