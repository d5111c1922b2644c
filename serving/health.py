"""Routes for whoever watches the server: probes and Prometheus."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from serving.metrics import MEDIA_TYPE
from serving.service import get_service


class State(BaseModel):
    """The state of the server: ok, ready, loading or stopping."""

    status: str


router = APIRouter(tags=["Health"])


@router.get(
    "/healthz",
    summary="Return 200 while the server runs",
    openapi_extra={"x-curl": "curl http://127.0.0.1:8000/healthz"},
)
async def healthz() -> State:
    """It needs no token."""
    return State(status="ok")


@router.get(
    "/readyz",
    summary="Return 200 when photos are answered",
    responses={503: {"model": State, "description": "The model loads, or the server stops."}},
    openapi_extra={"x-curl": "curl http://127.0.0.1:8000/readyz"},
)
async def readyz(request: Request) -> State:
    """It returns 503 until the model is warmed up, and once the server stops. It needs no token."""
    service = get_service(request)
    if service.is_ready:
        return State(status="ready")
    status = "stopping" if service.is_draining else "loading"
    return JSONResponse({"status": status}, 503, headers={"Retry-After": "5"})


@router.get(
    "/metrics",
    summary="Return counts for Prometheus",
    response_class=PlainTextResponse,
    openapi_extra={"x-curl": "curl http://127.0.0.1:8000/metrics"},
)
async def metrics(request: Request) -> PlainTextResponse:
    """The text form is Prometheus' own, version 0.0.4."""
    return PlainTextResponse(get_service(request).metrics.render(), media_type=MEDIA_TYPE)
