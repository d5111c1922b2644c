"""The preparation: which photo stands in which split, which words it teaches, and features extracted once."""

import itertools
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from data.caption_labels import build_label_matrix, choose_word_labels
from data.feature_cache import FeatureCache
from data.feature_extraction import extract
from data.photos.hashes import PhotoHashes
from data.photos.photo import Photo
from data.photos.pixels import load_pictures
from data.photos.views import Views
from data.preprocess import Dataset, identify, near_duplicates, split_photos
from data.sources.base import Example, LeftOut, Source
from utils.errors import UserError

SIZE = 8
FINGERPRINT = {"name": "toy", "weights": "abc"}


def photo(number, *captions, split=None, content=None, folder=Path("photos")):
    """A photo of which only what preparation asks for is real."""
    name = f"{number}.png"
    return Photo(
        folder / name,
        name,
        captions or ("a dog",),
        f"{number if content is None else content:064x}",
        split,
    )


def split(photos, **options):
    return split_photos(photos, **({"test_size": 0.1, "seed": 0, "limit": None} | options))


def numbers(prepared):
    return {
        name: {int(each.name[:-4]) for each in photos} for name, photos in prepared.splits.items()
    }


def test_the_sides_have_the_sizes_asked_for():
    sides = numbers(split([photo(number) for number in range(4000)], test_size=0.1))
    assert {name: len(side) for name, side in sides.items()} == {
        "train": pytest.approx(3200, rel=0.03),
        "val": pytest.approx(400, rel=0.12),
        "test": pytest.approx(400, rel=0.12),
    }
    assert set.union(*sides.values()) == set(range(4000))


def test_a_photo_stays_on_its_side_when_others_are_added_or_renamed():
    before = numbers(split([photo(number) for number in range(200)]))
    for many in (201, 500):
        more = [photo(number) for number in range(many)]
        random.Random(many).shuffle(more)
        after = numbers(split(more))
        for name, side in before.items():
            assert side == {number for number in after[name] if number < 200}
    renamed = numbers(split([photo(number + 1000, content=number) for number in range(200)]))
    assert renamed == {name: {number + 1000 for number in side} for name, side in before.items()}


def test_another_seed_is_another_split_and_the_same_seed_the_same():
    photos = [photo(number) for number in range(200)]
    assert numbers(split(photos)) == numbers(split(photos))
    assert numbers(split(photos, seed=1))["test"] != numbers(split(photos))["test"]


def test_equal_bytes_never_stand_on_both_sides():
    photos = [photo(number, content=number % 50) for number in range(100)]
    sides = numbers(split(photos, test_size=0.2))
    contents = {name: {number % 50 for number in side} for name, side in sides.items()}
    assert (
        not contents["train"] & (contents["val"] | contents["test"])
        and not contents["val"] & contents["test"]
    )
    assert set.union(*sides.values()) == set(
        range(100)
    )  # by their bytes they all fall on one side: none is lost


def test_a_training_photo_with_the_bytes_of_a_test_photo_is_left_out():
    given = [
        photo(1, split="train"),
        photo(2, split="train", content=3),
        photo(3, split="test"),
        photo(4, split="val"),
    ]
    prepared = split(given)
    assert numbers(prepared) == {"train": {1}, "val": {4}, "test": {3}}
    assert prepared.left_out == [LeftOut("2.png", "the same picture is in val or test")]


def test_a_validation_photo_with_the_bytes_of_a_test_photo_is_left_out():
    """Of three with the same bytes only the one that is scored last of all stays."""
    given = [
        photo(1, split="train"),
        photo(2, split="train", content=4),
        photo(3, split="val", content=4),
        photo(4, split="test"),
        photo(5, split="val"),
        photo(6, split="val", content=5),
    ]
    prepared = split(given)
    assert numbers(prepared) == {
        "train": {1},
        "val": {5, 6},
        "test": {4},
    }  # on one side twins may stay
    assert prepared.left_out == [
        LeftOut("3.png", "the same picture is in test"),
        LeftOut("2.png", "the same picture is in val or test"),
    ]


