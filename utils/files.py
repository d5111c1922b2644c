"""Files: atomic writing, locks, sizes, names."""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from utils.errors import UserError
from utils.terminal import say

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed
    fcntl = None

# In characters. A file system allows 255 bytes, and the widest characters take four; the rest is
# room for an ending and for what a temporary name adds.
_LONGEST_TEMPORARY, _LONGEST_PICTURE = 60, 50

MARKED_BYTES = 1 << 16  # read of each photo to tell it from others
_SECONDS_BETWEEN_LOOKS = 0.5  # at a lock


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it to `path` if the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name keeps its ending, by which libraries recognise the format.
    # Machines that share a disk may give two processes the same number, hence the random letters.
    beginning = f".part-{os.getpid()}-{secrets.token_hex(3)}"
    temporary = path.with_name(f"{beginning}-{path.name[-_LONGEST_TEMPORARY:]}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # the name that the user knows
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def make_folder_atomically(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`; give it the name if the block ends without an error.

    There may be an empty folder of this name.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".part-{os.getpid()}-{secrets.token_hex(3)}-{folder.name}")
    temporary.mkdir()
    try:
        yield temporary
        temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def check_writable(folder: Path) -> None:
    """Raise an error if the folder cannot be made or written to.

    Commands check this before they spend hours on what should be written there.
    """
    parents = (folder, *folder.absolute().parents)
    existing = next(parent for parent in parents if parent.exists())
    if not existing.is_dir():
        raise UserError(f"cannot write to {folder}: {existing} is a file; choose another folder")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UserError(
            f"cannot write to {folder}: no permission to write in {existing}; "
            "change its permissions, or choose another folder"
        )


def check_empty(folder: Path) -> None:
    """Raise an error if the folder has something in it, or cannot be made or written to."""
    check_writable(folder)
    if folder.resolve() == Path.cwd():
        raise UserError(f"{folder} is the present folder; choose another")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; choose another folder, or remove it")


def open_locked(file: Path) -> IO[bytes]:
    """Open a file to read; `is_locked` is true in other processes until it is closed."""
    opened = file.open("rb")
    if fcntl is not None:
        with suppress(OSError):  # file systems without locks
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return opened


def try_lock(opened: IO[bytes]) -> bool:
    """Lock an open file for this process alone until it is closed.

    Return whether that worked: False if another process has locked it, True where there are no
    locks.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass  # a file system without locks
    return True


@contextmanager
def hold_lock(file: Path, waiting: str) -> Iterator[None]:
    """Let one process at a time run the block; print `waiting` if another one is in it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as lock:
        if not try_lock(lock):
            say(waiting)
            while not try_lock(lock):
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        yield


def is_locked(file: Path) -> bool:
    """Return whether a process has locked the file; True if the file system does not say."""
    if fcntl is None:
        return False
    try:
        with file.open("rb+") as opened:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except PermissionError:
        raise
    except OSError:
        return True
    return False


def hash_beginning(beginning: bytes, size: int) -> str:
    """Return a mark of a file by its first bytes and its size."""
    return hashlib.sha256(beginning + str(size).encode()).hexdigest()[:12]


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    if not path.is_dir():
        return path.lstat().st_size
    size = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):  # removed meanwhile by the program that wrote it
                size += Path(folder, name).lstat().st_size
    return size


def format_bytes(number: int) -> str:
    """Return a size as people write it: 7 bytes, 2.1 kB, 58 MB, 1.3 GB."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= 0.9995 * size:
            decimals = 1 if number < 9.95 * size else 0
            return f"{number / size:,.{decimals}f} {unit}"
    return f"{number} bytes"


def printable_path(path: object) -> str:
    """Return a path as one line of UTF-8.

    Line breaks become \\n and \\r, bytes that are no UTF-8 \\udcNN.
    """
    text = str(path).encode("utf-8", "backslashreplace").decode()
    return text.replace("\r", "\\r").replace("\n", "\\n")


def unique_picture_names(photos: Iterable[Path]) -> dict[Path, str]:
    """Return for each photo a file name without ending, in which no two differ by case alone.

    The first of these that is free: the stem, the name, the name after its folders, a number.
    """
    names: dict[Path, str] = {}
    used: set[str] = set()
    for photo in photos:
        for name in _possible_names(photo):
            name = name[-_LONGEST_PICTURE:]
            if name.casefold() not in used:
                break
        used.add(name.casefold())
        names[photo] = name
    return names


def _possible_names(photo: Path) -> Iterator[str]:
    yield photo.stem
    parts = [part for part in photo.parts if part != photo.anchor]
    for depth in range(1, len(parts) + 1):
        yield "_".join(parts[-depth:])
    number = 2
    while True:
        yield f"{photo.name[:40]}_{number}"
        number += 1
