"""Captions in JPEG and PNG files: readers find them, and all other bytes stay."""

import hashlib
import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from data.alt_text import xmp
from data.alt_text.jpeg_png import add_caption
from data.alt_text.xmp import CannotAddCaption

CAPTION = '개 & <고양이> "둘"'
HEAD = b"http://ns.adobe.com/xap/1.0/\0"
PNG_HEAD = b"XML:com.adobe.xmp\0"
PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
TITLED = (
    xmp.add_caption_to_packet(None, "old", "de")
    .replace(b"dc:description>", b"dc:title>")
    .replace(b"AltTextAccessibility>", b"Headline>")
)


def jpeg(**more):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG", **more)
    return file.getvalue()


def png(**more):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "PNG", **more)
    return file.getvalue()


def segment(mark, content):
    return b"\xff" + bytes([mark]) + (len(content) + 2).to_bytes(2) + content


def parts(photo):
    """A JPEG's segments and its data; a PNG's chunks, of each its kind, content and sum."""
    found, start = [], 2
    if photo.startswith(b"\x89PNG"):
        start = 8
        while start < len(photo):
            length = int.from_bytes(photo[start : start + 4])
            chunk = photo[start : start + 12 + length]
            found.append((chunk[4:8], chunk[8:-4], chunk[-4:]))
            start += len(chunk)
        return found
    while photo[start + 1] != 0xDA:
        length = int.from_bytes(photo[start + 2 : start + 4])
        found.append((photo[start + 1], photo[start + 4 : start + 2 + length]))
        start += 2 + length
    return [*found, ("data", photo[start:])]


def without_xmp(photo):
    return [part for part in parts(photo) if not part[1].startswith((HEAD, PNG_HEAD))]


def caption_of(photo, language="x-default"):
    """What Pillow reads: description and alt text."""
    with Image.open(io.BytesIO(photo)) as opened:
        found = opened.getxmp()["xmpmeta"]["RDF"]["Description"]
    descriptions = found if isinstance(found, list) else [found]
    return [
        next(li["text"] for li in each[name]["Alt"]["li"] if li["lang"] == language)
        for name in ("description", "AltTextAccessibility")
        for each in descriptions
        if name in each
    ]


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
EXIF = Image.Exif()
EXIF[0x010E] = "what the camera says"
PHOTOS = {
    "JPEG": jpeg(),
    "with EXIF": jpeg(exif=EXIF, icc_profile=PROFILE, comment=b"by hand"),
    "progressive": jpeg(progressive=True),
    "with XMP": jpeg(exif=EXIF, xmp=TITLED),
    "with a film": jpeg() + b"\0\1",
    "PNG": png(icc_profile=PROFILE),
    "animated": png(save_all=True, append_images=[Image.fromarray(255 - PIXELS)]),
}


@pytest.mark.parametrize("photo", PHOTOS.values(), ids=PHOTOS)
def test_captions_are_read_and_all_other_bytes_stay(photo):
    new = add_caption(photo, CAPTION, "ko")
    assert caption_of(new) == caption_of(new, "ko") == [CAPTION, CAPTION]
    assert without_xmp(new) == without_xmp(photo)
    assert len(parts(new)) == len(without_xmp(new)) + 1
    assert add_caption(new, "a dog", "en") != new
    assert caption_of(add_caption(new, "a dog", "en"), "ko") == [CAPTION, CAPTION]
    with Image.open(io.BytesIO(photo)) as before, Image.open(io.BytesIO(new)) as after:
        np.testing.assert_array_equal(np.asarray(before), np.asarray(after))


def test_xmp_comes_after_first_segments_or_stays_in_place():
    first = parts(add_caption(PHOTOS["with EXIF"], CAPTION, None))[:3]
    assert [(mark, content[:4]) for mark, content in first] == [
        (0xE0, b"JFIF"),
        (0xE1, b"Exif"),
        (0xE1, b"http"),
    ]
    photo = jpeg()
    moved = photo[:20] + segment(0xFE, b"a comment") + segment(0xE1, HEAD + TITLED) + photo[20:]
    new = parts(add_caption(moved, CAPTION, None))
    assert [mark for mark, _ in new[:3]] == [0xE0, 0xFE, 0xE1]
    assert b"dc:title" in new[2][1]
    assert parts(add_caption(png(), CAPTION, None))[1][0] == b"iTXt"


def test_fill_bytes_before_a_mark_stay():
    photo = jpeg()
    filled = photo[:20] + b"\xff\xff" + photo[20:]
    new = add_caption(filled, CAPTION, None)
    assert new.endswith(b"\xff\xff" + photo[20:])
    assert new.startswith(photo[:20] + b"\xff\xe1")


def test_the_whole_64_kb_of_a_segment_are_used():
    room = 65533 - len(HEAD)
    captioned = len(xmp.add_caption_to_packet(TITLED, CAPTION, "ko")) - len(TITLED)

    def filled(size, padding=0):
        packet = TITLED.replace(b"<?xpacket end", b" " * padding + b"<?xpacket end")
        packet = packet.replace(b">old<", b">" + b"x" * (size - len(packet) + 3) + b"<", 1)
        assert len(packet) == size
        return jpeg(xmp=packet)

    assert len(parts(add_caption(filled(room - captioned), CAPTION, "ko"))[1][1]) == 65533
    assert caption_of(add_caption(filled(room, 2000), CAPTION, "ko")) == [CAPTION, CAPTION]
    with pytest.raises(CannotAddCaption, match="64 KB"):
        add_caption(filled(room - captioned + 1), CAPTION, "ko")


