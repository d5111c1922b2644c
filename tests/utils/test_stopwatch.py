"""Time and memory of a run, added up over its sessions."""

import json

import pytest

from utils import stopwatch
from utils.stopwatch import Stopwatch, read_time_and_memory


@pytest.fixture
def clock(monkeypatch):
    """Return a function that lets seconds pass, on a machine of 5 GB."""
    now = [100.0]
    monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(stopwatch, "measure_peak_memory", lambda: 5 * 10**9)
    monkeypatch.setattr(stopwatch, "describe_machine", lambda: "2 cores")

    def wait(seconds):
        now[0] += seconds

    return wait


def test_laps_add_up_by_stage_over_sessions(tmp_path, clock):
    first = Stopwatch(tmp_path)
    clock(2)
    first.lap("reading")
    clock(10.123)
    first.lap("training")
    clock(1)
    first.lap("validation")
    clock(10)
    first.lap("training")
    first.save()
    assert read_time_and_memory(tmp_path) == {
        "machine": "2 cores",
        "peak_memory_bytes": 5 * 10**9,
        "seconds": {"reading": 2, "training": 20.12, "validation": 1},
    }
    clock(1000)  # until it is resumed
    second = Stopwatch(tmp_path)
    clock(3)
    second.lap("reading")
    second.save()
    assert read_time_and_memory(tmp_path)["seconds"] == {
        "reading": 5,
        "training": 20.12,
        "validation": 1,
    }


@pytest.mark.parametrize(
    ("before", "now", "most"),
    [(7, 5, 7), (3, 5, 5), (None, 5, 5), (7, None, 7), (None, None, None)],
)
def test_peak_memory_is_the_highest_of_all_sessions(
    tmp_path, monkeypatch, clock, before, now, most
):
    (tmp_path / "spent.json").write_text(json.dumps({"peak_memory_bytes": before}))
    monkeypatch.setattr(stopwatch, "measure_peak_memory", lambda: now)
    Stopwatch(tmp_path).save()
    assert read_time_and_memory(tmp_path)["peak_memory_bytes"] == most


@pytest.mark.parametrize("text", [None, "", "{", "7"])
def test_a_missing_or_damaged_file_is_empty(tmp_path, text):
    if text is not None:
        (tmp_path / "spent.json").write_text(text)
    assert read_time_and_memory(tmp_path) == {}