def test_val_that_its_twins_leave_empty_is_taken_from_train():
    given = [photo(number, split="train") for number in range(50)]
    prepared = split([*given, photo(100, split="val"), photo(101, split="test", content=100)])
    assert prepared.left_out == [LeftOut("100.png", "the same picture is in test")]
    sides = numbers(prepared)
    assert (
        sides["test"] == {101} and sides["val"] and sides["val"] | sides["train"] == set(range(50))
    )
    for twin in (1, 2, 4):  # of three none is lent that is left out then
        sides = numbers(
            split(
                [photo(each, split="train") for each in (1, 2, 4)]
                + [photo(3, split="test", content=twin)]
            )
        )
        assert {name: len(side) for name, side in sides.items()} == {
            "train": 1,
            "val": 1,
            "test": 1,
        }
        assert twin not in sides["val"] | sides["train"]


def test_equal_bytes_are_never_on_two_sides_whatever_the_splits_say():
    draw = random.Random(0)
    for _ in range(50):
        given = [
            photo(
                number,
                split=draw.choice(["train", "train", "val", "test", None]),
                content=draw.randrange(200),
            )
            for number in range(300)
        ]
        prepared = split(given)
        hashes = {name: {each.hash for each in side} for name, side in prepared.splits.items()}
        assert (
            not hashes["train"] & (hashes["val"] | hashes["test"])
            and not hashes["val"] & hashes["test"]
        )
        assert hashes["test"] == {each.hash for each in given if each.split == "test"}
        assert set.union(*hashes.values()) == {each.hash for each in given}  # no picture is lost
        assert len(prepared.left_out) + sum(map(len, prepared.splits.values())) == len(given)


def test_official_splits_are_honoured():
    given = [
        photo(number, split=("train", "val", "test", None)[number % 4]) for number in range(40)
    ]
    sides = numbers(split(given))
    assert sides["val"] == set(range(1, 40, 4))
    assert sides["test"] == set(range(2, 40, 4))
    assert sides["train"] == set(range(0, 40, 4)) | set(
        range(3, 40, 4)
    )  # what no list names may be learned from


def test_without_official_val_a_part_of_train_is_taken():
    given = [photo(number, split="train" if number < 300 else "test") for number in range(320)]
    sides = numbers(split(given, test_size=0.2))
    assert sides["test"] == set(range(300, 320))
    assert 40 < len(sides["val"]) < 80
    assert sides["train"] | sides["val"] == set(range(300))
    assert not sides["train"] & sides["val"]


def test_without_official_test_there_is_none():
    assert numbers(split([photo(1, split="train"), photo(2, split="val")])) == {
        "train": {1},
        "val": {2},
        "test": set(),
    }


@pytest.mark.parametrize("test_size", [0.01, 0.1, 0.3])
def test_of_a_handful_of_photos_the_sides_are_those_of_many_but_for_one_lent_to_val(test_size):
    lent = 0
    for seed in range(20):
        many = numbers(
            split([photo(number) for number in range(200)], seed=seed, test_size=test_size)
        )
        for number in range(2, 9):
            by_hash = {
                name: {each for each in side if each < number} for name, side in many.items()
            }
            handful = [photo(each) for each in range(number)]
            if len(by_hash["train"]) < 2 - bool(by_hash["val"]):  # nothing can be lent
                with pytest.raises(UserError, match=r"no photo for the (train|val) split"):
                    split(handful, seed=seed, test_size=test_size)
                continue
            sides = numbers(split(handful, seed=seed, test_size=test_size))
            if not by_hash["val"]:
                lent += 1
                assert len(sides["val"]) == 1 and sides["val"] < by_hash["train"]
                by_hash = by_hash | {"val": sides["val"], "train": by_hash["train"] - sides["val"]}
            assert sides == by_hash
    assert lent > 10


def test_the_photo_that_is_lent_to_val_stays_while_none_with_a_lower_hash_comes():
    lent = [
        numbers(split([photo(each) for each in range(number)], test_size=0.001))["val"]
        for number in range(2, 12)
    ]
    assert all(len(each) == 1 for each in lent)
    assert all(
        now in (before, {number})
        for number, (before, now) in enumerate(itertools.pairwise(lent), start=2)
    )
    twins = split([photo(1), photo(2, content=1), photo(3)], test_size=0.001)
    assert {1, 2} in numbers(twins).values()  # twins are lent together
    assert twins.left_out == []


