"""A page read as a browser reads it, refused where its elements do not nest."""

from html.parser import HTMLParser
from itertools import pairwise

from reports.page import templates

EMPTY = {"br", "img", "link", "meta"}


class Page(HTMLParser):
    """Its elements in order: tag, attributes, and all text within."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        assert text.startswith("<!doctype html>\n<html")
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes), f"an attribute of {tag} comes twice"
        found = {"tag": tag, "text": "", **dict(attributes)}
        self.elements.append(found)
        if tag not in EMPTY:
            self._open.append(found)

    def handle_endtag(self, tag):
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data):
        for each in self._open:
            each["text"] += data

    def all(self, tag, **attributes):
        return [
            each
            for each in self.elements
            if each["tag"] == tag
            and all(
                each.get(name.rstrip("_").replace("_", "-")) == value
                for name, value in attributes.items()
            )
        ]

    def one(self, tag, **attributes):
        (found,) = self.all(tag, **attributes)
        return found

    def texts(self, tag, **attributes):
        return [" ".join(each["text"].split()) for each in self.all(tag, **attributes)]


def read_page(file):
    """A page's file, read; held to what every page promises."""
    page = Page(file.read_text(encoding="utf-8"))
    assert page.one("html")["lang"] == "en"
    assert (
        len(page.all("h1"))
        == len(page.all("main"))
        == len(page.all("header"))
        == len(page.all("footer"))
        == 1
    )
    ids = [each["id"] for each in page.elements if "id" in each]
    assert len(ids) == len(set(ids))
    assert {each["href"] for each in page.all("a")} == {f"#{each}" for each in ids}
    assert {each["aria-labelledby"] for each in page.all("section")} == set(ids) - {"content"}
    for each in page.all("img"):
        assert each["alt"] and each["src"].startswith(
            ("data:image/jpeg;base64,", "data:image/png;base64,")
        )
    assert all(each["aria-label"] for each in page.all("svg", role="img"))
    assert all(each.get("scope") in ("row", "col") for each in page.all("th"))
    assert len(page.all("table")) == len(page.all("caption"))
    assert not page.all("script") and not page.all("link")
    levels = [
        int(each["tag"][1]) for each in page.elements if each["tag"] in ("h1", "h2", "h3", "h4")
    ]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    return page


def read_rows(page, caption):
    """Return the rows of the table with this caption, headings first, as text."""
    found = []
    table = None
    for each in page.elements:
        if each["tag"] == "caption":
            table = each["text"]
        if table != caption:
            continue
        if each["tag"] == "tr":
            found.append([])
        if each["tag"] in ("th", "td"):
            found[-1].append(" ".join(each["text"].split()))
    return found


def render(template, **values):
    """Return what a template's text makes of the values, as the body of a page."""
    body = templates.from_string(template).render(values)
    return Page(f"<!doctype html>\n<html>{body}</html>")
