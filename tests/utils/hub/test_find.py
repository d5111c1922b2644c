"""Download a captioner by name, from a Hub on loopback."""

import errno
import json
import os
import re
import shutil
import threading
import time
from collections import namedtuple
from pathlib import Path

import pytest

from tests.helpers.hub_server import find_blob, hash_large, make_commit
from utils import files as locks
from utils.errors import UserError
from utils.files import try_lock
from utils.hub import transfer
from utils.hub.cache import find_cache, is_complete, read_commit
from utils.hub.find import find_model
from utils.hub.name import parse_name

NAME = "owner/captioner"
WEIGHTS = bytes(range(256)) * 1200
SMALL = {
    "config.json": b'{"model_type": "vision-encoder-decoder"}',
    "generation_config.json": b"{}",
    "preprocessor_config.json": b'{"do_resize": true}',
    "tokenizer_config.json": b'{"model_max_length": 9}',
    "vocab.json": b'{"a": 0}',
    "merges.txt": b"#version",
}
NEEDED = SMALL | {"model.safetensors": WEIGHTS}
UNNEEDED = {
    "README.md": b"---\nlicense: mit\n---",
    "pytorch_model.bin": b"a pickle",
    "tf_model.h5": b"another",
    "flax_model.msgpack": b"a third",
    "model.fp16.safetensors": b"half",
    "pytorch_model.bin.index.json": b"{}",
    "onnx/config.json": b"{}",
    "onnx/model.safetensors": b"elsewhere",
    "photo.jpg": b"\xff\xd8",
}


def fetch(text=NAME):
    return find_model(parse_name(text))


def read_files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def list_unfinished():
    return sorted(find_cache().glob("models--*/blobs/*.incomplete"))


def list_snapshots():
    """Return the files that could be loaded."""
    return sorted(file.name for file in find_cache().glob("models--*/snapshots/*/*"))


def expect_error(text=NAME):
    """Return the line of the error; nothing that could be loaded is left."""
    with pytest.raises(UserError) as caught:
        fetch(text)
    assert caught.value.status == 1
    return str(caught.value)


# What is downloaded.


def test_only_what_a_captioner_needs_is_downloaded(hub):
    commit = hub.add(NAME, NEEDED | UNNEEDED)
    folder = fetch()
    assert folder == find_cache() / "models--owner--captioner" / "snapshots" / commit
    assert read_files(folder) == NEEDED
    assert sorted(hub.find_files()) == sorted(NEEDED)
    assert hub.find_files()[-1] == "model.safetensors"  # the small ones first
    assert all(f"/resolve/{commit}/" in request.path for request in hub.requests[1:8])
    assert list_unfinished() == []


def test_the_cache_has_the_form_of_hugging_face(hub):
    commit = hub.add(NAME, NEEDED)
    folder = fetch()
    repository = folder.parents[1]
    assert (repository / "refs" / "main").read_text() == commit
    for name, content in NEEDED.items():
        blob = repository / "blobs" / find_blob(name, content)
        assert (folder / name).is_symlink()
        assert (folder / name).resolve() == blob.resolve()
    tree = json.loads((repository / "trees" / f"{commit}.json").read_text())
    assert tree["files"]["model.safetensors"]["lfs_sha256"] == hash_large(WEIGHTS)


def test_the_library_finds_what_was_downloaded(hub):
    huggingface_hub = pytest.importorskip("huggingface_hub")
    hub.add(NAME, NEEDED)
    folder = fetch()
    number = len(hub.requests)
    found = huggingface_hub.try_to_load_from_cache(
        NAME, "model.safetensors", cache_dir=find_cache()
    )
    assert found == str(folder / "model.safetensors")
    [info] = huggingface_hub.scan_cache_dir(find_cache()).repos
    assert info.repo_id == NAME
    assert len(hub.requests) == number


def test_the_second_time_needs_no_request(hub, capsys):
    hub.add(NAME, NEEDED)
    folder = fetch()
    capsys.readouterr()
    hub.requests.clear()
    start = time.perf_counter()
    assert fetch() == folder
    assert time.perf_counter() - start < 0.1
    assert fetch(f"{NAME}@{folder.name}") == folder
    assert fetch(f"{NAME}@{folder.name[:7]}") == folder
    assert hub.requests == []
    assert capsys.readouterr() == ("", "")


def test_size_and_licence_are_said_before(hub, capsys):
    hub.add(NAME, NEEDED, licence="bsd-3-clause")
    fetch()
    out, _ = capsys.readouterr()
    assert out == (f"downloading {NAME} (307 kB, licence bsd-3-clause) into {find_cache()}\n")


