"""Time and memory: added up over the sessions of a run."""

import json

import pytest

from utils import stopwatch as spent
from utils.stopwatch import Spent, read_spent


@pytest.fixture
def clock(monkeypatch):
    """Seconds that go by as they are told to, and a machine of 5 GB."""
    now = [100.0]
    monkeypatch.setattr(spent.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(spent, "peak_memory", lambda: 5 * 10**9)
    monkeypatch.setattr(spent, "machine", lambda: "2 cores")

    def goes_by(seconds):
        now[0] += seconds

    return goes_by


def test_time_goes_to_what_it_is_said_to_and_is_added_up_when_a_run_goes_on(tmp_path, clock):
    first = Spent(tmp_path)
    clock(2)
    first.end("reading")
    clock(10.123)
    first.end("training")
    clock(1)
    first.end("validation")
    clock(10)
    first.end("training")
    first.write()
    assert read_spent(tmp_path) == {
        "machine": "2 cores",
        "peak_memory_bytes": 5 * 10**9,
        "seconds": {"reading": 2, "training": 20.12, "validation": 1},
    }
    clock(1000)  # until it goes on
    second = Spent(tmp_path)
    clock(3)
    second.end("reading")
    second.write()
    assert read_spent(tmp_path)["seconds"] == {"reading": 5, "training": 20.12, "validation": 1}


@pytest.mark.parametrize(
    ("before", "now", "most"),
    [(7, 5, 7), (3, 5, 5), (None, 5, 5), (7, None, 7), (None, None, None)],
)
def test_memory_is_the_most_of_all_sessions(tmp_path, monkeypatch, clock, before, now, most):
    (tmp_path / "spent.json").write_text(json.dumps({"peak_memory_bytes": before}))
    monkeypatch.setattr(spent, "peak_memory", lambda: now)
    Spent(tmp_path).write()
    assert read_spent(tmp_path)["peak_memory_bytes"] == most


@pytest.mark.parametrize("text", [None, "", "{", "7"])
def test_what_cannot_be_read_is_as_nothing(tmp_path, text):
    if text is not None:
        (tmp_path / "spent.json").write_text(text)
    assert read_spent(tmp_path) == {}
