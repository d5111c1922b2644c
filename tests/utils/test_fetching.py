"""Runs and weights at addresses, fetched into a cache."""

import os
import threading
import time

import pytest

from tests.helpers.remote import clear_memory, put, record_reads
from utils import fetching, files
from utils.errors import UserError
from utils.fetching import fetch_file, fetch_run, find_cache, is_fetched

RUN = {
    "config.json": b"{}",
    "vocabulary.json": b"[]",
    "history.jsonl": b"",
    "best/ckpt-1.index": b"index",
    "best/ckpt-1.data-00000-of-00001": bytes(range(256)) * 10,
    "encoder/ckpt-1.index": b"encoder",
}
UNNEEDED = {
    "last/ckpt-9.index": b"state of training",
    "results/01.png": b"picture",
    "report.html": b"page",
    "best.pickle": b"unknown",
}
ADDRESS = "memory://runs/best run"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    clear_memory()
    for name, content in (RUN | UNNEEDED).items():
        put(f"{ADDRESS}/{name}", content)
    yield find_cache()
    clear_memory()


@pytest.fixture
def requests(monkeypatch):
    """Return the names that were read, as they are."""
    return record_reads(monkeypatch, "name")


def read_folder(folder):
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def list_cache(cache):
    return sorted(path.name for path in cache.iterdir() if path.name != "locks")


def test_what_captions_need_is_fetched_once(cache, requests, capsys, monkeypatch):
    monkeypatch.setattr(fetching, "_CHUNK", 1000)
    folder = fetch_run(f"{ADDRESS}/")
    assert read_folder(folder) == RUN
    assert folder.parent == cache
    assert folder.name.startswith("best_run-")
    assert requests.count("best/ckpt-1.data-00000-of-00001") == 3
    assert f"fetching {ADDRESS}/ (2.6 kB)" in capsys.readouterr().out
    requests.clear()
    assert fetch_run(f"{ADDRESS}/") == folder
    assert fetch_run(ADDRESS) == folder
    assert requests == []
    assert is_fetched(folder)
    assert not is_fetched(cache.parent)


def test_a_changed_run_is_fetched_into_another_folder():
    folder = fetch_run(ADDRESS)
    put(f"{ADDRESS}/config.json", b'{"a": 1}')
    changed = fetch_run(ADDRESS)
    assert changed != folder
    assert (changed / "config.json").read_bytes() == b'{"a": 1}'
    with pytest.raises(UserError, match="changed since this command started"):
        fetch_run(ADDRESS, expected=folder.name)


def test_a_version_changes_the_folder_where_the_size_stays(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.json").write_bytes(b"{}")
    before = fetch_run(f"file://{run}")
    (run / "config.json").write_bytes(b"[]")
    os.utime(run / "config.json", (1, 1))
    after = fetch_run(f"file://{run}")
    assert after != before
    assert (after / "config.json").read_bytes() == b"[]"


def test_a_damaged_copy_is_fetched_again():
    folder = fetch_run(ADDRESS)
    (folder / "best/ckpt-1.index").write_bytes(b"ind")
    (folder / "stray").write_bytes(b"")
    assert fetch_run(ADDRESS) == folder
    assert read_folder(folder) == RUN


def test_a_fetch_that_fails_leaves_nothing(cache, monkeypatch):
    read = fetching.ListedFile.read

    def cut(file, start, end):
        if file.name == "best/ckpt-1.index":
            raise UserError("the network is down")
        return read(file, start, end)

    monkeypatch.setattr(fetching.ListedFile, "read", cut)
    with pytest.raises(UserError, match="the network is down"):
        fetch_run(ADDRESS)
    assert list_cache(cache) == []
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache.parents[1]))
    assert read_folder(fetch_run(ADDRESS)) == RUN


def test_a_file_that_comes_short_is_rejected(cache, monkeypatch):
    read = fetching.ListedFile.read
    monkeypatch.setattr(
        fetching.ListedFile, "read", lambda file, start, end: read(file, start, end)[:3]
    )
    with pytest.raises(UserError, match=r"came with 3 bytes.* 2,560|says 5"):
        fetch_run(ADDRESS)
    assert list_cache(cache) == []


def test_a_run_that_changes_meanwhile_is_rejected(cache, monkeypatch):
    read = fetching.ListedFile.read

    def change(file, start, end):
        if file.name == "vocabulary.json":
            put(f"{ADDRESS}/config.json", b"{ }")
        return read(file, start, end)

    monkeypatch.setattr(fetching.ListedFile, "read", change)
    with pytest.raises(UserError, match="changed while it was fetched"):
        fetch_run(ADDRESS)
    assert list_cache(cache) == []


def test_the_rest_of_a_killed_fetch_is_never_found(cache):
    abandoned = cache / ".part-0000-best_run-0"
    fresh = cache / ".part-1111-best_run-0"
    for folder in (abandoned, fresh):
        folder.mkdir(parents=True)
        (folder / "config.json").write_bytes(b"half")
    os.utime(abandoned, (1, 1))
    folder = fetch_run(ADDRESS)
    assert read_folder(folder) == RUN
    assert list_cache(cache) == [fresh.name, folder.name]


def test_a_second_process_waits_for_the_first(cache, capsys, monkeypatch, requests):
    monkeypatch.setattr(files, "_SECONDS_BETWEEN_LOOKS", 0.01)
    folder = fetch_run(ADDRESS)
    (folder / "config.json").unlink()  # as if the first process had not written it yet
    requests.clear()
    lock = cache / "locks" / f"{folder.name}.lock"
    with lock.open("ab") as opened:
        assert files.try_lock(opened)
        thread = threading.Thread(target=fetch_run, args=(ADDRESS,))
        thread.start()
        time.sleep(0.2)
        (folder / "config.json").write_bytes(RUN["config.json"])
    thread.join(10)
    assert not thread.is_alive()
    assert requests == []  # what the first one has fetched is used
    assert "another process fetches" in capsys.readouterr().out


def test_no_run_is_named():
    put("memory://runs/none/best/ckpt-1.index", b"")
    with pytest.raises(UserError, match=r"memory://runs/none is not a run folder"):
        fetch_run("memory://runs/none")
    with pytest.raises(UserError, match="memory://runs/nothing"):
        fetch_run("memory://runs/nothing")


@pytest.mark.parametrize("name", ["best/../../evil.json", "best//evil", "best\\..\\evil.json"])
def test_names_outside_of_the_folder_are_rejected(cache, name, monkeypatch):
    listed = fetching.ListedFile(ADDRESS, name, f"/runs/best run/{name}", 2)
    config = fetching.ListedFile(ADDRESS, "config.json", "/runs/best run/config.json", 2)
    monkeypatch.setattr(fetching, "list_files", lambda _: [config, listed])
    with pytest.raises(UserError, match="rename it there"):
        fetch_run(ADDRESS)
    assert not list(cache.rglob("evil*"))


def test_a_file_is_fetched_by_its_name():
    put("memory://weights/a.weights.h5", b"weights")
    file = fetch_file("memory://weights/a.weights.h5")
    assert (file.name, file.read_bytes()) == ("a.weights.h5", b"weights")
    with pytest.raises(UserError, match="is a folder"):
        fetch_file("memory://weights")
