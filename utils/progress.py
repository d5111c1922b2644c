"""What a long job shows: a bar with rate and time left on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import Any, Self

from tqdm import tqdm


def say(text: str) -> None:
    """Print a line at once, above a bar that may be running; bytes of a file's name that are no UTF-8 as \\udcNN."""
    tqdm.write(text.encode("utf-8", "backslashreplace").decode(), file=sys.stdout)
    sys.stdout.flush()


def progress(things: Iterable, number: int, what: str) -> Iterator:
    """The same things, with a bar; a thing that is a number counts as so many."""
    with tqdm(total=number, unit=f" {what}", disable=None, dynamic_ncols=True, delay=1) as bar:  # after a second
        for thing in things:
            yield thing
            bar.update(thing if isinstance(thing, int) else 1)


class EpochBar:
    """A bar for each epoch's steps, with the loss so far."""

    def __enter__(self) -> Self:
        self._bar: tqdm | None = None
        return self

    def update(self, epoch: int, step: int, steps: int, loss: float) -> None:
        """Show that so many of the epoch's steps are done."""
        if self._bar is None:
            self._bar = tqdm(total=steps, initial=step - 1, unit=" steps", disable=None, dynamic_ncols=True, leave=False,
                             desc=f"epoch {epoch}")
        self._bar.update(step - self._bar.n)
        self._bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if step == steps:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def __exit__(self, *_: Any) -> None:
        self._close()
