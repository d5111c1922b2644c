"""Start a command as several workers that train one network together.

python -m tools.launch --local 4 train.py --dataset photos/       four workers on this machine
python -m tools.launch --hosts a,b train.py --dataset photos/     one on each host, by ssh

Each worker takes one GPU, or shares the processor. Hosts need this project and the photos under the
same paths, and ssh without a password. Ctrl-C stops all workers after their step.
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from utils import command_line
from utils.errors import UsageError, run_script
from utils.terminal import note

PORT = 29500  # of the first worker on each host
CHECK_SECONDS = 0.2  # between looks at the workers
LAST_WORDS = 30.0  # seconds in which workers see that another has failed, and say so
SIGNAL_BASE = 128  # shells add it to the number of the signal that ended a process


@dataclass(frozen=True)
class Plan:
    """The command and the environment of one worker."""

    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    is_remote: bool = False  # started by ssh, where Ctrl-C is a character


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    parser.prog = "python -m tools.launch"
    parser.usage = "%(prog)s (--local N | --hosts A,B) [--port PORT] train.py ..."
    parser.add_argument("--local", type=int, metavar="N", help="workers on this machine")
    parser.add_argument("--hosts", metavar="A,B", help="hosts with a worker each; the first is 0")
    parser.add_argument(
        "--port",
        type=int,
        default=PORT,
        metavar="PORT",
        help=f"port of the workers on --hosts, open between them (default {PORT})",
    )
    return parser


def main() -> int:
    """Run all workers to their end; return 0, or the status of the first that failed."""
    own, command = split_words(sys.argv[1:])
    typed = make_options().parse_args(own)
    if (typed.local is None) == (typed.hosts is None):
        raise UsageError("give --local N or --hosts A,B")
    if not command:
        raise UsageError("the command of the workers must follow, such as: train.py --dataset DIR")
    if typed.local is not None:
        plans = plan_local(typed.local, command)
    else:
        plans = plan_hosts(typed.hosts.split(","), typed.port, command)
    return run_all(plans)


def split_words(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the words for this tool, and the command from its script on."""
    for place, word in enumerate(words):
        if word.endswith(".py"):
            return words[:place], words[place:]
    return words, []


def plan_local(number: int, command: Sequence[str]) -> list[Plan]:
    """Return workers on this machine, at ports that are free."""
    if number < 1:
        raise UsageError(f"--local must be at least 1 (got {number})")
    with ExitStack() as opened:
        addresses = []
        for _ in range(number):
            server = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
            addresses.append(f"127.0.0.1:{server.getsockname()[1]}")
    plans = []
    for index in range(number):
        environment = {"TF_CONFIG": describe_cluster(addresses, index)}
        plans.append(Plan([sys.executable, *command], environment))
    return plans


def plan_hosts(hosts: Sequence[str], port: int, command: Sequence[str]) -> list[Plan]:
    """Return a worker for each host; a host that is named twice has two, at neighbouring ports."""
    addresses = []
    for index, host in enumerate(hosts):
        if not host:
            raise UsageError(f"--hosts must be names with commas between (got {','.join(hosts)})")
        name = host.rpartition("@")[2]  # without the user
        addresses.append(f"{name}:{port + list(hosts[:index]).count(host)}")
    plans = []
    for index, host in enumerate(hosts):
        worker = ["env", f"TF_CONFIG={describe_cluster(addresses, index)}", sys.executable]
        script = f"cd {shlex.quote(str(Path.cwd()))} && exec {shlex.join([*worker, *command])}"
        # A terminal there makes Ctrl-C a character, and ends the worker if the connection ends.
        plans.append(Plan(["ssh", "-tt", "-o", "BatchMode=yes", host, script], is_remote=True))
    return plans


def describe_cluster(addresses: Sequence[str], index: int) -> str:
    """Return TF_CONFIG of a worker."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": list(addresses)}, "task": task})


def run_all(plans: Sequence[Plan]) -> int:
    """Run all workers; return 0, or the status of the first that failed.

    When one fails the others have half a minute to end by themselves.
    """
    workers = [_start(plan) for plan in plans]

    def pass_on(number: int, _frame: Any) -> None:
        for plan, worker in zip(plans, workers, strict=True):
            _send(plan, worker, number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    status = 0
    deadline = float("inf")
    try:
        while any(worker.poll() is None for worker in workers):
            time.sleep(CHECK_SECONDS)
            failed = [worker.returncode for worker in workers if worker.poll()]
            if failed and not status:
                status = failed[0]
                deadline = time.monotonic() + LAST_WORDS
            if time.monotonic() > deadline:
                note(f"workers still run {LAST_WORDS:g} s after another failed; they are ended")
                break
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
    failed = [worker.returncode for worker in workers if worker.returncode]
    status = status or (failed or [0])[0]
    if status < 0:
        return SIGNAL_BASE - status
    return status


def _start(plan: Plan) -> subprocess.Popen[bytes]:
    """Start a worker in a session of its own: signals reach it from here alone, and once."""
    return subprocess.Popen(
        plan.command,
        env=os.environ | plan.environment,
        stdin=subprocess.PIPE if plan.is_remote else subprocess.DEVNULL,
        start_new_session=True,
    )


def _send(plan: Plan, worker: subprocess.Popen[bytes], number: int) -> None:
    """Pass a signal on to a worker; on another host any of them is Ctrl-C."""
    if worker.poll() is not None:
        return
    if not plan.is_remote:
        worker.send_signal(number)
        return
    with suppress(OSError):  # the connection has just ended
        worker.stdin.write(b"\x03")
        worker.stdin.flush()


if __name__ == "__main__":
    run_script(main)
