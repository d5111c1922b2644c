"""Read the locked versions of packages, and compare them with the installed ones.

Nothing is imported to find a version. In an environment without the package `packaging`, markers
such as `; sys_platform == 'linux'` are not evaluated.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

try:
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError:  # an environment without packages, which is what the doctor must report
    Requirement = None

# Builds of the same modules: either of them will do.
BUILDS = {"tensorflow": "tensorflow-cpu", "tensorflow-cpu": "tensorflow"}
_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*==\s*([^\s;,]+)")


@dataclass
class Comparison:
    """A lock against what is installed."""

    file: Path
    pins: dict[str, set[str]]  # versions by name
    missing: list[str] = field(default_factory=list)
    different: dict[str, str] = field(default_factory=dict)  # installed versions by name

    @property
    def number_of_differences(self) -> int:
        return len(self.missing) + len(self.different)

    def describe_difference(self, name: str) -> str:
        """Return the installed version beside the locked one."""
        locked = " or ".join(sorted(self.pins[name]))
        return f"{name} {self.different[name]} (locked: {locked})"


def compare(file: Path) -> Comparison:
    """Compare a lock with the installed packages."""
    comparison = Comparison(file, read_pins(file))
    for name, versions in sorted(comparison.pins.items()):
        installed = find_version(name) or find_version(BUILDS.get(name, name))
        if installed is None:
            comparison.missing.append(name)
        elif versions.isdisjoint({installed, installed.partition("+")[0]}):
            comparison.different[name] = installed
    return comparison


def find_version(name: str) -> str | None:
    """Return the version of an installed package, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def read_pins(file: Path) -> dict[str, set[str]]:
    """Return the locked versions by package, those for this Python and system alone."""
    pins: dict[str, set[str]] = {}
    for entry in _list_entries(file.read_text(encoding="utf-8")):
        match = _PIN.match(entry)
        if match is not None and _applies_here(entry):
            pins.setdefault(match[1], set()).add(match[2])
    return pins


def _list_entries(text: str) -> Iterable[str]:
    """Yield the entries of a lock without comments and hashes; a backslash continues a line."""
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        entry = re.split(r"(?:^|\s)(?:#|--hash=)", line, maxsplit=1)[0].strip()
        if entry:
            yield entry


def _applies_here(entry: str) -> bool:
    if Requirement is None:
        return True
    try:
        marker = Requirement(entry).marker
    except InvalidRequirement:
        return False
    return marker is None or marker.evaluate()
