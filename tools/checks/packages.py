"""Check Python and the packages against the lock."""

import platform
import re
import sys
from pathlib import Path

from tools.checks import lock
from tools.checks.findings import HELPFUL, NEEDED, Finding, join_some
from utils.prerequisites import PROJECT, suggest_environment

LOCKS = ("requirements.lock", "requirements-gpu.lock")


def check_python() -> Finding:
    """Check the version that pyproject.toml asks for."""
    version = ".".join(map(str, sys.version_info[:3]))
    text = f"{version}, {platform.system()} {platform.machine()}, {_describe_environment()}"
    facts = {
        "version": version,
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "machine": platform.machine(),
        "is_virtual_environment": sys.prefix != sys.base_prefix,
    }
    lowest, beyond = read_python_bounds(PROJECT)
    if lowest <= sys.version_info[:2] < beyond:
        return Finding("Python", text, NEEDED, facts=facts)
    last = f"{beyond[0]}.{beyond[1] - 1}"
    text = f"{text}; needed is {lowest[0]}.{lowest[1]} to {last}"
    remedy = suggest_environment().replace(" setup", f" setup PYTHON=python{last}")
    return Finding("Python", text, NEEDED, remedy, facts)


def _describe_environment() -> str:
    if sys.prefix == sys.base_prefix:
        return "no virtual environment"
    return f"in {Path(sys.prefix).name}"


def read_python_bounds(root: Path) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first version of Python that will do, and the first one that will not."""
    # tomllib, which would read it all, is missing in Python 3.10.
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    match = re.search(r'^requires-python = ">=(\d+)\.(\d+),\s*<(\d+)\.(\d+)"', text, re.MULTILINE)
    if match is None:
        raise ValueError(f"{root / 'pyproject.toml'} does not say which Python is needed")
    lowest, beyond = (int(match[1]), int(match[2])), (int(match[3]), int(match[4]))
    return lowest, beyond


def check_packages() -> Finding:
    """Compare the packages with the lock that fits best.

    `make setup` installs one lock, `make setup GPU=1` the other.
    """
    files = [PROJECT / name for name in LOCKS if (PROJECT / name).is_file()]
    if not files:
        text = f"there is no {LOCKS[0]}"
        return Finding("packages", text, NEEDED, f"restore it: git checkout {LOCKS[0]}")
    comparisons = [lock.compare(file) for file in files]
    best = min(comparisons, key=lambda each: each.number_of_differences)
    total, file = len(best.pins), best.file.name
    facts = {
        "lock": file,
        "locked": total,
        "missing": best.missing,
        "different": best.different,
    }
    if best.missing:
        number = len(best.missing)
        text = f"{number} of {total} in {file} are missing: {join_some(best.missing)}"
        return Finding("packages", text, NEEDED, suggest_environment(), facts)
    if best.different:
        others = [best.describe_difference(name) for name in best.different]
        text = f"not as in {file}: {join_some(others, 2)}"
        remedy = suggest_environment().replace("what is missing", "the locked versions")
        return Finding("packages", text, HELPFUL, remedy, facts)
    return Finding("packages", f"{total}, all as in {file}", NEEDED, facts=facts)