def extended(packet, size=40000):
    """A JPEG whose XMP goes on in segments of an extension, the last of them first."""
    guid = hashlib.md5(packet).hexdigest().upper().encode()
    pieces = [
        segment(
            0xE1,
            b"http://ns.adobe.com/xmp/extension/\0"
            + guid
            + len(packet).to_bytes(4)
            + start.to_bytes(4)
            + packet[start : start + size],
        )
        for start in range(0, len(packet), size)
    ]
    note = b' xmlns:n="http://ns.adobe.com/xmp/note/" n:HasExtendedXMP="' + guid + b'"'
    main = TITLED.replace(b' rdf:about=""', b' rdf:about=""' + note)
    photo = jpeg()
    return photo[:20] + segment(0xE1, HEAD + main) + b"".join(reversed(pieces)) + photo[20:], guid


def test_extended_xmp_stays_with_its_hash():
    photo, guid = extended(TITLED.replace(b">old<", b">" + b"x" * 70000 + b"<"))
    new = add_caption(photo, CAPTION, "ko")
    assert without_xmp(new) == without_xmp(photo)
    assert guid in parts(new)[1][1]
    assert caption_of(new) == [CAPTION, CAPTION]
    described = extended(xmp.add_caption_to_packet(None, "x" * 70000, None))[0]
    with pytest.raises(CannotAddCaption, match="extended XMP"):
        add_caption(described, CAPTION, "ko")
    broken = extended(b"<a>" + b"x" * 70000)[0]  # nobody can read it: it is left alone
    assert without_xmp(add_caption(broken, CAPTION, "ko")) == without_xmp(broken)


def test_pictures_behind_the_picture_do_not_move():
    places, photo = segment(0xE2, b"MPF\0 so far from here lies another"), jpeg()
    before = photo[:20] + places + photo[20:]
    assert add_caption(before, CAPTION, None).endswith(before[20:])
    padded = TITLED.replace(b"<?xpacket end", b" " * 2000 + b"<?xpacket end")
    behind = photo[:20] + places + segment(0xE1, HEAD + padded) + photo[20:]
    assert len(add_caption(behind, CAPTION, None)) == len(behind)
    with pytest.raises(CannotAddCaption, match="pictures behind it"):
        add_caption(photo[:20] + places + segment(0xE1, HEAD + TITLED) + photo[20:], CAPTION, None)


def test_two_packets_both_get_the_caption():
    photo = jpeg()
    new = add_caption(photo[:20] + 2 * segment(0xE1, HEAD + TITLED) + photo[20:], CAPTION, None)
    assert (
        sum(CAPTION.split()[0].encode() in content for mark, content in parts(new) if mark == 0xE1)
        == 2
    )


@pytest.mark.parametrize("is_compressed", [False, True])
def test_a_pngs_packet_is_replaced_with_its_checksum(is_compressed):
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "before")
    info.add_itxt("XML:com.adobe.xmp", TITLED.decode(), "ko", "이름", zip=is_compressed)
    photo = png(pnginfo=info)
    new = add_caption(photo, CAPTION, "ko")
    assert without_xmp(new) == without_xmp(photo)
    number = [kind for kind, *_ in parts(photo)].index(b"iTXt")
    kind, content, total = parts(new)[number]
    assert content.startswith(PNG_HEAD + b"\0\0ko\0" + "이름".encode() + b"\0<?xpacket")
    assert int.from_bytes(total) == zlib.crc32(kind + content)
    assert b"dc:title" in content
    assert caption_of(new) == [CAPTION, CAPTION]


def test_damaged_and_endless_compression_is_rejected():
    photo = png()
    for packet, reason in (b"no", "damaged"), (zlib.compress(b" " * 2**24 + b"<a/>"), "too large"):
        content = b"iTXt" + PNG_HEAD + b"\1\0\0\0" + packet
        chunk = (len(content) - 4).to_bytes(4) + content + zlib.crc32(content).to_bytes(4)
        with pytest.raises(CannotAddCaption, match=reason):
            add_caption(photo[:33] + chunk + photo[33:], CAPTION, None)


@pytest.mark.parametrize("photo", [jpeg(exif=EXIF), png()], ids=["JPEG", "PNG"])
def test_photos_without_data_are_rejected(photo):
    for length in range(
        photo.index(b"IDAT") if photo.startswith(b"\x89PNG") else photo.index(b"\xff\xda")
    ):
        with pytest.raises(CannotAddCaption, match=r"cut short|neither"):
            add_caption(photo[:length], CAPTION, None)


def test_other_formats_are_rejected():
    for photo in b"GIF89a", b"RIFF\0\0\0\0WEBP", b"":
        with pytest.raises(CannotAddCaption, match="neither JPEG nor PNG"):
            add_caption(photo, CAPTION, None)