@pytest.mark.parametrize(("photos", "how"), [
    ([photo(number) for number in range(200)], "by photo, seed 3"),
    ([photo(number, split=("train", "val", "test")[number % 3]) for number in range(9)], "as the dataset says"),
    ([photo(number, split=("train", "val")[number % 2]) for number in range(9)], "as the dataset says"),
    ([photo(number, split=("train", "test")[number % 2]) for number in range(9)],
     "as the dataset says; val taken from train, seed 3"),
    ([photo(number, split=("train", "val", None)[number % 3]) for number in range(9)],
     "as the dataset says; 3 without a split stand in train"),
    ([photo(1), photo(2), photo(5)], "by photo, seed 3; so few photos left val empty: one of train serves there, until "
                                     "there are more"),
])  # fmt: skip
def test_how_the_splits_were_made_is_told(photos, how):
    assert split(photos, seed=3, test_size=0.05).how == how


@pytest.mark.parametrize("seed", range(20))
def test_of_a_handful_of_official_training_photos_one_validates(seed):
    sides = numbers(
        split([photo(number, split="train") for number in range(4)], seed=seed, test_size=0.01)
    )
    assert {name: len(side) for name, side in sides.items()} == {"train": 3, "val": 1, "test": 0}


def test_an_official_training_photo_that_validates_stays_when_others_are_added():
    before, after = (
        numbers(split([photo(number, split="train") for number in range(many)]))
        for many in (200, 500)
    )
    assert before["val"] == {number for number in after["val"] if number < 200}


@pytest.mark.parametrize(
    "photos", [[photo(1)], [photo(1), photo(2, content=1)], [photo(1, split="train")]]
)
def test_fewer_photos_than_a_split_needs_are_refused(photos):
    with pytest.raises(
        UserError,
        match=f"no photo for the (train|val) split: {len(photos)} usable photos are too few",
    ):
        split(photos)


@pytest.mark.parametrize(
    ("photos", "sides"),
    [
        (
            [photo(1, split="test"), photo(2, split="test"), photo(3, split="val")],
            "1 for val, 2 for test",
        ),
        ([photo(1, split="train", content=7), photo(2, split="val", content=7)], "1 for val"),
    ],
)
def test_splits_of_the_dataset_that_leave_none_to_train_on_are_refused(photos, sides):
    told = f"no photo for the train split: the dataset's own splits leave {sides}; list some for train too, or leave"
    with pytest.raises(UserError, match=told):
        split(photos)


def test_val_taken_from_train_stays_when_a_photo_without_a_split_is_added():
    given = [photo(number, split="train") for number in range(200)]
    before = numbers(split(given))
    for added in range(200, 260):
        after = numbers(split([*given, photo(added)]))
        assert before["val"] == after["val"] - {added} and before["train"] == after["train"] - {
            added
        }


def test_only_the_splits_that_are_needed_must_have_photos():
    given = [photo(1, split="test"), photo(2, split="test")]
    assert numbers(split(given, needed=("test",))) == {"train": set(), "val": set(), "test": {1, 2}}
    with pytest.raises(
        UserError, match=r"no photo for the val split: .* leave 2 for test; list some for val"
    ):
        split(given, needed=("val",))


def test_limit_takes_so_many_training_photos_and_always_the_same():
    photos = [photo(number) for number in range(200)]
    whole, ten, twenty = (numbers(split(photos, limit=limit)) for limit in (None, 10, 20))
    assert len(ten["train"]) == 10
    assert ten["train"] < twenty["train"] < whole["train"]
    assert ten["val"] == whole["val"] and ten["test"] == whole["test"]
    assert numbers(split([photo(1), photo(2), photo(3)], limit=99))["train"]


