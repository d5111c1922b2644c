"""An invisible screen for windows (conftest.py gives it to a test), and the pixels on it."""

import contextlib
import os
import subprocess
import time

import numpy as np
from PIL import ImageGrab

WIDTH, HEIGHT = 1024, 768


@contextlib.contextmanager
def run_display():
    """Start Xvfb with an X display of its own; yield the display's name."""
    read, write = os.pipe()
    server = subprocess.Popen(
        [
            "Xvfb",
            "-displayfd",
            str(write),
            "-screen",
            "0",
            f"{WIDTH}x{HEIGHT}x24",
            "-nolisten",
            "tcp",
        ],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as output:
        number = output.readline().strip()  # printed once the display is ready
    yield f":{number}"
    server.terminate()
    server.wait(10)


def grab_pixels(screen, box=None):
    """Return the pixels (H, W, 3) of the screen, or of a box (left, top, right, bottom) of it."""
    return np.asarray(ImageGrab.grab(bbox=box, xdisplay=screen).convert("RGB"))


def update_until(window, condition, seconds=10):
    """Run the window's events until the condition is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        window.update()
        time.sleep(0.005)
    window.update()


def wait_for(find, seconds=60):
    """Wait until `find` returns something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.05)
    return found
