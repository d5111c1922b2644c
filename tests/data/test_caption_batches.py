"""Batches have a fixed shape, and every caption once an epoch, ordered by seed and epoch."""

from collections import Counter

import numpy as np
import pytest

from data.caption_batches import CaptionBatches, TrainingPhoto
from data.feature_cache import FeatureCache

LOCATIONS, DEPTH = 3, 2
START, END = 2, 3


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """A cache in which the features of photo n in view v are all n + 1 + 100 v."""
    cache = FeatureCache(tmp_path_factory.mktemp("cache"), {"name": "toy"})
    for number in range(40):
        keys = [f"{number}/{view}" for view in range(3)]
        features = np.zeros((3, LOCATIONS, DEPTH))
        for view in range(3):
            features[view] = number + 1 + 100 * view
        cache.put(keys, features)
    return cache


def make_caption(number, place, length=4):
    """Return a caption of this length whose tokens are unique to its photo and place."""
    return (START, *[10 + number] * (length - 3), 100 + place, END)


def make_photos(number=10, captions=5, views=1, length=lambda number, place: 4):
    return [
        TrainingPhoto(
            tuple(f"{each}/{view}" for view in range(views)),
            tuple(make_caption(each, place, length(each, place)) for place in range(captions)),
        )
        for each in range(number)
    ]


def read_epoch(batches, number=0, **options):
    return [
        (np.asarray(features), np.asarray(tokens))
        for features, tokens in batches.epoch(number, **options)
    ]


def is_same(one, other):
    return len(one) == len(other) and all(
        np.array_equal(a, b)
        for left, right in zip(one, other, strict=True)
        for a, b in zip(left, right, strict=True)
    )


