"""Composed scenes that several tests look at."""

import functools

from data.scenes.layout import Scene, compose_scene


@functools.cache
def compose_scenes(start: int, end: int) -> list[Scene]:
    return [compose_scene(seed) for seed in range(start, end)]
