"""serve.py in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from typing import Any, Self
from urllib.request import urlopen

from utils.errors import UserError
from utils.prerequisites import PROJECT

SECONDS_TO_LOAD = 600
SECONDS_TO_ANSWER = 60  # of a busy machine


class ServeProcess:
    """serve.py on a free port, with the words of a command line; it is ended with the block."""

    def __init__(self, *words: Any) -> None:
        command = ["serve.py", "--port", "0", *words]
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        )
        self.first_line = self.process.stdout.readline()
        match = re.search(r"http://\S+:\d+", self.first_line)
        if match is None:
            _, error = self.process.communicate()
            raise UserError(f"serve.py did not start ({error.strip()})")
        self.address = match[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.process.kill()
        self.process.communicate()

    def wait(self) -> None:
        """Wait until photos are answered."""
        end = time.monotonic() + SECONDS_TO_LOAD
        while time.monotonic() < end:
            try:
                with urlopen(f"{self.address}/readyz", timeout=SECONDS_TO_ANSWER):
                    return
            except OSError:  # status 503 too
                time.sleep(0.1)
        raise UserError(f"{self.first_line.strip()}: not ready after {SECONDS_TO_LOAD} s")

    def read_metrics(self) -> dict[str, float]:
        """Return what /metrics says, by name and labels."""
        with urlopen(f"{self.address}/metrics", timeout=SECONDS_TO_ANSWER) as answer:
            lines = answer.read().decode().splitlines()
        pairs = [line.rpartition(" ") for line in lines if not line.startswith("#")]
        return {name: float(value) for name, _, value in pairs}

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; return status, output after the first line, and errors."""
        self.process.send_signal(number)
        out, error = self.process.communicate(timeout=2 * SECONDS_TO_ANSWER)
        return self.process.returncode, out, error
