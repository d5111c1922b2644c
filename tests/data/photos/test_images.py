"""Every kind of picture against the pixels a person would see, and every kind of refusal by its reason."""

import io
import os
import struct
import subprocess
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.photos import images
from data.photos.images import UnreadablePhoto, read_photo

RED, GREEN, BLUE, GREY = (220, 30, 20), (20, 160, 40), (30, 40, 200), (128, 128, 128)


def quarters(height=48, width=64):
    """Four plain quarters, red and green over blue and grey: no turn or mirroring of it looks the same."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = RED, GREEN
    picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = BLUE, GREY
    return picture


def encoded(picture, kind, **settings):
    buffer = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def deep_png(values, size=None):
    """A PNG of 16 bits a channel, written by hand because Pillow writes only the grey one; values (H, W, channels)."""
    height, width, channels = values.shape if size is None else (*size, 1)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def farthest(seen, wanted):
    """The largest difference, leaving out 4 pixels at each edge of a quarter, where JPEG blends the colours."""
    height, width = wanted.shape[:2]
    assert seen.shape == wanted.shape
    assert seen.dtype == np.uint8
    difference = np.abs(seen.astype(int) - wanted.astype(int))
    tall, wide = height // 2, width // 2
    corners = [(y, x) for y in (4, tall + 4) for x in (4, wide + 4)]
    return max(difference[y : y + tall - 8, x : x + wide - 8].max() for y, x in corners)


def palette(transparent=None):
    picture = Image.new("P", (64, 48))
    picture.putpalette([*RED, *GREEN, *BLUE, *GREY])
    picture.putdata([(x >= 32) + 2 * (y >= 24) for y in range(48) for x in range(64)])
    return encoded(picture, "PNG", **({} if transparent is None else {"transparency": transparent}))


def with_alpha(alpha):
    return np.dstack([quarters(), np.broadcast_to(np.uint8(alpha), (48, 64))])


def on_white(alpha):
    share = np.broadcast_to(np.asarray(alpha, float), (48, 64))[..., None] / 255
    return (quarters() * share + 255 * (1 - share)).round().astype(np.uint8)


LEFT_CLEAR = np.where(np.arange(64) < 32, 0, 255)
GREY_STEPS = np.repeat(np.repeat(np.uint8([[10, 90], [170, 250]]), 24, axis=0), 32, axis=1)
GREY_SEEN = np.dstack([GREY_STEPS] * 3)
OPAQUE = np.full((48, 64), 255)
DEEP = quarters().astype(np.uint16) * 257
INK = np.kron([[0, 1], [1, 0]], np.ones((24, 32), int)).astype(bool)
RED_CLEAR = np.where(
    ((np.arange(48) < 24)[:, None] & (np.arange(64) < 32))[..., None], 255, quarters()
).astype(np.uint8)


def cmyk(adobe):
    """The quarters as a JPEG of inks, with the mark of Adobe's programs or without: browsers read the two alike."""
    inks = np.dstack([255 - quarters(), np.zeros((48, 64), np.uint8)])
    content = encoded(Image.fromarray(inks, "CMYK"), "JPEG", quality=95)
    start = content.index(b"\xff\xee\x00\x0eAdobe")
    return content if adobe else content[:start] + content[start + 16 :]


def animation():
    frames = [Image.fromarray(picture) for picture in (quarters(), np.zeros((48, 64, 3), np.uint8))]
    return encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)


