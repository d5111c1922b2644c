"""Photographs from files: the only module that opens, orients, checks and resizes pictures."""

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

from data.photos.reading import DEFAULT, Reading
from utils.addresses import AddressError, RemotePhoto
from utils.files import write_atomically

# A photo in memory, on a disk or at an address: a file, the bytes of one, pixels uint8 (H, W, 3), a
# Pillow image. A text is a path, never an address.
AnyPhoto = Path | RemotePhoto | str | bytes | np.ndarray | Image.Image

# A telephone's 108 megapixels pass; a PNG of this size takes 0.5 GB while it is decoded.
MAX_PIXELS = 120_000_000

# The first bytes decide the format, never the name. Pillow's classes are called directly, because
# Image.open has a limit of its own that warns or raises before the size is known, and that is set
# only for the whole process.
_FORMATS: dict[re.Pattern[bytes], type[ImageFile.ImageFile]] = {
    re.compile(rb"\xff\xd8\xff"): JpegImageFile,
    re.compile(rb"\x89PNG\r\n\x1a\n"): PngImageFile,
    re.compile(rb"GIF8[79]a"): GifImageFile,
    re.compile(rb"RIFF.{4}WEBP", re.DOTALL): WebPImageFile,
    # 'BM' alone also starts texts; the length of the header that follows does not.
    re.compile(rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL): BmpImageFile,
    re.compile(rb"II[*+]\0|MM\0[*+]"): TiffImageFile,
    re.compile(rb".{4}ftypavi[fs]", re.DOTALL): AvifImageFile,
}
_HEIC = re.compile(rb".{4}ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)
_SIGNATURE_SIZE = 18  # bytes that decide the format

# EXIF orientation → the transposition that turns the stored pixels upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_SIDEWAYS = 5  # from this orientation on, height and width are exchanged

# Large photos are first reduced by whole steps, to no less than this multiple of the target size.
_GAP = 2

# What Pillow warns of (a corrupt EXIF block, say) is read all the same, or refused below. The
# filter is by module, because warnings.catch_warnings is not safe among threads.
warnings.filterwarnings("ignore", module=r"PIL\.")


class UnreadablePhoto(ValueError):
    """A photo that cannot be used; `reason` says why, without the photo's name."""

    def __init__(self, reason: str, photo: str | None = None) -> None:
        """`photo` names the photo in the text, where the caller does not name it."""
        super().__init__(reason if photo is None else f"{photo}: {reason}")
        self.reason = reason


class UnreachablePhoto(UnreadablePhoto):
    """A photo that is missing, locked or on a failing disk now, and may be readable later."""


def read_photo(
    photo: Path | RemotePhoto | str | bytes,
    size: tuple[int, int] | None = None,
    reading: Reading = DEFAULT,
) -> np.ndarray:
    """Read a photo as a person sees it: upright RGB on white, uint8 (H, W, 3).

    Of an animation, the first frame is read. Colour profiles are not applied, as in the datasets
    from which the encoders learned. Safe to call from several threads.

    Args:
        photo: a file, on a disk or at an address, or the bytes of one.
        size: (height, width) to which the whole photo is squeezed, so that a map over the result
            lies linearly over the photo; None keeps the photo's own.
        reading: another preprocessing than that.

    Raises:
        UnreadablePhoto: it is no picture, damaged, too large, or may not be read.
    """
    with _open_stream(photo) as stream, _translate_errors():
        image = _read_header(stream)
        if isinstance(photo, RemotePhoto):
            photo.pixels = _find_upright_size(image)
        if size is not None and not reading.is_exact:
            # A JPEG can be decoded at 1/2, 1/4 or 1/8. The longer side counts for both, because the
            # orientation is not known yet.
            longest = _GAP * max(size)
            image.draft(None, (longest, longest))
        return _convert_to_pixels(image, size, reading)


def _convert_to_pixels(
    image: Image.Image, size: tuple[int, int] | None, reading: Reading
) -> np.ndarray:
    """Return a picture as upright RGB on white, uint8 (H, W, 3), at a size if one is given."""
    image.load()
    orientation = _read_orientation(image)
    rgb = _convert_to_rgb(image)
    if size is not None and not reading.is_exact:
        is_sideways = orientation >= _FIRST_SIDEWAYS
        rgb = _resize(rgb, size[::-1] if is_sideways else size)
    if orientation in _UPRIGHT:
        rgb = rgb.transpose(_UPRIGHT[orientation])
    if size is not None and reading.is_exact:
        rgb = reading.resize_exactly(rgb, size)
    return np.array(rgb)


def resize(pixels: np.ndarray, size: tuple[int, int], reading: Reading = DEFAULT) -> np.ndarray:
    """Bring pixels uint8 (H, W, 3) to size (height, width), exactly as `read_photo` does."""
    if pixels.shape[:2] == size:
        return pixels
    image = Image.fromarray(pixels)
    if reading.is_exact:
        return np.asarray(reading.resize_exactly(image, size))
    return np.asarray(_resize(image, size))


def load_pixels(
    photo: AnyPhoto,
    size: tuple[int, int],
    *,
    number: int = 1,
    read: Callable[..., np.ndarray] = read_photo,
    reading: Reading = DEFAULT,
) -> np.ndarray:
    """Return a photo in any form, at size (height, width).

    Args:
        number: the photo's place in a list, from 1: it names a photo without a path in errors.
        read: reads a file or the bytes of one.
    """
    name = f"photo {number}"
    if isinstance(photo, Path | RemotePhoto | str):
        name = str(photo)
    try:
        if isinstance(photo, Image.Image):
            with _translate_errors():
                _check_size(photo)
                return _convert_to_pixels(photo, size, reading)
        if not isinstance(photo, np.ndarray):
            return read(photo, size, reading)
    except UnreadablePhoto as error:
        raise type(error)(error.reason, name) from error
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or not photo.size:
        raise ValueError(
            f"{name}: pixels are uint8 of shape (H, W, 3), not {photo.dtype} of {photo.shape}"
        )
    return resize(photo, size, reading)


def detect_format(photo: Path) -> str | None:
    """Return the format of a picture by its first bytes: JPEG, PNG, GIF …, or None."""
    try:
        with _open_stream(photo) as stream:
            opener = _find_opener(stream.read(_SIGNATURE_SIZE))
    except UnreadablePhoto:
        return None
    return None if opener is None else opener.format


def read_longer_side(photo: Path) -> int:
    """Return the number of pixels of the photo's longer side; only its header is read."""
    with _open_stream(photo) as stream, _translate_errors():
        return max(_read_header(stream).size)


def read_size(photo: AnyPhoto) -> tuple[int, int]:
    """Return the (height, width) of the upright photo; of a file only the header is read."""
    if isinstance(photo, np.ndarray):
        return photo.shape[:2]
    if isinstance(photo, Image.Image):
        return _find_upright_size(photo)
    if isinstance(photo, RemotePhoto) and photo.pixels is not None:
        return photo.pixels
    with _open_stream(photo) as stream, _translate_errors():
        return _find_upright_size(_read_header(stream))


def _find_upright_size(image: Image.Image) -> tuple[int, int]:
    if _read_orientation(image) >= _FIRST_SIDEWAYS:
        return image.width, image.height
    return image.height, image.width


def save_picture(image: np.ndarray, path: Path) -> None:
    """Write uint8 (H, W, 3) in the format of the name's ending, or nothing; JPEG quality is 95."""
    format = Image.registered_extensions().get(path.suffix.lower())
    if format is None:
        raise ValueError(f"cannot save a picture as '{path.name}': end the name in .jpg or .png")
    with write_atomically(path) as temporary:
        Image.fromarray(image).save(temporary, format=format, quality=95)


def _open_stream(photo: Path | RemotePhoto | str | bytes) -> BinaryIO:
    stream: BinaryIO
    if isinstance(photo, bytes):
        stream = io.BytesIO(photo)
    elif isinstance(photo, RemotePhoto):
        stream = io.BytesIO(_fetch(photo))
    else:
        stream = _open_file(Path(photo))
    if stream.seek(0, os.SEEK_END) == 0:
        stream.close()
        raise UnreadablePhoto("empty file")
    stream.seek(0)
    return stream


def _fetch(photo: RemotePhoto) -> bytes:
    try:
        return photo.read_bytes()
    except AddressError as error:
        raise UnreachablePhoto(error.reason) from error


def _open_file(path: Path) -> BinaryIO:
    if "\0" in str(path):
        raise UnreadablePhoto("no such file")
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            os.scandir(path).close()  # raises if there is no permission to read the folder
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
def _translate_errors() -> Iterator[None]:
    """Raise Pillow's errors as UnreadablePhoto."""
    try:
        yield
    except UnreadablePhoto:
        raise
    except MemoryError:
        raise UnreadablePhoto("too large for this machine's memory") from None
    except Image.DecompressionBombError:
        raise UnreadablePhoto(f"too large (limit {MAX_PIXELS:,} pixels)") from None
    except Exception as error:  # for a damaged file Pillow raises even struct.error and KeyError
        is_truncated = isinstance(error, EOFError) or "truncated" in str(error).lower()
        reason = "cut short" if is_truncated else "damaged or cut short"
        raise UnreadablePhoto(reason) from error


def _find_opener(start: bytes) -> type[ImageFile.ImageFile] | None:
    """Return Pillow's class for a file that starts with these bytes, or None."""
    for signature, opener in _FORMATS.items():
        if signature.match(start):
            return opener
    return None


def _read_header(stream: BinaryIO) -> ImageFile.ImageFile:
    """Return the picture with only its header read, after checking its size."""
    start = stream.read(_SIGNATURE_SIZE)
    stream.seek(0)
    opener = _find_opener(start)
    if opener is None and _HEIC.match(start):
        raise UnreadablePhoto("HEIC is not read: save it as JPEG")
    if opener is None:
        raise UnreadablePhoto("not a picture")
    image = opener(stream)
    _check_size(image)
    return image


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadablePhoto(
            f"too large: {image.width:,} x {image.height:,} pixels (limit {MAX_PIXELS:,} pixels)"
        )


def _read_orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8, of the pixels in a loaded picture.

    Loading a TIFF turns it, and removes the tag.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # a corrupt EXIF block: viewers show such a photo as it is stored
        return 1
    return orientation if orientation in _UPRIGHT else 1


def _resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    return image.resize(size[::-1], Image.Resampling.BILINEAR, reducing_gap=_GAP)


def _convert_to_rgb(image: Image.Image) -> Image.Image:
    """Return the picture as 8-bit RGB; transparent parts become white."""
    if image.mode.startswith("I"):
        image = _reduce_to_8_bits(image)
    if image.mode in ("F", "LAB"):
        raise UnreadablePhoto(f"pixels of a kind that is not read ({image.mode})")
    if not image.has_transparency_data:
        return image.convert("RGB")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image.convert("RGBA"))
    return white.convert("RGB")


def _reduce_to_8_bits(image: Image.Image) -> Image.Image:
    """Return a grey picture of 16 bits in 8 bits, rounded."""
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65_535:
        raise UnreadablePhoto("32-bit pixels, which no two viewers show alike")
    rounded = (values.astype(np.uint32) + 128) // 257
    return Image.fromarray(rounded.astype(np.uint8))
