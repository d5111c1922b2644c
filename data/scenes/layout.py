"""Compose the built-in scenes: choose things and positions, and find the facts that hold.

The order of random numbers is a part of the dataset: a seed always gives the same scene.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from data.scenes.drawing import PAINTS, PICTURE_SIZE, Box, Thing
from data.scenes.facts import Fact, Group
from data.scenes.places import PLACES
from data.scenes.shapes import SHAPES
from data.scenes.words import FLYING

KINDS = tuple(SHAPES)
COLOURS = tuple(PAINTS)

_OUTDOORS = ("horse", "car", "bus", "plane", "tree", "house", "kite")
_BOAT_PLACES = ("beach", "meadow", "night")
_RIDERS = ("cat", "bird", "ball", "dog")
_SUPPORTS = ("table", "car", "bus")
# Side of a square with the area of the box, in pixels. The gaps keep 'small' and 'large' clear.
_SIDES = {"small": (54, 70), None: (84, 100), "large": (126, 152)}
# Numbers of objects of each kind, and how often they occur.
_COUNTS = {(1,): 14, (2,): 10, (3,): 7, (1, 1): 33, (1, 2): 9, (2, 1): 9, (1, 1, 1): 18}
_PLANS = {"free": 57, "on": 20, "in front of": 23}
_MARGIN = 5  # pixels between things and the edge of the picture
_LAST = PICTURE_SIZE - _MARGIN
_FLYING_LOWEST = 150  # the lowest bottom of a thing in the air
_NEAREST, _FARTHEST = 290, 205  # bottoms of things on the ground


@dataclass(frozen=True)
class Scene:
    """A scene before it is drawn. Things are in drawing order: later ones stand in front."""

    seed: int
    place: str
    groups: tuple[Group, ...]
    things: tuple[Thing, ...]
    facts: tuple[Fact, ...]


def compose_scene(seed: int) -> Scene:
    """Return the scene of this seed, always the same."""
    rng = random.Random(f"scene {seed}")
    # Chosen before the trials, so that layouts that fit easily do not become the most common.
    place = rng.choices(PLACES, weights=(5, 5, 5, 4, 5, 5))[0]
    counts = rng.choices(list(_COUNTS), weights=list(_COUNTS.values()))[0]
    plan = "free"
    if counts[:2] == (1, 1):
        plan = rng.choices(list(_PLANS), weights=list(_PLANS.values()))[0]
    while True:
        groups = _choose_groups(place, counts, plan, rng)
        things = _lay_out(groups, plan, rng)
        if things is None:
            continue
        relations = _find_relations(groups, things, plan)
        if relations is None:
            continue
        facts = (*_list_group_facts(groups), *relations, ("place", place))
        return Scene(seed, place, tuple(groups), tuple(things), facts)


def _is_usual(kind: str, place: str) -> bool:
    """Return whether things of a kind are found at a place."""
    if kind == "boat":
        return place in _BOAT_PLACES
    return place != "room" or kind not in _OUTDOORS


def _choose_groups(place: str, counts: Sequence[int], plan: str, rng: random.Random) -> list[Group]:
    """Return groups of different kinds that suit the place; the first two suit the plan."""
    usual = [kind for kind in KINDS if _is_usual(kind, place)]
    kinds = rng.sample(usual, len(counts))
    large_weight = 1 if sum(counts) > 2 else 3
    sizes = rng.choices(list(_SIDES), weights=(3, 3, large_weight), k=len(kinds))
    if plan == "on":
        supports = [kind for kind in _SUPPORTS if kind in usual]
        kinds[:2] = [rng.choice(_RIDERS), rng.choice(supports)]
        sizes[:2] = ["small", rng.choice((None, "large"))]
    elif plan == "in front of":
        kinds[:2] = rng.sample([kind for kind in usual if kind not in FLYING], 2)
    if len(set(kinds)) < len(kinds):
        return _choose_groups(place, counts, plan, rng)
    colours = rng.choices(COLOURS, k=len(kinds))
    return [Group(*group) for group in zip(kinds, colours, counts, sizes, strict=True)]


def _list_group_facts(groups: Iterable[Group]) -> list[Fact]:
    """Return the facts of each group by itself, without relations."""
    facts: list[Fact] = []
    for group in groups:
        facts.append(("object", group.kind))
        facts.append(("colour", group.kind, group.colour))
        facts.append(("count", group.kind, group.count))
        if group.size:
            facts.append(("size", group.kind, group.size))
    return facts


def _lay_out(groups: Sequence[Group], plan: str, rng: random.Random) -> list[Thing] | None:
    """Return things in random boxes, the farthest first; None if they do not suit the plan."""
    things: list[Thing] = []
    for group in groups:
        things += _place_group(group, rng)
    rider = None
    if plan == "on":
        rider = _seat(things[0], things[1], rng)
        if rider is None:
            return None
    if plan == "in front of":
        things[0] = _move_in_front(things[0], things[1], rng)
    for one, two in combinations(things, 2):
        if one.kind == two.kind and _overlap(one.box, two.box) > 0.1:
            return None
    if rider is None:
        return sorted(things, key=_distance_order)
    ordered = sorted(things[1:], key=_distance_order)
    ordered.insert(ordered.index(things[1]) + 1, rider)
    return ordered


def _distance_order(thing: Thing) -> tuple[bool, float]:
    """Return the sort key by which far things come first: in the air, then lower is nearer."""
    return thing.kind not in FLYING, thing.box.bottom


def _place_group(group: Group, rng: random.Random) -> list[Thing]:
    """Return the group's things in random boxes."""
    side = rng.uniform(*_SIDES[group.size])
    aspect, _ = SHAPES[group.kind]
    stretch = aspect**0.5 * rng.uniform(0.94, 1.06)
    things = []
    for _ in range(group.count):
        width = side * rng.uniform(0.96, 1.04) * stretch
        height = side * rng.uniform(0.96, 1.04) * (1 / stretch)
        left = rng.uniform(_MARGIN, _LAST - width)
        if group.kind in FLYING:
            lowest, highest = max(_FLYING_LOWEST, 30 + height), 0
        else:
            lowest, highest = _NEAREST, _FARTHEST
        bottom = rng.uniform(max(highest, 8 + height), lowest)
        box = Box(left, bottom - height, left + width, bottom)
        things.append(Thing(group.kind, group.colour, box, rng.getrandbits(32)))
    return things


