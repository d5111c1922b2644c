"""The built-in scenes: what they show, how they vary, and the folder that is written."""

import csv
import hashlib
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from data.scenes import dataset as scenes
from data.scenes import drawing as scene_drawing
from data.scenes import layout as scene_layout
from data.scenes import places as scene_places
from utils.errors import UserError

SIZES = {"train": 24, "val": 4, "test": 4}


@pytest.fixture(scope="module")
def many():
    return [scene_layout.compose_scene(seed) for seed in range(400)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "scenes"
    scenes.write_scenes(folder, **SIZES, seed=3)
    return folder


def hashes(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


def test_numbers_of_kinds_colours_and_places():
    assert (
        len(scene_layout.KINDS) >= 12
        and len(scene_layout.COLOURS) == 8
        and len(scene_places.PLACES) == 6
    )


def test_every_kind_colour_place_count_size_and_relation_occurs_often(many):
    seen = Counter(
        value for scene in many for fact in scene.facts for value in {fact[0], *fact[1:]}
    )
    for value in (*scene_layout.KINDS, *scene_layout.COLOURS, *scene_places.PLACES):
        assert seen[value] >= 12, value
    relations = Counter(fact[2] for scene in many for fact in scene.facts if fact[0] == "relation")
    assert (
        set(relations) == {"left of", "above", "on", "in front of"} and min(relations.values()) > 20
    )
    assert seen["small"] > 50 and seen["large"] > 50
    assert set(Counter(len(scene.things) for scene in many)) == {1, 2, 3}
    assert {group.count for scene in many for group in scene.groups} == {1, 2, 3}


def test_half_of_the_boxes_are_small(many):
    boxes = [entry["box"] for scene in many[:200] for entry in scenes.find_boxes(scene)]
    areas = [
        (right - left) * (bottom - top) / scene_drawing.PICTURE_SIZE**2
        for left, top, right, bottom in boxes
    ]
    assert np.mean(np.array(areas) < 0.12) >= 0.5


def test_a_seed_gives_one_scene_and_seeds_give_different_ones(many):
    assert scene_layout.compose_scene(7) == many[7]
    assert len({scene.things for scene in many}) == len(many)
    first, again, other = (
        scenes.draw_scene(scene_layout.compose_scene(seed)) for seed in (7, 7, 8)
    )
    assert first.shape == (299, 299, 3) and first.dtype == np.uint8
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert scenes.draw_scene(many[7], 96).shape == (96, 96, 3)


def test_facts_agree_with_things(many):
    for scene in many:
        kinds = Counter(thing.kind for thing in scene.things)
        assert {(fact[1], fact[2]) for fact in scene.facts if fact[0] == "count"} == set(
            kinds.items()
        )
        assert {(thing.kind, thing.colour) for thing in scene.things} == {
            f[1:] for f in scene.facts if f[0] == "colour"
        }
        assert len(scene.facts) == len(set(scene.facts))
        centres = {}
        for thing in scene.things:
            centres.setdefault(thing.kind, []).append(
                (thing.box[0] + thing.box[2], thing.box[1] + thing.box[3])
            )
        order = [thing.kind for thing in scene.things]
        for _, kind, relation, other in (fact for fact in scene.facts if fact[0] == "relation"):
            if relation == "left of":
                assert max(x for x, _ in centres[kind]) + 80 < min(x for x, _ in centres[other])
            elif relation == "in front of":
                assert order.index(kind) > order.index(other)
            else:
                assert max(y for _, y in centres[kind]) < min(y for _, y in centres[other])


def test_every_two_groups_have_a_relation(many):
    for scene in many:
        related = {frozenset((fact[1], fact[3])) for fact in scene.facts if fact[0] == "relation"}
        assert len(related) == len(scene.groups) * (len(scene.groups) - 1) // 2


def test_boxes_hold_exactly_what_an_object_changes(many):
    for scene in many[:60]:
        picture = scenes.draw_scene(scene).astype(int)
        for number, entry in enumerate(scenes.find_boxes(scene)):
            others = scene.things[:number] + scene.things[number + 1 :]
            changed = (np.abs(picture - scenes.draw_scene(replace(scene, things=others))) > 0).any(
                axis=2
            )
            left, top, right, bottom = entry["box"]
            inside = changed[top:bottom, left:right]
            assert inside.sum() == changed.sum() > 0
            assert inside.mean() > 0.15  # and the box is no larger than it need be
            assert (
                inside[:3].any()
                and inside[-3:].any()
                and inside[:, :3].any()
                and inside[:, -3:].any()
            )


def test_an_object_shows_its_colour_more_than_any_other(many):
    paints = {name: np.array(rgb) for name, rgb in scene_drawing.PAINTS.items()}
    right = []
    for scene in many[:80]:
        picture = scenes.draw_scene(scene).astype(float)
        for thing, entry in zip(scene.things, scenes.find_boxes(scene), strict=True):
            empty = scenes.draw_scene(
                replace(scene, things=tuple(other for other in scene.things if other is not thing))
            )
            left, top, edge, bottom = entry["box"]
            inside = picture[top:bottom, left:edge]
            own = inside[(np.abs(inside - empty[top:bottom, left:edge]).sum(axis=2) > 60)]
            near = np.argmin([np.abs(own - rgb).sum(axis=1) for rgb in paints.values()], axis=0)
            main = list(paints).index(thing.colour)
            # Edges, tyres and dark panes are nearest to black, which is no sign of a black object.
            votes = np.bincount(near, minlength=8)
            votes[list(paints).index("black")] //= 1 if thing.colour == "black" else 4
            right.append(votes.argmax() == main)
    assert np.mean(right) > 0.9


def test_five_captions_of_each_language_and_none_alike(many):
    for scene in many:
        for language in scenes.LANGUAGES:
            texts = scenes.caption_scene(scene, language)
            assert len({text.lower().rstrip(".") for text in texts}) == 5
            assert all(4 <= len(text.split()) <= 20 for text in texts)


def test_the_written_folder(written):
    facts = json.loads((written / "facts.json").read_text(encoding="utf-8"))
    assert facts["sizes"] == SIZES and facts["seed"] == 3 and len(facts["scenes"]) == 32
    assert sorted(path.name for path in written.iterdir()) == [
        "captions.csv",
        "captions.ko.csv",
        "facts.json",
        "photos",
    ]
    for name in ("captions.csv", "captions.ko.csv"):
        with (written / name).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["photo", "caption", "split"] and len(rows) == 5 * 32
        assert Counter(row["split"] for row in rows) == {
            split: 5 * size for split, size in SIZES.items()
        }
        assert {row["photo"] for row in rows} == set(facts["scenes"])
        assert len({(row["photo"], row["split"]) for row in rows}) == 32
    for photo, scene in facts["scenes"].items():
        with Image.open(written / photo) as picture:
            assert picture.size == (299, 299) and picture.format == "JPEG"
        again = scene_layout.compose_scene(scene["seed"])
        assert [tuple(fact) for fact in scene["facts"]] == list(again.facts)
        assert scene["boxes"] == scenes.find_boxes(again)


def test_writing_again_gives_the_same_bytes_and_replaces_what_was_there(written, tmp_path):
    folder = tmp_path / "again"
    scenes.write_scenes(folder, train=20, val=0, test=0, seed=9)
    assert not scenes.has_scenes(folder, **SIZES, seed=3)
    scenes.write_scenes(folder, **SIZES, seed=3)
    assert hashes(folder) == hashes(written) and len(set(hashes(folder).values())) == 32 + 3


def test_is_written_knows_this_version_size_and_seed(written, tmp_path):
    assert scenes.has_scenes(written, **SIZES, seed=3)
    assert not scenes.has_scenes(written, **SIZES, seed=4)
    assert not scenes.has_scenes(written, **SIZES | {"val": 5}, seed=3)
    assert not scenes.has_scenes(tmp_path / "nothing", **SIZES, seed=3)


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def stop_half_way(records):
        for number, record in enumerate(records):
            if number == 5:
                raise KeyboardInterrupt
            yield record

    with pytest.raises(KeyboardInterrupt):
        scenes.write_scenes(tmp_path / "scenes", **SIZES, progress=stop_half_way)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_things_is_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        scenes.write_scenes(tmp_path, **SIZES)
    assert (tmp_path / "letter.txt").read_text() == "mine"
