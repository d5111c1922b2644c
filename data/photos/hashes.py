"""Open each photo once: its sha256, its look, or the reason why it cannot be read, kept between
runs.

Known photos are found again by path, size and time.
"""

import hashlib
import json
import os
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from data.photos.images import UnreachablePhoto, UnreadablePhoto, read_photo
from data.photos.near_duplicates import HASH_NAME, HASH_SIDE, compute_perceptual_hash
from utils.files import write_atomically

AHEAD = 16  # photos opened before they are asked for


class KnownPhoto(NamedTuple):
    """A photo with its hash and look, or with the reason why it cannot be read."""

    path: Path
    hash: str | None
    look: int
    reason: str | None


class PhotoHashes:
    """A file of what is known of photos. It is a cache: a damaged file is made again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._has_changed = False
        self._known: dict[str, dict[str, Any]] = {}
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
            for path, entry in known.items():
                if {"mark", "sha256"} <= entry.keys():
                    self._known[path] = entry
        except (OSError, ValueError, AttributeError):
            self._known = {}

    def open_all(self, photos: Iterable[Path]) -> Iterator[KnownPhoto]:
        """Open each photo that is not known yet; yield all in order. Two threads read ahead."""
        with ThreadPoolExecutor(2) as pool:
            yield from _map_ahead(pool, self._open, photos)

    def _open(self, path: Path) -> KnownPhoto:
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe would block, and /dev/zero has no end
                return KnownPhoto(path, None, 0, "not a file")
            entry = self._entry(path, status)
        except UnreachablePhoto as error:  # it may be there again later, so this is not kept
            return KnownPhoto(path, None, 0, str(error))
        except PermissionError:
            return KnownPhoto(path, None, 0, "no permission to read it")
        except OSError as error:
            return KnownPhoto(path, None, 0, str(error.strerror))
        reason = entry.get("unreadable")
        if reason is not None:
            return KnownPhoto(path, None, 0, reason)
        return KnownPhoto(path, entry["sha256"], entry[HASH_NAME], None)

    def _entry(self, path: Path, status: os.stat_result) -> dict[str, Any]:
        """Return what is known of the photo; read it if that is not all."""
        name = str(path.absolute())
        mark = [status.st_size, status.st_mtime_ns]
        entry = self._known.get(name)
        if (
            entry is not None
            and entry["mark"] == mark
            and ("unreadable" in entry or HASH_NAME in entry)
        ):
            return entry
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256")
        entry = {"mark": mark, "sha256": digest.hexdigest()}
        try:
            pixels = read_photo(path, (HASH_SIDE, HASH_SIDE))
            entry[HASH_NAME] = compute_perceptual_hash(pixels)
        except UnreachablePhoto:
            raise
        except UnreadablePhoto as error:
            entry["unreadable"] = str(error)
        self._known[name] = entry
        self._has_changed = True
        return entry

    def save(self) -> None:
        """Write what is known, if it is more than before."""
        if not self._has_changed:
            return
        with write_atomically(self._file) as temporary:
            temporary.write_text(json.dumps(self._known), encoding="utf-8")
        self._has_changed = False


def _map_ahead(
    pool: ThreadPoolExecutor, work: Callable[[Any], Any], items: Iterable[Any]
) -> Iterator[Any]:
    """Yield `work(item)` for each item, in order; a few are worked on before they are asked for."""
    ahead: deque = deque()
    for item in items:
        ahead.append(pool.submit(work, item))
        if len(ahead) > AHEAD:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()
