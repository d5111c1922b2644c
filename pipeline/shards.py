"""A fixed share of the photos, so that several machines caption one folder without talking.

The content of a photo decides its share: a new name or more photos beside it change nothing.
"""

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from pipeline.photo_selection import SelectedPhotos
from utils.addresses import AddressError, RemotePhoto
from utils.captions_file import compute_mark
from utils.errors import UsageError
from utils.terminal import say

_READERS = 8  # photos opened at once; disks in a network answer slowly
_FORM = re.compile(r"(\d+)/(\d+)", re.ASCII)


@dataclass(frozen=True)
class Shard:
    """One of `total` shares; the first has number 1."""

    number: int
    total: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the share that a text such as `2/8` means."""
        match = _FORM.fullmatch(text)
        if match is None:
            raise UsageError(f"--shard must be a share such as 2/8 (got {text!r})")
        shard = cls(int(match[1]), int(match[2]))
        if not 1 <= shard.number <= shard.total:
            raise UsageError(f"--shard K/N needs K from 1 to N (got {text!r})")
        return shard

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    def has(self, photo: Path | RemotePhoto) -> bool:
        """Return whether the photo is in this share. The first share has those without content."""
        try:
            # Opening a pipe would wait for ever.
            if isinstance(photo, Path) and not stat.S_ISREG(photo.stat().st_mode):
                return self.number == 1
            mark = compute_mark(photo)
        except (OSError, AddressError):
            return self.number == 1
        return int(mark, 16) % self.total == self.number - 1


def select_shard(selected: SelectedPhotos, shard: Shard) -> SelectedPhotos:
    """Return the photos of a share, in their order. Each is opened to read its beginning."""
    with ThreadPoolExecutor(_READERS) as pool:
        is_chosen = list(pool.map(shard.has, selected.paths))
    paths = [photo for photo, keep in zip(selected.paths, is_chosen, strict=True) if keep]
    say(f"{len(paths):,} of {len(selected.paths):,} photos are in share {shard}")
    return replace(selected, paths=paths)
