"""Batches of pictures depend, in order and alterations, on seed, epoch and step alone."""

import numpy as np
import pytest

from data.class_batches import ClassBatches, allocate_on_disk, alter_pictures, can_hold_in_memory

PICTURES = np.random.default_rng(0).integers(0, 256, (11, 32, 32, 3), np.uint8)
LABELS = np.arange(11)


def make_batches(seed=0, batch=4, alter="none"):
    return ClassBatches(PICTURES, LABELS, batch=batch, seed=seed, alter=alter)


def get_labels(epoch):
    return [each.tolist() for _, each in epoch]


def test_pictures_keep_their_classes_and_come_at_most_once():
    seen = list(make_batches().epoch(0))
    assert make_batches().steps == len(seen) == 2
    assert [(pictures.shape, found.dtype) for pictures, found in seen] == [
        ((4, 32, 32, 3), np.int32)
    ] * 2
    for pictures, found in seen:
        np.testing.assert_array_equal(pictures, PICTURES[found])
    assert len({number for found in get_labels(seen) for number in found}) == 8


def test_the_order_depends_on_epoch_and_seed_alone():
    orders = [get_labels(make_batches(seed).epoch(epoch)) for seed in (0, 1) for epoch in (0, 1)]
    assert len({str(order) for order in orders}) == 4
    assert get_labels(make_batches().epoch(1)) == orders[1]
    assert {
        number
        for epoch in range(20)
        for batch in get_labels(make_batches().epoch(epoch))
        for number in batch
    } == set(range(11))


def test_a_resumed_epoch_gives_the_same_pictures():
    whole = list(make_batches(alter="mirrored", batch=2).epoch(3))
    rest = list(make_batches(alter="mirrored", batch=2).epoch(3, first=3))
    assert len(whole) == 5 and len(rest) == 2
    for (one, _), (other, _) in zip(whole[3:], rest, strict=True):
        np.testing.assert_array_equal(one, other)


def test_few_pictures_make_a_smaller_batch():
    assert (make_batches(batch=64).steps, len(get_labels(make_batches(batch=64).epoch(0))[0])) == (
        1,
        11,
    )


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


def test_half_of_the_pictures_are_mirrored_if_asked():
    def measure_mirrored(alter):
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

    assert measure_mirrored("moved") == 0
    assert 0.4 < measure_mirrored("mirrored") < 0.6
    assert alter_pictures(PICTURES, "none", np.random.default_rng(1)) is PICTURES


def test_an_array_on_disk_works_and_leaves_no_file(tmp_path):
    room = allocate_on_disk(PICTURES.shape, tmp_path / "cache")
    room[:] = PICTURES
    assert list((tmp_path / "cache").iterdir()) == []
    kept = ClassBatches(room, LABELS, batch=4, seed=0, alter="mirrored").epoch(0)
    for (one, _), (other, _) in zip(kept, make_batches(alter="mirrored").epoch(0), strict=True):
        np.testing.assert_array_equal(one, other)
        assert type(one) is np.ndarray
    assert allocate_on_disk((0, 8, 8, 3), tmp_path).shape == (0, 8, 8, 3)


@pytest.mark.parametrize(("number", "fits"), [(20_000, True), (10**9, False)])
def test_only_what_fits_is_held_in_memory(number, fits):
    assert can_hold_in_memory(number, 128) == fits
