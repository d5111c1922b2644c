"""Words of captions become labels: the common ones that tell photos apart."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from data.caption_labels import build_label_matrix, choose_word_labels
from data.photos.photo import Photo


def make_photo(*captions):
    return Photo(Path("a.jpg"), "a.jpg", captions, "f" * 64, None)


def test_labels_are_the_commonest_words_that_tell_photos_apart():
    photos = [
        make_photo("A big dog runs", "the dog"),
        make_photo("A dog and a cat"),
        make_photo("A cat sleeps"),
        make_photo("A bird"),
    ]
    common = frozenset({"and", "the"})
    assert choose_word_labels(photos, words=2, common=common) == [
        {("dog",)},
        {("cat",), ("dog",)},
        {("cat",)},
        set(),
    ]
    # Every photo has 'a'; of words that are equally common the first by letters is chosen.
    assert choose_word_labels(photos, words=4, common=common) == [
        {("dog",), ("big",)},
        {("cat",), ("dog",)},
        {("cat",)},
        {("bird",)},
    ]


def test_labels_are_the_same_in_every_process():
    """The order of sets differs by process; labels in it would train the convnet again."""
    code = (
        "from tests.data.test_caption_labels import choose_word_labels, make_photo\n"
        "photos = [make_photo(f'w{n} v{n} u{n}') for n in range(9)]\n"
        "labels = choose_word_labels(photos, words=5, common=frozenset())\n"
        "print(sorted(label for each in labels for label in each))"
    )
    printed = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        )
        printed.add(done.stdout)
    assert printed == {"[('u0',), ('u1',), ('u2',), ('u3',), ('u4',)]\n"}


def test_the_matrix_has_a_column_for_each_frequent_label():
    labels = [{("dog",), ("dog", "red")}, {("dog",)}, {("cat",)}, {("cat",), ("dog", "red")}, set()]
    names, matrix = build_label_matrix(labels, least=2)
    assert names == [("cat",), ("dog",), ("dog", "red")]
    assert matrix.dtype == np.uint8
    np.testing.assert_array_equal(matrix, [[0, 1, 1], [0, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 0]])
    names, matrix = build_label_matrix(labels, least=3)
    assert names == []
    assert matrix.shape == (5, 0)
