"""The common parts of all benchmarks: processes in turn, medians, memory, tables, options.

A measure is a function that prepares (loads the network, compiles, warms up) and returns a turn: a
function that does the work once. Each measure runs in a process of its own. The processes take
turns, so that other load on the machine affects all of them. Only these processes load TensorFlow,
so that it does not count where it is not used.
"""

import argparse
import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from utils.errors import UserError, run_script
from utils.files import check_writable, write_json

# Does the work once and returns counts; also `seconds`, if not all of its time counts.
Turn = Callable[[], dict[str, Any]]
Measures = Mapping[str, Callable[..., Turn]]
Figures = dict[str, Any]

MEMORY_SECONDS = 0.02  # how often the memory is read


@dataclass(frozen=True)
class Row:
    """A row of a table: a figure and its target."""

    name: str
    measured: str
    target: str = ""
    is_met: bool | None = None  # None without a target
    megabytes: float | None = None  # the peak

    def format(self) -> str:
        """Return the row as Markdown."""
        met = ""
        if self.is_met is not None:
            met = "yes" if self.is_met else "**no**"
        megabytes = "" if self.megabytes is None else f"{self.megabytes:,.0f}"
        return f"| {self.name} | {self.measured} | {self.target} | {met} | {megabytes} |"


def format_table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| what | measured | target | met | peak MB |", "| --- | --- | --- | --- | --- |"]
    lines += [row.format() for row in rows]
    return "\n".join(lines)


@dataclass(frozen=True)
class Options:
    """The options of all benchmarks."""

    rounds: int = 5  # turns of each measure
    toy: bool = False  # sizes that only show that everything works
    photos: str | None = None  # a folder of JPEG files
    weights: str = "none"  # of the encoder
    layer: str | None = None  # of the encoder


