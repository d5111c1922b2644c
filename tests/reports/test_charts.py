"""Charts: round numbers at the axes, points in their places, and the same in words."""

import pytest

from reports.charts import (
    Line,
    choose_ticks,
    make_bar_chart,
    make_line_chart,
    make_reliability_chart,
)
from tests.helpers.pages import render


def draw(chart):
    return render('{% from "charts.html" import draw_chart %}{{ draw_chart(chart) }}', chart=chart)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.72, 2.77, [0.5, 1, 1.5, 2, 2.5, 3]),
        (1, 5, [1, 2, 3, 4, 5]),
        (0, 97, [0, 20, 40, 60, 80, 100]),
        (-0.2, 0.2, [-0.2, -0.1, 0, 0.1, 0.2]),
        (3, 3, [3, 3.01]),
        (0.20463, 0.20463, [0.204, 0.205]),
        (0, 0, [0, 0.1]),
        (0, 1e-13, [0, 0.1]),
        (0.5, 0.5 + 1e-13, [0.5, 0.501]),
    ],
)
def test_ticks_are_round_and_enclose_the_values(low, high, expected):
    ticks = choose_ticks(low, high)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert ticks == pytest.approx(expected)


def test_lines_go_through_their_points():
    """The edges are at 42 and 352, 0.4 epochs beside the points; 0 is at 184, 1 at 14."""
    lines = [
        Line("free", [(1, 0.0), (2, 0.5), (3, 1.0)], 1),
        Line("forced", [(1, 0.25), (3, 0.75)], 2, is_dashed=True),
    ]
    page = draw(make_line_chart("CIDEr", lines, best=2, from_zero=True))
    line, other = page.all("polyline")[:2]  # those of the legend come after
    assert line["points"] == "86.3,184.0 197.0,99.0 307.7,14.0"  # an epoch is 310 / 2.8 wide
    assert "dashed" not in line["class"]
    assert "dashed" in other["class"]
    assert page.one("line", class_="best")["x1"] == "197.0"
    assert page.texts("li") == ["free 1.000", "forced 0.750"]


def test_a_chart_is_described_in_words():
    lines = [Line("free", [(1, 0.0), (3, 1.0)], 1), Line("forced", [(1, 0.25), (3, 0.75)], 2)]
    chart = make_line_chart("CIDEr", lines, best=2)
    assert chart.description == (
        "CIDEr, by epoch. free: from 0.000 in epoch 1 to 1.000 in epoch 3; "
        "forced: from 0.250 in epoch 1 to 0.750 in epoch 3; best epoch: 2"
    )
    assert draw(chart).one("svg", role="img")["aria-label"] == chart.description


def test_each_line_has_its_own_mark():
    """Each point has a mark, and the legend one more; a mark of a dashed line is open."""
    lines = [
        Line("free", [(1, 0.0), (2, 0.5), (3, 1.0)], 1),
        Line("forced", [(1, 0.25), (3, 0.75)], 2, is_dashed=True),
        Line("other", [(1, 0.5)], 3),
    ]
    page = draw(make_line_chart("CIDEr", lines))
    marks = [(each["class"], each.get("points")) for each in page.all("polygon")]
    assert len(page.all("circle", class_="k1")) == 4
    assert marks.count(("k2 open", "-3,-3 3,-3 3,3 -3,3")) == 3
    assert marks.count(("k3", "0,-4 4,3 -4,3")) == 2
    assert page.all("polygon")[0]["transform"] == "translate(86.3 141.5)"


def test_a_single_point_is_seen():
    lines = [Line("training", [(1, 2.0)], 1), Line("none", [], 2)]
    page = draw(make_line_chart("Loss", lines))
    assert len(page.all("circle")) == 2
    assert "training: 2.000 in epoch 1" in page.one("svg", role="img")["aria-label"]


def test_lines_without_points_make_no_chart():
    assert make_line_chart("Loss", [Line("training", [], 1)]) is None


def test_many_points_have_no_marks():
    points = [(epoch, 1 / epoch) for epoch in range(1, 101)]
    page = draw(make_line_chart("Loss", [Line("training", points, 1)]))
    assert len(page.all("circle")) == 1  # in the legend
    epochs = [text for text in page.texts("text") if float(text) > 1]
    assert epochs == ["20", "40", "60", "80", "100"]


def test_bars_are_as_high_as_their_shares():
    series = [("captions", [0.25, 0.5]), ("true", [0.0, 0.25])]
    page = draw(make_bar_chart("Words", ["1", "2+"], series, unit="words"))
    bars = [(float(each["height"]), each["class"]) for each in page.all("rect")[:4]]
    assert bars == [(85, "k1 bar"), (170, "k1 bar"), (0, "k2 hollow"), (85, "k2 hollow")]
    assert page.one("svg", role="img")["aria-label"] == (
        "Words, by words. captions: most often 2+; true: most often 2+"
    )
    assert page.texts("text")[-2:] == ["1", "2+"]


def test_a_reliability_curve_lies_beside_the_diagonal():
    """Both axes go from 0 to 1: x from 42 to 352, y from 184 to 14."""
    lines = [Line("val", [(0.1, 0.0), (0.5, 0.6), (1.0, 1.0)], 1)]
    chart = make_reliability_chart("Share of captions, by score", lines)
    page = draw(chart)
    diagonal, curve = page.all("polyline")[:2]
    assert diagonal["points"] == "42.0,184.0 352.0,14.0"
    assert "dashed" in diagonal["class"]
    assert curve["points"] == "73.0,184.0 197.0,82.0 352.0,14.0"
    assert page.texts("li") == ["exact", "val"]
    assert [entry.has_mark for entry in chart.legend] == [False, True]
    assert len(page.all("circle")) == 3 + 1  # of the curve, and in the legend
    assert chart.description == (
        "Share of captions, by score. val: 0% at score 0.10, 60% at score 0.50, 100% at score "
        "1.00; exact is the same share as the score"
    )
    assert page.one("svg", role="img")["aria-label"] == chart.description
