"""The routes of Ollama's API that photo programs use (https://docs.ollama.com/api).

The server has one model, so `model` may be anything. A captioner follows no instructions: prompts
and options are ignored.
"""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from serving.errors import Refusal
from serving.json_bodies import describe_body, read_json, write_curl
from serving.photos import decode_base64, limit_photos
from serving.service import Service, get_service
from utils.version import VERSION

STREAM = "application/x-ndjson"
NO_PHOTO = "this model captions photos and answers no text; send a photo as base64 in `images`"
NO_JSON = "this model writes captions and no JSON; omit `format`"
_DIGEST = "0" * 64  # that of a model file, which a run does not have


class GenerateRequest(BaseModel):
    """A prompt with photos."""

    model: str = ""
    prompt: str = ""
    images: list[str] | None = None
    stream: bool = True
    format: str | dict[str, Any] | None = None


class ChatMessage(BaseModel):
    """A message, which may have photos."""

    role: str = "user"
    content: str = ""
    images: list[str] | None = None


class ChatRequest(BaseModel):
    """Messages; the photos of the last message with photos are captioned."""

    model: str = ""
    messages: list[ChatMessage]
    stream: bool = True
    format: str | dict[str, Any] | None = None


class ShowRequest(BaseModel):
    """The name of a model."""

    model: str = ""


REQUESTS = (GenerateRequest, ChatRequest, ShowRequest)
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {}, STREAM: {}}, "description": "As Ollama answers."},
    400: {"description": "The request is not of this form."},
    422: {"description": "The photo cannot be read."},
    503: {"description": "Loading, or busy; see the header Retry-After."},
}
router = APIRouter(tags=["Ollama"])


@router.post(
    "/api/generate",
    summary="Caption photos, as Ollama does",
    response_model=None,
    responses=ANSWERS,
    openapi_extra={
        "requestBody": describe_body(GenerateRequest),
        "x-curl": write_curl('{"images": ["%s"], "stream": false}', "/api/generate"),
    },
)
async def generate(request: Request) -> Response:
    """Without photos and prompt the answer says that the model is loaded, as Ollama's does."""
    asked = await read_json(request, GenerateRequest)
    service = get_service(request)
    begun = time.perf_counter_ns()
    if not asked.images and not asked.prompt:
        service.require_captioner()
        return _answer(service, begun, {"response": ""}, None, stream=False, reason="load")
    text = await _caption(service, asked.images, asked.format)
    return _answer(service, begun, {"response": text}, {"response": ""}, stream=asked.stream)


@router.post(
    "/api/chat",
    summary="Caption the photos of a chat, as Ollama does",
    response_model=None,
    responses=ANSWERS,
    openapi_extra={
        "requestBody": describe_body(ChatRequest),
        "x-curl": write_curl('{"messages": [{"images": ["%s"]}]}', "/api/chat"),
    },
)
async def chat(request: Request) -> Response:
    """The photos of the last message with photos are captioned."""
    asked = await read_json(request, ChatRequest)
    service = get_service(request)
    begun = time.perf_counter_ns()
    if not asked.messages:
        service.require_captioner()
        empty = {"message": _make_message("")}
        return _answer(service, begun, empty, None, stream=False, reason="load")
    images = next((each.images for each in reversed(asked.messages) if each.images), None)
    text = await _caption(service, images, asked.format)
    content = {"message": _make_message(text)}
    return _answer(service, begun, content, {"message": _make_message("")}, stream=asked.stream)


@router.get(
    "/api/tags",
    summary="List the model, as Ollama does",
    openapi_extra={"x-curl": "curl http://127.0.0.1:8000/api/tags"},
)
async def list_models(request: Request) -> dict[str, Any]:
    """The list has one model: the run."""
    name = f"{get_service(request).name}:latest"
    model = {
        "name": name,
        "model": name,
        "modified_at": _format_time(),
        "size": 0,
        "digest": _DIGEST,
        "details": _describe_model(),
    }
    return {"models": [model]}


@router.post(
    "/api/show",
    summary="Describe the model, as Ollama does",
    responses={400: ANSWERS[400]},
    openapi_extra={
        "requestBody": describe_body(ShowRequest),
        "x-curl": "curl -d '{}' http://127.0.0.1:8000/api/show",
    },
)
async def show(request: Request) -> dict[str, Any]:
    """Programs ask this to learn that the model sees photos."""
    await read_json(request, ShowRequest)
    return {
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": _describe_model(),
        "model_info": {"general.architecture": "image-captioning"},
        "capabilities": ["completion", "vision"],
    }


@router.get(
    "/api/version",
    summary="Return this program's version",
    openapi_extra={"x-curl": "curl http://127.0.0.1:8000/api/version"},
)
async def version() -> dict[str, str]:
    """The version is that of this program, not of Ollama."""
    return {"version": VERSION}


async def _caption(service: Service, images: Sequence[str] | None, format: Any) -> str:
    """Return the captions of photos, one a line."""
    if not images:
        raise Refusal(400, NO_PHOTO)
    if format:
        raise Refusal(400, NO_JSON)
    limit_photos(len(images))
    photos = [decode_base64(text, f"images.{place}") for place, text in enumerate(images)]
    answers = await service.caption_all(photos)
    return "\n".join(answer.text for answer in answers)


def _answer(
    service: Service,
    begun: int,
    content: dict[str, Any],
    last: dict[str, Any] | None,
    *,
    stream: bool,
    reason: str = "stop",
) -> Response:
    """Return an answer at once, or as a stream of two lines: the caption, then `last`."""
    head = {"model": service.name, "created_at": _format_time()}
    text = content.get("response") or content.get("message", {}).get("content", "")
    nanoseconds = time.perf_counter_ns() - begun
    end = {
        "done": True,
        "done_reason": reason,
        "total_duration": nanoseconds,
        "load_duration": 0,
        "prompt_eval_count": 0,
        "prompt_eval_duration": 0,
        "eval_count": len(text.split()),
        "eval_duration": nanoseconds,
    }
    if not stream or last is None:
        return JSONResponse(head | content | end)
    lines = (head | content | {"done": False}, head | last | end)
    return Response("".join(f"{json.dumps(line)}\n" for line in lines), media_type=STREAM)


def _make_message(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _describe_model() -> dict[str, Any]:
    family = "image-captioning"
    return {
        "parent_model": "",
        "format": "keras",
        "family": family,
        "families": [family],
        "parameter_size": "",
        "quantization_level": "",
    }


def _format_time() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