class MeasureProcess:
    """A measure in a process of its own, prepared for its turns."""

    def __init__(
        self,
        module: str,
        name: str,
        arguments: Mapping[str, Any],
        python: str | None = None,
    ) -> None:
        """`python` is another interpreter than this one."""
        self._name = name
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (`_close` closes it)
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
        self._process = subprocess.Popen(
            [python or sys.executable, "-m", module, "--measure", name],
            text=True,
            env=quiet | os.environ,
            stderr=self._errors,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._arguments = arguments

    def __enter__(self) -> Self:
        try:
            self.ask(self._arguments)
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._close()

    def _close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()

    def ask(self, request: Any) -> dict[str, Any]:
        """Send a request ("turn", or "end" for the memory) and return the answer."""
        with contextlib.suppress(BrokenPipeError):  # reported below, with the process's errors
            print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if answer:
            return json.loads(answer)
        self._process.wait()
        self._errors.seek(0)
        errors = self._errors.read().decode(errors="replace").strip()
        last_line = errors.rpartition("\n")[2]
        if last_line.startswith("error: "):  # a `UserError` in the process
            raise UserError(last_line.removeprefix("error: "))
        raise RuntimeError(f"{self._name} failed:\n{errors}")


def measure(module: str, names: Sequence[str], rounds: int, **arguments: Any) -> Figures:
    """Run measures of a module in turn; return the figures of each by its name.

    They are those of `summarize_turns`, and the process's peak `megabytes` and
    `anonymous_megabytes`.
    """
    with contextlib.ExitStack() as stack:
        processes = {}
        turns: dict[str, list[dict[str, Any]]] = {}
        for name in names:
            processes[name] = stack.enter_context(MeasureProcess(module, name, arguments))
            turns[name] = []
        for _ in range(rounds):
            for name, process in processes.items():
                turns[name].append(process.ask("turn"))
        figures = {}
        for name, process in processes.items():
            figures[name] = summarize_turns(turns[name]) | process.ask("end")
        return figures


def summarize_turns(turns: Sequence[dict[str, Any]]) -> Figures:
    """Return the median of the `seconds`, those of all `turns`, and the last turn's counts."""
    seconds = [turn["seconds"] for turn in turns]
    return turns[-1] | {"seconds": float(np.median(seconds)), "turns": seconds}


def time_turn(turn: Turn) -> dict[str, Any]:
    """Run a turn; return its counts and its seconds, unless the turn has timed itself."""
    start = time.perf_counter()
    counts = turn()
    return {"seconds": time.perf_counter() - start} | counts


class PeakMemory:
    """The peak memory of this process; a thread reads the anonymous memory (without files)."""

    def __init__(self) -> None:
        self._anonymous: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._stop.is_set():
            megabytes = read_memory("self", "RssAnon")
            if megabytes is None:
                return
            self._anonymous = max(megabytes, self._anonymous or 0)
            self._stop.wait(MEMORY_SECONDS)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def read(self) -> dict[str, float | None]:
        """Return the peak in megabytes; None for what the system does not report."""
        megabytes = read_memory("self", "VmHWM")
        if megabytes is None:
            # Not on Linux, where it includes the parent's memory at the start of the process.
            megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        return {"megabytes": megabytes, "anonymous_megabytes": self._anonymous}


def read_memory(process: int | str, field: str) -> float | None:
    """Return a field of a process's status in megabytes; None on other systems than Linux."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith(field + ":"):
            kibibytes = int(line.split()[1])
            return kibibytes * 1024 / 1e6
    return None


def serve_turns(measures: Measures, name: str) -> None:
    """Prepare a measure, then take a turn for each request on standard input."""
    answers = sys.stdout

    def answer(message: dict[str, Any]) -> None:
        print(json.dumps(message), file=answers, flush=True)

    with contextlib.redirect_stdout(sys.stderr), PeakMemory() as memory:
        turn = measures[name](**json.loads(sys.stdin.readline()))
        answer({})
        for request in sys.stdin:
            if json.loads(request) == "turn":
                answer(time_turn(turn))
            else:
                answer(memory.read())


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all benchmarks."""
    parser.add_argument(
        "--rounds",
        type=int,
        default=Options.rounds,
        metavar="TURNS",
        help=f"turns of each measure; the median counts (default {Options.rounds})",
    )
    parser.add_argument(
        "--photos",
        metavar="DIR",
        help="a folder of JPEG files (default: crops of scikit-learn's two photos)",
    )
    parser.add_argument(
        "--weights",
        default=Options.weights,
        metavar="none|imagenet|FILE",
        help="the encoder's weights; random ones take as long (default none)",
    )
    parser.add_argument("--layer", metavar="NAME", help="the encoder's layer (default: its last)")
    parser.add_argument(
        "--toy", action="store_true", help="use sizes that only show that everything works"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")


def check_options(arguments: argparse.Namespace) -> Options:
    """Return the options; reject wrong ones."""
    if arguments.rounds < 1:
        raise UserError(f"--rounds must be at least 1 (got {arguments.rounds})")
    weights = arguments.weights
    if weights not in ("none", "imagenet") and not Path(weights).is_file():
        raise UserError(f"--weights must be none, imagenet or a .weights.h5 file (got {weights})")
    photos = arguments.photos
    if photos is not None and not Path(photos).is_dir():
        raise UserError(f"--photos must be a folder with JPEG files (got {photos})")
    if arguments.json is not None:
        json_file = Path(arguments.json)
        check_writable(json_file.parent)
        if json_file.is_dir():
            raise UserError(f"--json must be a file (got the folder {json_file})")
    return Options(arguments.rounds, arguments.toy, photos, weights, arguments.layer)


def run_benchmark(
    description: str,
    run: Callable[[Path, Options], Figures],
    make_rows: Callable[[Figures], list[Row]],
    measures: Measures,
) -> None:
    """Run a benchmark as a script: print its table, or take the turns of one measure."""

    def main() -> None:
        parser = argparse.ArgumentParser(
            description=description, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        add_options(parser)
        parser.add_argument("--measure", choices=list(measures), help=argparse.SUPPRESS)
        arguments = parser.parse_args()
        if arguments.measure:
            serve_turns(measures, arguments.measure)
            return
        options = check_options(arguments)
        with tempfile.TemporaryDirectory() as folder:
            figures = run(Path(folder), options)
        print(format_table(make_rows(figures)))
        if arguments.json:
            write_json(Path(arguments.json), figures)

    run_script(main)
