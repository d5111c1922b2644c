"""Photographs from files: the only place where a picture is opened, oriented, checked and resized."""

import io
import os
import re
import stat
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import ExifTags, Image, ImageFile
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from utils.files import write_atomically

# The largest photo that is opened: a telephone's 108 megapixels pass, and such a PNG takes 0.5 GB while it is decoded.
MAX_PIXELS = 120_000_000

# .heic is listed although it cannot be read: such photos are then named and counted, not passed over in silence.
PHOTO_ENDINGS = (
    ".avif",
    ".bmp",
    ".gif",
    ".heic",
    ".jpeg",
    ".jpg",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)

# The kind is told by the first bytes, never by the name. Pillow's classes are called directly because Image.open has
# a limit of its own that warns or raises before the size is known, and that is set only for the whole process.
_KINDS: dict[re.Pattern[bytes], type[ImageFile.ImageFile]] = {
    re.compile(rb"\xff\xd8\xff"): JpegImageFile,
    re.compile(rb"\x89PNG\r\n\x1a\n"): PngImageFile,
    re.compile(rb"GIF8[79]a"): GifImageFile,
    re.compile(rb"RIFF.{4}WEBP", re.DOTALL): WebPImageFile,
    # 'BM' alone also begins texts; the length of the header that follows does not.
    re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL): BmpImageFile,
    re.compile(rb"II[*+]\0|MM\0[*+]"): TiffImageFile,
    re.compile(rb".{4}ftypavi[fs]", re.DOTALL): AvifImageFile,
}
_HEIC = re.compile(rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)

# EXIF's orientation → what turns the stored pixels upright; from 5 on the stored photo lies on its side.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

_GAP = 2  # large photos are first reduced by whole steps, but to no less than this many times the size asked for

# What Pillow warns of (a corrupt EXIF block, say) is read all the same or refused below. A filter by module, because
# warnings.catch_warnings is not safe among threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class UnreadablePhoto(ValueError):
    """A photo that cannot be used; the text is the reason in a few words, without the photo's name."""


class UnreachablePhoto(UnreadablePhoto):
    """A photo that the system does not hand out now: gone, locked, on a disk that fails. It may be there again later."""


def read_photo(photo: Path | str | bytes, size: tuple[int, int] | None = None) -> np.ndarray:
    """The photo as a person sees it: upright RGB on white, uint8 (H, W, 3); of an animation the first frame.

    Colour profiles are not applied: the datasets that the encoders learned from were read without them too.
    Safe to call from several threads.

    Args:
        photo: a file, or the bytes of one.
        size: (height, width) that the whole photo is squeezed to, so that a map over the result lies linearly over
            the photo; None keeps the photo's own.
    Raises:
        UnreadablePhoto: it is no picture, damaged, too large, or may not be read.
    """
    with _stream(photo) as stream, _refusals():
        image = _header(stream)
        if size is not None:
            # A JPEG is decoded at 1/2, 1/4 or 1/8. The longer side both ways: which way is up is not known yet.
            image.draft(None, (_GAP * max(size), _GAP * max(size)))
        image.load()
        orientation = _orientation(image)
        flat = _rgb(image)
        if size is not None:
            flat = _resized(flat, size if orientation < 5 else size[::-1])
        return np.array(flat.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else flat)


