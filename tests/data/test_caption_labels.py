"""Labels for the convnet from the words of captions."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from data.caption_labels import build_label_matrix, choose_word_labels
from data.photos.photo import Photo


def photo(number, *captions):
    name = f"{number}.png"
    return Photo(Path("photos") / name, name, captions, f"{number:064x}", None)


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
        "from tests.data.test_caption_labels import choose_word_labels, photo; photos = [photo(n, f'w{n} v{n} u{n}') for n in range(9)];"
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
