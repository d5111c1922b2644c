"""Captions in XMP, the XML that photos carry: `dc:description` and IPTC's alt text.

A packet that exists already is not written again but edited as bytes: prefixes, comments and order
stay, and so does everything else but these two properties. XMP is ISO 16684-1; the alt text has
been in IPTC's Photo Metadata Standard since 2021.
"""

import re
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_LANGUAGE = "http://www.w3.org/XML/1998/namespace lang"
_ANY_LANGUAGE = "x-default"  # read by programs that want no language, or one that is missing
_PROPERTIES = {  # name of a property as expat gives it → name as it is written
    f"{_DC} description": "dc:description",
    f"{_IPTC} AltTextAccessibility": "Iptc4xmpCore:AltTextAccessibility",
}

_PACKET_END = b"<?xpacket end"
_EMPTY_PACKET = b"\n".join(
    [
        b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>',
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/">',
        b'<rdf:RDF xmlns:rdf="' + _RDF.encode() + b'">',
        b"</rdf:RDF>",
        b"</x:xmpmeta>",
        _PACKET_END + b'="w"?>',
    ]
)

# A start tag, and the slash of an empty element. A > may be inside an attribute's quotes.
_TAG = re.compile(rb"<([^\s/>]+)(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*(/?)>")
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class CannotAddCaption(ValueError):
    """A photo can hold no caption; the text is the reason in a few words, without its name."""


def add_caption_to_packet(packet: bytes | None, caption: str, language: str | None) -> bytes:
    """Return the packet, or a new one, with the caption in both properties.

    The caption is written for readers of its language and of any. It replaces older texts for
    these; texts in other languages stay. The packet keeps its length if the white space at its end
    is enough for that.

    Raises:
        CannotAddCaption: the packet is not XMP, or of a kind that takes no caption.
    """
    old = _EMPTY_PACKET if packet is None else packet
    contents = _PacketReader(old)
    if contents.rdf_start is None:
        raise CannotAddCaption("its XMP is of an unknown kind: no rdf:RDF is in it")
    rdf_tag = _TAG.match(old, contents.rdf_start)
    start_tag, name, empty_slash = rdf_tag[0], rdf_tag[1], rdf_tag[2]
    end_tag = b""
    if empty_slash:
        start_tag = start_tag.removesuffix(b"/>") + b">"
        end_tag = b"\n</" + name + b">"

    if language:
        language = language.replace("_", "-")
    description = _write_description(contents, _NOT_IN_XML.sub(" ", caption), language)
    new = old
    for start, end in sorted(
        contents.property_spans, reverse=True
    ):  # all of them after rdf:RDF's tag
        new = new[:start] + new[end:]
    new = new[: rdf_tag.start()] + start_tag + description + end_tag + new[rdf_tag.end() :]
    if packet is None:
        return new
    return _fit_length(new, len(packet))


def has_caption(packet: bytes) -> bool:
    """Return whether a packet has one of the two properties."""
    return bool(_PacketReader(packet).property_spans)


def _fit_length(packet: bytes, length: int) -> bytes:
    """Return the packet as near to a length as the white space at its end allows."""
    end = packet.rfind(_PACKET_END)
    if end < 0:
        return packet
    start = len(packet[:end].rstrip())
    white_space = end - start + length - len(packet)
    return packet[:start] + b"\n".rjust(max(1, white_space)) + packet[end:]


class _Element(NamedTuple):
    """An element that has not ended yet."""

    name: str
    start: int  # byte in the packet
    language: str


