"""Files and windows of figures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure
from PIL import Image

from tests.helpers.screens import HEIGHT, WIDTH
from utils.errors import UsageError, UserError
from utils.plots.figure import check_picture_file, has_screen, save_figure


def test_a_figure_is_written_whole_or_not_at_all(tmp_path):
    save_figure(Figure(figsize=(3, 2)), tmp_path / "사진.png")
    with Image.open(tmp_path / "사진.png") as image:
        assert (image.format, image.size) == ("PNG", (330, 220))
    broken = Figure()
    broken.draw = None
    with pytest.raises(TypeError):
        save_figure(broken, tmp_path / "사진.png")
    assert [path.stat().st_size > 100 for path in tmp_path.iterdir()] == [True]


@pytest.mark.parametrize(
    ("backend", "opens", "window"),
    [
        ("agg", True, False),
        ("tkagg", True, True),
        ("TkAgg", True, True),
        ("TkAgg", False, False),
        ("module://matplotlib_inline.backend_inline", True, False),
    ],
)
def test_has_screen_if_matplotlib_can_open_windows(monkeypatch, backend, opens, window):
    def switch(name):
        assert name == backend
        if not opens:
            raise ImportError("Cannot load backend 'TkAgg'")

    monkeypatch.setattr(pyplot, "get_backend", lambda: backend)
    monkeypatch.setattr(pyplot, "switch_backend", switch)
    assert has_screen() is window


def test_a_picture_file_must_end_in_png(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert check_picture_file(None, "--out") is None
    assert check_picture_file("new/사진.PNG", "--out") == Path("new/사진.PNG")
    Path("folder.png").mkdir()
    for name in ("picture.jpg", "picture", "", "folder.png"):
        with pytest.raises(UsageError, match=rf"^--out .* \(got '{name}'\)$"):
            check_picture_file(name, "--out")
    Path("file").touch()
    with pytest.raises(UserError, match="cannot write to file: file is a file"):
        check_picture_file("file/a.png", "--out")


WINDOW_SCRIPT = """
import os, signal, sys
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from utils.plots.figure import show_figure

class Closer(Artist):
    def draw(self, renderer):
        window = plt.get_current_fig_manager().window
        if sys.argv[1] == "stop":
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):  # Python sees the signal between two of its steps
                pass
        window.after(300, print_size_and_close, window)

def print_size_and_close(window):
    print(window.winfo_width(), window.winfo_height())
    plt.close("all")

figure = Figure(figsize=(30, 20))
figure.add_artist(Closer())
try:
    show_figure(figure)
except KeyboardInterrupt:
    print("stopped")
"""


def test_a_window_fits_the_screen_and_stops_at_ctrl_c(screen):
    def run_script(action):
        return subprocess.run(
            [sys.executable, "-c", WINDOW_SCRIPT, action],
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"MPLBACKEND": "TkAgg"},
            cwd=Path(__file__).parents[3],
        )

    done = run_script("show")
    wide, high = map(int, done.stdout.split()[-2:])
    assert wide <= WIDTH, done.stderr
    assert 0.7 * HEIGHT < high <= HEIGHT
    done = run_script("stop")
    assert (done.stdout, done.stderr) == ("stopped\n", "")