def test_a_licence_that_is_not_stated(hub, capsys):
    hub.add(NAME, NEEDED, licence=None)
    fetch()
    assert "licence not stated" in capsys.readouterr().out


def test_shards_are_taken_with_their_index(hub):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors"}}
    shards = {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "model-00001-of-00002.safetensors": b"one",
        "model-00002-of-00002.safetensors": b"two",
    }
    variants = {
        "model.fp16-00001-of-00002.safetensors": b"half",
        "model.fp16.safetensors.index.json": b"{}",
    }
    hub.add(NAME, SMALL | shards | variants)
    assert read_files(fetch()) == SMALL | shards


@pytest.mark.parametrize("name", ["model-00002-of-00002.safetensors", "../outside.safetensors"])
def test_an_index_that_names_a_missing_file_is_rejected(hub, name):
    index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": name}}
    shards = {
        "model.safetensors.index.json": json.dumps(index).encode(),
        "model-00001-of-00002.safetensors": b"one",
    }
    hub.add(NAME, SMALL | shards)
    assert repr(name) in expect_error()
    assert list_snapshots() == []


def test_a_damaged_index_is_rejected(hub):
    shards = {
        "model.safetensors.index.json": b"[]",
        "model-00001-of-00002.safetensors": b"one",
    }
    hub.add(NAME, SMALL | shards)
    assert "is damaged" in expect_error()
    assert list_snapshots() == []


def test_whole_weights_go_before_shards(hub):
    shards = {
        "model.safetensors.index.json": b"{}",
        "model-00001-of-00001.safetensors": b"shard",
    }
    hub.add(NAME, NEEDED | shards)
    assert read_files(fetch()) == NEEDED


def test_a_mirror_without_sizes_is_asked_for_each_file(hub):
    hub.add(NAME, NEEDED | UNNEEDED)
    hub.has_sizes = False
    folder = fetch()
    assert read_files(folder) == NEEDED
    assert sorted(hub.find_files(method="HEAD")) == sorted(NEEDED)
    hub.requests.clear()
    assert fetch() == folder
    assert hub.requests == []


# Revisions.


def test_a_commit_is_pinned(hub):
    old = hub.add(NAME, NEEDED)
    new = hub.add(NAME, NEEDED | {"config.json": b"{}"})
    assert fetch(f"{NAME}@{old}").name == old
    assert fetch().name == new
    assert (fetch(f"{NAME}@{old}") / "config.json").read_bytes() == NEEDED["config.json"]


def test_without_a_revision_the_cache_goes_first(hub):
    old = hub.add(NAME, NEEDED)
    fetch()
    new = hub.add(NAME, NEEDED | {"config.json": b'{"new": 1}'})
    assert fetch().name == old
    assert fetch(f"{NAME}@main").name == new
    assert hub.find_files()[-1] == "config.json"  # the other files did not change
    assert len(hub.find_files()) == len(NEEDED) + 1
    assert fetch().name == new


def test_a_pull_request_is_a_revision(hub):
    hub.add(NAME, SMALL)
    commit = hub.add(NAME, NEEDED, revision="refs/pr/3")
    assert fetch(f"{NAME}@refs/pr/3").name == commit
    assert read_commit(parse_name(f"{NAME}@refs/pr/3")) == commit
    assert read_commit(parse_name(NAME)) is None


def test_a_revision_that_moves_between_list_and_files(hub):
    """All files are of the commit that was listed, never a mixture."""
    old = hub.add(NAME, NEEDED)
    others = dict.fromkeys(NEEDED, b"moved")
    hub.after_list = lambda: hub.add(NAME, others)
    folder = fetch()
    assert folder.name == old
    assert read_files(folder) == NEEDED


def test_a_commit_that_vanished_after_the_list(hub):
    commit = hub.add(NAME, NEEDED)
    hub.after_list = lambda: hub.repositories[NAME].commits[commit].pop("vocab.json")
    line = expect_error()
    assert "vocab.json" in line
    assert "run this again" in line
    assert list_snapshots() == []


def test_files_of_another_commit_are_rejected(hub):
    hub.add(NAME, NEEDED)
    hub.other_commit = make_commit("another")
    line = expect_error()
    assert hub.other_commit in line
    assert list_snapshots() == []
    assert count_unfinished_bytes() == 0


def count_unfinished_bytes():
    return sum(file.stat().st_size for file in list_unfinished())


# Interruptions.


