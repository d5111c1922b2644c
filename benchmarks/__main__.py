"""Everything that is measured against a baseline, in one run.

    python -m benchmarks                                  all, and the table into doc/benchmarks.md
    python -m benchmarks --only extraction training       some, and no table but on the screen
    python -m benchmarks --json FILE --out FILE.md

Each is a module that can also be run by itself: python -m benchmarks.extraction.
"""

import argparse
import platform
import re
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
BEGINS, ENDS = "<!-- begin: written by python -m benchmarks -->", "<!-- end -->"
FLAGS = (
    "avx2",
    "avx512f",
    "avx512_bf16",
    "amx_bf16",
    "amx_tile",
    "bf16",
)  # of a processor, that tell of its products
PACKAGES = ("tensorflow", "keras", "openvino", "numpy")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "none"


def machine() -> dict[str, Any]:
    """What was measured on, with what, and when."""
    file = Path("/proc/cpuinfo")
    model = (
        re.search(r"^model name\s*: *(.+)$", file.read_text(), re.MULTILINE)
        if file.is_file()
        else None
    )
    return {
        "cores": count_cores(),
        "processor": model[1] if model else platform.processor() or platform.machine(),
        "flags": [flag for flag in FLAGS if flag in read_processor_features()],
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "date": datetime.now(UTC).date().isoformat(),
    }


def report(rows: list[measuring.Row], about: dict[str, Any], command: str) -> str:
    """The table with what it was measured on."""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    wanted = [row for row in rows if row.reached is not None]
    flags = f" ({', '.join(about['flags'])})" if about["flags"] else ""
    return (
        f"`{command}`, {about['date']}, {about['minutes']:.0f} minutes: {sum(row.reached for row in wanted)} of "
        f"{len(wanted)} aims reached. {about['cores']} cores of {about['processor']}{flags}; Python {about['python']}, "
        f"{versions}.\n\n{measuring.table(rows)}"
    )


def replaced(text: str, between: str, name: str) -> str:
    """The text with something else between its two marks."""
    before, begins, rest = text.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise UserError(
            f"{name} has no lines '{BEGINS}' and '{ENDS}', between which the table goes; add them, or choose "
            "another --out"
        )
    return f"{before}{BEGINS}\n{between}\n{ENDS}{after}"


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="python -m benchmarks",
    )
    measuring.add_options(parser)
    parser.add_argument("--only", nargs="+", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where the table goes, between the marks there if the file exists "
        "(default doc/benchmarks.md, of all, at full size)",
    )
    return parser


def main() -> None:
    """Measure, print tables, write them."""
    typed = options().parse_args()
    given, names = measuring.given_of(typed), typed.only or list(BENCHMARKS)
    for name in names:
        if name not in BENCHMARKS:
            raise unknown_name_error("measurement", name, list(BENCHMARKS))
    whole = not typed.only and not typed.toy
    out = Path(typed.out) if typed.out else DOCUMENT if whole else None
    text = out.read_text(encoding="utf-8") if out and out.exists() else f"{BEGINS}\n{ENDS}\n"
    if out:
        check_writable(out.parent)
        replaced(text, "", str(out))  # refused now, and not when all is measured
    began, found, rows = time.perf_counter(), {}, []
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            figures = BENCHMARKS[name].run(Path(folder), given)
        told = BENCHMARKS[name].rows(figures)
        say(f"{measuring.table(told)}\n")
        found |= figures
        rows += told
    about = machine() | {"minutes": (time.perf_counter() - began) / 60}
    if typed.json:
        write_json(Path(typed.json), found | {"machine": about})
    if out:
        write_text(out, replaced(text, report(rows, about, _command(typed)), str(out)))
        say(f"written to {out}")


def _command(typed: argparse.Namespace) -> str:
    """What was typed, as far as it changes what is measured."""
    parts = [
        "python -m benchmarks",
        *([f"--only {' '.join(typed.only)}"] if typed.only else []),
        *(["--toy"] if typed.toy else []),
    ]
    defaults = measuring.Given()
    parts += [
        f"--{name} {value}"
        for name in ("rounds", "photos", "weights", "layer")
        if (value := getattr(typed, name)) != getattr(defaults, name)
    ]
    return " ".join(parts)


if __name__ == "__main__":
    run_script(main)
