"""What the server counts, in the text form that Prometheus reads (version 0.0.4)."""

import bisect
import itertools
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
PHOTOS = (1, 2, 4, 8, 16, 32, 64)
_STATISTICS = Path("/proc/self/statm")
_BORN = time.time()

Labels = tuple[str, ...]


class Metric:
    """A name with a line of help, and values by label."""

    kind = "untyped"

    def __init__(self, name: str, help: str, *labels: str) -> None:
        self.name = name
        self.help = help
        self.labels = labels

    def render(self) -> Iterator[str]:
        """Yield the lines of this metric."""
        yield f"# HELP {self.name} {self.help}"
        yield f"# TYPE {self.name} {self.kind}"
        for name, labels, value in self._list_values():
            yield f"{name}{_format_labels(labels)} {value:.15g}"

    def _list_values(self) -> Iterable[tuple[str, dict[str, str], float]]:
        raise NotImplementedError


class Counter(Metric):
    """A number that only grows, for each value of the labels."""

    kind = "counter"

    def __init__(self, name: str, help: str, *labels: str) -> None:
        super().__init__(name, help, *labels)
        self._values: dict[Labels, float] = defaultdict(float)

    def add(self, *values: str, number: float = 1) -> None:
        self._values[values] += number

    def _list_values(self) -> Iterable[tuple[str, dict[str, str], float]]:
        for values, number in sorted(self._values.items()):
            yield self.name, dict(zip(self.labels, values, strict=True)), number


class Gauge(Metric):
    """A number that is looked up when it is asked for."""

    kind = "gauge"

    def __init__(self, name: str, help: str, read: Callable[[], float], **labels: str) -> None:
        super().__init__(name, help)
        self._read = read
        self._fixed_labels = labels

    def _list_values(self) -> Iterable[tuple[str, dict[str, str], float]]:
        yield self.name, self._fixed_labels, self._read()


class ReadCounter(Gauge):
    """A number that only grows, and that the system counts."""

    kind = "counter"


class Histogram(Metric):
    """The number of values that were at most as large as each bound, by the labels."""

    kind = "histogram"

    def __init__(self, name: str, help: str, bounds: tuple[float, ...], *labels: str) -> None:
        super().__init__(name, help, *labels)
        self._bounds = bounds
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = defaultdict(float)

    def observe(self, value: float, *labels: str) -> None:
        counts = self._counts.setdefault(labels, [0] * (len(self._bounds) + 1))
        counts[bisect.bisect_left(self._bounds, value)] += 1
        self._sums[labels] += value

    def _list_values(self) -> Iterable[tuple[str, dict[str, str], float]]:
        for values, counts in sorted(self._counts.items()):
            labels = dict(zip(self.labels, values, strict=True))
            names = [*(f"{bound:g}" for bound in self._bounds), "+Inf"]
            for name, count in zip(names, itertools.accumulate(counts), strict=True):
                yield f"{self.name}_bucket", labels | {"le": name}, count
            yield f"{self.name}_sum", labels, self._sums[values]
            yield f"{self.name}_count", labels, sum(counts)


class Metrics:
    """Everything that the server counts."""

    def __init__(self) -> None:
        self.requests = Counter(
            "captions_requests_total", "Requests by route and HTTP status.", "route", "status"
        )
        self.seconds = Histogram(
            "captions_request_seconds",
            "Seconds from a request's head to the end of its answer.",
            SECONDS,
            "route",
        )
        self.photos = Counter(
            "captions_photos_total",
            "Photos: answered, unreadable, refused (queue full), given up (client gone), failed.",
            "result",
        )
        self.batches = Histogram(
            "captions_batch_photos", "Photos that were captioned together.", PHOTOS
        )
        self._all: list[Metric] = [
            self.requests,
            self.seconds,
            self.photos,
            self.batches,
            ReadCounter(
                "process_cpu_seconds_total", "Processor time in seconds.", _measure_cpu_seconds
            ),
            Gauge("process_start_time_seconds", "Start, in seconds since 1970.", lambda: _BORN),
        ]
        if _STATISTICS.is_file():
            self.add(Gauge("process_resident_memory_bytes", "Memory in use.", _measure_memory))

    def add(self, metric: Metric) -> None:
        """Add another metric to the text."""
        self._all.append(metric)

    def render(self) -> str:
        """Return all metrics as a text."""
        lines = itertools.chain.from_iterable(metric.render() for metric in self._all)
        return "".join(f"{line}\n" for line in lines)


def _format_labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    parts = [f'{name}="{_escape(value)}"' for name, value in labels.items()]
    return "{" + ",".join(parts) + "}"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _measure_cpu_seconds() -> float:
    times = os.times()
    return times.user + times.system


def _measure_memory() -> float:
    pages = int(_STATISTICS.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
