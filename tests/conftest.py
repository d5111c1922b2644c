"""Quiet TensorFlow for all tests, and small things that several of them need."""

import os
import shutil

import pytest

from tests.helpers import screens

# The tests need no GPU, and do not take one from others.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

from utils import progress
from utils.quiet import import_tensorflow

# On a slow machine, lines of progress would be where tests expect nothing.
progress.SECONDS_PER_LINE = float("inf")


def pytest_configure(config):
    """Import TensorFlow, except in the process that only hands tests to others."""
    has_workers = config.getoption("numprocesses", None) and not hasattr(config, "workerinput")
    if not has_workers:
        import_tensorflow()


# The files that train networks from end to end.
LONGEST = {
    "test_train.py",
    "test_train_ways.py",
    "test_train_pretrained.py",
    "test_stopping.py",
    "test_readme_commands.py",
    "test_languages.py",
    "test_training.py",
}


def pytest_collection_modifyitems(items):
    """Run the longest files first: no process should start one when the others are done."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def display():
    """Run one X display for all tests of this process: Tk crashes if its display goes away."""
    pytest.importorskip("tkinter", reason="this Python has no Tk")
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed; on Debian and Ubuntu: apt install xvfb")
    with screens.run_display() as name:
        yield name


@pytest.fixture
def screen(display, monkeypatch):
    """Open all windows on an invisible screen; return its name."""
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.setenv("GTK_THEME", "Adwaita")  # light, whatever the desktop is set to
    return display


@pytest.fixture
def uncompiled():
    """Run TensorFlow without compiling, which is faster for a few small steps."""
    from tests.helpers.compiling import run_uncompiled  # imports TensorFlow

    with run_uncompiled():
        yield
