"""TensorFlow without compiling, for tests of what is not in a graph."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def run_uncompiled():
    """Run TensorFlow's functions step by step: compiling takes longer than a few small steps."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


@contextlib.contextmanager
def run_compiled():
    """Compile again, inside of `run_uncompiled`."""
    tf.config.run_functions_eagerly(False)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(True)
