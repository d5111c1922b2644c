"""What the feature cache holds, and which runs use it: for `python -m tools.cache`.

python -m tools.cache                    what is there, and whose it is
python -m tools.cache --prune            remove what no run uses, after asking
python -m tools.cache --runs DIR         look for runs in DIR too, and not in checkpoints/ alone
"""

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
from data.feature_cache import STALE_AFTER, make_folder_name
from utils import command_line, runs
from utils.errors import UsageError, UserError, run_script
from utils.files import format_bytes, is_locked, size_of
from utils.terminal import output, warn

_FEATURES = re.compile(r"\w+-[0-9a-f]{16}")
_WEIGHTS = re.compile(r"[0-9a-f]{16}\.weights\.h5")
_A_CONVNET = "weights of a convnet"
_REMOVED = ".removed-"  # what a removed folder is called until all of it is gone
_NAMED = 3  # users of a thing


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m tools.cache"
    command_line.add_options(parser, Vision, only=("cache",))
    parser.add_argument(
        "--runs",
        nargs="+",
        default=[],
        metavar="DIR",
        help=f"also look for runs in these folders (they are always looked for in {runs.ROOT}/)",
    )
    parser.add_argument(
        "--prune",
        action="store_true",
        help="remove what no run uses, after asking; what other programs use just now stays",
    )
    parser.add_argument("--yes", action="store_true", help="with --prune: do not ask")
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """List, and remove what is not wanted."""
    given = command_line.typed(options())
    if given["yes"] and not given["prune"]:
        raise UsageError("--yes goes with --prune")
    cache, roots = (
        Path(given.get("cache", Settings().vision.cache)),
        [runs.ROOT, *map(Path, given["runs"])],
    )
    for named in [*roots[1:], *[cache] * ("cache" in given)]:
        if not named.is_dir():
            raise UserError(f"no folder {named}")
    if not cache.is_dir():
        output(f"{cache}/ is not there: nothing is cached yet")
        return 0
    users = _users(roots)
    things = list(contents(cache, users))
    before = size_of(cache)
    output("\n".join(table(cache, things)))
    unused = [thing for thing in things if thing.unused]
    where = " or ".join(f"{root}/" for root in roots)
    told = (
        f"no run in {where} uses {_size(unused)} of that"
        if unused
        else f"runs in {where} use all that could be removed"
    )
    output(
        f"in all {format_bytes(before)}; {told}"
        + "; --prune removes it" * (bool(unused) and not given["prune"])
    )
    for run in users.unreadable:
        warn(f"{run}/config.json cannot be read: what that run uses is not known")
    if given["prune"]:
        _prune(cache, roots, unused, users, ask=not given["yes"], before=before)
    return 0


@dataclass(frozen=True)
class Users:
    """Which runs use what, by its name in the cache."""

    names: dict[str, list[str]]
    unreadable: list[Path]  # runs of which that is not known


@dataclass(frozen=True)
class Thing:
    """Something in the cache."""

    path: Path
    holds: str
    users: str  # for people
    size: int
    unused: bool = False  # no run needs it


def _users(roots: Sequence[Path]) -> Users:
    """What the runs in these folders use: by its settings a run needs features, and maybe a convnet's weights."""

    def vanished(error: OSError) -> None:
        if not isinstance(
            error, FileNotFoundError
        ):  # such as a checkpoint's folder that was being written
            raise error

    names: dict[str, list[str]] = {}
    unreadable = []
    found = {
        file.parent for root in roots for file in root.glob("*/config.json")
    }  # which follows links, and walk does not
    walked = (step for root in roots for step in os.walk(root, onerror=vanished))
    found |= {Path(folder) for folder, _, files in walked if "config.json" in files}
    for run in sorted(found):
        name = run.name if run.parent == runs.ROOT else str(run)
        try:
            saved = json.loads((run / "config.json").read_text(encoding="utf-8"))
            for used in _used_by(saved):
                names.setdefault(used, []).append(name)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            unreadable.append(run)
    return Users(names, unreadable)


def _used_by(saved: dict[str, Any]) -> Iterator[str]:
    """The names of what a run uses. Weights go by their name alone: it tells what they learned, wherever they lie."""
    if saved.get("fingerprint"):
        yield make_folder_name(saved["fingerprint"])
    if saved.get("encoder_weights"):
        yield Path(saved["encoder_weights"]).name


def contents(cache: Path, users: Users) -> Iterator[Thing]:
    """What lies in the cache; of what is not known to be of it nothing is said but that."""
    for path in sorted(cache.iterdir()):
        for each in sorted(path.iterdir()) if path.name == "convnet" and path.is_dir() else [path]:
            with suppress(FileNotFoundError):  # what a program was writing has its own name now
                yield _thing(each, users)


