"""A page's markup: all text escaped, headings said to be such, colours that can be read; what Chromium makes of it."""

import base64
import io
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports import html as page
from reports.html import Html, document, element, facts, folded, items, joined, picture, table
from tests.helpers.pages import Page, whole

HOSTILE = "<script>alert('x')</script> & \"quoted\" \0 \ud800 é 개"


def parsed(markup):
    return Page(f"<!doctype html>\n<html>{markup}</html>")


def test_text_is_escaped_wherever_it_stands_and_markup_is_not():
    found = parsed(element("p", HOSTILE, element("b", HOSTILE), title=HOSTILE))
    safe = "<script>alert('x')</script> & \"quoted\" \ufffd \ufffd é 개"
    assert [each["tag"] for each in found.elements] == ["html", "p", "b"]
    assert (found.one("p")["text"], found.one("b")["text"], found.one("p")["title"]) == (
        2 * safe,
        safe,
        safe,
    )
    assert joined(["<", Html("<br>"), None], "&") == "&lt;&amp;<br>&amp;"
    for made in (
        items([HOSTILE]),
        table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE]]),
        facts([(HOSTILE, HOSTILE)]),
        folded(HOSTILE, HOSTILE),
        document(HOSTILE, Html(), [("<i>", Html("x"))], Html()),
    ):
        assert "<script" not in made and "<i>" not in made


def test_attributes_are_named_as_in_python_and_left_out_where_they_are_nothing():
    assert element(
        "a", class_="x", aria_label="y", hidden=True, lang=None, open=False, tabindex=0
    ) == ('<a class="x" aria-label="y" hidden tabindex="0"></a>')
    assert element("br") == "<br>"


def test_a_table_says_which_cells_are_headings():
    found = parsed(table("three", ["name", "value"], [["a", "1"], ["b", "2"]]))
    assert [(each["scope"], each["text"]) for each in found.all("th")] == [
        ("col", "name"),
        ("col", "value"),
        ("row", "a"),
        ("row", "b"),
    ]
    assert found.texts("td") == ["1", "2"]
    around = found.one("div")
    assert (around["role"], around["aria-label"], around["tabindex"]) == ("region", "three", "0")


@pytest.mark.parametrize(("lossless", "kind", "most"), [(True, "png", 0), (False, "jpeg", 12)])
def test_a_picture_lies_in_the_page(lossless, kind, most):
    pixels = np.full((20, 30, 3), (200, 60, 20), np.uint8)
    found = parsed(picture(pixels, "a <red> field", lang="en", lossless=lossless)).one("img")
    head, data = found["src"].split(",")
    assert head == f"data:image/{kind};base64"
    again = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert np.abs(again.astype(int) - pixels).max() <= most
    assert (found["alt"], found["width"], found["height"], found["lang"]) == (
        "a <red> field",
        "30",
        "20",
        "en",
    )


def test_a_document_has_landmarks_and_links_to_its_sections_and_leaves_out_empty_ones(tmp_path):
    file = tmp_path / "page.html"
    file.write_text(
        document(
            "A run",
            element("p", "lead"),
            [
                ("One thing", element("p", "first")),
                ("Nothing", Html()),
                ("Two", element("p", "second")),
            ],
            element("p", "foot"),
        )
    )
    found = whole(file)
    assert (found.texts("title"), found.texts("h1"), found.texts("h2")) == (
        ["A run"],
        ["A run"],
        ["One thing", "Two"],
    )
    assert [(each["href"], each["text"]) for each in found.all("a")] == [
        ("#content", "Skip to the content"),
        ("#one-thing", "One thing"),
        ("#two", "Two"),
    ]
    assert found.one("meta", http_equiv="Content-Security-Policy")["content"].startswith(
        "default-src 'none';"
    )


def colours():
    """The page's colours by name, by light and by dark."""
    text = page._STYLE.read_text()
    schemes = re.findall(r":root \{(.*?)\}", text, re.DOTALL)[:2]
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme)) for scheme in schemes]


def contrast(one, other):
    """WCAG 2's ratio."""

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return sum(
            weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
        )

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_text_and_lines_stand_out_by_light_and_by_dark():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    light, dark = colours()
    assert light.keys() == dark.keys() and light["paper"] != dark["paper"]
    for scheme in (light, dark):
        for text, ground in [
            ("ink", "paper"),
            ("pale", "paper"),
            ("link", "paper"),
            ("ink", "card"),
            ("pale", "card"),
            *(("ink", f"s{step}") for step in range(5)),
        ]:
            assert contrast(scheme[text], scheme[ground]) >= 4.5, (text, ground)
        for line in [f"c{number}" for number in range(1, 7)]:
            assert contrast(scheme[line], scheme["paper"]) >= 3, line


CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize(("scheme", "paper"), [(1, (252, 252, 251)), (0, (20, 22, 26))])
def test_chromium_shows_the_page_in_the_colours_asked_for_and_its_pictures(tmp_path, scheme, paper):
    """A page of one red picture: at the edge the paper's colour, somewhere pure enough red."""
    red = np.full((200, 200, 3), (255, 0, 0), np.uint8)
    (tmp_path / "page.html").write_text(
        document("Red", Html(), [("Picture", picture(red, "red", lossless=True))], Html())
    )
    subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--blink-settings=preferredColorScheme={scheme}",
            "--window-size=500,700",
            f"--screenshot={tmp_path / 'page.png'}",
            Path(tmp_path / "page.html").as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    shown = np.asarray(Image.open(tmp_path / "page.png").convert("RGB"))
    assert tuple(shown[2, 2]) == paper
    assert (shown == (255, 0, 0)).all(axis=2).sum() == pytest.approx(200 * 200, rel=0.02)
