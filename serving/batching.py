"""Photos of several requests, answered together: that takes less time than one after another."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

WAIT_SECONDS = 0.005  # how long a photo waits for others


@dataclass(frozen=True, eq=False)
class _Waiting:
    """A photo that waits for its batch."""

    photo: Any
    beam: int | None
    arrived: float  # seconds of the loop's clock
    answer: asyncio.Future


class Batcher:
    """Collects photos and asks for their answers, one batch at a time, in a thread of its own.

    Photos of one batch have the same beam. A photo whose client has gone is left out.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Any], int | None], Sequence[Any]],
        *,
        most: int,
        wait: float = WAIT_SECONDS,
        report: Callable[[int], None] = lambda _size: None,
    ) -> None:
        """`predict` answers for photos with a beam. `report` gets the size of each batch."""
        self._predict = predict
        self._most = most
        self._wait = wait
        self._report = report
        self._waiting: deque[_Waiting] = deque()
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    async def answer(self, photo: Any, beam: int | None) -> Any:
        """Return the answer for a photo, or raise the error of its batch."""
        loop = asyncio.get_running_loop()
        waiting = _Waiting(photo, beam, loop.time(), loop.create_future())
        self._waiting.append(waiting)
        self._arrived.set()
        return await waiting.answer

    async def run(self) -> None:
        """Answer batch after batch until the task is cancelled."""
        try:
            while True:
                await self._arrived.wait()
                await self._wait_for_others()
                batch = self._take_batch()
                if batch:
                    await self._answer(batch)
        finally:
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _wait_for_others(self) -> None:
        """Wait until the batch is full, or the first photo has waited long enough."""
        loop = asyncio.get_running_loop()
        deadline = self._waiting[0].arrived + self._wait
        while len(self._waiting) < self._most and loop.time() < deadline:
            self._arrived.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), deadline - loop.time())

    def _take_batch(self) -> list[_Waiting]:
        """Take the photos that have the beam of the first one; the others stay in their order."""
        present = [each for each in self._waiting if not each.answer.done()]
        batch: list[_Waiting] = []
        others: deque[_Waiting] = deque()
        for each in present:
            if len(batch) < self._most and each.beam == present[0].beam:
                batch.append(each)
            else:
                others.append(each)
        self._waiting = others
        if others:
            self._arrived.set()
        else:
            self._arrived.clear()
        return batch

    async def _answer(self, batch: list[_Waiting]) -> None:
        loop = asyncio.get_running_loop()
        photos = [each.photo for each in batch]
        self._report(len(batch))
        try:
            answers = await loop.run_in_executor(self._thread, self._predict, photos, batch[0].beam)
        except Exception as error:  # raised again where each photo's answer is awaited
            for each in batch:
                if not each.answer.done():
                    each.answer.set_exception(error)
            return
        for each, answer in zip(batch, answers, strict=True):
            if not each.answer.done():
                each.answer.set_result(answer)
