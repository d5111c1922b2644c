"""Find out whether Python and the packages that commands import are there, and what to do if not.

This module imports nothing but Python's own modules, in syntax that Python 3.8 reads.
"""

from __future__ import annotations

import shlex
import sys
from importlib.util import find_spec
from pathlib import Path

LEAST_VERSION = (3, 11)
VERSIONS = "3.11, 3.12 or 3.13"
# The packages that commands import, by the names to import. OpenVINO, gradio and tkinterdnd2 are
# missing here: commands do without them, or ask for them when they need them.
PACKAGES = (
    "tensorflow",
    "keras",
    "keras_hub",
    "safetensors",
    "huggingface_hub",
    "fsspec",
    "numpy",
    "scipy",
    "sklearn",
    "imgaug",
    "matplotlib",
    "PIL",
    "pycocoevalcap",
    "nltk",
    "tokenizers",
    "regex",
    "tqdm",
    "rich",
    "jinja2",
)
PROJECT = Path(__file__).resolve().parents[1]
_MOST_NAMED = 3


def find_problem() -> str | None:
    """Return a line about what is missing and what to do about it, or None if nothing is."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < LEAST_VERSION:
        return (
            f"Python {VERSIONS} is needed, and {sys.executable} is Python {version}; "
            f"{suggest_environment()}"
        )
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if not missing:
        return None
    names = ", ".join(missing[:_MOST_NAMED])
    if len(missing) > _MOST_NAMED:
        names += f" and {len(missing) - _MOST_NAMED} more packages"
    return f"{sys.executable} (Python {version}) has no {names}; {suggest_environment()}"


def suggest_environment() -> str:
    """Return the command that activates the environment, or the one that makes it."""
    environment = PROJECT / ".venv"
    activate = environment / "bin" / "activate"
    is_here = Path.cwd() == PROJECT
    is_active = Path(sys.prefix).absolute() == environment
    if activate.is_file() and not is_active:
        place = ".venv/bin/activate" if is_here else str(activate)
        return f"activate the environment: . {shlex.quote(place)}"
    options = "" if is_here else f"-C {shlex.quote(str(PROJECT))} "
    if is_active:
        options += "-B "  # make knows that it has made this environment, and not what was changed
    return f"install what is missing: make {options}setup"
