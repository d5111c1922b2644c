"""A web page in one file: markup in which all text is escaped, tables, pictures as data, and its frame.

Nothing in it is loaded from anywhere, and its first lines forbid that too: no script, no font, no picture but its own.
"""

import base64
import io
import re
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image

_STYLE = Path(__file__).with_name("style.css")
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_EMPTY = frozenset({"br", "img", "link", "meta"})  # elements without content
# Control characters, halves of letters and what Unicode says is none: no page may hold them.
_NO_TEXT = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
Content = str | None


class Html(str):
    """Markup. Other text is escaped where it comes among markup."""


def _escaped(text: Content) -> str:
    if text is None or isinstance(text, Html):
        return text or ""
    return escape(_NO_TEXT.sub("\ufffd", text))


def element(tag: str, *content: Content, **attributes: str | float | bool | None) -> Html:
    """An element; its content is text, which is escaped, or markup.

    Attributes are written as Python allows it, `class_` and `aria_label`; those that are None or False are left out.
    """
    told = "".join(
        f" {name.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{_escaped(str(value))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    return (
        Html(f"<{tag}{told}>") if tag in _EMPTY else Html(f"<{tag}{told}>{joined(content)}</{tag}>")
    )


def joined(parts: Iterable[Content], between: str = "") -> Html:
    """Parts one after the other, as markup."""
    return Html(_escaped(between).join(_escaped(part) for part in parts))


def items(parts: Iterable[Content], tag: str = "ul", **attributes: str | None) -> Html:
    """A list, an item for each part."""
    return element(tag, *(element("li", part) for part in parts), **attributes)


def table(
    caption: str,
    columns: Sequence[Content],
    rows: Iterable[Sequence[Content]],
    *,
    class_: str | None = None,
) -> Html:
    """A table whose first row and first column are headings; a wide one can be moved sideways, by keyboard too."""
    head = element("tr", *(element("th", each, scope="col") for each in columns))
    body = [
        element("tr", element("th", first, scope="row"), *(element("td", each) for each in rest))
        for first, *rest in rows
    ]
    whole = element(
        "table",
        element("caption", element("span", caption)),
        element("thead", head),
        element("tbody", *body),
        class_=class_,
    )
    return element("div", whole, class_="wide", role="region", aria_label=caption, tabindex=0)


def facts(pairs: Iterable[tuple[str, Content]]) -> Html:
    """Names, each with what it is."""
    return element(
        "dl", *(element("div", element("dt", name), element("dd", value)) for name, value in pairs)
    )


def folded(summary: str, *content: Content) -> Html:
    """What is shown when it is asked for."""
    return element("details", element("summary", summary), *content)


def picture(
    pixels: np.ndarray, alt: str, *, lang: str | None = None, lossless: bool = False
) -> Html:
    """A picture (H, W, 3) uint8 that lies in the page: as JPEG, or `lossless` as PNG."""
    kind, options = (
        ("png", {"optimize": True}) if lossless else ("jpeg", {"quality": 78, "optimize": True})
    )
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format=kind, **options)
    data = base64.b64encode(content.getvalue()).decode()
    height, width = pixels.shape[:2]
    return element(
        "img",
        src=f"data:image/{kind};base64,{data}",
        alt=alt,
        width=width,
        height=height,
        lang=lang,
    )


def document(
    title: str, lead: Html, sections: Sequence[tuple[str, Html]], foot: Html, *, lang: str = "en"
) -> str:
    """The whole page: its title, what is to be known at once, and sections by their headings; empty ones are left out."""
    sections = [(heading, content) for heading, content in sections if content]
    places = {heading: re.sub(r"\W+", "-", heading.lower()) for heading, _ in sections}
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Html(_STYLE.read_text(encoding="utf-8"))),
    )
    links = items(element("a", heading, href=f"#{place}") for heading, place in places.items())
    body = element(
        "body",
        element("a", "Skip to the content", href="#content", class_="skip"),
        element("header", element("h1", title), lead),
        element("nav", links, aria_label="Sections"),
        element(
            "main",
            *(
                element(
                    "section",
                    element("h2", heading, id=places[heading]),
                    content,
                    aria_labelledby=places[heading],
                )
                for heading, content in sections
            ),
            id="content",
            tabindex=-1,
        ),
        element("footer", foot),
    )
    return f"<!doctype html>\n{element('html', head, body, lang=lang)}\n"
