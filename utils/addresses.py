"""Files at addresses that fsspec knows: s3://BUCKET/…, gs://BUCKET/…, hf://OWNER/NAME/…

Only what a user typed is opened, and what its listing names. No text from a file becomes an
address: `list_files` is called with words of the command line alone.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utils.errors import UsageError, UserError
from utils.files import MARKED_BYTES, hash_beginning

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

MOST_BYTES = 500_000_000  # of a photo, which is read into memory

_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
# Each protocol has its own names for what changes with the content of a file.
_VERSIONS = ("ETag", "etag", "md5Hash", "blob_id", "LastModified", "last_modified", "mtime")
# By protocol; of others, fsspec's own line names the package.
_PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs"}


class AddressError(UserError):
    """An address that cannot be read; `reason` says why, without the address."""

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text, reason)
        self.reason = reason

    def __str__(self) -> str:
        return str(self.args[0])


def is_address(text: Any) -> bool:
    """Return whether a text is an address of fsspec's, such as s3://BUCKET/FOLDER."""
    return isinstance(text, str) and _ADDRESS.match(text) is not None


def reject_address(option: str, text: Any, remedy: str) -> None:
    """Raise an error if the value of an option is an address, where only disks are possible."""
    if is_address(text):
        raise UsageError(f"{option} must be on a disk (got {text}); {remedy}")


@dataclass(frozen=True)
class ListedFile:
    """A file at or below an address.

    `name` is its path below the typed address, empty for the address itself. `path` is fsspec's
    name of it. `version` is another one if the content has changed, as far as the server says so.
    """

    typed: str
    name: str
    path: str
    size: int | None
    version: str = ""

    @property
    def address(self) -> str:
        if not self.name:
            return self.typed
        return f"{self.typed.rstrip('/')}/{self.name}"

    def read(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`, or to the end of the file."""
        with _translate_errors(self.address):
            system, _ = _open_file_system(self.typed)
            return system.cat_file(self.path, start=start, end=end)


class RemotePhoto:
    """A photo at an address.

    Its mark and its size in pixels are kept once it was read: each look costs a request.
    """

    anchor = ""

    def __init__(self, file: ListedFile) -> None:
        self.file = file
        self.mark: str | None = None
        self.pixels: tuple[int, int] | None = None  # height and width

    def __str__(self) -> str:
        return self.file.address

    def __repr__(self) -> str:
        return f"RemotePhoto({self.file.address!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RemotePhoto) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    @property
    def parts(self) -> tuple[str, ...]:
        """Return the parts of the address, without the protocol."""
        _, _, path = str(self).partition("://")
        return tuple(part for part in path.split("/") if part)

    @property
    def name(self) -> str:
        return self.parts[-1] if self.parts else ""

    @property
    def stem(self) -> str:
        return Path(self.name).stem

    def read_bytes(self) -> bytes:
        """Return the whole photo, and keep its mark. A huge file is rejected."""
        size = self.file.size
        if size == 0:
            content = b""
        elif size is not None and size > MOST_BYTES:
            raise self._too_large_error()
        else:
            # No range beyond the end: not every server takes one.
            content = self.file.read(0, MOST_BYTES + 1 if size is None else size)
        if len(content) > MOST_BYTES:
            raise self._too_large_error()
        self.mark = hash_beginning(content[:MARKED_BYTES], len(content))
        return content

    def _too_large_error(self) -> AddressError:
        reason = f"too large (limit {MOST_BYTES:,} bytes)"
        return AddressError(f"{self}: {reason}", reason)

    def compute_mark(self) -> str:
        """Return the mark of the photo, as that of a file on a disk is made."""
        if self.mark is None:
            if self.file.size is None:  # the server does not say how long it is
                self.read_bytes()
            else:
                end = min(MARKED_BYTES, self.file.size)
                beginning = self.file.read(0, end) if end else b""
                self.mark = hash_beginning(beginning, self.file.size)
        return str(self.mark)


def list_files(typed: str) -> list[ListedFile]:
    """List the file at an address, or all files below it, in the order of their paths."""
    with _translate_errors(typed):
        system, root = _open_file_system(typed)
        system.invalidate_cache()
        information = system.info(root)
        if information["type"] == "file":
            return [_make_file(typed, "", root, information)]
        found = system.find(root, detail=True)
    prefix = f"{root.rstrip('/')}/"
    files = []
    for path, information in found.items():
        is_below = path.startswith(prefix)
        if is_below and information["type"] == "file":
            files.append(_make_file(typed, path.removeprefix(prefix), path, information))
    return sorted(files, key=lambda file: file.name.split("/"))


def check_readable(typed: str) -> None:
    """Raise an error if this machine cannot read at an address: no package, no credentials.

    A photo that is gone is none: it is named when it is read.
    """
    with _translate_errors(typed):
        system, root = _open_file_system(typed)
        with suppress(FileNotFoundError):
            system.info(root)


def _make_file(typed: str, name: str, path: str, information: dict[str, Any]) -> ListedFile:
    versions = []
    for key in _VERSIONS:
        version = information.get(key)
        if isinstance(version, datetime):  # machines may be in different time zones
            version = version.timestamp()
        if version is not None:
            versions.append(str(version))
    return ListedFile(typed, name, path, information.get("size"), " ".join(versions))


def _open_file_system(typed: str) -> tuple["AbstractFileSystem", str]:
    """Return fsspec's file system for an address, and the path in it."""
    if "::" in typed:
        raise AddressError(f"{typed}: addresses in addresses (::) are not read", "has a ::")
    from fsspec.core import url_to_fs  # an import of 0.1 s, for addresses alone

    return url_to_fs(typed)


@contextmanager
def _translate_errors(address: str) -> Iterator[None]:
    """Raise the errors of fsspec and its packages as an AddressError of one line."""
    try:
        yield
    except AddressError:
        raise
    except FileNotFoundError as error:
        raise AddressError(f"no photo, folder or run at {address}", "no such file") from error
    except Exception as error:  # each protocol's package has errors of its own
        reason = _explain(error, address)
        raise AddressError(f"{address} cannot be read: {reason}", reason) from error


def _explain(error: Exception, address: str) -> str:
    """Return in a line why an address cannot be read, and what helps."""
    protocol = address.partition("://")[0].lower()
    kind = type(error).__name__
    message = (str(error).strip() or kind).splitlines()[0]
    if isinstance(error, ImportError):
        package = _PACKAGES.get(protocol)
        if package is None:
            return message
        install = f"pip install {package}"
        if package == "s3fs":
            install = f"install it with `make addresses`, or: {install}"
        return f"{protocol}:// needs {package}, which is not installed; {install}"
    if "Protocol not known" in message:
        return f"fsspec knows no {protocol}://"
    if "Credentials" in kind:
        return f"no credentials for {protocol}:// ({message}); set them as its package reads them"
    if isinstance(error, PermissionError):
        return f"no permission ({message}); check the credentials"
    if isinstance(error, TimeoutError) or re.search("Connect|Timeout|Disconnected|Payload", kind):
        return f"no connection, or it was cut ({message})"
    return f"{message} ({kind})"
