"""Check what this machine has, and name the remedy for everything that is not well.

python -m tools.doctor              check on one screen; the exit status is 1 if an error is found
python -m tools.doctor --network    also try to reach Keras' weights and the Hugging Face Hub
python -m tools.doctor --json       print the same as data, for the report of a bug

error: something needed is missing. Needed are Python, the packages of the lock, a processor for
       which TensorFlow is built, and folders for cache and runs that can be written to and have
       1 GB of room.
note:  something helpful is missing, and one thing does not work or is slower: tests, GPU, OpenVINO,
       memory, Tk, a screen, Java, fonts, weights, the network, versions other than the locked ones.
info:  what is chosen and found. Nothing can be wrong with it.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from utils.prerequisites import find_problem

# The checks are written for Python 3.10 or later, so that they can say which one is needed. They
# use modules of the project, so the functions below import them, after the version is known.
OLDEST_PYTHON = (3, 10)


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    from utils import command_line

    parser = command_line.make_parser(__doc__.partition("\n\n")[2])
    parser.prog = "python -m tools.doctor"
    parser.add_argument(
        "--network",
        action="store_true",
        help="try to connect to where weights come from, for two seconds at most",
    )
    parser.add_argument("--json", action="store_true", help="print data instead of lines")
    parser.add_argument(
        "--cache", metavar="DIR", help="folder of cached features (default: datasets/cache)"
    )
    parser.add_argument("--runs", metavar="DIR", help="folder of runs (default: checkpoints)")
    return parser


def main() -> int:
    """Check everything and print it; return 1 if something needed is missing."""
    from tools.checks.checkup import run_checks
    from tools.checks.findings import choose_status, format_json, format_screen
    from utils.command_line import parse_typed
    from utils.terminal import fail, output

    arguments = parse_typed(make_options())
    folders = []
    for name in ("cache", "runs"):
        folder = arguments.get(name)
        folders.append(Path(folder) if folder else None)
    findings = run_checks(*folders, network=arguments["network"])
    output(format_json(findings) if arguments["json"] else format_screen(findings))
    failures = [finding.name for finding in findings if finding.is_failure]
    if failures:
        fail(f"needed and not well: {', '.join(failures)}")
    return choose_status(findings)


def start() -> None:
    """Run `main`, unless this Python is too old to read the checks."""
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"error: {find_problem()}")
    from utils.errors import run_script

    sys.stdout.reconfigure(errors="replace")  # for terminals without an arrow
    run_script(main)


if __name__ == "__main__":
    start()