def resize(pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels uint8 (H, W, 3) squeezed to size (height, width), just as `read` does it."""
    return (
        pixels if pixels.shape[:2] == size else np.asarray(_resized(Image.fromarray(pixels), size))
    )


def load_pixels(
    photo: Path | str | bytes | np.ndarray,
    size: tuple[int, int],
    *,
    read: Callable[..., np.ndarray] = read_photo,
) -> np.ndarray:
    """A photo, or the uint8 pixels (H, W, 3) of one, squeezed to size (height, width): pixels just as a file's are."""
    if not isinstance(photo, np.ndarray):
        return read(photo, size)
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(f"pixels are uint8 of shape (H, W, 3), not {photo.dtype} of {photo.shape}")
    return resize(photo, size)


def detect_format(photo: Path) -> str | None:
    """What kind of picture a file's first bytes are of: JPEG, PNG, GIF …; None where they are of none, or not to be had."""
    try:
        with _stream(photo) as stream:
            start = stream.read(18)
    except UnreadablePhoto:
        return None
    return next(
        (opened.format for signature, opened in _KINDS.items() if signature.match(start)), None
    )


def read_longer_side(photo: Path) -> int:
    """How many pixels the photo's longer side has; no more than its header is read."""
    with _stream(photo) as stream, _refusals():
        return max(_header(stream).size)


def find_photos(folder: Path) -> list[Path]:
    """The photos under a folder by their endings, sorted; what is hidden (.name) is left out.

    A folder inside it that may not be opened is listed too, so that `read` refuses it by name.
    """
    found: list[Path] = []

    def closed(error: OSError) -> None:
        if Path(error.filename) == Path(folder):
            raise error
        found.append(Path(error.filename))

    for place, inner, names in os.walk(folder, onerror=closed):
        inner[:] = [name for name in inner if not name.startswith(".")]
        found += [
            Path(place, name)
            for name in names
            if name.lower().endswith(PHOTO_ENDINGS) and not name.startswith(".")
        ]
    return sorted(found)


def save_picture(image: np.ndarray, path: Path) -> None:
    """Writes uint8 (H, W, 3) as the kind that the ending names, whole or not at all; a JPEG at quality 95."""
    format = Image.registered_extensions().get(path.suffix.lower())
    if format is None:
        raise ValueError(f"cannot save a picture as '{path.name}': end the name in .jpg or .png")
    with write_atomically(path) as temporary:
        Image.fromarray(image).save(temporary, format=format, quality=95)


def _stream(photo: Path | str | bytes) -> BinaryIO:
    """The photo's bytes as a stream; refused where there are none to be had."""
    stream = io.BytesIO(photo) if isinstance(photo, bytes) else _file(Path(photo))
    if stream.seek(0, os.SEEK_END) == 0:
        stream.close()
        raise UnreadablePhoto("empty file")
    stream.seek(0)
    return stream


def _file(path: Path) -> BinaryIO:
    """The opened file."""
    if "\0" in str(path):
        raise UnreadablePhoto("no such file")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()  # a folder without rights is refused for that, below
            raise UnreadablePhoto("a folder, not a picture")
        if not stat.S_ISREG(mode):
            raise UnreadablePhoto("not a file")  # opening a pipe would wait for ever
        return path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise UnreachablePhoto("no such file") from None
    except PermissionError:
        raise UnreachablePhoto("no permission to read") from None
    except OSError as error:
        raise UnreachablePhoto((error.strerror or str(error)).lower()) from error


@contextmanager
def _refusals() -> Iterator[None]:
    """Says what goes wrong in Pillow as an UnreadablePhoto."""
    try:
        yield
    except UnreadablePhoto:
        raise
    except MemoryError:
        raise UnreadablePhoto("too large for this machine's memory") from None
    except Image.DecompressionBombError:
        raise UnreadablePhoto(f"too large (limit {MAX_PIXELS:,} pixels)") from None
    except Exception as error:  # a damaged file makes Pillow raise nearly anything, struct.error and KeyError included
        cut = isinstance(error, EOFError) or "truncated" in str(error).lower()
        raise UnreadablePhoto("cut short" if cut else "damaged or cut short") from error


def _header(stream: BinaryIO) -> ImageFile.ImageFile:
    """The picture, of which nothing but the header is read yet."""
    start = stream.read(18)
    stream.seek(0)
    opened = next((kind for signature, kind in _KINDS.items() if signature.match(start)), None)
    if opened is None:
        raise UnreadablePhoto(
            "HEIC is not read: save it as JPEG" if _HEIC.match(start) else "not a picture"
        )
    image = opened(stream)
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePhoto(
            f"too large: {image.width:,} x {image.height:,} pixels (limit {MAX_PIXELS:,} pixels)"
        )
    return image


def _orientation(image: Image.Image) -> int:
    """EXIF's orientation, 1 to 8. Asked after loading, since Pillow turns a TIFF itself and forgets the tag then."""
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a corrupt EXIF block: viewers show such a photo as it is stored
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The picture squeezed to size (height, width)."""
    return image.resize(size[::-1], Image.Resampling.BILINEAR, reducing_gap=_GAP)


def _rgb(image: Image.Image) -> Image.Image:
    """The picture as 8-bit RGB, what is transparent laid on white."""
    if image.mode.startswith("I"):
        values = np.asarray(image)
        if values.min() < 0 or values.max() > 65_535:
            raise UnreadablePhoto("32-bit pixels, which no viewer shows alike")
        image = Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))
    if image.mode in ("F", "LAB"):
        raise UnreadablePhoto(f"pixels of a kind that is not read ({image.mode})")
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")
