"""Ask the Hugging Face Hub for a model's commit, files and licence.

It imports huggingface_hub, which takes half a second; only a download needs it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from httpx2 import HTTPError, InvalidURL  # huggingface_hub's own client
from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from utils.errors import UserError
from utils.hub.answers import explain_status, find_endpoint, no_connection_error
from utils.hub.cache import RemoteFile, has_safetensors, select_files
from utils.hub.known import MODEL_TYPES
from utils.hub.name import ModelName

CONVERSION_BOT = "SFconvertbot"  # opens pull requests that add model.safetensors
_MOST_REQUESTS = 20  # pull requests of the bot that are looked at
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DRIVE = re.compile(r"[A-Za-z]:")  # of Windows
_SHA1 = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Listing:
    """A model's files at one commit. `entries` is the whole list as the cache keeps it."""

    model: ModelName
    commit: str
    files: list[RemoteFile]  # those that a captioner needs, the smallest first
    entries: dict[str, dict[str, Any]]
    licence: str | None

    @property
    def size(self) -> int:
        """Return the bytes of all files that a captioner needs."""
        return sum(file.size for file in self.files)


def list_files(model: ModelName) -> Listing:
    """Ask the Hub for the commit of the model's revision, and for the files of that commit."""
    info = _read_info(model)
    commit = info.sha or ""
    siblings = info.siblings or []
    if not model.at(commit).is_commit:
        raise UserError(
            f"{find_endpoint()} does not say which commit hf:{model} is; check HF_ENDPOINT"
        )
    names = [sibling.rfilename for sibling in siblings]
    for name in names:
        _check_file_name(model, name)
    wanted = select_files(names)
    _check_model_type(model, info)
    if not has_safetensors(wanted):
        _reject_without_safetensors(model, names)
    if "config.json" not in wanted:
        raise UserError(f"hf:{model} has no config.json: it is no model of transformers")

    files = []
    entries = {}
    for sibling in siblings:
        name = sibling.rfilename
        entries[name] = _make_entry(sibling)
        if name in wanted:
            files.append(_describe_file(model.at(commit), sibling))
    files.sort(key=lambda file: file.size)
    for file in files:  # a mirror may not have said them in its list
        entries[file.name].setdefault("size", file.size)
        entries[file.name].setdefault("blob_id", file.blob)
    complete = {name: entry for name, entry in entries.items() if "size" in entry}
    return Listing(model, commit, files, complete, _find_licence(info))


def _read_info(model: ModelName) -> ModelInfo:
    endpoint = find_endpoint()
    try:
        return HfApi(endpoint=endpoint).model_info(
            model.repository,
            revision=model.revision,
            files_metadata=True,
            timeout=constants.HF_HUB_ETAG_TIMEOUT,
        )
    except HfHubHTTPError as error:
        explain_status(error, model)
    except (HTTPError, InvalidURL) as error:
        raise no_connection_error(endpoint, error) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{endpoint} did not answer as the Hugging Face Hub does ({error}); check HF_ENDPOINT"
        ) from None


def _check_file_name(model: ModelName, name: str) -> None:
    """Reject a name that would be written outside of the cache."""
    parts = name.split("/")
    is_unsafe = ".." in parts or "" in parts or "\\" in name or "\0" in name or _DRIVE.match(name)
    if is_unsafe:
        raise UserError(
            f"hf:{model} lists a file named {name!r}, which is outside of its folder; nothing of "
            "it is downloaded: do not trust this repository"
        )


def _check_model_type(model: ModelName, info: ModelInfo) -> None:
    """Reject a model that cannot be read here, if the Hub says what it is."""
    model_type = (info.config or {}).get("model_type")
    if model_type is not None and model_type not in MODEL_TYPES:
        raise UserError(
            f"hf:{model} is of the kind {model_type!r}, which cannot be read here; it must be one "
            f"of {', '.join(MODEL_TYPES)}. python -m tools.models lists captioners"
        )


def _make_entry(sibling: RepoSibling) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if sibling.size is not None and sibling.blob_id is not None:
        entry |= {"size": sibling.size, "blob_id": sibling.blob_id}
        if sibling.lfs is not None:
            entry |= {"lfs_sha256": sibling.lfs.sha256, "lfs_size": sibling.lfs.size}
    return entry


def _describe_file(model: ModelName, sibling: RepoSibling) -> RemoteFile:
    """Return size and hash of a file; ask for the file's own header if the list lacks them."""
    name, size, blob = sibling.rfilename, sibling.size, sibling.blob_id
    if sibling.lfs is not None:
        size, blob = sibling.lfs.size, sibling.lfs.sha256
    if size is None or blob is None:
        size, blob = _read_header(model, name)
    is_known = _SHA1.fullmatch(blob or "") or _SHA256.fullmatch(blob or "")
    if size is None or size < 0 or blob is None or not is_known:
        raise UserError(
            f"{find_endpoint()} does not say size and hash of {name}, so it could not be checked; "
            "use another HF_ENDPOINT"
        )
    return RemoteFile(name, size, blob)


def _read_header(model: ModelName, name: str) -> tuple[int | None, str | None]:
    endpoint = find_endpoint()
    url = hf_hub_url(model.repository, name, revision=model.revision, endpoint=endpoint)
    try:
        metadata = get_hf_file_metadata(url, endpoint=endpoint)
    except HfHubHTTPError as error:
        explain_status(error, model, name)
    except HTTPError as error:
        raise no_connection_error(endpoint, error) from None
    return metadata.size, metadata.etag


def _find_licence(info: ModelInfo) -> str | None:
    if info.card_data is not None and info.card_data.get("license"):
        return str(info.card_data.get("license"))
    for tag in info.tags or []:
        if tag.startswith("license:"):
            return tag.removeprefix("license:")
    return None


def _reject_without_safetensors(model: ModelName, names: Sequence[str]) -> NoReturn:
    """Name the conversion bot's revision if there is one, else the way to convert the pickle."""
    is_pickle = any(name.startswith("pytorch_model") and name.endswith(".bin") for name in names)
    if not is_pickle:
        raise UserError(f"hf:{model} has no model.safetensors: its weights cannot be read")
    revision = find_converted_revision(model)
    reason = (
        f"hf:{model} has its weights only as pytorch_model.bin, a pickle, which can run any "
        "program and is not downloaded"
    )
    if revision is not None:
        raise UserError(
            f"{reason}. Hugging Face's bot has converted them: use hf:{model.at(revision)}"
        )
    folder = model.repository.partition("/")[2]
    raise UserError(
        f"{reason}. If you trust it, download it with: .venv/bin/hf download {model.repository} "
        f"--local-dir {folder}\nThen name hf:{folder}, which shows the line that converts it."
    )


def find_converted_revision(model: ModelName) -> str | None:
    """Return the newest pull request of the conversion bot that has model.safetensors."""
    api = HfApi(endpoint=find_endpoint())
    try:
        requests = api.get_repo_discussions(
            model.repository, author=CONVERSION_BOT, discussion_type="pull_request"
        )
        numbers = sorted((request.num for request in requests), reverse=True)
        for number in numbers[:_MOST_REQUESTS]:
            revision = f"refs/pr/{number}"
            info = api.model_info(
                model.repository, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT
            )
            if has_safetensors(sibling.rfilename for sibling in info.siblings or []):
                return revision
    except (HTTPError, ValueError, KeyError, TypeError):
        return None  # a mirror without pull requests
    return None
