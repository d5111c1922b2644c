"""Of what is asked in the background the last counts."""

import threading
import time

import pytest

from ui.tk.background import Latest


def taken(latest):
    """The answer, waited for."""
    end = time.monotonic() + 10
    while (done := latest.take()) is None:
        assert time.monotonic() < end
        time.sleep(0.001)
    return done


@pytest.fixture
def slow():
    """A job that waits until it may go on, and says when it has begun."""
    begun, may = threading.Event(), threading.Event()

    def job():
        begun.set()
        assert may.wait(10)
        return "slow"

    yield job, begun, may
    may.set()


def test_an_answer_is_taken_once():
    latest = Latest()
    assert latest.take() is None
    latest.ask(lambda: 7)
    assert taken(latest).result() == 7
    assert latest.take() is None


def test_an_error_comes_as_the_answer_and_work_goes_on():
    latest = Latest()
    latest.ask(lambda: [][1])
    assert isinstance(taken(latest).exception(), IndexError)
    latest.ask(lambda: 8)
    assert taken(latest).result() == 8


def test_only_the_last_is_answered_and_what_is_not_begun_is_never_done(slow):
    job, begun, may = slow
    latest, done = Latest(), []
    latest.ask(job)
    assert begun.wait(10)
    latest.ask(lambda: done.append("between"))
    latest.ask(lambda: "last")
    assert latest.take() is None
    may.set()
    assert taken(latest).result() == "last"
    assert done == []


def test_what_is_forgotten_has_no_answer(slow):
    job, begun, may = slow
    latest = Latest()
    latest.ask(job)
    assert begun.wait(10)
    latest.forget()
    may.set()
    latest.ask(lambda: "next")
    assert taken(latest).result() == "next"
