"""Draw the built-in scenes: things on a place, in some light."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from data.scenes.places import Colour, paint_place
from data.scenes.shapes import SHAPES

# Hues lie at least 25 degrees apart, so light, shade and noise never turn one into another.
PAINTS: dict[str, Colour] = {
    "red": (214, 32, 38),
    "orange": (250, 134, 18),
    "yellow": (250, 222, 40),
    "green": (34, 160, 58),
    "blue": (36, 84, 214),
    "purple": (142, 52, 178),
    "white": (246, 246, 246),
    "black": (34, 34, 38),
}

# Colours of parts that say nothing about the object's own colour.
_FIXED_TONES: dict[str, Colour] = {
    "tyre": (44, 44, 48),
    "metal": (168, 172, 178),
    "glass": (188, 222, 240),
    "skin": (236, 188, 150),
    "hair": (92, 58, 34),
    "wood": (122, 82, 50),
    "eye": (20, 20, 22),
    "paper": (250, 250, 250),
    "beak": (240, 170, 50),
    "lamp": (255, 240, 150),
    "iris": (150, 200, 90),
    "nose": (228, 130, 140),
}
PICTURE_SIZE = 299  # pixels a side, in which all boxes are given
_OVERSAMPLING = 2  # everything is painted this much larger and then reduced, for soft edges
_EDGE_WIDTH = 2 * _OVERSAMPLING


class Box(NamedTuple):
    """A rectangle in pixels of a picture of PICTURE_SIZE."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Thing:
    """One object of a scene."""

    kind: str
    colour: str
    box: Box  # before other things hide a part
    seed: int  # of its shade, lean and direction


def draw_things(place: str, things: Sequence[Thing], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the picture (299, 299, 3) uint8, and the number of the visible thing at each point.

    Numbers begin with 1, and 0 is no thing; they have twice the picture's side. Later things hide
    earlier ones. The seed decides the light and the noise.
    """
    rng = random.Random(f"picture {seed}")
    picture = paint_place(place, PICTURE_SIZE * _OVERSAMPLING, rng)
    numbers = Image.new("L", picture.size, 0)
    for number, thing in enumerate(things, 1):
        _paint_thing(thing, picture, numbers, number)
    pixels = np.asarray(picture.reduce(_OVERSAMPLING), np.float32)
    return _add_light(pixels, rng, seed), np.asarray(numbers)


def _paint_thing(thing: Thing, picture: Image.Image, numbers: Image.Image, number: int) -> None:
    """Paint a thing into its box, and its number over the same pixels of `numbers`."""
    rng = random.Random(f"object {thing.seed}")
    tones = _choose_tones(thing.colour, rng)
    is_mirrored = rng.random() < 0.5
    lean = rng.uniform(-0.06, 0.06)
    _, parts = SHAPES[thing.kind]
    outlines = []
    for tone, points in parts:
        shares = _lean_points(points, is_mirrored, lean)
        outlines.append((tone, _place_points(shares, thing.box, picture.width / PICTURE_SIZE)))

    pen = ImageDraw.Draw(picture)
    number_pen = ImageDraw.Draw(numbers)
    for (
        _,
        outline,
    ) in outlines:  # edges first: what the parts then leave of them runs round the whole
        closed = [*outline, outline[0]]
        pen.polygon(outline, fill=tones["edge"])
        pen.line(closed, fill=tones["edge"], width=_EDGE_WIDTH)
        number_pen.polygon(outline, fill=number)
        number_pen.line(closed, fill=number, width=_EDGE_WIDTH)
    for tone, outline in outlines:
        pen.polygon(outline, fill=tones[tone])


def _choose_tones(colour: str, rng: random.Random) -> dict[str, Colour]:
    """Return the colour of every tone for a thing of this colour, a little different each time."""
    change = [rng.uniform(-9, 9) for _ in range(3)]
    main = np.clip(np.array(PAINTS[colour]) + change, 0, 255)
    tones = dict(_FIXED_TONES)
    tones["main"] = _as_colour(main)
    tones["dark"] = _as_colour(main * 0.72)
    tones["light"] = _as_colour(main + (255 - main) * 0.32)
    tones["edge"] = (205, 205, 210) if colour == "black" else (30, 28, 34)
    return tones


def _as_colour(values: np.ndarray) -> Colour:
    red, green, blue = values
    return int(red), int(green), int(blue)


def _lean_points(points: np.ndarray, is_mirrored: bool, lean: float) -> np.ndarray:
    """Return points (P, 2) in percent as shares of the box, mirrored and leaning to one side."""
    x, y = points[:, 0] / 100, points[:, 1] / 100
    if is_mirrored:
        x = 1 - x
    x = np.clip(x + lean * (1 - y) * (0.5 - np.abs(x - 0.5)) * 2, 0, 1)
    return np.stack([x, y], axis=1)


def _place_points(shares: np.ndarray, box: Box, scale: float) -> list[tuple[float, float]]:
    """Return shares (P, 2) of a box as pixels of a picture that is this much larger."""
    x = (box.left + shares[:, 0] * (box.right - box.left)) * scale
    y = (box.top + shares[:, 1] * (box.bottom - box.top)) * scale
    return list(zip(x, y, strict=True))


def _add_light(pixels: np.ndarray, rng: random.Random, seed: int) -> np.ndarray:
    """Return the pixels in light of some strength, side and warmth, with a camera's noise."""
    ramp = np.linspace(-1, 1, PICTURE_SIZE, dtype=np.float32)
    strength = rng.uniform(0.86, 1.1)
    rows = rng.uniform(-0.1, 0.1) * ramp[:, None]
    columns = rng.uniform(-0.1, 0.1) * ramp[None]
    light = strength + rows + columns
    warmth = rng.uniform(-0.035, 0.035)
    # Noise of brightness alone, as most of a camera's is: a third of the time and of the file.
    noise = np.random.default_rng(seed).standard_normal(light.shape, dtype=np.float32)
    noise = noise * rng.uniform(1.5, 5) + 0.5
    lit = pixels * light[..., None]
    lit *= np.array([1 + warmth, 1, 1 - warmth], np.float32)
    lit += noise[..., None]
    return np.clip(lit, 0, 255, out=lit).astype(np.uint8)
