"""Views are reproducible, and none makes a caption false."""

import builtins
import contextlib
import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from imgaug import parameters

from data import img_augmentation
from data.img_augmentation import AUGMENTERS, augment, make_recipe_name, mentions_sides
from utils.errors import UserError

COLOURS = {
    "red": (255, 0, 0),
    "orange": (250, 134, 18),
    "yellow": (250, 222, 40),
    "green": (34, 160, 58),
    "blue": (36, 84, 214),
    "purple": (142, 52, 178),
    "white": (246, 246, 246),
    "black": (34, 34, 38),
}


def make_photo(height=120, width=120):
    """A picture with no symmetry, of soft colours, a dark disc at the upper left and some grain."""
    y, x = np.mgrid[:height, :width] / (height, width)[0]
    picture = np.dstack([90 + 120 * x, 120 + 60 * y, 200 - 90 * x])
    picture[(x - 0.3) ** 2 + (y - 0.3) ** 2 < 0.03] = (60, 30, 40)
    return (
        (picture + np.random.default_rng(1).normal(0, 3, picture.shape))
        .clip(0, 255)
        .astype(np.uint8)
    )


def make_views(numbers, flip=False, photo_hash="ab12", image=None):
    image = make_photo() if image is None else image
    return [augment(image, photo_hash=photo_hash, seed=3, view=view, flip=flip) for view in numbers]


def correlate(one, other):
    return np.corrcoef(one.astype(float).ravel(), other.astype(float).ravel())[0, 1]


def test_shape_and_type_stay_and_the_photo_is_unchanged():
    for image in (make_photo(80, 120), make_photo(299, 299), np.asfortranarray(make_photo())):
        before = image.copy()
        image.flags.writeable = False
        for seen in make_views(range(1, 9), image=image):
            assert (seen.shape, seen.dtype) == (image.shape, np.uint8)
        np.testing.assert_array_equal(image, before)


def test_the_same_view_in_any_order_among_any_others():
    numbers = list(range(1, 25))
    forward = make_views(numbers)
    make_views(range(30, 40), photo_hash="another", flip=True)
    np.testing.assert_array_equal(make_views(numbers[::-1])[::-1], forward)


def test_the_same_view_in_every_thread():
    numbers = list(range(1, 17)) * 3
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda number: make_views([number])[0], numbers))
    np.testing.assert_array_equal(together, make_views(numbers))


def test_a_recipe_built_while_another_thread_augments(monkeypatch):
    """In that moment imgaug's prefetching is on, although the recipe is built without it."""
    numbers = list(range(1, 17))
    before = make_views(numbers)
    monkeypatch.setattr(parameters, "no_prefetching", contextlib.nullcontext)
    with ThreadPoolExecutor(1) as thread:  # a new thread builds a recipe of its own
        np.testing.assert_array_equal(
            list(thread.map(lambda number: make_views([number])[0], numbers * 2)), before * 2
        )


def test_the_same_view_in_another_process():
    code = (
        "import hashlib, numpy as np; from tests.data.test_img_augmentation import make_views; "
        "print(hashlib.sha256(np.stack(make_views(range(20, 0, -1))[::-1])).hexdigest())"
    )
    root = Path(img_augmentation.__file__).parents[1]
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    ).stdout
    assert printed.strip() == hashlib.sha256(np.stack(make_views(range(1, 21)))).hexdigest()


def test_each_view_seed_and_photo_gives_another_picture():
    image = make_photo()
    cases = [("a", 0, 1), ("a", 0, 2), ("a", 1, 1), ("b", 0, 1)]
    seen = [
        augment(image, photo_hash=name, seed=seed, view=view, flip=False)
        for name, seed, view in cases
    ]
    assert len({picture.tobytes() for picture in [image, *seen]}) == len(cases) + 1


def test_a_view_resembles_its_photo_and_flips_only_if_allowed():
    image = make_photo()

    def count_mirrored(flip):
        seen = make_views(range(1, 61), flip=flip)
        likeness = np.array(
            [(correlate(view, image), correlate(view[:, ::-1], image)) for view in seen]
        )
        assert likeness.max(axis=1).min() > 0.7
        return int((likeness[:, 1] > likeness[:, 0]).sum())

    assert count_mirrored(flip=False) == 0
    assert 20 <= count_mirrored(flip=True) <= 40


@pytest.mark.parametrize("name", COLOURS)
def test_a_colour_keeps_its_name(name):
    image = np.full((64, 64, 3), 150, np.uint8)
    image[12:52, 12:52] = COLOURS[name]
    for seen in make_views(range(1, 81), image=image):
        colour = np.median(seen[26:38, 26:38].reshape(-1, 3), axis=0)
        distance = {other: np.linalg.norm(colour - value) for other, value in COLOURS.items()}
        assert min(distance, key=distance.get) == name, colour


