"""Composes the built-in scenes: what stands where, and what is therefore true."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from data.scenes.captions import FLYING
from data.scenes.drawing import COLOURS as PAINTS
from data.scenes.drawing import SHAPES, SIZE
from data.scenes.facts import Fact
from data.scenes.places import PLACES

KINDS = tuple(SHAPES)
COLOURS = tuple(PAINTS)

Box = tuple[float, float, float, float]  # left, top, right, bottom

_OUTDOORS = ("horse", "car", "bus", "boat", "plane", "tree", "house", "kite")
_PLACES_OF = {
    kind: tuple(p for p in PLACES if p != "room") if kind in _OUTDOORS else PLACES for kind in KINDS
}
_PLACES_OF["boat"] = ("beach", "meadow", "night")
_RIDERS, _SUPPORTS = ("cat", "bird", "ball", "dog"), ("table", "car", "bus")
# Side of a square of the same area as the box, in pixels: the gaps keep 'small' and 'large' beyond doubt.
_SIDES = {"small": (54, 70), None: (84, 100), "large": (126, 152)}
# How many objects of each kind, and how often.
_COUNTS = {(1,): 14, (2,): 10, (3,): 7, (1, 1): 33, (1, 2): 9, (2, 1): 9, (1, 1, 1): 18}


@dataclass(frozen=True)
class Group:
    """All objects of one kind in a scene: they share colour and size."""

    kind: str
    colour: str
    count: int
    size: str | None  # 'small', 'large', or neither clearly


@dataclass(frozen=True)
class Thing:
    """One object of a scene."""

    kind: str
    colour: str
    box: Box  # in pixels of a 299 x 299 picture, before others hide a part
    seed: int  # of its shade, lean and direction


@dataclass(frozen=True)
class Scene:
    """What a picture shows; things are in drawing order, so later ones stand in front."""

    seed: int
    place: str
    groups: tuple[Group, ...]
    things: tuple[Thing, ...]
    facts: tuple[Fact, ...]


def compose_scene(seed: int) -> Scene:
    """The scene of this seed, always the same."""
    rng = random.Random(f"scene {seed}")
    # Chosen before the trials, so that what fits easily is not what comes oftenest.
    place = rng.choices(PLACES, weights=(5, 5, 5, 4, 5, 5))[0]
    counts = rng.choices(list(_COUNTS), weights=list(_COUNTS.values()))[0]
    plan = (
        rng.choices(("free", "on", "in front of"), weights=(57, 20, 23))[0]
        if counts[:2] == (1, 1)
        else "free"
    )
    while True:
        groups = _choose_groups(place, counts, plan, rng)
        things = _lay_out(groups, plan, rng)
        relations = _relations(groups, things, plan) if things else None
        if things and relations is not None:
            facts = (*_group_facts(groups), *relations, ("place", place))
            return Scene(seed, place, tuple(groups), tuple(things), facts)


def _choose_groups(place: str, counts: Sequence[int], plan: str, rng: random.Random) -> list[Group]:
    """Groups of different kinds that suit the place; the first two suit the plan."""
    usual = [kind for kind in KINDS if place in _PLACES_OF[kind]]
    kinds = rng.sample(usual, len(counts))
    weights = (3, 3, 1) if sum(counts) > 2 else (3, 3, 3)
    sizes = rng.choices(list(_SIDES), weights=weights, k=len(kinds))
    if plan == "on":
        supports = [kind for kind in _SUPPORTS if kind in usual]
        kinds = [rng.choice(_RIDERS), rng.choice(supports), *kinds[2:]]
        sizes[:2] = "small", rng.choice((None, "large"))
    elif plan == "in front of":
        kinds[:2] = rng.sample([kind for kind in usual if kind not in FLYING], 2)
    if len(set(kinds)) < len(kinds):
        return _choose_groups(place, counts, plan, rng)
    colours = rng.choices(COLOURS, k=len(kinds))
    return [Group(*group) for group in zip(kinds, colours, counts, sizes, strict=True)]


def _group_facts(groups: Iterable[Group]) -> Iterator[Fact]:
    """What the groups are, without how they stand to one another."""
    for group in groups:
        yield "object", group.kind
        yield "colour", group.kind, group.colour
        yield "count", group.kind, group.count
        if group.size:
            yield "size", group.kind, group.size


def _lay_out(groups: Sequence[Group], plan: str, rng: random.Random) -> list[Thing] | None:
    """Things in boxes drawn by lot, far ones first; None where the lot won't do."""
    things: list[Thing] = []
    for group in groups:
        scale = rng.uniform(*_SIDES[group.size])
        stretch = SHAPES[group.kind][0] ** 0.5 * rng.uniform(0.94, 1.06)
        for _ in range(group.count):
            width, height = (
                scale * rng.uniform(0.96, 1.04) * factor for factor in (stretch, 1 / stretch)
            )
            left = rng.uniform(5, 294 - width)
            lowest, highest = (max(150, 30 + height), 0) if group.kind in FLYING else (290, 205)
            bottom = rng.uniform(max(highest, 8 + height), lowest)
            box = (left, bottom - height, left + width, bottom)
            things.append(Thing(group.kind, group.colour, box, rng.getrandbits(32)))
    rider = _seat(things[0], things[1], rng) if plan == "on" else None
    if plan == "on" and rider is None:
        return None
    if plan == "in front of":
        things[0] = _before(things[0], things[1], rng)
    if any(
        one.kind == two.kind and _overlap(one.box, two.box) > 0.1
        for one, two in combinations(things, 2)
    ):
        return None
    ordered = sorted(
        things[bool(rider) :], key=lambda thing: (thing.kind not in FLYING, thing.box[3])
    )  # lower is nearer
    if rider:
        ordered.insert(ordered.index(things[1]) + 1, rider)
    return ordered


