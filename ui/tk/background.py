"""Work in a thread of its own, of which only the last that was asked for counts."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any


class Latest:
    """Does one thing after the other, and forgets what was asked before the last: what is not begun is never done, what is
    being done has no answer. Its thread ends with the program."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Future, Callable[[], Any]]] = SimpleQueue()
        self._last: Future | None = None
        Thread(target=self._work, daemon=True).start()

    def ask(self, job: Callable[[], Any]) -> None:
        """Have this done, in place of what was asked before."""
        self.forget()
        self._last = Future()
        self._jobs.put((self._last, job))

    def forget(self) -> None:
        """Want no answer any more."""
        if self._last is not None:
            self._last.cancel()
        self._last = None

    @property
    def busy(self) -> bool:
        """Whether an answer is to come, or has not been taken."""
        return self._last is not None

    def take(self) -> Future | None:
        """The answer, once; None where none is there."""
        if self._last is None or not self._last.done():
            return None
        done, self._last = self._last, None
        return done

    def _work(self) -> None:
        while True:
            future, job = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # for who takes the answer
                future.set_exception(error)
