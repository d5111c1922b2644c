"""Curves of a run: the values of its history, scores in their panels, legends that fit."""

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from tests.helpers.figures import render
from utils.plots import curves as curves_module
from utils.plots.curves import draw_history

ROWS = [
    {"epoch": 1, "loss": 4.0, "val_loss": 3.5, "CIDEr": 0.2, "Bleu_4": 0.1, "seconds": 9.0},
    {"epoch": 2, "loss": 3.0, "val_loss": 3.0, "CIDEr": 0.5, "Bleu_4": None, "seconds": 9.0},
    {"epoch": 3, "loss": 2.5, "val_loss": 2.9, "CIDEr": 0.4, "seconds": 9.0},
]


@pytest.fixture
def curves(tmp_path, monkeypatch):
    """Return a function that draws a history and returns its lines by label, and the figure."""
    kept = []
    monkeypatch.setattr(curves_module, "save_figure", lambda figure, path: kept.append(figure))

    def draw(history, **options):
        draw_history(history, tmp_path / "unused.png", **options)
        render(kept[-1])
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


def test_teacher_forced_scores_are_dashed_and_cider_has_a_panel(curves):
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
            "reward, sampled captions": ("-", [0.6]),
            "reward, greedy captions": ("-", [0.65]),
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
