"""The user's screen: lines by importance, and errors.

utils/progress.py adds bars. It is a module of its own because tqdm takes a tenth of a second to
import, and a mistake in a command line is answered without it.
"""

import logging
import os
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_RED, _GREEN, _YELLOW = 31, 32, 33  # the codes of terminals


@dataclass
class Screen:
    """The level of what is shown, for the whole process."""

    level: int = logging.INFO
    quiet: bool = False

    @property
    def shows_debug(self) -> bool:
        """Return whether messages of libraries and tracebacks of errors are shown."""
        return self.level <= logging.DEBUG

    @property
    def shows_info(self) -> bool:
        """Return whether lines and bars say what is being done."""
        return self.level <= logging.INFO and not self.quiet

    @property
    def shows_warnings(self) -> bool:
        return self.level <= logging.WARNING


screen = Screen()


def _write_line(line: str, stream: TextIO) -> None:
    stream.write(f"{line}\n")


_line_writers: list[Callable[[str, TextIO], None]] = [_write_line]


def use_line_writer(write: Callable[[str, TextIO], None]) -> None:
    """Let another function write the lines, such as one that keeps bars below them."""
    _line_writers.append(write)


def set_level(level: str = "info", *, quiet: bool = False) -> None:
    """Show nothing less important than the level; with `quiet` not what is being done."""
    screen.level = LEVELS[level]
    screen.quiet = quiet


def show_errors_alone() -> None:
    """Show errors, and the libraries' messages if they were asked for."""
    screen.quiet = True
    if not screen.shows_debug:
        screen.level = logging.ERROR


def say(text: str) -> None:
    """Print what is being done."""
    if screen.shows_info:
        _print(text, sys.stdout)


def debug(text: str) -> None:
    """Print on standard error what helps to find a fault, at --log-level debug alone."""
    if screen.shows_debug:
        note(text)


def output(text: str) -> None:
    """Print what the user asked for: captions, scores."""
    _print(text, sys.stdout)


def note(text: str) -> None:
    """Print on standard error what the user must know although it is no error."""
    _print(text, sys.stderr)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    if screen.shows_warnings:
        _print(f"{_colour('warning:', _YELLOW, sys.stderr)} {text}", sys.stderr)


def fail(text: str) -> None:
    """Print an error on standard error, with --log-level debug after its traceback."""
    if screen.shows_debug and sys.exc_info()[0]:
        _print(traceback.format_exc(), sys.stderr)
    _print(f"{_colour('error:', _RED, sys.stderr)} {text}", sys.stderr)


def highlight(text: str) -> str:
    """Return good news in colour, for a line on standard output."""
    return _colour(text, _GREEN, sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    """Print a line at once, above a running bar.

    Bytes of file names that are no UTF-8 are printed as \\udcNN.
    """
    line = text.encode("utf-8", "backslashreplace").decode()
    _line_writers[-1](line, stream)
    stream.flush()


def _colour(text: str, code: int, stream: TextIO) -> str:
    """Return the text in a colour, plain if there is none or NO_COLOR (no-color.org) forbids it."""
    is_dumb = os.environ.get("TERM", "dumb") == "dumb"
    if not stream.isatty() or os.environ.get("NO_COLOR") or is_dumb:
        return text
    return f"\033[{code}m{text}\033[0m"
