"""Files that are written whole or not at all."""

import itertools
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from utils.errors import UserError

try:
    import fcntl
except ImportError:  # Windows, where a file that is open cannot be removed
    fcntl = None


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """A temporary name beside `path` that takes its place when the block ends well, and is removed when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Its ending too tells what kind it is. 60 characters: a file system's 255 bytes hold no more of the widest.
    temporary = path.with_name(f".part-{os.getpid()}-{path.name[-60:]}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.filename == str(temporary):
            error.filename = str(path)  # the one that somebody knows
        raise
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Refuse a folder that could not be made or written to, before hours are spent on what should go there."""
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not there.is_dir():
        raise UserError(f"cannot write to {folder}: {there} is a file; choose another folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UserError(
            f"cannot write to {folder}: no permission to write in {there}; change its rights, or choose another "
            "folder"
        )


def open_locked(file: Path) -> IO[bytes]:
    """The file, opened: as long as it is, `held` tells other programs so."""
    opened = file.open("rb")
    if fcntl is not None:
        with suppress(OSError):  # of file systems that know no locks
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return opened


def try_lock(opened: IO[bytes]) -> bool:
    """Lock an opened file for this program alone, until it is closed; False where another one has it. Where there are no
    locks, it is had."""
    if fcntl is not None:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # a file system without locks
    return True


def is_locked(file: Path) -> bool:
    """Whether a program holds the file, or that cannot be told."""
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


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder, in which a program may be writing."""
    if not path.is_dir():
        return path.lstat().st_size
    size = 0
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(FileNotFoundError):
                size += Path(folder, name).lstat().st_size
    return size


def format_bytes(number: int) -> str:
    """A size for people: 7 bytes, 2.1 kB, 58 MB, 1.3 GB."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= 0.9995 * size:
            return f"{number / size:,.{1 if number < 9.95 * size else 0}f} {unit}"
    return f"{number} bytes"


def unique_picture_names(photos: Iterable[Path]) -> dict[Path, str]:
    """A name for a picture of each photo, without ending: the photo's stem; with its ending, then its folders, where
    another has that already."""
    names: dict[Path, str] = {}
    taken: set[str] = set()
    for photo in photos:
        parts = [part for part in photo.parts if part != photo.anchor]
        longer = ("_".join(parts[-depth:]) for depth in range(2, len(parts) + 1))
        numbered = (f"{photo.name[:40]}_{number}" for number in itertools.count(2))
        # 50 characters: a file system's 255 bytes hold no more of the widest, with room for a temporary name.
        tries = (name[-50:] for name in itertools.chain([photo.stem, photo.name], longer, numbered))
        name = next(each for each in tries if each.casefold() not in taken)
        taken.add(name.casefold())
        names[photo] = name
    return names


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    with write_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")
