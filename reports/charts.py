"""Line charts and bar charts: what templates/charts.html draws, and a description in words."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 360, 210  # of the drawing, in its own units: about a pixel each
LEFT, RIGHT, TOP, BOTTOM = 42, 352, 14, 184  # edges of the area inside the axes
_MOST_MARKS = 30  # a line with more points has no marks
# Smaller differences are rounding: BLEU without a common word is about 1e-16, not 0.
_SMALLEST_WIDTH = 1e-9
_COLOURS = 6  # colours that style.css has for lines
_MOST_NAMES = 12  # names under the bars


@dataclass(frozen=True)
class Line:
    """A line to draw: its points as (epoch, value), and the number of its colour, from 1."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int
    is_dashed: bool = False


@dataclass(frozen=True)
class Tick:
    """A label on an axis."""

    position: float
    label: str


@dataclass(frozen=True)
class Curve:
    """A line with the positions of its points in the drawing."""

    positions: list[tuple[float, float]]
    colour: int
    is_dashed: bool
    has_marks: bool


@dataclass(frozen=True)
class Bar:
    """A bar of a bar chart, in the drawing's units."""

    x: float
    y: float
    width: float
    height: float
    colour: int


@dataclass(frozen=True)
class LegendEntry:
    """The name of a line or of a series of bars, beside a sample of its look."""

    label: str
    colour: int
    is_dashed: bool = False
    has_mark: bool = True


@dataclass(frozen=True)
class Chart:
    """A chart, ready for the template. The description says in words what the picture shows."""

    title: str
    description: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    legend: list[LegendEntry]
    curves: Sequence[Curve] = ()
    bars: Sequence[Bar] = ()
    best_position: float | None = None


@dataclass(frozen=True)
class _Scale:
    """Maps values from `low` to `high` to positions from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        fraction = (value - self.low) / (self.high - self.low)
        return round(self.start + fraction * (self.end - self.start), 1)


def choose_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Return at most `most` round numbers, from one not above `low` to one not below `high`."""
    width = high - low
    if width < _SMALLEST_WIDTH:
        width = abs(high) * 0.05
    if width < _SMALLEST_WIDTH:
        width = 1.0
    power = 10 ** math.floor(math.log10(width / (most - 1)))
    for factor in (1, 2, 5, 10, 20, 50):
        step = power * factor
        first = math.floor(low / step + 1e-9)
        last = math.ceil(high / step - 1e-9)
        if last - first < most:
            break
    last = max(last, first + 1)
    return [round(number * step, 12) for number in range(first, last + 1)]


def make_line_chart(
    title: str, lines: Sequence[Line], *, best: float | None = None, from_zero: bool = False
) -> Chart | None:
    """Return a chart of values by epoch with the `best` one marked; None if there are no points."""
    lines = [line for line in lines if line.points]
    if not lines:
        return None
    points = list(itertools.chain(*(line.points for line in lines)))
    epochs, values = zip(*points, strict=True)
    first, last = min(epochs), max(epochs)
    lowest = min(values)
    if from_zero:
        lowest = min(0, lowest)

    y_values = choose_ticks(lowest, max(values))
    x_scale = _Scale(first - 0.4, last + 0.4, LEFT, RIGHT)
    y_scale = _Scale(y_values[0], y_values[-1], BOTTOM, TOP)
    x_values = [x for x in choose_ticks(first, last, 8) if x == int(x) and first <= x <= last]

    description = "; ".join(_describe_line(line) for line in lines)
    best_position = None
    if best is not None:
        description += f"; best epoch: {best:g}"
        if first <= best <= last:
            best_position = x_scale.place(best)

    curves = []
    legend = []
    for line in lines:
        colour = (line.colour - 1) % _COLOURS + 1
        positions = [(x_scale.place(epoch), y_scale.place(value)) for epoch, value in line.points]
        has_marks = len(positions) <= _MOST_MARKS
        curves.append(Curve(positions, colour, line.is_dashed, has_marks))
        label = f"{line.name} {_format_value(line.points[-1][1])}"
        legend.append(LegendEntry(label, colour, line.is_dashed))
    return Chart(
        title,
        f"{title}, by epoch. {description}",
        [Tick(x_scale.place(x), f"{x:g}") for x in x_values],
        [Tick(y_scale.place(y), f"{y:g}") for y in y_values],
        legend,
        curves=curves,
        best_position=best_position,
    )


def make_reliability_chart(title: str, series: Sequence[Line]) -> Chart:
    """Return a chart of shares by score, both from 0 to 1, with the diagonal that is exact."""
    x_scale = _Scale(0, 1, LEFT, RIGHT)
    y_scale = _Scale(0, 1, BOTTOM, TOP)
    curves = []
    legend = []
    descriptions = []
    for line in [Line("exact", [(0, 0), (1, 1)], 5, is_dashed=True), *series]:
        positions = [(x_scale.place(score), y_scale.place(share)) for score, share in line.points]
        has_marks = not line.is_dashed
        curves.append(Curve(positions, line.colour, line.is_dashed, has_marks))
        legend.append(LegendEntry(line.name, line.colour, line.is_dashed, has_marks))
    for line in series:
        shares = [f"{share:.0%} at score {score:.2f}" for score, share in line.points]
        descriptions.append(f"{line.name}: {', '.join(shares)}")
    values = choose_ticks(0, 1)
    return Chart(
        title,
        f"{title}. {'; '.join(descriptions)}; exact is the same share as the score",
        [Tick(x_scale.place(value), f"{value:g}") for value in values],
        [Tick(y_scale.place(value), f"{value:.0%}") for value in values],
        legend,
        curves=curves,
    )


def make_bar_chart(
    title: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[float]]], *, unit: str
) -> Chart:
    """Return a chart with a bar for each name and series. A series has a name and its shares.

    `unit` describes the names under the bars.
    """
    y_values = choose_ticks(0, max(max(shares) for _, shares in series))
    y_scale = _Scale(0, y_values[-1], BOTTOM, TOP)
    room = (RIGHT - LEFT) / len(names)  # for all bars of a name
    width = room / (len(series) + 0.5)

    bars = []
    legend = []
    most_common = []
    for number, (series_name, shares) in enumerate(series):
        colour = number + 1
        for place, share in enumerate(shares):
            x = round(LEFT + place * room + number * width, 1)
            height = round(share / y_values[-1] * (BOTTOM - TOP), 1)
            bars.append(Bar(x, round(BOTTOM - height, 1), round(width * 0.85, 1), height, colour))
        legend.append(LegendEntry(series_name, colour))
        most_common.append(f"{series_name}: most often {names[shares.index(max(shares))]}")

    step = math.ceil(len(names) / _MOST_NAMES)
    x_ticks = []
    for place in range(0, len(names), step):
        x_ticks.append(Tick(round(LEFT + (place + 0.4) * room, 1), names[place]))
    return Chart(
        title,
        f"{title}, by {unit}. {'; '.join(most_common)}",
        x_ticks,
        [Tick(y_scale.place(y), f"{y:.0%}") for y in y_values],
        legend,
        bars=bars,
    )


def _format_value(value: float) -> str:
    if abs(value) < 100:
        return f"{value:.3f}"
    return f"{value:.0f}"


def _describe_line(line: Line) -> str:
    """Return the line's first and last value in words."""
    (first, first_value), (last, last_value) = line.points[0], line.points[-1]
    start = f"{_format_value(first_value)} in epoch {first:g}"
    if first == last:
        return f"{line.name}: {start}"
    return f"{line.name}: from {start} to {_format_value(last_value)} in epoch {last:g}"