class _PacketReader:
    """Reads a packet, and knows the positions of its parts in bytes."""

    def __init__(self, packet: bytes) -> None:
        self.rdf_start: int | None = None
        self.about = ""  # name of the photo in all its descriptions; mostly empty
        self.property_spans: list[tuple[int, int]] = []
        self.texts: dict[str, dict[str, str]] = {name: {} for name in _PROPERTIES}  # by language
        self._packet = packet
        self._open_elements: list[_Element] = []
        self._text: list[str] = []  # since the last start tag
        self._parser = expat.ParserCreate("UTF-8", " ")
        self._parser.StartDoctypeDeclHandler = self._reject_document_type
        self._parser.StartElementHandler = self._start_element
        self._parser.CharacterDataHandler = self._text.append
        self._parser.EndElementHandler = self._end_element
        text = packet.rstrip(b"\0")  # some programs end it like a string in C
        if b"\0" in text:
            raise CannotAddCaption("its XMP is not in UTF-8")
        try:
            self._parser.Parse(text, True)
        except expat.ExpatError:
            raise CannotAddCaption("its XMP is damaged") from None

    def _reject_document_type(self, *_: object) -> None:
        """XMP has no document type, which could make a packet endlessly long."""
        raise CannotAddCaption("its XMP is of an unknown kind: it has a document type")

    def _is_inside(self, *names: str) -> bool:
        """Return whether these elements of RDF are the innermost open ones."""
        innermost = [element.name for element in self._open_elements[-len(names) :]]
        return innermost == [f"{_RDF} {name}" for name in names]

    def _start_element(self, name: str, attributes: dict[str, str]) -> None:
        start = self._parser.CurrentByteIndex
        if name == f"{_RDF} RDF" and self.rdf_start is None:
            self.rdf_start = start
        if name == f"{_RDF} Description" and self._is_inside("RDF"):
            if not self.about:
                self.about = attributes.get(f"{_RDF} about", "")
            if not _PROPERTIES.keys().isdisjoint(attributes):
                raise CannotAddCaption(
                    "its XMP is of an unknown kind: a description that has no language"
                )
        language = attributes.get(_LANGUAGE, _ANY_LANGUAGE)
        self._open_elements.append(_Element(name, start, language))
        self._text.clear()

    def _end_element(self, name: str) -> None:
        element = self._open_elements.pop()
        if name in _PROPERTIES and self._is_inside("RDF", "Description"):
            self.property_spans.append((element.start, self._find_end(element)))
        elif name == f"{_RDF} li" and self._is_inside("Alt") and len(self._open_elements) > 1:
            parent = self._open_elements[-2].name
            if parent in _PROPERTIES:
                self.texts[parent][element.language] = "".join(self._text)

    def _find_end(self, element: _Element) -> int:
        """Return the byte after an element that ends here."""
        position = self._parser.CurrentByteIndex
        is_empty = _TAG.match(self._packet, element.start)[2]
        if is_empty:
            return position  # expat gives the end of an empty element
        return self._packet.index(b">", position) + 1  # and else the start of the end tag


def _write_description(contents: _PacketReader, caption: str, language: str | None) -> bytes:
    """Return an rdf:Description with both properties.

    Some readers know no XML and look for exactly these prefixes.
    """
    start_tag = (
        f'<rdf:Description rdf:about={quoteattr(contents.about)} xmlns:rdf="{_RDF}" '
        f'xmlns:dc="{_DC}" xmlns:Iptc4xmpCore="{_IPTC}">'
    )
    lines = ["", start_tag]
    for name, written_name in _PROPERTIES.items():
        texts = {_ANY_LANGUAGE: caption}
        if language:
            texts[language] = caption
        for other, text in contents.texts[name].items():
            if not _is_replaced(other, language):
                texts[other] = text
        lines += [f"<{written_name}>", "<rdf:Alt>"]
        for code, text in texts.items():
            lines.append(f"<rdf:li xml:lang={quoteattr(code)}>{escape(text)}</rdf:li>")
        lines += ["</rdf:Alt>", f"</{written_name}>"]
    lines.append("</rdf:Description>")
    return "\n".join(lines).encode()


def _is_replaced(other: str, language: str | None) -> bool:
    """Return whether a caption in a language replaces a text in another.

    A reader who asks for en-GB must not find an older text than a reader of en.
    """
    if other == _ANY_LANGUAGE:
        return True
    return language is not None and _remove_country(other) == _remove_country(language)


def _remove_country(language: str) -> str:
    return language.lower().split("-")[0]
