"""A screen that nobody sees, for windows (conftest.py gives it to a test), and what is on it."""

import contextlib
import os
import subprocess
import time

import numpy as np
from PIL import ImageGrab

WIDTH, HEIGHT = 1024, 768


@contextlib.contextmanager
def started():
    """The name of an X display of its own, under Xvfb."""
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
    with os.fdopen(read) as told:
        number = told.readline().strip()  # once it is ready
    yield f":{number}"
    server.terminate()
    server.wait(10)


def seen(screen, box=None):
    """The pixels (H, W, 3) of the screen, or of a box (left, top, right, bottom) of it."""
    return np.asarray(ImageGrab.grab(bbox=box, xdisplay=screen).convert("RGB"))


def until(window, true, seconds=10):
    """Let the window live until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not come to that"
        window.update()
        time.sleep(0.005)
    window.update()


def wait(true, seconds=60):
    """Wait until something is there, and return it."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.05)
    return found
