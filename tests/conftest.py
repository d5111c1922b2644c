"""Quiet TensorFlow for all tests, and small things that several of them need."""

import os

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the tests need no GPU, and do not take one from others

from utils.quiet import import_tensorflow

import_tensorflow()
