"""The pieces of HTML on demo.py's page."""

from types import SimpleNamespace

import pytest


@pytest.fixture
def layout():
    """Import gradio, which takes seconds, in the process that runs these tests alone."""
    return pytest.importorskip("ui.web.layout", reason="gradio is not installed")


def test_texts_are_escaped(layout):
    assert "&lt;b&gt;" in layout.status_html("<b>")
    assert "&lt;b&gt;" in layout.errors_html(["<b>"])
    assert "&lt;b&gt;" in layout.note_html("<b>")
    answer = SimpleNamespace(candidates=[("<b>", 0.5)])
    html = layout.candidates_html(answer, ("Score", "Captions"))
    assert "<td>0.50</td><td>&lt;b&gt;</td>" in html


def test_without_a_note_there_is_no_paragraph(layout):
    assert layout.note_html(None) == ""
