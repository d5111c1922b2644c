"""Every kind of picture is read as a person sees it, or refused with the reason."""

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
from data.photos.folders import find_photos
from data.photos.images import UnreadablePhoto, read_photo

RED, GREEN, BLUE, GREY = (220, 30, 20), (20, 160, 40), (30, 40, 200), (128, 128, 128)


def make_quarters(height=48, width=64):
    """Return quarters of red and green over blue and grey, different in every orientation."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[: height // 2, : width // 2], picture[: height // 2, width // 2 :] = RED, GREEN
    picture[height // 2 :, : width // 2], picture[height // 2 :, width // 2 :] = BLUE, GREY
    return picture


def encode(picture, kind, **settings):
    buffer = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


def make_deep_png(values, size=None):
    """Return a PNG of 16 bits a channel, (H, W, channels); Pillow writes only grey ones."""
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


def measure_difference(seen, wanted):
    """Return the largest difference, but not at the edges, where JPEG blends the colours."""
    height, width = wanted.shape[:2]
    assert seen.shape == wanted.shape
    assert seen.dtype == np.uint8
    difference = np.abs(seen.astype(int) - wanted.astype(int))
    tall, wide = height // 2, width // 2
    corners = [(y, x) for y in (4, tall + 4) for x in (4, wide + 4)]
    return max(difference[y : y + tall - 8, x : x + wide - 8].max() for y, x in corners)


def make_palette(transparent=None):
    picture = Image.new("P", (64, 48))
    picture.putpalette([*RED, *GREEN, *BLUE, *GREY])
    picture.putdata([(x >= 32) + 2 * (y >= 24) for y in range(48) for x in range(64)])
    return encode(picture, "PNG", **({} if transparent is None else {"transparency": transparent}))


def add_alpha(alpha):
    return np.dstack([make_quarters(), np.broadcast_to(np.uint8(alpha), (48, 64))])


def blend_on_white(alpha):
    share = np.broadcast_to(np.asarray(alpha, float), (48, 64))[..., None] / 255
    return (make_quarters() * share + 255 * (1 - share)).round().astype(np.uint8)


LEFT_CLEAR = np.where(np.arange(64) < 32, 0, 255)
GREY_STEPS = np.repeat(np.repeat(np.uint8([[10, 90], [170, 250]]), 24, axis=0), 32, axis=1)
GREY_SEEN = np.dstack([GREY_STEPS] * 3)
OPAQUE = np.full((48, 64), 255)
DEEP = make_quarters().astype(np.uint16) * 257
INK = np.kron([[0, 1], [1, 0]], np.ones((24, 32), int)).astype(bool)
RED_CLEAR = np.where(
    ((np.arange(48) < 24)[:, None] & (np.arange(64) < 32))[..., None], 255, make_quarters()
).astype(np.uint8)


def make_cmyk(adobe):
    """Return the quarters as a CMYK JPEG with or without Adobe's mark; browsers show the same."""
    inks = np.dstack([255 - make_quarters(), np.zeros((48, 64), np.uint8)])
    content = encode(Image.fromarray(inks, "CMYK"), "JPEG", quality=95)
    start = content.index(b"\xff\xee\x00\x0eAdobe")
    return content if adobe else content[:start] + content[start + 16 :]


def make_animation():
    frames = [
        Image.fromarray(picture) for picture in (make_quarters(), np.zeros((48, 64, 3), np.uint8))
    ]
    return encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)


