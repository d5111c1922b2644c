"""Hugging Face's own cache of models, read without network and without its library.

    CACHE/models--OWNER--NAME/refs/REVISION       the commit of a branch, tag or pull request
    CACHE/models--OWNER--NAME/snapshots/COMMIT/   the files by name: links to blobs
    CACHE/models--OWNER--NAME/blobs/HASH          their content
    CACHE/models--OWNER--NAME/trees/COMMIT.json   sizes and hashes of all files of a commit

Other programs use the same cache, and may have downloaded some files of a model only.
"""

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utils.errors import UserError
from utils.files import write_json, write_text
from utils.hub.name import MAIN, ModelName

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
_OTHER_INDEX = ".index.json"  # those of pickles, of half precision
_VOCABULARIES = (
    "vocab.txt", "merges.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model",
)  # fmt: skip
# A model that was downloaded without a list of its files must have these.
_NEEDED = ("config.json", "preprocessor_config.json")
_TOKENIZERS = ("tokenizer.json", "vocab.json", *_VOCABULARIES)
INCOMPLETE = ".incomplete"  # ending of a blob that is not whole
_TREE_VERSION = 1  # of trees/COMMIT.json, which huggingface_hub 2 writes too
_SHORTEST_COMMIT = 7  # characters
_SNAPSHOT = re.compile(r"models--(?P<owner>.+?)--(?P<name>.+)")


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository: `blob` is its sha256 if it is large (LFS), else its git sha1."""

    name: str
    size: int
    blob: str


def find_cache() -> Path:
    """Return the folder of the cache, by the environment variables of Hugging Face."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return _expand(os.environ[variable])
    if os.environ.get("HF_HOME"):
        return _expand(os.environ["HF_HOME"]) / "hub"
    caches = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _expand(caches) / "huggingface" / "hub"


def _expand(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser().absolute()


def find_repository(model: ModelName) -> Path:
    """Return the folder of a model's repository, whether it exists or not."""
    return find_cache() / f"models--{model.repository.replace('/', '--')}"


def find_snapshot(model: ModelName, commit: str) -> Path:
    """Return the folder of a commit's files, whether it exists or not."""
    return find_repository(model) / "snapshots" / commit


def name_snapshot(folder: Path) -> ModelName | None:
    """Return the name of the model that a folder of the cache holds; None for another folder."""
    repository = folder.parent.parent
    match = _SNAPSHOT.fullmatch(repository.name)
    if match is None or folder.parent.name != "snapshots":
        return None
    return ModelName(f"{match['owner']}/{match['name']}", folder.name)


def read_commit(model: ModelName) -> str | None:
    """Return the commit that the cache has for the model's revision; None if there is none."""
    if model.is_commit:
        return model.revision
    repository = find_repository(model)
    revision = model.revision or MAIN
    try:
        commit = (repository / "refs" / revision).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        commit = ""
    if model.at(commit).is_commit:
        return commit
    if not re.fullmatch(rf"[0-9a-f]{{{_SHORTEST_COMMIT},40}}", revision):
        return None
    commits = [folder.name for folder in repository.glob(f"snapshots/{revision}*")]
    return commits[0] if len(commits) == 1 else None


def write_commit(model: ModelName, commit: str) -> None:
    """Record the commit of a branch, tag or pull request."""
    revision = model.revision or MAIN
    if revision != commit:
        write_text(find_repository(model) / "refs" / revision, commit)


def select_files(names: Iterable[str]) -> list[str]:
    """Return the names of the files that a captioner needs: weights, JSON, tokenizer.

    `model.safetensors` goes before shards. No other weights are taken, above all no pickle.
    """
    names = sorted(names)
    has_weights = WEIGHTS in names
    selected = []
    for name in names:
        if "/" in name:
            continue  # other formats and checkpoints are in folders
        is_shard = name == INDEX or _SHARD.fullmatch(name) is not None
        if name == WEIGHTS or name in _VOCABULARIES:
            selected.append(name)
        elif is_shard:
            if not has_weights:
                selected.append(name)
        elif name.endswith(".json") and not name.endswith(_OTHER_INDEX):
            selected.append(name)
    return selected


def has_safetensors(names: Iterable[str]) -> bool:
    """Return whether there are weights as safetensors among the files."""
    names = set(names)
    return WEIGHTS in names or INDEX in names


def is_complete(model: ModelName, commit: str) -> bool:
    """Return whether all files of a commit are there, by their list, with the right sizes."""
    files = read_files(model, commit)
    if files is None:
        return False
    snapshot = find_snapshot(model, commit)
    wanted = select_files(files)
    if not has_safetensors(wanted):
        return False
    return all(has_size(snapshot / name, files[name].size) for name in wanted)


def has_size(file: Path, size: int) -> bool:
    """Return whether the file exists and has that size."""
    try:
        return file.stat().st_size == size
    except OSError:
        return False


def find_downloaded_size(blob: Path, size: int) -> int:
    """Return how many bytes of a file of that size are in the cache, complete or not."""
    if has_size(blob, size):
        return size
    try:
        downloaded = blob.with_name(f"{blob.name}{INCOMPLETE}").stat().st_size
    except OSError:
        return 0
    return downloaded if downloaded <= size else 0


def link(blob: Path, file: Path) -> None:
    """Give a blob its name in a snapshot, by a link; by a move where there are no links."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".part-{os.getpid()}-{file.name}")
    temporary.unlink(missing_ok=True)
    try:
        temporary.symlink_to(os.path.relpath(blob, file.parent))
    except OSError:
        blob.replace(file)
        return
    temporary.replace(file)


def find_missing_file(folder: Path) -> str | None:
    """Return what a folder lacks that was downloaded without a list of its files."""
    for name in _NEEDED:
        if not (folder / name).is_file():
            return name
    if not any((folder / name).is_file() for name in _TOKENIZERS):
        return "tokenizer.json"
    if (folder / WEIGHTS).is_file():
        return None
    return _find_missing_shard(folder)


def _find_missing_shard(folder: Path) -> str | None:
    if not (folder / INDEX).is_file():
        return WEIGHTS
    missing = [name for name in read_shards(folder / INDEX) if not (folder / name).is_file()]
    return min(missing, default=None)


def read_shards(index: Path) -> set[str]:
    """Return the names of the files that an index of weights names."""
    try:
        weight_map = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        return {str(name) for name in weight_map.values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{index} is damaged ({error}); remove it, and the model is downloaded again"
        ) from None


def read_files(model: ModelName, commit: str) -> dict[str, RemoteFile] | None:
    """Return the list of all files of a commit; None if the cache has none that can be read."""
    file = _find_list(model, commit)
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if content["format_version"] != _TREE_VERSION:
            return None
        return {name: _read_entry(name, entry) for name, entry in content["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # the Hub is asked again


def _read_entry(name: str, entry: dict[str, Any]) -> RemoteFile:
    return RemoteFile(
        name,
        entry.get("lfs_size", entry["size"]),
        entry.get("lfs_sha256", entry["blob_id"]),
    )


def write_files(model: ModelName, commit: str, entries: dict[str, dict[str, Any]]) -> None:
    """Write the list of all files of a commit, in the form of huggingface_hub."""
    content = {"format_version": _TREE_VERSION, "files": entries}
    write_json(_find_list(model, commit), content)


def _find_list(model: ModelName, commit: str) -> Path:
    return find_repository(model) / "trees" / f"{commit}.json"