def _thing(path: Path, users: Users) -> Thing:
    """A file or folder of the cache."""
    size = size_of(path)
    if path.name.startswith((".part-", _REMOVED)):
        old = path.name.startswith(_REMOVED) or time.time() - path.stat().st_mtime > STALE_AFTER
        return Thing(
            path,
            "what a program that was stopped left",
            "no run" if old else "may be being written",
            size,
            old,
        )
    if path.name == "photos.json":
        return Thing(path, f"what is known of {_known(path):,} photos, by path", "every run", size)
    features = _FEATURES.fullmatch(path.name) and (path / "encoder.json").is_file()
    weights = path.parent.name == "convnet" and _WEIGHTS.fullmatch(path.name)
    if path.is_symlink() or not (features or weights):
        return Thing(path, "not of the cache", "left as it is", size)
    names = users.names.get(path.name, [])
    told = ", ".join(names[:_NAMED]) + f" and {len(names) - _NAMED} more" * (len(names) > _NAMED)
    return Thing(
        path, _features(path) if features else _A_CONVNET, told or "no run", size, not names
    )


def _known(file: Path) -> int:
    try:
        return len(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return 0


def _features(folder: Path) -> str:
    """Of how many photos a folder has features, and by what encoder."""
    photos, views, crops = set(), 0, 0
    for sidecar in folder.glob("[0-9a-f]*.json"):
        try:
            keys = (
                json.loads(sidecar.read_text(encoding="utf-8"))["keys"]
                if sidecar.stem != "encoder"
                else []
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue  # damaged: extracted again when it is wanted
        photos |= {key.partition("/")[0] for key in keys}
        crops += sum("/crop/" in key for key in keys)
        views += sum("/" in key and "/crop/" not in key for key in keys)
    try:
        encoder = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        kind = ", ".join(str(encoder[name]) for name in ("layer", "precision") if encoder.get(name))
        kind = f" ({encoder['image_size']} pixels{kind and ', ' + kind})"
    except (OSError, ValueError, KeyError, AttributeError):
        kind = ""
    more = f", {views:,} altered views" * bool(views) + f", {crops:,} crops" * bool(crops)
    return f"{len(photos):,} photos{more}{kind}"


def table(cache: Path, things: Sequence[Thing]) -> list[str]:
    """A line for each thing."""
    rows = [(f"in {cache}/", "size", "holds", "used by")]
    rows += [
        (str(thing.path.relative_to(cache)), format_bytes(thing.size), thing.holds, thing.users)
        for thing in things
    ]
    widths = [max(len(row[place]) for row in rows) for place in range(4)]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _size(things: Sequence[Thing]) -> str:
    return format_bytes(sum(thing.size for thing in things))


def _prune(
    cache: Path,
    roots: Sequence[Path],
    unused: Sequence[Thing],
    users: Users,
    *,
    ask: bool,
    before: int,
) -> None:
    """Remove what no run uses and no program has in hand."""
    _refuse_unreadable(users)
    if not unused:
        output("nothing to remove")
        return
    if any(thing.holds == _A_CONVNET for thing in unused):
        warn(
            "a run in another folder cannot do without its convnet's weights; such folders are named by --runs"
        )
    if ask and not _agreed(
        f"remove {len(unused)} of these, {_size(unused)}? Features are extracted again where they are "
        "wanted. [y/N] "
    ):
        output("nothing removed")
        return
    wanted = {thing.path for thing in unused}
    users = _users(roots)  # who has come while the question stood
    _refuse_unreadable(users)
    now = [thing for thing in contents(cache, users) if thing.unused and thing.path in wanted]
    removed = [thing for thing in now if _removed(thing.path)]
    for path in sorted(wanted - {thing.path for thing in removed}):
        output(f"{path} stays: it is in use just now")
    output(
        f"removed {len(removed)}; {cache}/ had {format_bytes(before)} and has {format_bytes(size_of(cache))}"
    )


def _refuse_unreadable(users: Users) -> None:
    if users.unreadable:
        raise UserError(
            f"nothing removed: {users.unreadable[0]}/config.json cannot be read, and tells what that run uses; "
            "restore it from a copy, or remove the run"
        )


def _agreed(question: str) -> bool:
    """Whether the user answers yes."""
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        output("")
        raise UserError("nothing removed: no answer came; --yes removes without asking") from None


def _removed(path: Path) -> bool:
    """Remove a file or folder, unless a program holds it. It goes out of sight at once, and then file by file."""
    known = path / "encoder.json" if path.is_dir() else path
    if known.exists() and is_locked(known):
        return False
    gone = (
        path
        if path.name.startswith(_REMOVED)
        else path.with_name(f"{_REMOVED}{os.getpid()}-{path.name}")
    )
    path.rename(gone)
    if gone.is_dir():
        shutil.rmtree(gone)
    else:
        gone.unlink()
    return True


if __name__ == "__main__":
    run_script(main)
