"""Measure serve.py: captions a second by one client and by several, waiting times, a soak test.

    python -m benchmarks.serving --run NAME --photos DIR
    python -m benchmarks.serving --run NAME --photos DIR --soak 5

Each client sends a photo, waits for its caption, and sends the next, over one connection. Waiting
times are measured at half of the captions a second that `--clients` got: then photos come at random
times, whether or not earlier ones are answered. The soak test has 50 clients for some minutes, and
every tenth photo is bad; it ends with SIGTERM while they send. The clients run in this process, so
they take processor time too.
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, RemoteDisconnected
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measuring import Row, format_table
from benchmarks.server_process import ServeProcess
from utils import command_line
from utils.errors import UserError, require, run_script
from utils.terminal import output, say

SOAK_CLIENTS = 50
MOST_WAITING = 200  # clients that may wait at once where photos come at random
BAD_PHOTO = b"this is no photo"
MEGABYTE = 2**20


@dataclass
class Client:
    """A connection to the server; it notes the status and the seconds of each answer."""

    address: str
    statuses: Counter = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._connection = HTTPConnection(urlsplit(self.address).netloc, timeout=120)

    def ask(self, photo: bytes) -> None:
        """Send a photo and read its answer."""
        begun = time.perf_counter()
        self._connection.request("POST", "/v1/caption", photo)
        answer = self._connection.getresponse()
        answer.read()
        self.seconds.append(time.perf_counter() - begun)
        self.statuses[answer.status] += 1


@dataclass(frozen=True)
class Load:
    """The answers that clients got in some seconds."""

    statuses: Counter
    latencies: list[float]
    duration: float

    @property
    def rate(self) -> float:
        """Return the captions a second."""
        return self.statuses[200] / self.duration

    def find_latency(self, share: float) -> float:
        """Return the seconds within which this share of the answers came."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def send_in_turn(address: str, photos: Sequence[bytes], *, clients: int, seconds: float) -> Load:
    """Let each client send its next photo when it has an answer."""
    begun = time.perf_counter()

    def run(number: int) -> Client:
        client = Client(address)
        while time.perf_counter() < begun + seconds:
            client.ask(photos[(number + len(client.seconds)) % len(photos)])
        return client

    with ThreadPoolExecutor(clients) as pool:
        done = list(pool.map(run, range(clients)))
    return _collect(done, time.perf_counter() - begun)


def send_at_random(address: str, photos: Sequence[bytes], *, rate: float, seconds: float) -> Load:
    """Send photos at random times, `rate` a second, whether or not earlier ones are answered."""
    clients: list[Client] = []
    idle: list[Client] = []

    def ask(photo: bytes) -> None:
        try:
            client = idle.pop()
        except IndexError:
            client = Client(address)
            clients.append(client)
        client.ask(photo)
        idle.append(client)

    chance = random.Random(0)
    begun = time.perf_counter()
    due = begun
    sent = []
    with ThreadPoolExecutor(MOST_WAITING) as pool:
        while due < begun + seconds:
            time.sleep(max(due - time.perf_counter(), 0))
            sent.append(pool.submit(ask, photos[len(sent) % len(photos)]))
            due += chance.expovariate(rate)
        for each in sent:
            each.result()
    return _collect(clients, time.perf_counter() - begun)


def _collect(clients: Sequence[Client], duration: float) -> Load:
    statuses: Counter = Counter()
    latencies: list[float] = []
    for client in clients:
        statuses += client.statuses
        latencies += client.seconds
    return Load(statuses, latencies, duration)


def measure_speed(
    server: ServeProcess, photos: Sequence[bytes], *, clients: int, seconds: float
) -> list[Row]:
    """Return captions a second by one client and by several, and waiting times at half of that."""
    address = server.address
    send_in_turn(address, photos, clients=clients, seconds=2)  # warms up
    one = send_in_turn(address, photos, clients=1, seconds=seconds)
    many = send_in_turn(address, photos, clients=clients, seconds=seconds)
    half = send_at_random(address, photos, rate=many.rate / 2, seconds=seconds)
    times = many.rate / one.rate
    slowest = half.find_latency(0.99)
    return [
        Row("serve.py, one client", f"{one.rate:.1f} captions a second"),
        Row(
            f"the same, {clients} clients",
            f"{many.rate:.1f} captions a second: {times:.2f} times one client's",
            "at least 2 times",
            times >= 2,
        ),
        Row(
            f"waiting time at {many.rate / 2:.1f} photos a second, which come at random",
            f"median {half.find_latency(0.5):.3f} s, 99th percentile {slowest:.3f} s",
            "99th percentile under 1 s",
            slowest < 1 and set(half.statuses) == {200},
        ),
    ]


