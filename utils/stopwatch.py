"""What a run has cost: the time by what it went to, over all sessions, and the most memory that was held."""

import json
import time
from pathlib import Path
from typing import Any

from utils.device import describe_machine, measure_peak_memory
from utils.files import write_json


class Stopwatch:
    """A stopwatch that is kept in spent.json of a run's folder, and goes on from what stands there."""

    def __init__(self, run: Path) -> None:
        self._file = run / "spent.json"
        self._before = read_time_and_memory(run)
        self._seconds: dict[str, float] = dict(self._before.get("seconds", {}))
        self._since = time.perf_counter()

    def lap(self, what: str) -> None:
        """All time since the last end, or the beginning, went to this."""
        now = time.perf_counter()
        self._seconds[what] = self._seconds.get(what, 0.0) + now - self._since
        self._since = now

    def save(self) -> None:
        """Write it into the run's folder."""
        most = max(
            filter(None, (self._before.get("peak_memory_bytes"), measure_peak_memory())),
            default=None,
        )
        write_json(
            self._file,
            {
                "machine": describe_machine(),
                "peak_memory_bytes": most,
                "seconds": {what: round(seconds, 2) for what, seconds in self._seconds.items()},
            },
        )


def read_time_and_memory(run: Path) -> dict[str, Any]:
    """What spent.json of a run says; nothing where there is none, of an older run, or it is damaged."""
    try:
        return dict(json.loads((run / "spent.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
