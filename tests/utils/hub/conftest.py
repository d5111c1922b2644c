"""A Hub on loopback, and an empty cache, for each test."""

import pytest

from tests.helpers.hub_server import serve_hub
from utils.hub import transfer


@pytest.fixture
def hub(tmp_path, monkeypatch):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setattr(transfer, "_SECONDS_BETWEEN", 0)
    with serve_hub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server
