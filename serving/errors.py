"""Requests that are refused, and the form that each family of routes gives to errors."""

from typing import Any

from fastapi.responses import JSONResponse


class Refusal(Exception):
    """A request that is not answered; `reason` says what was wanted, what came and what to do."""

    def __init__(self, status: int, reason: str, *, retry_after: int | None = None) -> None:
        """`retry_after` is the number of seconds after which the client may try again."""
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.headers = {}
        if retry_after is not None:
            self.headers["Retry-After"] = str(retry_after)
        if status == 401:
            self.headers["WWW-Authenticate"] = "Bearer"


def make_error_response(path: str, refusal: Refusal) -> JSONResponse:
    """Return the answer to a request that is refused, in the form that its client reads."""
    body = _make_body(path, refusal.status, refusal.reason)
    return JSONResponse(body, refusal.status, headers=refusal.headers)


def _make_body(path: str, status: int, reason: str) -> dict[str, Any]:
    if path.startswith(("/api/", "/models/")):  # Ollama, Hugging Face
        return {"error": reason}
    if path.startswith(("/v1/chat/", "/v1/models")):  # OpenAI
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": reason, "type": kind, "param": None, "code": None}}
    return {"detail": reason}
