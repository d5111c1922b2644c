"""Charts: round numbers at the axes, points where they belong, and the same in words."""

import pytest

from reports.charts import Line, bar_chart, line_chart, ticks
from tests.helpers.pages import Page


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.72, 2.77, [0.5, 1, 1.5, 2, 2.5, 3]),
        (1, 5, [1, 2, 3, 4, 5]),
        (0, 97, [0, 20, 40, 60, 80, 100]),
        (3, 3, [3, 3.001, 3.002, 3.003]),
        (-0.2, 0.2, [-0.2, -0.1, 0, 0.1, 0.2]),
    ],
)
def test_ticks_are_round_and_hold_what_is_shown(low, high, wanted):
    found = ticks(low, high)
    assert found[0] <= low and found[-1] >= high and 2 <= len(found) <= 6
    if low != high:
        assert found == pytest.approx(wanted)


def drawn(chart):
    return Page(f"<!doctype html>\n<html>{chart}</html>")


def test_lines_go_through_their_points():
    """The left edge is 42, the right one 352, the first epoch 0.4 of an epoch inside; 0 lies at 184 and the top at 14."""
    found = drawn(
        line_chart(
            "CIDEr",
            [
                Line("free", [(1, 0.0), (2, 0.5), (3, 1.0)], 1),
                Line("forced", [(1, 0.25), (3, 0.75)], 2, dashed=True),
            ],
            best=2,
            from_zero=True,
        )
    )
    line, other = found.all("polyline")[:2]  # those of the legend come after
    assert line["points"] == "86.3,184.0 197.0,99.0 307.7,14.0"  # an epoch is 310 / 2.8 wide
    assert ("dashed" in other["class"], "dashed" in line["class"]) == (True, False)
    assert found.one("svg", role="img")["aria-label"] == (
        "CIDEr, by epoch. free: from 0.000 in epoch 1 to 1.000 in epoch 3; "
        "forced: from 0.250 in epoch 1 to 0.750 in epoch 3; best epoch: 2"
    )
    assert found.one("line", class_="best")["x1"] == "197.0"
    assert found.texts("li") == ["free 1.000", "forced 0.750"]
    marks = [
        (each["tag"], each["class"])
        for each in found.elements
        if each["tag"] in ("circle", "polygon")
    ]
    assert (
        marks.count(("circle", "k1")) == 4 and marks.count(("polygon", "k2 open")) == 3
    )  # one each in the legend


def test_a_single_point_is_seen_and_nothing_makes_no_chart():
    found = drawn(line_chart("Loss", [Line("training", [(1, 2.0)], 1), Line("none", [], 2)]))
    assert len(found.all("circle")) == 2
    assert "training: 2.000 in epoch 1" in found.one("svg", role="img")["aria-label"]
    assert line_chart("Loss", [Line("training", [], 1)]) == ""


def test_of_many_points_none_is_marked_and_few_epochs_are_numbered():
    found = drawn(
        line_chart("Loss", [Line("training", [(epoch, 1 / epoch) for epoch in range(1, 101)], 1)])
    )
    assert len(found.all("circle")) == 1  # in the legend
    assert [text for text in found.texts("text") if float(text) > 1] == [
        "20",
        "40",
        "60",
        "80",
        "100",
    ]


def test_bars_are_as_high_as_their_shares():
    found = drawn(
        bar_chart(
            "Words", ["1", "2+"], [("captions", [0.25, 0.5]), ("true", [0.0, 0.25])], under="words"
        )
    )
    bars = [(float(each["height"]), each["class"]) for each in found.all("rect")[:4]]
    assert bars == [(85, "k1 bar"), (170, "k1 bar"), (0, "k2 hollow"), (85, "k2 hollow")]
    assert found.one("svg", role="img")["aria-label"] == (
        "Words, by words. captions: most often 2+; true: most often 2+"
    )
    assert found.texts("text")[-2:] == ["1", "2+"]
