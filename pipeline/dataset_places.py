"""Find the place of `--dataset`, without NumPy: a mistake here is answered at once."""

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path

from data import sources
from data.sources import class_folders
from utils.addresses import reject_address
from utils.errors import UsageError, UserError
from utils.places import describe_place, find_places
from utils.terminal import say

_LEAST_SIMILARITY = 0.6  # of 0 to 1; `difflib` says that names above it are close


def find_dataset(name: str | None, language: str | None = None) -> Path:
    """Return the place of `--dataset`: a path, the built-in scenes, or what lies in datasets/."""
    places = find_places()
    reject_address("--dataset", name, "copy it to a disk")
    if name == "scenes":
        return places.scenes
    if name is not None:
        return Path(name).expanduser()

    def is_dataset(path: Path) -> bool:
        return sources.find_format(path, language) is not None

    found = _find_in_datasets(is_dataset, "datasets")
    if found is None:
        say(
            f"no dataset in {describe_place(places.datasets)}/: using the built-in scenes, with "
            "the convnet encoder (your own: --dataset FOLDER)"
        )
        return places.scenes
    return found


def find_class_folders(name: str | None, _language: str | None = None) -> Path:
    """Return the place of `--dataset`: a folder of classes, CIFAR-10, or what lies in datasets/."""
    places = find_places()
    reject_address("--dataset", name, "copy it to a disk")
    if name == "cifar10":
        return places.cifar10
    if name == "scenes":
        raise UsageError(
            f"--dataset scenes has captions and no classes; use cifar10, or {class_folders.LAYOUT}"
        )
    if name is not None:
        return Path(name).expanduser()
    found = _find_in_datasets(_is_class_folders, "folders of classes")
    if found is None:
        say(
            f"no folder of classes in {describe_place(places.datasets)}/: using CIFAR-10 "
            "(your own: --dataset FOLDER)"
        )
        return places.cifar10
    return found


def _is_class_folders(path: Path) -> bool:
    if not path.is_dir() or sources.find_format(path) is not None:
        return False
    return class_folders.recognise(path)


def _find_in_datasets(is_dataset: Callable[[Path], bool], what: str) -> Path | None:
    """Return the only place in datasets/ that is one; reject several."""
    datasets = find_places().datasets
    if not datasets.is_dir():
        return None
    own = ("scenes", "cifar10", "cache", "README.md")
    places = [path for path in sorted(datasets.iterdir()) if path.name not in own]
    found = [path for path in places if not path.name.startswith(".") and is_dataset(path)]
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise UserError(
            f"several {what} in {describe_place(datasets)}/: {names}; choose one with --dataset"
        )
    if not found:
        return None
    say(f"using {found[0]}")
    return found[0]


def is_scenes(path: Path) -> bool:
    """Return whether a dataset is one of drawn scenes, whose facts are known."""
    folder = path if path.is_dir() else path.parent
    return path == find_places().scenes or (folder / "facts.json").is_file()


def check_exists(path: Path) -> None:
    """Raise a UserError if there is nothing at `path`; the built-in datasets are made later."""
    places = find_places()
    if path.exists() or path in (places.scenes, places.cifar10):
        return
    similar = _find_similar(path)
    if similar:
        hint = f"did you mean {' or '.join(similar)}?"
    else:
        hint = "give a captions file, its folder, or `scenes`"
    raise UserError(f"no dataset at {_describe_missing(path)}; {hint}")


def _describe_missing(path: Path) -> str:
    if path.is_absolute():
        return str(path)
    return f"{path} (seen from {Path.cwd()})"


def _find_similar(path: Path) -> list[str]:
    """Return datasets with a similar name, as --dataset takes them: the likeliest first."""
    datasets = find_places().datasets
    candidates = {"scenes": "scenes", "cifar10": "cifar10"}
    for place in [*_list_folder(path.parent), *_list_folder(datasets)]:
        candidates.setdefault(place.name, str(place))
    names = difflib.get_close_matches(path.name, candidates, n=2, cutoff=_LEAST_SIMILARITY)
    return [candidates[name] for name in names]


def _list_folder(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return []
    return [place for place in folder.iterdir() if not place.name.startswith(".")]
