"""Ctrl-C as a request to stop at the next place where everything can be saved."""

import signal
from typing import Any


class Interruptible:
    """While it lasts, the first Ctrl-C (or SIGTERM) only asks to stop; the second stops at once, and saves nothing."""

    def __enter__(self) -> Any:
        self._asked = False
        self._before = {
            each: signal.signal(each, self._ask) for each in (signal.SIGINT, signal.SIGTERM)
        }
        return lambda: self._asked

    def _ask(self, *_: Any) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def __exit__(self, *_: Any) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)
