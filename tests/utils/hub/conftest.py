"""A Hub on loopback, and an empty cache, for each test."""

import pytest

from tests.helpers.hub_server import use_hub
from utils.hub import transfer


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "_SECONDS_BETWEEN", 0)
    with use_hub(monkeypatch, tmp_path / "home") as server:
        yield server
