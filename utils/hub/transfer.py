"""Download files of the Hugging Face Hub, and check them.

`huggingface_hub` 2 starts an interrupted file again from its first byte, and uses another protocol,
Xet, where it can. So its client asks for plain ranges here: a download resumes, works behind each
proxy and mirror, and its hash is checked, whatever server it came from.
"""

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from httpx2 import HTTPError, Response  # huggingface_hub's own client
from huggingface_hub import constants, get_session, hf_hub_url
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from utils.errors import UserError
from utils.files import format_bytes
from utils.hub.answers import describe, explain_status, find_endpoint
from utils.hub.cache import INCOMPLETE, RemoteFile, has_size
from utils.hub.name import ModelName

_ATTEMPTS = 5  # in a row that bring no byte
_SECONDS_BETWEEN = 1.0  # attempts
_SPARE = 50_000_000  # bytes of the disk that stay free
_SHA256 = re.compile(r"[0-9a-f]{64}")


def check_free_space(folder: Path, size: int) -> None:
    """Raise a UserError if the disk has less room than this number of bytes."""
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    if free < size + _SPARE:
        raise UserError(
            f"{format_bytes(size)} are needed in {folder}, and the disk has "
            f"{format_bytes(free)} free; make room, or let HF_HOME name a folder on another disk"
        )


def download_file(
    model: ModelName, file: RemoteFile, blob: Path, count: Callable[[int], None]
) -> None:
    """Download a file to `blob`, and check size and hash.

    What was downloaded before stays in `blob`.incomplete, and is completed from there. `count` is
    called with the number of bytes that came, which is negative if some came for nothing.
    """
    if has_size(blob, file.size):
        return
    partial = blob.with_name(f"{blob.name}{INCOMPLETE}")
    partial.parent.mkdir(parents=True, exist_ok=True)
    with partial.open("ab") as written:
        if written.tell() > file.size:
            _empty(written)
        _receive_all(model, file, written, count)
    _check_content(model, file, partial)
    partial.replace(blob)


def _receive_all(
    model: ModelName, file: RemoteFile, written: BinaryIO, count: Callable[[int], None]
) -> None:
    """Receive the rest of a file. A cut connection is tried again from where it was cut."""
    attempts = 0
    while written.tell() < file.size or file.size == 0:
        start = written.tell()
        try:
            _receive(model, file, written, count)
            return
        except HTTPError as error:
            written.flush()
            if isinstance(error, HfHubHTTPError) and error.response.status_code < 500:
                explain_status(error, model, file.name)
            attempts = 0 if written.tell() > start else attempts + 1
            if attempts >= _ATTEMPTS:
                raise UserError(
                    f"the connection to {find_endpoint()} was cut in {file.name} "
                    f"({describe(error)}); the same command resumes at "
                    f"{format_bytes(written.tell())} of {format_bytes(file.size)}"
                ) from None
        time.sleep(_SECONDS_BETWEEN)


def _receive(
    model: ModelName, file: RemoteFile, written: BinaryIO, count: Callable[[int], None]
) -> None:
    """Receive the rest of a file by one request."""
    endpoint = find_endpoint()
    url = hf_hub_url(model.repository, file.name, revision=model.revision, endpoint=endpoint)
    start = written.tell()
    headers = build_hf_headers()
    headers["Accept-Encoding"] = "identity"  # bytes of the file itself, which a range counts
    if start:
        headers["Range"] = f"bytes={start}-"
    timeout = constants.HF_HUB_DOWNLOAD_TIMEOUT
    # The client follows the redirect to the store of large files, without the token.
    with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
        hf_raise_for_status(response)
        _check_commit(model, file, response)
        if start and not _starts_at(response, start):
            count(-start)
            _empty(written)
        for chunk in response.iter_bytes():
            if written.tell() + len(chunk) > file.size:
                raise _wrong_size_error(model, file, written)
            written.write(chunk)
            count(len(chunk))
    if written.tell() != file.size:
        raise _wrong_size_error(model, file, written)


def _empty(written: BinaryIO) -> None:
    """Remove what a file holds, to write it from its beginning."""
    written.seek(0)
    written.truncate()


def _starts_at(response: Response, start: int) -> bool:
    """Return whether the answer is the range that was asked for, not the whole file."""
    content_range = response.headers.get("Content-Range", "")
    return response.status_code == 206 and content_range.startswith(f"bytes {start}-")


def _check_commit(model: ModelName, file: RemoteFile, response: Response) -> None:
    for answer in (*response.history, response):
        commit = answer.headers.get("X-Repo-Commit", model.revision)
        if commit != model.revision:
            raise UserError(
                f"the Hub sent {file.name} of commit {commit} for hf:{model}; run this again"
            )


def _wrong_size_error(model: ModelName, file: RemoteFile, written: BinaryIO) -> UserError:
    Path(written.name).unlink(missing_ok=True)
    return UserError(
        f"{file.name} of hf:{model.shorten()} came with another size than the Hub states, "
        f"{file.size:,} bytes; it was deleted: run this again, or use another HF_ENDPOINT"
    )


def _check_content(model: ModelName, file: RemoteFile, partial: Path) -> None:
    """Delete and reject a file whose hash is not that of the Hub's list."""
    with partial.open("rb") as opened:
        if _SHA256.fullmatch(file.blob):
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        else:  # git's name of a small file
            content = opened.read()
            header = b"blob %d\0" % len(content)
            digest = hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
    if digest != file.blob:
        partial.unlink()
        raise UserError(
            f"{file.name} of hf:{model.shorten()} is not what the Hub lists: its hash is "
            f"{digest[:12]}…, not {file.blob[:12]}…; it was deleted: run this again, or use "
            "another HF_ENDPOINT"
        )
