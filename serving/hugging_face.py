"""The route of Hugging Face's Inference API: image-to-text, or image-classification.

client = huggingface_hub.InferenceClient(model="http://127.0.0.1:8000/models/NAME")
client.image_to_text("photo.jpg").generated_text
"""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from data.photos.images import UnreadablePhoto
from serving.json_bodies import describe_body, read_json
from serving.model import CaptionAnswer
from serving.photos import PHOTO_BODY, decode_base64, read_raw_photo
from serving.service import get_service, refuse_photo


class InferenceRequest(BaseModel):
    """A photo as base64; parameters are ignored."""

    inputs: str


class GeneratedText(BaseModel):
    """A caption."""

    generated_text: str


class LabelScore(BaseModel):
    """A class with its probability."""

    label: str
    score: float


REQUESTS = (InferenceRequest,)
BODY: dict[str, Any] = {
    "required": True,
    "content": PHOTO_BODY["content"] | describe_body(InferenceRequest)["content"],
}
router = APIRouter(tags=["Hugging Face"])


@router.post(
    "/models/{name:path}",
    summary="Caption a photo or name its classes, as Hugging Face does",
    responses={
        400: {"description": "The request is not of this form."},
        422: {"description": "The photo cannot be read."},
        503: {"description": "Loading, or busy; see the header Retry-After."},
    },
    openapi_extra={
        "requestBody": BODY,
        "x-curl": "curl --data-binary @photo.jpg http://127.0.0.1:8000/models/NAME",
    },
)
async def infer(request: Request, name: str) -> list[GeneratedText] | list[LabelScore]:
    """Send the bytes of a photo, or JSON with base64. The name may be anything."""
    if request.headers.get("content-type", "").lower().startswith("application/json"):
        asked = await read_json(request, InferenceRequest)
        photo = decode_base64(asked.inputs, "inputs")
    else:
        photo = await read_raw_photo(request)
    (answer,) = await get_service(request).answer_all([photo], None)
    if isinstance(answer, UnreadablePhoto):
        raise refuse_photo(answer)
    if isinstance(answer, CaptionAnswer):
        return [GeneratedText(generated_text=answer.text)]
    return [LabelScore(label=label, score=score) for label, score in answer.classes]
