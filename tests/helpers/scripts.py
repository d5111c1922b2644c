"""Run commands as a user does, and make a folder of small scenes to run them in."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import termios
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.scenes import dataset as scenes
from pipeline import job
from reports import pictures, reporter
from tests.helpers.compiling import run_uncompiled
from utils.errors import run_script
from utils.terminal import screen

ROOT = Path(__file__).parents[2]
SIZES = {"train": 40, "val": 8, "test": 8}
# A small captioner of the scenes that scenes_folder makes.
SMALL = shlex.split(
    "--dataset drawn --epochs 2 --convnet-epochs 1 --units 32 --embedding 16 --attention-units 16 "
    "--batch 40 --max-length 8 --cache cache --image-size 80"
)


def run_command(script, *words):
    """Run a script's main in this process; return its status, output and errors."""
    out, error = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
    ):
        patch.setattr(sys, "argv", [f"{script.__name__}.py", *map(str, words)])
        for name, value in vars(screen).items():
            patch.setattr(screen, name, value)  # undoes --quiet and --log-level at the end
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        with pytest.raises(SystemExit) as exited:
            run_script(script.main)
    return SimpleNamespace(status=exited.value.code, out=out.getvalue(), error=error.getvalue())


def run_command_without_scoring(script, *words):
    """Run train.py, but leave out the scores at its end, which take half of the time."""

    def stop(*_):
        sys.exit(0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "report_best_epoch", stop)
        return run_command(script, *words)


def run_process(*command, **environment):
    """Run Python in a process of its own; return its status, output and errors."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"} | environment,
    )
    return SimpleNamespace(status=done.returncode, out=done.stdout, error=done.stderr)


def run_in_terminal(*command, columns=110):
    """Run Python in a terminal, where output and errors are one.

    Return its status, its lines without progress bars, and the raw text.
    """
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (40, columns))
    env = os.environ | {"CUDA_VISIBLE_DEVICES": "-1", "TERM": "xterm"}
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "NO_COLOR"):
        env.pop(name, None)
    with subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=env,
    ) as process:
        os.close(follower)
        output = b""
        with contextlib.suppress(OSError):  # Linux raises it when the other side is closed
            while part := os.read(leader, 1 << 16):
                output += part
    os.close(leader)
    raw = output.decode()
    lines = [line for line in re.split(r"[\r\n]+", raw) if line.strip() and "%|" not in line]
    return SimpleNamespace(status=process.returncode, lines=lines, raw=raw)


@contextlib.contextmanager
def scenes_folder(folder, *, result_pictures=1):
    """Make this the current directory, with scenes in drawn/ and nothing else.

    Slow parts are skipped: no Java is found, and in this process few result pictures and no
    curves of captioners are drawn, and TensorFlow runs uncompiled.
    """
    with pytest.MonkeyPatch.context() as patch, run_uncompiled():
        patch.setattr(pictures, "PICTURES", result_pictures)
        patch.setattr(reporter, "draw_history", lambda *_, **__: None)
        patch.chdir(folder)
        patch.setenv("PATH", str(folder))
        scenes.write_scenes(folder / "drawn", **SIZES, seed=1)
        yield folder
