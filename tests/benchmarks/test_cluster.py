"""The benchmark of Ray clusters: times of a command, their table, and a run on made hosts."""

import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmarks import cluster
from benchmarks.cluster import Times
from tests.helpers.hosts import skip_without_namespaces
from tests.helpers.scripts import run_command
from tests.helpers.tiny_run import write_captioner_run
from utils.errors import UserError

# A header, two rows at once, and a third one half a second later.
WRITER = """
import sys, time
with open(sys.argv[1], "w") as file:
    for text, seconds in (("path,caption\\n", 0.1), ("a,b\\nc,d\\n", 0.5), ("e,f\\n", 0.2)):
        file.write(text)
        file.flush()
        time.sleep(seconds)
sys.exit(int(sys.argv[2]))
"""


def start_writer(out, status):
    command = [sys.executable, "-c", WRITER, out, str(status)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_rows_are_timed_as_they_come(tmp_path):
    out = tmp_path / "out.csv"
    times = cluster.watch(start_writer(out, 0), out)
    assert (times.rows, times.first_rows) == (3, 2)
    assert times.last - times.first == pytest.approx(0.5, abs=0.3)
    assert times.first < times.last < times.end


def test_a_command_that_fails_is_an_error(tmp_path):
    out = tmp_path / "out.csv"
    with pytest.raises(UserError, match="status 3"):
        cluster.watch(start_writer(out, 3), out)


def test_ways_are_compared_with_the_first():
    alone = Times(rows=120, first_rows=20, first=10.0, last=30.0, end=40.0)
    twice = Times(rows=120, first_rows=20, first=10.0, last=20.0, end=20.0)
    lines = cluster.format_table({"alone": [alone], "2 hosts": [twice, twice, alone]})
    assert lines[2:] == [
        "| alone | 120 | 10.0 s | 40.0 s | 3.00 (1.00) | 5.00 (1.00) |",
        "| 2 hosts | 120 | 10.0 s | 20.0 s | 6.00 (2.00) | 10.00 (2.00) |",
    ]


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ([], "--ray"),
        (["--ray", "auto", "--hosts", "1"], "--ray"),
        (["--hosts", "1,x"], "1,x"),
        (["--hosts", "0"], "got 0"),
        (["--hosts", "1", "--rounds", "0"], "got 0"),
    ],
)
def test_wrong_words_are_rejected(words, value):
    done = run_command(cluster, "photos", "--run", "run", *words)
    assert done.status == 2
    assert value in done.error


@pytest.mark.slow
def test_hosts_are_measured(tmp_path):
    pytest.importorskip("ray", reason="Ray is not installed; make ray")
    skip_without_namespaces()
    run = write_captioner_run(tmp_path / "run", scenes=False)
    photos = tmp_path / "photos"
    photos.mkdir()
    random = np.random.default_rng(0)
    for number in range(80):
        Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(
            photos / f"{number}.png"
        )
    done = run_command(cluster, photos, "--run", run, "--hosts", "1,2")
    assert done.status == 0, done.error
    found = re.findall(r"^\| (\d host.*?) \| 80 \|", done.out, re.MULTILINE)
    assert found == ["1 host, without Ray", "1 host", "2 hosts"]
