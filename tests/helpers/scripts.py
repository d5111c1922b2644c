"""What a user types, and what is then on the screen; and a folder of small scenes to type it in."""

import contextlib
import io
import os
import re
import subprocess
import sys
import termios
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from data.scenes import dataset as scenes
from reports import pictures
from utils.errors import run_script
from utils.terminal import screen

ROOT = Path(__file__).parents[2]
SIZES = {"train": 40, "val": 8, "test": 8}
SMALL = [
    "--dataset",
    "drawn",
    "--epochs",
    "2",
    "--convnet-epochs",
    "1",
    "--units",
    "32",
    "--embedding",
    "16",
    "--attention-units",
    "16",
    "--batch",
    "40",
    "--max-length",
    "8",
    "--cache",
    "cache",
    "--image-size",
    "80",
]


def typed(script, *words):
    """What a script leaves with, run in this process, and what it prints on standard output and standard error."""
    out, error = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        warnings.catch_warnings(),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
    ):
        patch.setattr(sys, "argv", [f"{script.__name__}.py", *map(str, words)])
        for name, value in vars(screen).items():  # how much is told is as it was afterwards
            patch.setattr(screen, name, value)
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        with pytest.raises(SystemExit) as left:
            run_script(script.main)
    return SimpleNamespace(status=left.value.code, out=out.getvalue(), error=error.getvalue())


def started(*command, **more):
    """The same of a Python process of its own, as a user starts it."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"} | more,
    )
    return SimpleNamespace(status=done.returncode, out=done.stdout, error=done.stderr)


def in_terminal(*command, columns=110):
    """The same in a terminal, where both outputs are one: its lines, without bars, and as they are."""
    leader, follower = os.openpty()
    termios.tcsetwinsize(follower, (40, columns))
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "NO_COLOR")
    }
    with subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=env | {"CUDA_VISIBLE_DEVICES": "-1", "TERM": "xterm"},
    ) as program:
        os.close(follower)
        told = b""
        with contextlib.suppress(OSError):  # so Linux says that the other side is closed
            while part := os.read(leader, 1 << 16):
                told += part
    os.close(leader)
    raw = told.decode()
    lines = [line for line in re.split(r"[\r\n]+", raw) if line.strip() and "%|" not in line]
    return SimpleNamespace(status=program.returncode, lines=lines, raw=raw)


@contextlib.contextmanager
def scenes_folder(folder):
    """A current directory with a folder of scenes and nothing else, on a machine without Java, whose start takes long; of
    result pictures, half a second each, two are drawn in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "PICTURES", 2)
        patch.chdir(folder)
        patch.setenv("PATH", str(folder))
        scenes.write_scenes(folder / "drawn", **SIZES, seed=1)
        yield folder
