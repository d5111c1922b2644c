"""Check the folders of cache and runs, and list the runs."""

import shutil
from pathlib import Path

from tools.checks.findings import NEEDED, Finding, join_some
from utils import runs
from utils.errors import UserError
from utils.files import check_writable, format_bytes

# Bytes. The scenes with their features and run take 0.4 GB, Flickr8k's features 2 to 8 GB.
LEAST_ROOM = 1e9


def check_folder(name: str, folder: Path, option: str) -> Finding:
    """Check that a folder can be made or written to, and that its disk has room."""
    parents = (folder, *folder.absolute().parents)
    existing = next(parent for parent in parents if parent.exists())
    free = shutil.disk_usage(existing).free
    facts = {"folder": str(folder), "free_bytes": free, "least_bytes": int(LEAST_ROOM)}
    try:
        check_writable(folder)
    except UserError as error:
        text, _, remedy = str(error).rpartition("; ")
        return Finding(name, text, NEEDED, f"{remedy} ({option})", facts | {"is_writable": False})
    facts["is_writable"] = True
    text = f"{format_bytes(free)} free for {folder}"
    if free >= LEAST_ROOM:
        return Finding(name, text, NEEDED, facts=facts)
    text += f"; at least {format_bytes(int(LEAST_ROOM))} are needed"
    remedy = f"make room (python -m tools.cache --prune), or use another disk ({option})"
    return Finding(name, text, NEEDED, remedy, facts)


def list_runs(root: Path) -> Finding:
    """List the runs, the newest first."""
    names = [run.name for run in runs.list_runs(root)]
    if names:
        text = f"{len(names)} in {root}: {join_some(names, 3)}"
    else:
        text = f"none in {root}; make one with: python train.py"
    return Finding("runs", text, facts={"folder": str(root), "runs": names})
