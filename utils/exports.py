"""Folders that export.py makes: which they are, and what they say of themselves."""

import json
from pathlib import Path
from typing import Any

from utils.errors import UserError

SIGNATURE = "signature.json"
VERSION = 1  # of signature.json
# What signature.json has, with the kind of each; the last four are of captioners.
_KINDS: dict[str, type] = {
    "format": str,
    "model": str,
    "kind": str,
    "image_size": int,
    "run": dict,
}
_CAPTIONER_KINDS: dict[str, type] = {"grid": list, "search": dict, "reading": dict, "joining": dict}


def is_export(folder: str | Path) -> bool:
    """Return whether a folder was made by export.py."""
    try:
        return (Path(folder) / SIGNATURE).is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def read_signature(folder: Path) -> dict[str, Any]:
    """Read the signature.json of an exported folder."""
    file = folder / SIGNATURE
    remedy = "export again, or restore the file"
    try:
        signature = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file} is damaged ({error}); {remedy}") from None
    if not isinstance(signature, dict) or signature.get("version") != VERSION:
        version = signature.get("version") if isinstance(signature, dict) else None
        raise UserError(
            f"{folder} was exported in version {version}; this program reads version {VERSION}: "
            "export again"
        )
    kinds = dict(_KINDS)
    if signature.get("kind") == "captions":
        kinds |= _CAPTIONER_KINDS
    for name, kind in kinds.items():
        if not isinstance(signature.get(name), kind):
            raise UserError(f"{file} is damaged: {name!r} is missing or wrong; {remedy}")
    return signature


def read_exported_config(folder: Path) -> dict[str, Any]:
    """Return what an exported folder says of the run that it comes from.

    It has no dataset, so it has no test photos.
    """
    return read_signature(folder)["run"] | {"dataset": None}


def reject_export(run: Path, what: str) -> None:
    """Raise an error if a run was exported, for `what` needs the run itself."""
    if is_export(run):
        raise UserError(f"{run} was exported, and {what} needs the run that it comes from")