def test_views_have_keys_of_their_own_and_are_mirrored_only_where_captions_allow():
    plain, sided = photo(1, "a dog"), photo(2, "a dog left of a car", "a dog")
    assert Views(0, 7).keys(plain) == (plain.hash,)
    first, *rest = Views(2, 7).keys(plain)
    assert first == plain.hash
    assert len({first, *rest}) == 3
    assert all("-flip/7/" in key and key.startswith(plain.hash) for key in rest)
    assert not any("-flip" in key for key in Views(2, 7).keys(sided))
    assert Views(2, 8).keys(plain)[1:] != tuple(rest)
    assert Views(1, 7).keys(plain) == (
        first,
        rest[0],
    )  # a further view leaves the ones before as they are


def test_pictures_of_views(tmp_path):
    """A striking gradient: mirrored it would rise to the other side."""
    image = (
        np.zeros((32, 32, 3), np.uint8) + np.linspace(0, 255, 32).astype(np.uint8)[None, :, None]
    )
    Image.fromarray(image).save(tmp_path / "1.png")
    sided, plain = (
        photo(1, "a dog on the left", folder=tmp_path),
        photo(1, "a dog", folder=tmp_path),
    )
    views = Views(8, 0)
    np.testing.assert_array_equal(views.load_picture(sided, 0, 32), image)
    altered = [views.load_picture(sided, view, 32) for view in range(1, 9)]
    assert all(
        (each != image).any() and each[:, -4:].mean() > each[:, :4].mean() for each in altered
    )
    assert any(views.load_picture(plain, view, 32)[:, -4:].mean() < 100 for view in range(1, 9))


def test_word_labels_are_the_commonest_words_that_tell_photos_apart():
    photos = [
        photo(1, "A big dog runs", "the dog"),
        photo(2, "A dog and a cat"),
        photo(3, "A cat sleeps"),
        photo(4, "A bird"),
    ]
    common = frozenset({"and", "the"})
    assert choose_word_labels(photos, words=2, common=common) == [
        {("dog",)},
        {("cat",), ("dog",)},
        {("cat",)},
        set(),
    ]
    # 'a' is said of every photo; among words of equal count the first letter decides
    assert choose_word_labels(photos, words=4, common=common) == [
        {("dog",), ("big",)},
        {("cat",), ("dog",)},
        {("cat",)},
        {("bird",)},
    ]


def test_word_labels_are_the_same_in_every_process():
    """Sets of words have another order in every process; were the labels to follow it, the convnet was trained anew."""
    code = (
        "from tests.data.test_preprocess import choose_word_labels, photo; photos = [photo(n, f'w{n} v{n} u{n}') for n in range(9)];"
        "print(sorted(label for each in choose_word_labels(photos, words=5, common=frozenset()) for label in each))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2")
    }
    assert told == {"[('u0',), ('u1',), ('u2',), ('u3',), ('u4',)]\n"}


def test_label_matrix_has_a_column_for_each_label_that_is_frequent_enough():
    labels = [{("dog",), ("dog", "red")}, {("dog",)}, {("cat",)}, {("cat",), ("dog", "red")}, set()]
    names, matrix = build_label_matrix(labels, least=2)
    assert names == [("cat",), ("dog",), ("dog", "red")]
    assert matrix.dtype == np.uint8
    np.testing.assert_array_equal(matrix, [[0, 1, 1], [0, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0]])
    names, matrix = build_label_matrix(labels, least=3)
    assert names == []
    assert matrix.shape == (5, 0)


def reasons(prepared):
    return {each.name: each.reason for each in prepared.left_out}


def as_it_is(things, number, what):
    return things


