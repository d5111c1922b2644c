"""Figures of attention: a panel for each word, with the peak in the right place."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.helpers.figures import random_photo, render
from utils.plots import fonts
from utils.plots.attention import draw_attention, make_attention_tile, overlay_attention

WORDS = ["a", "red", "car", "left", "of", "two", "dogs"]


def one_peak(words, locations=64):
    """Return attention with one peak a word: word number n looks at location 9 n."""
    attention = np.full((words, locations), 0.001)
    attention[np.arange(words), (9 * np.arange(words)) % locations] = 1
    return attention


@pytest.mark.parametrize("count", [0, 1, 7, 23])
def test_one_panel_for_the_photo_and_one_for_each_word(count):
    words = (WORDS * 4)[:count]
    figure = draw_attention(
        random_photo(),
        words,
        one_peak(count),
        title=" ".join(words),
        references=["two dogs", "a car"],
    )
    assert isinstance(figure, Figure)
    assert [axes.get_title() for axes in figure.axes] == ["", *words]
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    assert not any(
        one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index]
    )
    pixels = render(figure)
    assert 100 < pixels.shape[0] < 1200
    assert pixels.shape[1] == 480
    texts = " ".join(text.get_text() for text in figure.texts)
    assert ("half of each panel's own peak" in texts) == (count > 0)
    assert "– two dogs" in texts
    lines = [len(axes.collections) for axes in figure.axes]
    assert lines == [0] + [1] * count  # one about each word's peak


def test_uniform_attention_has_no_panels():
    figure = draw_attention(random_photo(), ["a", "dog"], np.full((2, 64), 1 / 64), title="a dog")
    assert [axes.get_title() for axes in figure.axes] == [""]
    assert "has no attention" in figure.texts[-1].get_text()
    # A network with attention may look nowhere at one word.
    one_word = np.stack([np.full(64, 1 / 64), np.eye(64)[5]])
    figure = draw_attention(random_photo(), ["a", "dog"], one_word, title="a dog")
    assert [len(axes.collections) for axes in figure.axes] == [0, 0, 1]


@pytest.mark.parametrize("size", [(60, 90), (90, 60), (30, 300)])
@pytest.mark.parametrize("place", [(0, 7), (3, 5), (7, 0)])
def test_the_peak_has_its_place_on_the_squeezed_photo(size, place):
    attention = np.zeros((8, 8))
    attention[place] = 0.3
    white = np.full((*size, 3), 255, np.uint8)
    shown = overlay_attention(white, attention)
    assert (shown.shape, shown.dtype) == (white.shape, np.uint8)
    bright = np.argwhere(shown.mean(axis=2) >= 0.99 * shown.mean(axis=2).max()).mean(axis=0)
    np.testing.assert_allclose(bright / size, (np.array(place) + 0.5) / 8, atol=0.07)
    assert shown.max() == 255
    assert shown.mean() < 150


def test_a_grid_that_is_not_square():
    attention = np.zeros((1, 12))
    attention[0, 11] = 1
    figure = draw_attention(
        np.full((40, 40, 3), 255, np.uint8), ["x"], attention, title="x", grid=(2, 6)
    )
    shown = np.asarray(figure.axes[1].images[0].get_array()).mean(axis=2)
    y, x = np.unravel_index(shown.argmax(), shown.shape)
    assert y > 25
    assert x > 33
    with pytest.raises(ValueError, match=r"1 words over 3 x 3 locations \(got \(1, 12\)\)"):
        draw_attention(random_photo(), ["x"], attention, title="x")


def test_the_overlay_is_bright_at_the_peak_and_dim_elsewhere():
    image = random_photo()
    np.testing.assert_array_equal(overlay_attention(image, np.full((8, 8), 0.2)), image)
    assert overlay_attention(image, np.zeros((8, 8))).mean() < 0.7 * image.mean()


def test_a_tile_has_a_line_at_half_of_the_peak():
    """The peak is in the upper left of four; at the photo's edge there is no line."""
    black = np.zeros((40, 40, 3), np.uint8)
    tile = make_attention_tile(black, np.array([[1.0, 0.0], [0.0, 0.0]]))
    line = (tile == (255, 198, 26)).all(axis=2)
    assert 10 < line.sum() < 60
    assert not line[:8, :8].any() and not line[25:].any() and not line[:, 25:].any()
    assert line[0].sum() <= 2 and line[:, 0].sum() <= 2  # where it meets the edge
    np.testing.assert_array_equal(
        make_attention_tile(black, np.ones((2, 2))),
        overlay_attention(black, np.ones((2, 2))),
    )


def test_a_figure_suggests_a_font_to_install(monkeypatch):
    monkeypatch.setattr(fonts, "_find_fonts", dict)
    figure = draw_attention(
        random_photo(),
        ["안개", "낀", "호수"],
        one_peak(3),
        title="안개 낀 호수",
        references=["$5 호수"],
    )
    render(figure)
    assert [axes.get_title() for axes in figure.axes] == ["", "□□", "□", "□□"]
    assert "apt install fonts-noto-cjk" in figure.texts[-1].get_text()
