"""Ctrl-C as a request to stop at the next place where everything can be saved."""

import signal
from collections.abc import Callable
from typing import Any


class Interruptible:
    """A block in which the first Ctrl-C (or SIGTERM) only asks to stop; the second interrupts.

    `with Interruptible() as is_stopping:` gives a function that returns whether it was asked to.
    """

    def __enter__(self) -> Callable[[], bool]:
        self._is_stopping = False
        self._handlers_before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        return lambda: self._is_stopping

    def _handle(self, *_: Any) -> None:
        if self._is_stopping:
            raise KeyboardInterrupt
        self._is_stopping = True

    def __exit__(self, *_: Any) -> None:
        for number, handler in self._handlers_before.items():
            signal.signal(number, handler)
