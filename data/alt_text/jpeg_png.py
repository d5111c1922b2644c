"""Captions in JPEG and PNG files, as XMP; every other byte of them stays as it is.

IPTC's older record (IIM) and EXIF's description are not written: they have no alt text, and would have other parts changed.
"""

import re
import zlib
from collections.abc import Callable

from data.alt_text import xmp
from data.alt_text.xmp import CannotAddCaption

JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"  # then GUID (32), whole length (4), place (4), and a piece of it
_ROOM = 0xFFFF - 2 - len(_XMP)  # bytes in a segment, of which two say how many
_FIRST = re.compile(
    rb"\xff+(?:\xe0|\xe1..Exif\0)", re.DOTALL
)  # segments that have to be the first: JFIF's, EXIF's
_SEGMENT = re.compile(rb"\xff+([^\0\xff])")
_ITXT = re.compile(rb"XML:com\.adobe\.xmp\0([\0\1])\0([^\0]*\0[^\0]*\0)(.*)", re.DOTALL)
_LARGEST = 2**24  # bytes of XMP in a PNG that are unpacked; what is real has some thousands

Caption = Callable[[bytes | None], bytes]  # a packet, or none, to one with the caption


def add_caption(photo: bytes, caption: str, language: str | None) -> bytes:
    """The bytes of a JPEG or PNG file with the caption in them.

    Raises:
        CannotAddCaption: it is neither, it is damaged, or what is in it leaves no room.
    """

    def captioned(packet: bytes | None) -> bytes:
        return xmp.add_caption_to_packet(packet, caption, language)

    if photo.startswith(JPEG):
        return _jpeg(photo, captioned)
    if photo.startswith(PNG):
        return _png(photo, captioned)
    raise CannotAddCaption("neither JPEG nor PNG")


def _jpeg(photo: bytes, captioned: Caption) -> bytes:
    """A JPEG: the segments before the picture's data, one of them replaced or added."""
    segments, rest = _segments(photo)
    _refuse_extension(segments)
    found = [
        number for number, segment in enumerate(segments) if _payload(segment).startswith(_XMP)
    ]
    for number in found:  # one; of several, readers take the first, or the last
        old = _payload(segments[number])[len(_XMP) :]
        new = captioned(old)
        if len(new) != len(old) and any(
            _payload(before).startswith(b"MPF\0") for before in segments[:number]
        ):
            raise CannotAddCaption(
                "its XMP leaves no room for a caption, and behind it lie pictures whose place is written down"
            )
        segments[number] = _app1(new)
    if not found:
        place = next(
            (number for number, segment in enumerate(segments) if not _FIRST.match(segment)),
            len(segments),
        )
        segments.insert(place, _app1(captioned(None)))
    return photo[:2] + b"".join(segments) + rest


def _segments(photo: bytes) -> tuple[list[bytes], bytes]:
    """The segments before the first scan, and all from there on."""
    segments, start = [], 2
    while found := _SEGMENT.match(photo, start):
        if found[1] == b"\xda":
            return segments, photo[start:]
        end = found.end() + int.from_bytes(photo[found.end() : found.end() + 2])
        segments.append(photo[start:end])
        start = end
    raise CannotAddCaption("damaged, or cut short")


def _payload(segment: bytes) -> bytes:
    """What a segment holds after its mark and its length."""
    return segment[_SEGMENT.match(segment).end() + 2 :]


def _app1(packet: bytes) -> bytes:
    """A segment with a packet of XMP."""
    if len(packet) > _ROOM:
        raise CannotAddCaption("its XMP leaves no room for a caption: a segment has 64 KB")
    return b"\xff\xe1" + (2 + len(_XMP) + len(packet)).to_bytes(2) + _XMP + packet


def _refuse_extension(segments: list[bytes]) -> None:
    """Refuse a photo whose extended XMP, which goes on where a segment's 64 KB end, has a description of its own. It stays
    as it is, since the packet names its hash."""
    pieces = [
        payload[len(_EXTENSION) :]
        for payload in map(_payload, segments)
        if payload.startswith(_EXTENSION)
    ]
    whole = b"".join(
        piece[40:] for piece in sorted(pieces, key=lambda piece: (piece[:32], piece[36:40]))
    )
    try:
        described = bool(whole) and xmp.has_caption(whole)
    except CannotAddCaption:
        return  # nobody can read it
    if described:
        raise CannotAddCaption("its description lies in extended XMP, which is not changed")


def _png(photo: bytes, captioned: Caption) -> bytes:
    """A PNG: its chunks, one of them replaced or added."""
    chunks, rest = _chunks(photo)
    found = [
        number
        for number, chunk in enumerate(chunks)
        if chunk[4:8] == b"iTXt" and _ITXT.match(chunk, 8)
    ]
    for number in found:
        packed, names, text = _ITXT.match(chunks[number][:-4], 8).groups()
        chunks[number] = _itxt(captioned(_unpacked(text) if packed == b"\1" else text), names)
    if not found:
        chunks.insert(1 + _header(chunks), _itxt(captioned(None), b"\0\0"))
    return PNG + b"".join(chunks) + rest


def _chunks(photo: bytes) -> tuple[list[bytes], bytes]:
    """The chunks with their lengths and sums, up to the one that ends the picture, and what follows that."""
    chunks, start = [], len(PNG)
    while start + 12 <= len(photo):
        end = start + 12 + int.from_bytes(photo[start : start + 4])
        chunks.append(photo[start:end])
        start = end
        if chunks[-1][4:8] == b"IEND":
            return chunks, photo[end:]
    raise CannotAddCaption("damaged, or cut short")


def _header(chunks: list[bytes]) -> int:
    """Which chunk tells the picture's size; a telephone's own kind has one before it."""
    for number, chunk in enumerate(chunks):
        if chunk[4:8] == b"IHDR":
            return number
    raise CannotAddCaption("damaged, or cut short")


def _unpacked(text: bytes) -> bytes:
    """What a chunk holds compressed."""
    unpacking = zlib.decompressobj()
    try:
        packet = unpacking.decompress(text, _LARGEST)
    except zlib.error:
        raise CannotAddCaption("its XMP is damaged") from None
    if not unpacking.eof:
        raise CannotAddCaption("its XMP is damaged, or too large")
    return packet


def _itxt(packet: bytes, names: bytes) -> bytes:
    """A chunk with a packet of XMP, not compressed, as XMP wants it; `names` are its language and its name in that."""
    content = b"iTXtXML:com.adobe.xmp\0\0\0" + names + packet
    return (len(content) - 4).to_bytes(4) + content + zlib.crc32(content).to_bytes(4)
