"""The server of demo.py's page."""

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
from utils.hugging_face import describe
from utils.interrupt import Interruptible
from utils.listening import check_address, is_loopback
from utils.places import find_places
from utils.terminal import say, warn

HERE = Path(__file__).parent
# The system's own fonts; Gradio's default font would come from another server.
FONTS = ("system-ui", "-apple-system", "Segoe UI", "sans-serif")


def serve(
    run: Path, loader: ModelLoader, *, host: str, port: int, photo: str | None = None
) -> None:
    """Serve the page of a run, then start loading its model; return after Ctrl-C."""
    check_address(host, port)
    if not is_loopback(host):
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
