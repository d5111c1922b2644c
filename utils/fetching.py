"""Runs and weights at addresses, fetched once a machine into the user's cache.

    CACHE/NAME-DIGEST/    a run, or a file of weights; the digest is that of address and listing
    CACHE/locks/          held while something is fetched

A folder gets its name when all of it is there, so nothing that is half fetched is ever found. If
what is at the address has changed, the digest is another one and it is fetched again.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from utils.addresses import ListedFile, list_files
from utils.errors import UserError
from utils.files import format_bytes, hold_lock
from utils.terminal import say

_CHUNK = 16_000_000  # bytes of a request
_RUN_FOLDERS = ("best", "encoder")  # not `last`, the state of training, nor pictures
_RUN_ENDINGS = (".json", ".jsonl")
_TEMPORARY = ".part-"
_ABANDONED = 86_400  # seconds after which the rest of a fetch that was killed is removed
_LONGEST_NAME = 50  # characters


def find_cache() -> Path:
    """Return the folder of what was fetched, whether it exists or not."""
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(caches).expanduser().absolute() / "image-captioning" / "addresses"


def is_fetched(path: Path) -> bool:
    """Return whether a run was fetched from an address."""
    return path.absolute().is_relative_to(find_cache())


def fetch_run(address: str, expected: str | None = None) -> Path:
    """Return the folder of the run at an address; fetch what captions need of it, once.

    `expected` is the name of that folder on a machine of the same job.
    """
    files = _list_run(address)
    if "config.json" not in [file.name for file in files]:
        raise UserError(f"{address} is not a run folder: it has no config.json")
    folder = _fetch(address, files, _list_run)
    if expected not in (None, folder.name):
        raise UserError(f"the run at {address} has changed since this command started")
    return folder


def fetch_file(address: str) -> Path:
    """Return the file at an address, which is fetched once."""
    files = list_files(address)
    if [file.name for file in files] != [""]:
        raise UserError(f"{address} is a folder; name a file")
    return _fetch(address, files, list_files) / _find_place(files[0])


def _list_run(address: str) -> list[ListedFile]:
    return [file for file in list_files(address) if _is_of_run(file.name)]


def _is_of_run(name: str) -> bool:
    """Return whether a file of a run is needed, by its name below the run's folder."""
    first, slash, _ = name.partition("/")
    if slash:
        return first in _RUN_FOLDERS
    return name.endswith(_RUN_ENDINGS)


def _fetch(
    address: str, files: Sequence[ListedFile], list_again: Callable[[str], list[ListedFile]]
) -> Path:
    """Return the folder with these files; fetch them if it is missing or damaged."""
    folder = find_cache() / _name_folder(address, files)
    if _is_complete(folder, files):
        return folder
    lock = folder.parent / "locks" / f"{folder.name}.lock"
    with hold_lock(lock, f"another process fetches {address}; waiting for it"):
        if _is_complete(folder, files):
            return folder
        _remove_abandoned(folder.parent)
        temporary = folder.with_name(f"{_TEMPORARY}{secrets.token_hex(4)}-{folder.name}")
        try:
            _download(address, files, temporary)
            if list_again(address) != list(files):
                raise UserError(f"{address} changed while it was fetched; run this again")
            if folder.exists():  # damaged
                shutil.rmtree(folder)
            temporary.replace(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return folder


def _name_folder(address: str, files: Sequence[ListedFile]) -> str:
    """Return a name that is another one for another address or listing."""
    address = address.rstrip("/")
    listing = [[file.name, file.size, file.version] for file in files]
    content = json.dumps([address, listing])
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", PurePosixPath(address).name).lstrip(".")
    return f"{name[:_LONGEST_NAME]}-{digest}"


def _find_place(file: ListedFile) -> str:
    """Return the path of a file below the folder; reject one that would be outside of it."""
    name = file.name or PurePosixPath(file.address).name
    parts = name.split("/")
    is_outside = any(part in ("", ".", "..") for part in parts)
    if is_outside or "\\" in name or "\0" in name:
        raise UserError(f"{file.address} has a name that no file here can have; rename it there")
    return name


def _is_complete(folder: Path, files: Sequence[ListedFile]) -> bool:
    """Return whether all files are there, with the sizes of the listing."""
    for file in files:
        place = folder / _find_place(file)
        if not place.is_file() or place.stat().st_size != file.size:
            return False
    return True


def _remove_abandoned(cache: Path) -> None:
    """Remove what was left when a fetch was killed, on this or another machine, long ago."""
    for folder in cache.glob(f"{_TEMPORARY}*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED:
            shutil.rmtree(folder, ignore_errors=True)


def _download(address: str, files: Sequence[ListedFile], folder: Path) -> None:
    """Download the files into a folder, and check their sizes."""
    # It imports tqdm, which what is in the cache does not need.
    from utils.progress import ByteBar

    for file in files:
        if file.size is None:
            raise UserError(f"{address} cannot be fetched: its server does not say how large it is")
    total = sum(file.size or 0 for file in files)
    say(f"fetching {address} ({format_bytes(total)}) into {find_cache()}")
    with ByteBar(total) as bar:
        for file in files:
            place = folder / _find_place(file)
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as written:
                for start in range(0, file.size or 0, _CHUNK):
                    end = min(start + _CHUNK, file.size or 0)
                    content = file.read(start, end)
                    written.write(content)
                    bar.update(len(content))
            if place.stat().st_size != file.size:
                raise UserError(
                    f"{file.address} came with {place.stat().st_size:,} bytes, and its listing "
                    f"says {file.size:,}; run this again"
                )
