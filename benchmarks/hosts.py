"""Hosts made of namespaces: each has its own network, processes, and folders of Ray's.

They share the disk and the processor. Linux and root are needed; `ip`, `unshare` and `nsenter` too.
"""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from utils.errors import UserError

PORT = 6379
PATH = os.environ.get("PATH", os.defpath)  # kept: tests change it, and hosts are made meanwhile
# A host's first process. When it ends, the kernel ends all others of the host.
INIT = """
mkdir -p /tmp/ray
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp/ray
exec sleep infinity
"""
RAY = (sys.executable, "-m", "ray.scripts.scripts")
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@dataclass(frozen=True)
class Done:
    """The end of a command on a host."""

    status: int
    out: str
    error: str


def find_obstacle() -> str | None:
    """Return why no hosts can be made here; None if they can."""
    for tool in ("ip", "unshare", "nsenter", "taskset"):
        if shutil.which(tool, path=PATH) is None:
            return f"{tool} is not installed; on Debian and Ubuntu: apt install iproute2 util-linux"
    if os.geteuid() != 0:
        return "hosts are made of namespaces, which needs root"
    name = f"try{os.getpid()}"
    made = _run("ip", "netns", "add", name)
    done = _run("ip", "netns", "exec", name, "unshare", "--fork", "--pid", "--mount", "true")
    _run("ip", "netns", "delete", name)
    if made.returncode or done.returncode:
        return "this system forbids namespaces"
    return None


def _run(*words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(words, env=_make_environment(), capture_output=True, check=False)


def _make_environment() -> dict[str, str]:
    return os.environ | {"PATH": PATH}


def _run_ip(*words: str) -> None:
    _run("ip", *words).check_returncode()


class Host:
    """One host. `address` is that of its network card."""

    def __init__(self, network: str, number: int, core: int | None = None) -> None:
        self.address = f"10.77.0.{number}"
        self._network = network
        self._name = f"{network}h{number}"
        self._link = f"{network}l{number}"
        self._core = core
        _run_ip("netns", "add", self._name)
        _run_ip(
            "-n", network, "link", "add", self._link, "type", "veth",
            "peer", "name", "eth0", "netns", self._name,
        )  # fmt: skip
        _run_ip("-n", network, "link", "set", self._link, "master", "bridge", "up")
        _run_ip("-n", self._name, "addr", "add", f"{self.address}/24", "dev", "eth0")
        _run_ip("-n", self._name, "link", "set", "lo", "up")
        _run_ip("-n", self._name, "link", "set", "eth0", "up")
        self._init = subprocess.Popen(
            ["ip", "netns", "exec", self._name, "unshare", "--fork", "--pid", "--mount-proc",
             "--mount", "--kill-child", "sh", "-c", INIT],
            env=_make_environment(),
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._pid = self._find_first_process()

    def _find_first_process(self) -> int:
        children = Path(f"/proc/{self._init.pid}/task/{self._init.pid}/children")
        for _ in range(100):
            found = children.read_text().split()
            if found and "sleep" in Path(f"/proc/{found[0]}/comm").read_text():
                return int(found[0])
            time.sleep(0.05)
        raise RuntimeError(f"host {self._name} did not start")

    def start(self, *words: Any, **options: Any) -> subprocess.Popen:
        """Start a command on this host; return its Popen. `options` are those of Popen."""
        enter = ["nsenter", "--target", str(self._pid), "--net", "--pid", "--mount", "--"]
        if self._core is not None:
            enter += ["taskset", "--cpu-list", str(self._core)]
        environment = {**os.environ, **QUIET, **TOKEN, **options.pop("env", {})}
        # Without a folder it would start in /. The last command alone gets a changed PATH.
        enter += ["env", "-C", str(options.pop("cwd", Path.cwd())), f"PATH={environment['PATH']}"]
        return subprocess.Popen(
            [*enter, *map(str, words)],
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=subprocess.PIPE,
            text=True,
            env=environment | {"PATH": PATH},
            **options,
        )

    def run(self, *words: Any, timeout: float = 300, **options: Any) -> Done:
        """Run a command on this host; return its status, output and errors."""
        process = self.start(*words, **options)
        try:
            out, error = process.communicate(timeout=timeout)
        finally:
            process.kill()
        return Done(process.returncode, out, error)

    def start_ray(self, head: Self | None = None, cores: int = 1) -> None:
        """Start Ray on this host: as the head, or joined to another host."""
        words = ["--head", f"--port={PORT}", "--include-dashboard=false"]
        if head is not None:
            words = [f"--address={head.address}:{PORT}"]
        done = self.run(
            *RAY, "start", *words, f"--node-ip-address={self.address}", f"--num-cpus={cores}",
            "--object-store-memory=100000000", "--disable-usage-stats",
        )  # fmt: skip
        if done.status:
            raise RuntimeError(f"Ray did not start on {self.address}: {done.out}{done.error}")

    def hide(self, folder: Path) -> None:
        """Hide what is in a folder from this host."""
        done = self.run("mount", "-t", "tmpfs", "tmpfs", folder)
        if done.status:
            raise RuntimeError(f"{folder} could not be hidden from {self.address}: {done.error}")

    def cut(self) -> None:
        """Take the host from the network."""
        _run_ip("-n", self._network, "link", "set", self._link, "down")

    def kill(self) -> None:
        """End all processes of the host at once, as a power cut does."""
        if self._init.poll() is None:
            os.kill(self._pid, signal.SIGKILL)
            self._init.wait(timeout=30)

    def remove(self) -> None:
        """End the host, and remove its network."""
        self.kill()
        _run("ip", "netns", "delete", self._name)


@contextmanager
def make_hosts(number: int, *, pinned: bool = False) -> Iterator[list[Host]]:
    """Make hosts for a block; `pinned` gives each a core of its own. All end with the block."""
    obstacle = find_obstacle()
    if obstacle:
        raise UserError(obstacle)
    network = f"n{os.getpid()}"
    hosts = []
    cores = sorted(os.sched_getaffinity(0))
    try:
        _run_ip("netns", "add", network)
        _run_ip("-n", network, "link", "add", "bridge", "type", "bridge")
        _run_ip("-n", network, "link", "set", "bridge", "up")
        for each in range(1, number + 1):
            core = cores[(each - 1) % len(cores)] if pinned else None
            hosts.append(Host(network, each, core))
        yield hosts
    finally:
        for host in hosts:
            host.remove()
        _run("ip", "netns", "delete", network)