def soak(server: ServeProcess, photos: Sequence[bytes], minutes: float) -> list[Row]:
    """Return what many clients got, the memory at the start and the end, and the exit status."""
    mixed = [BAD_PHOTO if number % 10 == 9 else photo for number, photo in enumerate(photos)]
    send_in_turn(server.address, mixed, clients=SOAK_CLIENTS, seconds=20)  # warms up
    memory = [_read_memory(server)]
    load = Load(Counter(), [], 0)
    end = time.perf_counter() + 60 * minutes
    while time.perf_counter() < end:
        part = send_in_turn(server.address, mixed, clients=SOAK_CLIENTS, seconds=30)
        load = Load(
            load.statuses + part.statuses,
            load.latencies + part.latencies,
            load.duration + part.duration,
        )
        memory.append(_read_memory(server))
        say(f"{load.duration / 60:.1f} minutes: {dict(load.statuses)}, {memory[-1]:,.0f} MB")
    status, cut = stop_under_load(server, mixed)
    is_right = set(load.statuses) == {200, 422}
    return [
        Row(
            f"{SOAK_CLIENTS} clients, one bad photo in ten, {load.duration / 60:.1f} minutes",
            f"{load.statuses[200]:,} captions, {load.statuses[422]:,} refused as no picture, "
            f"{load.statuses.total() - load.statuses[200] - load.statuses[422]} others; "
            f"99th percentile {load.find_latency(0.99):.2f} s",
            "no others",
            is_right,
        ),
        Row("memory after 20 s, and at the end", f"{memory[0]:,.0f} and {memory[-1]:,.0f} MB"),
        Row(
            "SIGTERM while they send",
            f"exit status {status}; {cut} answers cut short",
            "0 and 0",
            status == 0 and cut == 0,
        ),
    ]


def stop_under_load(server: ServeProcess, photos: Sequence[bytes]) -> tuple[int, int]:
    """Send SIGTERM while clients send; return the exit status, and answers that were cut short.

    A connection that ends before an answer begins was refused, and that is due.
    """
    cut = 0

    def run(number: int) -> None:
        nonlocal cut
        client = Client(server.address)
        while True:
            try:
                client.ask(photos[number % len(photos)])
            except (ConnectionError, RemoteDisconnected):
                return
            except HTTPException:
                cut += 1
                return

    with ThreadPoolExecutor(SOAK_CLIENTS) as pool:
        running = [pool.submit(run, number) for number in range(SOAK_CLIENTS)]
        time.sleep(3)
        status, _, error = server.stop()
        for each in running:
            each.result()
    if error:
        say(error)
    return status, cut


def _read_memory(server: ServeProcess) -> float:
    return server.read_metrics()["process_resident_memory_bytes"] / MEGABYTE


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command_line.make_parser(__doc__)
    parser.add_argument("--run", required=True, metavar="NAME|DIR", help="the run to serve")
    parser.add_argument("--photos", required=True, metavar="DIR", help="folder with JPEG files")
    parser.add_argument(
        "--number", type=int, default=200, metavar="PHOTOS", help="photos to send (default 200)"
    )
    parser.add_argument(
        "--clients", type=int, default=16, metavar="NUMBER", help="number of clients (default 16)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20, metavar="SECONDS", help="of each load (default 20)"
    )
    parser.add_argument(
        "--batch", type=int, default=16, metavar="PHOTOS", help="batch of the server (default 16)"
    )
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="the soak test instead")
    return parser


def main() -> None:
    """Start a server, measure it, and print a table."""
    typed = make_options().parse_args()
    require(typed.clients >= 1, f"--clients must be at least 1 (got {typed.clients})")
    files = sorted(Path(typed.photos).glob("*.jpg"))[: typed.number]
    if not files:
        raise UserError(f"{typed.photos} has no JPEG files (*.jpg); name another folder")
    photos = [file.read_bytes() for file in files]
    with ServeProcess("--run", typed.run, "--batch", typed.batch) as server:
        server.wait()
        if typed.soak:
            rows = soak(server, photos, typed.soak)
        else:
            rows = measure_speed(server, photos, clients=typed.clients, seconds=typed.seconds)
    output(format_table(rows))


if __name__ == "__main__":
    run_script(main)
