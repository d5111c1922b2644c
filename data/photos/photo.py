"""A photo whose bytes are known, and the contract of what is encoded of each photo."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Photo:
    """A photo that was opened once, with its captions."""

    path: Path
    name: str  # its path within the dataset's folder
    captions: tuple[str, ...]
    hash: str  # sha256 of its bytes
    split: str | None
    look: int = 0  # its perceptual hash


class PhotoViews(Protocol):
    """The pictures made of each photo. Each has features of its own."""

    def keys(self, photo: Photo, split: str) -> tuple[str, ...]: ...

    def load_picture(self, photo: Photo, view: int, image_size: int) -> np.ndarray: ...