def list_captions(batch, rows):
    """Yield each caption that is not empty, without padding, after its photo's feature value."""
    features, tokens = batch
    for place, row in enumerate(tokens):
        if row.any():
            yield (
                int(features[place // rows, 0, 0]),
                tuple(row[: np.flatnonzero(row)[-1] + 1].tolist()),
            )


def test_shapes_are_fixed_and_the_last_batch_is_filled_up(cache):
    batches = CaptionBatches(make_photos(10), cache, batch=20, seed=0)
    assert (batches.captions_per_photo, batches.photos_per_batch, batches.steps) == (5, 4, 3)
    seen = read_epoch(batches)
    assert len(seen) == batches.steps
    for features, tokens in seen:
        assert features.shape == (4, LOCATIONS, DEPTH) and features.dtype == np.float16
        assert tokens.shape == (20, 5) and tokens.dtype == np.int32
    held = sorted(int(features[:, 0, 0].astype(bool).sum()) for features, _ in seen)
    assert held == [2, 4, 4]
    features, tokens = next(each for each in seen if not each[0][-1].any())
    assert not features[2:].any() and not tokens[10:].any()
    assert tokens[:10, 0].all()


def test_without_shuffling_batches_come_in_order(cache):
    (first, tokens), (second, more) = read_epoch(
        CaptionBatches(make_photos(3, captions=2, views=3), cache, batch=4, seed=0), shuffle=False
    )
    np.testing.assert_array_equal(
        first[:, 0, 0], [1, 2]
    )  # the photos themselves, not augmented views
    np.testing.assert_array_equal(second[:, 0, 0], [3, 0])
    np.testing.assert_array_equal(
        tokens, [[2, 10, 100, 3, 0], [2, 10, 101, 3, 0], [2, 11, 100, 3, 0], [2, 11, 101, 3, 0]]
    )
    np.testing.assert_array_equal(more, [[2, 12, 100, 3, 0], [2, 12, 101, 3, 0], [0] * 5, [0] * 5])


def test_few_captions_are_filled_up_and_many_are_split(cache):
    few, many = make_photos(2, captions=1)[1], make_photos(1, captions=7)[0]
    batches = CaptionBatches([few, many], cache, batch=15, seed=0, captions_per_photo=3)
    assert (batches.captions_per_photo, batches.photos_per_batch) == (3, 5)
    ((features, tokens),) = read_epoch(batches, shuffle=False)
    np.testing.assert_array_equal(features[:, 0, 0], [2, 1, 1, 1, 0])
    np.testing.assert_array_equal(
        tokens.any(1).reshape(5, 3), [[1, 0, 0], [1, 1, 1], [1, 1, 1], [1, 0, 0], [0, 0, 0]]
    )
    np.testing.assert_array_equal(tokens[3:10, 2], [100, 101, 102, 103, 104, 105, 106])


@pytest.mark.parametrize(
    ("captions", "batch", "rows", "held"),
    [(1, 4, 1, 4), (3, 8, 3, 2), (5, 64, 5, 12), (5, 2, 2, 1)],
)
def test_batch_counts_captions(cache, captions, batch, rows, held):
    batches = CaptionBatches(make_photos(6, captions=captions), cache, batch=batch, seed=0)
    assert (batches.captions_per_photo, batches.photos_per_batch) == (rows, held)
    assert rows * held <= batch


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("captions", [1, 3, 5, 6])
def test_every_caption_comes_once_an_epoch_with_its_photo(cache, captions, number):
    all_photos = make_photos(
        37, captions=captions, length=lambda each, place: 4 + (each * 7 + place) % 9
    )
    batches = CaptionBatches(all_photos, cache, batch=12, seed=3)
    seen = Counter(
        pair
        for batch in read_epoch(batches, number)
        for pair in list_captions(batch, batches.captions_per_photo)
    )
    assert seen == Counter(
        (each + 1, text) for each, photo in enumerate(all_photos) for text in photo.captions
    )


def test_the_order_depends_on_seed_and_epoch_alone(cache):
    def seen(number, seed=0):
        return read_epoch(
            CaptionBatches(make_photos(30, views=3), cache, batch=10, seed=seed), number
        )

    used = CaptionBatches(make_photos(30, views=3), cache, batch=10, seed=0)
    read_epoch(used, 0)
    assert is_same(read_epoch(used, 2), seen(2))  # earlier epochs do not matter
    assert not is_same(seen(0), seen(1))
    assert not is_same(seen(0), seen(0, seed=1))


@pytest.mark.parametrize("first", [1, 4, 15])
def test_an_epoch_resumes_exactly_where_it_stopped(cache, first):
    batches = CaptionBatches(make_photos(30, views=3), cache, batch=10, seed=0)
    whole = read_epoch(batches, 5)
    assert len(whole) == 15
    assert is_same(read_epoch(batches, 5, first=first), whole[first:])
    assert is_same(
        read_epoch(batches, 0, first=2, shuffle=False), read_epoch(batches, 0, shuffle=False)[2:]
    )


def test_every_epoch_draws_other_views(cache):
    batches = CaptionBatches(make_photos(40, captions=1, views=3), cache, batch=8, seed=0)
    views = {
        number: {
            value % 100: value // 100
            for batch in read_epoch(batches, number)
            for value, _ in list_captions(batch, 1)
        }
        for number in range(10)
    }
    counts = Counter(view for views_of_epoch in views.values() for view in views_of_epoch.values())
    assert set(counts) == {0, 1, 2}
    assert all(90 < count < 180 for count in counts.values())  # of 400
    assert views[0] != views[1]
    assert {len({views[number][photo] for number in range(10)}) for photo in range(1, 41)} >= {3}


def test_lengths_are_odd_and_fit_the_longest_caption(cache):
    for longest, length in ((2, 3), (3, 3), (4, 5), (5, 5), (10, 11)):
        photo = TrainingPhoto(("0/0",), ((START, *[10] * (longest - 2), END), (START, END)))
        ((_, tokens),) = read_epoch(CaptionBatches([photo], cache, batch=2, seed=0))
        assert tokens.shape == (2, length)
        assert tokens[0].tolist() == [START, *[10] * (longest - 2), END] + [0] * (length - longest)


def test_captions_of_similar_length_share_a_batch(cache):
    """Captions have 4 to 19 tokens; these are the longest of each five, padded."""
    batches = CaptionBatches(
        make_photos(40, captions=1, length=lambda number, place: 4 + number % 16),
        cache,
        batch=5,
        seed=0,
    )
    lengths = [
        [tokens.shape[1] for _, tokens in read_epoch(batches, number)] for number in range(3)
    ]
    assert [sorted(each) for each in lengths] == [[5, 7, 9, 11, 13, 15, 17, 19]] * 3
    assert not any(each == sorted(each) for each in lengths)  # the batches come in random order


@pytest.mark.parametrize("first", [0, 2])
def test_photo_numbers_replace_the_captions_of_an_epoch(cache, first):
    batches = CaptionBatches(make_photos(10, views=3), cache, batch=20, seed=0)
    for number in range(2):
        numbered = list(batches.with_photo_numbers(number, first=first))
        assert len(numbered) == 3 - first
        for (features, numbers), (expected, _) in zip(
            numbered, read_epoch(batches, number, first=first), strict=True
        ):
            np.testing.assert_array_equal(features, expected)
            # Features are the photos' numbers, counted from 1, and 0 for no photo.
            np.testing.assert_array_equal(numbers, expected[:, 0, 0] % 100 - 1)
        if first == 0:
            assert sorted(place for _, numbers in numbered for place in numbers) == [
                -1,
                -1,
                *range(10),
            ]


def test_a_photo_that_is_split_keeps_one_number(cache):
    few, many = make_photos(2, captions=1)[1], make_photos(1, captions=7)[0]
    ((features, numbers),) = CaptionBatches(
        [few, many], cache, batch=15, seed=0, captions_per_photo=3
    ).with_photo_numbers(0)
    by_feature = {2: 0, 1: 1, 0: -1}
    assert sorted(numbers) == [-1, 0, 1, 1, 1]
    np.testing.assert_array_equal(numbers, [by_feature[int(each)] for each in features[:, 0, 0]])


@pytest.mark.parametrize("workers", [2, 3])
def test_batches_of_all_workers_are_the_whole_batches(cache, workers):
    """The last batch has two photos; its padding is that of the whole batch."""
    photos = make_photos(10, views=3, length=lambda number, place: 4 + number % 3)

    def make_batches(**worker):
        return CaptionBatches(photos, cache, batch=20, seed=3, **worker)

    whole = make_batches()
    parts = [make_batches(worker=number, workers=workers) for number in range(workers)]
    assert {part.steps for part in parts} == {whole.steps}
    for batch, *shares in zip(read_epoch(whole), *map(read_epoch, parts), strict=True):
        assert len({(features.shape, tokens.shape) for features, tokens in shares}) == 1
        assert shares[0][1].shape[1] == batch[1].shape[1]
        captions = []
        for share in shares:
            captions += list_captions(share, 5)
        assert sorted(captions) == sorted(list_captions(batch, 5))
    numbers = [list(part.with_photo_numbers(1)) for part in parts]
    for (_, batch), *shares in zip(whole.with_photo_numbers(1), *numbers, strict=True):
        joined = np.concatenate([share for _, share in shares])
        assert sorted(joined[joined >= 0]) == sorted(batch[batch >= 0])


def make_replaying(cache, replay, batch=20, captions=5):
    """Batches of ten photos, and of thirty to replay, numbered from 10."""
    photos = make_photos(40, captions=5)
    new = [TrainingPhoto(photo.keys, photo.captions[:captions]) for photo in photos[:10]]
    return CaptionBatches(new, cache, batch=batch, seed=0, replayed=photos[10:], replay=replay)


@pytest.mark.parametrize(("replay", "replays", "steps"), [(0, 0, 3), (0.5, 5, 4), (9, 30, 10)])
def test_an_epoch_has_all_new_photos_and_some_old_ones(cache, replay, replays, steps):
    batches = make_replaying(cache, replay)
    assert batches.steps == steps
    seen = Counter()
    for batch in read_epoch(batches):
        seen.update(value - 1 for value, _ in list_captions(batch, 5))
    assert {seen[number] for number in range(10)} == {5}
    old = {number: count for number, count in seen.items() if number >= 10}
    assert len(old) == replays
    assert set(old.values()) <= {5}


def test_every_epoch_draws_other_photos_to_replay(cache):
    batches = make_replaying(cache, 1)
    drawn = []
    for epoch in range(3):
        numbers = np.concatenate([row for _, row in batches.with_photo_numbers(epoch)])
        drawn.append({int(number) for number in numbers if number >= 10})
    assert [len(each) for each in drawn] == [10, 10, 10]
    assert drawn[0] != drawn[1] != drawn[2]
    again = np.concatenate([row for _, row in batches.with_photo_numbers(1)])
    assert {int(number) for number in again if number >= 10} == drawn[1]


def test_replayed_photos_have_no_more_captions_than_new_ones(cache):
    """Else five old captions would outweigh the one of each new photo."""
    batches = make_replaying(cache, 1, captions=1)
    assert batches.captions_per_photo == 1
    values = [value for batch in read_epoch(batches) for value, _ in list_captions(batch, 1)]
    assert len(values) == 20
    assert sum(value - 1 >= 10 for value in values) == 10


def test_an_epoch_of_several_passes_has_each_photo_as_often(cache):
    batches = CaptionBatches(make_photos(10, views=3), cache, batch=20, seed=0, passes=4)
    assert batches.steps == 12
    seen = Counter()
    views = set()
    for features, _tokens in read_epoch(batches):
        values = [int(value) - 1 for value in features[:, 0, 0] if value]
        assert len({value % 100 for value in values}) == len(values)  # no photo twice in a batch
        seen.update(value % 100 for value in values)
        views.update(value // 100 for value in values)
    assert seen == dict.fromkeys(range(10), 4)
    assert views == {0, 1, 2}


def test_every_pass_has_some_of_the_replayed_photos(cache):
    photos = make_photos(40)
    batches = CaptionBatches(
        photos[:10], cache, batch=50, seed=0, passes=2, replayed=photos[10:], replay=1
    )
    assert batches.steps == 4
    seen = Counter()
    for batch in read_epoch(batches):
        seen.update(value - 1 for value, _ in list_captions(batch, 5))
    assert {seen[number] for number in range(10)} == {10}
    old = [seen[number] for number in range(10, 40)]
    assert sum(old) == 2 * 10 * 5
    assert set(old) <= {0, 5, 10}  # none twice in a pass


def test_a_photo_alone_makes_as_many_steps_as_passes(cache):
    batches = CaptionBatches(make_photos(1), cache, batch=50, seed=0, passes=7)
    assert batches.steps == len(read_epoch(batches)) == 7
