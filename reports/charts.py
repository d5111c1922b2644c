"""Curves and bars as SVG for a page, in its colours by light and by dark, each told in words as well."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.html import Html, element

_WIDTH, _HEIGHT = 360, 210  # in the units of the drawing, about a pixel each
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 352, 14, 184  # of the room for lines
_MARKED = 30  # points of a line, of more none has a mark
_COLOURS = 6


@dataclass(frozen=True)
class Line:
    """A line of a chart: what it shows, at each x its y; its colour of the page's, from 1 on."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    dashed: bool = False


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers, so many at most, from one not above `low` to one not below `high`."""
    width = max(high - low, abs(high) * 1e-3, 1e-6)
    power = 10 ** math.floor(math.log10(width / (most - 1)))
    for step in (power * factor for factor in (1, 2, 5, 10, 20, 50)):
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        if last - first < most:
            break
    return [round(number * step, 12) for number in range(first, max(last, first + 1) + 1)]


def line_chart(
    title: str, lines: Sequence[Line], *, best: float | None = None, from_zero: bool = False
) -> Html:
    """Lines over whole numbers (epochs), a dotted mark at the `best` of them; nothing where no line has a point."""
    lines = [line for line in lines if line.points]
    if not lines:
        return Html()
    xs = [x for line in lines for x, _ in line.points]
    ys = [y for line in lines for _, y in line.points]
    down = ticks(min(0, *ys) if from_zero else min(ys), max(ys))
    along = [x for x in ticks(min(xs), max(xs), 8) if x == int(x) and min(xs) <= x <= max(xs)]
    left, right = min(xs) - 0.4, max(xs) + 0.4

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            round(_LEFT + (x - left) / (right - left) * (_RIGHT - _LEFT), 1),
            round(_BOTTOM - (y - down[0]) / (down[-1] - down[0]) * (_BOTTOM - _TOP), 1),
        )

    parts = [*_axes(down, along, place)]
    if best is not None and min(xs) <= best <= max(xs):
        x, _ = place(best, 0)
        parts += [
            element("line", x1=x, x2=x, y1=_TOP, y2=_BOTTOM, class_="best"),
            element("text", "best", x=x, y=_TOP - 3, text_anchor="middle"),
        ]
    parts += [
        part for line in lines for part in _drawn(line, [place(*point) for point in line.points])
    ]
    told = "; ".join(_told(line) for line in lines) + (
        f"; best epoch: {best:g}" if best is not None else ""
    )
    legend = element(
        "ul",
        *(
            element("li", _swatch(line), f"{line.name} {_number(line.points[-1][1])}")
            for line in lines
        ),
        class_="legend",
    )
    return element(
        "figure", element("figcaption", title), _svg(f"{title}, by epoch. {told}", *parts), legend
    )


def bar_chart(
    title: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], *, under: str
) -> Html:
    """Shares by name, for each of two series: filled bars and, beside them, hollow ones. `under`: what the names are."""
    most = max(max(shares) for _, shares in series)
    room = (_RIGHT - _LEFT) / len(names)
    width = room / (len(series) + 0.5)
    down = ticks(0, most)
    parts = [
        *_axes(
            down,
            [],
            lambda x, y: (0, round(_BOTTOM - y / down[-1] * (_BOTTOM - _TOP), 1)),
            share=True,
        )
    ]
    for number, (_, shares) in enumerate(series):
        for place, share in enumerate(shares):
            height = round(share / down[-1] * (_BOTTOM - _TOP), 1)
            parts.append(
                element(
                    "rect",
                    x=round(_LEFT + place * room + number * width, 1),
                    y=round(_BOTTOM - height, 1),
                    width=round(width * 0.85, 1),
                    height=height,
                    class_=_bar(number),
                )
            )
    step = -(-len(names) // 12)
    parts += [
        element(
            "text",
            name,
            x=round(_LEFT + (place + 0.4) * room, 1),
            y=_BOTTOM + 16,
            text_anchor="middle",
        )
        for place, name in enumerate(names)
        if place % step == 0
    ]
    told = "; ".join(
        f"{name}: most often {names[shares.index(max(shares))]}" for name, shares in series
    )
    legend = element(
        "ul",
        *(
            element(
                "li",
                element(
                    "svg",
                    element("rect", x=10, y=2, width=12, height=12, class_=_bar(number)),
                    viewBox="0 0 32 16",
                    aria_hidden="true",
                ),
                name,
            )
            for number, (name, _) in enumerate(series)
        ),
        class_="legend",
    )
    return element(
        "figure", element("figcaption", title), _svg(f"{title}, by {under}. {told}", *parts), legend
    )


def _svg(told: str, *parts: Html) -> Html:
    return element("svg", *parts, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=told)


def _bar(number: int) -> str:
    return f"k{number + 1} " + ("hollow" if number else "bar")


def _number(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"


def _axes(
    down: Sequence[float],
    along: Sequence[float],
    place: Callable[[float, float], tuple[float, float]],
    *,
    share: bool = False,
) -> list[Html]:
    """Lines across with their numbers at the left, and numbers below."""
    parts = []
    for y in down:
        height = place(0, y)[1]
        text = f"{y:.0%}" if share else f"{y:g}"
        parts += [
            element("line", x1=_LEFT, x2=_RIGHT, y1=height, y2=height, class_="grid"),
            element("text", text, x=_LEFT - 6, y=height + 4, text_anchor="end"),
        ]
    return parts + [
        element("text", f"{x:g}", x=place(x, 0)[0], y=_BOTTOM + 16, text_anchor="middle")
        for x in along
    ]


def _drawn(line: Line, places: Sequence[tuple[float, float]]) -> list[Html]:
    """A line with a mark at each of its points, where these are few."""
    colour = f"k{(line.colour - 1) % _COLOURS + 1}"
    path = element(
        "polyline",
        points=" ".join(f"{x},{y}" for x, y in places),
        class_=f"{colour} curve" + (" dashed" if line.dashed else ""),
    )
    return [path, *(_mark(line, x, y) for x, y in places if len(places) <= _MARKED)]


def _mark(line: Line, x: float, y: float) -> Html:
    """A mark whose shape tells the line as its colour does; open where the line is dashed."""
    look = f"k{(line.colour - 1) % _COLOURS + 1}" + (" open" if line.dashed else "")
    corners = {
        2: ((-3, -3), (3, -3), (3, 3), (-3, 3)),
        3: ((0, -4), (4, 3), (-4, 3)),
        4: ((0, -4), (4, 0), (0, 4), (-4, 0)),
        5: ((0, 4), (4, -3), (-4, -3)),
        6: ((-4, -1), (4, -1), (4, 1), (-4, 1)),
    }.get((line.colour - 1) % _COLOURS + 1)
    if corners is None:
        return element("circle", cx=x, cy=y, r=3, class_=look)
    return element(
        "polygon",
        points=" ".join(f"{round(x + right, 1)},{round(y + down, 1)}" for right, down in corners),
        class_=look,
    )


def _swatch(line: Line) -> Html:
    return element(
        "svg",
        *_drawn(line, [(2, 8), (30, 8)])[:1],
        _mark(line, 16, 8),
        viewBox="0 0 32 16",
        aria_hidden="true",
    )


def _told(line: Line) -> str:
    """A line in words."""
    (first, began), (last, ended) = line.points[0], line.points[-1]
    if first == last:
        return f"{line.name}: {_number(began)} in epoch {first:g}"
    return f"{line.name}: from {_number(began)} in epoch {first:g} to {_number(ended)} in epoch {last:g}"
