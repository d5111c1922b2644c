"""A failed download names the address and the place of the file."""

from pathlib import Path

from utils.keras_files import find_address, find_keras_file


def test_the_place_is_that_of_keras(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    assert find_keras_file("models", "a.h5") == Path.home() / ".keras/models/a.h5"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert find_keras_file("datasets", "b") == tmp_path / "datasets/b"


def test_the_address_is_found_in_the_message():
    message = "URL fetch failure on https://example.org/v3/weights_notop.h5: None -- no way out"
    assert find_address(message) == "https://example.org/v3/weights_notop.h5"
    assert find_address("no address here") is None
