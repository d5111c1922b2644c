"""The places of runs, datasets and cached features.

    checkpoints/         the runs
    datasets/            the datasets, also the built-in ones
    datasets/cache/      features

They are in the current folder, or in the folder that the environment variable CAPTION_HOME names.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from utils.addresses import reject_address
from utils.errors import UserError
from utils.prerequisites import PROJECT

HOME = "CAPTION_HOME"


@dataclass(frozen=True)
class Places:
    """The folders that commands read and write by default."""

    runs: Path
    datasets: Path

    @property
    def cache(self) -> Path:
        return self.datasets / "cache"

    @property
    def scenes(self) -> Path:
        return self.datasets / "scenes"

    @property
    def cifar10(self) -> Path:
        return self.datasets / "cifar10"


def find_places(runs: str | Path | None = None) -> Places:
    """Return the places; `runs` is the folder of runs that --runs names."""
    home = _find_home()
    runs_folder = home / "checkpoints"
    reject_address("--runs", runs, "name a folder here, or one run at an address with --run")
    if runs is not None:
        runs_folder = Path(runs).expanduser()
    return Places(runs_folder, home / "datasets")


def _find_home() -> Path:
    """Return the folder that CAPTION_HOME names, else the current one."""
    value = os.environ.get(HOME, "").strip()
    if not value:
        return Path()
    home = Path(value).expanduser()
    if not home.is_dir():
        raise UserError(f"{HOME} must be an existing folder (got {value}); make it, or unset it")
    return home.absolute()


def describe_place(place: Path) -> str:
    """Return a folder for a message: its full path, unless the user is in the project's folder."""
    if Path.cwd() == PROJECT:
        return str(place)
    return str(place.absolute())
