"""Picture files of every kind that a photo may be, small and odd ones among them."""

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

ORIENTATION = 0x0112  # EXIF's tag
XMP = '<x:xmpmeta><rdf:Description tiff:Orientation="{}"/></x:xmpmeta>'


def draw(height=60, width=90, channels=3):
    """Return coarse squares under noise, uint8 (H, W, channels): edges and every byte value."""
    random = np.random.default_rng([height, width, channels])
    coarse = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, channels), np.uint8)
    squares = coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width]
    noise = random.integers(-40, 41, squares.shape)
    return (squares + noise).clip(0, 255).astype(np.uint8)


def save(picture, kind, **settings):
    """Return the bytes of a picture's file."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def make_exif(orientation, order="<", type=3):
    """Return EXIF that says one thing; `type` is 3 for two bytes, 4 for four."""
    mark = {"<": b"II*\0", ">": b"MM\0*"}[order]
    value = struct.pack(order + {3: "Hxx", 4: "I", 2: "Hxx"}[type], orientation)
    entries = struct.pack(order + "HHI", 0x0100, 3, 1) + struct.pack(order + "Hxx", 77)
    entries += struct.pack(order + "HHI", ORIENTATION, type, 1) + value
    return mark + struct.pack(order + "IH", 8, 2) + entries + b"\0\0\0\0"


def make_jpeg(size=(60, 90), **settings):
    return save(draw(*size), "JPEG", **{"quality": 90} | settings)


def turn_jpeg(orientation, **settings):
    return make_jpeg(exif=b"Exif\0\0" + make_exif(orientation, **settings))


def insert_segment(jpeg, marker, content):
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    return jpeg[:2] + segment + jpeg[2:]


def make_cmyk(black, has_mark=True):
    inks = draw(channels=4)
    if not black:
        inks[..., 3] = 0
    content = save(Image.fromarray(inks, "CMYK"), "JPEG", quality=95)
    start = content.index(b"\xff\xee\x00\x0eAdobe")
    return content if has_mark else content[:start] + content[start + 16 :]


def make_chunk(kind, content):
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def insert_chunk(png, kind, content):
    """Return a PNG with one more chunk, before its picture."""
    place = png.index(b"IDAT") - 4
    return png[:place] + make_chunk(kind, content) + png[place:]


def make_png(values, bits, colour, chunks=()):
    """Return a PNG of rows of bytes (H, n), which Pillow does not write; `colour` is its type."""
    height = len(values)
    width = len(values[0]) * 8 // bits // {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    content = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(make_chunk(*each) for each in content)


def make_deep_png(colour, channels, chunks=()):
    values = np.random.default_rng(channels).integers(0, 65536, (40, 56 * channels))
    return make_png(values.astype(">u2").view(np.uint8), 16, colour, chunks)


def make_grey_png(bits, chunks=()):
    values = np.random.default_rng(bits).integers(0, 256, (40, 7 * bits), np.uint8)
    return make_png(values, bits, 0, chunks)


def make_palette(colours=256, height=60, width=90):
    return Image.fromarray(draw(height, width)).quantize(colours)


def make_grey(mode="L"):
    return Image.fromarray(draw()).convert(mode)


def make_alpha(mode="RGBA"):
    return Image.fromarray(draw(channels=4)).convert(mode)


def make_animation(kind, first, second, **settings):
    return save(first, kind, save_all=True, append_images=[second], duration=50, **settings)


def make_small_frame(transparent):
    """Return a GIF whose first picture covers only a part of the whole."""
    settings = {} if transparent is None else {"transparency": transparent}
    content = save(make_palette(16, 30, 40), "GIF", interlace=0, **settings)
    frame = content.index(b"\x2c\0\0\0\0") if b"\x2c\0\0\0\0" in content else 0
    place = struct.pack("<HH", 10, 20)
    content = content[: frame + 1] + place + content[frame + 5 :]
    return content[:6] + struct.pack("<HH", 90, 60) + content[10:]


def make_bmp(bits, *, is_from_top=False):
    """Return a BMP; Pillow writes neither 4 bits nor the top row first."""
    height, width = 37, 53
    stride = (width * bits + 31) // 32 * 4
    rows = np.random.default_rng(bits).integers(0, 256, (height, stride), np.uint8)
    palette = b""
    if bits <= 8:
        palette = np.random.default_rng(1).integers(0, 256, 4 << bits, np.uint8).tobytes()
    start = 54 + len(palette)
    file = b"BM" + struct.pack("<IHHI", start + rows.size, 0, 0, start)
    shown = -height if is_from_top else height
    header = struct.pack("<IiiHHIIiiII", 40, width, shown, 1, bits, 0, rows.size, 0, 0, 0, 0)
    return file + header + palette + rows.tobytes()


JPEGS: dict[str, Callable[[], bytes]] = {
    "plain": make_jpeg,
    "4:4:4": lambda: make_jpeg(subsampling="4:4:4"),
    "4:2:2": lambda: make_jpeg(subsampling="4:2:2"),
    "4:2:0": lambda: make_jpeg(subsampling="4:2:0"),
    "4:1:1": lambda: make_jpeg(subsampling="4:1:1"),
    "odd 4:2:0": lambda: make_jpeg((61, 87), subsampling="4:2:0"),
    "progressive": lambda: make_jpeg(progressive=True),
    "progressive 4:4:4": lambda: make_jpeg(progressive=True, subsampling="4:4:4"),
    "poor": lambda: make_jpeg(quality=3),
    "best": lambda: make_jpeg(quality=100),
    "restarting": lambda: make_jpeg(restart_marker_rows=1),
    "of RGB": lambda: make_jpeg(keep_rgb=True),
    "grey": lambda: save(make_grey(), "JPEG"),
    "large grey": lambda: save(draw(700, 900, 1)[..., 0], "JPEG"),
    "of ink": lambda: make_cmyk(black=False),
    "of ink without a mark": lambda: make_cmyk(black=False, has_mark=False),
    **{f"lying {number}": lambda number=number: turn_jpeg(number) for number in range(1, 9)},
    "lying 0": lambda: turn_jpeg(0),
    "lying 9": lambda: turn_jpeg(9),
    "lying 6, greatest byte first": lambda: turn_jpeg(6, order=">"),
    "lying 8 in four bytes": lambda: turn_jpeg(8, order=">", type=4),
    "lying 6 in text": lambda: turn_jpeg(6, type=2),
    "lying 6 after other segments": lambda: insert_segment(
        insert_segment(turn_jpeg(6), 0xED, b"Photoshop 3.0\0" + bytes(99)), 0xFE, b"a dog"
    ),
    "lying 3 by XMP": lambda: make_jpeg(xmp=XMP.format(3).encode()),
    "lying 5 by EXIF, 3 by XMP": lambda: make_jpeg(
        exif=b"Exif\0\0" + make_exif(5), xmp=XMP.format(3).encode()
    ),
    "with damaged EXIF": lambda: make_jpeg(exif=b"Exif\0\0XX*\0", xmp=XMP.format(3).encode()),
    "with EXIF cut short": lambda: make_jpeg(exif=b"Exif\0\0" + make_exif(6)[:30]),
    "large and lying 6": lambda: make_jpeg((620, 930), exif=b"Exif\0\0" + make_exif(6)),
    **{
        f"{height} x {width}": lambda size=(height, width): make_jpeg(size)
        for height, width in [
            *[(1, 1), (1, 300), (300, 1), (7, 5), (16, 16), (128, 128), (224, 224), (255, 257)],
            *[(256, 256), (448, 512), (897, 895), (1030, 640), (1200, 1601), (2400, 700)],
        ]
    },
}

PNGS: dict[str, Callable[[], bytes]] = {
    "plain": lambda: save(draw(), "PNG"),
    "grey": lambda: save(make_grey(), "PNG"),
    "black and white": lambda: save(make_grey("1"), "PNG"),
    "palette": lambda: save(make_palette(), "PNG"),
    "palette of 4 bits": lambda: save(make_palette(16), "PNG", bits=4),
    "palette of 2 bits": lambda: save(make_palette(4), "PNG", bits=2),
    "palette with a clear colour": lambda: save(make_palette(), "PNG", transparency=3),
    "palette with alpha": lambda: save(
        make_palette(), "PNG", transparency=bytes(range(255, -1, -1))
    ),
    "alpha": lambda: save(make_alpha(), "PNG"),
    "grey with alpha": lambda: save(make_alpha("LA"), "PNG"),
    "opaque alpha": lambda: save(Image.fromarray(draw()).convert("RGBA"), "PNG"),
    "grey with a clear level": lambda: save(
        make_grey(), "PNG", transparency=int(np.asarray(make_grey())[3, 4])
    ),
    "with a clear colour": lambda: save(draw(), "PNG", transparency=tuple(map(int, draw()[3, 4]))),
    "palette of 2 bits with alpha": lambda: save(
        make_palette(4), "PNG", bits=2, transparency=bytes([255, 0, 90, 255])
    ),
    "black and white with clear white": lambda: save(make_grey("1"), "PNG", transparency=1),
    "grey of 2 bits": lambda: make_grey_png(2),
    "grey of 4 bits": lambda: make_grey_png(4),
    "grey of 16 bits": lambda: make_deep_png(0, 1),
    "grey of 16 bits with alpha": lambda: make_deep_png(4, 2),
    "16 bits": lambda: make_deep_png(2, 3),
    "16 bits with alpha": lambda: make_deep_png(6, 4),
    "lying 6": lambda: insert_chunk(save(draw(), "PNG"), b"eXIf", make_exif(6)),
    "alpha, lying 6": lambda: insert_chunk(save(make_alpha(), "PNG"), b"eXIf", make_exif(6)),
    "lying 7, last chunk": lambda: save(draw(), "PNG", exif=make_exif(7, order=">")),
    "lying 8 by XMP": lambda: insert_chunk(
        save(draw(), "PNG"), b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP.format(8).encode()
    ),
    "animated": lambda: make_animation(
        "PNG", Image.fromarray(draw()), Image.fromarray(draw()[::-1])
    ),
    "1 x 77": lambda: save(draw(1, 77), "PNG"),
    "large": lambda: save(draw(1027, 901), "PNG", compress_level=1),
    "large with alpha": lambda: save(draw(700, 611, 4), "PNG", compress_level=1),
}

OTHERS: dict[str, Callable[[], bytes]] = {
    "GIF": lambda: save(make_palette(), "GIF"),
    "GIF of lines in order": lambda: save(make_palette(), "GIF", interlace=0),
    "GIF, grey": lambda: save(make_grey(), "GIF"),
    "GIF with a clear colour": lambda: save(make_palette(32), "GIF", transparency=3),
    "GIF with a comment": lambda: save(make_palette(8), "GIF", comment=b"a, dog" * 90),
    "GIF, animated": lambda: make_animation("GIF", make_palette(64), make_grey()),
    "GIF with a small first picture": lambda: make_small_frame(None),
    "GIF with a small, clear first picture": lambda: make_small_frame(3),
    "GIF, large": lambda: save(draw(610, 777, 1)[..., 0], "GIF"),
    "BMP": lambda: save(draw(61, 87), "BMP"),
    "BMP, grey": lambda: save(make_grey(), "BMP"),
    "BMP, black and white": lambda: save(make_grey("1"), "BMP"),
    "BMP with a palette": lambda: save(make_palette(), "BMP"),
    "BMP of 1 bit": lambda: make_bmp(1),
    "BMP of 4 bits": lambda: make_bmp(4),
    "BMP of 8 bits": lambda: make_bmp(8),
    "BMP of 32 bits": lambda: make_bmp(32),
    "BMP from the top": lambda: make_bmp(24, is_from_top=True),
    "WebP": lambda: save(draw(), "WEBP"),
    "WebP, exact": lambda: save(draw(), "WEBP", lossless=True),
    "WebP with alpha": lambda: save(make_alpha(), "WEBP"),
    "WebP, exact with alpha": lambda: save(make_alpha(), "WEBP", lossless=True, exact=True),
    "WebP lying 6": lambda: save(draw(), "WEBP", exif=b"Exif\0\0" + make_exif(6)),
    "WebP lying 5, without a name": lambda: save(draw(), "WEBP", exif=make_exif(5)),
    "WebP with alpha, lying 6": lambda: save(make_alpha(), "WEBP", exif=make_exif(6)),
    "WebP lying 3 by XMP": lambda: save(draw(), "WEBP", xmp=XMP.format(3).encode()),
    "WebP, animated": lambda: make_animation(
        "WEBP", Image.fromarray(draw()), Image.fromarray(draw()[::-1])
    ),
    "WebP, animated with alpha": lambda: make_animation(
        "WEBP", make_alpha(), make_alpha().rotate(180), lossless=True
    ),
    "WebP, large": lambda: save(draw(640, 701), "WEBP", method=0),
}

ODD_PICTURES = {
    **{f"JPEG {name}": make for name, make in JPEGS.items()},
    **{f"PNG {name}": make for name, make in PNGS.items()},
    **OTHERS,
}
