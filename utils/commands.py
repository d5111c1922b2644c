"""Commands that are printed to be copied."""

import shlex
from pathlib import Path

from utils.prerequisites import PROJECT


def format_command(script: str, *words: object) -> str:
    """Return a command to be copied: quoted for a shell, and valid in the current folder.

    `script` is a command of this project, such as train.py.
    """
    if Path.cwd() != PROJECT:
        script = str(PROJECT / script)
    return shlex.join(["python", script, *map(str, words)])