def test_nothing_black_comes_in_at_the_edges():
    image = np.full((100, 100, 3), 200, np.uint8)
    for seen in make_views(range(1, 61), image=image):
        assert seen.min() > 90
        assert abs(float(seen.mean()) - 200) < 60


@pytest.mark.parametrize("name", AUGMENTERS)
def test_each_augmenter_changes_the_picture_but_not_its_content(name):
    image = make_photo()
    augmenter = AUGMENTERS[name]()
    augmenter.seed_(5)
    seen = [augmenter(image=image) for _ in range(4)]
    assert any((picture != image).any() for picture in seen)
    for picture in seen:
        shown = (
            picture
            if name != "flip"
            else max((picture, picture[:, ::-1]), key=lambda p: correlate(p, image))
        )
        assert correlate(shown, image) > 0.7
        assert np.abs(shown.astype(float).mean((0, 1)) - image.mean((0, 1))).max() < 45


def test_view_numbers_and_types_are_checked():
    with pytest.raises(ValueError, match=r"at least 1 \(got 0\)"):
        make_views([0])
    with pytest.raises(ValueError, match="got float32"):
        make_views([1], image=np.zeros((4, 4, 3), np.float32))


def test_cached_views_stay_valid():
    """If you change the recipe, enter its new name here; all views are then extracted again."""
    assert make_recipe_name(flip=False) == "gentle-c5a4e3f6f1"
    assert make_recipe_name(flip=True) == "gentle-c5a4e3f6f1-flip"


def test_the_pixels_belong_to_the_recipe():
    """Mean colours of six views as they were recorded: other ones need a new version in RECIPE."""
    means = [picture.mean((0, 1)) for picture in make_views(range(1, 7))]
    recorded = [
        [157.2, 155.0, 164.7],
        [170.5, 162.5, 161.5],
        [143.1, 139.4, 142.7],
        [138.0, 135.9, 144.5],
        [131.9, 127.2, 127.7],
        [137.3, 134.1, 138.2],
    ]
    np.testing.assert_allclose(means, recorded, atol=0.5)


@pytest.mark.parametrize("name", img_augmentation.RECIPE)
def test_every_value_is_part_of_the_name(monkeypatch, name):
    before = make_recipe_name(flip=False)
    monkeypatch.setitem(img_augmentation.RECIPE, name, 0.123)
    make_recipe_name.cache_clear()
    try:
        assert make_recipe_name(flip=False) != before
    finally:
        make_recipe_name.cache_clear()


WITH_SIDES = [
    "a dog on the left of a car",
    "the Leftmost man",
    "a right-handed player",
    "개가 차의 왼쪽에 있다",
    "오른쪽 남자가 웃는다",
    "좌측의 차",
    "右側に犬がいる",
    "狗在车的左边",
    "ein Hund links neben dem Auto",
    "un chien à gauche",
    "un perro a la derecha",
    "un cane a sinistra",
    "um cão à esquerda",
    "собака слева от машины",
]
WITHOUT_SIDES = [
    "a dog runs on a bright beach",
    "산을 오른 사람이 좌석에 앉아 우산을 편다",
    "ein Hund am Strand",
    "un chien",
    "собака и лев",
]


def test_sides_are_noticed_in_many_languages():
    assert [caption for caption in WITH_SIDES if not mentions_sides([caption])] == []
    assert [caption for caption in WITHOUT_SIDES if mentions_sides([caption])] == []


def test_a_few_sides_among_many_captions_do_not_count():
    assert not mentions_sides([])
    assert not mentions_sides(iter(["a dog"] * 999 + ["a dog on the left"] * 2))
    assert mentions_sides(iter(["a dog"] * 999 + ["a dog on the left"] * 3))


@pytest.mark.parametrize("library", ["libGL.so.1", "libgthread-2.0.so.0"])
def test_a_missing_system_library_is_named_with_its_package(monkeypatch, library):
    ordinary = builtins.__import__

    def broken(name, *rest):
        if name.startswith("imgaug"):
            raise ImportError(
                f"{library}: cannot open shared object file: No such file or directory"
            )
        return ordinary(name, *rest)

    monkeypatch.setattr(builtins, "__import__", broken)
    with pytest.raises(
        UserError, match=r"apt install libgl1 libglib2\.0-0.*opencv-python-headless==\d+\.\d"
    ) as caught:
        img_augmentation.import_augmenters()
    assert library in str(caught.value)


def test_importing_the_module_does_not_import_imgaug():
    code = "import sys, data.img_augmentation; print('imgaug' in sys.modules, 'cv2' in sys.modules)"
    root = Path(img_augmentation.__file__).parents[1]
    assert (
        subprocess.check_output([sys.executable, "-c", code], text=True, cwd=root).strip()
        == "False False"
    )
