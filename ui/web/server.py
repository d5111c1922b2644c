"""The server of demo.py's page."""

import os
import socket
import tempfile
import time
from pathlib import Path

import gradio as gr

from pipeline.saved import read_saved_config
from ui.answers import ModelLoader, read_search_settings
from ui.web.downloads import Downloads
from ui.web.page import MAXIMUM_BYTES, MAXIMUM_VISITORS, Page
from utils import runs
from utils.captions_file import CAPTION_COLUMNS, Columns, class_columns
from utils.commands import format_command
from utils.errors import UserError
from utils.hugging_face import describe
from utils.interrupt import Interruptible
from utils.places import find_places
from utils.terminal import say, warn

HERE = Path(__file__).parent
# The system's own fonts; Gradio's default font would come from another server.
FONTS = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")
PORTS_TO_TRY = 50


def serve(
    run: Path, loader: ModelLoader, *, host: str, port: int, photo: str | None = None
) -> None:
    """Serve the page of a run, then start loading its model; return after Ctrl-C."""
    check_address(host, port)
    if host not in ("127.0.0.1", "localhost"):
        warn(f"anyone who can reach {host} can use this page and run the model on this machine")
    with (
        tempfile.TemporaryDirectory(prefix="captions-") as folder,
        Interruptible() as is_interrupted,
    ):
        downloads = Downloads(Path(folder))
        settings = read_search_settings(run)
        page = Page(
            Path(describe(run)).name,
            settings,
            _choose_columns(run),
            downloads,
            first_photo=photo,
            command=_make_command(run),
        )
        address = _launch(page, host, port)
        say(f"open {address} in a browser; Ctrl-C stops the server")
        loader.start()
        page.loader = loader
        while not is_interrupted():
            downloads.remove_old()
            time.sleep(0.1)
        page.blocks.close(verbose=False)


def _choose_columns(run: Path) -> Columns:
    config = read_saved_config(run)
    if runs.is_classifier(config):
        return class_columns(len(config["classes"]))
    return CAPTION_COLUMNS


def _make_command(run: Path) -> str:
    """Return the command that learns from a table of the page."""
    name = run.name if run.parent == find_places().runs else run
    return format_command("train.py", "--dataset", "FOLDER/captions.csv", "--from", name)


def _launch(page: Page, host: str, port: int) -> str:
    """Start Gradio's server and return the page's address."""
    theme = gr.themes.Default(
        primary_hue="blue", font=list(FONTS), font_mono=["ui-monospace", "monospace"]
    )
    _, address, _ = page.blocks.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        footer_links=[],
        ssr_mode=False,
        max_file_size=MAXIMUM_BYTES,
        state_session_capacity=MAXIMUM_VISITORS,
        theme=theme,
        css_paths=HERE / "page.css",
        head=_make_script(),
    )
    return address


def _make_script() -> str:
    code = (HERE / "page.js").read_text(encoding="utf-8")
    return f"<script>const MAXIMUM_BYTES = {MAXIMUM_BYTES};\n{code}</script>"


def check_address(host: str, port: int) -> None:
    """Reject an address that this machine cannot serve; suggest a free port."""
    reason = _find_obstacle(host, port)
    if reason is None:
        return
    message = f"--port {port} is not available on {host} ({reason})"
    for other in range(port + 1, min(port + PORTS_TO_TRY, 65536)):
        if _find_obstacle(host, other) is None:
            raise UserError(f"{message}; try --port {other}")
    raise UserError(f"{message}; choose another --host or --port")


def _find_obstacle(host: str, port: int) -> str | None:
    """Return the reason why this machine cannot listen at an address, or None."""
    try:
        # Looked up here for its error message. Only IPv4, which is all that Gradio uses.
        socket.getaddrinfo(host, port, family=socket.AF_INET)
        socket.create_server((host, port)).close()
    except socket.gaierror as error:
        return error.strerror.lower()
    except OSError as error:
        text = os.strerror(error.errno) if error.errno else str(error)
        return text.lower()
    return None
