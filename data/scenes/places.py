"""Paint the six places of the built-in scenes."""

from __future__ import annotations

import math
import random

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]

PLACES = ("beach", "meadow", "street", "room", "snow", "night")


def paint_place(place: str, side: int, rng: random.Random) -> Image.Image:
    """Return a place without objects, `side` pixels a side.

    Sky and ground are graded; the details tell which place it is.
    """
    horizon = rng.uniform(0.46, 0.58)
    sky, ground = _GRADES[place]
    rows = np.linspace(0, 1, side)[:, None]
    tint = np.array([rng.uniform(-8, 8) for _ in range(3)])
    above = _grade(sky, np.clip(rows / horizon, 0, 1))
    below = _grade(ground, np.clip((rows - horizon) / (1 - horizon), 0, 1))
    column = np.where(rows < horizon, above, below) + tint
    column = np.clip(column, 0, 255).astype(np.uint8)
    picture = Image.fromarray(column[:, None]).resize((side, side), Image.Resampling.NEAREST)
    draw_details = _DETAILS[place]
    draw_details(ImageDraw.Draw(picture), horizon * side, side, rng)
    return picture


def _grade(colours: tuple[Colour, Colour], shares: np.ndarray) -> np.ndarray:
    """Return colours (rows, 3) between two, by the share (rows, 1) of the second."""
    first, last = (np.array(colour) for colour in colours)
    return first + (last - first) * shares


def _blob(
    pen: ImageDraw.ImageDraw, x: float, y: float, across: float, down: float, fill: Colour
) -> None:
    """Fill an ellipse around (x, y)."""
    pen.ellipse((x - across, y - down, x + across, y + down), fill=fill)


def _clouds(pen: ImageDraw.ImageDraw, horizon: float, side: float, rng: random.Random) -> None:
    """Draw one to three soft clouds."""
    for _ in range(rng.randint(1, 3)):
        x, y = rng.uniform(0, side), rng.uniform(0.1, 0.6) * horizon
        for step in (-1, 0, 1):
            rise, down = (8, 20) if step == 0 else (0, 15)
            _blob(pen, x + step * 26, y - rise, 34, down, (232, 240, 246))


def _beach(pen: ImageDraw.ImageDraw, horizon: float, side: float, rng: random.Random) -> None:
    """Draw the sea with waves, a sun, and shells in the sand."""
    _blob(pen, rng.uniform(0.1, 0.9) * side, 0.25 * horizon, 34, 34, (255, 238, 170))
    shore = horizon + rng.uniform(0.05, 0.1) * side
    pen.rectangle((0, horizon, side, shore), fill=(62, 150, 178))
    for _ in range(24):
        x, y = rng.uniform(0, side), rng.uniform(horizon + 4, shore - 4)
        pen.line((x, y, x + rng.uniform(20, 60), y), fill=(190, 224, 230), width=3)
    crest = [(x, shore + 7 * math.sin(x / 31 + horizon)) for x in range(0, int(side) + 20, 12)]
    pen.line(crest, fill=(240, 246, 246), width=9)
    for _ in range(50):
        _blob(pen, rng.uniform(0, side), rng.uniform(shore + 20, side), 3, 2, (184, 158, 112))


def _meadow(pen: ImageDraw.ImageDraw, horizon: float, side: float, rng: random.Random) -> None:
    """Draw hills, tufts of grass and pale flowers."""
    _clouds(pen, horizon, side, rng)
    for x in (rng.uniform(-0.1, 0.3), rng.uniform(0.6, 1.1)):
        pen.chord(
            (x * side - 260, horizon - 70, x * side + 260, horizon + 70),
            180,
            360,
            fill=(132, 176, 116),
        )
    for number in range(150):
        x, y = rng.uniform(0, side), rng.uniform(horizon + 8, side)
        pen.line(
            (x, y, x + rng.uniform(-7, 7), y - rng.uniform(8, 18)), fill=(96, 146, 70), width=3
        )
        if number % 6 == 0:
            _blob(pen, x, y, 4, 4, (236, 226, 190))


