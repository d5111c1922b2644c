"""Pictures of scenes: visible boxes and colours."""

from dataclasses import replace

import numpy as np

from data.scenes.dataset import draw_scene, find_boxes
from data.scenes.drawing import PAINTS, PICTURE_SIZE
from tests.helpers.scenes import compose_scenes


def draw_without(scene, thing):
    others = tuple(other for other in scene.things if other is not thing)
    return draw_scene(replace(scene, things=others))


def test_half_of_the_boxes_are_small():
    shares = []
    for scene in compose_scenes(0, 200):
        for entry in find_boxes(scene):
            left, top, right, bottom = entry["box"]
            shares.append((right - left) * (bottom - top) / PICTURE_SIZE**2)
    assert np.mean(np.array(shares) < 0.12) >= 0.5


def test_a_seed_gives_one_picture():
    scenes = compose_scenes(0, 400)
    picture = draw_scene(scenes[7])
    assert picture.shape == (299, 299, 3)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, draw_scene(scenes[7]))
    assert not np.array_equal(picture, draw_scene(scenes[8]))
    assert draw_scene(scenes[7], 96).shape == (96, 96, 3)


def test_boxes_hold_exactly_the_changed_pixels():
    for scene in compose_scenes(0, 400)[:60]:
        picture = draw_scene(scene).astype(int)
        for thing, entry in zip(scene.things, find_boxes(scene), strict=True):
            changed = (picture != draw_without(scene, thing)).any(axis=2)
            left, top, right, bottom = entry["box"]
            inside = changed[top:bottom, left:right]
            assert inside.sum() == changed.sum() > 0
            assert inside.mean() > 0.15  # and the box is no larger than necessary
            assert inside[:3].any()
            assert inside[-3:].any()
            assert inside[:, :3].any()
            assert inside[:, -3:].any()


def test_objects_show_their_own_colour_most():
    """Edges, tyres and dark panes are nearest to black, which is no sign of a black object."""
    names = list(PAINTS)
    black = names.index("black")
    is_right = []
    for scene in compose_scenes(0, 400)[:80]:
        picture = draw_scene(scene).astype(float)
        for thing, entry in zip(scene.things, find_boxes(scene), strict=True):
            left, top, right, bottom = entry["box"]
            inside = picture[top:bottom, left:right]
            empty = draw_without(scene, thing)[top:bottom, left:right]
            own = inside[np.abs(inside - empty).sum(axis=2) > 60]
            distances = [np.abs(own - np.array(rgb)).sum(axis=1) for rgb in PAINTS.values()]
            votes = np.bincount(np.argmin(distances, axis=0), minlength=len(names))
            if thing.colour != "black":
                votes[black] //= 4
            is_right.append(names[votes.argmax()] == thing.colour)
    assert np.mean(is_right) > 0.9
