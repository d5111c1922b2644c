"""The pictures of a run: whole files of a sensible size, a panel for each word, and the peak in the right place."""

import io
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tests.helpers.screens import HEIGHT, WIDTH
from utils.errors import UsageError, UserError
from utils.plots import curves as curves_module
from utils.plots import fonts
from utils.plots.attention import draw_attention, make_attention_tile, overlay_attention
from utils.plots.curves import draw_history
from utils.plots.figure import check_picture_file, has_screen, save_figure
from utils.plots.photos import draw_captioned_photos

WORDS = ["a", "red", "car", "left", "of", "two", "dogs"]
ROWS = [
    {"epoch": 1, "loss": 4.0, "val_loss": 3.5, "CIDEr": 0.2, "Bleu_4": 0.1, "seconds": 9.0},
    {"epoch": 2, "loss": 3.0, "val_loss": 3.0, "CIDEr": 0.5, "Bleu_4": None, "seconds": 9.0},
    {"epoch": 3, "loss": 2.5, "val_loss": 2.9, "CIDEr": 0.4, "seconds": 9.0},
]


def photo(height=60, width=90):
    return np.random.default_rng(0).integers(60, 200, (height, width, 3), np.uint8)


def one_peak(words, locations=64):
    """Attention of each word on one location: word number n looks at location 9 n."""
    attention = np.full((words, locations), 0.001)
    attention[np.arange(words), (9 * np.arange(words)) % locations] = 1
    return attention


