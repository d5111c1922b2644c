"""Several workers: their agreements, and the losses of two processes."""

import threading
import time

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import workers as benchmark
from models.training import strategy as strategies
from models.training.strategy import ALONE, Strategy
from utils.errors import UserError
from utils.workers import Worker

# Few and short steps, of which the last of an epoch has fewer photos than the others.
SIZES = benchmark.Sizes(steps=3, captions=25, units=8, photos=8)


@pytest.mark.parametrize("way", ["dropout", "hard", "self-critical"])
def test_two_workers_have_the_losses_of_one(way, losses_of_two):
    alone = benchmark.train(way, SIZES, ALONE)["losses"]
    assert len(alone) == 3
    tolerance = 1e-5 * np.abs(alone).mean()  # a single loss of rewards may be almost 0
    assert losses_of_two[way]["losses"] == pytest.approx(alone, abs=tolerance)


@pytest.fixture(scope="module")
def losses_of_two():
    """The figures of two processes, which train together for about half a minute."""
    words = ["--steps", "3", "--captions", "25", "--units", "8", "--photos", "8"]
    return benchmark.launch(2, [*words, "--ways", "dropout,hard,self-critical"])


class Table:
    """Adds up the tensors of several threads, as an all-reduce does."""

    def __init__(self, number):
        self.barrier = threading.Barrier(number)
        self.addends = []

    def add_up(self, tensor):
        self.addends.append(tensor)
        self.barrier.wait(5)
        total = tf.add_n(self.addends)
        if self.barrier.wait(5) == 0:
            self.addends = []
        self.barrier.wait(5)
        return total


def run_together(number, act, **options):
    """Call `act(strategy)` as each worker in a thread; return the results."""
    table = Table(number)
    results = [None] * number

    def run(index):
        strategy = Strategy(Worker(index, ("a:1",) * number), **options)
        strategy._add_up_now = table.add_up
        try:
            results[index] = act(strategy)
        except UserError as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=[index]) for index in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_all_workers_get_the_numbers_of_each():
    results = run_together(3, lambda each: each.gather([each.worker.index, 7]))
    for rows in results:
        assert rows.tolist() == [[0, 7], [1, 7], [2, 7]]
    assert ALONE.gather([5]).tolist() == [[5]]


@pytest.mark.parametrize("value", [{"CIDEr": 0.1 + 0.2, "name": "é"}, None, "", list(range(300))])
def test_all_workers_get_what_the_first_finds(value):
    asked = []

    def find():
        asked.append(value)
        return value

    assert run_together(2, lambda each: each.ask_first(find)) == [value, value]
    assert len(asked) == 1


def test_the_first_worker_goes_first():
    order = []

    def act(each):
        with each.first_goes_first():
            if each.is_first:
                time.sleep(0.1)
            order.append(each.worker.index)

    run_together(3, act)
    assert order[0] == 0 and sorted(order) == [0, 1, 2]


def test_workers_with_other_files_are_rejected_by_all():
    same = run_together(2, lambda each: each.check_equal("the photos", ["a"]))
    assert same == [None, None]
    errors = run_together(3, lambda each: each.check_equal("the photos", each.worker.index == 1))
    assert len({str(error) for error in errors}) == 1
    assert "the photos of worker 1 differ" in str(errors[0])


def test_ctrl_c_on_one_worker_stops_all_after_the_last_step():
    def act(each):
        return each.agree_to_stop(each.worker.index == 1, is_last=True)

    assert run_together(2, act) == [True, True]
    assert run_together(2, lambda each: each.agree_to_stop(False, is_last=True)) == [False, False]
    assert ALONE.agree_to_stop(True, is_last=False)
    assert not ALONE.agree_to_stop(False, is_last=False)


@pytest.mark.parametrize(
    "kind", [tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.DeadlineExceededError]
)
def test_a_lost_worker_is_an_error_with_advice(kind):
    strategy = Strategy(Worker(0, ("a:1", "b:1")))
    strategy.advice = "start all again"

    def fail(_tensor):
        raise kind(None, None, "gone: /job:worker/replica:0/task:1")

    strategy._add_up_now = fail
    with pytest.raises(UserError, match=r"worker 1 ended .*; start all again"):
        strategy.gather(0)


def test_a_worker_that_skips_an_agreement_is_given_up(monkeypatch):
    """The watchdog ends the process, whose main thread hears no exception."""
    ended = threading.Event()
    monkeypatch.setattr(strategies, "fail", lambda text: ended.set())
    monkeypatch.setattr(strategies.os, "_exit", lambda status: None)
    strategy = Strategy(Worker(0, ("a:1", "b:1")), timeout=0.05)
    strategy._add_up_now = lambda tensor: (ended.wait(5), tensor)[1]
    strategy.gather(0)
    assert ended.is_set()
    ended.clear()
    strategy._add_up_now = lambda tensor: (time.sleep(0.2), tensor)[1]
    strategy.gather(0, is_patient=True)
    assert not ended.is_set()


def test_a_temporary_folder_is_removed():
    strategy = Strategy(Worker(1, ("a:1", "b:1")))
    folder = strategy.make_folder("run")
    assert folder.name == "run" and folder.parent.is_dir()
    strategy._temporary.cleanup()
    assert not folder.parent.exists()


def test_each_worker_on_a_machine_takes_the_next_gpu(monkeypatch):
    taken = []
    monkeypatch.setattr(tf.config, "get_visible_devices", lambda _kind: ["gpu 0", "gpu 1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda gpu, _kind: taken.append(gpu))
    addresses = ("a:1", "b:1", "b:2")
    for index in range(3):
        strategies._use_one_gpu(Worker(index, addresses))
    assert taken == ["gpu 0", "gpu 0", "gpu 1"]
    with pytest.raises(UserError, match="2 GPUs"):
        strategies._use_one_gpu(Worker(2, ("a:1", "a:2", "a:3")))


def test_shares_are_weighted_by_words(monkeypatch):
    """Two workers in one process: the sums are made by hand."""
    total = {"words": 4.0, "loss": 2.5, "gradient": -1.0, "stops": 1.0}

    def add_up(tensors):
        (loss, gradients), words, stops = tensors
        own = [float(each) for each in (loss, gradients[0], words, stops)]
        assert own == [3.0 * 0.5, 3.0 * 2.0, 3.0, 0.0]
        rest = 1.0 * total["loss"], [tf.constant(1.0 * total["gradient"])]
        return (loss + rest[0], [gradients[0] + rest[1][0]]), words + 1.0, stops + total["stops"]

    strategy = Strategy(Worker(0, ("a:1", "b:1")))
    monkeypatch.setattr(strategy, "_add_up", add_up)
    monkeypatch.setattr(tf, "function", lambda function, **_options: function)
    updates = []
    step = strategy.make_step(
        lambda: (tf.constant(3.0), tf.constant(0.5), [tf.constant(2.0)]), updates.append
    )
    assert float(step()) == pytest.approx((3 * 0.5 + 2.5) / 4)
    assert np.array(updates[0]) == pytest.approx((3 * 2.0 - 1) / 4)
    assert strategy.agree_to_stop(False, is_last=False)