class Bench:
    """A folder of photos and all that extraction needs; `encoded` counts the pictures sent through the toy encoder."""

    def __init__(self, folder, good=4, bad=()):
        self.folder, self.said, self.encoded = folder, [], 0
        for number in range(good):
            Image.new("RGB", (SIZE, SIZE), (10 * number % 256, number, 0)).save(
                folder / f"{number}.png"
            )
        for name in bad:
            (folder / name).write_bytes(b"not a picture: " + name.encode())
        self.open()

    def open(self):
        """As a new process does."""
        self.cache = FeatureCache(self.folder / "cache", FINGERPRINT)
        self.hashes = PhotoHashes(self.folder / "cache" / "photos.json")
        names = sorted(self.folder.glob("*.png"))
        self.dataset = Source(
            "test",
            self.folder / "captions.csv",
            self.folder,
            [Example(path, ("a dog",)) for path in names],
        )
        photos, left_out = identify(self.dataset, self.hashes, progress=as_it_is)
        splits = {"train": photos[:-2], "val": photos[-2:-1], "test": photos[-1:]}
        self.prepared = Dataset(splits, left_out)

    def encode(self, pictures):
        self.encoded += int((pictures.reshape(len(pictures), -1).max(1) > 0).sum())
        return np.repeat(
            pictures[:, :2, :1, 0].astype(np.float16), 3, 2
        )  # (n, 2, 3): how red it is

    def extract(self, views=Views(0, 0), **options):  # noqa: B008
        self.extracted = extract(
            self.prepared,
            self.cache,
            self.encode,
            self.hashes,
            image_size=SIZE,
            views=views,
            say=self.said.append,
            progress=as_it_is,
            **options,
        )

    def names(self):
        return {
            name: [each.name for each in photos] for name, photos in self.prepared.splits.items()
        }


def test_extraction_happens_once(tmp_path):
    bench = Bench(tmp_path, good=5)
    bench.extract()
    assert bench.extracted == 5
    assert bench.encoded == 4  # the black one is not counted
    assert bench.said[-1].startswith("features: 5 to extract, 0 in the cache; about ")
    photos = [each for side in bench.prepared.splits.values() for each in side]
    np.testing.assert_array_equal(
        bench.cache.get([each.hash for each in photos])[:, 0, 0], [0, 10, 20, 30, 40]
    )

    bench.open()
    bench.extract()
    assert bench.said[-1] == "features: all 5 are in the cache, nothing to extract"
    assert bench.extracted == 0
    assert bench.encoded == 4


def test_photos_added_later_and_views_extract_only_themselves(tmp_path):
    bench = Bench(tmp_path, good=4)
    bench.extract(splits=("train",))
    assert bench.extracted == 2
    Image.new("RGB", (SIZE, SIZE), (200, 0, 0)).save(tmp_path / "9.png")
    (tmp_path / "1.png").rename(tmp_path / "5.png")  # a renamed photo costs nothing
    bench.open()
    bench.extract()
    assert bench.extracted == 3  # photos 2, 3 and 9
    bench.extract(Views(2, 0))
    assert bench.said[-1].startswith(
        "features: 6 to extract, 5 in the cache"
    )  # two views of three training photos
    assert bench.extracted == 6
    assert all(
        key in bench.cache
        for each in bench.prepared.splits["train"]
        for key in Views(2, 0).keys(each)
    )


def test_the_features_of_a_view_are_those_of_its_picture(tmp_path):
    bench = Bench(tmp_path, good=4)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "0.png")
    bench.open()
    views = Views(3, 0)
    bench.extract(views)
    first = bench.prepared.splits["train"][0]
    rows = bench.cache.get(views.keys(first))
    np.testing.assert_array_equal(
        rows, bench.encode(np.stack([views.load_picture(first, view, SIZE) for view in range(4)]))
    )
    assert len({row.tobytes() for row in rows}) == 4


def test_unreadable_photos_are_named_dropped_and_remembered(tmp_path):
    bench = Bench(tmp_path, good=4, bad=["05.png", "9.png"])
    (tmp_path / "7.png").write_bytes(b"")
    bench.open()
    assert bench.names() == {
        "train": ["0.png", "05.png", "1.png", "2.png", "3.png"],
        "val": ["7.png"],
        "test": ["9.png"],
    }
    bench.extract(Views(1, 0))
    left_out = reasons(bench.prepared)
    assert set(left_out) == {"05.png", "7.png", "9.png"}
    assert left_out["05.png"].startswith("not a picture")
    assert left_out["7.png"].startswith("empty file")
    assert bench.names() == {"train": ["0.png", "1.png", "2.png", "3.png"], "val": [], "test": []}

    bench.open()
    assert reasons(bench.prepared) == left_out  # known before a picture is opened
    encoded = bench.encoded
    bench.extract(Views(0, 0))
    assert bench.said[-1].endswith("nothing to extract")
    assert bench.encoded == encoded
    Image.new("RGB", (SIZE, SIZE), (70, 0, 0)).save(
        tmp_path / "7.png"
    )  # mended: it is looked at again
    bench.open()
    assert "7.png" not in reasons(bench.prepared)


