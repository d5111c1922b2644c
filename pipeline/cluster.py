"""Work spread over the machines of a Ray cluster.

An actor on each machine, or on each GPU, holds a network. Ray hands it items in batches, and their
results come back as they are ready. What a lost machine had in hand is done again elsewhere.
"""

import logging
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.cluster_address import LOCAL
from utils.device import count_cores, use_device
from utils.errors import UserError
from utils.prerequisites import PROJECT
from utils.quiet import hold_standard_error, import_tensorflow, quieten
from utils.terminal import debug, say, screen

BATCH = 32  # items that an actor takes at a time: enough for a network, and few to do again
_MOST_ACTORS = 1000  # machines may join while others work
_MOST_TRIES = 3  # of a batch: a photo may end the process that reads it
_OBJECT_MEMORY = 256_000_000  # bytes for results on their way, in a cluster of this machine alone

Work = Callable[[list[Any]], list[Any]]  # items to their results, in the same order


@dataclass(frozen=True)
class Job:
    """The work of all actors.

    `make_work` is called in each actor, with TensorFlow loaded. `needed` are files and folders that
    every machine must see.
    """

    make_work: Callable[[], Work]
    needed: Sequence[Path] = ()
    device: str = "auto"


@dataclass(frozen=True)
class Batch:
    """Items with their numbers. It travels as an object: Arrow's texts cannot hold every path."""

    numbers: Sequence[int]
    items: Sequence[Any]


@dataclass(frozen=True)
class Done:
    """The results of a batch, or the error for which a host can have none."""

    numbers: Sequence[int]
    results: list[Any]
    host: str
    error: UserError | None = None


class Lost:
    """The result of an item that ended each process that worked on it."""


class Tries:
    """Counts on the driver's machine how often work on each batch was started."""

    def __init__(self) -> None:
        self._tries: Counter[tuple[int, ...]] = Counter()

    def start(self, batch: tuple[int, ...]) -> int:
        """Count a start; return how many there were, with this one."""
        self._tries[batch] += 1
        return self._tries[batch]


class Actor:
    """A network in a process of Ray's on some machine."""

    def __init__(self, job: Job, tries: Any) -> None:
        """Load the network. An error becomes the result of a batch: of others Ray prints pages."""
        self._host = _name_host()
        self._tries = tries
        self._error: UserError | None = None
        try:
            for path in job.needed:
                if not path.exists():
                    raise UserError(f"no {path}; all machines must see it under this path")
            quieten()
            import_tensorflow()
            use_device(job.device)
            self._work = job.make_work()
        except UserError as error:
            self._error = UserError(f"{self._host} (a machine of the cluster): {error}")

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        """Return what is done of the batch in the only row."""
        (batch,) = rows["batch"]
        done = np.empty(1, object)
        done[0] = self._do(batch)
        return {"done": done}

    def _do(self, batch: Batch) -> Done:
        import ray  # an extra

        if ray.get(self._tries.start.remote(tuple(batch.numbers))) > _MOST_TRIES:
            return Done(batch.numbers, [Lost()] * len(batch.items), self._host)
        if self._error is None:
            try:
                results = self._work(list(batch.items))
                return Done(batch.numbers, results, self._host)
            except UserError as error:
                self._error = UserError(f"{self._host} (a machine of the cluster): {error}")
        return Done(batch.numbers, [], self._host, self._error)


def _name_host() -> str:
    import ray  # an extra

    return ray.util.get_node_ip_address()


def spread(address: str, job: Job, items: Sequence[Any]) -> Iterator[tuple[int, Any, str]]:
    """Yield the number of each item with its result and its host, in any order."""
    with _connect(address):
        lost = []
        for number, result, host in _map(job, _make_batches(items, range(len(items)), BATCH)):
            if isinstance(result, Lost):
                lost.append(number)
            else:
                yield number, result, host
        # Alone, an item that ends its process harms no other.
        yield from _map(job, _make_batches(items, lost, 1))


