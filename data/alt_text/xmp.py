"""Captions in XMP, the XML in which photos carry what is known of them: `dc:description`, and IPTC's alt text.

A packet that is there already is not written anew but cut and mended as bytes: prefixes, comments, order, all in it but
these two properties stays as it is. XMP is ISO 16684-1; the alt text is of IPTC's Photo Metadata Standard since 2021.
"""

import re
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
# The properties' names as expat gives them → as they are written.
_PROPERTIES = {
    f"{_DC} description": "dc:description",
    f"{_IPTC} AltTextAccessibility": "Iptc4xmpCore:AltTextAccessibility",
}

_END = b"<?xpacket end"
_EMPTY = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    b'<rdf:RDF xmlns:rdf="' + _RDF.encode() + b'">\n</rdf:RDF>\n</x:xmpmeta>\n' + _END + b'="w"?>'
)

# A start tag, and the slash of an element that is empty. A > may stand in an attribute's quotes.
_TAG = re.compile(rb"<([^\s/>]+)(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*(/?)>")
_NO_XML = re.compile(
    "[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # characters that XML cannot hold


class CannotAddCaption(ValueError):
    """No caption can be put there; the text is the reason in a few words, without the photo's name."""


def add_caption_to_packet(packet: bytes | None, caption: str, language: str | None) -> bytes:
    """The packet (None: a new one) with the caption in both properties, for readers of its language and of any (x-default).

    What stood there for these is replaced; what stood there in other languages stays. The packet keeps its length where the
    white space that is left at its end for that suffices.

    Raises:
        CannotAddCaption: it is no XMP, or no XMP that a caption can be added to.
    """
    old = _EMPTY if packet is None else packet
    found = _Found(old)
    if found.begin is None:
        raise CannotAddCaption("its XMP is of an unknown kind: no rdf:RDF is in it")
    begin = _TAG.match(old, found.begin)
    added = _description(found, _NO_XML.sub(" ", caption), language and language.replace("_", "-"))
    # An empty element is opened.
    opened = (
        (begin[0].removesuffix(b"/>") + b">", b"\n</" + begin[1] + b">")
        if begin[2]
        else (begin[0], b"")
    )
    new = old
    for start, end in sorted(found.spans, reverse=True):  # all of them behind that tag
        new = new[:start] + new[end:]
    new = new[: begin.start()] + opened[0] + added + opened[1] + new[begin.end() :]
    return new if packet is None else _of_length(new, len(packet))


def _of_length(packet: bytes, length: int) -> bytes:
    """The packet brought as near to a length in bytes as the white space at its end allows."""
    end = packet.rfind(_END)
    if end < 0:
        return packet
    start = len(packet[:end].rstrip())
    return packet[:start] + b"\n".rjust(max(1, length - len(packet) + end - start)) + packet[end:]


def has_caption(packet: bytes) -> bool:
    """Whether one of the two properties stands in a packet."""
    return bool(_Found(packet).spans)


class _Found:
    """Where things are in a packet, by its bytes."""

    def __init__(self, packet: bytes) -> None:
        """Look through it; refused where it is no XML."""
        self.begin: int | None = None  # of rdf:RDF
        self.about = ""  # what all its rdf:Descriptions are about: the photo, mostly by no name
        self.spans: list[tuple[int, int]] = []  # the two properties
        self.texts: dict[str, dict[str, str]] = {
            name: {} for name in _PROPERTIES
        }  # of each by language
        self._packet = packet
        self._open: list[
            tuple[str, int, str]
        ] = []  # elements that have not ended: name, begin, language
        self._text: list[str] = []  # since the last start tag
        self._parser = expat.ParserCreate("UTF-8", " ")
        self._parser.StartDoctypeDeclHandler = (
            self._refuse
        )  # XMP has none, and it may make a packet endlessly long
        self._parser.StartElementHandler = self._begins
        self._parser.CharacterDataHandler = self._says
        self._parser.EndElementHandler = self._ends
        text = packet.rstrip(b"\0")  # some programs end it as a text of C
        if b"\0" in text:
            raise CannotAddCaption("its XMP is not in UTF-8")
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError:
            raise CannotAddCaption("its XMP is damaged") from None

    def _refuse(self, *_: object) -> None:
        raise CannotAddCaption("its XMP is of an unknown kind: it has a document type")

    def _within(self, *names: str) -> bool:
        """Whether these elements of RDF are the innermost that are open."""
        return [name for name, *_ in self._open[-len(names) :]] == [
            f"{_RDF} {name}" for name in names
        ]

    def _begins(self, name: str, attributes: dict[str, str]) -> None:
        if name == f"{_RDF} RDF" and self.begin is None:
            self.begin = self._parser.CurrentByteIndex
        if name == f"{_RDF} Description" and self._within("RDF"):
            self.about = self.about or attributes.get(f"{_RDF} about", "")
            if _PROPERTIES.keys() & attributes.keys():
                raise CannotAddCaption(
                    "its XMP is of an unknown kind: a description that has no language"
                )
        self._open.append(
            (name, self._parser.CurrentByteIndex, attributes.get(_LANGUAGE, "x-default"))
        )
        self._text = []

    def _says(self, text: str) -> None:
        self._text.append(text)

    def _ends(self, name: str) -> None:
        _, start, language = self._open.pop()
        if name in _PROPERTIES and self._within("RDF", "Description"):
            end = (
                self._parser.CurrentByteIndex
            )  # the end tag's beginning, or, of an empty element, its end
            if not _TAG.match(self._packet, start)[2]:
                end = self._packet.index(b">", end) + 1
            self.spans.append((start, end))
        elif (
            name == f"{_RDF} li"
            and self._within("Alt")
            and len(self._open) > 1
            and self._open[-2][0] in _PROPERTIES
        ):
            self.texts[self._open[-2][0]][language] = "".join(self._text)


def _description(found: _Found, caption: str, language: str | None) -> bytes:
    """An rdf:Description with both properties. Readers that know no XML look for just these prefixes."""
    lines = [
        f'\n<rdf:Description rdf:about={quoteattr(found.about)} xmlns:rdf="{_RDF}" xmlns:dc="{_DC}" '
        f'xmlns:Iptc4xmpCore="{_IPTC}">'
    ]
    for name, written in _PROPERTIES.items():
        same = {"x-default", _base(language)}
        kept = {
            other: text for other, text in found.texts[name].items() if _base(other) not in same
        }
        texts = {"x-default": caption} | ({language: caption} if language else {}) | kept
        items = [
            f"<rdf:li xml:lang={quoteattr(of)}>{escape(text)}</rdf:li>"
            for of, text in texts.items()
        ]
        lines += [f"<{written}>", "<rdf:Alt>", *items, "</rdf:Alt>", f"</{written}>"]
    return "\n".join([*lines, "</rdf:Description>"]).encode()


def _base(language: str | None) -> str | None:
    """`en` of `en-GB`: who asks for that is given no older text."""
    return language and (language if language == "x-default" else language.lower().split("-")[0])