KINDS = {
    "png": (encoded(quarters(), "PNG"), quarters(), 0),
    "jpeg": (encoded(quarters(), "JPEG", quality=95), quarters(), 4),
    "progressive jpeg": (encoded(quarters(), "JPEG", quality=95, progressive=True), quarters(), 4),
    "grey jpeg": (encoded(GREY_STEPS, "JPEG", quality=95), GREY_SEEN, 4),
    "cmyk jpeg": (cmyk(True), quarters(), 6),
    "cmyk jpeg without the mark": (cmyk(False), quarters(), 6),
    "bmp": (encoded(quarters(), "BMP"), quarters(), 0),
    "tiff": (encoded(quarters(), "TIFF"), quarters(), 0),
    "packed tiff": (encoded(quarters(), "TIFF", compression="tiff_lzw"), quarters(), 0),
    "webp": (encoded(quarters(), "WEBP", lossless=True), quarters(), 0),
    "webp with alpha": (
        encoded(with_alpha(LEFT_CLEAR), "WEBP", lossless=True, exact=True),
        on_white(LEFT_CLEAR),
        0,
    ),
    "avif": (encoded(quarters(), "AVIF", quality=95), quarters(), 8),
    "animated gif": (animation(), quarters(), 0),
    "1 bit": (encoded(INK, "PNG"), np.dstack([INK * np.uint8(255)] * 3), 0),
    "grey": (encoded(GREY_STEPS, "PNG"), GREY_SEEN, 0),
    "grey and alpha": (
        encoded(np.dstack([GREY_STEPS, GREY_STEPS * 0]), "PNG"),
        GREY_SEEN * 0 + 255,
        0,
    ),
    "half clear": (encoded(with_alpha(128), "PNG"), on_white(128), 1),
    "palette": (palette(), quarters(), 0),
    "palette, one colour clear": (palette(0), RED_CLEAR, 0),
    "palette, alpha a colour": (palette(bytes([0, 255, 255, 255])), RED_CLEAR, 0),
    "16-bit grey": (deep_png(GREY_STEPS[..., None].astype(np.uint16) * 257), GREY_SEEN, 0),
    "16-bit grey and alpha": (
        deep_png(np.dstack([GREY_STEPS, OPAQUE]).astype(np.uint16) * 257),
        GREY_SEEN,
        0,
    ),
    "16-bit rgb": (deep_png(DEEP), quarters(), 0),
    "16-bit rgb and alpha": (
        deep_png(with_alpha(LEFT_CLEAR).astype(np.uint16) * 257),
        on_white(LEFT_CLEAR),
        0,
    ),
    "16-bit grey tiff": (encoded(GREY_STEPS.astype(np.uint16) * 257, "TIFF"), GREY_SEEN, 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_as_a_person_sees_it(kind):
    content, seen, tolerance = KINDS[kind]
    assert farthest(read_photo(content), seen) <= tolerance
    assert farthest(read_photo(content, (24, 32)), seen[::2, ::2]) <= tolerance


TURNS = {  # EXIF's orientation → how the camera stores the upright picture
    1: np.asarray, 2: np.fliplr, 3: lambda picture: np.rot90(picture, 2), 4: np.flipud,
    5: lambda picture: np.swapaxes(picture, 0, 1), 6: np.rot90,
    7: lambda picture: np.rot90(np.swapaxes(picture, 0, 1), 2), 8: lambda picture: np.rot90(picture, -1),
}  # fmt: skip


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_rotation_is_undone(turn, kind):
    exif = Image.Exif()
    exif[0x0112] = turn
    stored = np.ascontiguousarray(TURNS[turn](quarters(480, 640)))
    content = encoded(
        stored, kind, exif=exif, **({"quality": 95} if kind in ("JPEG", "WEBP") else {})
    )
    assert farthest(read_photo(content), quarters(480, 640)) <= 12
    assert farthest(read_photo(content, (48, 64)), quarters()) <= 12


def test_a_corrupt_exif_block_does_not_matter_and_is_not_warned_of(tmp_path):
    content = encoded(quarters(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff junk")
    (tmp_path / "photo.jpg").write_bytes(content)
    command = "import sys; from data.photos.images import read_photo; print(read_photo(sys.argv[1]).shape)"
    told = subprocess.run(
        [sys.executable, "-c", command, tmp_path / "photo.jpg"], capture_output=True, text=True
    )
    assert (told.stdout, told.stderr) == ("(48, 64, 3)\n", "")


@pytest.mark.parametrize(
    "name", ["a.jpg", "two dogs.JPG", "강아지 사진.jpg", "no ending", "photo.gif"]
)
def test_the_content_decides_not_the_name(tmp_path, name):
    (tmp_path / name).write_bytes(encoded(quarters(), "PNG"))
    for photo in (tmp_path / name, str(tmp_path / name)):
        np.testing.assert_array_equal(read_photo(photo), quarters())


def test_a_kind_is_told_without_reading_the_picture(tmp_path):
    file = tmp_path / "a.jpg"
    for kind in "JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF":
        file.write_bytes(encoded(Image.new("RGB", (9, 9)), kind)[:40])
        assert images.detect_format(file) == kind
    for content in b"no picture", b"":
        file.write_bytes(content)
        assert images.detect_format(file) is None
    assert images.detect_format(tmp_path) is images.detect_format(tmp_path / "none.png") is None


def test_a_resized_photo_is_averaged_not_picked():
    checks = np.kron(np.indices((300, 400)).sum(0) % 2, np.ones((2, 2))).astype(np.uint8) * 255
    for kind in ("PNG", "JPEG"):
        small = read_photo(encoded(np.dstack([checks] * 3), kind), (50, 50))
        assert small.shape == (50, 50, 3)
        assert np.abs(small.astype(int) - 127).max() <= 12
    assert (
        read_photo(encoded(quarters()[:1, :1], "PNG"), (8, 8)).tolist()
        == np.full((8, 8, 3), RED).tolist()
    )


def half(content):
    return content[: len(content) // 2]


NOISE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
REFUSED = {
    "nothing": (b"", "empty file"),
    "half a jpeg": (half(encoded(np.tile(NOISE, (10, 10, 1)), "JPEG")), "cut short"),
    "a jpeg without its end": (encoded(NOISE, "JPEG")[:-200], "cut short"),
    "half a png": (half(encoded(NOISE, "PNG")), "cut short"),
    "half a gif": (half(encoded(NOISE, "GIF")), "cut short"),
    "half a webp": (half(encoded(NOISE, "WEBP")), "damaged or cut short"),
    "half a tiff": (half(encoded(NOISE, "TIFF", compression="tiff_lzw")), "damaged or cut short"),
    "a text": (b"two dogs run on the beach\n", "not a picture"),
    "a text that begins like a bitmap": (b"BMW and other cars stand in a row", "not a picture"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is not read: save it as JPEG"),
    "a bomb": (
        deep_png(np.zeros((1, 1, 1)), (30_000, 30_000)),
        r"too large: 30,000 x 30,000 pixels \(limit 120,000,000 pixels\)",
    ),
    "floating point": (
        encoded(Image.new("F", (4, 4)), "TIFF"),
        r"pixels of a kind that is not read \(F\)",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
@pytest.mark.parametrize("size", [None, (64, 64)])
def test_refused_with_the_reason(tmp_path, kind, size):
    content, reason = REFUSED[kind]
    (tmp_path / "photo.jpg").write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for photo in (content, tmp_path / "photo.jpg"):
            with pytest.raises(UnreadablePhoto, match=f"^{reason}$"):
                read_photo(photo, size)


def test_the_limit_is_of_pixels(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 48 * 64)
    read_photo(encoded(quarters(), "PNG"))
    with pytest.raises(UnreadablePhoto, match="too large: 64 x 49 pixels"):
        read_photo(encoded(np.zeros((49, 64, 3), np.uint8), "PNG"))


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    for place, reason in {
        "absent.jpg": "no such file",
        ".": "a folder, not a picture",
        "pipe.jpg": "not a file",
    }.items():
        with pytest.raises(UnreadablePhoto, match=f"^{reason}$"):
            read_photo(tmp_path / place)
    with pytest.raises(UnreadablePhoto, match=r"^file name too long$"):
        read_photo(tmp_path / ("x" * 300))


def test_without_rights(tmp_path, monkeypatch):
    """Rights are taken away by hand, because they do not bind the root user that tests may run as."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.png").write_bytes(encoded(quarters(), "PNG"))
    scan = os.scandir

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(
        os, "scandir", lambda path: refuse(path) if Path(path).name == "inner" else scan(path)
    )
    assert images.find_photos(tmp_path) == [tmp_path / "a.png", tmp_path / "inner"]
    for photo in images.find_photos(tmp_path):
        with pytest.raises(UnreadablePhoto, match=r"^no permission to read$"):
            read_photo(photo)
    with pytest.raises(PermissionError):
        images.find_photos(tmp_path / "inner")


def test_photos_in(tmp_path):
    names = [
        "b.JPG",
        "a.png",
        "deep/er/두 마리.webp",
        "deep/.hidden.jpg",
        ".cache/x.jpg",
        "notes.txt",
        "z.heic",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    seen = [str(path.relative_to(tmp_path)) for path in images.find_photos(tmp_path)]
    assert seen == ["a.png", "b.JPG", "deep/er/두 마리.webp", "z.heic"]
    with pytest.raises(FileNotFoundError):
        images.find_photos(tmp_path / "absent")


def test_save_writes_whole_or_not_at_all(tmp_path):
    images.save_picture(quarters(), tmp_path / "개.png")
    images.save_picture(quarters(), tmp_path / "개.jpg")
    np.testing.assert_array_equal(read_photo(tmp_path / "개.png"), quarters())
    assert farthest(read_photo(tmp_path / "개.jpg"), quarters()) <= 4
    with pytest.raises(ValueError, match=r"end the name in \.jpg or \.png"):
        images.save_picture(quarters(), tmp_path / "개.doc")
    with pytest.raises(TypeError):
        images.save_picture(np.zeros((2, 2, 7), np.complex64), tmp_path / "개.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["개.jpg", "개.png"]
    np.testing.assert_array_equal(read_photo(tmp_path / "개.png"), quarters())


def test_many_threads_read_the_same():
    contents = [content for content, _, _ in KINDS.values()] * 4
    alone = [read_photo(content, (32, 32)) for content in contents]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda content: read_photo(content, (32, 32)), contents))
    np.testing.assert_array_equal(together, alone)
