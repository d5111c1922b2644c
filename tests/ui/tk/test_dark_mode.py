"""Dark mode, as the desktop's own commands report it."""

import sys

import pytest

from ui.tk.dark_mode import COMMANDS, is_dark

REGISTRY = "\n    AppsUseLightTheme    REG_DWORD    {}\n"


@pytest.fixture
def is_dark_if_printed(tmp_path, monkeypatch):
    """Fakes a system's command: it prints a text and exits with a status."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GTK_THEME", raising=False)

    def fake(system, text, status=0):
        monkeypatch.setattr(sys, "platform", system)
        file = tmp_path / COMMANDS[system][0]
        file.write_text(f"#!/bin/sh\nprintf '%s' \"{text}\"\nexit {status}\n")
        file.chmod(0o755)
        return is_dark()

    return fake


@pytest.mark.skipif(sys.platform == "win32", reason="the fake commands are Unix shell scripts")
def test_each_system_has_its_own_command(is_dark_if_printed):
    assert is_dark_if_printed("linux", "'prefer-dark'") is True
    assert is_dark_if_printed("linux", "'default'") is False
    assert is_dark_if_printed("darwin", "Dark\n") is True
    assert is_dark_if_printed("darwin", "", status=1) is False  # macOS in light mode
    assert is_dark_if_printed("win32", REGISTRY.format("0x0")) is True
    assert is_dark_if_printed("win32", REGISTRY.format("0x1")) is False


def test_without_an_answer_it_is_light(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GTK_THEME", raising=False)
    assert is_dark() is False
    monkeypatch.setattr(sys, "platform", "plan9")
    assert is_dark() is False


def test_the_environments_theme_comes_first(monkeypatch):
    for theme, dark in (("Adwaita:dark", True), ("Yaru-dark", True), ("Adwaita", False)):
        monkeypatch.setenv("GTK_THEME", theme)
        assert is_dark() is dark
