"""Figures of a classifier: whole, and readable from two to two hundred classes."""

import itertools
import warnings

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from tests.helpers.figures import render
from utils.plots.classes import (
    draw_class_history,
    draw_confusion,
    draw_likeliest,
    draw_picture_grid,
)

RANDOM = np.random.default_rng(0)


def find_boxes(figure, texts):
    """Return the boxes of texts in pixels."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [text.get_window_extent(renderer) for text in texts if text.get_text()]


def find_overlaps(boxes):
    """Return the pairs of boxes that overlap by more than a pixel."""
    overlaps = []
    for one, other in itertools.combinations(boxes, 2):
        width = min(one.x1, other.x1) - max(one.x0, other.x0)
        height = min(one.y1, other.y1) - max(one.y0, other.y0)
        if width > 1 and height > 1:
            overlaps.append((one, other))
    return overlaps


@pytest.mark.parametrize("number", [2, 10, 50, 200])
def test_text_of_a_confusion_matrix_is_inside_and_apart(number):
    names = [f"class of {'many ' * (place % 4)}words {place}" for place in range(number)]
    confusion = np.diag(RANDOM.integers(10, 200, number)) + RANDOM.integers(0, 2, (number, number))
    figure = draw_confusion(confusion, names, title="test: accuracy 0.851 on 2,000 pictures")
    assert render(figure).std() > 5
    (axes,) = figure.axes
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert len(labels) == number
        assert find_overlaps(find_boxes(figure, labels)) == []
    everything = find_boxes(
        figure, [*axes.texts, *figure.texts, *axes.get_xticklabels(), *axes.get_yticklabels()]
    )
    width, height = figure.get_size_inches() * figure.dpi
    assert all(
        box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height for box in everything
    )
    numbers = [text.get_text() for text in axes.texts if text.get_position()[0] < number - 0.5]
    assert len(numbers) == (np.count_nonzero(confusion) if number <= 30 else 0)


def test_rows_of_a_confusion_matrix_are_true_classes():
    figure = draw_confusion([[8, 2, 0], [0, 0, 0], [1, 1, 2]], ["cat", "dog", "owl"], title="val")
    (axes,) = figure.axes
    texts = {text.get_position(): text.get_text() for text in axes.texts}
    assert texts[(1, 0)] == "2" and (0, 1) not in texts  # two cats were predicted as dogs
    assert [texts[(2.7, row)] for row in range(3)] == ["0.80", "–", "0.50"]
    np.testing.assert_allclose(
        axes.images[0].get_array(), [[0.8, 0.2, 0], [0, 0, 0], [0.25, 0.25, 0.5]]
    )


def test_a_picture_grid_has_text_below_and_marks_mistakes():
    cells = [
        (
            RANDOM.integers(0, 256, (32, 32, 3), np.uint8),
            f"{'automobile' * (1 + number % 2)} 0.93" + "\ntrue: cat" * (number == 3),
            number == 3,
        )
        for number in range(11)
    ]
    figure = draw_picture_grid(cells, title="Random pictures of test")
    assert render(figure).std() > 20
    assert len(figure.axes) == 11
    for axes, (picture, _, _) in zip(figure.axes, cells, strict=True):
        np.testing.assert_array_equal(axes.images[0].get_array(), picture)
    title, *texts = figure.texts
    assert find_overlaps(find_boxes(figure, [title, *texts])) == []
    colours = [text.get_color() for text in texts[:11]]
    assert colours.count(colours[3]) == 1
    assert texts[3].get_text().endswith("true: cat")
    noted = draw_picture_grid(cells, title="Random pictures of test", note="What they are")
    assert [text.get_text() for text in noted.texts[1:]] == [
        "What they are",
        *(text.get_text() for text in texts),
    ]
    assert find_overlaps(find_boxes(noted, noted.texts)) == []


def test_letters_of_any_script_are_drawn_or_reported_missing():
    photo = RANDOM.integers(0, 256, (40, 60, 3), np.uint8)
    for figure in (
        draw_likeliest(photo, [("강아지", 0.9), ("$a_b$", 0.1)], true="강아지"),
        draw_picture_grid([(photo, "강아지 0.90", False)], title="강아지"),
        draw_confusion([[1, 0], [0, 1]], ["강아지", "x^2 $"], title="강아지"),
    ):
        assert render(figure).std() > 5


def test_bars_are_as_long_as_classes_are_likely():
    likeliest = [
        ("a very long name of a class that needs a second line", 0.7),
        ("dog", 0.25),
        ("owl", 0.05),
    ]
    figure = draw_likeliest(RANDOM.integers(0, 256, (300, 200, 3), np.uint8), likeliest, true="dog")
    _, axes = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [0.7, 0.25, 0.05]
    tops = [bar.get_y() for bar in axes.patches]
    assert tops == sorted(tops, reverse=True)  # the likeliest above
    assert figure.texts[0].get_text().strip() == "true: dog"
    assert all(box.x0 >= 0 for box in find_boxes(figure, axes.get_yticklabels()))
    assert render(figure).std() > 20
    assert render(draw_likeliest(np.zeros((8, 8, 3), np.uint8), [("cat", 1.0)])).std() > 5


@pytest.mark.parametrize("epochs", [0, 1, 40])
def test_class_history_of_any_length_is_a_picture(tmp_path, epochs):
    rows = [
        {
            "epoch": number + 1,
            "loss": 2 / (number + 1),
            "val_loss": 2.1 / (number + 1),
            "accuracy": 0.5,
            "val_accuracy": 0.4,
        }
        for number in range(epochs)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw_class_history(rows, tmp_path / "history.png", best=epochs)
    with Image.open(tmp_path / "history.png") as picture:
        assert picture.size == (1320, 506)
