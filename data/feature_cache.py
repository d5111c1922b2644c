"""The feature cache: encoded photos, computed once and kept as float16 `.npy`.

A feature's key holds the sha256 of the photo's bytes and the augmentation recipe, seed and view.
The encoder's fingerprint names the folder. So a renamed photo costs nothing, and a changed encoder
or recipe never finds old features.

    python -m tools.cache              list what the cache holds, and which runs use it
    python -m tools.cache --prune      remove what no run uses, after asking

In the folder CACHE/<encoder>-<fingerprint>/ are

    encoder.json   the fingerprint; held open while a program uses the folder
    <name>.npy     (n, L, D) float16, a batch of photos
    <name>.json    their keys, the file's size, times and checksum

A batch counts once its `.json` is written, so a program that stops loses at most the batch in hand.
"""

import hashlib
import io
import json
import os
import time
import weakref
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from data.feature_names import STALE_AFTER, make_folder_name
from utils.errors import UserError
from utils.files import open_locked, write_atomically, write_json


class FeatureStore(Protocol):
    """A place from which a decoder's input is read by key: cached features, or pictures."""

    def get(self, keys: Sequence[str]) -> np.ndarray: ...


class FeatureCache:
    """The cached features of one encoder."""

    def __init__(self, root: Path, fingerprint: dict[str, Any]) -> None:
        """Open or create the encoder's folder; damaged batches are removed and counted."""
        self.fingerprint = fingerprint
        self.folder = root / make_folder_name(fingerprint)
        self.damaged = 0  # batches that were removed because they were truncated or altered
        self._places: dict[str, tuple[int, int]] = {}  # key → (index of the file, row in it)
        self._files: list[np.ndarray] = []
        if self.folder.is_dir():
            self._open_batches()
            self._remove_stale_files()
        encoder_file = self.folder / "encoder.json"
        if not encoder_file.exists():
            write_json(encoder_file, fingerprint)
        weakref.finalize(self, open_locked(encoder_file).close)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, keys: Sequence[str]) -> np.ndarray:
        """Read the features of these keys, (n, L, D) float16, from the mapped files."""
        rows = []
        for key in keys:
            file, row = self._places[key]
            rows.append(self._files[file][row])
        return np.stack(rows)

    def select(self, keys: Sequence[str], keys_per_photo: int = 1) -> "FeatureSequence":
        """Return the features of these keys as a sequence that reads a slice when asked for it."""
        return FeatureSequence(self, keys, keys_per_photo)

    def put(self, keys: Sequence[str], features: np.ndarray) -> None:
        """Write a batch of features (n, L, D): the array, then the sidecar that makes it count."""
        features = np.ascontiguousarray(features, dtype=np.float16)
        if not np.isfinite(features).all():
            raise UserError(
                f"the encoder gave values that are not finite (or beyond float16) for "
                f"{keys[0][:12]}…; check its weights and --layer"
            )
        name = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:24]
        file = self.folder / f"{name}.npy"
        # NumPy's own writing to a full disk raises an error that does not say so.
        content = io.BytesIO()
        np.save(content, features, allow_pickle=False)
        with write_atomically(file) as temporary:
            temporary.write_bytes(content.getbuffer())
        status = file.stat()
        sidecar = {
            "bytes": status.st_size,
            "times": _read_times(status),
            "checksum": zlib.crc32(content.getbuffer()),
            "keys": list(keys),
        }
        write_json(file.with_suffix(".json"), sidecar)
        self._add(np.load(file, mmap_mode="r", allow_pickle=False), keys)

    def _open_batches(self) -> None:
        for sidecar in sorted(self.folder.glob("[0-9a-f]*.json")):
            if sidecar.stem == "encoder":
                continue
            try:
                self._open_batch(sidecar)
            except (OSError, ValueError, KeyError, TypeError):
                self.damaged += 1
                sidecar.unlink(missing_ok=True)
                sidecar.with_suffix(".npy").unlink(missing_ok=True)

    def _open_batch(self, sidecar: Path) -> None:
        """Map one batch after checking that its file is unchanged."""
        file = sidecar.with_suffix(".npy")
        written = json.loads(sidecar.read_text(encoding="utf-8"))
        status = file.stat()
        if status.st_size != written["bytes"]:
            raise ValueError("truncated")
        times = _read_times(status)
        if times != written["times"]:  # touched since: copied, or altered?
            if _compute_checksum(file) != written["checksum"]:
                raise ValueError("altered")
            write_json(sidecar, written | {"times": times})
        self._add(np.load(file, mmap_mode="r", allow_pickle=False), written["keys"])

    def _remove_stale_files(self) -> None:
        """Remove a killed program's unfinished files; young ones may be in the making."""
        for file in [*self.folder.glob(".part-*"), *self.folder.glob("*.npy")]:
            if file.with_suffix(".json").exists():
                continue
            if time.time() - file.stat().st_mtime > STALE_AFTER:
                file.unlink(missing_ok=True)

    def _add(self, features: np.ndarray, keys: Sequence[str]) -> None:
        if len(features) != len(keys):
            raise ValueError("rows and keys differ in number")
        number = len(self._files)
        self._files.append(features)
        for row, key in enumerate(keys):
            self._places[key] = (number, row)


@dataclass(frozen=True)
class FeatureSequence:
    """Features (P, L, D), or pictures, that stay on disk until sliced.

    Where a photo has several keys (its crops), the locations of all are joined: (P, keys · L, D).
    """

    store: FeatureStore
    keys: Sequence[str]
    keys_per_photo: int = 1

    def __len__(self) -> int:
        return len(self.keys) // self.keys_per_photo

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop, _ = part.indices(len(self))
        number = self.keys_per_photo
        features = self.store.get(self.keys[start * number : stop * number])
        if number == 1:
            return features
        _, locations, depth = features.shape
        return features.reshape(-1, number * locations, depth)


def _read_times(status: os.stat_result) -> list[int]:
    """Return when a file last changed; st_ctime, unlike st_mtime, cannot be set back."""
    return [status.st_mtime_ns, status.st_ctime_ns]


def _compute_checksum(file: Path) -> int:
    checksum = 0
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            checksum = zlib.crc32(block, checksum)
    return checksum
