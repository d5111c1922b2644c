"""List the datasets that are found. The formats need packages; all other checks do not."""

from pathlib import Path

from data import sources
from data.sources import class_folders
from tools.checks.findings import Finding, join_some

_NO_DATASETS = ("README.md", "cache")


def list_datasets(folder: Path) -> Finding:
    """List what lies in the folder of datasets in a format that is read."""
    found, unknown = {}, []
    places = sorted(folder.iterdir()) if folder.is_dir() else []
    for place in places:
        if place.name in _NO_DATASETS or place.name.startswith("."):
            continue
        kind = _recognise(place)
        if kind is None:
            unknown.append(place.name)
        else:
            found[place.name] = kind
    facts = {"folder": str(folder), "found": found, "not_recognised": unknown}
    text = f"none in {folder}; train.py draws the built-in scenes"
    if found:
        text = join_some([f"{name} ({kind})" for name, kind in found.items()], 3)
    if unknown:
        text += f"; in no known format: {join_some(unknown, 2)}"
    return Finding("datasets", text, facts=facts)


def _recognise(place: Path) -> str | None:
    name = sources.find_format(place)
    if name is not None:
        return sources.FORMATS[name].title
    if place.is_dir() and class_folders.recognise(place):
        return "folders of classes"
    return None
