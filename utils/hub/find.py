"""The folder of a model on this machine: from the cache, or downloaded once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from utils.errors import UserError
from utils.files import format_bytes, hold_lock
from utils.hub import cache
from utils.hub.answers import NoConnectionError
from utils.hub.name import MAIN, ModelName
from utils.terminal import say, warn

if TYPE_CHECKING:
    from utils.hub.client import Listing


def find_model(model: ModelName) -> Path:
    """Return the folder of a model's files; download them if the cache lacks some.

    A commit, or a model without a revision, that is in the cache needs no network. A branch, tag or
    pull request after @ is asked for each time, and taken from the cache if there is no network.
    """
    commit = cache.read_commit(model)
    if commit is not None and cache.is_complete(model, commit):
        is_pinned = model.revision is None or commit.startswith(model.revision)
        if is_pinned:
            return cache.find_snapshot(model, commit)
    if is_offline():
        return _find_offline(model, commit)
    return _download(model, commit)


def is_offline() -> bool:
    """Return whether HF_HUB_OFFLINE forbids to use the network."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in ("1", "ON", "YES", "TRUE")


def _find_offline(model: ModelName, commit: str | None) -> Path:
    """Return the model's folder in the cache; reject one that is not whole."""
    folder = _find_cached(model, commit)
    if folder is not None:
        return folder
    raise UserError(
        f"hf:{model} is not whole in {cache.find_cache()}, and HF_HUB_OFFLINE forbids to download "
        "it; unset HF_HUB_OFFLINE, or copy that folder from a machine with network"
    )


def _find_cached(model: ModelName, commit: str | None) -> Path | None:
    """Return the model's folder if the cache has all of it, as far as can be known."""
    if commit is None:
        return None
    folder = cache.find_snapshot(model, commit)
    if cache.is_complete(model, commit):
        return folder
    has_list = cache.read_files(model, commit) is not None
    if not has_list and folder.is_dir() and cache.find_missing_file(folder) is None:
        return folder  # another program downloaded it, without a list
    return None


def _download(model: ModelName, commit: str | None) -> Path:
    # huggingface_hub reads it at its import: no word about this machine in the requests.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # It imports huggingface_hub, which takes half a second.
    from utils.hub import client

    try:
        listing = client.list_files(model)
    except NoConnectionError:
        folder = _find_cached(model, commit)
        if folder is None:
            raise
        warn(f"no connection to the Hub: hf:{model} is taken from the cache as it was")
        return folder
    if not cache.is_complete(model, listing.commit):
        folder = cache.find_cache() / ".locks" / cache.find_repository(model).name
        waiting = f"another process downloads {model.repository}; waiting for it"
        with hold_lock(folder / "download.lock", waiting):
            _download_files(listing)
    cache.write_commit(model, listing.commit)
    return cache.find_snapshot(model, listing.commit)


def _download_files(listing: "Listing") -> None:
    """Download what the cache lacks. The files get their names when all of them are there."""
    from utils.hub.transfer import check_free_space, download_file
    from utils.progress import ByteBar

    model = listing.model.at(listing.commit)
    blobs = cache.find_repository(model) / "blobs"
    snapshot = cache.find_snapshot(model, listing.commit)
    unnamed = []
    needed = {}  # by blob: files may have the same content
    for file in listing.files:
        if not cache.has_size(snapshot / file.name, file.size):
            unnamed.append(file)
            needed[file.blob] = file
    total = sum(file.size for file in needed.values())
    done = sum(cache.find_downloaded_size(blobs / file.blob, file.size) for file in needed.values())
    if total > done:
        check_free_space(blobs, total - done)
        _announce(listing, total, done)
    if needed:
        with ByteBar(total, done) as bar:
            for file in needed.values():
                download_file(model, file, blobs / file.blob, bar.update)
    _check_index(listing, snapshot, blobs)
    for file in unnamed:
        cache.link(blobs / file.blob, snapshot / file.name)
    cache.write_files(model, listing.commit, listing.entries)


def _check_index(listing: "Listing", snapshot: Path, blobs: Path) -> None:
    """Reject an index of weights that names files which the model does not have."""
    names = {file.name for file in listing.files}
    for file in listing.files:
        if file.name != cache.INDEX:
            continue
        place = blobs / file.blob
        if not place.exists():  # where there are no links
            place = snapshot / file.name
        unknown = cache.read_shards(place) - names
        if unknown:
            raise UserError(
                f"hf:{listing.model} lacks {min(unknown)!r}, which its {cache.INDEX} names; its "
                "weights are incomplete"
            )


def _announce(listing: "Listing", total: int, done: int) -> None:
    model = listing.model
    licence = listing.licence or "not stated"
    line = f"downloading {model.repository}"
    if model.revision not in (None, MAIN):
        line += f"@{model.revision}"
    line += f" ({format_bytes(total)}, licence {licence}) into {cache.find_cache()}"
    if done:
        line += f"; {format_bytes(done)} are there already"
    say(line)
