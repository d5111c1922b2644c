"""demo.py as a user starts it: in a process of its own, by keys, on an invisible screen."""

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
from tests.helpers.screens import grab_pixels, wait_for
from tests.helpers.scripts import ROOT, run_command, run_process
from tests.helpers.tiny_run import write_captioner_run, write_classifier_run
from ui import answers
from utils import runs

GREEN = (20, 200, 40)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_captioner_run(tmp_path_factory.mktemp("runs") / "r")


@pytest.fixture
def xdotool(screen):
    """Return a function that calls xdotool with some words and returns its output."""
    if shutil.which("xdotool") is None:
        pytest.skip("xdotool is not installed; on Debian and Ubuntu: apt install xdotool")

    def call(*words):
        process = subprocess.run(
            ["xdotool", *map(str, words)], capture_output=True, text=True, check=False
        )
        return process.stdout.strip()

    return call


@pytest.fixture
def start_demo():
    """Return a function that starts demo.py with some words; it is killed after the test."""
    processes = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, ROOT / "demo.py", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"CUDA_VISIBLE_DEVICES": "-1"},
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_from_the_command_line_to_the_caption_by_keys(run, xdotool, start_demo, screen, tmp_path):
    tkinter = pytest.importorskip("tkinter")
    Image.new("RGB", (60, 40), GREEN).save(tmp_path / "사진.png")
    start = time.monotonic()
    process = start_demo("--run", run, tmp_path / "사진.png")
    window = wait_for(lambda: xdotool("search", "--onlyvisible", "--name", r"[.]png.* r$"))
    seconds_to_window = time.monotonic() - start

    def shows_plain_photo():
        difference = np.abs(grab_pixels(screen).astype(int) - GREEN).sum(axis=2)
        return (difference < 6).sum() > 50_000

    wait_for(shows_plain_photo)
    xdotool("windowfocus", "--sync", window)
    reader = tkinter.Tk()
    reader.withdraw()
    caption = Captioner.load(run)(tmp_path / "사진.png").text

    def is_copied():
        xdotool("key", "ctrl+c")
        reader.update()
        try:
            return reader.clipboard_get() == caption
        except tkinter.TclError:  # the clipboard is empty
            return False

    wait_for(is_copied)
    assert time.monotonic() - start > seconds_to_window  # the window was there first
    xdotool("key", "Right")
    wait_for(lambda: not shows_plain_photo())  # attention is laid over it
    xdotool("key", "Escape")
    wait_for(shows_plain_photo)
    reader.destroy()
    xdotool("key", "ctrl+q")
    assert process.communicate(timeout=30) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(("how", "status"), [("key", 0), ("signal", 130)])
def test_it_can_be_closed_while_the_model_loads(run, xdotool, start_demo, how, status):
    process = start_demo("--run", run)
    window = wait_for(lambda: xdotool("search", "--onlyvisible", "--name", "^r$"))
    if how == "key":
        xdotool("windowfocus", "--sync", window, "key", "ctrl+w")
    else:
        process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error.replace("stopped\n", "")) == (status, "", "")


def test_tensorflow_is_not_imported_with_demo():
    """The window, and errors about options, would wait for it."""
    done = run_process("-c", "import demo, sys; print('tensorflow' in sys.modules)")
    assert (done.out, done.error) == ("False\n", "")


def test_without_a_display_the_error_names_the_page(run):
    pytest.importorskip("tkinter")
    for display in ("", ":4711"):
        done = run_process(ROOT / "demo.py", "--run", run, DISPLAY=display)
        assert (done.status, done.out) == (1, "")
        assert f'connect to display "{display}"' in done.error
        assert done.error.endswith("use the browser: python demo.py --web\n")


def test_without_tk_the_error_says_what_to_install(run, monkeypatch):
    monkeypatch.delitem(sys.modules, "ui.tk.window", raising=False)
    monkeypatch.setitem(sys.modules, "tkinter", None)
    done = run_command(demo, "--run", run)
    assert (done.status, done.out) == (1, "")
    assert done.error.startswith("error: this Python has no Tk")
    assert "apt install python3-tk" in done.error
    assert "demo.py --web" in done.error


def test_mistakes_are_reported_before_a_window_opens(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run_command(demo)
    assert done.error.startswith("error: no run")
    assert str(Path.cwd() / "checkpoints") in done.error
    done = run_command(demo, "--run", "r")
    assert done.error.startswith("error: no run 'r'")
    assert str(Path.cwd() / "checkpoints") in done.error
    done = run_command(demo, "--run", run, "--beams")
    assert done.status == 2
    assert done.error == "error: no option --beams (-h lists all)\n"
    (tmp_path / "config.json").write_text("{")
    assert "config.json is damaged" in run_command(demo, "--run", tmp_path).error


@pytest.mark.parametrize(
    ("words", "status", "parts"),
    [
        (["--port", "7861"], 2, ["--port", "--web"]),
        (["--host", "0.0.0.0"], 2, ["--host", "--web"]),
        (["--web", "--port", "0"], 2, ["--port", "65535", "(got 0)"]),
        (["--web", "nope.jpg"], 1, ["no photo nope.jpg"]),
    ],
)
def test_wrong_options_of_the_page_are_rejected(run, words, status, parts):
    done = run_command(demo, "--run", run, *words)
    assert done.status == status
    for part in parts:
        assert part in done.error


def test_options_reach_the_window(run, monkeypatch):
    window = pytest.importorskip("ui.tk.window", exc_type=ImportError)
    calls = []

    class FakeLoader:
        is_loading = False

        def __init__(self, run, **options):
            self.run = run
            self.options = options

    def open_window(loader, photo, **options):
        calls.append((loader, photo, options))

    monkeypatch.setattr(window, "open_window", open_window)
    monkeypatch.setattr(answers, "ModelLoader", FakeLoader)
    words = ("a.jpg", "--weights", "w.h5", "--engine", "tensorflow")
    assert run_command(demo, "--run", run, *words).status == 0
    ((loader, photo, options),) = calls
    assert (photo, options["name"], options["settings"]["beam"]) == ("a.jpg", "r", 3)
    assert loader.run == runs.find_run(str(run))
    expected = {"weights": "w.h5", "engine": "tensorflow", "prompt": None}
    assert loader.options == expected


def test_a_classifier_takes_no_options_of_captioners(tmp_path):
    run = write_classifier_run(tmp_path / "c")
    done = run_command(demo, "--run", run, "--weights", "w.h5")
    assert done.status == 2
    assert "--weights" in done.error
    assert "captions" in done.error
