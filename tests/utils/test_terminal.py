"""Lines by importance and stream, and colour on a terminal."""

import contextlib
import os

import pytest

from tests.helpers.terminals import Terminal, make_terminal
from utils.terminal import (
    LEVELS,
    fail,
    highlight,
    note,
    output,
    say,
    screen,
    set_level,
    show_errors_alone,
    warn,
)


@pytest.fixture(autouse=True)
def restored_screen(monkeypatch):
    for name, value in vars(screen).items():
        monkeypatch.setattr(screen, name, value)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def print_all_kinds():
    say("said")
    output("asked for")
    note("noted")
    warn("warned of")
    fail("failed")


SAID = "said\n"
ASKED = "asked for\n"
NOTED = "noted\n"
WARNED = "warning: warned of\n"
FAILED = "error: failed\n"


@pytest.mark.parametrize(("level", "quiet", "out", "error"), [
    ("debug", False, SAID + ASKED, NOTED + WARNED + FAILED),
    ("info", False, SAID + ASKED, NOTED + WARNED + FAILED),
    ("warning", False, ASKED, NOTED + WARNED + FAILED),
    ("error", False, ASKED, NOTED + FAILED),
    ("debug", True, ASKED, NOTED + WARNED + FAILED),
    ("info", True, ASKED, NOTED + WARNED + FAILED),
    ("error", True, ASKED, NOTED + FAILED),
])  # fmt: skip
def test_each_level_prints_its_kinds_of_lines(capsys, level, quiet, out, error):
    set_level(level, quiet=quiet)
    print_all_kinds()
    assert tuple(capsys.readouterr()) == (out, error)


def test_bytes_that_are_no_utf8_are_printed_escaped(capsys):
    say(f"skipped: {os.fsdecode(bytes([0x61, 0xFF]))}.jpg")
    assert capsys.readouterr().out == "skipped: a\\udcff.jpg\n"


def test_levels_are_those_of_the_option():
    assert list(LEVELS) == ["debug", "info", "warning", "error"]


def test_an_error_has_its_traceback_with_debug(capsys):
    for level in ("info", "debug"):
        set_level(level)
        try:
            int("x")
        except ValueError:
            fail("no number")
        lines = capsys.readouterr().err.splitlines()
        assert lines[-1] == "error: no number"
        assert (lines[0] == "Traceback (most recent call last):") == (level == "debug")
        assert ('int("x")' in "".join(lines)) == (level == "debug")


def test_colour_on_a_terminal():
    with make_terminal() as (out, error):
        print_all_kinds()
        assert highlight("best") == "\033[32mbest\033[0m"
    assert out.getvalue() == SAID + ASKED
    assert (
        error.getvalue()
        == "noted\n\033[33mwarning:\033[0m warned of\n\033[31merror:\033[0m failed\n"
    )


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", None)])
def test_no_colour_if_the_environment_forbids_it(monkeypatch, name, value):
    monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with make_terminal() as (_, error):
        print_all_kinds()
        assert highlight("best") == "best"
    assert error.getvalue() == NOTED + WARNED + FAILED


def test_an_empty_no_color_forbids_nothing(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    with make_terminal():
        assert highlight("best") != "best"


def test_colour_depends_on_the_stream_that_is_written_to():
    with contextlib.redirect_stderr(Terminal()) as error:
        assert highlight("best") == "best"
        warn("warned of")
    assert "\033" in error.getvalue()


@pytest.mark.parametrize(("level", "expected"), [("info", "error: failed\n"), ("debug", None)])
def test_workers_but_the_first_show_errors_alone(capsys, level, expected):
    """Notes are shown too: they say what the user must know."""
    set_level(level)
    show_errors_alone()
    print_all_kinds()
    out, error = capsys.readouterr()
    assert "said" not in out
    if expected is not None:
        assert error == NOTED + expected
    else:
        assert "warned of" in error
