"""Templates: text is escaped, headings are marked, colours can be read, Chromium shows them."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.page import Section, Table, encode_picture, templates
from tests.helpers.pages import read_page, render

HOSTILE = "<script>alert('x')</script> & \"quoted\" \0 \ud800 é 개"
SAFE = "<script>alert('x')</script> & \"quoted\" \ufffd \ufffd é 개"
TABLE = '{% from "parts.html" import show_table %}{{ show_table(table) }}'


def write_page(folder, sections, title="A run"):
    """Write a page with these sections alone."""
    text = templates.get_template("page.html").render(
        title=title, facts=[], sections=sections, style=STYLE.read_text(), time="", iso_time=""
    )
    file = folder / "page.html"
    file.write_text(text)
    return file


STYLE = Path(templates.loader.searchpath[0]).parent / "style.css"


def test_text_is_escaped_in_elements_and_attributes():
    page = render('<p title="{{ text }}">{{ text }}</p>', text=HOSTILE)
    assert [each["tag"] for each in page.elements] == ["html", "p"]
    assert (page.one("p")["text"], page.one("p")["title"]) == (SAFE, SAFE)


def test_text_in_tables_facts_and_notes_is_escaped():
    template = (
        '{% from "parts.html" import show_table, show_facts, show_notes, show_text %}'
        "{{ show_table(table) }}{{ show_facts([(text, text)]) }}{{ show_notes([text]) }}"
        "{{ show_text(text, text) }}"
    )
    table = Table(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE]], HOSTILE)
    page = render(template, table=table, text=HOSTILE)
    assert not page.all("script")
    for tag in ("caption", "td", "dt", "dd", "li"):
        assert page.one(tag)["text"].strip() == SAFE
    assert page.one("table")["class"] == SAFE
    assert page.one("span", lang=SAFE)["text"] == SAFE


def test_no_template_switches_escaping_off():
    for name in templates.list_templates():
        source = templates.loader.get_source(templates, name)[0]
        assert not re.search(r"\|\s*safe", source)
        assert "autoescape" not in source


def test_a_table_marks_its_headings():
    table = Table("three", ["name", "value"], [["a", "1"], ["b", "2"]])
    page = render(TABLE, table=table)
    assert [(each["scope"], each["text"]) for each in page.all("th")] == [
        ("col", "name"),
        ("col", "value"),
        ("row", "a"),
        ("row", "b"),
    ]
    assert page.texts("td") == ["1", "2"]
    frame = page.one("div")
    assert (frame["role"], frame["aria-label"], frame["tabindex"]) == ("region", "three", "0")


def test_a_page_has_landmarks_and_links_to_its_sections(tmp_path):
    epochs = {"charts": [], "table": Table("", [], [])}
    sections = [
        Section("One thing", "epochs.html", epochs),
        Section("Two", "time.html", {"facts": []}),
    ]
    page = read_page(write_page(tmp_path, sections))
    assert page.texts("title") == page.texts("h1") == ["A run"]
    assert page.texts("h2") == ["One thing", "Two"]
    assert [(each["href"], each["text"]) for each in page.all("a")] == [
        ("#content", "Skip to the content"),
        ("#one-thing", "One thing"),
        ("#two", "Two"),
    ]


def test_a_page_forbids_scripts_and_outside_requests(tmp_path):
    page = read_page(write_page(tmp_path, []))
    policy = page.one("meta", http_equiv="Content-Security-Policy")["content"]
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    after_charset = page.all("meta")[1]
    assert after_charset["content"] == policy


def read_colours():
    """Return the page's colours by name, for light and for dark."""
    schemes = re.findall(r":root \{(.*?)\}", STYLE.read_text(), re.DOTALL)[:2]
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", scheme)) for scheme in schemes]


def compute_luminance(colour):
    luminance = 0.0
    for place, weight in ((1, 0.2126), (3, 0.7152), (5, 0.0722)):
        part = int(colour[place : place + 2], 16) / 255
        linear = part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        luminance += weight * linear
    return luminance


def compute_contrast(one, other):
    """Return the ratio that WCAG 2 defines."""
    darker, lighter = sorted((compute_luminance(one), compute_luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_both_schemes_define_the_same_colours():
    light, dark = read_colours()
    assert light.keys() == dark.keys()
    assert light["paper"] != dark["paper"]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_lines_can_be_read(scheme):
    assert compute_contrast("#000000", "#ffffff") == pytest.approx(21)
    colours = read_colours()[scheme]
    pairs = [("ink", "paper"), ("pale", "paper"), ("link", "paper"), ("ink", "card")]
    pairs += [("pale", "card"), *(("ink", f"s{step}") for step in range(5))]
    for text, ground in pairs:
        assert compute_contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for number in range(1, 7):
        assert compute_contrast(colours[f"c{number}"], colours["paper"]) >= 3, number


CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")
@pytest.mark.parametrize(("scheme", "paper"), [(1, (252, 252, 251)), (0, (20, 22, 26))])
def test_chromium_shows_colours_and_pictures(tmp_path, scheme, paper):
    """A page with one red picture: the paper's colour at the edge, and a red area."""
    red = np.full((160, 160, 3), (255, 0, 0), np.uint8)
    card = {"picture": encode_picture(red, lossless=True), "predicted": "a", "true": "a"}
    groups = {"Red": [card | {"probability": 1.0}]}
    section = Section("Picture", "classifier_pictures.html", {"groups": groups})
    page = write_page(tmp_path, [section])
    screenshot = tmp_path / "page.png"
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
            f"--screenshot={screenshot}",
            page.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=60,
    )
    pixels = np.asarray(Image.open(screenshot).convert("RGB"))
    assert tuple(pixels[2, 2]) == paper
    assert (pixels == (255, 0, 0)).all(axis=2).sum() > 10_000
