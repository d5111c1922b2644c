"""Messages of TensorFlow and other libraries: printed at --log-level debug alone."""

import logging
import os
import warnings

import pytest

from tests.helpers.scripts import run_process
from utils.quiet import quieten
from utils.terminal import screen, set_level

NOISE = """
from utils.terminal import set_level
set_level({level!r})
from utils.quiet import import_tensorflow, quieten
quieten()
import_tensorflow()
import logging, warnings, tensorflow as tf
tf.get_logger().warning("a retracing")
logging.getLogger("matplotlib").warning("building the font cache")
warnings.warn("deprecated")
logging.getLogger("matplotlib").error("no font")
tf.function(lambda x: x @ x, jit_compile=True)(tf.ones([2, 2]))
"""

FAILING_IMPORT = """
import os, sys
from utils.quiet import import_tensorflow

redirect = os.dup2

def redirect_and_write(source, target):
    redirect(source, target)
    os.write(2, b"why it failed\\n")

sys.modules["keras"] = None
os.dup2 = redirect_and_write
import_tensorflow()
"""


@pytest.fixture(autouse=True)
def restored_settings(monkeypatch):
    for name, value in vars(screen).items():
        monkeypatch.setattr(screen, name, value)
    monkeypatch.setattr(logging.getLogger(), "level", logging.getLogger().level)
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
    with warnings.catch_warnings():
        yield


def test_libraries_print_errors_alone():
    done = run_process("-c", NOISE.format(level="info"), TF_CPP_MIN_LOG_LEVEL="3")
    assert (done.status, done.out, done.error) == (0, "", "no font\n")


def test_libraries_print_everything_with_debug():
    done = run_process("-c", NOISE.format(level="debug"), TF_CPP_MIN_LOG_LEVEL="3")
    assert (done.status, done.out) == (0, "")
    for message in (
        "a retracing",
        "matplotlib: building the font cache",
        "UserWarning: deprecated",
        "matplotlib: no font",
        "absl::InitializeLog",
        "XLA service",
    ):  # the last two from TensorFlow's C++ side, before and after its import
        assert message in done.error, message


def test_a_failing_import_prints_what_was_held_back():
    done = run_process("-c", FAILING_IMPORT)
    assert done.status == 1
    assert "why it failed" in done.error and "ModuleNotFoundError" in done.error


def test_the_environment_goes_first_except_with_debug(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "1")
    set_level("info")
    quieten()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "1"
    set_level("debug")
    quieten()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert logging.getLogger().level == logging.INFO
