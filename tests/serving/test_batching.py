"""Photos of several requests become one batch."""

import asyncio
import time
from contextlib import suppress

import pytest

from serving.batching import Batcher


class Recorder:
    """Answers numbers with their double, and keeps the batches."""

    def __init__(self):
        self.batches = []

    def __call__(self, photos, beam):
        self.batches.append((list(photos), beam))
        if "bad" in photos:
            raise ValueError("bad")
        return [2 * photo for photo in photos]


def run(use, **options):
    """Run a coroutine function of a batcher; return its result and the batches."""
    recorder = Recorder()

    async def main():
        batcher = Batcher(recorder, **{"most": 16, "wait": 0.005} | options)
        work = asyncio.create_task(batcher.run())
        try:
            return await use(batcher)
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work

    return asyncio.run(main()), recorder.batches


def answer_all(batcher, *photos):
    return asyncio.gather(*(batcher.answer(*photo) for photo in photos), return_exceptions=True)


def test_photos_that_wait_together_are_one_batch():
    answers, batches = run(lambda batcher: answer_all(batcher, *((n, None) for n in range(5))))
    assert answers == [0, 2, 4, 6, 8]
    assert batches == [([0, 1, 2, 3, 4], None)]


def test_a_batch_has_at_most_so_many_photos():
    answers, batches = run(
        lambda batcher: answer_all(batcher, *((n, None) for n in range(5))), most=2
    )
    assert answers == [0, 2, 4, 6, 8]
    assert batches == [([0, 1], None), ([2, 3], None), ([4], None)]


def test_photos_of_another_beam_are_another_batch():
    answers, batches = run(lambda batcher: answer_all(batcher, (1, 3), (2, 5), (3, 3), (4, None)))
    assert answers == [2, 4, 6, 8]
    assert batches == [([1, 3], 3), ([2], 5), ([4], None)]


def test_a_full_batch_does_not_wait():
    begun = time.monotonic()
    answers, _ = run(lambda batcher: answer_all(batcher, (1, 3), (2, 3)), most=2, wait=30)
    assert answers == [2, 4]
    assert time.monotonic() - begun < 10


def test_a_photo_alone_waits_only_so_long():
    answer, batches = run(lambda batcher: batcher.answer(4, None), wait=0.01)
    assert answer == 8
    assert len(batches) == 1


def test_an_error_reaches_its_own_batch_alone():
    answers, _ = run(lambda batcher: answer_all(batcher, (1, 3), ("bad", 3), (2, 5)))
    assert [type(answer) for answer in answers] == [ValueError, ValueError, int]


def test_a_photo_whose_client_has_gone_is_left_out():
    async def use(batcher):
        gone = asyncio.create_task(batcher.answer(1, None))
        await asyncio.sleep(0)
        gone.cancel()
        return await batcher.answer(2, None)

    answer, batches = run(use)
    assert answer == 4
    assert batches == [([2], None)]


def test_sizes_are_reported():
    sizes = []
    run(
        lambda batcher: answer_all(batcher, *((n, None) for n in range(3))),
        most=2,
        report=sizes.append,
    )
    assert sizes == [2, 1]


@pytest.mark.parametrize("most", [1, 16])
def test_each_photo_gets_its_own_answer_among_many(most):
    async def use(batcher):
        async def ask(number):
            await asyncio.sleep(number % 7 / 1000)
            return await batcher.answer(number, number % 3)

        return await asyncio.gather(*(ask(number) for number in range(100)))

    answers, batches = run(use, most=most)
    assert answers == [2 * number for number in range(100)]
    assert sorted(photo for photos, _ in batches for photo in photos) == list(range(100))