def _seat(rider: Thing, support: Thing, rng: random.Random) -> Thing | None:
    """Return the rider on top of its support; None if there is no room."""
    under = support.box
    under_width = under.right - under.left
    width = rider.box.right - rider.box.left
    height = rider.box.bottom - rider.box.top
    left = under.left + rng.uniform(0.4, 0.6) * under_width - width / 2
    depth = 0.08 if support.kind == "table" else 0.02  # a table's top is seen from above
    bottom = under.top + depth * (under.bottom - under.top)
    box = Box(left, bottom - height, left + width, bottom)
    is_outside = box.left < _MARGIN or box.right > _LAST or box.top < _MARGIN
    if is_outside or width > 0.7 * under_width:
        return None
    return replace(rider, box=box)


def _move_in_front(front: Thing, back: Thing, rng: random.Random) -> Thing:
    """Return the first thing where it hides a part of the second, as far as the picture allows."""
    left, top, right, bottom = front.box
    back_width = back.box.right - back.box.left
    middle = (back.box.left + back.box.right) / 2 + rng.uniform(-0.5, 0.5) * back_width
    aside = min(max(middle - (left + right) / 2, _MARGIN - left), _LAST - right)
    down = min(back.box.bottom + rng.uniform(14, 60), 292) - bottom
    box = Box(left + aside, top + down, right + aside, bottom + down)
    return replace(front, box=box)


def _shared_part(one: tuple[float, float], two: tuple[float, float]) -> float:
    """Return the part of the shorter interval that both cover; 0 or less if they do not meet."""
    common = min(one[1], two[1]) - max(one[0], two[0])
    return common / min(one[1] - one[0], two[1] - two[0])


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)


def _overlap(one: Box, two: Box) -> float:
    """Return the part of the smaller box that lies in the other."""
    across = min(one.right, two.right) - max(one.left, two.left)
    down = min(one.bottom, two.bottom) - max(one.top, two.top)
    return max(across, 0) * max(down, 0) / min(_area(one), _area(two))


def _relate_things(one: Thing, two: Thing, is_in_front: bool) -> set[str] | None:
    """Return the relations of one thing to another; None where a person might doubt them."""
    a, b = one.box, two.box
    relations = set()
    across = _shared_part((a.left, a.right), (b.left, b.right))
    if across < 0.15:
        if abs((a.left + a.right) - (b.left + b.right)) < 2 * 0.15 * PICTURE_SIZE:
            return None
        if a.left < b.left:
            relations.add("left of")
    elif across < 0.45:
        return None
    is_one_above_other = across >= 0.45
    if one.kind in FLYING or two.kind in FLYING:
        down = _shared_part((a.top, a.bottom), (b.top, b.bottom))
        is_unclear = 0.1 <= down < 0.4 or (is_one_above_other and down >= 0.1)
        if _overlap(a, b) > 0.03 or is_unclear:
            return None
        if down < 0.1 and a.top < b.top:
            if one.kind not in FLYING:
                return None
            relations.add("above")
    elif is_one_above_other:
        if not _hides_clearly(a, b, is_in_front):
            return None
        if is_in_front:
            relations.add("in front of")
    return relations


def _hides_clearly(a: Box, b: Box, is_in_front: bool) -> bool:
    """Return whether one box hides a part of the other, not too little and not too much."""
    overlap = _overlap(a, b)
    hidden_box = b if is_in_front else a
    hidden_area = overlap * min(_area(a), _area(b))
    if overlap < 0.2 or hidden_area > 0.45 * _area(hidden_box):
        return False
    return abs(a.bottom - b.bottom) >= 12


def _find_relations(
    groups: Sequence[Group], things: Sequence[Thing], plan: str
) -> list[Fact] | None:
    """Return the relations between every two groups that hold for all their members.

    Return None if there is nothing sure to say of some two.
    """
    facts: list[Fact] = []
    for one, two in combinations(groups, 2):
        if plan == "on" and (one, two) == (groups[0], groups[1]):
            facts.append(("relation", one.kind, "on", two.kind))
            continue
        forward = _relate_groups(one, two, things)
        backward = _relate_groups(two, one, things)
        is_unsure = forward is None or backward is None
        if is_unsure or not (forward or backward):
            return None
        facts += [*forward, *backward]
    return facts


def _relate_groups(one: Group, two: Group, things: Sequence[Thing]) -> list[Fact] | None:
    """Return the relations of each member of a group to each of another; None if one is unsure."""
    shared: set[str] | None = None
    for a, b in product(things, things):
        if (a.kind, b.kind) != (one.kind, two.kind):
            continue
        relations = _relate_things(a, b, things.index(a) > things.index(b))
        if relations is None:
            return None
        shared = relations if shared is None else shared & relations
    return [("relation", one.kind, relation, two.kind) for relation in sorted(shared or ())]
