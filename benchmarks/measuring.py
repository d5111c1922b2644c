"""What all measurements share: processes that take turns, medians, peak memory, tables, and the command line.

A measure is a function that prepares (loads the network, compiles, warms up) and returns what is done at each turn. It
runs in a process of its own; the processes take turns, so that what else the machine does falls on all of them. TensorFlow
is loaded in those processes alone: what measures stays small.
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from utils.errors import UserError, run_script
from utils.files import check_writable, write_json

Turn = Callable[
    [], dict[str, Any]
]  # does the work once; what it counts, and its `seconds` where not all of it is timed
Measures = Mapping[str, Callable[..., Turn]]

EVERY_SECONDS = 0.02  # how often memory is looked at


@dataclass(frozen=True)
class Row:
    """A line of a table: what was measured beside what is wanted of it."""

    what: str
    measured: str
    wanted: str = ""
    reached: bool | None = None  # None where nothing is wanted
    megabytes: float | None = None  # at the peak

    def line(self) -> str:
        """As Markdown."""
        reached = "" if self.reached is None else "yes" if self.reached else "**no**"
        memory = "" if self.megabytes is None else f"{self.megabytes:,.0f}"
        return f"| {self.what} | {self.measured} | {self.wanted} | {reached} | {memory} |"


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    return "\n".join(
        [
            "| what | measured | wanted | reached | peak MB |",
            "| --- | --- | --- | --- | --- |",
            *(row.line() for row in rows),
        ]
    )


@dataclass(frozen=True)
class Given:
    """What a measurement may be asked for."""

    rounds: int = 5  # turns of each variant
    toy: bool = False  # sizes that show that it works, and nothing else
    photos: str | None = None  # a folder of JPEG files; None: drawn ones
    weights: str = "none"  # of the encoder
    layer: str | None = None  # of the encoder


@contextlib.contextmanager
def process(
    module: str, name: str, arguments: Mapping[str, Any]
) -> Iterator[Callable[[Any], dict[str, Any]]]:
    """A measure of the module in a process of its own, prepared; what is given asks it for a "turn", or for its memory at
    the "end"."""
    command = [sys.executable, "-m", module, "--measure", name]
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "tensorflow"}
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command,
            text=True,
            env=quiet | os.environ,
            stderr=errors,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as started,
    ):

        def ask(what: Any) -> dict[str, Any]:
            with contextlib.suppress(BrokenPipeError):  # what it died of is told below
                print(json.dumps(what), file=started.stdin, flush=True)
            answer = started.stdout.readline()
            if answer:
                return json.loads(answer)
            started.wait()
            errors.seek(0)
            told = errors.read().decode(errors="replace").strip()
            if (last := told.rpartition("\n")[2]).startswith(
                "error: "
            ):  # so a refusal ends a script
                raise UserError(last.removeprefix("error: "))
            raise RuntimeError(f"{name} failed:\n{told}")

        try:
            ask(arguments)
            yield ask
        finally:
            started.kill()
            started.communicate()


def measured(
    module: str, names: Sequence[str], rounds: int, **arguments: Any
) -> dict[str, dict[str, Any]]:
    """By measure of the module: the `seconds` of a turn (the median), `turns` (of all), what else the last turn gave, and
    the process's peak `megabytes` and `anonymous_megabytes`."""
    with contextlib.ExitStack() as stack:
        asked = {name: stack.enter_context(process(module, name, arguments)) for name in names}
        turns: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name, ask in asked.items():
                turns[name].append(ask("turn"))
        return {name: in_all(turns[name]) | ask("end") for name, ask in asked.items()}


