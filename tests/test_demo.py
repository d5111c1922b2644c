"""demo.py as a user starts it: in a process of its own, driven by keys, on a screen that nobody sees."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import demo
from models.captioner import Captioner
from tests.helpers.screens import seen, wait
from tests.helpers.scripts import ROOT, started, typed
from tests.helpers.tiny_run import captioning_run, classifying_run
from utils import runs

GREEN = (20, 200, 40)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return captioning_run(tmp_path_factory.mktemp("runs") / "r")


@pytest.fixture
def keys(screen):
    """What xdotool does with these words, as text."""
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed; on Debian and Ubuntu: apt install xdotool")

    def done(*words):
        return subprocess.run(
            ["xdotool", *map(str, words)], capture_output=True, text=True, check=False
        ).stdout.strip()

    return done


@pytest.fixture
def begin():
    """Starts demo.py with these words; what is left of it is ended after the test."""
    begun = []

    def begin(*words):
        process = subprocess.Popen(
            [sys.executable, ROOT / "demo.py", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        )
        begun.append(process)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def test_from_the_command_line_to_the_caption_by_keys_alone(run, keys, begin, screen, tmp_path):
    tkinter = pytest.importorskip("tkinter")
    Image.new("RGB", (60, 40), GREEN).save(tmp_path / "사진.png")
    began = time.monotonic()
    process = begin("--run", run, tmp_path / "사진.png")
    window = wait(lambda: keys("search", "--onlyvisible", "--name", r"[.]png.* r$"))
    opened = time.monotonic() - began
    wait(
        lambda: (np.abs(seen(screen).astype(int) - GREEN).sum(axis=2) < 6).sum() > 50_000
    )  # the photo, and large
    keys("windowfocus", "--sync", window)
    reader = tkinter.Tk()
    reader.withdraw()
    wanted = Captioner.load(run)(tmp_path / "사진.png").text

    def copied():
        keys("key", "ctrl+c")
        reader.update()
        try:
            return reader.clipboard_get() == wanted
        except tkinter.TclError:  # nothing is copied yet
            return False

    wait(copied)
    assert time.monotonic() - began > opened  # the window was there first
    keys("key", "Right")
    wait(
        lambda: (np.abs(seen(screen).astype(int) - GREEN).sum(axis=2) < 6).sum() < 50_000
    )  # attention is laid over it
    keys("key", "Escape")
    wait(lambda: (np.abs(seen(screen).astype(int) - GREEN).sum(axis=2) < 6).sum() > 50_000)
    reader.destroy()
    keys("key", "ctrl+q")
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize("how, status", [("key", 0), ("signal", 130)])
def test_it_can_be_closed_while_the_model_loads(run, keys, begin, how, status):
    process = begin("--run", run)
    window = wait(lambda: keys("search", "--onlyvisible", "--name", "^r$"))
    if how == "key":
        keys("windowfocus", "--sync", window, "key", "ctrl+w")
    else:
        process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error.replace("stopped\n", "")) == (status, "", "")


def test_without_a_display_it_says_so_and_names_the_page(run):
    pytest.importorskip("tkinter")
    for display in ("", ":4711"):
        left = started(ROOT / "demo.py", "--run", run, DISPLAY=display)
        assert (left.status, left.out) == (1, "")
        assert left.error == (
            f'error: no window can be opened here (couldn\'t connect to display "{display}"); see the '
            "same in the browser: python demo.py --web\n"
        )


def test_without_tk_it_says_what_to_install_and_names_the_page(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "ui.tk.window", raising=False)
    monkeypatch.setitem(sys.modules, "tkinter", None)
    left = typed(demo, "--run", run)
    assert (left.status, left.out) == (1, "")
    assert left.error.startswith("error: this Python has no Tk")
    assert "apt install python3-tk" in left.error and "demo.py --web" in left.error


def test_a_mistake_is_told_in_the_terminal_before_anything_opens(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert (
        typed(demo).error
        == f"error: no run in {Path.cwd() / 'checkpoints'} yet; make one with: python train.py\n"
    )
    assert typed(demo, "--run", "r").error.startswith(
        f"error: no run 'r', and none in {Path.cwd() / 'checkpoints'}"
    )
    left = typed(demo, "--run", run, "--beams")
    assert (left.status, left.error.splitlines()[-1]) == (
        2,
        "demo.py: error: unrecognized arguments: --beams",
    )
    (tmp_path / "config.json").write_text("{")
    assert "config.json is damaged" in typed(demo, "--run", tmp_path).error


def test_what_is_typed_reaches_the_window(run, monkeypatch):
    """Without the window."""
    demo_window = pytest.importorskip("ui.tk.window", exc_type=ImportError)

    told = []
    monkeypatch.setattr(
        demo_window, "open_window", lambda start, photo, **more: told.append((start, photo, more))
    )
    monkeypatch.setattr("ui.answers.Loading", lambda *given, **more: (given, more))
    assert (
        typed(demo, "--run", run, "a.jpg", "--weights", "w.h5", "--engine", "tensorflow").status
        == 0
    )
    ((start, photo, more),) = told
    assert (photo, more["name"], more["controls"]["beam"]) == ("a.jpg", "r", 3)
    assert start() == ((runs.find(str(run)),), {"weights": "w.h5", "engine": "tensorflow"})


def test_a_classifier_takes_no_options_of_captions(tmp_path):
    run = classifying_run(tmp_path / "c")
    left = typed(demo, "--run", run, "--weights", "w.h5")
    assert left.status == 2
    assert left.error.startswith(
        "error: --weights: that is for captions, and a classifier writes none"
    )
