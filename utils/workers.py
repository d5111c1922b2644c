"""Which worker of a training job this process is, and the place where all of them meet.

TF_CONFIG says it, which Kubernetes' operators, Vertex AI, Ray and `python -m tools.launch` set, or
the variables of SLURM's srun.
"""

import json
import os
import platform
import re
import socket
import sys
import time
import zlib
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from utils.errors import UserError
from utils.terminal import say

FIRST_PORT = 20_000  # of SLURM's jobs: each job's ports follow from its number
PORTS = 20_000
PAUSE = 0.2  # seconds between two attempts to reach worker 0
PATIENCE = 5.0  # seconds for a worker that has connected to say who it is


@dataclass(frozen=True)
class Worker:
    """One of the processes that train a network together."""

    index: int = 0
    addresses: tuple[str, ...] = ("",)  # HOST:PORT of each worker

    @property
    def number(self) -> int:
        """The number of all workers."""
        return len(self.addresses)

    @property
    def place_on_machine(self) -> int:
        """The number of workers before this one on the same machine."""
        hosts = [address.rpartition(":")[0] for address in self.addresses]
        return hosts[: self.index].count(hosts[self.index])

    def owns(self, key: str) -> bool:
        """Return whether what this key names is extracted here: about as much as by each other."""
        return zlib.crc32(key.encode()) % self.number == self.index


ALONE = Worker()


