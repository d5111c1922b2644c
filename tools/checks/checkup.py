"""Run all checks, in the order in which they are shown."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tools.checks import downloads, folders, machine, packages, programs
from tools.checks.findings import HELPFUL, Finding
from utils.errors import UserError
from utils.places import find_places
from utils.prerequisites import suggest_environment


def run_checks(cache: Path | None, root: Path | None, *, network: bool) -> list[Finding]:
    """Return all findings.

    Args:
        cache: the folder of cached features; None is the default one.
        root: the folder of runs; None is the default one.
        network: whether connections are tried.
    """
    findings: list[Finding] = []
    for name, check in _list_checks(cache, root, network=network):
        findings += _run_check(name, check)
    return findings


def _list_checks(
    cache: Path | None, root: Path | None, *, network: bool
) -> Iterator[tuple[str, Callable[[], Finding | list[Finding]]]]:
    """Yield each check with the name that it has if it cannot be made."""
    places = find_places(root)
    cache = cache or places.cache
    root = places.runs
    yield "Python", packages.check_python
    yield "packages", packages.check_packages
    yield "processor", machine.check_processor
    yield "GPU", machine.check_gpu
    yield "memory", machine.check_memory
    yield "cache folder", partial(folders.check_folder, "cache folder", cache, "--cache DIR")
    yield "runs folder", partial(folders.check_folder, "runs folder", root, "--runs DIR")
    yield "Tk", programs.check_tk
    yield "screen", programs.check_screen
    yield "Java", programs.check_java
    yield "fonts", programs.check_fonts
    yield "Keras weights", downloads.check_keras_weights
    yield "KerasHub", downloads.check_presets
    yield "Hugging Face", downloads.check_hub
    yield "network", partial(downloads.check_network, is_asked=network)
    yield "datasets", partial(_list_datasets, places.datasets)
    yield "runs", partial(folders.list_runs, root)


def _list_datasets(folder: Path) -> Finding:
    from tools.checks.data import list_datasets  # needs packages, which may be missing

    return list_datasets(folder)


def _run_check(name: str, check: Callable[[], Finding | list[Finding]]) -> list[Finding]:
    """Return what a check finds, or why it cannot be made: the others are still of use."""
    try:
        found = check()
    except ImportError as error:
        text = f"not checked ({error})"
        return [Finding(name, text, HELPFUL, suggest_environment())]
    except (OSError, RuntimeError, UserError) as error:  # RuntimeError: no home folder
        remedy = "see that the file or folder exists and may be read"
        return [Finding(name, f"not checked ({error})", HELPFUL, remedy)]
    if isinstance(found, Finding):
        return [found]
    return found
