"""List what the feature cache holds and which runs use it; remove what no run uses.

python -m tools.cache                    list the cache
python -m tools.cache --prune            remove what no run uses, after asking
python -m tools.cache --runs DIR         look for runs in DIR too, not only in checkpoints/
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import Settings, Vision
from data.feature_names import STALE_AFTER, make_folder_name
from utils import command_line
from utils.errors import UsageError, UserError, run_script
from utils.files import format_bytes, is_locked, size_of
from utils.places import find_places
from utils.tables import format_table
from utils.terminal import output, warn

_FEATURES = re.compile(r"\w+-[0-9a-f]{16}")
_WEIGHTS = re.compile(r"[0-9a-f]{16}\.weights\.h5")
_REMOVED = ".removed-"  # prefix of a folder while its files are being removed
_PARTIAL = ".part-"  # prefix of a file while it is being written
_MOST_USERS = 3  # runs in a row of the table
_NO_RUN = "no run"


@dataclass(frozen=True)
class Users:
    """Names of the runs that use an entry, by the entry's name; and runs that cannot be read."""

    names: dict[str, list[str]]
    unreadable: list[Path]


@dataclass(frozen=True)
class Entry:
    """A file or folder of the cache. `content` and `users` are text for people."""

    path: Path
    content: str
    users: str
    size: int  # bytes
    is_unused: bool = False
    is_convnet: bool = False


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m tools.cache"
    command_line.add_options(parser, Vision, only=("cache",))
    parser.add_argument(
        "--runs",
        nargs="+",
        default=[],
        metavar="DIR",
        help="folders with more runs, besides checkpoints/",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove what no run uses, after asking; what a program is using stays",
    )
    parser.add_argument("--yes", action="store_true", help="with --prune: do not ask")
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """List the cache, and remove what no run uses if asked to."""
    arguments = command_line.parse_typed(make_options())
    if arguments["yes"] and not arguments["prune"]:
        raise UsageError("--yes needs --prune")
    cache = Path(arguments.get("cache", Settings().vision.cache))
    roots = [find_places().runs, *map(Path, arguments["runs"])]
    _check_folders(cache, roots, is_cache_typed="cache" in arguments)
    if not cache.is_dir():
        output(f"{cache}/ does not exist: nothing is cached yet")
        return 0

    users = find_users(roots)
    entries = list_entries(cache, users)
    size = size_of(cache)
    output(format_entries(cache, entries))
    unused = [entry for entry in entries if entry.is_unused]
    summary = f"total {format_bytes(size)}; {_describe_unused(unused, roots)}"
    if unused and not arguments["prune"]:
        summary += "; --prune removes it"
    output(summary)
    for run in users.unreadable:
        warn(f"{run}/config.json cannot be read: what that run uses is not known")
    if arguments["prune"]:
        _check_readable(users)
        if unused:
            prune(cache, roots, unused, ask=not arguments["yes"])
        else:
            output("nothing to remove")
    return 0


def _check_folders(cache: Path, roots: Sequence[Path], *, is_cache_typed: bool) -> None:
    """Reject folders that were typed and do not exist."""
    typed = [("--runs", root) for root in roots[1:]]
    if is_cache_typed:
        typed.append(("--cache", cache))
    for option, folder in typed:
        if not folder.is_dir():
            raise UserError(f"{option} must be an existing folder (got {folder})")


def find_users(roots: Sequence[Path]) -> Users:
    """Return the users among all runs in these folders, however deep.

    Runs in the first folder have their names alone.
    """
    names: dict[str, list[str]] = {}
    unreadable = []
    for run in sorted(_find_runs(roots)):
        name = run.name if run.parent == roots[0] else str(run)
        try:
            config = json.loads((run / "config.json").read_text(encoding="utf-8"))
            for entry in _list_used(config):
                names.setdefault(entry, []).append(name)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            unreadable.append(run)
    return Users(names, unreadable)


