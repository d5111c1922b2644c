"""What is known of photos, kept between runs by path, size and time: sha256, look, and whether they can be read."""

import hashlib
import json
import stat
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from data.photos.images import UnreachablePhoto
from utils.files import write_atomically


class PhotoHashes:
    """sha256 of photos, kept between runs by path, size and time; and the photos known to be unreadable."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._changed = False
        self._passing: dict[str, str] = {}  # photos that cannot be had now, and why: not kept
        try:
            known = json.loads(file.read_text(encoding="utf-8"))
            self._known = {
                path: each for path, each in known.items() if {"mark", "sha256"} <= each.keys()
            }
        except (OSError, ValueError, AttributeError):
            self._known = {}  # a cache: what cannot be read is made again

    def hashed(self, photos: Iterable[Path]) -> Iterator[tuple[Path, str | None, str | None]]:
        """Each photo with its hash, or with None and the reason why it cannot be read."""
        for photo in photos:
            try:
                seen = photo.stat()
                if not stat.S_ISREG(
                    seen.st_mode
                ):  # a pipe would be waited for, and /dev/zero has no end
                    yield photo, None, "not a file"
                    continue
                mark = [seen.st_size, seen.st_mtime_ns]
                known = self._known.get(str(photo.absolute()))
                if known is None or known["mark"] != mark:
                    with photo.open("rb") as file:
                        known = {
                            "mark": mark,
                            "sha256": hashlib.file_digest(file, "sha256").hexdigest(),
                        }
                    self._known[str(photo.absolute())] = known
                    self._changed = True
                reason = known.get("unreadable") or self._passing.get(str(photo.absolute()))
                yield photo, None if reason else known["sha256"], reason
            except PermissionError:
                yield photo, None, "no permission to read it"
            except OSError as error:
                yield photo, None, str(error.strerror)

    def looks(
        self, photos: Iterable[Path], look: Callable[[Path], int], *, name: str
    ) -> Iterator[int | None]:
        """What `look` makes of each of these photos, kept under a name with the hash; None where the photo turns out
        unreadable. Two threads look, a few photos ahead.
        """

        def found(photo: Path) -> int | None:
            known = self._known[str(photo.absolute())]
            if name not in known and "unreadable" not in known:
                try:
                    known[name] = look(photo)
                    self._changed = True
                except ValueError as error:
                    self.mark_unreadable(photo, error)
            return known.get(name)

        with ThreadPoolExecutor(2) as pool:
            yield from _a_few_ahead(pool, found, photos)

    def mark_unreadable(self, photo: Path, error: ValueError) -> None:
        """Remember that this photo, as it is now, cannot be read; for good, unless it only could not be had."""
        if isinstance(error, UnreachablePhoto):
            self._passing[str(photo.absolute())] = str(error)
        else:
            self._known[str(photo.absolute())]["unreadable"] = str(error)
            self._changed = True

    def unreadable(self) -> int:
        """How many photos are known to be unreadable."""
        return len(self._passing) + sum("unreadable" in known for known in self._known.values())

    def save(self) -> None:
        """Write what is known, where it is more than before."""
        if not self._changed:
            return
        with write_atomically(self._file) as temporary:
            temporary.write_text(json.dumps(self._known), encoding="utf-8")
        self._changed = False


def _a_few_ahead(
    pool: ThreadPoolExecutor, work: Callable[[Any], Any], things: Iterable[Any]
) -> Iterator[Any]:
    """What `work` makes of each thing, in order; a few are worked on before they are asked for."""
    ahead: deque = deque()
    for thing in things:
        ahead.append(pool.submit(work, thing))
        if len(ahead) > 16:
            yield ahead.popleft().result()
    while ahead:
        yield ahead.popleft().result()