def test_a_photo_that_went_away_is_named(tmp_path):
    bench = Bench(tmp_path, good=3)
    (tmp_path / "1.png").unlink()  # gone since the captions were read
    photos, left_out = identify(
        bench.dataset, PhotoHashes(tmp_path / "none.json"), progress=as_it_is
    )
    assert [each.name for each in photos] == ["0.png", "2.png"]
    assert left_out == [LeftOut("1.png", "No such file or directory")]


def test_damage_is_reported_and_extracted_again(tmp_path):
    bench = Bench(tmp_path)
    bench.extract()
    file = next(bench.cache.folder.glob("*.npy"))
    file.write_bytes(file.read_bytes()[:-3])
    bench.open()
    bench.extract()
    assert bench.said[-2] == "1 damaged cache files found; their photos are extracted again"
    assert bench.extracted == 4


def test_what_was_finished_stays_when_the_encoder_is_stopped(tmp_path):
    bench = Bench(tmp_path, good=40)  # a batch of 32 and another
    whole, calls = bench.encode, []

    def stopped(pictures):
        calls.append(1)
        if len(calls) == 4:  # two of them measure the cost
            raise KeyboardInterrupt
        return whole(pictures)

    bench.encode = stopped
    with pytest.raises(KeyboardInterrupt):
        bench.extract()
    bench.encode = whole
    bench.open()
    bench.extract()
    assert bench.extracted == 8


def test_load_pictures_passes_over_what_cannot_be_read(tmp_path):
    bench = Bench(tmp_path, good=3, bad=["05.png"])
    photos, _ = identify(bench.dataset, bench.hashes, progress=as_it_is)
    kept, pictures = load_pictures(
        photos, 4, bench.hashes, progress=lambda things, number, what: things
    )
    assert [each.name for each in kept] == ["0.png", "1.png", "2.png"]
    assert pictures.shape == (3, 4, 4, 3)
    np.testing.assert_array_equal(pictures[:, 0, 0, 0], [0, 10, 20])
    assert identify(bench.dataset, bench.hashes, progress=as_it_is)[1][0].name == "05.png"


def blobs(seed):
    """A picture of smooth coloured blobs."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((240, 180), Image.Resampling.BICUBIC)


def test_photos_on_two_sides_that_look_alike_are_paired(tmp_path):
    for name, seed in {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5}.items():
        blobs(seed).save(tmp_path / f"{name}.png")
    blobs(1).resize((120, 90)).save(tmp_path / "1small.png")
    ImageEnhance.Brightness(blobs(1)).enhance(0.7).save(tmp_path / "1dark.png")
    blobs(2).save(tmp_path / "2bad.jpg", quality=20)
    blobs(3).convert("L").save(tmp_path / "3grey.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "4.png").read_bytes()[:2000])
    splits = {
        "train": ["1dark.png", "2.png", "3.png", "3grey.png", "broken.png"],
        "val": ["1small.png", "2bad.jpg", "5.png"],
        "test": ["4.png", "1.png"],
    }
    examples = [
        Example(tmp_path / name, ("a dog",), side)
        for side, names in splits.items()
        for name in names
    ]
    hashes = PhotoHashes(tmp_path / "photos.json")
    dataset = Source("test", tmp_path, tmp_path, examples)
    photos, left_out = identify(dataset, hashes, progress=as_it_is)
    assert left_out == []
    prepared = split(photos)
    pairs = near_duplicates(prepared, hashes, progress=as_it_is)
    assert [(one.name, other.name) for one, other in pairs] == [  # 3 and 3grey stand on one side
        ("1.png", "1small.png"),
        ("1.png", "1dark.png"),
        ("1small.png", "1dark.png"),
        ("2bad.jpg", "2.png"),
    ]
    assert {
        name: [each.name for each in side] for name, side in prepared.splits.items()
    } == splits  # nothing is moved
    assert hashes.unreadable() == 1
    assert [each.name for each in identify(dataset, hashes, progress=as_it_is)[1]] == ["broken.png"]
