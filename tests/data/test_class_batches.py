"""Batches of pictures with their classes: in an order and altered in a way that depend on seed, epoch and step alone."""

import numpy as np
import pytest

from data.class_batches import ClassBatches, allocate_on_disk, alter_pictures, can_hold_in_memory

PICTURES = np.random.default_rng(0).integers(0, 256, (11, 32, 32, 3), np.uint8)
LABELS = np.arange(11)


def batches(seed=0, batch=4, alter="none"):
    return ClassBatches(PICTURES, LABELS, batch=batch, seed=seed, alter=alter)


def labels(epoch):
    return [each.tolist() for _, each in epoch]


def test_pictures_keep_their_classes_and_each_comes_once_at_most():
    seen = list(batches().epoch(0))
    assert batches().steps == len(seen) == 2
    assert [(pictures.shape, found.dtype) for pictures, found in seen] == [
        ((4, 32, 32, 3), np.int32)
    ] * 2
    for pictures, found in seen:
        np.testing.assert_array_equal(pictures, PICTURES[found])
    assert len({number for found in labels(seen) for number in found}) == 8


def test_the_order_is_another_in_every_epoch_and_with_every_seed_and_else_the_same():
    orders = [labels(batches(seed).epoch(epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(order) for order in orders}) == 4
    assert labels(batches().epoch(1)) == orders[1]
    assert {
        number
        for epoch in range(20)
        for batch in labels(batches().epoch(epoch))
        for number in batch
    } == set(range(11))


def test_an_epoch_that_is_gone_on_with_gives_the_same_pictures():
    whole = list(batches(alter="mirrored", batch=2).epoch(3))
    rest = list(batches(alter="mirrored", batch=2).epoch(3, first=3))
    assert len(whole) == 5 and len(rest) == 2
    for (one, _), (other, _) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(one, other)


def test_fewer_pictures_than_a_batch_make_a_smaller_one():
    assert (batches(batch=64).steps, len(labels(batches(batch=64).epoch(0))[0])) == (1, 11)


def test_pictures_are_moved_by_a_sixteenth_at_most():
    moved = alter_pictures(PICTURES, "moved", np.random.default_rng(1))
    wider = np.pad(PICTURES, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="reflect")
    places = [
        [
            (down, right)
            for down in range(5)
            for right in range(5)
            if np.array_equal(wide[down : down + 32, right : right + 32], picture)
        ]
        for wide, picture in zip(wider, moved, strict=True)
    ]
    assert all(len(each) == 1 for each in places)
    assert len({each[0] for each in places}) > 5


def test_half_of_the_pictures_are_mirrored_where_that_is_wanted():
    def turned(alter):
        many = np.repeat(PICTURES[:1], 400, axis=0)
        left = alter_pictures(many, alter, np.random.default_rng(1))[:, 8:24, 8:24].astype(int)
        wide = [
            PICTURES[0, 8 + down : 24 + down, 8 + right : 24 + right]
            for down in range(-2, 3)
            for right in range(-2, 3)
        ]
        return np.mean(
            [not any(np.array_equal(each, picture) for each in wide) for picture in left]
        )

    assert turned("moved") == 0
    assert 0.4 < turned("mirrored") < 0.6
    assert alter_pictures(PICTURES, "none", np.random.default_rng(1)) is PICTURES


def test_room_on_disk_holds_what_memory_would_and_leaves_no_file(tmp_path):
    room = allocate_on_disk(PICTURES.shape, tmp_path / "cache")
    room[:] = PICTURES
    assert list((tmp_path / "cache").iterdir()) == []
    kept = ClassBatches(room, LABELS, batch=4, seed=0, alter="mirrored").epoch(0)
    for (one, _), (other, _) in zip(kept, batches(alter="mirrored").epoch(0), strict=True):
        np.testing.assert_array_equal(one, other)
        assert type(one) is np.ndarray
    assert allocate_on_disk((0, 8, 8, 3), tmp_path).shape == (0, 8, 8, 3)


@pytest.mark.parametrize(("number", "fits"), [(20_000, True), (10**9, False)])
def test_what_fits_memory(number, fits):
    assert can_hold_in_memory(number, 128) == fits