def find_worker(environment: Mapping[str, str] = os.environ) -> Worker:
    """Return which worker this process is, by the environment."""
    if environment.get("TF_CONFIG", "").strip():
        return _read_tf_config(environment["TF_CONFIG"])
    if int(environment.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        return _read_slurm(environment)
    return ALONE


def _read_tf_config(text: str) -> Worker:
    """Return the worker by TensorFlow's own variable; a chief is worker 0."""
    try:
        config = json.loads(text)
        cluster = config.get("cluster", {})
        addresses = [*cluster.get("chief", []), *cluster.get("worker", [])]
        kind = config["task"]["type"]
        index = int(config["task"]["index"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"TF_CONFIG must be JSON with cluster and task (got {text[:60]!r}: {error}); "
            "unset it to train with one worker"
        ) from None
    if cluster.get("ps") or kind not in ("chief", "worker"):
        raise UserError(
            f"TF_CONFIG may have the tasks chief and worker (got {kind}, cluster of "
            f"{', '.join(sorted(cluster))}); parameter servers and evaluators are not used"
        )
    if kind == "worker":
        index += len(cluster.get("chief", []))
    if not 0 <= index < len(addresses):
        raise UserError(
            f"the task in TF_CONFIG must be one of its {len(addresses)} workers (got {index})"
        )
    return Worker(index, tuple(addresses))


def _read_slurm(environment: Mapping[str, str]) -> Worker:
    """Return the worker by the variables of srun, whose tasks fill one node after the other."""
    hosts = expand_hosts(environment["SLURM_STEP_NODELIST"])
    tasks = _expand_tasks(environment["SLURM_STEP_TASKS_PER_NODE"])
    port = FIRST_PORT + int(environment["SLURM_JOB_ID"]) % PORTS
    addresses = []
    for host, number in zip(hosts, tasks, strict=True):
        addresses += [f"{host}:{port + task}" for task in range(number)]
    return Worker(int(environment["SLURM_PROCID"]), tuple(addresses))


def expand_hosts(text: str) -> list[str]:
    """Return the hosts of SLURM's short form: a[01-02,5],b is a01, a02, a5, b."""
    hosts = []
    for prefix, numbers, suffix in re.findall(r"([^,\[]+)(?:\[([^\]]*)\])?([^,\[]*)", text):
        if not numbers:
            hosts.append(prefix + suffix)
            continue
        for part in numbers.split(","):
            first, _, last = part.partition("-")
            for number in range(int(first), int(last or first) + 1):
                hosts.append(f"{prefix}{number:0{len(first)}}{suffix}")
    return hosts


def _expand_tasks(text: str) -> list[int]:
    """Return the tasks of each node of SLURM's short form: 4(x2),3 is 4, 4, 3."""
    tasks = []
    for number, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text):
        tasks += [int(number)] * int(times or 1)
    return tasks


def meet(worker: Worker, *, timeout: float) -> None:
    """Wait until all workers are there; raise a UserError on all if they do not belong together.

    Plain sockets do this before TensorFlow does: its own waiting has no end and ignores Ctrl-C.
    """
    say(f"worker {worker.index} of {worker.number}: waiting for all at {worker.addresses[0]}")
    deadline = time.monotonic() + timeout
    if worker.index == 0:
        reason = _receive_all(worker, deadline, timeout)
    else:
        reason = _call_first(worker, deadline, timeout)
    if reason:
        raise UserError(reason)


def _describe(worker: Worker) -> dict[str, Any]:
    """Return what worker 0 wants to know of a worker."""
    return {
        "index": worker.index,
        "workers": worker.number,
        "arguments": sys.argv[1:],
        "versions": [platform.python_version(), version("keras"), version("numpy")],
    }


def _receive_all(worker: Worker, deadline: float, timeout: float) -> str:
    """Wait for all others, and tell them the reason, or "", why they do not belong together."""
    own = _describe(worker)
    known: dict[int, dict[str, Any]] = {0: own}
    with ExitStack() as opened:
        server = opened.enter_context(_listen(*_split(worker.addresses[0])))
        connections = []
        while len(known) < worker.number and time.monotonic() < deadline:
            with suppress(OSError, ValueError, KeyError, TypeError):  # not one of our workers
                connection = opened.enter_context(server.accept()[0])
                connection.settimeout(PATIENCE)
                other = json.loads(connection.makefile("rb").readline())
                known[other["index"]] = other
                connections.append(connection)
        missing = sorted(set(range(worker.number)) - set(known))
        if missing:
            reason = (
                f"{len(known)} of {worker.number} workers came within {timeout:g} s; missing: "
                f"{', '.join(map(str, missing))}; start all of them, or wait longer with "
                "--worker-timeout"
            )
        else:
            reason = _find_difference(own, known)
        for connection in connections:
            with suppress(OSError):  # it is gone, and will be missed by TensorFlow
                connection.sendall(json.dumps(reason).encode() + b"\n")
    return reason


def _listen(host: str, port: int) -> socket.socket:
    """Listen on all addresses of this machine, or on loopback if all workers are there."""
    name = "127.0.0.1" if host in ("localhost", "127.0.0.1") else ""
    try:
        server = socket.create_server((name, port))
    except OSError as error:
        raise UserError(
            f"worker 0 cannot listen on port {port} ({error.strerror}); choose another port"
        ) from None
    server.settimeout(1)
    return server


def _find_difference(own: dict[str, Any], known: dict[int, dict[str, Any]]) -> str:
    """Return in what a worker differs from worker 0, or ""."""
    for index, other in sorted(known.items()):
        for what in ("workers", "arguments", "versions"):
            if other.get(what) != own[what]:
                return (
                    f"all workers must have the same {what}: worker {index} has "
                    f"{_show(other.get(what))}, worker 0 {_show(own[what])}"
                )
    return ""


def _show(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return str(value)


def _call_first(worker: Worker, deadline: float, timeout: float) -> str:
    """Call worker 0 until it answers; return its answer, a reason to end or ""."""
    host, port = _split(worker.addresses[0])
    message = json.dumps(_describe(worker)).encode() + b"\n"
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((host, port), timeout=PATIENCE) as connection:
                connection.sendall(message)
                # A little longer than worker 0 waits, which knows who is missing.
                connection.settimeout(max(1.0, deadline - time.monotonic()) + PATIENCE)
                return json.loads(connection.makefile("rb").readline())
        except (OSError, ValueError):
            time.sleep(PAUSE)
    return (
        f"worker 0 did not answer at {worker.addresses[0]} within {timeout:g} s; start it, check "
        "the address, or wait longer with --worker-timeout"
    )


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)