def test_a_cut_connection_resumes_by_itself(hub):
    """The second request is for the rest; the bytes before are kept."""
    hub.add(NAME, NEEDED)
    hub.cuts["model.safetensors"] = 200_000
    folder = fetch()
    assert (folder / "model.safetensors").read_bytes() == WEIGHTS
    asked = [request for request in hub.requests if request.is_store]
    assert "range" not in asked[0].headers
    assert asked[1].headers["range"] == "bytes=200000-"
    assert len(asked) == 2


def test_the_same_command_resumes(hub, monkeypatch, capsys):
    hub.add(NAME, NEEDED)
    hub.cuts["model.safetensors"] = 100_000
    monkeypatch.setattr(transfer, "_ATTEMPTS", 0)
    line = expect_error()
    assert "the same command resumes at 100 kB of 307 kB" in line
    assert list_snapshots() == []
    [unfinished] = list_unfinished()
    assert unfinished.read_bytes() == WEIGHTS[:100_000]
    assert not is_complete(parse_name(NAME), make_commit("main0"))

    hub.cuts.clear()
    hub.requests.clear()
    capsys.readouterr()
    folder = fetch()
    assert read_files(folder) == NEEDED
    assert hub.find_files() == ["model.safetensors"]
    assert hub.requests[-1].headers["range"] == "bytes=100000-"
    assert "; 100 kB are there already" in capsys.readouterr().out


def test_a_server_that_is_busy_is_asked_again(hub):
    hub.add(NAME, NEEDED)
    hub.busy["model.safetensors"] = 2
    assert read_files(fetch()) == NEEDED


def test_a_server_without_ranges_sends_all_again(hub):
    hub.add(NAME, NEEDED)
    fetch_half(hub)
    hub.has_ranges = False
    assert read_files(fetch()) == NEEDED


