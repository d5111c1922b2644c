"""Run all benchmarks that have a target.

    python -m benchmarks                                  all, and the table into doc/benchmarks.md
    python -m benchmarks --only extraction training       some, and the table only on the screen
    python -m benchmarks --json FILE --out FILE.md

Each is a module that also runs by itself: python -m benchmarks.extraction
"""

import argparse
import contextlib
import platform
import re
import shlex
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import decoding, extraction, first_caption, measuring, memory, scaling, training
from utils.device import count_cores, read_processor_features
from utils.errors import UserError, run_script, unknown_name_error
from utils.files import check_writable, write_json, write_text
from utils.terminal import say

BENCHMARKS = {
    "extraction": extraction,
    "training": training,
    "decoding": decoding,
    "first_caption": first_caption,
    "memory": memory,
    "scaling": scaling,
}
DOCUMENT = Path(__file__).parents[1] / "doc/benchmarks.md"
BEGIN, END = "<!-- begin: written by python -m benchmarks -->", "<!-- end -->"
# The features of a processor that make matrix products fast.
PROCESSOR_FEATURES = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile", "bf16")
PACKAGES = ("tensorflow", "keras", "openvino", "numpy")


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="python -m benchmarks",
    )
    measuring.add_options(parser)
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)} (default: all)"
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write the table to this file, between its marks (default doc/benchmarks.md)",
    )
    return parser


def main() -> None:
    """Run benchmarks, print their tables, write them."""
    arguments = make_options().parse_args()
    benchmark_options = measuring.check_options(arguments)
    names = arguments.only or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            raise unknown_name_error("benchmark", name, list(BENCHMARKS))
    out = choose_out_file(arguments)
    text = ""
    if out is not None:
        text = f"{BEGIN}\n{END}\n"
        if out.exists():
            text = out.read_text(encoding="utf-8")
        check_writable(out.parent)
        replace_between_marks(text, "", str(out))  # rejects the file before hours of work

    start = time.perf_counter()
    figures: dict[str, Any] = {}
    rows = []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            new_figures = BENCHMARKS[name].run(Path(folder), benchmark_options)
        new_rows = BENCHMARKS[name].make_rows(new_figures)
        say(f"{measuring.format_table(new_rows)}\n")
        figures |= new_figures
        rows += new_rows
    machine = describe_machine()
    machine["minutes"] = (time.perf_counter() - start) / 60
    if arguments.json:
        write_json(Path(arguments.json), figures | {"machine": machine})
    if out is not None:
        report = format_report(rows, machine, format_command(arguments))
        write_text(out, replace_between_marks(text, report, str(out)))
        say(f"written to {out}")


def choose_out_file(arguments: argparse.Namespace) -> Path | None:
    """Return the file for the table; only a full run goes into the document by default."""
    if arguments.out:
        return Path(arguments.out)
    if arguments.only or arguments.toy:
        return None
    return DOCUMENT


def describe_machine() -> dict[str, Any]:
    """Return processor, versions and date."""
    present = read_processor_features()
    return {
        "cores": count_cores(),
        "processor": read_processor_name(),
        "flags": [name for name in PROCESSOR_FEATURES if name in present],
        "python": platform.python_version(),
        "versions": {name: read_version(name) for name in PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
    }


def read_processor_name() -> str:
    """Return the processor's model; on other systems than Linux what Python knows of it."""
    file = Path("/proc/cpuinfo")
    if file.is_file():
        match = re.search(r"^model name\s*: *(.+)$", file.read_text(), re.MULTILINE)
        if match:
            return match[1]
    return platform.processor() or platform.machine()


def read_version(package: str) -> str:
    """Return the version of a package, or of its build for processors; "none" without both."""
    for name in (package, f"{package}-cpu"):
        with contextlib.suppress(PackageNotFoundError):
            return version(name)
    return "none"


def format_report(rows: list[measuring.Row], machine: dict[str, Any], command: str) -> str:
    """Return the table below a paragraph about the run."""
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    targets = [row for row in rows if row.is_met is not None]
    met = sum(row.is_met for row in targets)
    features = ""
    if machine["flags"]:
        features = f" ({', '.join(machine['flags'])})"
    return (
        f"`{command}`, {machine['date']}, {machine['minutes']:.0f} minutes: "
        f"{met} of {len(targets)} targets met. "
        f"{machine['cores']} cores of {machine['processor']}{features}; "
        f"Python {machine['python']}, {versions}.\n\n{measuring.format_table(rows)}"
    )


def replace_between_marks(text: str, content: str, name: str) -> str:
    """Return the text with other content between its two marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UserError(
            f"{name} must have the lines '{BEGIN}' and '{END}' around its table; "
            "add them or choose another --out"
        )
    return f"{before}{BEGIN}\n{content}\n{END}{after}"


def format_command(arguments: argparse.Namespace) -> str:
    """Return the command with all options that change the figures."""
    words = ["python", "-m", "benchmarks"]
    if arguments.only:
        words += ["--only", *arguments.only]
    if arguments.toy:
        words.append("--toy")
    defaults = measuring.Options()
    for name in ("rounds", "photos", "weights", "layer"):
        value = getattr(arguments, name)
        if value != getattr(defaults, name):
            words += [f"--{name}", str(value)]
    return shlex.join(words)


if __name__ == "__main__":
    run_script(main)
