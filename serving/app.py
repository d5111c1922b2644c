"""The application: routes, what stands before them, and the form of errors."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from serving import captions, health, hugging_face, ollama, openai, page
from serving.counting import Counting
from serving.door import Door
from serving.errors import Refusal, make_error_response
from serving.json_bodies import describe_faults, list_schemas
from serving.service import Service
from utils.version import VERSION

TITLE = "Captions"
ABOUT = "Captions of photos by one model, as a server for other programs."
FAMILIES = (captions, ollama, openai, hugging_face, health, page)


def make_app(service: Service, *, token: str | None = None, origins: Sequence[str] = ()) -> FastAPI:
    """Return the application.

    `origins` are the web pages whose scripts may send requests.
    """
    app = FastAPI(
        title=TITLE,
        summary=ABOUT,
        version=VERSION,
        lifespan=_run_batches,
        docs_url=None,  # FastAPI's own pages load scripts from another server
        redoc_url=None,
    )
    app.state.service = service
    for family in FAMILIES:
        app.include_router(family.router)
    _handle_errors(app)
    _complete_description(app)
    # The last one that is added comes first.
    app.add_middleware(Door, options=service.options, token=token, origins=origins)
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Counting, metrics=service.metrics)
    return app


@asynccontextmanager
async def _run_batches(app: FastAPI) -> AsyncIterator[None]:
    """Run the queue as long as the application runs."""
    batches = asyncio.create_task(app.state.service.batcher.run())
    yield
    batches.cancel()
    with suppress(asyncio.CancelledError):
        await batches


def _handle_errors(app: FastAPI) -> None:
    @app.exception_handler(Refusal)
    async def refuse(request: Request, error: Refusal) -> Response:
        return make_error_response(request.url.path, error)

    @app.exception_handler(RequestValidationError)
    async def refuse_value(request: Request, error: RequestValidationError) -> Response:
        refusal = Refusal(422, describe_faults(error.errors()))
        return make_error_response(request.url.path, refusal)

    @app.exception_handler(HTTPException)
    async def refuse_route(request: Request, error: HTTPException) -> Response:
        reason = str(error.detail)
        if error.status_code in (404, 405):
            reason = f"no route {request.method} {request.url.path}; GET / lists all"
        refusal = Refusal(error.status_code, reason)
        refusal.headers |= error.headers or {}
        return make_error_response(request.url.path, refusal)

    @app.exception_handler(Exception)
    async def apologize(request: Request, error: Exception) -> Response:
        reason = f"unexpected error ({type(error).__name__}); the server's output says more"
        return make_error_response(request.url.path, Refusal(500, reason))


def _complete_description(app: FastAPI) -> None:
    """Add the bodies that routes read by themselves to the description of the routes."""
    requests = [kind for family in FAMILIES for kind in getattr(family, "REQUESTS", ())]
    describe = app.openapi

    def describe_all() -> dict[str, Any]:
        is_new = app.openapi_schema is None
        description = describe()
        if is_new:
            schemas = description.setdefault("components", {}).setdefault("schemas", {})
            schemas |= list_schemas(requests)
        return description

    app.openapi = describe_all
