"""Paints the built-in scenes: every kind of object as a list of coloured outlines, laid over a place and lit."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from data.scenes.places import Colour, paint_place

Part = tuple[str, np.ndarray]  # tone, outline (points, 2) in percent of its box, y downwards

# Hues at least 25 degrees apart, so that light, shade and noise never turn one into another.
COLOURS: dict[str, Colour] = {
    "red": (214, 32, 38), "orange": (250, 134, 18), "yellow": (250, 222, 40), "green": (34, 160, 58),
    "blue": (36, 84, 214), "purple": (142, 52, 178), "white": (246, 246, 246), "black": (34, 34, 38),
}  # fmt: skip

# Parts whose colour says nothing about the object's own.
_FIXED: dict[str, Colour] = {
    "tyre": (44, 44, 48), "metal": (168, 172, 178), "glass": (188, 222, 240), "skin": (236, 188, 150),
    "hair": (92, 58, 34), "wood": (122, 82, 50), "eye": (20, 20, 22), "paper": (250, 250, 250),
    "beak": (240, 170, 50), "lamp": (255, 240, 150), "iris": (150, 200, 90), "nose": (228, 130, 140),
}  # fmt: skip
_SMOOTH = 2  # everything is painted this much larger and then reduced: soft edges
SIZE = 299  # pixels a side, in which all boxes are given


def _oval(
    tone: str, x: float, y: float, across: float, down: float, *, part: tuple[float, float] = (0, 1)
) -> Part:
    """An ellipse about (x, y) with the two radii, or the piece of it between two fractions of a turn."""
    turn = 2 * np.pi * np.linspace(part[0], part[1], 25)
    return tone, np.stack([x + across * np.cos(turn), y + down * np.sin(turn)], axis=1)


def _shape(tone: str, *numbers: float) -> Part:
    """A polygon through the points x0, y0, x1, y1, …"""
    return tone, np.array(numbers, float).reshape(-1, 2)


def _slab(tone: str, left: float, top: float, right: float, bottom: float) -> Part:
    """An upright rectangle."""
    return _shape(tone, left, top, right, top, right, bottom, left, bottom)


def _line(tone: str, width: float, *numbers: float) -> Part:
    """A bent stroke through the points, `width` across."""
    points = np.array(numbers, float).reshape(-1, 2)
    along = np.gradient(points, axis=0)
    aside = (
        np.stack([-along[:, 1], along[:, 0]], axis=1)
        * width
        / 2
        / np.linalg.norm(along, axis=1, keepdims=True)
    )
    return tone, np.concatenate([points + aside, (points - aside)[::-1]])


def _wheel(x: float, down: float, aspect: float) -> list[Part]:
    """A wheel that stands on the bottom of a box of this aspect."""
    y, across = 100 - down, down / aspect
    return [_oval("tyre", x, y, across, down), _oval("metal", x, y, across / 2, down / 2)]


# kind: (width over height, parts from back to front); all look right.
SHAPES: dict[str, tuple[float, list[Part]]] = {
    "dog": (1.2, [
        _line("main", 8, 16, 48, 6, 28, 8, 10), _slab("dark", 26, 55, 34, 98), _slab("dark", 52, 55, 60, 98),
        _slab("main", 14, 50, 24, 100), _slab("main", 60, 50, 70, 100), _oval("main", 42, 52, 31, 17),
        _shape("main", 55, 45, 66, 15, 86, 30, 73, 60), _oval("main", 76, 22, 15, 17), _oval("main", 90, 29, 10, 8),
        _oval("eye", 98, 25, 3, 3.5), _shape("dark", 64, 8, 72, 8, 74, 36, 68, 44, 62, 36),
        _oval("paper", 81, 17, 3, 3.5), _oval("eye", 82, 17, 2, 2.5),
    ]),
    "cat": (0.8, [
        _line("main", 10, 70, 93, 90, 88, 95, 70, 88, 50), _oval("main", 48, 70, 30, 30),
        _oval("light", 48, 72, 13, 18), _shape("main", 20, 24, 22, 0, 44, 12), _shape("main", 76, 24, 74, 0, 52, 12),
        _shape("nose", 26, 16, 27, 6, 36, 12), _shape("nose", 70, 16, 69, 6, 60, 12), _oval("main", 48, 27, 29, 20),
        _oval("iris", 37, 25, 7, 5), _oval("iris", 59, 25, 7, 5), _oval("eye", 37, 25, 2.5, 5),
        _oval("eye", 59, 25, 2.5, 5), _shape("nose", 44, 32, 52, 32, 48, 36), _oval("dark", 36, 96, 10, 4),
        _oval("dark", 60, 96, 10, 4),
    ]),
    "horse": (1.1, [
        _shape("dark", 16, 36, 5, 42, 0, 72, 9, 76, 14, 50), _slab("dark", 24, 50, 30, 96),
        _slab("dark", 56, 50, 62, 96), _slab("main", 14, 45, 22, 96), _slab("main", 64, 45, 71, 96),
        _slab("eye", 13, 94, 23, 100), _slab("eye", 63, 94, 72, 100), _oval("main", 42, 45, 31, 15),
        _shape("main", 56, 42, 72, 6, 86, 16, 72, 54), _shape("main", 76, 6, 78, 0, 83, 7),
        _shape("main", 72, 5, 84, 4, 100, 24, 95, 31, 86, 24, 76, 20),
        _shape("dark", 54, 38, 66, 8, 76, 2, 76, 9, 62, 42), _oval("eye", 83, 12, 2, 2.5),
    ]),
    "bird": (1.3, [
        _line("beak", 4, 46, 75, 44, 100), _line("beak", 4, 58, 75, 58, 100),
        _shape("light", 46, 50, 58, 8, 72, 0, 68, 50), _oval("main", 50, 60, 27, 20),
        _shape("main", 30, 52, 0, 44, 5, 58, 0, 72, 32, 70), _oval("main", 77, 46, 13, 16),
        _shape("beak", 88, 38, 100, 47, 88, 54), _shape("dark", 32, 56, 20, 0, 42, 12, 64, 56, 50, 66),
        _oval("paper", 81, 42, 3.5, 4.5), _oval("eye", 82, 42, 2, 2.8),
    ]),
    "man": (0.42, [
        _shape("skin", 2, 50, 16, 50, 16, 58, 4, 58), _shape("skin", 84, 50, 98, 50, 96, 58, 84, 58),
        _slab("dark", 27, 54, 47, 96), _slab("dark", 53, 54, 73, 96), _slab("eye", 20, 95, 48, 100),
        _slab("eye", 52, 95, 80, 100), _shape("main", 24, 22, 10, 26, 0, 52, 18, 52, 30, 34),
        _shape("main", 76, 22, 90, 26, 100, 52, 82, 52, 70, 34), _slab("main", 22, 21, 78, 58),
        _slab("skin", 42, 17, 58, 23), _oval("skin", 50, 12, 20, 8.5), _shape("dark", 30, 7.5, 34, 0, 66, 0, 70, 7.5),
        _slab("dark", 16, 6.5, 84, 8.5), _oval("eye", 43, 12, 3, 1.2), _oval("eye", 58, 12, 3, 1.2),
        _slab("eye", 22, 56, 78, 58.5),
    ]),
    "woman": (0.5, [
        _oval("hair", 50, 13, 24, 13), _slab("hair", 27, 13, 73, 30), _slab("skin", 36, 70, 45, 97),
        _slab("skin", 55, 70, 64, 97), _slab("dark", 30, 96, 46, 100), _slab("dark", 54, 96, 70, 100),
        _line("skin", 9, 30, 27, 12, 42, 10, 56), _line("skin", 9, 70, 27, 88, 42, 90, 56),
        _shape("main", 30, 24, 70, 24, 64, 44, 100, 78, 0, 78, 36, 44), _slab("dark", 36, 42, 64, 46),
        _slab("skin", 44, 19, 56, 26), _oval("skin", 50, 14, 17, 8.5), _oval("hair", 50, 8, 18, 4.5),
        _oval("eye", 44, 14, 2.5, 1.2), _oval("eye", 56, 14, 2.5, 1.2), _oval("nose", 50, 18.5, 5, 1.2),
    ]),
    "car": (1.9, [
        _shape("main", 0, 82, 0, 52, 5, 42, 20, 38, 33, 2, 70, 0, 84, 40, 97, 46, 100, 60, 100, 82),
        _shape("glass", 26, 38, 36, 10, 49, 10, 49, 38), _shape("glass", 53, 38, 53, 10, 67, 10, 77, 38),
        _slab("dark", 50, 40, 51.5, 80), _slab("dark", 0, 72, 100, 82), _oval("lamp", 97, 55, 2.5, 6),
        _slab("dark", 55, 46, 61, 49), *_wheel(22, 20, 1.9), *_wheel(78, 20, 1.9),
    ]),
    "bus": (1.75, [
        _shape("main", 0, 88, 0, 6, 3, 0, 95, 0, 100, 10, 100, 88), _slab("dark", 0, 56, 100, 63),
        *[_slab("glass", 4 + 15.5 * n, 14, 16.5 + 15.5 * n, 46) for n in range(5)], _slab("glass", 84, 14, 99, 80),
        _slab("dark", 90.5, 14, 92.5, 80), _oval("lamp", 98, 84, 2, 3.5), *_wheel(20, 14, 1.75),
        *_wheel(70, 14, 1.75),
    ]),
    "boat": (1.0, [
        _slab("wood", 47, 0, 51, 76), _shape("light", 45, 12, 45, 68, 10, 68), _shape("main", 53, 4, 53, 68, 95, 68),
        _shape("main", 0, 75, 100, 75, 84, 100, 16, 100), _shape("paper", 3, 79, 97, 79, 94, 84, 6, 84),
    ]),
    "plane": (2.1, [
        _shape("dark", 50, 42, 58, 42, 42, 2, 35, 2), _shape("main", 2, 46, 0, 0, 10, 0, 24, 40),
        _oval("main", 52, 52, 48, 17), _shape("main", 10, 40, 1, 44, 20, 62, 40, 60),
        *[_oval("glass", 30 + 7.5 * n, 46, 2, 4.5) for n in range(7)],
        _shape("glass", 86, 42, 92, 42, 96, 50, 86, 50), _shape("dark", 40, 56, 60, 56, 36, 100, 24, 100),
        _shape("dark", 0, 50, 14, 50, 8, 62, 0, 62),
    ]),
    "tree": (0.72, [
        _shape("wood", 42, 55, 58, 55, 62, 100, 36, 100), _oval("main", 25, 45, 25, 18),
        _oval("main", 75, 45, 25, 18), _oval("main", 50, 20, 30, 20), _oval("main", 50, 45, 30, 20),
        _oval("light", 40, 17, 10, 6), _oval("dark", 66, 50, 12, 6), _oval("dark", 30, 54, 12, 5),
        _oval("light", 25, 38, 10, 5), _oval("dark", 62, 28, 9, 5),
    ]),
    "house": (1.05, [
        _slab("wood", 70, 6, 82, 34), _slab("main", 8, 40, 92, 100), _shape("dark", 0, 44, 50, 0, 100, 44),
        _slab("wood", 42, 62, 60, 100), _oval("lamp", 57, 82, 1.5, 1.5), _slab("paper", 15, 54, 35, 76),
        _slab("paper", 67, 54, 87, 76), _slab("glass", 17, 56, 33, 74), _slab("glass", 69, 56, 85, 74),
        _oval("glass", 50, 28, 7, 7),
    ]),
    "ball": (1.0, [
        _oval("main", 50, 50, 50, 50), _oval("dark", 50, 50, 50, 50, part=(0.08, 0.3)),
        _line("dark", 5, 10, 22, 35, 40, 65, 40, 90, 22), _line("dark", 5, 50, 40, 48, 70, 56, 98),
        _oval("light", 34, 20, 12, 8),
    ]),
    "table": (1.5, [
        _slab("dark", 20, 14, 26, 86), _slab("dark", 74, 14, 80, 86), _slab("main", 6, 14, 14, 100),
        _slab("main", 86, 14, 94, 100), _slab("dark", 6, 20, 94, 30),
        _shape("main", 8, 0, 92, 0, 100, 14, 100, 22, 0, 22, 0, 14), _shape("light", 10, 2, 90, 2, 96, 12, 4, 12),
    ]),
    "umbrella": (1.0, [
        _slab("wood", 48, 0, 52, 92), _line("wood", 4.5, 50, 88, 52, 96, 60, 97, 64, 88),
        _oval("main", 50, 52, 50, 46, part=(0.5, 1)), _oval("dark", 50, 52, 17, 46, part=(0.5, 1)),
        *[_oval(tone, x, 51, 16.7, 7) for tone, x in (("main", 16.7), ("dark", 50), ("main", 83.3))],
    ]),
    "kite": (0.6, [
        _line("wood", 2.5, 50, 60, 40, 72, 60, 84, 50, 100), _shape("main", 50, 0, 100, 26, 50, 62, 0, 26),
        _shape("light", 50, 0, 50, 26, 0, 26), _shape("dark", 50, 26, 100, 26, 50, 62),
        _shape("main", 28, 70, 52, 77, 28, 80, 54, 69), _shape("main", 42, 86, 68, 90, 42, 95, 70, 83),
    ]),
}  # fmt: skip


def _tones(colour: str, rng: random.Random) -> dict[str, Colour]:
    """The colour of every tone for an object of this colour, a little different each time."""
    base = np.clip(np.array(COLOURS[colour]) + [rng.uniform(-9, 9) for _ in range(3)], 0, 255)
    shades = {"main": base, "dark": base * 0.72, "light": base + (255 - base) * 0.32}
    own = {tone: (int(shade[0]), int(shade[1]), int(shade[2])) for tone, shade in shades.items()}
    return _FIXED | own | {"edge": (205, 205, 210) if colour == "black" else (30, 28, 34)}


def paint_thing(
    picture: Image.Image,
    owner: Image.Image,
    kind: str,
    colour: str,
    box: Sequence[float],
    *,
    number: int,
    seed: int,
) -> None:
    """Paints one object into its box (pixels at 299) and its number over the same pixels of `owner`, an 'L' picture."""
    rng = random.Random(f"object {seed}")
    tones, flip, lean = _tones(colour, rng), rng.random() < 0.5, rng.uniform(-0.06, 0.06)
    left, top, right, bottom = box

    def place(points: np.ndarray) -> list[tuple[float, float]]:
        x, y = points[:, 0] / 100, points[:, 1] / 100
        x = np.clip((1 - x if flip else x) + lean * (1 - y) * (0.5 - np.abs(x - 0.5)) * 2, 0, 1)
        scale = picture.width / SIZE
        return list(
            zip(
                (left + x * (right - left)) * scale, (top + y * (bottom - top)) * scale, strict=True
            )
        )

    outlines = [(tone, place(points)) for tone, points in SHAPES[kind][1]]
    pen, stencil = ImageDraw.Draw(picture), ImageDraw.Draw(owner)
    width = 2 * _SMOOTH
    for (
        _,
        points,
    ) in outlines:  # the edge first: what the parts then leave of it runs round the whole
        pen.polygon(points, fill=tones["edge"])
        pen.line([*points, points[0]], fill=tones["edge"], width=width)
        stencil.polygon(points, fill=number)
        stencil.line([*points, points[0]], fill=number, width=width)
    for tone, points in outlines:
        pen.polygon(points, fill=tones[tone])


def render_scene(
    place: str, things: Sequence[tuple[str, str, Sequence[float], int]], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """The picture (299, 299, 3) uint8, and which thing is seen where: numbers from 1, or 0, of twice the picture's side.

    A thing is (kind, colour, box in pixels, seed); later ones hide earlier ones. Light and noise are those of `seed`.
    """
    rng = random.Random(f"picture {seed}")
    picture = paint_place(place, SIZE * _SMOOTH, rng)
    owner = Image.new("L", picture.size, 0)
    for number, (kind, colour, box, own_seed) in enumerate(things, 1):
        paint_thing(picture, owner, kind, colour, box, number=number, seed=own_seed)
    pixels = np.asarray(picture.reduce(_SMOOTH), np.float32)
    return _light(pixels, rng, seed), np.asarray(owner)


def _light(pixels: np.ndarray, rng: random.Random, seed: int) -> np.ndarray:
    """The pixels under a lamp of some strength, side and warmth, with a camera's noise."""
    ramp = np.linspace(-1, 1, SIZE, dtype=np.float32)
    strength = rng.uniform(0.86, 1.1)
    field = strength + rng.uniform(-0.1, 0.1) * ramp[:, None] + rng.uniform(-0.1, 0.1) * ramp[None]
    warmth = rng.uniform(-0.035, 0.035)
    # Of brightness alone, as most of what a camera adds: also a third of the time and of the file.
    noise = (
        np.random.default_rng(seed).standard_normal(field.shape, dtype=np.float32)
        * rng.uniform(1.5, 5)
        + 0.5
    )
    lit = pixels * field[..., None]
    lit *= np.array([1 + warmth, 1, 1 - warmth], np.float32)
    lit += noise[..., None]
    return np.clip(lit, 0, 255, out=lit).astype(np.uint8)
