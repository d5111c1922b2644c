"""A screen that nobody sees, for windows, and what is on it."""

import os
import shutil
import subprocess
import time

import numpy as np
import pytest
from PIL import ImageGrab

WIDTH, HEIGHT = 1024, 768


@pytest.fixture(scope="module")
def screen():
    """The name of an X display of its own, under Xvfb; the current one of this process meanwhile."""
    pytest.importorskip("tkinter", reason="this Python has no Tk")
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed; on Debian and Ubuntu: apt install xvfb")
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp"],
                              pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as told:
        number = told.readline().strip()  # once it is ready
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DISPLAY", f":{number}")
        patch.setenv("GTK_THEME", "Adwaita")  # light, whatever the desktop of whom it belongs to
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
