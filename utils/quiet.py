"""TensorFlow without its start-up noise on the screen."""

import os
import sys
import tempfile


def import_tensorflow() -> None:
    """Import TensorFlow with standard error held back: its C++ side prints before any log level is heard.

    What was held back is printed after all where the import fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            import tensorflow as tf

            tf.get_logger().setLevel("ERROR")  # Python's side warns of what is told here in one line already
            tf.config.list_physical_devices()  # the search for a GPU prints as well; no device is taken yet
        except BaseException:
            os.dup2(screen, 2)
            held.seek(0)
            sys.stderr.write(held.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
