"""Background work of which only the newest job counts."""

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any


class LatestJob:
    """Runs jobs one after another in a thread of its own, and keeps only the newest one's result.

    A newer job cancels an older one: if the older one has not started, it never runs; if it is
    running, its result is dropped. The thread ends with the program.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[tuple[Future, Callable[[], Any]]] = SimpleQueue()
        self._newest: Future | None = None
        Thread(target=self._work, daemon=True).start()

    def submit(self, job: Callable[[], Any]) -> None:
        """Run this job, and cancel the one before."""
        self.cancel()
        self._newest = Future()
        self._jobs.put((self._newest, job))

    def cancel(self) -> None:
        """Cancel the newest job."""
        if self._newest is not None:
            self._newest.cancel()
        self._newest = None

    @property
    def is_busy(self) -> bool:
        """Return whether a job is running or its result has not been taken."""
        return self._newest is not None

    def take(self) -> Future | None:
        """Return the newest job once it is done, and only once; None before."""
        if self._newest is None or not self._newest.done():
            return None
        job = self._newest
        self._newest = None
        return job

    def _work(self) -> None:
        while True:
            future, job = self._jobs.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # raised where the result is taken
                future.set_exception(error)
