"""TensorFlow and other libraries without their noise on the screen."""

import logging
import os
import sys
import tempfile
import warnings

from utils.terminal import screen

_TENSORFLOW = (
    "TF_CPP_MIN_LOG_LEVEL"  # of its C++ side: from 0, all, to 3, only what ends the program
)


def quieten() -> None:
    """Let libraries tell of errors alone; at --log-level debug of all they do.

    Otherwise what the environment or Python's -W says goes first.
    """
    if screen.debug:
        os.environ[_TENSORFLOW] = "0"
        logging.basicConfig(format="%(name)s: %(message)s")
    os.environ.setdefault(_TENSORFLOW, "3")
    os.environ.setdefault(
        "KAGGLEHUB_VERBOSITY", "error"
    )  # KerasHub's downloads are told of on standard output
    logging.getLogger().setLevel(logging.INFO if screen.debug else logging.ERROR)
    if not sys.warnoptions:
        warnings.simplefilter("default" if screen.debug else "ignore")


def import_tensorflow() -> None:
    """Import TensorFlow with standard error held back: its C++ side prints before any log level is heard.

    What was held back is printed after all where the import fails, or all is to be heard.
    """
    os.environ.setdefault(_TENSORFLOW, "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    terminal = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        heard = True
        try:
            import keras
            import tensorflow as tf

            tf.config.list_physical_devices()  # the search for a GPU prints as well; no device is taken yet
            tf.get_logger().setLevel(
                "INFO" if screen.debug else "ERROR"
            )  # what it warns of is told here in one line
            if not screen.informs or not sys.stdout.isatty():
                keras.config.disable_interactive_logging()  # its downloads' bars, on standard output
            heard = screen.debug
        except KeyboardInterrupt:
            heard = screen.debug
            raise
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            if heard:
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))