KINDS = {
    "png": (encode(make_quarters(), "PNG"), make_quarters(), 0),
    "jpeg": (encode(make_quarters(), "JPEG", quality=95), make_quarters(), 4),
    "progressive jpeg": (
        encode(make_quarters(), "JPEG", quality=95, progressive=True),
        make_quarters(),
        4,
    ),
    "grey jpeg": (encode(GREY_STEPS, "JPEG", quality=95), GREY_SEEN, 4),
    "cmyk jpeg": (make_cmyk(True), make_quarters(), 6),
    "cmyk jpeg without the mark": (make_cmyk(False), make_quarters(), 6),
    "bmp": (encode(make_quarters(), "BMP"), make_quarters(), 0),
    "tiff": (encode(make_quarters(), "TIFF"), make_quarters(), 0),
    "packed tiff": (encode(make_quarters(), "TIFF", compression="tiff_lzw"), make_quarters(), 0),
    "webp": (encode(make_quarters(), "WEBP", lossless=True), make_quarters(), 0),
    "webp with alpha": (
        encode(add_alpha(LEFT_CLEAR), "WEBP", lossless=True, exact=True),
        blend_on_white(LEFT_CLEAR),
        0,
    ),
    "avif": (encode(make_quarters(), "AVIF", quality=95), make_quarters(), 8),
    "animated gif": (make_animation(), make_quarters(), 0),
    "1 bit": (encode(INK, "PNG"), np.dstack([INK * np.uint8(255)] * 3), 0),
    "grey": (encode(GREY_STEPS, "PNG"), GREY_SEEN, 0),
    "grey and alpha": (
        encode(np.dstack([GREY_STEPS, GREY_STEPS * 0]), "PNG"),
        GREY_SEEN * 0 + 255,
        0,
    ),
    "half clear": (encode(add_alpha(128), "PNG"), blend_on_white(128), 1),
    "palette": (make_palette(), make_quarters(), 0),
    "palette, one colour clear": (make_palette(0), RED_CLEAR, 0),
    "palette, alpha a colour": (make_palette(bytes([0, 255, 255, 255])), RED_CLEAR, 0),
    "16-bit grey": (make_deep_png(GREY_STEPS[..., None].astype(np.uint16) * 257), GREY_SEEN, 0),
    "16-bit grey and alpha": (
        make_deep_png(np.dstack([GREY_STEPS, OPAQUE]).astype(np.uint16) * 257),
        GREY_SEEN,
        0,
    ),
    "16-bit rgb": (make_deep_png(DEEP), make_quarters(), 0),
    "16-bit rgb and alpha": (
        make_deep_png(add_alpha(LEFT_CLEAR).astype(np.uint16) * 257),
        blend_on_white(LEFT_CLEAR),
        0,
    ),
    "16-bit grey tiff": (encode(GREY_STEPS.astype(np.uint16) * 257, "TIFF"), GREY_SEEN, 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_read_as_a_person_sees_it(kind):
    content, seen, tolerance = KINDS[kind]
    assert measure_difference(read_photo(content), seen) <= tolerance
    assert measure_difference(read_photo(content, (24, 32)), seen[::2, ::2]) <= tolerance


TURNS = {  # EXIF's orientation → how the camera stores the upright picture
    1: np.asarray,
    2: np.fliplr,
    3: lambda picture: np.rot90(picture, 2),
    4: np.flipud,
    5: lambda picture: np.swapaxes(picture, 0, 1),
    6: np.rot90,
    7: lambda picture: np.rot90(np.swapaxes(picture, 0, 1), 2),
    8: lambda picture: np.rot90(picture, -1),
}


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_rotation_is_undone(turn, kind):
    exif = Image.Exif()
    exif[0x0112] = turn
    stored = np.ascontiguousarray(TURNS[turn](make_quarters(480, 640)))
    content = encode(
        stored, kind, exif=exif, **({"quality": 95} if kind in ("JPEG", "WEBP") else {})
    )
    assert measure_difference(read_photo(content), make_quarters(480, 640)) <= 12
    assert measure_difference(read_photo(content, (48, 64)), make_quarters()) <= 12


def test_a_corrupt_exif_block_is_ignored_without_warning(tmp_path):
    content = encode(
        make_quarters(), "JPEG", quality=95, exif=b"Exif\0\0II*\0\xff\xff\xff\xff junk"
    )
    (tmp_path / "photo.jpg").write_bytes(content)
    command = (
        "import sys\n"
        "from data.photos.images import read_photo\n"
        "print(read_photo(sys.argv[1]).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-c", command, tmp_path / "photo.jpg"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("(48, 64, 3)\n", "")


@pytest.mark.parametrize(
    "name", ["a.jpg", "two dogs.JPG", "강아지 사진.jpg", "no ending", "photo.gif"]
)
def test_the_content_decides_not_the_name(tmp_path, name):
    (tmp_path / name).write_bytes(encode(make_quarters(), "PNG"))
    for photo in (tmp_path / name, str(tmp_path / name)):
        np.testing.assert_array_equal(read_photo(photo), make_quarters())


def test_the_format_is_detected_by_the_first_bytes(tmp_path):
    file = tmp_path / "a.jpg"
    for kind in "JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF":
        file.write_bytes(encode(Image.new("RGB", (9, 9)), kind)[:40])
        assert images.detect_format(file) == kind
    for content in b"no picture", b"":
        file.write_bytes(content)
        assert images.detect_format(file) is None
    assert images.detect_format(tmp_path) is images.detect_format(tmp_path / "none.png") is None


def test_a_resized_photo_is_averaged_not_picked():
    checks = np.kron(np.indices((300, 400)).sum(0) % 2, np.ones((2, 2))).astype(np.uint8) * 255
    for kind in ("PNG", "JPEG"):
        small = read_photo(encode(np.dstack([checks] * 3), kind), (50, 50))
        assert small.shape == (50, 50, 3)
        assert np.abs(small.astype(int) - 127).max() <= 12
    assert (
        read_photo(encode(make_quarters()[:1, :1], "PNG"), (8, 8)).tolist()
        == np.full((8, 8, 3), RED).tolist()
    )


def cut_in_half(content):
    return content[: len(content) // 2]


NOISE = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
REFUSED = {
    "nothing": (b"", "empty file"),
    "half a jpeg": (cut_in_half(encode(np.tile(NOISE, (10, 10, 1)), "JPEG")), "cut short"),
    "a jpeg without its end": (encode(NOISE, "JPEG")[:-200], "cut short"),
    "half a png": (cut_in_half(encode(NOISE, "PNG")), "cut short"),
    "half a gif": (cut_in_half(encode(NOISE, "GIF")), "cut short"),
    "half a webp": (cut_in_half(encode(NOISE, "WEBP")), "damaged or cut short"),
    "half a tiff": (
        cut_in_half(encode(NOISE, "TIFF", compression="tiff_lzw")),
        "damaged or cut short",
    ),
    "a text": (b"two dogs run on the beach\n", "not a picture"),
    "a text that begins like a bitmap": (b"BMW and other cars stand in a row", "not a picture"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC is not read: save it as JPEG"),
    "a bomb": (
        make_deep_png(np.zeros((1, 1, 1)), (30_000, 30_000)),
        r"too large: 30,000 x 30,000 pixels \(limit 120,000,000 pixels\)",
    ),
    "floating point": (
        encode(Image.new("F", (4, 4)), "TIFF"),
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


def test_the_size_limit_counts_pixels(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 48 * 64)
    read_photo(encode(make_quarters(), "PNG"))
    with pytest.raises(UnreadablePhoto, match="too large: 64 x 49 pixels"):
        read_photo(encode(np.zeros((49, 64, 3), np.uint8), "PNG"))


def test_folders_pipes_and_missing_files_are_refused(tmp_path):
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


def test_missing_permission_is_reported(tmp_path, monkeypatch):
    """The system's answer is simulated, because root may read everything."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "a.png").write_bytes(encode(make_quarters(), "PNG"))
    scan = os.scandir

    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(
        os, "scandir", lambda path: refuse(path) if Path(path).name == "inner" else scan(path)
    )
    assert find_photos(tmp_path) == [tmp_path / "a.png", tmp_path / "inner"]
    for photo in find_photos(tmp_path):
        with pytest.raises(UnreadablePhoto, match=r"^no permission to read$"):
            read_photo(photo)
    with pytest.raises(PermissionError):
        find_photos(tmp_path / "inner")


def test_a_picture_is_saved_completely_or_not_at_all(tmp_path):
    images.save_picture(make_quarters(), tmp_path / "개.png")
    images.save_picture(make_quarters(), tmp_path / "개.jpg")
    np.testing.assert_array_equal(read_photo(tmp_path / "개.png"), make_quarters())
    assert measure_difference(read_photo(tmp_path / "개.jpg"), make_quarters()) <= 4
    with pytest.raises(ValueError, match=r"end the name in \.jpg or \.png"):
        images.save_picture(make_quarters(), tmp_path / "개.doc")
    with pytest.raises(TypeError):
        images.save_picture(np.zeros((2, 2, 7), np.complex64), tmp_path / "개.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["개.jpg", "개.png"]
    np.testing.assert_array_equal(read_photo(tmp_path / "개.png"), make_quarters())


def test_many_threads_read_the_same():
    contents = [content for content, _, _ in KINDS.values()] * 4
    alone = [read_photo(content, (32, 32)) for content in contents]
    with ThreadPoolExecutor(8) as threads:
        together = list(threads.map(lambda content: read_photo(content, (32, 32)), contents))
    np.testing.assert_array_equal(together, alone)
