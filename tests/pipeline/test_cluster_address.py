"""The words of --ray, and what is said where there is no Ray or no cluster."""

import importlib.util
import socket

import pytest

from pipeline.cluster_address import check_address, make_absolute
from utils.errors import UsageError, UserError


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())


@pytest.mark.parametrize("address", ["", "here", "host", "host:", ":6379", "host:port", "host:²"])
def test_other_words_are_refused(installed, address):
    with pytest.raises(UsageError, match="--ray must be local, auto or HOST:PORT"):
        check_address(address)


def test_missing_ray_is_one_line_with_the_remedy(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match="make ray") as caught:
        check_address("local")
    assert "\n" not in str(caught.value)


def test_an_address_where_nothing_answers_is_named(installed):
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        check_address(address)
    with pytest.raises(UserError, match=f"no Ray cluster answers at {address}"):
        check_address(address)
    with pytest.raises(UserError, match="no Ray cluster answers"):
        check_address("127.0.0.1:99999")


def test_weights_are_found_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "moved.weights.h5").write_bytes(b"")
    assert make_absolute("moved.weights.h5") == str(tmp_path / "moved.weights.h5")
    assert make_absolute("imagenet") == "imagenet"
    (tmp_path / "model").mkdir()
    assert make_absolute("hf:model") == f"hf:{tmp_path / 'model'}"
