"""The arithmetic of many machines, and the picture of it."""

import pytest

import scale_limits


@pytest.mark.parametrize(
    ("workers", "gigabits", "seconds"),
    [
        (1, 1, 0.0),
        (2, 1, 0.0321),  # two messages of half of 32 megabits, and twice the latency
        (4, 10, 0.0051),  # six messages of a quarter
    ],
)
def test_an_all_reduce_sends_gradients_around_the_ring(workers, gigabits, seconds):
    found = scale_limits.compute_exchange_seconds(workers, gigabits, weights=1_000_000)
    assert found == pytest.approx(seconds)


def test_a_part_of_a_step_is_not_shared(monkeypatch):
    monkeypatch.setattr(scale_limits, "STEP_SECONDS", 1.1)
    monkeypatch.setattr(scale_limits, "FIXED_SECONDS", 0.1)
    monkeypatch.setattr(scale_limits, "LATENCY", 0.0)
    monkeypatch.setattr(scale_limits, "STEP_WEIGHTS", 0)
    assert scale_limits.compute_speed_up(1, 10) == pytest.approx(1.0)
    assert scale_limits.compute_speed_up(2, 10) == pytest.approx(1.1 / 0.6)


def test_limits_are_printed_and_drawn(run_doc_script, monkeypatch):
    monkeypatch.setattr(scale_limits, "PHOTOS", 10.0)
    monkeypatch.setattr(scale_limits, "DRIVER_PHOTOS", 1000.0)
    monkeypatch.setattr(scale_limits, "DEFAULT_WEIGHTS", 4_000_000)
    done = run_doc_script(scale_limits)
    assert done.lines[2].startswith("| 8 | 225 ms; 2.02 s |")
    assert "| 1 Gbit/s | 73 | 4 | 67 |" in done.lines
    assert "one command gives work to 100 machines" in done.lines
    left, right = done.figure.axes
    assert right.get_lines()[0].get_label() == "1 Gbit/s, on paper"
    assert left.get_lines()[0].get_ydata()[-1] == 48