def _street(pen: ImageDraw.ImageDraw, horizon: float, side: float, rng: random.Random) -> None:
    """Draw grey blocks of flats, a pavement, and a road with a broken line."""
    x = -rng.uniform(0, 60)
    while x < side:
        width = rng.uniform(90, 150)
        top = rng.uniform(0.1, 0.5) * horizon
        grey = rng.randint(140, 178)
        pen.rectangle((x, top, x + width, horizon), fill=(grey, grey - 6, grey - 8))
        for row in range(int(top) + 16, int(horizon) - 20, 38):
            for left in range(int(x) + 14, int(x + width) - 20, 32):
                pen.rectangle(
                    (left, row, left + 15, row + 20), fill=(grey - 38, grey - 34, grey - 28)
                )
        x += width
    pen.rectangle((0, horizon, side, horizon + 34), fill=(186, 184, 180))
    middle = horizon + (side - horizon) * 0.62
    for step in range(7):
        left = step * 104 - rng.uniform(20, 30)
        pen.rectangle((left, middle, left + 56, middle + 9), fill=(226, 226, 220))


def _room(pen: ImageDraw.ImageDraw, horizon: float, side: float, rng: random.Random) -> None:
    """Draw wallpaper, a window or a framed picture, a skirting board, and floor boards."""
    for x in range(rng.randint(0, 40), int(side), 46):
        pen.line((x, 0, x, horizon), fill=(218, 200, 186), width=5)
    x, y = rng.uniform(0.1, 0.7) * side, rng.uniform(0.15, 0.35) * horizon
    pen.rectangle((x, y, x + 120, y + 105), fill=(246, 242, 232), outline=(136, 106, 82), width=8)
    if rng.random() < 0.5:
        pen.line((x + 60, y, x + 60, y + 105), fill=(136, 106, 82), width=6)
        pen.line((x, y + 52, x + 120, y + 52), fill=(136, 106, 82), width=6)
    pen.rectangle((0, horizon - 16, side, horizon), fill=(240, 232, 220))
    for step in range(-6, 13):
        pen.line(
            (side / 2 + (step - 3) * 50, horizon, side / 2 + (step - 3) * 140, side),
            fill=(146, 112, 84),
            width=3,
        )


def _snow(pen: ImageDraw.ImageDraw, horizon: float, side: float, rng: random.Random) -> None:
    """Draw grey mountains, drifts and falling flakes."""
    for x in (rng.uniform(0, 0.3), rng.uniform(0.4, 0.6), rng.uniform(0.7, 1)):
        peak, half = horizon - rng.uniform(90, 170), rng.uniform(120, 190)
        rock, white_top = (1, (150, 162, 178)), (0.3, (232, 238, 244))
        for part, fill in (rock, white_top):
            foot, reach = peak + part * (horizon - peak), part * half
            pen.polygon(
                [(x * side - reach, foot), (x * side, peak), (x * side + reach, foot)], fill=fill
            )
    for _ in range(7):
        x, y = rng.uniform(0, side), rng.uniform(horizon + 20, side)
        pen.arc((x - 90, y - 14, x + 90, y + 22), 190, 350, fill=(196, 208, 224), width=4)
    for _ in range(70):
        _blob(pen, rng.uniform(0, side), rng.uniform(0, side), 4, 4, (250, 252, 255))


def _night(pen: ImageDraw.ImageDraw, horizon: float, side: float, rng: random.Random) -> None:
    """Draw a moon, stars and dark hills."""
    for _ in range(60):
        _blob(pen, rng.uniform(0, side), rng.uniform(0, horizon), 2.2, 2.2, (226, 228, 240))
    x = rng.uniform(0.1, 0.9) * side
    _blob(pen, x, 0.22 * horizon, 34, 34, (236, 232, 206))
    _blob(pen, x + 15, 0.22 * horizon - 6, 28, 28, (24, 28, 60))
    for x in (rng.uniform(-0.1, 0.3), rng.uniform(0.6, 1.1)):
        pen.chord(
            (x * side - 260, horizon - 60, x * side + 260, horizon + 60),
            180,
            360,
            fill=(30, 38, 54),
        )


# place → (sky from top to horizon), (ground from horizon to bottom)
_GRADES = {
    "beach": (((120, 184, 226), (206, 230, 240)), ((224, 204, 158), (236, 216, 172))),
    "meadow": (((136, 190, 230), (212, 232, 242)), ((138, 190, 106), (112, 168, 82))),
    "street": (((176, 196, 214), (214, 222, 228)), ((112, 112, 116), (92, 92, 96))),
    "room": (((228, 212, 198), (224, 206, 190)), ((182, 146, 112), (164, 128, 96))),
    "snow": (((178, 192, 208), (206, 216, 228)), ((228, 234, 242), (218, 226, 238))),
    "night": (((14, 16, 44), (36, 40, 80)), ((46, 58, 62), (34, 42, 50))),
}
_DETAILS = {
    "beach": _beach,
    "meadow": _meadow,
    "street": _street,
    "room": _room,
    "snow": _snow,
    "night": _night,
}
