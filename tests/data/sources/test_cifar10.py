"""CIFAR-10's arrays as a folder of classes."""

import numpy as np
import pytest

from data.photos.images import read_photo
from data.sources.cifar10 import CLASSES, write
from data.sources.class_folders import read as read_folder


def make_splits(number):
    random = np.random.default_rng(0)
    return {
        split: (
            random.integers(0, 256, (number, 32, 32, 3), np.uint8),
            np.arange(number)[:, None] % 10,
        )
        for split in ("train", "test")
    }


def test_every_picture_is_written_under_its_class(tmp_path):
    splits = make_splits(23)
    write(splits, tmp_path / "data/cifar10")
    examples = read_folder(tmp_path / "data/cifar10").examples
    assert len(examples) == 46
    for example in examples:
        pictures, numbers = splits[example.split]
        place = int(example.photo.stem)
        assert example.captions == (CLASSES[numbers[place, 0]],)
        np.testing.assert_array_equal(read_photo(example.photo), pictures[place])


def test_an_interrupt_leaves_nothing(tmp_path):
    def interrupt(pictures):
        for number, each in enumerate(pictures):
            if number == 5:
                raise KeyboardInterrupt
            yield each

    with pytest.raises(KeyboardInterrupt):
        write(make_splits(10), tmp_path / "cifar10", progress=interrupt)
    assert list(tmp_path.iterdir()) == []
