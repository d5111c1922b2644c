"""The feature cache: what an encoder saw in a photo, computed once and kept as float16 `.npy`.

A feature is found by the sha256 of the photo's bytes, the encoder's fingerprint, and the augmentation recipe, seed and
view; so a renamed photo costs nothing, and a changed encoder or recipe is never mistaken for the old one.

    python -m tools.cache              what the cache holds, and whose it is
    python -m tools.cache --prune      remove what no run uses, after asking

    CACHE/<encoder>-<fingerprint>/encoder.json     what the encoder was; held open while a program uses the folder
    CACHE/<encoder>-<fingerprint>/<name>.npy       (n, L, D) float16, a batch of photos
    CACHE/<encoder>-<fingerprint>/<name>.json      their keys, the file's size, times and checksum

A batch counts from the moment its `.json` stands; whatever ends the program, no more than the batch in hand is lost.
"""

import hashlib
import io
import json
import os
import time
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from utils.device import cores
from utils.errors import UserError
from utils.files import open_locked, write_atomically, write_json

BATCH = 32  # photos a batch: large enough for the encoder, small enough to lose
LEFT_OVER = 3600  # seconds after which an unfinished file is not being written any more


def feature_key(photo_hash: str, *, recipe: str | None = None, seed: int = 0, view: int = 0) -> str:
    """The name of a photo's features within an encoder's folder; view 0 is the photo as it is."""
    return photo_hash if view == 0 else f"{photo_hash}/{recipe}/{seed}/{view}"


def folder_name(fingerprint: dict[str, Any]) -> str:
    """The folder of an encoder's features within the cache."""
    mark = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()[:16]
    return f"{fingerprint['name']}-{mark}"


@dataclass(frozen=True)
class Item:
    """Something to extract: its key, and how its picture is had when its turn comes."""

    key: str
    picture: Callable[[], np.ndarray]


