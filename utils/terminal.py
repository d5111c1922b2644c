"""What the screen shows: lines by their importance, what was asked for, errors; bars with rate and time left."""

import logging
import os
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self, TextIO

from tqdm import tqdm

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
_RED, _GREEN, _YELLOW = 31, 32, 33  # as terminals count


@dataclass
class _Screen:
    """How much is told: one of the process, as the screen is."""

    level: int = logging.INFO  # nothing less important is shown
    quiet: bool = False

    @property
    def debug(self) -> bool:
        """Whether libraries are heard too, and errors have their traceback."""
        return self.level <= logging.DEBUG

    @property
    def informs(self) -> bool:
        """Whether it is told what is being done, in lines and bars."""
        return self.level <= logging.INFO and not self.quiet

    @property
    def warns(self) -> bool:
        """Whether warnings are shown."""
        return self.level <= logging.WARNING


screen = _Screen()


def set_level(level: str = "info", *, quiet: bool = False) -> None:
    """From here on tell what is no less important than the level; with `quiet` not what is being done."""
    screen.level, screen.quiet = LEVELS[level], quiet


def say(text: str) -> None:
    """Print what is being done."""
    if screen.informs:
        _print(text, sys.stdout)


def output(text: str) -> None:
    """Print what was asked for: captions, scores."""
    _print(text, sys.stdout)


def note(text: str) -> None:
    """Print on standard error what is to be known in any case, and is no error."""
    _print(text, sys.stderr)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    if screen.warns:
        _print(f"{_coloured('warning:', _YELLOW, sys.stderr)} {text}", sys.stderr)


def fail(text: str) -> None:
    """Print an error on standard error; while one is handled, with --log-level debug, where it came from as well."""
    if screen.debug and sys.exc_info()[0]:
        _print(traceback.format_exc(), sys.stderr)
    _print(f"{_coloured('error:', _RED, sys.stderr)} {text}", sys.stderr)


def highlight(text: str) -> str:
    """The text, for a line on standard output, as the good news in it."""
    return _coloured(text, _GREEN, sys.stdout)


def _print(text: str, stream: TextIO) -> None:
    """Print a line at once, above a bar that may be running; bytes of a file's name that are no UTF-8 as \\udcNN."""
    tqdm.write(text.encode("utf-8", "backslashreplace").decode(), file=stream)
    stream.flush()


def _coloured(text: str, colour: int, stream: TextIO) -> str:
    """The text in a colour, on a terminal that has any; plain where NO_COLOR (no-color.org) is set."""
    plain = (
        not stream.isatty()
        or os.environ.get("NO_COLOR")
        or os.environ.get("TERM", "dumb") == "dumb"
    )
    return text if plain else f"\033[{colour}m{text}\033[0m"


def _bar(total: int, unit: str, **more: Any) -> tqdm:
    """A bar on standard error, where that is a terminal and it is told what is being done."""
    return tqdm(
        total=total,
        unit=f" {unit}",
        disable=None if screen.informs else True,
        dynamic_ncols=True,
        bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]",
        **more,
    )


def progress(things: Iterable, number: int, what: str) -> Iterator:
    """The same things, with a bar; a thing that is a number counts as so many."""
    with _bar(number, what, delay=1) as bar:  # after a second
        for thing in things:
            yield thing
            bar.update(thing if isinstance(thing, int) else 1)


class TrainingBar:
    """A bar for the steps of all epochs, with the present one and its loss so far.

    Time left is by the mean rate since the start, so that the scoring after each epoch is in it.
    """

    def __init__(self, epochs: int, steps: int, *, done: int = 0) -> None:
        """`steps` are those of an epoch, `done` those that were done before."""
        self._epochs, self._steps, self._done = epochs, steps, done

    def __enter__(self) -> Self:
        epoch = min(self._done // self._steps + 1, self._epochs)
        self._bar = _bar(
            self._epochs * self._steps,
            "steps",
            initial=self._done,
            smoothing=0,
            miniters=1,
            leave=False,
            desc=f"epoch {epoch} of {self._epochs}",
        )
        return self

    def update(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Show that so many of the epoch's steps are done."""
        self._bar.set_description(f"epoch {epoch} of {self._epochs}", refresh=False)
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update((epoch - 1) * steps + step - self._bar.n)

    def scoring(self, epoch: int) -> None:
        """Show that the epoch's scores are awaited."""
        self._bar.set_description(f"epoch {epoch} of {self._epochs}, scoring")

    def __exit__(self, *_: Any) -> None:
        self._bar.close()
