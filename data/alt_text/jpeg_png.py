"""XMP packets with captions in JPEG and PNG files. Every other byte of a file stays.

IPTC's older record (IIM) and EXIF's description are not written: they have no alt text, and
writing them would change other parts of the file.
"""

import re
import zlib
from collections.abc import Callable

from data.alt_text import xmp
from data.alt_text.xmp import CannotAddCaption

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"

_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
# Followed by the GUID (32 bytes), the whole length (4), an offset (4), and the piece there.
_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\0"
_SEGMENT_ROOM = 0xFFFF - 2 - len(_XMP_HEADER)  # bytes; two of a segment's hold its length
_SEGMENT_MARK = re.compile(rb"\xff+([^\0\xff])")
_START_OF_SCAN = b"\xda"
_FIRST_SEGMENTS = re.compile(rb"\xff+(?:\xe0|\xe1..Exif\0)", re.DOTALL)  # of JFIF and of EXIF
_XMP_CHUNK = re.compile(rb"XML:com\.adobe\.xmp\0([\0\1])\0([^\0]*\0[^\0]*\0)(.*)", re.DOTALL)
_LARGEST_PACKET = 2**24  # bytes after decompression; real packets have some thousands

AddCaption = Callable[[bytes | None], bytes]  # a packet, or None → a packet with the caption


def add_caption(photo: bytes, caption: str, language: str | None) -> bytes:
    """Return the bytes of a JPEG or PNG file with the caption in them.

    Raises:
        CannotAddCaption: the file is neither, or damaged, or leaves no room.
    """

    def add_to_packet(packet: bytes | None) -> bytes:
        return xmp.add_caption_to_packet(packet, caption, language)

    if photo.startswith(_JPEG):
        return _edit_jpeg(photo, add_to_packet)
    if photo.startswith(_PNG):
        return _edit_png(photo, add_to_packet)
    raise CannotAddCaption("neither JPEG nor PNG")


def _edit_jpeg(photo: bytes, add_to_packet: AddCaption) -> bytes:
    """Replace or add segments before the picture's data."""
    segments, rest = _split_segments(photo)
    _reject_described_extension(segments)
    has_packet = False
    has_positions = False  # of other pictures behind this one, which must not move
    for number, segment in enumerate(segments):
        payload = _get_payload(segment)
        if payload.startswith(b"MPF\0"):
            has_positions = True
        if payload.startswith(_XMP_HEADER):
            # Of several packets some readers take the first and some the last: replace all.
            has_packet = True
            old = payload.removeprefix(_XMP_HEADER)
            new = add_to_packet(old)
            if has_positions and len(new) != len(old):
                raise CannotAddCaption(
                    "its XMP leaves no room for a caption, and pictures behind it cannot be moved"
                )
            segments[number] = _make_segment(new)
    if not has_packet:
        segments.insert(_count_first_segments(segments), _make_segment(add_to_packet(None)))
    return photo[:2] + b"".join(segments) + rest


def _split_segments(photo: bytes) -> tuple[list[bytes], bytes]:
    """Return the segments before the first scan, and the rest."""
    segments = []
    start = 2
    while mark := _SEGMENT_MARK.match(photo, start):
        if mark[1] == _START_OF_SCAN:
            return segments, photo[start:]
        end = mark.end() + int.from_bytes(photo[mark.end() : mark.end() + 2])
        segments.append(photo[start:end])
        start = end
    raise CannotAddCaption("damaged, or cut short")


def _count_first_segments(segments: list[bytes]) -> int:
    """Return the number of segments that have to be the first: JFIF's and EXIF's."""
    count = 0
    while count < len(segments) and _FIRST_SEGMENTS.match(segments[count]):
        count += 1
    return count


def _get_payload(segment: bytes) -> bytes:
    """Return a segment without its mark and length."""
    mark = _SEGMENT_MARK.match(segment)
    return segment[mark.end() + 2 :]


def _make_segment(packet: bytes) -> bytes:
    if len(packet) > _SEGMENT_ROOM:
        raise CannotAddCaption("its XMP leaves no room for a caption: a segment has 64 KB")
    length = 2 + len(_XMP_HEADER) + len(packet)
    return b"\xff\xe1" + length.to_bytes(2) + _XMP_HEADER + packet


def _reject_described_extension(segments: list[bytes]) -> None:
    """Reject a photo whose extended XMP has a description.

    XMP of more than 64 KB continues in an extension. It has to stay as it is, because the packet
    contains its hash.
    """
    pieces = []
    for segment in segments:
        payload = _get_payload(segment)
        if payload.startswith(_EXTENSION_HEADER):
            pieces.append(payload.removeprefix(_EXTENSION_HEADER))
    pieces.sort(key=lambda piece: (piece[:32], piece[36:40]))  # GUID, offset
    extension = b"".join(piece[40:] for piece in pieces)
    if not extension:
        return
    try:
        has_description = xmp.has_caption(extension)
    except CannotAddCaption:
        return  # nobody can read it
    if has_description:
        raise CannotAddCaption("its description is in extended XMP, which cannot be changed")


def _edit_png(photo: bytes, add_to_packet: AddCaption) -> bytes:
    """Replace or add a chunk."""
    chunks, rest = _split_chunks(photo)
    has_packet = False
    for number, chunk in enumerate(chunks):
        if chunk[4:8] != b"iTXt":
            continue
        content = chunk[8:-4]
        match = _XMP_CHUNK.match(content)
        if match:
            has_packet = True
            compression, names, packet = match.groups()
            if compression == b"\1":
                packet = _decompress(packet)
            chunks[number] = _make_chunk(add_to_packet(packet), names)
    if not has_packet:
        chunks.insert(_find_header(chunks) + 1, _make_chunk(add_to_packet(None), b"\0\0"))
    return _PNG + b"".join(chunks) + rest


def _split_chunks(photo: bytes) -> tuple[list[bytes], bytes]:
    """Return whole chunks (length, type, content, checksum) up to the last, and the rest."""
    chunks = []
    start = len(_PNG)
    while start + 12 <= len(photo):
        end = start + 12 + int.from_bytes(photo[start : start + 4])
        chunk = photo[start:end]
        chunks.append(chunk)
        if chunk[4:8] == b"IEND":
            return chunks, photo[end:]
        start = end
    raise CannotAddCaption("damaged, or cut short")


def _find_header(chunks: list[bytes]) -> int:
    """Return the index of the chunk with the picture's size; phones may write one before it."""
    for number, chunk in enumerate(chunks):
        if chunk[4:8] == b"IHDR":
            return number
    raise CannotAddCaption("damaged, or cut short")


def _decompress(content: bytes) -> bytes:
    decompressor = zlib.decompressobj()
    try:
        packet = decompressor.decompress(content, _LARGEST_PACKET)
    except zlib.error:
        raise CannotAddCaption("its XMP is damaged") from None
    if not decompressor.eof:
        raise CannotAddCaption("its XMP is damaged, or too large")
    return packet


def _make_chunk(packet: bytes, names: bytes) -> bytes:
    """Return an uncompressed chunk; `names` are its language, and its keyword in that."""
    content = b"iTXtXML:com.adobe.xmp\0\0\0" + names + packet
    length = len(content) - len(b"iTXt")
    return length.to_bytes(4) + content + zlib.crc32(content).to_bytes(4)
