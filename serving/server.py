"""The server's life: it listens, loads the model meanwhile, and ends with its last answer."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from types import FrameType
from typing import NoReturn

import uvicorn

from serving.app import make_app
from serving.model import Model
from serving.options import ServerOptions
from serving.service import Service
from utils.listening import open_listener
from utils.terminal import say, screen

KEEP_ALIVE_SECONDS = 75  # clients that keep connections for a minute find them open


def serve(
    load: Callable[[], Model],
    options: ServerOptions,
    *,
    name: str,
    token: str | None,
    origins: Sequence[str],
) -> int:
    """Serve the model that `load` returns until Ctrl-C or SIGTERM; return the exit status."""
    listener = open_listener(options.host, options.port)
    service = Service(options, name)
    app = make_app(service, token=token, origins=origins)
    server = Server(_configure(app, options), service)
    loader = Loader(load, service, server)
    port = listener.getsockname()[1]
    say(f"listening on http://{_format_host(options.host)}:{port}; Ctrl-C stops the server")
    loader.start()
    with listener:
        server.run(sockets=[listener])
    if loader.error is not None:
        raise loader.error
    if loader.is_alive():
        _exit_at_once()
    return 0


def _configure(app: Callable, options: ServerOptions) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=screen.shows_debug,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        # Whatever is in the server has been answered by then, or has its status 504.
        timeout_graceful_shutdown=options.timeout + 5,
    )


class Server(uvicorn.Server):
    """Uvicorn's server, which ends normally after a signal."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let signals end the server. Uvicorn would raise them again after its last answer."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take no more connections, and end after the last answer; a second Ctrl-C ends at once."""
        self._service.is_draining = True
        super().handle_exit(sig, frame)


class Loader(Thread):
    """Loads the model in the background; if that fails, the server stops."""

    def __init__(self, load: Callable[[], Model], service: Service, server: Server) -> None:
        super().__init__(name="loading", daemon=True)
        self.error: Exception | None = None
        self._load = load
        self._service = service
        self._server = server

    def run(self) -> None:
        begun = time.monotonic()
        try:
            self._service.model = self._load()
        except Exception as error:  # raised again by `serve`
            self.error = error
            self._server.should_exit = True
            return
        say(f"{self._service.name} is ready after {time.monotonic() - begun:.0f} s")


def _format_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _exit_at_once() -> NoReturn:
    """Exit without Python's clean-up: TensorFlow aborts if a thread still loads it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)