def fetch_half(hub):
    """Leave the first half of the weights in the cache."""
    blob = find_cache() / "models--owner--captioner" / "blobs" / hash_large(WEIGHTS)
    blob.parent.mkdir(parents=True, exist_ok=True)
    blob.with_name(f"{blob.name}.incomplete").write_bytes(WEIGHTS[: len(WEIGHTS) // 2])


def test_ctrl_c_leaves_nothing_that_would_be_loaded(hub, monkeypatch):
    hub.add(NAME, NEEDED)
    received = []

    def interrupt(self, number):
        received.append(number)
        if sum(received) > 50_000:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr("utils.progress.ByteBar.update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fetch()
    assert list_snapshots() == []
    [unfinished] = list_unfinished()
    size = unfinished.stat().st_size
    assert 0 < size < len(WEIGHTS)
    hub.requests.clear()
    assert read_files(fetch()) == NEEDED
    assert hub.requests[-1].headers["range"] == f"bytes={size}-"


def test_a_file_that_was_cut_in_the_cache_is_downloaded_again(hub):
    hub.add(NAME, NEEDED)
    folder = fetch()
    (folder / "model.safetensors").resolve().write_bytes(WEIGHTS[:-1])
    hub.requests.clear()
    assert read_files(fetch()) == NEEDED
    assert hub.find_files() == ["model.safetensors"]


def test_a_file_that_was_removed_from_the_cache_is_downloaded_again(hub):
    hub.add(NAME, NEEDED)
    folder = fetch()
    (folder / "vocab.json").unlink()
    (folder / "config.json").resolve().unlink()
    hub.requests.clear()
    assert read_files(fetch()) == NEEDED
    assert hub.find_files() == ["config.json"]  # the other one needed its name only


def test_a_second_process_waits_for_the_first(hub, capsys, monkeypatch):
    monkeypatch.setattr(locks, "_SECONDS_BETWEEN_LOOKS", 0.01)
    hub.add(NAME, NEEDED)
    lock = find_cache() / ".locks" / "models--owner--captioner" / "download.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("ab") as opened:
        assert try_lock(opened)
        thread = threading.Thread(target=fetch)
        thread.start()
        time.sleep(0.3)
        assert hub.find_files() == []
    thread.join(10)
    assert not thread.is_alive()
    assert sorted(hub.find_files()) == sorted(NEEDED)
    assert f"another process downloads {NAME}" in capsys.readouterr().out


# Files that are not what the Hub lists.


@pytest.mark.parametrize("sent", [WEIGHTS[:-5], WEIGHTS + b"more"], ids=["shorter", "longer"])
def test_a_wrong_size_is_rejected_and_deleted(hub, sent):
    hub.add(NAME, NEEDED)
    hub.sent_instead["model.safetensors"] = sent
    line = expect_error()
    assert "model.safetensors" in line
    assert "size" in line
    assert "307,200 bytes" in line
    assert list_unfinished() == []
    assert list_snapshots() == []
    hub.sent_instead.clear()
    assert read_files(fetch()) == NEEDED


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_wrong_hash_is_rejected_and_deleted(hub, name):
    hub.add(NAME, NEEDED)
    content = NEEDED[name]
    hub.sent_instead[name] = content[:-1] + b"?"
    line = expect_error()
    assert f"{name} of hf:{NAME}@" in line
    assert find_blob(name, content)[:12] in line
    assert list_unfinished() == []
    assert list_snapshots() == []
    hub.sent_instead.clear()
    assert read_files(fetch()) == NEEDED


@pytest.mark.parametrize(
    "name", ["../evil.json", "a/../../evil.json", "/etc/evil.json", "a\\..\\b.json", "c:evil.json"]
)
def test_a_file_name_outside_of_the_folder_is_rejected(hub, name):
    hub.add(NAME, NEEDED | {name: b"{}"})
    line = expect_error()
    assert repr(name) in line
    assert hub.find_files() == []


# Repositories that cannot be had.


def test_an_absent_repository(hub):
    line = expect_error("owner/absent")
    assert "'owner/absent'" in line
    assert "404" in line


@pytest.mark.parametrize("status", [401, 403])
def test_a_gated_repository(hub, status):
    hub.add(NAME, NEEDED, status=status, error_code="GatedRepo")
    line = expect_error()
    assert f"gated ({status})" in line
    assert f"{hub.endpoint}/{NAME}" in line
    assert "HF_TOKEN" in line


@pytest.mark.parametrize("status", [401, 403])
def test_a_private_repository(hub, status):
    hub.add(NAME, NEEDED, status=status)
    line = expect_error()
    assert f"does not exist, or is private or gated ({status})" in line
    assert f"{hub.endpoint}/{NAME}" in line
    assert "HF_TOKEN" in line


def test_a_token_that_is_rejected(hub):
    message = "Invalid credentials in Authorization header"
    hub.add(NAME, NEEDED, status=401, error_message=message)
    assert "rejects the token" in expect_error()


def test_a_repository_that_is_gated_since_it_was_listed(hub):
    hub.add(NAME, NEEDED)
    repository = hub.repositories[NAME]
    hub.after_list = lambda: vars(repository).update(status=403, error_code="GatedRepo")
    assert "gated (403)" in expect_error()
    assert list_snapshots() == []


@pytest.mark.parametrize(("status", "word"), [(429, "429"), (500, "500"), (418, "418")])
def test_other_answers(hub, status, word):
    hub.add(NAME, NEEDED, status=status)
    assert word in expect_error()


def test_a_revision_that_does_not_exist(hub):
    hub.add(NAME, NEEDED)
    line = expect_error(f"{NAME}@nothing")
    assert "no revision 'nothing'" in line
    assert f"hf:{NAME}" in line


def test_a_model_of_another_kind(hub):
    hub.add(NAME, NEEDED, model_type="llava")
    line = expect_error()
    assert "'llava'" in line
    assert "vision-encoder-decoder, blip, git, " in line
    assert hub.find_files() == []


def test_a_kind_that_the_hub_does_not_say(hub):
    hub.add(NAME, NEEDED, model_type=None)
    assert read_files(fetch()) == NEEDED


def test_a_repository_without_weights(hub):
    hub.add(NAME, SMALL)
    assert "no model.safetensors" in expect_error()


def test_a_repository_without_config(hub):
    hub.add(NAME, {"model.safetensors": WEIGHTS})
    assert "no config.json" in expect_error()


# Pickles.


def test_a_pickle_that_the_bot_converted(hub):
    """The newest of its pull requests that has weights is named; nothing is downloaded."""
    pickle = SMALL | {"pytorch_model.bin": b"a pickle"}
    hub.add(NAME, pickle, requests_of_bot=[3, 7, 9])
    hub.add(NAME, NEEDED, revision="refs/pr/3")
    hub.add(NAME, NEEDED | pickle, revision="refs/pr/7")
    hub.add(NAME, pickle, revision="refs/pr/9")
    line = expect_error()
    assert line.endswith(f"use hf:{NAME}@refs/pr/7")
    assert hub.find_files() == []
    assert fetch(f"{NAME}@refs/pr/7").is_dir()


def test_a_pickle_that_nobody_converted(hub):
    hub.add(NAME, SMALL | {"pytorch_model.bin": b"a pickle"})
    line = expect_error()
    assert "pytorch_model.bin, a pickle" in line
    assert f"hf download {NAME} --local-dir captioner" in line
    assert "hf:captioner" in line
    assert hub.find_files() == []


# The network.


def test_no_network_at_all(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    line = expect_error()
    assert "no connection to http://127.0.0.1:1" in line
    assert "resumes" in line


def test_a_branch_is_taken_from_the_cache_without_network(hub, monkeypatch, capsys):
    hub.add(NAME, NEEDED)
    folder = fetch()
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    assert fetch(f"{NAME}@main") == folder
    assert "from the cache as it was" in capsys.readouterr().err


@pytest.mark.parametrize("address", ["huggingface.co", "ftp://host"])
def test_an_endpoint_that_is_no_address(hub, monkeypatch, address):
    monkeypatch.setenv("HF_ENDPOINT", address)
    assert repr(address) in expect_error()


def test_an_endpoint_that_is_no_hub(hub):
    hub.add(NAME, NEEDED)
    hub.repositories[NAME].revisions["main"] = "no commit"
    hub.repositories[NAME].commits["no commit"] = NEEDED
    assert "HF_ENDPOINT" in expect_error()


def test_offline_with_the_model_in_the_cache(hub, monkeypatch):
    hub.add(NAME, NEEDED)
    folder = fetch()
    hub.requests.clear()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch() == folder
    assert fetch(f"{NAME}@main") == folder
    assert hub.requests == []


def test_offline_with_nothing_in_the_cache(hub, monkeypatch):
    hub.add(NAME, NEEDED)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    line = expect_error()
    assert "HF_HUB_OFFLINE" in line
    assert str(find_cache()) in line
    assert hub.requests == []


def test_offline_with_a_part_in_the_cache(hub, monkeypatch):
    hub.add(NAME, NEEDED)
    folder = fetch()
    (folder / "model.safetensors").unlink()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "not whole" in expect_error()


def forget_list(folder):
    """Make the cache one of a program that keeps no list of files."""
    shutil.rmtree(folder.parents[1] / "trees")


def test_a_model_of_another_program_is_listed_once(hub):
    hub.add(NAME, NEEDED)
    folder = fetch()
    forget_list(folder)
    hub.requests.clear()
    assert fetch() == folder
    assert len(hub.requests) == 1  # the list alone
    assert fetch() == folder
    assert len(hub.requests) == 1


def test_a_model_of_another_program_is_completed(hub):
    hub.add(NAME, NEEDED)
    folder = fetch()
    forget_list(folder)
    name = "generation_config.json"
    (folder / name).unlink()
    assert (fetch() / name).read_bytes() == NEEDED[name]


def test_a_model_of_another_program_offline(hub, monkeypatch):
    hub.add(NAME, NEEDED)
    folder = fetch()
    forget_list(folder)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert fetch() == folder
    (folder / "preprocessor_config.json").unlink()
    assert "not whole" in expect_error()


# The environment.


def test_the_token_goes_to_the_endpoint_alone(hub):
    hub.add(NAME, NEEDED)
    fetch()
    for request in hub.requests:
        if request.is_store:
            assert "authorization" not in request.headers
        else:
            assert request.headers["authorization"] == "Bearer hf_secret"
    assert any(request.is_store for request in hub.requests)


def test_no_request_says_more_than_it_must(hub):
    hub.add(NAME, NEEDED)
    fetch()
    for request in hub.requests:
        assert not re.search("torch|tensorflow|agent/", request.headers["user-agent"])


def test_the_cache_is_where_the_environment_says(hub, monkeypatch, tmp_path):
    hub.add(NAME, NEEDED)
    assert fetch().is_relative_to(tmp_path / "home" / "hub")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "elsewhere"))
    assert fetch().is_relative_to(tmp_path / "elsewhere")
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.delenv("HF_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    assert find_cache() == tmp_path / "caches" / "huggingface" / "hub"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert find_cache() == Path.home() / ".cache" / "huggingface" / "hub"


def test_a_disk_that_is_too_small(hub, monkeypatch):
    hub.add(NAME, NEEDED)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1000))
    line = expect_error()
    assert "307 kB are needed" in line
    assert "1.0 kB free" in line
    assert hub.find_files() == []


def test_a_disk_that_fills_up(hub, monkeypatch):
    """The command's own line says it; what came is kept."""
    hub.add(NAME, NEEDED)

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("utils.progress.ByteBar.update", fail)
    with pytest.raises(OSError, match="No space left"):
        fetch()
    assert list_snapshots() == []


def test_a_machine_without_links(hub, monkeypatch):
    def fail(*_):
        raise OSError(errno.EPERM, "no links")

    monkeypatch.setattr(Path, "symlink_to", fail)
    hub.add(NAME, NEEDED)
    folder = fetch()
    assert read_files(folder) == NEEDED
    hub.requests.clear()
    assert fetch() == folder
    assert hub.requests == []
