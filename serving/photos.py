"""Photos in requests: raw bytes, forms, base64 and data URLs."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from starlette.datastructures import UploadFile

from serving.errors import Refusal
from serving.options import MOST_PHOTOS

FORM = "multipart/form-data"
_DATA_URL = re.compile(r"data:[^,;]*(?:;[^,;]+)*;base64,", re.IGNORECASE)
_SHOWN = 40  # characters of a wrong text in an error
# The body of a request, for the description of the routes.
PHOTO_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "image/*": {"schema": {"type": "string", "format": "binary"}},
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
PHOTOS_BODY: dict[str, Any] = {
    "required": True,
    "content": PHOTO_BODY["content"]
    | {
        FORM: {
            "schema": {
                "type": "object",
                "properties": {
                    "photo": {
                        "type": "array",
                        "items": {"type": "string", "format": "binary"},
                        "maxItems": MOST_PHOTOS,
                    }
                },
            }
        }
    },
}


@dataclass(frozen=True)
class SentPhoto:
    """A photo as it was sent."""

    name: str
    content: bytes


def is_form(request: Request) -> bool:
    """Return whether a request is a form, which may hold several photos."""
    return request.headers.get("content-type", "").lower().startswith(FORM)


async def read_raw_photo(request: Request) -> bytes:
    """Return the photo that is the whole body of a request."""
    photo = await request.body()
    if not photo:
        raise Refusal(400, "no photo in the request; send its bytes, or a form with photos")
    return photo


async def read_form_photos(request: Request) -> list[SentPhoto]:
    """Return the photos of a form, in the order in which they were sent."""
    photos = []
    async with request.form(max_files=MOST_PHOTOS, max_fields=MOST_PHOTOS) as form:
        for _, value in form.multi_items():
            if isinstance(value, UploadFile):
                photos.append(SentPhoto(value.filename or "", await value.read()))
    if not photos:
        raise Refusal(
            400, "no photo in the form; send it as a file, such as curl -F photo=@photo.jpg"
        )
    return photos


def decode_base64(text: str, name: str) -> bytes:
    """Return the photo of a base64 text; a data URL is taken too. `name` is for errors."""
    match = _DATA_URL.match(text)
    if match is not None:
        text = text[match.end() :]
    try:
        photo = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Refusal(
            400, f"{name} must be base64 of a photo's file (got {text[:_SHOWN]!r})"
        ) from None
    if not photo:
        raise Refusal(400, f"{name} is empty; send base64 of a photo's file")
    return photo


def decode_data_url(url: str, name: str) -> bytes:
    """Return the photo of a data URL. No address is opened. `name` is for errors."""
    if _DATA_URL.match(url) is None:
        raise Refusal(
            400,
            f"{name} must be a data URL, data:image/jpeg;base64,…; this server opens no addresses "
            f"(got {url[:_SHOWN]!r})",
        )
    return decode_base64(url, name)


def limit_photos(number: int) -> None:
    """Refuse a request with too many photos."""
    if number > MOST_PHOTOS:
        raise Refusal(400, f"a request may have {MOST_PHOTOS} photos (got {number}); send several")
