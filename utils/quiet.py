"""TensorFlow and other libraries without their messages on the screen."""

import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from utils.errors import UserError
from utils.terminal import screen

# The level of TensorFlow's C++ code: from 0, everything, to 3, only what ends the program.
_CPP_LEVEL = "TF_CPP_MIN_LOG_LEVEL"


def quieten() -> None:
    """Let libraries print errors alone, or everything at --log-level debug.

    Without debug, the environment and Python's -W go first.
    """
    if screen.shows_debug:
        os.environ[_CPP_LEVEL] = "0"
        logging.basicConfig(format="%(name)s: %(message)s")
    os.environ.setdefault(_CPP_LEVEL, "3")
    os.environ.setdefault("KAGGLEHUB_VERBOSITY", "error")  # KerasHub's downloads
    logging.getLogger().setLevel(logging.INFO if screen.shows_debug else logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("default" if screen.shows_debug else "ignore")


def import_tensorflow() -> None:
    """Import TensorFlow with standard error held back.

    Its C++ code prints before it reads any log level. What was held back is printed if the import
    fails, or at --log-level debug.
    """
    os.environ.setdefault(_CPP_LEVEL, "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # TensorFlow takes oneDNN by itself only on newer processors. With AVX2 alone, too, its
    # convolutions take a quarter less time to train.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    with hold_standard_error():
        _import_quietly()


@contextmanager
def hold_standard_error() -> Iterator[None]:
    """Hold back what a block prints on standard error, also by C++ code.

    It is printed if the block fails without a UserError, or at --log-level debug.
    """
    sys.stderr.flush()
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as messages:
        os.dup2(messages.fileno(), 2)
        is_printed = True
        try:
            yield
            is_printed = screen.shows_debug
        except (KeyboardInterrupt, UserError):
            is_printed = screen.shows_debug
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
            if is_printed:
                messages.seek(0)
                sys.stderr.write(messages.read().decode(errors="replace"))


def _import_quietly() -> None:
    # Imported here: commands load TensorFlow late, by `import_tensorflow`.
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # prints too; no device is used yet
    tf.get_logger().setLevel("INFO" if screen.shows_debug else "ERROR")
    if not screen.shows_info or not sys.stdout.isatty():
        keras.config.disable_interactive_logging()  # bars of its downloads, on standard output