def _find_runs(roots: Sequence[Path]) -> set[Path]:
    """Return all folders with a config.json."""

    def ignore_missing(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # a folder that a training just replaced
            raise error

    found = set()
    for root in roots:
        found |= {file.parent for file in root.glob("*/config.json")}  # walk follows no links
        for folder, _, files in os.walk(root, onerror=ignore_missing):
            if "config.json" in files:
                found.add(Path(folder))
    return found


def _list_used(config: dict[str, Any]) -> list[str]:
    """Return the names of the entries that a run uses, by its config.json.

    A convnet's weights are compared by name: it is a hash of what they were trained on.
    """
    names = []
    if config.get("fingerprint"):
        names.append(make_folder_name(config["fingerprint"]))
    if config.get("encoder_weights"):
        names.append(Path(config["encoder_weights"]).name)
    return names


def list_entries(cache: Path, users: Users) -> list[Entry]:
    """Return all entries of the cache; the folder convnet/ has an entry for each of its files."""
    entries = []
    for path in sorted(cache.iterdir()):
        paths = [path]
        if path.name == "convnet" and path.is_dir():
            paths = sorted(path.iterdir())
        for each in paths:
            with suppress(FileNotFoundError):  # a file that a program has just finished and renamed
                entries.append(_describe_entry(each, users))
    return entries


def _describe_entry(path: Path, users: Users) -> Entry:
    size = size_of(path)
    name = path.name
    if name.startswith((_PARTIAL, _REMOVED)):
        if name.startswith(_REMOVED) or time.time() - path.stat().st_mtime > STALE_AFTER:
            return Entry(path, "left by a program that was stopped", _NO_RUN, size, is_unused=True)
        return Entry(path, "may be being written", "a program", size)
    if name == "photos.json":
        return Entry(path, f"hashes of {_count_photos(path):,} photos, by path", "every run", size)

    is_features = bool(_FEATURES.fullmatch(name)) and (path / "encoder.json").is_file()
    is_convnet = path.parent.name == "convnet" and bool(_WEIGHTS.fullmatch(name))
    if path.is_symlink() or not (is_features or is_convnet):
        return Entry(path, "not of the cache", "never removed", size)
    content = _describe_features(path) if is_features else "weights of a convnet"
    names = users.names.get(name, [])
    return Entry(
        path, content, _join_users(names), size, is_unused=not names, is_convnet=is_convnet
    )


def _join_users(names: Sequence[str]) -> str:
    if not names:
        return _NO_RUN
    text = ", ".join(names[:_MOST_USERS])
    if len(names) > _MOST_USERS:
        text += f" and {len(names) - _MOST_USERS} more"
    return text


def _count_photos(file: Path) -> int:
    try:
        return len(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return 0


def _describe_features(folder: Path) -> str:
    """Return how many photos a folder has features of, and from which encoder."""
    photos, views, crops = set(), 0, 0
    for key in _read_keys(folder):
        photos.add(key.partition("/")[0])
        if "/crop/" in key:
            crops += 1
        elif "/" in key:
            views += 1
    text = f"{len(photos):,} photos"
    if views:
        text += f", {views:,} augmented views"
    if crops:
        text += f", {crops:,} crops"
    return text + _describe_encoder(folder)


def _read_keys(folder: Path) -> Iterator[str]:
    """Yield the keys of all features in a folder; those of a damaged file are extracted again."""
    for file in folder.glob("[0-9a-f]*.json"):
        if file.stem == "encoder":
            continue
        with suppress(OSError, ValueError, KeyError, TypeError):
            yield from json.loads(file.read_text(encoding="utf-8"))["keys"]


def _describe_encoder(folder: Path) -> str:
    try:
        encoder = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        parts = [f"{encoder['image_size']} pixels"]
        parts += [str(encoder[name]) for name in ("layer", "precision") if encoder.get(name)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return ""
    return f" ({', '.join(parts)})"


def format_entries(cache: Path, entries: Sequence[Entry]) -> str:
    """Return a table with a row for each entry."""
    columns = [f"in {cache}/", "size", "content", "used by"]
    rows = []
    for entry in entries:
        name = str(entry.path.relative_to(cache))
        rows.append([name, format_bytes(entry.size), entry.content, entry.users])
    return format_table(columns, rows, numbers=["size"])


def _describe_unused(unused: Sequence[Entry], roots: Sequence[Path]) -> str:
    where = " or ".join(f"{root}/" for root in roots)
    if not unused:
        return f"all of it is used by runs in {where}"
    return f"no run in {where} uses {_format_size(unused)} of it"


def _format_size(entries: Sequence[Entry]) -> str:
    return format_bytes(sum(entry.size for entry in entries))


def prune(cache: Path, roots: Sequence[Path], unused: Sequence[Entry], *, ask: bool) -> None:
    """Remove unused entries, except those that a run or a program uses by now."""
    if any(entry.is_convnet for entry in unused):
        warn("a run in another folder may need its convnet's weights; name that folder by --runs")
    question = (
        f"remove {len(unused)} of these, {_format_size(unused)}? "
        "Features are extracted again when they are needed. [y/N] "
    )
    if ask and not _confirm(question):
        output("nothing removed")
        return

    users = find_users(roots)  # a run may have started while the question waited
    _check_readable(users)
    size = size_of(cache)
    still_unused = {entry.path for entry in list_entries(cache, users) if entry.is_unused}
    removed = 0
    for entry in unused:
        if entry.path in still_unused and _remove(entry.path):
            removed += 1
        else:
            output(f"{entry.path} stays: it is in use")
    new_size = format_bytes(size_of(cache))
    output(f"removed {removed}; {cache}/ had {format_bytes(size)} and has {new_size}")


def _check_readable(users: Users) -> None:
    if users.unreadable:
        raise UserError(
            f"nothing removed: {users.unreadable[0]}/config.json cannot be read, and it says what "
            "that run uses; restore it from a copy, or remove the run"
        )


def _confirm(question: str) -> bool:
    """Return whether the user answers yes."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        output("")
        raise UserError("nothing removed: no answer; --yes removes without asking") from None


def _remove(path: Path) -> bool:
    """Remove a file or folder unless a program has it open; return whether it was removed.

    A folder is renamed first, so that no program finds half of it.
    """
    lock = path / "encoder.json" if path.is_dir() else path
    if lock.exists() and is_locked(lock):
        return False
    renamed = path
    if not path.name.startswith(_REMOVED):
        renamed = path.with_name(f"{_REMOVED}{os.getpid()}-{path.name}")
        path.rename(renamed)
    if renamed.is_dir():
        shutil.rmtree(renamed)
    else:
        renamed.unlink()
    return True


if __name__ == "__main__":
    run_script(main)
