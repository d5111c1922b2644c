"""Bars on a terminal, and progress as lines in a log file."""

import contextlib
import io
import re
import time

import pytest

from tests.helpers.terminals import make_terminal
from utils import progress as progress_module
from utils.progress import ByteBar, TrainingBar, progress
from utils.terminal import say, screen, set_level


@pytest.fixture(autouse=True)
def restored_screen(monkeypatch):
    for name, value in vars(screen).items():
        monkeypatch.setattr(screen, name, value)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(error):
    """Return the last state of a bar."""
    return error.getvalue().replace("\n", "\r").rstrip("\r ").rpartition("\r")[2]


def test_one_bar_for_all_epochs_with_time_left():
    with (
        make_terminal() as (_, error),
        TrainingBar(3, 4, done=5) as bar,
    ):  # a run that goes on within its second epoch
        bar._bar.mininterval = 0
        assert re.match(r"epoch 2 of 3:  42%\|.*\| 5/12 ", shown(error))
        bar.update(2, 2, 4, 1.5)
        assert re.match(
            r"epoch 2 of 3:  50%\|.*\| 6/12 \[00:00<00:\d\d, .*steps/s, loss=1\.500\]", shown(error)
        )
        bar.update(2, 4, 4, 1.25)
        bar.scoring(2)
        assert shown(error).startswith("epoch 2 of 3, scoring:  67%")
        bar.update(3, 1, 4, 1.0)
        assert re.match(r"epoch 3 of 3:  75%\|.* 9/12 .*loss=1\.000", shown(error))
    assert error.getvalue().endswith("   \r")  # nothing of it stays


@pytest.mark.parametrize(("level", "quiet"), [("info", True), ("warning", False), ("error", False)])
def test_no_bar_if_progress_is_not_shown(level, quiet):
    set_level(level, quiet=quiet)
    with make_terminal() as (_, error):
        with TrainingBar(1, 2) as bar:
            bar.update(1, 1, 2, 0.5)
            bar.scoring(1)
        assert list(progress([1, 2], 3, "photos")) == [1, 2]
    assert error.getvalue() == ""


def test_no_bar_in_a_file(capsys):
    with TrainingBar(1, 2) as bar:
        bar.update(1, 1, 2, 0.5)
    assert list(progress(["a"], 1, "photos")) == ["a"]
    assert tuple(capsys.readouterr()) == ("", "")


def test_numbers_advance_the_bar_which_appears_after_a_second():
    def parts():
        yield 30
        time.sleep(1.1)
        yield 2

    with make_terminal() as (_, error):
        assert list(progress(parts(), 40, "captions")) == [30, 2]
        assert re.match(r" 80%\|.*\| 32/40 \[00:01<00:00, .* captions/s\]", shown(error))


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass when the test says so."""
    now = [0.0]
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(progress_module, "SECONDS_PER_LINE", 10)

    def wait(seconds):
        now[0] += seconds

    return wait


def run_stage(clock, seconds, total=20):
    """Run a stage whose things take this long each; return what a log file has."""

    def things():
        for _ in range(total):
            clock(seconds)
            yield "photo"

    with contextlib.redirect_stderr(io.StringIO()) as error:
        assert len(list(progress(things(), total, "photos"))) == total
    return error.getvalue().splitlines()


def test_a_log_file_has_a_line_for_each_tenth_of_a_long_stage(clock):
    lines = run_stage(clock, seconds=60)
    assert len(lines) == 10
    assert lines[0] == "2 of 20 photos (10 %), 0.02 photos/s, 18:00 left"
    assert lines[-1] == "20 of 20 photos (100 %), 0.02 photos/s, 00:00 left"


def test_a_log_file_has_fewer_lines_of_a_shorter_stage(clock):
    assert run_stage(clock, seconds=0.4) == []
    lines = run_stage(clock, seconds=2)
    assert [line.split()[0] for line in lines] == ["6", "12", "18"]


def test_a_log_file_has_no_progress_with_quiet(clock):
    set_level("info", quiet=True)
    assert run_stage(clock, seconds=60) == []


def test_numbers_advance_the_lines_too(clock):
    def things():
        for _ in range(4):
            clock(30)
            yield 1000

    with contextlib.redirect_stderr(io.StringIO()) as error:
        list(progress(things(), 4000, "captions"))
    assert error.getvalue().startswith("1,000 of 4,000 captions (25 %), 33.33 captions/s, 01:30")


def test_a_terminal_has_no_lines_of_progress(clock):
    with make_terminal() as (_, error), TrainingBar(1, 2) as bar:
        clock(60)
        bar.update(1, 2, 2, 0.5)
    assert " left" not in error.getvalue()


def test_a_log_file_has_a_line_for_each_epoch(clock):
    """Of a run that was resumed in its second epoch."""
    with contextlib.redirect_stderr(io.StringIO()) as error, TrainingBar(30, 4, done=5) as bar:
        for epoch, step in ((2, 2), (2, 3), (2, 4), (3, 1), (3, 2), (3, 3), (3, 4)):
            clock(15)
            bar.update(epoch, step, 4, 1.5)
    assert error.getvalue().splitlines() == [
        "epoch 2 of 30: loss 1.500, 8 of 120 steps (6 %), 0.07 steps/s, 28:00 left",
        "epoch 3 of 30: loss 1.500, 12 of 120 steps (10 %), 0.07 steps/s, 27:00 left",
    ]


def test_a_log_file_has_lines_within_a_long_epoch(clock):
    with contextlib.redirect_stderr(io.StringIO()) as error, TrainingBar(1, 20) as bar:
        for step in range(1, 21):
            clock(15)
            bar.update(1, step, 20, 1.5)
    assert len(error.getvalue().splitlines()) == 10


def test_lines_are_written_above_a_bar():
    with make_terminal() as (out, error), TrainingBar(1, 2) as bar:
        bar.update(1, 1, 2, 0.5)
        say("said")
    assert out.getvalue() == "said\n"
    assert error.getvalue().count("epoch 1 of 1") >= 2  # the bar is drawn again below the line


def test_a_download_shows_bytes_rate_and_time_left():
    with make_terminal() as (_, error), ByteBar(2_000_000, 500_000) as bar:
        bar._bar.mininterval = bar._bar.miniters = 0
        time.sleep(0.02)
        bar.update(1_000_000)
        assert re.match(r" 75%\|.*\| 1\.50M/2\.00M \[00:00<00:00, .*M bytes/s\]", shown(error)), (
            shown(error)
        )
        bar.update(-1_500_000)
        bar.update(2_000_000)
        assert re.match(r"100%\|.*\| 2\.00M/2\.00M", shown(error))


def test_a_download_is_lines_in_a_file(capsys, monkeypatch):
    monkeypatch.setattr(progress_module, "SECONDS_PER_LINE", 0)
    with ByteBar(2_000_000, 500_000) as bar:
        time.sleep(0.02)
        bar.update(500_000)
        bar.update(-1_000_000)  # a server that sends everything again
        time.sleep(0.02)
        bar.update(500_000)
    _, error = capsys.readouterr()
    first, second = error.splitlines()
    assert re.fullmatch(r"1\.0 MB of 2\.0 MB \(50 %\), [\d.]+ MB/s, 00:00 left", first)
    assert re.fullmatch(r"500 kB of 2\.0 MB \(25 %\), [\d.]+ MB/s, 00:00 left", second)
