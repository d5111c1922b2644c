"""Shapes of the objects in the built-in scenes: each kind is a list of coloured outlines."""

from __future__ import annotations

import numpy as np

# tone, outline (points, 2) in percent of the object's box, y downwards
Part = tuple[str, np.ndarray]

_POINTS_OF_OVAL = 25


def _oval(
    tone: str, x: float, y: float, across: float, down: float, *, part: tuple[float, float] = (0, 1)
) -> Part:
    """Return an ellipse around (x, y) with two radii, or a part of it in fractions of a turn."""
    turn = 2 * np.pi * np.linspace(part[0], part[1], _POINTS_OF_OVAL)
    return tone, np.stack([x + across * np.cos(turn), y + down * np.sin(turn)], axis=1)


def _shape(tone: str, *numbers: float) -> Part:
    """Return a polygon through the points x0, y0, x1, y1, …"""
    return tone, np.array(numbers, float).reshape(-1, 2)


def _slab(tone: str, left: float, top: float, right: float, bottom: float) -> Part:
    """Return an upright rectangle."""
    return _shape(tone, left, top, right, top, right, bottom, left, bottom)


def _line(tone: str, width: float, *numbers: float) -> Part:
    """Return a bent stroke of this width through the points."""
    points = np.array(numbers, float).reshape(-1, 2)
    along = np.gradient(points, axis=0)
    lengths = np.linalg.norm(along, axis=1, keepdims=True)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    aside = across * width / 2 / lengths
    return tone, np.concatenate([points + aside, (points - aside)[::-1]])


def _wheel(x: float, down: float, aspect: float) -> list[Part]:
    """Return a wheel that stands on the bottom of a box of this aspect."""
    y = 100 - down
    across = down / aspect
    return [_oval("tyre", x, y, across, down), _oval("metal", x, y, across / 2, down / 2)]


