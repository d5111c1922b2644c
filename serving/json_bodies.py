"""Requests in JSON, checked by Pydantic.

FastAPI's own way needs the header `Content-Type: application/json`, which `curl -d` does not send.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from serving.errors import Refusal

Body = TypeVar("Body", bound=BaseModel)
_REFERENCES = "#/components/schemas/{model}"


async def read_json(request: Request, kind: type[Body]) -> Body:
    """Return the body of a request, or refuse it with the first fault."""
    try:
        return kind.model_validate_json(await request.body())
    except ValidationError as error:
        raise Refusal(400, describe_faults(error.errors())) from None


def describe_faults(faults: Sequence[Any]) -> str:
    """Return the first fault that Pydantic found, in one line."""
    first = faults[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("query", "body"))
    text = first["msg"][:1].lower() + first["msg"][1:]
    if place:
        text = f"{place}: {text}"
    return text.encode("utf-8", "replace").decode()


def describe_body(kind: type[BaseModel]) -> dict[str, Any]:
    """Return what the description of the routes says of a body."""
    schema = {"$ref": _REFERENCES.format(model=kind.__name__)}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def list_schemas(kinds: Sequence[type[BaseModel]]) -> dict[str, Any]:
    """Return the schemas of bodies, and of what they consist of."""
    pairs = [(kind, "validation") for kind in kinds]
    _, definitions = models_json_schema(pairs, ref_template=_REFERENCES)
    return definitions["$defs"]


def write_curl(body: str, path: str) -> str:
    """Return an example that sends a body, with a photo's base64 in place of %s."""
    photo = "\"$(base64 < photo.jpg | tr -d '\\n')\""
    return f"printf '{body}' {photo} | curl -d @- http://127.0.0.1:8000{path}"
