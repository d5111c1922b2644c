"""The routes of OpenAI's API that photo programs use: chat completions and the list of models.

The server has one model, so `model` may be anything. A captioner follows no instructions: texts
and options are ignored.
"""

import json
import time
import uuid
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from serving.errors import Refusal
from serving.json_bodies import describe_body, read_json, write_curl
from serving.photos import decode_data_url, limit_photos
from serving.service import get_service

STREAM = "text/event-stream"
NO_PHOTO = (
    "this model captions photos and answers no text; send a photo as a data URL in a content "
    "part of type image_url"
)
NO_JSON = "this model writes captions and no JSON; omit `response_format`"
OWNER = "image-captioning"
EXAMPLE = (
    '{"messages": [{"role": "user", "content": [{"type": "image_url", '
    '"image_url": {"url": "data:image/jpeg;base64,%s"}}]}]}'
)


class ImageAddress(BaseModel):
    """The data URL of a photo."""

    url: str


class ContentPart(BaseModel):
    """A part of a message: a text or a photo."""

    type: str
    text: str | None = None
    image_url: ImageAddress | None = None


class CompletionMessage(BaseModel):
    """A message, which may have photos."""

    role: str = "user"
    content: str | list[ContentPart] | None = None

    @property
    def photos(self) -> list[str]:
        """Return the data URLs of the photos."""
        if not isinstance(self.content, list):
            return []
        return [part.image_url.url for part in self.content if part.image_url is not None]


class StreamOptions(BaseModel):
    """The parts of a stream besides the caption."""

    include_usage: bool = False


class ResponseFormat(BaseModel):
    """The form of the answer."""

    type: str = "text"


class CompletionRequest(BaseModel):
    """Messages; the photos of the last message with photos are captioned."""

    model: str = ""
    messages: list[CompletionMessage]
    n: int | None = None
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    response_format: ResponseFormat | None = None


REQUESTS = (CompletionRequest,)
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, STREAM: {}}, "description": "As OpenAI answers."},
    400: {"description": "The request is not of this form."},
    422: {"description": "The photo cannot be read."},
    503: {"description": "Loading, or busy; see the header Retry-After."},
}
router = APIRouter(tags=["OpenAI"])


@router.post(
    "/v1/chat/completions",
    summary="Caption photos, as OpenAI does",
    response_model=None,
    responses=ANSWERS,
    openapi_extra={
        "requestBody": describe_body(CompletionRequest),
        "x-curl": write_curl(EXAMPLE, "/v1/chat/completions"),
    },
)
async def complete(request: Request) -> Response:
    """The photos of the last message with photos are captioned. They must be data URLs."""
    asked = await read_json(request, CompletionRequest)
    _check(asked)
    urls = next((each.photos for each in reversed(asked.messages) if each.photos), [])
    if not urls:
        raise Refusal(400, NO_PHOTO)
    limit_photos(len(urls))
    photos = [decode_data_url(url, f"image_url {place}") for place, url in enumerate(urls, start=1)]
    service = get_service(request)
    answers = await service.caption_all(photos)
    text = "\n".join(answer.text for answer in answers)
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "object": "chat.completion.chunk" if asked.stream else "chat.completion",
        "created": int(time.time()),
        "model": service.name,
    }
    usage = _count(text)
    if asked.stream:
        with_usage = asked.stream_options is not None and asked.stream_options.include_usage
        return _make_stream(head, text, usage if with_usage else None)
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return JSONResponse(head | {"choices": [choice], "usage": usage})


def _check(asked: CompletionRequest) -> None:
    """Refuse what a captioner cannot do, if leaving it out would change the answer's form."""
    if asked.n not in (None, 1):
        raise Refusal(400, f"n must be 1 (got {asked.n})")
    if asked.response_format is not None and asked.response_format.type != "text":
        raise Refusal(400, NO_JSON)


def _make_stream(head: dict[str, Any], text: str, usage: dict[str, int] | None) -> Response:
    """Return the caption as server-sent events."""
    delta = {"role": "assistant", "content": text}
    events = [
        head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        head | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    if usage is not None:
        events.append(head | {"choices": [], "usage": usage})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return Response("".join([*lines, "data: [DONE]\n\n"]), media_type=STREAM)


def _count(text: str) -> dict[str, int]:
    """Return the number of words; prompts are not read."""
    words = len(text.split())
    return {"prompt_tokens": 0, "completion_tokens": words, "total_tokens": words}


@router.get(
    "/v1/models",
    summary="List the model, as OpenAI does",
    openapi_extra={"x-curl": "curl http://127.0.0.1:8000/v1/models"},
)
async def list_models(request: Request) -> dict[str, Any]:
    """The list has one model: the run."""
    return {"object": "list", "data": [_describe_model(get_service(request).name)]}


@router.get(
    "/v1/models/{name:path}",
    summary="Describe the model, as OpenAI does",
    responses={404: {"description": "There is no such model."}},
    openapi_extra={"x-curl": "curl http://127.0.0.1:8000/v1/models/NAME"},
)
async def describe(request: Request, name: str) -> dict[str, Any]:
    """The name is that of the run."""
    served = get_service(request).name
    if name != served:
        raise Refusal(404, f"no model {name!r}; this server has {served!r}")
    return _describe_model(served)


def _describe_model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": OWNER}
