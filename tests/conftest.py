"""Quiet TensorFlow for all tests, and small things that several of them need."""

import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the tests need no GPU, and do not take one from others

from utils.quiet import import_tensorflow

import_tensorflow()


def pytest_collection_modifyitems(items):
    """The scripts' tests go first: their files take longest, and no process should be left with one at the end."""
    items.sort(key=lambda item: "test_scripts" not in item.path.name)
