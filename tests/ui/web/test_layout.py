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


def test_what_is_mended_and_the_command_are_shown(layout):
    photo = SimpleNamespace(
        name="<b>.png",
        answer=SimpleNamespace(caption="<i>"),
        caption="a dog",
        fault=None,
        is_mended=True,
        was_renamed=True,
    )
    assert "The network wrote “&lt;i&gt;”" in layout.mending_html(photo)
    visit = SimpleNamespace(photos=[photo, photo], mended=[photo], has_unsaved=True)
    html = layout.learning_html(visit, "python train.py --from '<r>'")
    assert "<b>1 of 2 captions is mended.</b>" in html
    assert 'class="unsaved"' in html
    assert "<code>python train.py --from &#x27;&lt;r&gt;&#x27;</code>" in html
    assert html.endswith("&lt;b&gt;.png</p>")
    photo.fault = "An empty caption is not kept"
    assert "An empty caption is not kept. The table has “a dog”." in layout.mending_html(photo)


def test_nothing_is_said_while_nothing_is_mended(layout):
    photo = SimpleNamespace(caption="a dog", fault=None, is_mended=False)
    assert layout.mending_html(photo) == ""
    visit = SimpleNamespace(photos=[photo], mended=[], has_unsaved=False)
    assert layout.learning_html(visit, "python train.py") == ""


def test_without_a_note_there_is_no_paragraph(layout):
    assert layout.note_html(None) == ""