# kind → (width over height, parts from back to front); all look to the right.
SHAPES: dict[str, tuple[float, list[Part]]] = {
    "dog": (1.2, [
        _line("main", 8, 16, 48, 6, 28, 8, 10),
        _slab("dark", 26, 55, 34, 98),
        _slab("dark", 52, 55, 60, 98),
        _slab("main", 14, 50, 24, 100),
        _slab("main", 60, 50, 70, 100),
        _oval("main", 42, 52, 31, 17),
        _shape("main", 55, 45, 66, 15, 86, 30, 73, 60),
        _oval("main", 76, 22, 15, 17),
        _oval("main", 90, 29, 10, 8),
        _oval("eye", 98, 25, 3, 3.5),
        _shape("dark", 64, 8, 72, 8, 74, 36, 68, 44, 62, 36),
        _oval("paper", 81, 17, 3, 3.5),
        _oval("eye", 82, 17, 2, 2.5),
    ]),
    "cat": (0.8, [
        _line("main", 10, 70, 93, 90, 88, 95, 70, 88, 50),
        _oval("main", 48, 70, 30, 30),
        _oval("light", 48, 72, 13, 18),
        _shape("main", 20, 24, 22, 0, 44, 12),
        _shape("main", 76, 24, 74, 0, 52, 12),
        _shape("nose", 26, 16, 27, 6, 36, 12),
        _shape("nose", 70, 16, 69, 6, 60, 12),
        _oval("main", 48, 27, 29, 20),
        _oval("iris", 37, 25, 7, 5),
        _oval("iris", 59, 25, 7, 5),
        _oval("eye", 37, 25, 2.5, 5),
        _oval("eye", 59, 25, 2.5, 5),
        _shape("nose", 44, 32, 52, 32, 48, 36),
        _oval("dark", 36, 96, 10, 4),
        _oval("dark", 60, 96, 10, 4),
    ]),
    "horse": (1.1, [
        _shape("dark", 16, 36, 5, 42, 0, 72, 9, 76, 14, 50),
        _slab("dark", 24, 50, 30, 96),
        _slab("dark", 56, 50, 62, 96),
        _slab("main", 14, 45, 22, 96),
        _slab("main", 64, 45, 71, 96),
        _slab("eye", 13, 94, 23, 100),
        _slab("eye", 63, 94, 72, 100),
        _oval("main", 42, 45, 31, 15),
        _shape("main", 56, 42, 72, 6, 86, 16, 72, 54),
        _shape("main", 76, 6, 78, 0, 83, 7),
        _shape("main", 72, 5, 84, 4, 100, 24, 95, 31, 86, 24, 76, 20),
        _shape("dark", 54, 38, 66, 8, 76, 2, 76, 9, 62, 42),
        _oval("eye", 83, 12, 2, 2.5),
    ]),
    "bird": (1.3, [
        _line("beak", 4, 46, 75, 44, 100),
        _line("beak", 4, 58, 75, 58, 100),
        _shape("light", 46, 50, 58, 8, 72, 0, 68, 50),
        _oval("main", 50, 60, 27, 20),
        _shape("main", 30, 52, 0, 44, 5, 58, 0, 72, 32, 70),
        _oval("main", 77, 46, 13, 16),
        _shape("beak", 88, 38, 100, 47, 88, 54),
        _shape("dark", 32, 56, 20, 0, 42, 12, 64, 56, 50, 66),
        _oval("paper", 81, 42, 3.5, 4.5),
        _oval("eye", 82, 42, 2, 2.8),
    ]),
    "man": (0.42, [
        _shape("skin", 2, 50, 16, 50, 16, 58, 4, 58),
        _shape("skin", 84, 50, 98, 50, 96, 58, 84, 58),
        _slab("dark", 27, 54, 47, 96),
        _slab("dark", 53, 54, 73, 96),
        _slab("eye", 20, 95, 48, 100),
        _slab("eye", 52, 95, 80, 100),
        _shape("main", 24, 22, 10, 26, 0, 52, 18, 52, 30, 34),
        _shape("main", 76, 22, 90, 26, 100, 52, 82, 52, 70, 34),
        _slab("main", 22, 21, 78, 58),
        _slab("skin", 42, 17, 58, 23),
        _oval("skin", 50, 12, 20, 8.5),
        _shape("dark", 30, 7.5, 34, 0, 66, 0, 70, 7.5),
        _slab("dark", 16, 6.5, 84, 8.5),
        _oval("eye", 43, 12, 3, 1.2),
        _oval("eye", 58, 12, 3, 1.2),
        _slab("eye", 22, 56, 78, 58.5),
    ]),
    "woman": (0.5, [
        _oval("hair", 50, 13, 24, 13),
        _slab("hair", 27, 13, 73, 30),
        _slab("skin", 36, 70, 45, 97),
        _slab("skin", 55, 70, 64, 97),
        _slab("dark", 30, 96, 46, 100),
        _slab("dark", 54, 96, 70, 100),
        _line("skin", 9, 30, 27, 12, 42, 10, 56),
        _line("skin", 9, 70, 27, 88, 42, 90, 56),
        _shape("main", 30, 24, 70, 24, 64, 44, 100, 78, 0, 78, 36, 44),
        _slab("dark", 36, 42, 64, 46),
        _slab("skin", 44, 19, 56, 26),
        _oval("skin", 50, 14, 17, 8.5),
        _oval("hair", 50, 8, 18, 4.5),
        _oval("eye", 44, 14, 2.5, 1.2),
        _oval("eye", 56, 14, 2.5, 1.2),
        _oval("nose", 50, 18.5, 5, 1.2),
    ]),
    "car": (1.9, [
        _shape(
            "main", 0, 82, 0, 52, 5, 42, 20, 38, 33, 2, 70, 0, 84, 40, 97, 46, 100, 60, 100, 82
        ),
        _shape("glass", 26, 38, 36, 10, 49, 10, 49, 38),
        _shape("glass", 53, 38, 53, 10, 67, 10, 77, 38),
        _slab("dark", 50, 40, 51.5, 80),
        _slab("dark", 0, 72, 100, 82),
        _oval("lamp", 97, 55, 2.5, 6),
        _slab("dark", 55, 46, 61, 49),
        *_wheel(22, 20, 1.9),
        *_wheel(78, 20, 1.9),
    ]),
    "bus": (1.75, [
        _shape("main", 0, 88, 0, 6, 3, 0, 95, 0, 100, 10, 100, 88),
        _slab("dark", 0, 56, 100, 63),
        *[_slab("glass", 4 + 15.5 * n, 14, 16.5 + 15.5 * n, 46) for n in range(5)],
        _slab("glass", 84, 14, 99, 80),
        _slab("dark", 90.5, 14, 92.5, 80),
        _oval("lamp", 98, 84, 2, 3.5),
        *_wheel(20, 14, 1.75),
        *_wheel(70, 14, 1.75),
    ]),
    "boat": (1.0, [
        _slab("wood", 47, 0, 51, 76),
        _shape("light", 45, 12, 45, 68, 10, 68),
        _shape("main", 53, 4, 53, 68, 95, 68),
        _shape("main", 0, 75, 100, 75, 84, 100, 16, 100),
        _shape("paper", 3, 79, 97, 79, 94, 84, 6, 84),
    ]),
    "plane": (2.1, [
        _shape("dark", 50, 42, 58, 42, 42, 2, 35, 2),
        _shape("main", 2, 46, 0, 0, 10, 0, 24, 40),
        _oval("main", 52, 52, 48, 17),
        _shape("main", 10, 40, 1, 44, 20, 62, 40, 60),
        *[_oval("glass", 30 + 7.5 * n, 46, 2, 4.5) for n in range(7)],
        _shape("glass", 86, 42, 92, 42, 96, 50, 86, 50),
        _shape("dark", 40, 56, 60, 56, 36, 100, 24, 100),
        _shape("dark", 0, 50, 14, 50, 8, 62, 0, 62),
    ]),
    "tree": (0.72, [
        _shape("wood", 42, 55, 58, 55, 62, 100, 36, 100),
        _oval("main", 25, 45, 25, 18),
        _oval("main", 75, 45, 25, 18),
        _oval("main", 50, 20, 30, 20),
        _oval("main", 50, 45, 30, 20),
        _oval("light", 40, 17, 10, 6),
        _oval("dark", 66, 50, 12, 6),
        _oval("dark", 30, 54, 12, 5),
        _oval("light", 25, 38, 10, 5),
        _oval("dark", 62, 28, 9, 5),
    ]),
    "house": (1.05, [
        _slab("wood", 70, 6, 82, 34),
        _slab("main", 8, 40, 92, 100),
        _shape("dark", 0, 44, 50, 0, 100, 44),
        _slab("wood", 42, 62, 60, 100),
        _oval("lamp", 57, 82, 1.5, 1.5),
        _slab("paper", 15, 54, 35, 76),
        _slab("paper", 67, 54, 87, 76),
        _slab("glass", 17, 56, 33, 74),
        _slab("glass", 69, 56, 85, 74),
        _oval("glass", 50, 28, 7, 7),
    ]),
    "ball": (1.0, [
        _oval("main", 50, 50, 50, 50),
        _oval("dark", 50, 50, 50, 50, part=(0.08, 0.3)),
        _line("dark", 5, 10, 22, 35, 40, 65, 40, 90, 22),
        _line("dark", 5, 50, 40, 48, 70, 56, 98),
        _oval("light", 34, 20, 12, 8),
    ]),
    "table": (1.5, [
        _slab("dark", 20, 14, 26, 86),
        _slab("dark", 74, 14, 80, 86),
        _slab("main", 6, 14, 14, 100),
        _slab("main", 86, 14, 94, 100),
        _slab("dark", 6, 20, 94, 30),
        _shape("main", 8, 0, 92, 0, 100, 14, 100, 22, 0, 22, 0, 14),
        _shape("light", 10, 2, 90, 2, 96, 12, 4, 12),
    ]),
    "umbrella": (1.0, [
        _slab("wood", 48, 0, 52, 92),
        _line("wood", 4.5, 50, 88, 52, 96, 60, 97, 64, 88),
        _oval("main", 50, 52, 50, 46, part=(0.5, 1)),
        _oval("dark", 50, 52, 17, 46, part=(0.5, 1)),
        _oval("main", 16.7, 51, 16.7, 7),
        _oval("dark", 50, 51, 16.7, 7),
        _oval("main", 83.3, 51, 16.7, 7),
    ]),
    "kite": (0.6, [
        _line("wood", 2.5, 50, 60, 40, 72, 60, 84, 50, 100),
        _shape("main", 50, 0, 100, 26, 50, 62, 0, 26),
        _shape("light", 50, 0, 50, 26, 0, 26),
        _shape("dark", 50, 26, 100, 26, 50, 62),
        _shape("main", 28, 70, 52, 77, 28, 80, 54, 69),
        _shape("main", 42, 86, 68, 90, 42, 95, 70, 83),
    ]),
}  # fmt: skip
