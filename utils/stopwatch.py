"""Time and memory of a run: seconds by stage over all its sessions, and the peak memory."""

import json
import time
from pathlib import Path
from typing import Any

from utils.device import describe_machine, measure_peak_memory
from utils.files import write_json


class Stopwatch:
    """Seconds by stage, saved as spent.json in the run's folder; a resumed run adds to them."""

    def __init__(self, run: Path) -> None:
        self._file = run / "spent.json"
        self._before = read_time_and_memory(run)
        self._seconds: dict[str, float] = dict(self._before.get("seconds", {}))
        self._last_lap = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Add the time since the last lap, or since the start, to a stage."""
        now = time.perf_counter()
        self._seconds[stage] = self._seconds.get(stage, 0.0) + now - self._last_lap
        self._last_lap = now

    def save(self) -> None:
        """Write spent.json."""
        peaks = [self._before.get("peak_memory_bytes"), measure_peak_memory()]
        known_peaks = [peak for peak in peaks if peak]
        values = {
            "machine": describe_machine(),
            "peak_memory_bytes": max(known_peaks, default=None),
            "seconds": {stage: round(seconds, 2) for stage, seconds in self._seconds.items()},
        }
        write_json(self._file, values)


def read_time_and_memory(run: Path) -> dict[str, Any]:
    """Return the content of a run's spent.json; empty if it is missing or damaged."""
    try:
        return dict(json.loads((run / "spent.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}