class FeatureCache:
    """The features of one encoder."""

    def __init__(self, root: Path, fingerprint: dict[str, Any]) -> None:
        """Open, or begin, the folder of the encoder with this fingerprint; damaged batches are dropped."""
        self.fingerprint = fingerprint
        self.folder = root / folder_name(fingerprint)
        self.damaged = 0  # batches that were dropped because they were cut short or altered
        self._places: dict[str, tuple[int, int]] = {}  # key → (which file, which row)
        self._files: list[np.ndarray] = []
        if self.folder.is_dir():
            for sidecar in sorted(self.folder.glob("[0-9a-f]*.json")):
                if sidecar.stem != "encoder":
                    self._open(sidecar)
            self._sweep()
        known = self.folder / "encoder.json"
        if not known.exists():
            write_json(known, fingerprint)
        weakref.finalize(self, open_locked(known).close)

    def _open(self, sidecar: Path) -> None:
        """Map one batch, after seeing that it is as it was written; else remove it."""
        file = sidecar.with_suffix(".npy")
        try:
            written = json.loads(sidecar.read_text(encoding="utf-8"))
            seen = file.stat()
            if seen.st_size != written["bytes"]:
                raise ValueError("cut short")
            if _times(seen) != written["times"]:  # touched since: copied, or altered?
                if _checksum(file) != written["checksum"]:
                    raise ValueError("altered")
                write_json(sidecar, written | {"times": _times(seen)})
            self._add(np.load(file, mmap_mode="r", allow_pickle=False), written["keys"])
        except (OSError, ValueError, KeyError, TypeError):
            self.damaged += 1
            sidecar.unlink(missing_ok=True)
            file.unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what a killed program left: unfinished files, but for young ones, which may be being written."""
        for file in [*self.folder.glob(".part-*"), *self.folder.glob("*.npy")]:
            if (
                not file.with_suffix(".json").exists()
                and time.time() - file.stat().st_mtime > LEFT_OVER
            ):
                file.unlink(missing_ok=True)

    def _add(self, features: np.ndarray, keys: Sequence[str]) -> None:
        if len(features) != len(keys):
            raise ValueError("rows and keys differ")
        self._files.append(features)
        self._places |= {key: (len(self._files) - 1, row) for row, key in enumerate(keys)}

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def rows(self, keys: Sequence[str]) -> np.ndarray:
        """Features of these keys, (n, L, D) float16, read from the mapped files."""
        places = [self._places[key] for key in keys]
        return np.stack([self._files[file][row] for file, row in places])

    def sequence(self, keys: Sequence[str], together: int = 1) -> "FeatureRows":
        """The features of these keys, read when a slice of them is asked for; so many of them make one."""
        return FeatureRows(self, keys, together)

    def _store(self, keys: Sequence[str], features: np.ndarray) -> int:
        """Write a batch: the array, then the sidecar that makes it count; how many photos it holds."""
        features = np.ascontiguousarray(features, dtype=np.float16)
        if not np.isfinite(features).all():
            raise UserError(
                f"the encoder gave values that are not finite (or beyond float16) for {keys[0][:12]}…; check "
                "its weights and --layer"
            )
        name = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:24]
        file = self.folder / f"{name}.npy"
        content = (
            io.BytesIO()
        )  # NumPy writing to a full disk itself gives an error that does not say so
        np.save(content, features, allow_pickle=False)
        with write_atomically(file) as temporary:
            temporary.write_bytes(content.getbuffer())
        seen = file.stat()
        write_json(
            file.with_suffix(".json"),
            {
                "bytes": seen.st_size,
                "times": _times(seen),
                "checksum": zlib.crc32(content.getbuffer()),
                "keys": list(keys),
            },
        )
        self._add(np.load(file, mmap_mode="r", allow_pickle=False), keys)
        return len(keys)

    def extract(
        self,
        items: Sequence[Item],
        encode: Callable[[np.ndarray], np.ndarray],
        *,
        unreadable: Callable[[str, Exception], None],
        batch: int = BATCH,
    ) -> Iterator[int]:
        """Extract and store `items`; yields how many photos each finished batch held. Pictures are read before the encoder
        needs them, and features written while it works on the next.

        A picture that cannot be read is told to `unreadable` with its key, and left out.
        """
        stored: Future | None = None
        with ThreadPoolExecutor(1) as writer:
            for keys, pictures in _pictures(items, batch, unreadable):
                missing = np.zeros(
                    (batch - len(keys), *pictures.shape[1:]), np.uint8
                )  # one shape is compiled
                features = encode(np.concatenate([pictures, missing]))[: len(keys)]
                if stored is not None:
                    yield stored.result()
                stored = writer.submit(self._store, keys, features)
            if stored is not None:
                yield stored.result()


@dataclass(frozen=True)
class FeatureRows:
    """Features (N, L, D), or pictures, that stay on disk until sliced; of several keys `together` the locations of all."""

    cache: Any
    keys: Sequence[str]
    together: int = 1

    def __len__(self) -> int:
        return len(self.keys) // self.together

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        rows = self.cache.rows(self.keys[start * self.together : stop * self.together])
        return (
            rows
            if self.together == 1
            else rows.reshape(-1, self.together * rows.shape[1], rows.shape[2])
        )


def _pictures(
    items: Sequence[Item],
    batch: int,
    unreadable: Callable[[str, Exception], None],
) -> Iterator[tuple[list[str], np.ndarray]]:
    """Batches of keys and pictures; a thread a core reads while the encoder works on the batches before."""

    def load(item: Item) -> np.ndarray | Exception:
        try:
            return item.picture()
        except ValueError as error:
            return error

    groups = [items[start : start + batch] for start in range(0, len(items), batch)]
    with ThreadPoolExecutor(cores()) as pool:
        ahead = [[pool.submit(load, item) for item in group] for group in groups[:2]]
        try:
            for number, group in enumerate(groups):
                loaded = [future.result() for future in ahead.pop(0)]
                if number + 2 < len(groups):
                    ahead.append([pool.submit(load, item) for item in groups[number + 2]])
                good = [
                    (item.key, got)
                    for item, got in zip(group, loaded, strict=True)
                    if isinstance(got, np.ndarray)
                ]
                for item, got in zip(group, loaded, strict=True):
                    if isinstance(got, Exception):
                        unreadable(item.key, got)
                if good:
                    yield [key for key, _ in good], np.stack([picture for _, picture in good])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _times(seen: os.stat_result) -> list[int]:
    """When a file was last changed; the second, unlike the first, cannot be put back by who changes it."""
    return [seen.st_mtime_ns, seen.st_ctime_ns]


def _checksum(file: Path) -> int:
    checksum = 0
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum
