"""Quiet TensorFlow for all tests, and small things that several of them need."""

import os
import shutil
from pathlib import Path

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


# The files that take longest, the longest first: most train networks from end to end.
LONGEST = [
    "test_train_pretrained.py",
    "test_train.py",
    "models/training/test_trainer.py",
    "models/decoders/test_base.py",
    "models/encoders/test_encoder.py",
    "pipeline/classifier/test_training.py",
    "models/pretrained/test_vit_gpt2.py",
    "test_readme_commands.py",
    "models/pretrained/test_git.py",
    "test_demo.py",
    "models/encoders/test_vision_transformers.py",
    "models/training/test_warm_start.py",
    "test_train_ways.py",
    "pipeline/test_languages.py",
    "test_stopping.py",
]


def pytest_collection_modifyitems(items):
    """Run the longest files first: no process should start one when the others are done."""
    tests = Path(__file__).parent
    ranks = {tests / file: rank for rank, file in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))


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
