"""What is printed where, by its importance; colour and bars on a terminal alone."""

import contextlib
import io
import re
import time

import pytest

from utils.terminal import (
    LEVELS,
    TrainingBar,
    fail,
    highlight,
    note,
    output,
    progress,
    say,
    screen,
    set_level,
    warn,
)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch):
    for name, value in vars(screen).items():
        monkeypatch.setattr(screen, name, value)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@contextlib.contextmanager
def terminal():
    """Standard output and standard error, both terminals."""
    with (
        contextlib.redirect_stdout(Terminal()) as out,
        contextlib.redirect_stderr(Terminal()) as error,
    ):
        yield out, error


def all_kinds():
    say("said")
    output("asked for")
    note("noted")
    warn("warned of")
    fail("failed")


SAID, ASKED, NOTED, WARNED, FAILED = (
    "said\n",
    "asked for\n",
    "noted\n",
    "warning: warned of\n",
    "error: failed\n",
)


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
    all_kinds()
    assert tuple(capsys.readouterr()) == (out, error)


def test_levels_are_those_of_the_option():
    assert list(LEVELS) == ["debug", "info", "warning", "error"]


def test_an_error_has_its_traceback_with_debug(capsys):
    for level in ("info", "debug"):
        set_level(level)
        try:
            int("x")
        except ValueError:
            fail("no number")
        told = capsys.readouterr().err.splitlines()
        assert told[-1] == "error: no number"
        assert (told[0] == "Traceback (most recent call last):", 'int("x")' in "".join(told)) == (
            level == "debug",
        ) * 2


def test_colour_on_a_terminal():
    with terminal() as (out, error):
        all_kinds()
        assert highlight("best") == "\033[32mbest\033[0m"
    assert out.getvalue() == SAID + ASKED
    assert (
        error.getvalue()
        == "noted\n\033[33mwarning:\033[0m warned of\n\033[31merror:\033[0m failed\n"
    )


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), ("TERM", None)])
def test_no_colour_if_the_environment_forbids_it(monkeypatch, name, value):
    monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with terminal() as (_, error):
        all_kinds()
        assert highlight("best") == "best"
    assert error.getvalue() == NOTED + WARNED + FAILED


def test_an_empty_no_color_forbids_nothing(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "")
    with terminal():
        assert highlight("best") != "best"


def test_colour_depends_on_the_stream_that_is_written_to():
    with contextlib.redirect_stderr(Terminal()) as error:
        assert highlight("best") == "best"
        warn("warned of")
    assert "\033" in error.getvalue()


def shown(error):
    """The last that a bar showed."""
    return error.getvalue().replace("\n", "\r").rstrip("\r ").rpartition("\r")[2]


def test_one_bar_for_all_epochs_with_time_left():
    with (
        terminal() as (_, error),
        TrainingBar(3, 4, done=5) as bar,
    ):  # a run that goes on within its second epoch
        bar._bar.mininterval = 0
        assert re.match(r"epoch 2 of 3:  42%\|.*\| 5/12 ", shown(error))
        bar.update(2, 2, 4, 1.5)
        assert re.match(
            r"epoch 2 of 3:  50%\|.*\| 6/12 \[00:00<00:\d\d, .*steps/s, loss=1\.500\]", shown(error)
        )
        bar.update(2, 4, 4, 1.25)
        bar.scoring(2)
        assert shown(error).startswith("epoch 2 of 3, scoring:  67%")
        bar.update(3, 1, 4, 1.0)
        assert re.match(r"epoch 3 of 3:  75%\|.* 9/12 .*loss=1\.000", shown(error))
    assert error.getvalue().endswith("   \r")  # nothing of it stays


@pytest.mark.parametrize(("level", "quiet"), [("info", True), ("warning", False), ("error", False)])
def test_no_bar_if_progress_is_not_shown(level, quiet):
    set_level(level, quiet=quiet)
    with terminal() as (_, error):
        with TrainingBar(1, 2) as bar:
            bar.update(1, 1, 2, 0.5)
            bar.scoring(1)
        assert list(progress([1, 2], 3, "photos")) == [1, 2]
    assert error.getvalue() == ""


def test_no_bar_in_a_file(capsys):
    with TrainingBar(1, 2) as bar:
        bar.update(1, 1, 2, 0.5)
    assert list(progress(["a"], 1, "photos")) == ["a"]
    assert tuple(capsys.readouterr()) == ("", "")


def test_numbers_advance_the_bar_which_appears_after_a_second():
    def parts():
        yield 30
        time.sleep(1.1)
        yield 2

    with terminal() as (_, error):
        assert list(progress(parts(), 40, "captions")) == [30, 2]
        assert re.match(r" 80%\|.*\| 32/40 \[00:01<00:00, .* captions/s\]", shown(error))
