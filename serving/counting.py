"""An ASGI layer that counts requests and measures their time, whatever answers them."""

import time

from serving.door import App, Message, Receive, Send
from serving.metrics import Metrics

GONE = "499"  # nginx' status for a client that did not wait for its answer
UNKNOWN_ROUTE = "unknown"


class Counting:
    """Counts each request by its route and the status of its answer."""

    def __init__(self, app: App, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = GONE

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception:
            status = "500"
            raise
        finally:
            # The router has noted its route in the scope. What the door refused has none.
            route = getattr(scope.get("route"), "path", UNKNOWN_ROUTE)
            self._metrics.requests.add(route, status)
            self._metrics.seconds.observe(time.perf_counter() - begun, route)
