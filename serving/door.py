"""What a request meets before the routes: checks of origin and token, limits of size and time."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi.datastructures import Headers

from serving.errors import Refusal, make_error_response
from serving.options import ServerOptions

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

# Readable without a token: probes cannot send one, and the description holds nothing of the user's.
OPEN_PATHS = frozenset({"/", "/openapi.json", "/healthz", "/readyz"})


class _Gone(Exception):
    """The client has closed the connection."""


class Door:
    """An ASGI layer around the routes, which get each request with its whole body.

    If the client goes away, the work for it is cancelled.
    """

    def __init__(
        self, app: App, *, options: ServerOptions, token: str | None, origins: Sequence[str]
    ) -> None:
        """`origins` are the web pages that may send requests; `*` is all."""
        self._app = app
        self._options = options
        self._token = token
        self._origins = frozenset(origins)
        self._inside = 0  # requests that may have large bodies

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        try:
            headers = Headers(scope=scope)
            self._check_origin(headers)
            self._check_token(scope["path"], headers)
            with self._enter(scope["method"]):
                async with asyncio.timeout(self._options.timeout):
                    body = await self._read_body(headers, receive)
                    await self._run(scope, body, receive, answer.send)
        except _Gone:
            return
        except TimeoutError:
            if answer.has_begun:
                raise
            seconds = self._options.timeout
            refusal = Refusal(504, f"no answer within {seconds} s; try again, or with fewer photos")
            await make_error_response(scope["path"], refusal)(scope, receive, send)
        except Refusal as refusal:
            await make_error_response(scope["path"], refusal)(scope, receive, send)

    def _check_origin(self, headers: Headers) -> None:
        """Refuse web pages that were not allowed: any page can send requests to this machine."""
        origin = headers.get("origin")
        if origin is not None and not self._origins & {origin, "*"}:
            raise Refusal(
                403, f"this server takes no requests of web pages at {origin}; see --allow-origin"
            )

    def _check_token(self, path: str, headers: Headers) -> None:
        if self._token is None or path in OPEN_PATHS:
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(token.strip().encode(), self._token.encode())
        if scheme.lower() != "bearer" or not is_right:
            raise Refusal(401, "the header must be Authorization: Bearer TOKEN, with the token")

    @contextmanager
    def _enter(self, method: str) -> Iterator[None]:
        """Limit the requests whose bodies are in memory. Probes come in at any time."""
        if method in ("GET", "HEAD"):
            yield
            return
        most = self._options.most_photos
        if self._inside >= most:
            reason = f"busy: {most} requests are in the server; try again later"
            raise Refusal(503, reason, retry_after=1)
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1

    async def _read_body(self, headers: Headers, receive: Receive) -> bytes:
        announced = headers.get("content-length", "0")
        if announced.isdecimal():
            self._check_size(int(announced))
        parts = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            self._check_size(size)
            if not message.get("more_body", False):
                return b"".join(parts)

    def _check_size(self, size: int) -> None:
        if size > self._options.largest_body:
            raise Refusal(
                413,
                f"a request may have {self._options.megabytes} MB (got {size:,} bytes); "
                "send a smaller photo",
            )

    async def _run(self, scope: Message, body: bytes, receive: Receive, send: Send) -> None:
        """Run the routes until they have answered, or the client is gone."""
        unread = [body]

        async def receive_body() -> Message:
            if not unread:
                await asyncio.Event().wait()  # until this work is cancelled
            return {"type": "http.request", "body": unread.pop(), "more_body": False}

        work = asyncio.ensure_future(self._app(scope, receive_body, send))
        watch = asyncio.ensure_future(_wait_until_gone(receive))
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            for task in (work, watch):
                task.cancel()
            await asyncio.gather(work, watch, return_exceptions=True)


class _Answer:
    """Notes whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.has_begun = False

    async def send(self, message: Message) -> None:
        self.has_begun = True
        await self._send(message)


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