def in_all(turns: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What several turns gave: the median of their seconds, each of these, and what else the last gave."""
    seconds = [turn["seconds"] for turn in turns]
    return turns[-1] | {"seconds": float(np.median(seconds)), "turns": seconds}


def take(turn: Turn) -> dict[str, Any]:
    """What a turn gives, with its seconds: those that it tells, else all that it took."""
    began = time.perf_counter()
    found = turn()
    return {"seconds": time.perf_counter() - began} | found


class Memory:
    """The most memory that this process takes, of which a thread looks at what is anonymous (no file's pages)."""

    def __init__(self) -> None:
        self._anonymous: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while (now := memory_of("self", "RssAnon")) is not None and not self._stop.wait(
            EVERY_SECONDS
        ):
            self._anonymous = max(now, self._anonymous or 0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()

    def peak(self) -> dict[str, float | None]:
        """Megabytes in all, and anonymous ones; these None where the system does not tell."""
        # Not getrusage on Linux: it counts in a process what its parent held when it began.
        most = (
            memory_of("self", "VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        )
        return {"megabytes": most, "anonymous_megabytes": self._anonymous}


def memory_of(process: int | str, field: str) -> float | None:
    """Megabytes that Linux tells of a process; None elsewhere."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return None
    return next(
        (int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith(field + ":")), None
    )


def serve(measures: Measures, name: str) -> None:
    """Prepare the measure and take its turns, as they are asked for on standard input."""
    answers = sys.stdout

    def answer(found: dict[str, Any]) -> None:
        print(json.dumps(found), file=answers, flush=True)

    with contextlib.redirect_stdout(sys.stderr), Memory() as memory:
        turn = measures[name](**json.loads(sys.stdin.readline()))
        answer({})
        for asked in sys.stdin:
            answer(take(turn) if json.loads(asked) == "turn" else memory.peak())


def add_options(parser: argparse.ArgumentParser) -> None:
    """What may be asked for."""
    parser.add_argument(
        "--rounds",
        type=int,
        default=Given.rounds,
        metavar="TURNS",
        help=f"turns of each variant, of which the median is taken (default {Given.rounds})",
    )
    parser.add_argument(
        "--photos",
        metavar="DIR",
        help="JPEG files to measure on (default: crops of two photos that come with scikit-learn)",
    )
    parser.add_argument(
        "--weights",
        default=Given.weights,
        metavar="none|imagenet|FILE",
        help="the encoder's weights (default none: random, which take as long)",
    )
    parser.add_argument("--layer", metavar="NAME", help="the encoder's layer (default: its last)")
    parser.add_argument(
        "--toy", action="store_true", help="at sizes that only show that everything works"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures there")


def given_of(typed: argparse.Namespace) -> Given:
    """What was asked for; refused where it can't be."""
    if typed.rounds < 1:
        raise UserError(f"--rounds is at least 1, not {typed.rounds}")
    if typed.weights not in ("none", "imagenet") and not Path(typed.weights).is_file():
        raise UserError(
            f"no weights file {typed.weights}; --weights is none, imagenet, or a .weights.h5 file"
        )
    if typed.photos is not None and not Path(typed.photos).is_dir():
        raise UserError(f"no folder {typed.photos}; --photos names one with JPEG files")
    if typed.json is not None:
        check_writable(Path(typed.json).parent)
        if Path(typed.json).is_dir():
            raise UserError(f"--json wants a file, and {typed.json} is a folder")
    return Given(typed.rounds, typed.toy, typed.photos, typed.weights, typed.layer)


def script(
    explained: str,
    run: Callable[[Path, Given], dict[str, Any]],
    rows: Callable[[dict[str, Any]], list[Row]],
    measures: Measures,
) -> None:
    """The script of a measurement: measures in a temporary folder and prints the table; or takes one measure's turns."""

    def main() -> None:
        parser = argparse.ArgumentParser(
            description=explained, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        add_options(parser)
        parser.add_argument("--measure", choices=list(measures), help=argparse.SUPPRESS)
        typed = parser.parse_args()
        if typed.measure:
            serve(measures, typed.measure)
            return
        with tempfile.TemporaryDirectory() as folder:
            found = run(Path(folder), given_of(typed))
        print(table(rows(found)))
        if typed.json:
            write_json(Path(typed.json), found)

    run_script(main)