def _seat(rider: Thing, support: Thing, rng: random.Random) -> Thing | None:
    """The rider on top of its support, if there is room."""
    under, (left, top, right, bottom) = support.box, rider.box
    width, height = right - left, bottom - top
    left = under[0] + rng.uniform(0.4, 0.6) * (under[2] - under[0]) - width / 2
    bottom = under[1] + (0.08 if support.kind == "table" else 0.02) * (under[3] - under[1])
    if left < 5 or left + width > 294 or bottom - height < 5 or width > 0.7 * (under[2] - under[0]):
        return None
    return replace(rider, box=(left, bottom - height, left + width, bottom))


def _before(front: Thing, back: Thing, rng: random.Random) -> Thing:
    """The first thing moved to where it hides a part of the second, as far as the picture goes."""
    left, top, right, bottom = front.box
    middle = (back.box[0] + back.box[2]) / 2 + rng.uniform(-0.5, 0.5) * (back.box[2] - back.box[0])
    aside = min(max(middle - (left + right) / 2, 5 - left), 294 - right)
    down = min(back.box[3] + rng.uniform(14, 60), 292) - bottom
    return replace(front, box=(left + aside, top + down, right + aside, bottom + down))


def _spans(one: Box, two: Box, axis: int) -> float:
    """The part of the shorter extent along an axis (0 across, 1 down) that both boxes cover; 0 or less where they part."""
    common = min(one[axis + 2], two[axis + 2]) - max(one[axis], two[axis])
    return common / min(one[axis + 2] - one[axis], two[axis + 2] - two[axis])


def _area(box: Box) -> float:
    """The area of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(one: Box, two: Box) -> float:
    """The part of the smaller box that lies in the other."""
    across, down = (min(one[a + 2], two[a + 2]) - max(one[a], two[a]) for a in (0, 1))
    return max(across, 0) * max(down, 0) / min(_area(one), _area(two))


def _stands(one: Thing, two: Thing, in_front: bool) -> set[str] | None:
    """The relations of one thing to another, seen from the first; None where a person might doubt."""
    a, b = one.box, two.box
    across, down, overlap = _spans(a, b, 0), _spans(a, b, 1), _overlap(a, b)
    found = set()
    if across < 0.15:
        if abs((a[0] + a[2]) - (b[0] + b[2])) < 2 * 0.15 * SIZE:
            return None
        if a[0] < b[0]:
            found.add("left of")
    elif across < 0.45:
        return None
    if one.kind in FLYING or two.kind in FLYING:
        if overlap > 0.03 or 0.1 <= down < 0.4 or (across >= 0.45 and down >= 0.1):
            return None
        if down < 0.1 and a[1] < b[1]:
            if one.kind not in FLYING:
                return None
            found.add("above")
    elif across >= 0.45:
        hidden = _area(a if not in_front else b)
        part = overlap * min(_area(a), _area(b))
        if overlap < 0.2 or part > 0.45 * hidden or abs(a[3] - b[3]) < 12:
            return None
        if in_front:
            found.add("in front of")
    return found


def _relations(groups: Sequence[Group], things: Sequence[Thing], plan: str) -> list[Fact] | None:
    """What holds between every two groups for all their members; None where of some two there is nothing sure to say."""
    found: list[Fact] = []
    for one, two in combinations(groups, 2):
        if plan == "on" and (one, two) == (groups[0], groups[1]):
            found.append(("relation", one.kind, "on", two.kind))
            continue
        before = len(found)
        for first, second in ((one, two), (two, one)):
            stands = [
                _stands(a, b, things.index(a) > things.index(b))
                for a, b in product(things, things)
                if (a.kind, b.kind) == (first.kind, second.kind)
            ]
            if None in stands:
                return None
            shared = set.intersection(*(relations for relations in stands if relations is not None))
            found += [
                ("relation", first.kind, relation, second.kind) for relation in sorted(shared)
            ]
        if len(found) == before:
            return None
    return found
