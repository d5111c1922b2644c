"""Processes in turn, tables and options of all benchmarks."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.measuring import Row, format_table, measure, run_benchmark
from tests.helpers.scripts import ROOT, run_command
from utils.errors import UserError

MODULE = """
import time
from functools import partial

import numpy as np

from benchmarks.measuring import run_benchmark
from utils.errors import UserError


def prepare(name, log, size):
    if name == "rejected":
        raise UserError(f"no weights in {log}")
    turns = []

    def turn():
        with open(log, "a") as file:
            file.write(name)
        print("not an answer")
        memory = np.ones(size, np.uint8) if name == "a" else None
        total = int(np.memmap(log + ".bytes", np.uint8, "r").sum())
        time.sleep(0.05)
        turns.append(name)
        counts = {"total": total, "turn": len(turns)}
        if name == "a":
            counts["seconds"] = [3.0, 1.0, 2.0][len(turns) - 1]
        return counts

    return turn


MEASURES = {name: partial(prepare, name) for name in ("a", "b", "rejected")}
run_benchmark("", None, None, MEASURES)
"""


def test_measures_take_turns_in_processes_of_their_own(tmp_path, monkeypatch):
    (tmp_path / "clock_benchmark.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    log = tmp_path / "log"
    Path(f"{log}.bytes").write_bytes(b"\1" * 60_000_000)
    figures = measure("clock_benchmark", ["a", "b"], 3, log=str(log), size=90_000_000)
    assert log.read_text() == "ababab"
    a, b = figures["a"], figures["b"]
    assert (a["seconds"], a["turns"]) == (2.0, [3.0, 1.0, 2.0])
    assert (a["total"], a["turn"]) == (60_000_000, 3)
    assert 0.05 <= b["seconds"] < 1
    assert b["seconds"] == np.median(b["turns"])
    # Both map the file of 60 MB; the 90 MB of one process are anonymous.
    assert 85 < a["anonymous_megabytes"] - b["anonymous_megabytes"] < 95
    assert b["megabytes"] > b["anonymous_megabytes"] + 60


def test_a_failed_measure_reports_its_error(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)read failed:.*nowhere"):
        measure("benchmarks.reading", ["read"], 1, path=str(tmp_path / "nowhere"), argument="")


def test_a_users_error_in_a_measure_is_raised_again(tmp_path, monkeypatch):
    (tmp_path / "clock_benchmark.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
    with pytest.raises(UserError, match=r"^no weights in \[\]$"):
        measure("clock_benchmark", ["rejected"], 1, log=[], size=0)


def test_a_table_says_which_targets_are_met():
    rows = [
        Row("speed", "3 a second"),
        Row("times", "4.9", "at least 5", False, 1234.4),
        Row("share", "80 %", "at least 75 %", True),
    ]
    assert format_table(rows).splitlines() == [
        "| what | measured | target | met | peak MB |",
        "| --- | --- | --- | --- | --- |",
        "| speed | 3 a second |  |  |  |",
        "| times | 4.9 | at least 5 | **no** | 1,234 |",
        "| share | 80 % | at least 75 % | yes |  |",
    ]


@pytest.fixture
def script():
    """A benchmark that returns its options."""

    def run(folder, options):
        assert folder.is_dir()
        values = [options.toy, options.photos, options.weights, options.layer]
        return {"ratio": options.rounds, "options": values}

    def make_rows(figures):
        return [Row("ratio", str(figures["ratio"]))]

    return SimpleNamespace(
        __name__="script", main=lambda: run_benchmark("", run, make_rows, measures={})
    )


def test_a_benchmark_runs_as_a_script(script, tmp_path):
    weights, json_file = tmp_path / "file", tmp_path / "figures.json"
    weights.touch()
    words = ["--rounds", 3, "--layer", "mixed8", "--weights", weights, "--json", json_file]
    done = run_command(script, *words)
    assert (done.status, done.out.splitlines()[-1]) == (0, "| ratio | 3 |  |  |  |")
    assert json.loads(json_file.read_text()) == {
        "ratio": 3,
        "options": [False, None, str(weights), "mixed8"],
    }


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--rounds", "0", "at least 1"),
        ("--weights", "/nope", ".weights.h5"),
        ("--photos", "/nope", "JPEG"),
        ("--json", "/", "file"),
    ],
)
def test_wrong_options_are_rejected(script, option, value, expected):
    done = run_command(script, option, value)
    assert done.status == 1
    assert option in done.error
    assert expected in done.error
    assert f"{value})" in done.error
