"""Where Keras keeps the files that it downloads, for messages about a download that failed."""

import os
import re
from pathlib import Path

_ADDRESS = re.compile(r"https?://\S+")


def find_keras_file(folder: str, name: str) -> Path:
    """Return where Keras looks for a file before it downloads it; `folder` is models or datasets.

    The environment variable KERAS_HOME names another place than ~/.keras.
    """
    home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    return home / folder / name


def find_address(message: str) -> str | None:
    """Return the first web address in a message of Keras, or None."""
    found = _ADDRESS.search(message)
    if found is None:
        return None
    return found[0].rstrip(":;,.)")
