"""serve.py in a process of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from urllib.error import URLError
from urllib.request import urlopen

from tests.helpers.scripts import ROOT

SECONDS_TO_LOAD = 180


class ServeProcess:
    """serve.py on a free port, with the words of a command line; it is ended with the block."""

    def __init__(self, *words):
        command = ["serve.py", "--port", "0", *words]
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        )
        self.first_line = self.process.stdout.readline()
        self.address = re.search(r"http://\S+:\d+", self.first_line)[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def wait(self):
        """Wait until photos are answered."""
        for _ in range(SECONDS_TO_LOAD * 10):
            try:
                with urlopen(f"{self.address}/readyz", timeout=10):
                    return
            except URLError:  # status 503 too
                time.sleep(0.1)
        raise TimeoutError(f"not ready after {SECONDS_TO_LOAD} s")

    def stop(self, number=signal.SIGTERM):
        """Send a signal; return status, output after the first line, and errors."""
        self.process.send_signal(number)
        out, error = self.process.communicate(timeout=60)
        return self.process.returncode, out, error