def drawn(figure):
    """The figure as pixels; a warning while it is drawn is an error."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(buffer, format="png", dpi=40)
    return np.asarray(Image.open(buffer).convert("RGB"))


@pytest.fixture
def curves(tmp_path, monkeypatch):
    """What draw_history draws: the figure, which is not written then."""
    kept = []
    monkeypatch.setattr(curves_module, "save_figure", lambda figure, path: kept.append(figure))

    def draw(history, **options):
        draw_history(history, tmp_path / "unused.png", **options)
        drawn(kept[-1])
        return {
            line.get_label(): line.get_xydata().tolist()
            for axes in kept[-1].axes
            for line in axes.lines
        }, kept[-1]

    return draw


def test_a_history_png_replaces_the_one_before(tmp_path):
    for rows in (ROWS[:1], ROWS, []):
        draw_history(rows, tmp_path / "history.png")
        with Image.open(tmp_path / "history.png") as image:
            assert (image.format, image.size) == ("PNG", (1320, 770))
    assert [path.name for path in tmp_path.iterdir()] == ["history.png"]


def test_history_curves_have_the_values_of_the_rows(curves):
    lines, _ = curves(ROWS)
    assert lines["training"] == [[1, 4.0], [2, 3.0], [3, 2.5]]
    assert lines["validation"] == [[1, 3.5], [2, 3.0], [3, 2.9]]
    assert lines["CIDEr"] == [[1, 0.2], [2, 0.5], [3, 0.4]]
    assert lines["BLEU-4"] == [[1, 0.1]]
    assert len([label for label in lines if not label.startswith("_")]) == 4


FULL = {
    "epoch": 1,
    "loss": 4.0,
    "val_loss": 3.5,
    "Top3": 0.5,
    "Bleu_1": 0.4,
    "Bleu_2": 0.3,
    "Bleu_4": 0.1,
    "ROUGE_L": 0.35,
    "CIDEr": 0.7,
    "NIST_2": 2.1,
    "NIST_4": 2.2,
    "forced_Bleu_2": 0.31,
    "forced_Bleu_4": 0.11,
    "forced_CIDEr": 0.8,
    "forced_NIST_2": 2.3,
    "forced_NIST_4": 2.4,
    "seconds": 9.0,
}
REWARDED = {
    "epoch": 2,
    "loss": -0.01,
    "val_loss": 3.6,
    "CIDEr": 0.9,
    "reward": 0.6,
    "greedy_reward": 0.65,
    "seconds": 9.0,
}


def test_teacher_forced_scores_are_dashed_and_cider_has_a_panel(
    curves,
):
    _, figure = curves([FULL, REWARDED])
    panels = {
        axes.get_title("left"): {
            line.get_label(): (line.get_linestyle(), line.get_ydata().tolist())
            for line in axes.lines
            if not line.get_label().startswith("_")
        }
        for axes in figure.axes
    }
    assert panels == {
        "loss, teacher-forced": {"training": ("-", [4.0]), "validation": ("-", [3.5, 3.6])},
        "BLEU, ROUGE-L, accuracy on val": {
            "BLEU-1": ("-", [0.4]),
            "BLEU-2": ("-", [0.3]),
            "BLEU-2, teacher-forced": ("--", [0.31]),
            "BLEU-4": ("-", [0.1]),
            "BLEU-4, teacher-forced": ("--", [0.11]),
            "ROUGE-L": ("-", [0.35]),
            "top-3, teacher-forced": ("--", [0.5]),
        },
        "CIDEr on val": {
            "CIDEr": ("-", [0.7, 0.9]),
            "CIDEr, teacher-forced": ("--", [0.8]),
            "reward, drawn captions of train": ("-", [0.6]),
            "reward, greedy ones": ("-", [0.65]),
        },
        "NIST on val": {
            "NIST-2": ("-", [2.1]),
            "NIST-2, teacher-forced": ("--", [2.3]),
            "NIST-4": ("-", [2.2]),
            "NIST-4, teacher-forced": ("--", [2.4]),
        },
    }


@pytest.mark.parametrize("epochs", [1, 40])
def test_legends_overlap_neither_panels_nor_each_other(curves, epochs):
    _, figure = curves(
        [
            FULL | {"epoch": epoch, "reward": 0.6, "greedy_reward": 0.7}
            for epoch in range(1, epochs + 1)
        ]
    )
    renderer = FigureCanvasAgg(figure).get_renderer()
    legends = [
        axes.get_legend().get_window_extent(renderer) for axes in figure.axes if axes.get_legend()
    ]
    areas = [*legends, *(axes.get_window_extent(renderer) for axes in figure.axes)]
    assert len(legends) == 4
    assert all(
        0 <= area.x0 < area.x1 <= figure.bbox.x1 and 0 <= area.y0 < area.y1 <= figure.bbox.y1
        for area in areas
    )
    assert not any(
        one.overlaps(other) for place, one in enumerate(areas) for other in areas[:place]
    )


def test_the_best_epoch_is_marked(curves):
    _, figure = curves(ROWS, best=2, best_by="BLEU-4")
    assert figure.get_suptitle().endswith(". Dotted: the best epoch, 2, by BLEU-4")
    marks = [
        line.get_xdata()
        for axes in figure.axes
        for line in axes.lines
        if line.get_linestyle() == ":"
    ]
    assert marks == [[2, 2]] * 4
    _, figure = curves(ROWS)
    assert figure.get_suptitle().endswith(". No epoch was better than the start")
    assert not [line for axes in figure.axes for line in axes.lines if line.get_linestyle() == ":"]


@pytest.mark.parametrize("count", [0, 1, 7, 23])
def test_one_panel_for_the_photo_and_one_for_each_word(count):
    words = (WORDS * 4)[:count]
    figure = draw_attention(
        photo(), words, one_peak(count), title=" ".join(words), references=["two dogs", "a car"]
    )
    assert isinstance(figure, Figure)
    assert [axes.get_title() for axes in figure.axes] == ["", *words]
    boxes = [axes.get_position() for axes in figure.axes]
    assert all(0 <= box.x0 < box.x1 <= 1 and 0 <= box.y0 < box.y1 <= 1 for box in boxes)
    assert not any(
        one.overlaps(other) for index, one in enumerate(boxes) for other in boxes[:index]
    )
    pixels = drawn(figure)
    assert 100 < pixels.shape[0] < 1200
    assert pixels.shape[1] == 480
    texts = " ".join(text.get_text() for text in figure.texts)
    assert ("half of each panel's own peak" in texts) == (count > 0)
    assert "– two dogs" in texts
    assert [len(axes.collections) for axes in figure.axes] == [0] + [
        1
    ] * count  # the line about each word's peak


def test_uniform_attention_has_no_panels():
    figure = draw_attention(photo(), ["a", "dog"], np.full((2, 64), 1 / 64), title="a dog")
    assert [axes.get_title() for axes in figure.axes] == [""]
    assert "has no attention" in figure.texts[-1].get_text()
    one_word = np.stack(
        [np.full(64, 1 / 64), np.eye(64)[5]]
    )  # of a network that looks, and at one word nowhere
    figure = draw_attention(photo(), ["a", "dog"], one_word, title="a dog")
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
    with pytest.raises(ValueError, match="wanted attention of 1 words over 3 x 3 locations, came"):
        draw_attention(photo(), ["x"], attention, title="x")


def test_the_overlay_is_bright_at_the_peak_and_dim_elsewhere():
    image = photo()
    np.testing.assert_array_equal(overlay_attention(image, np.full((8, 8), 0.2)), image)
    assert overlay_attention(image, np.zeros((8, 8))).mean() < 0.7 * image.mean()


def test_a_figure_is_written_whole_or_not_at_all(tmp_path):
    save_figure(Figure(figsize=(3, 2)), tmp_path / "사진.png")
    with Image.open(tmp_path / "사진.png") as image:
        assert (image.format, image.size) == ("PNG", (330, 220))
    broken = Figure()
    broken.draw = None
    with pytest.raises(TypeError):
        save_figure(broken, tmp_path / "사진.png")
    assert [path.stat().st_size > 100 for path in tmp_path.iterdir()] == [True]


@pytest.mark.parametrize(
    ("backend", "opens", "window"),
    [
        ("agg", True, False),
        ("tkagg", True, True),
        ("TkAgg", True, True),
        ("TkAgg", False, False),
        ("module://matplotlib_inline.backend_inline", True, False),
    ],
)
def test_has_screen_if_matplotlib_can_open_windows(monkeypatch, backend, opens, window):
    def switch(name):
        assert name == backend
        if not opens:
            raise ImportError("Cannot load backend 'TkAgg'")

    monkeypatch.setattr(pyplot, "get_backend", lambda: backend)
    monkeypatch.setattr(pyplot, "switch_backend", switch)
    assert has_screen() is window


def test_a_picture_file_must_end_in_png(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_picture_file(None, "--out") is None
    assert check_picture_file("new/사진.PNG", "--out") == Path("new/사진.PNG")
    Path("folder.png").mkdir()
    for name in ("picture.jpg", "picture", "", "folder.png"):
        with pytest.raises(
            UsageError, match=f"^--out wants the name of a file that ends in .png, not {name}$"
        ):
            check_picture_file(name, "--out")
    Path("file").touch()
    with pytest.raises(UserError, match="cannot write to file: file is a file"):
        check_picture_file("file/a.png", "--out")


def test_a_figure_suggests_a_font_to_install(monkeypatch):
    monkeypatch.setattr(fonts, "_fonts", dict)
    korean = ["안개", "낀", "호수"]
    figure = draw_attention(
        photo(), korean, one_peak(3), title="안개 낀 호수", references=["$5 호수"]
    )
    drawn(figure)
    assert [axes.get_title() for axes in figure.axes] == ["", "□□", "□", "□□"]
    assert "apt install fonts-noto-cjk" in figure.texts[-1].get_text()
    drawn(figure := draw_captioned_photos([(photo(), "호수.jpg", korean)], title="ok"))
    assert [text.get_text() for text in figure.texts][1:3] == ["□□.jpg", "– □□\n– □\n– □□"]
    assert "apt install fonts-noto-cjk" in figure.texts[-1].get_text()
    figure = draw_captioned_photos([(photo(), "lake.jpg", ["a lake"])], title="ok")
    assert figure.texts[-1].get_text() == ""


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_captioned_photos_are_three_in_a_row_above_captions(count):
    given = [
        (
            np.full((40, 60, 3), 20 * number, np.uint8),
            f"{number}.jpg",
            ["a photo", *["of $5 and _ red"] * number],
        )
        for number in range(count)
    ]
    figure = draw_captioned_photos(given, title="so many")
    assert drawn(figure).shape[1] == 480
    title, *texts, sentence = figure.texts
    assert (title.get_text(), sentence.get_text()) == ("so many", "")
    assert [text.get_text() for text in texts[::2]] == [name for _, name, _ in given]
    assert [text.get_text() for text in texts[1::2]] == [
        "– " + "\n– ".join(captions) for _, _, captions in given
    ]
    assert [axes.images[0].get_array().max() for axes in figure.axes] == [
        20 * number for number in range(count)
    ]

    renderer = FigureCanvasAgg(figure).get_renderer()
    photos = [axes.get_window_extent(renderer) for axes in figure.axes]
    assert len({round(each.x0) for each in photos}) == min(count, 3)
    assert len({round(each.y0) for each in photos}) == -(-count // 3)
    names, captions = (
        [text.get_window_extent(renderer) for text in texts[start::2]] for start in (0, 1)
    )
    for photo, name, lines in zip(photos, names, captions, strict=True):
        assert photo.y0 > name.y1 > name.y0 > lines.y1 > lines.y0 > 0
        assert abs(photo.x0 - name.x0) < 3 and abs(photo.x0 - lines.x0) < 3
    areas = [title.get_window_extent(renderer), *photos, *names, *captions]
    assert not any(
        one.overlaps(other) for place, one in enumerate(areas) for other in areas[:place]
    )


def test_long_captions_and_names_are_cut():
    captions = ["a long caption of a photo " * 4] * 20
    figure = draw_captioned_photos(
        [(photo(600, 900), f"{'folder/' * 20}photo.jpg", captions)], title="one"
    )
    drawn(figure)
    name, shown = (text.get_text() for text in figure.texts[1:3])
    assert name.startswith("…") and name.endswith("folder/photo.jpg") and len(name) < 60
    lines = shown.split("\n")
    assert (
        lines[0].startswith("– a long caption") and lines[1].startswith("   ") and lines[-1] == "…"
    )
    assert len(lines) < 20
    assert max(figure.axes[0].images[0].get_array().shape) == 360


def test_a_tile_has_a_line_at_half_of_the_peak():
    """The peak in the upper left of four: the line is closed by the photo's edge, where none is drawn."""
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


OF_A_WINDOW = """
import os, signal, sys
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from utils.plots.figure import show_figure

class Told(Artist):
    def draw(self, renderer):
        window = plt.get_current_fig_manager().window
        if sys.argv[1] == "stop":
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):  # the signal is looked for between two steps of Python
                pass
        window.after(300, lambda: (print(window.winfo_width(), window.winfo_height()), plt.close("all")))

figure = Figure(figsize=(30, 20))
figure.add_artist(Told())
try:
    show_figure(figure)
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_window_fits_the_screen_and_stops_at_ctrl_c(screen):
    def shown(what):
        return subprocess.run(
            [sys.executable, "-c", OF_A_WINDOW, what],
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"MPLBACKEND": "TkAgg"},
            cwd=Path(__file__).parents[3],
        )

    done = shown("look")
    wide, high = map(int, done.stdout.split()[-2:])
    assert wide <= WIDTH, done.stderr
    assert 0.7 * HEIGHT < high <= HEIGHT
    done = shown("stop")
    assert (done.stdout, done.stderr) == ("stopped\n", "")
