"""Captions a second of predict.py: alone, and on a Ray cluster that is already running.

    python -m benchmarks.cluster PHOTOS --run RUN --ray HOST:PORT     a cluster that is running
    python -m benchmarks.cluster PHOTOS --run RUN --hosts 1,2         hosts with a core each

`--ray` also runs predict.py alone on this machine, in turn. `--hosts` makes hosts of namespaces,
which needs Linux and root, and starts Ray on them. Ray's start is not counted.

`whole` is the command from its start to its end. `steady` is from the first rows in the file to the
last, so without loading. All files must have the same rows.
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.hosts import PORT, make_hosts
from utils import command_line
from utils.errors import UserError, require, run_script
from utils.terminal import output, say

PREDICT = Path(__file__).parents[1] / "predict.py"
PAUSE = 0.05  # seconds between two looks at the file


@dataclass(frozen=True)
class Times:
    """The seconds of a command until its first rows, its last, and its end."""

    rows: int
    first_rows: int  # that came together
    first: float
    last: float
    end: float

    @property
    def whole(self) -> float:
        """Rows a second of the whole command."""
        return self.rows / self.end

    @property
    def steady(self) -> float:
        """Rows a second from the first rows to the last."""
        return (self.rows - self.first_rows) / max(self.last - self.first, PAUSE)


Start = Callable[..., subprocess.Popen]  # starts a command somewhere


@dataclass(frozen=True)
class Way:
    """One way to caption the photos.

    `prepare` gives, for a block, a function that starts a command, and the words to add to it.
    """

    name: str
    prepare: Callable[[], AbstractContextManager[tuple[Start, list[str]]]]


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    parser.prog = "python -m benchmarks.cluster"
    parser.add_argument("photos", metavar="PHOTOS", help="a folder of photos")
    parser.add_argument("--run", required=True, metavar="RUN", help="a captioner's run")
    parser.add_argument("--ray", metavar="HOST:PORT", help="a cluster that is running, or auto")
    parser.add_argument("--hosts", metavar="N,N", help="numbers of hosts, made of namespaces")
    parser.add_argument(
        "--rounds", type=int, default=1, metavar="N", help="turns; the median counts (default 1)"
    )
    return parser


def main() -> int:
    """Caption the photos in each way, in turn, and print how long it takes."""
    typed = make_options().parse_args()
    require(bool(typed.ray) != bool(typed.hosts), "give either --ray or --hosts")
    require(typed.rounds > 0, f"--rounds must be at least 1 (got {typed.rounds})")
    ways = plan_cluster(typed.ray) if typed.ray else plan_hosts(typed.hosts)
    words = [Path(typed.photos).absolute(), "--run", Path(typed.run).absolute()]
    times: dict[str, list[Times]] = {way.name: [] for way in ways}
    first_rows = None
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(typed.rounds):
            for way in ways:
                out = Path(folder, "captions.csv")
                with way.prepare() as (start, more):
                    command = [sys.executable, PREDICT, *words, "--quiet", "--out", out, *more]
                    process = start(*command)
                    times[way.name].append(watch(process, out))
                rows = sorted(out.read_bytes().splitlines())
                out.unlink()
                first_rows = first_rows or rows
                if rows != first_rows:
                    raise UserError(f"{way.name} gave other rows than {ways[0].name}")
                say(f"{way.name}: {times[way.name][-1]}")
    for line in format_table(times):
        output(line)
    return 0


def plan_cluster(address: str) -> list[Way]:
    """Return predict.py alone, and on the cluster at an address."""
    return [
        Way("`predict.py`", lambda: _use_this_machine([])),
        Way(f"`--ray {address}`", lambda: _use_this_machine(["--ray", address])),
    ]


@contextmanager
def _use_this_machine(words: list[str]) -> Iterator[tuple[Start, list[str]]]:
    yield _start, words


def _start(*words: Any) -> subprocess.Popen:
    return subprocess.Popen(
        list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def plan_hosts(text: str) -> list[Way]:
    """Return predict.py alone on one host, and on Ray clusters of these numbers of hosts."""
    numbers = text.split(",")
    is_right = all(number.isascii() and number.isdecimal() and int(number) for number in numbers)
    require(is_right, f"--hosts must be numbers of hosts, such as 1,2 (got {text})")
    ways = [Way("1 host, without Ray", lambda: _make_cluster(0))]
    for number in map(int, numbers):
        name = "1 host" if number == 1 else f"{number} hosts"
        ways.append(Way(name, lambda number=number: _make_cluster(number)))
    return ways


@contextmanager
def _make_cluster(number: int) -> Iterator[tuple[Start, list[str]]]:
    """Start Ray on so many hosts; with none, make one host without Ray."""
    with make_hosts(max(1, number), pinned=True) as hosts:
        head, *others = hosts
        start = partial(head.start, stdout=subprocess.DEVNULL)
        if number == 0:
            yield start, []
            return
        head.start_ray()
        for host in others:
            host.start_ray(head)
        yield start, ["--ray", f"{head.address}:{PORT}"]


def watch(process: subprocess.Popen, out: Path) -> Times:
    """Read a command's rows as they come, until it ends; return when they came."""
    start = time.monotonic()
    first = last = 0.0
    first_rows = rows = 0
    with process:
        while process.poll() is None:
            time.sleep(PAUSE)
            number = _count_rows(out)
            if number > rows:
                rows, last = number, time.monotonic() - start
                first_rows, first = first_rows or rows, first or last
        end = time.monotonic() - start
        error = process.stderr.read()
    if process.returncode or rows == 0:
        raise UserError(f"predict.py ended with status {process.returncode}: {error.strip()}")
    return Times(rows, first_rows, first, last, end)


def _count_rows(file: Path) -> int:
    if not file.exists():
        return 0
    return max(0, file.read_bytes().count(b"\n") - 1)  # without the header


def format_table(times: dict[str, list[Times]]) -> list[str]:
    """Return the rows of a table: each way beside the first one."""
    lines = [
        "| | captions | the first after | whole command | captions a second | steady |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    wholes, steadies = [], []
    for name, turns in times.items():
        end = np.median([turn.end for turn in turns])
        first = np.median([turn.first for turn in turns])
        wholes.append(np.median([turn.whole for turn in turns]))
        steadies.append(np.median([turn.steady for turn in turns]))
        whole = f"{wholes[-1]:.2f} ({wholes[-1] / wholes[0]:.2f})"
        steady = f"{steadies[-1]:.2f} ({steadies[-1] / steadies[0]:.2f})"
        lines.append(
            f"| {name} | {turns[0].rows:,} | {first:.1f} s | {end:.1f} s | {whole} | {steady} |"
        )
    return lines


if __name__ == "__main__":
    run_script(main)
