"""Pages of captioned photos: three in a row, texts apart and cut to fit."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from tests.helpers.figures import random_photo, render
from utils.plots import fonts
from utils.plots.photos import draw_captioned_photos


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_captioned_photos_are_three_in_a_row_above_captions(count):
    photos = [
        (
            np.full((40, 60, 3), 20 * number, np.uint8),
            f"{number}.jpg",
            ["a photo", *["of $5 and _ red"] * number],
        )
        for number in range(count)
    ]
    figure = draw_captioned_photos(photos, title="title")
    assert render(figure).shape[1] == 480
    title, *texts, sentence = figure.texts
    assert (title.get_text(), sentence.get_text()) == ("title", "")
    assert [text.get_text() for text in texts[::2]] == [name for _, name, _ in photos]
    assert [text.get_text() for text in texts[1::2]] == [
        "– " + "\n– ".join(captions) for _, _, captions in photos
    ]
    assert [axes.images[0].get_array().max() for axes in figure.axes] == [
        20 * number for number in range(count)
    ]

    renderer = FigureCanvasAgg(figure).get_renderer()
    pictures = [axes.get_window_extent(renderer) for axes in figure.axes]
    assert len({round(each.x0) for each in pictures}) == min(count, 3)
    assert len({round(each.y0) for each in pictures}) == -(-count // 3)
    names, captions = (
        [text.get_window_extent(renderer) for text in texts[start::2]] for start in (0, 1)
    )
    for picture, name, lines in zip(pictures, names, captions, strict=True):
        assert picture.y0 > name.y1 > name.y0 > lines.y1 > lines.y0 > 0
        assert abs(picture.x0 - name.x0) < 3 and abs(picture.x0 - lines.x0) < 3
    areas = [title.get_window_extent(renderer), *pictures, *names, *captions]
    assert not any(
        one.overlaps(other) for place, one in enumerate(areas) for other in areas[:place]
    )


def test_long_captions_and_names_are_cut():
    captions = ["a long caption of a photo " * 4] * 20
    figure = draw_captioned_photos(
        [(random_photo(600, 900), f"{'folder/' * 20}photo.jpg", captions)], title="one"
    )
    render(figure)
    name, shown = (text.get_text() for text in figure.texts[1:3])
    assert name.startswith("…") and name.endswith("folder/photo.jpg") and len(name) < 60
    lines = shown.split("\n")
    assert (
        lines[0].startswith("– a long caption") and lines[1].startswith("   ") and lines[-1] == "…"
    )
    assert len(lines) < 20
    assert max(figure.axes[0].images[0].get_array().shape) == 360


def test_a_page_suggests_a_font_only_if_letters_are_missing(monkeypatch):
    monkeypatch.setattr(fonts, "_find_fonts", dict)
    captions = ["안개", "낀", "호수"]
    figure = draw_captioned_photos([(random_photo(), "호수.jpg", captions)], title="ok")
    render(figure)
    assert [text.get_text() for text in figure.texts][1:3] == ["□□.jpg", "– □□\n– □\n– □□"]
    assert "apt install fonts-noto-cjk" in figure.texts[-1].get_text()
    figure = draw_captioned_photos([(random_photo(), "lake.jpg", ["a lake"])], title="ok")
    assert figure.texts[-1].get_text() == ""
