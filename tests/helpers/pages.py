"""Read a report page as a browser does, and check what every page promises."""

from html.parser import HTMLParser
from itertools import pairwise

from reports.page import templates

EMPTY_TAGS = {"br", "img", "link", "meta"}
HEADINGS = ("h1", "h2", "h3", "h4")
PICTURES = ("data:image/jpeg;base64,", "data:image/png;base64,")


class Page(HTMLParser):
    """The elements of a page in order, as dicts: tag, attributes, and all text inside.

    An element that is not closed in its place fails.
    """

    def __init__(self, text):
        super().__init__()
        assert text.startswith("<!doctype html>\n<html")
        self.elements = []
        self._open = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), f"{tag} has an attribute twice"
        element = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(element)
        if tag not in EMPTY_TAGS:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self._open:
            element["text"] += data

    def all(self, tag, **attributes):
        """Return the elements with this tag and attributes, such as `class_` or `http_equiv`."""
        expected = {}
        for name, value in attributes.items():
            expected[name.rstrip("_").replace("_", "-")] = value
        found = []
        for element in self.elements:
            if element["tag"] == tag and expected.items() <= element.items():
                found.append(element)
        return found

    def one(self, tag, **attributes):
        (element,) = self.all(tag, **attributes)
        return element

    def texts(self, tag, **attributes):
        """Return the text of each such element, with single spaces."""
        return [" ".join(element["text"].split()) for element in self.all(tag, **attributes)]


def read_page(file):
    """Return a page's file, read and checked."""
    page = Page(file.read_text(encoding="utf-8"))
    check_structure(page)
    check_links(page)
    assert not page.all("script")
    assert not page.all("link")
    for picture in page.all("img"):
        assert picture["alt"]
        assert picture["src"].startswith(PICTURES)
    for chart in page.all("svg", role="img"):
        assert chart["aria-label"]
    return page


def check_structure(page):
    """Check landmarks, tables, and that no level of headings is skipped."""
    assert page.one("html")["lang"] == "en"
    for tag in ("h1", "main", "header", "footer"):
        assert len(page.all(tag)) == 1, tag
    assert len(page.all("table")) == len(page.all("caption"))
    for heading in page.all("th"):
        assert heading.get("scope") in ("row", "col")
    tags = [element["tag"] for element in page.elements if element["tag"] in HEADINGS]
    for before, after in pairwise(tags):
        assert int(after[1]) <= int(before[1]) + 1


def check_links(page):
    """Check that each section has a link and its heading an id of its own."""
    ids = [element["id"] for element in page.elements if "id" in element]
    assert len(ids) == len(set(ids))
    assert {link["href"] for link in page.all("a")} == {f"#{each}" for each in ids}
    labels = {section["aria-labelledby"] for section in page.all("section")}
    assert labels == set(ids) - {"content"}


def read_rows(page, caption):
    """Return the rows of the table with this caption, headings first, as text."""
    rows = []
    table = None
    for element in page.elements:
        if element["tag"] == "caption":
            table = element["text"]
        if table != caption:
            continue
        if element["tag"] == "tr":
            rows.append([])
        if element["tag"] in ("th", "td"):
            rows[-1].append(" ".join(element["text"].split()))
    return rows


def render(template, **values):
    """Return what a template's text makes of the values, as the body of a page."""
    body = templates.from_string(template).render(values)
    return Page(f"<!doctype html>\n<html>{body}</html>")
