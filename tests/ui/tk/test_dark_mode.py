"""Whether programs are wanted dark, as the desktop's own commands say."""

import sys

import pytest

from ui.tk.dark_mode import _ASKED, is_dark

REGISTRY = "\n    AppsUseLightTheme    REG_DWORD    {}\n"


@pytest.fixture
def answering(tmp_path, monkeypatch):
    """Has the commands that ask desktops print a text and leave with a status; returns what is_dark says then."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GTK_THEME", raising=False)

    def asked(system, text, status=0):
        monkeypatch.setattr(sys, "platform", system)
        file = tmp_path / _ASKED[system][0]
        file.write_text(f"#!/bin/sh\nprintf '%s' \"{text}\"\nexit {status}\n")
        file.chmod(0o755)
        return is_dark()

    return asked


@pytest.mark.skipif(sys.platform == "win32", reason="the commands are made up for a Unix shell")
def test_each_system_is_asked_in_its_own_way(answering):
    assert answering("linux", "'prefer-dark'") is True
    assert answering("linux", "'default'") is False
    assert answering("darwin", "Dark\n") is True
    assert answering("darwin", "", status=1) is False  # what a light one says
    assert answering("win32", REGISTRY.format("0x0")) is True
    assert answering("win32", REGISTRY.format("0x1")) is False


def test_where_nothing_tells_it_is_light(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("GTK_THEME", raising=False)
    assert is_dark() is False
    monkeypatch.setattr(sys, "platform", "plan9")
    assert is_dark() is False


def test_a_theme_that_is_named_goes_before(monkeypatch):
    for theme, dark in (("Adwaita:dark", True), ("Yaru-dark", True), ("Adwaita", False)):
        monkeypatch.setenv("GTK_THEME", theme)
        assert is_dark() is dark
