"""Composed scenes: variety, and facts that agree with the things."""

from collections import Counter
from itertools import combinations

from data.scenes.layout import COLOURS, KINDS, compose_scene
from data.scenes.places import PLACES
from tests.helpers.scenes import compose_scenes


def test_numbers_of_kinds_colours_and_places():
    assert len(KINDS) >= 12
    assert len(COLOURS) == 8
    assert len(PLACES) == 6


def test_everything_occurs_often():
    scenes = compose_scenes(0, 400)
    counts = Counter()
    relations = Counter()
    for scene in scenes:
        for fact in scene.facts:
            counts.update({fact[0], *fact[1:]})
            if fact[0] == "relation":
                relations[fact[2]] += 1
    for value in (*KINDS, *COLOURS, *PLACES):
        assert counts[value] >= 12, value
    assert counts["small"] > 50
    assert counts["large"] > 50
    assert set(relations) == {"left of", "above", "on", "in front of"}
    assert min(relations.values()) > 20
    assert {len(scene.things) for scene in scenes} == {1, 2, 3}
    assert {group.count for scene in scenes for group in scene.groups} == {1, 2, 3}


def test_a_seed_gives_one_scene():
    scenes = compose_scenes(0, 400)
    assert compose_scene(7) == scenes[7]
    assert len({scene.things for scene in scenes}) == len(scenes)


def test_facts_agree_with_things():
    for scene in compose_scenes(0, 400):
        kinds = Counter(thing.kind for thing in scene.things)
        counts = {(fact[1], fact[2]) for fact in scene.facts if fact[0] == "count"}
        assert counts == set(kinds.items())
        colours = {fact[1:] for fact in scene.facts if fact[0] == "colour"}
        assert colours == {(thing.kind, thing.colour) for thing in scene.things}
        assert len(scene.facts) == len(set(scene.facts))


def test_relations_agree_with_boxes():
    for scene in compose_scenes(0, 400):
        order = [thing.kind for thing in scene.things]
        across = {kind: [] for kind in order}  # twice the centres
        down = {kind: [] for kind in order}
        for thing in scene.things:
            across[thing.kind].append(thing.box.left + thing.box.right)
            down[thing.kind].append(thing.box.top + thing.box.bottom)
        for fact in scene.facts:
            if fact[0] != "relation":
                continue
            _, kind, relation, other = fact
            if relation == "left of":
                assert max(across[kind]) + 80 < min(across[other])
            elif relation == "in front of":
                assert order.index(kind) > order.index(other)
            else:
                assert max(down[kind]) < min(down[other])


def test_every_two_groups_have_a_relation():
    for scene in compose_scenes(0, 400):
        relations = [fact for fact in scene.facts if fact[0] == "relation"]
        related = {frozenset((fact[1], fact[3])) for fact in relations}
        assert len(related) == len(list(combinations(scene.groups, 2)))