def _make_batches(items: Sequence[Any], numbers: Sequence[int], size: int) -> list[Batch]:
    batches = []
    for start in range(0, len(numbers), size):
        part = numbers[start : start + size]
        batches.append(Batch(part, [items[number] for number in part]))
    return batches


@contextmanager
def _connect(address: str) -> Iterator[None]:
    """Join the cluster for a block; its messages are shown at --log-level debug alone."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if not screen.shows_debug:
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    with hold_standard_error():
        _join(address)
    try:
        yield
    finally:
        import ray  # an extra

        ray.shutdown()


def _join(address: str) -> None:
    # Its errors reach this program too, which says them in one line.
    level = logging.INFO if screen.shows_debug else logging.CRITICAL
    options: dict[str, Any] = {"log_to_driver": screen.shows_debug, "logging_level": level}
    if address == LOCAL:
        options |= {"num_cpus": count_cores(), "include_dashboard": False}
        options["object_store_memory"] = _OBJECT_MEMORY
        # A secret of this command alone: otherwise Ray makes one and leaves it in the home folder.
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    import ray  # an extra
    import ray.data

    try:
        ray.init(address=address, **options)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = str(error).strip().splitlines()[0]
        if "AuthToken" in f"{error} {error.__cause__}":
            reason = (
                "the cluster has another token; set RAY_AUTH_MODE=token, and copy the head's "
                "~/.ray/auth_token to all machines"
            )
        raise UserError(f"--ray {address}: {reason}") from error
    logging.getLogger("ray.data").setLevel(level)  # its import has set another
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False


def _map(job: Job, batches: Sequence[Batch]) -> Iterator[tuple[int, Any, str]]:
    """Yield the number of each item with its result and its host."""
    if not batches:
        return
    import ray  # an extra

    resources = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    has_gpu = any(each.get("GPU") for each in resources)
    kind = "GPU" if has_gpu else "CPU"
    numbers = [each[kind] for each in resources if each.get(kind)]
    if not numbers:
        raise UserError("no machine of the Ray cluster has cores to work with; start one more")
    size = 1 if has_gpu else min(numbers)  # a network takes a GPU, or all cores of a machine
    actors = sum(int(number // size) for number in numbers)
    say(f"{len(batches)} batches for {len(numbers)} machines")
    rows = ray.data.from_items(
        [{"batch": batch} for batch in batches], override_num_blocks=len(batches)
    )
    found = rows.map_batches(
        Actor,
        fn_constructor_args=(job, _start_counting()),
        batch_size=1,
        num_gpus=size if has_gpu else None,
        num_cpus=None if has_gpu else size,
        compute=ray.data.ActorPoolStrategy(
            min_size=1, initial_size=min(actors, _MOST_ACTORS), max_size=_MOST_ACTORS
        ),
    )
    for done in _read_rows(found):
        debug(f"{len(done.numbers)} done by {done.host}")
        if done.error is not None:
            raise done.error
        for number, result in zip(done.numbers, done.results, strict=True):
            yield number, result, done.host


def _read_rows(found: Any) -> Iterator[Done]:
    """Yield what is done; raise an error of one line if Ray gives up."""
    import ray  # an extra

    try:
        for row in found.iter_rows():
            yield row["done"]
    except ray.exceptions.RayError as error:
        *_, reason = str(error).strip().splitlines()
        raise UserError(
            f"the Ray cluster gave up: {reason.strip()}; all machines must see this program under "
            f"{PROJECT}, with the same packages; what is done is kept: the same command resumes"
        ) from error


def _start_counting() -> Any:
    """Start `Tries` on this machine: if that is lost, so is the driver."""
    import ray  # an extra

    here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
        ray.get_runtime_context().get_node_id(), soft=False
    )
    return ray.remote(Tries).options(num_cpus=0, scheduling_strategy=here).remote()
