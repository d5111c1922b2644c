"""demo.py --web in a process of its own, and photos for it."""

import os
import signal
import socket
import subprocess
import sys

import numpy as np
from PIL import Image

from tests.helpers.scripts import ROOT


def find_free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def make_photos(folder):
    """Write two photos with awkward names, and a text with the name of a photo."""
    x, y = np.meshgrid(np.linspace(0, 255, 90), np.linspace(255, 0, 60))
    gradient = np.stack([x, y, np.full((60, 90), 90)], axis=-1).astype(np.uint8)
    photos = [folder / "=바다.png", folder / "<b>dog & cat.png"]
    Image.fromarray(gradient).save(photos[0])
    Image.fromarray(np.ascontiguousarray(gradient[..., [2, 0, 1]])).save(photos[1])
    text = folder / "notes.jpg"
    text.write_text("no photo")
    return [*photos, text]


class WebDemo:
    """demo.py --web with the words of a command line."""

    def __init__(self, run, *words):
        self.port = find_free_port()
        self.address = f"http://127.0.0.1:{self.port}/"
        command = ["demo.py", "--web", "--port", self.port, "--run", run, *words]
        self.process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        )
        self.first_line = self.process.stdout.readline()

    def stop(self):
        """Send Ctrl-C; return status, output and errors."""
        self.process.send_signal(signal.SIGINT)
        try:
            out, error = self.process.communicate(timeout=20)
        finally:
            self.process.kill()
        return self.process.returncode, out, error
