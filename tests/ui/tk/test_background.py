"""Of several background jobs, the newest counts."""

import threading
import time

import pytest

from ui.tk.background import LatestJob


def wait_and_take(jobs):
    end = time.monotonic() + 10
    while (job := jobs.take()) is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    return job


class SlowJob:
    """A job that signals its start and then waits for permission to end."""

    def __init__(self):
        self.has_started = threading.Event()
        self.may_end = threading.Event()

    def __call__(self):
        self.has_started.set()
        assert self.may_end.wait(10)
        return "slow"


@pytest.fixture
def slow_job():
    job = SlowJob()
    yield job
    job.may_end.set()


def test_a_result_is_taken_once():
    jobs = LatestJob()
    assert jobs.take() is None
    jobs.submit(lambda: 7)
    assert wait_and_take(jobs).result() == 7
    assert jobs.take() is None


def test_after_an_error_the_next_job_runs():
    jobs = LatestJob()
    jobs.submit(lambda: [][1])
    assert isinstance(wait_and_take(jobs).exception(), IndexError)
    jobs.submit(lambda: 8)
    assert wait_and_take(jobs).result() == 8


def test_a_job_that_has_not_started_never_runs(slow_job):
    jobs, results = LatestJob(), []
    jobs.submit(slow_job)
    assert slow_job.has_started.wait(10)
    jobs.submit(lambda: results.append("between"))
    jobs.submit(lambda: "last")
    assert jobs.take() is None
    slow_job.may_end.set()
    assert wait_and_take(jobs).result() == "last"
    assert results == []


def test_a_cancelled_job_has_no_result(slow_job):
    jobs = LatestJob()
    jobs.submit(slow_job)
    assert slow_job.has_started.wait(10)
    jobs.cancel()
    slow_job.may_end.set()
    jobs.submit(lambda: "next")
    assert wait_and_take(jobs).result() == "next"
