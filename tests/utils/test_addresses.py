"""Files at addresses, listed and read by fsspec."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.helpers.remote import clear_memory, put
from utils import addresses
from utils.addresses import (
    AddressError,
    RemotePhoto,
    check_readable,
    is_address,
    list_files,
    reject_address,
)
from utils.captions_file import compute_mark
from utils.errors import UsageError


@pytest.fixture(autouse=True)
def memory():
    clear_memory()
    yield
    clear_memory()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://bucket/a", True),
        ("GS://bucket", True),
        ("hf://datasets/o/n", True),
        ("hf:owner/name", False),
        ("photos/s3:/a", False),
        ("/a://b", False),
        ("C:\\a", False),
        (None, False),
    ],
)
def test_an_address_has_a_protocol(text, expected):
    assert is_address(text) is expected


def test_files_below_an_address_have_addresses_as_typed():
    put("memory://b/in/z.jpg", b"12")
    put("memory://b/in/deep/a.jpg", b"123")
    put("memory://b/inside.jpg", b"1")
    files = list_files("memory://b/in/")
    assert [(file.address, file.size) for file in files] == [
        ("memory://b/in/deep/a.jpg", 3),
        ("memory://b/in/z.jpg", 2),
    ]
    assert [file.read(0, 10) for file in files] == [b"123", b"12"]
    assert files[0].read(1, 2) == b"2"


def test_a_single_file_has_no_name_below_itself():
    put("memory://b/one", b"1")
    (file,) = list_files("memory://b/one")
    assert (file.name, file.address) == ("", "memory://b/one")


def test_a_listed_name_is_no_address_of_its_own(tmp_path):
    """A bucket of others may hold any names; fsspec would open both of these elsewhere."""
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(b"secret")
    for name in (f"x::file://{secret}", f"file://{secret}"):
        put("memory://b/plain.jpg", b"1")
        MemoryFileSystem.store[f"/b/{name}"] = MemoryFileSystem.store["/b/plain.jpg"]
        for file in list_files("memory://b/"):
            assert file.read(0, 10) == b"1"


def test_chains_of_addresses_are_rejected():
    put("memory://b/in/a.jpg", b"1")
    with pytest.raises(AddressError) as caught:
        list_files("simplecache::memory://b/in")
    assert caught.value.reason == "has a ::"


def test_a_mark_is_that_of_the_file_on_a_disk(tmp_path):
    content = bytes(range(256)) * 400  # more than the 64 kB that are read
    (tmp_path / "a.jpg").write_bytes(content)
    put("memory://b/a.jpg", content)
    (file,) = list_files("memory://b/a.jpg")
    expected = compute_mark(tmp_path / "a.jpg")
    assert RemotePhoto(file).compute_mark() == expected
    read = RemotePhoto(file)
    assert read.read_bytes() == content
    assert read.mark == expected


def test_the_mark_is_of_what_was_read_not_of_what_is_there_later():
    put("memory://b/a.jpg", b"before")
    photo = RemotePhoto(list_files("memory://b/a.jpg")[0])
    photo.read_bytes()
    before = photo.mark
    put("memory://b/a.jpg", b"after it")
    assert compute_mark(photo) == before


def test_a_photo_that_has_grown_is_read_as_it_was_listed():
    put("memory://b/a.jpg", b"12")
    photo = RemotePhoto(list_files("memory://b/a.jpg")[0])
    put("memory://b/a.jpg", b"123456")
    assert photo.read_bytes() == b"12"


def test_times_are_compared_without_their_zone():
    moment = datetime(2026, 12, 1, 12, tzinfo=UTC)
    versions = set()
    for hours in (0, 9):
        local = moment.astimezone(timezone(timedelta(hours=hours)))
        versions.add(addresses._make_file("s3://b", "", "b", {"LastModified": local}).version)
    assert len(versions) == 1


def test_huge_photos_are_not_read(monkeypatch):
    """Neither if the listing says so, nor if it says nothing."""
    monkeypatch.setattr(addresses, "MOST_BYTES", 5)
    put("memory://b/a.jpg", b"123456")
    listed = list_files("memory://b/a.jpg")[0]
    with pytest.raises(AddressError, match="too large"):
        RemotePhoto(listed).read_bytes()
    photo = RemotePhoto(replace(listed, size=None))
    with pytest.raises(AddressError) as caught:
        photo.read_bytes()
    assert caught.value.reason == "too large (limit 5 bytes)"


def test_a_photo_travels_with_its_facts():
    put("memory://b/in/a.b.jpg", b"1")
    photo = RemotePhoto(list_files("memory://b/in")[0])
    photo.read_bytes()
    copy = pickle.loads(pickle.dumps(photo))
    assert copy == photo
    assert (copy.mark, copy.name, copy.stem, copy.parts) == (
        photo.mark,
        "a.b.jpg",
        "a.b",
        ("b", "in", "a.b.jpg"),
    )
    error = AddressError("memory://b: no", "no")
    assert pickle.loads(pickle.dumps(error)).reason == "no"


def test_what_is_missing_is_named():
    with pytest.raises(AddressError, match=r"memory://none/in\b") as caught:
        list_files("memory://none/in")
    assert caught.value.reason == "no such file"
    with pytest.raises(AddressError, match="nosuch://"):
        check_readable("nosuch://b/in")


class NoCredentialsError(Exception):
    """An error by the name of botocore's."""


class EndpointConnectionError(Exception):
    """An error by the name of botocore's."""


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (PermissionError("Forbidden"), "no permission (Forbidden)"),
        (NoCredentialsError("Unable to locate"), "no credentials for memory://"),
        (EndpointConnectionError("Could not connect"), "no connection"),
        (OSError("odd\nsecond line"), "odd (OSError)"),
        (ImportError("Install x to access it"), "Install x"),
    ],
)
def test_errors_are_one_line_with_the_reason(monkeypatch, error, expected):
    def raise_error(*_args, **_options):
        raise error

    monkeypatch.setattr(MemoryFileSystem, "info", raise_error)
    with pytest.raises(AddressError) as caught:
        list_files("memory://b/in")
    assert str(caught.value).startswith("memory://b/in cannot be read: ")
    assert expected in caught.value.reason
    assert "\n" not in str(caught.value)


def test_a_missing_package_is_named_with_its_remedy():
    error = addresses._explain(ImportError("Install s3fs to access S3"), "s3://b/in")
    assert error.endswith("install it with `make addresses`, or: pip install s3fs")
    error = addresses._explain(ImportError("Please install gcsfs"), "gs://b/in")
    assert error.endswith("gs:// needs gcsfs, which is not installed; pip install gcsfs")


def test_what_must_be_on_a_disk_is_rejected():
    reject_address("--out", "s3-/file.csv", "name a file here")
    with pytest.raises(UsageError, match=r"--out .*s3://b/out.csv.*name a file here"):
        reject_address("--out", "s3://b/out.csv", "name a file here")
