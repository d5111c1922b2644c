"""Caption photos in a window or in the browser, and see where the network looked at each word.

python demo.py                    the newest run
python demo.py photo.jpg          open this photo first
python demo.py --run NAME         another run; a classifier predicts classes
python demo.py --web              in the browser, for several photos at once
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import config
from pipeline.saved import read_saved_config
from pipeline.settings import check_belongs
from utils import command_line, runs
from utils.commands import format_command
from utils.errors import UsageError, UserError, run_script
from utils.exports import reject_export
from utils.hugging_face import describe
from utils.places import find_places
from utils.terminal import note

if TYPE_CHECKING:
    from ui.answers import ModelLoader

HOST = "127.0.0.1"
PORT = 7860


def make_options() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command_line.make_parser(__doc__)
    parser.add_argument("photo", nargs="?", metavar="PHOTO", help="the photo to open first")
    parser.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="a run, or s3://BUCKET/RUN, hf:FOLDER, hf:OWNER/NAME (default: the newest)",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE|hf:FOLDER",
        help="the encoder's weights, if they were moved",
    )
    command_line.add_options(parser, config.Search, only=("prompt",))
    command_line.add_runs_option(parser)
    page = parser.add_argument_group("page")
    page.add_argument(
        "--web", action="store_true", help="serve a web page instead of opening a window"
    )
    page.add_argument(
        "--port", type=int, metavar="NUMBER", help=f"the page's port (default {PORT})"
    )
    page.add_argument(
        "--host",
        metavar="ADDRESS",
        help=f"{HOST} is this machine only, 0.0.0.0 is every network (default {HOST})",
    )
    command_line.add_options(parser, config.Machine, only=config.DEVICE_SETTINGS)
    return parser


def main() -> None:
    """Open the window or the page at once; the model loads in the background."""
    arguments = make_options().parse_args()
    check_page_options(arguments)
    run = runs.find_trained_run(arguments.run, find_places(arguments.runs).runs)
    reject_export(run, "demo.py")
    machine = {
        name: value for name, value in vars(arguments).items() if name in config.DEVICE_SETTINGS
    }
    captioner_options = {"weights": arguments.weights, "prompt": vars(arguments).get("prompt")}
    if runs.is_classifier(read_saved_config(run)):
        reject_captioner_options(captioner_options | machine)
    from ui.answers import ModelLoader  # NumPy comes with it: wrong options are rejected before

    loader = ModelLoader(run, **captioner_options, **machine)
    status = 0
    try:
        if arguments.web:
            serve_page(run, loader, arguments)
        else:
            show_window(run, loader, arguments.photo)
    except KeyboardInterrupt:
        if not loader.is_loading:
            raise
        note("stopped")
        status = 130
    if loader.is_loading:
        exit_at_once(status)


def check_page_options(arguments: argparse.Namespace) -> None:
    """Reject contradictions and values out of bounds."""
    for name in ("port", "host"):
        if getattr(arguments, name) is not None and not arguments.web:
            raise UsageError(f"--{name} needs --web")
    port = arguments.port
    if port is not None and not 1 <= port <= 65535:
        raise UsageError(f"--port must be from 1 to 65535 (got {port})")
    photo = arguments.photo
    if arguments.web and photo is not None and not Path(photo).is_file():
        raise UserError(f"no photo {photo}")


def reject_captioner_options(options: dict[str, Any]) -> None:
    """Reject options that a classifier does not have; None is one that was not typed."""
    typed = {}
    for name, value in options.items():
        if name != "device" and value is not None:
            typed[name] = value
    check_belongs("classifier", typed)


def show_window(run: Path, loader: "ModelLoader", photo: str | None) -> None:
    """Show the window until it is closed."""
    try:
        from ui.tk.window import open_window  # Python may have been built without Tk
    except ImportError as error:
        if error.name not in ("tkinter", "_tkinter"):
            raise
        raise UserError(
            "this Python has no Tk, which the window needs; install it "
            "(Debian and Ubuntu: apt install python3-tk) "
            f"or use the browser: {format_command('demo.py', '--web')}"
        ) from None
    from ui.answers import read_search_settings

    open_window(loader, photo, name=Path(describe(run)).name, settings=read_search_settings(run))


def serve_page(run: Path, loader: "ModelLoader", arguments: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C."""
    try:
        from ui.web.server import serve  # Gradio takes seconds to import, and may be missing
    except ImportError as error:
        if error.name != "gradio":
            raise
        raise UserError(
            "gradio, which the page needs, is not installed; install it: pip install gradio"
        ) from None
    serve(
        run,
        loader,
        host=arguments.host or HOST,
        port=arguments.port or PORT,
        photo=arguments.photo,
    )


def exit_at_once(status: int) -> NoReturn:
    """Exit without Python's clean-up: TensorFlow aborts if a thread still loads it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(status)


if __name__ == "__main__":
    run_script(main)
