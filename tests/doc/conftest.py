"""Runs a script of doc/ and returns what it prints and draws."""

from types import SimpleNamespace

import pytest
from PIL import Image

import showing
from tests.helpers.scripts import run_command
from utils.plots.figure import save_figure


@pytest.fixture
def run_doc_script(monkeypatch, tmp_path):
    """Runs a script in an empty folder; returns the printed lines and the drawn figure."""
    monkeypatch.chdir(tmp_path)
    figures = []

    def keep_and_save(figure, path):
        figures.append(figure)
        save_figure(figure, path)

    monkeypatch.setattr(showing, "save_figure", keep_and_save)

    def run(script, *words):
        done = run_command(script, *words, "--out", "drawn.png")
        assert done.status == 0, done.error
        with Image.open("drawn.png") as picture:
            assert picture.format == "PNG"
        assert done.out.endswith("picture: drawn.png\n")
        return SimpleNamespace(lines=done.out.splitlines(), figure=figures[-1])

    return run
