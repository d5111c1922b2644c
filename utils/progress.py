"""The progress of long stages: bars on a terminal, lines in a file."""

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any, Self, TextIO

from tqdm import tqdm

from utils.files import format_bytes
from utils.terminal import note, screen, use_line_writer

# Without a terminal, progress is printed as lines, but not more often than every SECONDS_PER_LINE.
SECONDS_PER_LINE = 10.0


def _write_above_bars(line: str, stream: TextIO) -> None:
    tqdm.write(line, file=stream)


use_line_writer(_write_above_bars)


def progress(things: Iterable, total: int, unit: str) -> Iterator:
    """Yield the things, showing how many of the total were done; a number counts as that many.

    A terminal shows a bar after a second; a log file gets lines if the stage is long.
    """
    lines = _ProgressLines(total, unit)
    with _make_bar(total, unit, delay=1) as bar:
        done = 0
        for thing in things:
            yield thing
            number = thing if isinstance(thing, int) else 1
            done += number
            bar.update(number)
            lines.update(done)


class TrainingBar:
    """The progress of all epochs, with the present epoch and its loss.

    The time left comes from the mean rate since the start, which includes scoring after each epoch.
    """

    def __init__(self, epochs: int, steps: int, *, done: int = 0) -> None:
        """`steps` is the number in one epoch, `done` the number in sessions before."""
        self._epochs = epochs
        self._steps = steps
        self._done = done

    def __enter__(self) -> Self:
        total = self._epochs * self._steps
        epoch = min(self._done // self._steps + 1, self._epochs)
        self._lines = _ProgressLines(total, "steps", self._done)
        self._bar = _make_bar(
            total,
            "steps",
            initial=self._done,
            smoothing=0,
            miniters=1,
            leave=False,
            desc=f"epoch {epoch} of {self._epochs}",
        )
        return self

    def update(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Show the step within the epoch, and the mean loss of the epoch so far."""
        title = f"epoch {epoch} of {self._epochs}"
        done = (epoch - 1) * steps + step
        self._bar.set_description(title, refresh=False)
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        self._bar.update(done - self._bar.n)
        self._lines.update(done, f"{title}: loss {loss:.3f}, ", is_due=step == steps)

    def scoring(self, epoch: int) -> None:
        """Show that the epoch is being scored."""
        self._bar.set_description(f"epoch {epoch} of {self._epochs}, scoring")

    def __exit__(self, *_: Any) -> None:
        self._bar.close()


class ByteBar:
    """The progress of a download, in bytes. What was downloaded before counts as done."""

    def __init__(self, total: int, done: int = 0) -> None:
        self._total = total
        self._lines = _ByteLines(total, "bytes", done)
        self._bar = _make_bar(total, "bytes", initial=done, unit_scale=True)
        self._done = done

    def __enter__(self) -> Self:
        return self

    def update(self, number: int) -> None:
        """Add a number of bytes to the count; a negative number takes some back."""
        self._done += number
        self._bar.update(number)
        if number < 0:
            self._lines = _ByteLines(self._total, "bytes", self._done)  # else its rate is negative
        self._lines.update(self._done)

    def __exit__(self, *_: Any) -> None:
        self._bar.close()


class _ProgressLines:
    """Progress as lines on standard error, where that is no terminal: one for each tenth."""

    def __init__(self, total: int, unit: str, done: int = 0) -> None:
        self._total = total
        self._unit = unit
        self._done_before = done
        self._tenth = self._tenth_of(done)
        self._started = self._printed = time.monotonic()
        self._is_shown = screen.shows_info and not sys.stderr.isatty()

    def update(self, done: int, title: str = "", *, is_due: bool = False) -> None:
        """Print a line if a tenth is complete, or the line `is_due`, and the last one is old."""
        tenth = self._tenth_of(done)
        is_due = is_due or tenth > self._tenth
        self._tenth = tenth
        if not self._is_shown or not is_due:
            return
        now = time.monotonic()
        if now - self._printed < SECONDS_PER_LINE:
            return
        self._printed = now
        rate = (done - self._done_before) / (now - self._started)
        seconds_left = (self._total - done) / rate
        note(
            f"{title}{self._describe_amounts(done)} ({100 * done // self._total} %), "
            f"{self._describe_rate(rate)}, {tqdm.format_interval(seconds_left)} left"
        )

    def _describe_amounts(self, done: int) -> str:
        return f"{done:,} of {self._total:,} {self._unit}"

    def _describe_rate(self, rate: float) -> str:
        return f"{rate:,.2f} {self._unit}/s"

    def _tenth_of(self, done: int) -> int:
        return 10 * done // max(self._total, 1)


class _ByteLines(_ProgressLines):
    """The same for bytes."""

    def _describe_amounts(self, done: int) -> str:
        return f"{format_bytes(done)} of {format_bytes(self._total)}"

    def _describe_rate(self, rate: float) -> str:
        return f"{format_bytes(round(rate))}/s"


def _make_bar(total: int, unit: str, **options: Any) -> tqdm:
    """Return a bar on standard error, which is shown on a terminal alone."""
    form = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]"
    return tqdm(
        total=total,
        unit=f" {unit}",
        disable=None if screen.shows_info else True,  # None: where there is no terminal
        dynamic_ncols=True,
        bar_format=form,
        **options,
    )
