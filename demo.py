"""Caption photos in a window, or in the browser, and see where the network looked at each word.

python demo.py                    the newest run
python demo.py photo.jpg          begins with that photo
python demo.py --run NAME         another run; a classifier names classes
python demo.py --web              in the browser, for several photos at once
"""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import config
import presets
from pipeline.classifier.prediction import class_columns
from utils import command_line, runs
from utils.captions_file import COLUMNS
from utils.errors import UsageError, UserError, run_script
from utils.terminal import note


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line.parser(__doc__)
    parser.add_argument("photo", nargs="?", metavar="PHOTO", help="the photo to begin with")
    parser.add_argument(
        "--run",
        metavar="NAME|DIR",
        help="the run that captions, or names classes (default: the newest); "
        "or hf:FOLDER, a VisionEncoderDecoderModel of Hugging Face with ViT and GPT-2",
    )
    parser.add_argument(
        "--weights",
        metavar="FILE|hf:FOLDER",
        help="where the encoder's weights are now, if they were moved",
    )
    page = parser.add_argument_group("page")
    page.add_argument(
        "--web",
        action="store_true",
        help="a page for the browser, where several photos can be given, in the window's place",
    )
    page.add_argument(
        "--port", type=int, metavar="NUMBER", help="where the page is served (default 7860)"
    )
    page.add_argument(
        "--host",
        metavar="ADDRESS",
        help="for whom: 127.0.0.1 is this machine alone, 0.0.0.0 everyone who "
        "reaches it (default 127.0.0.1)",
    )
    command_line.add_options(parser, config.Machine, only=config.WHERE)
    return parser


def main() -> None:
    """Open the window at once; the model is loaded beside it."""
    given = vars(options().parse_args())
    own = {name: given.pop(name) for name in ("photo", "run", "weights", "web", "port", "host")}
    _check(own)
    run = runs.find(own["run"])
    if runs.is_classifier(runs.read_config(run)):
        presets.refuse_foreign(
            "classifier",
            {
                name: value
                for name, value in (given | {"weights": own["weights"]}).items()
                if value is not None and name != "device"
            },
        )
    from ui.answers import Loading, controls

    begun: list[Loading] = []

    def start() -> Loading:
        begun.append(Loading(run, weights=own["weights"], **given))
        return begun[-1]

    stopped = False
    try:
        if own["web"]:
            _serve(run, start, own)
        else:
            _window(own["photo"], start, name=run.name, controls=controls(run))
    except KeyboardInterrupt:
        if all(each.done for each in begun):
            raise
        stopped = True
    if not all(each.done for each in begun):
        _leave(stopped)


def _leave(stopped: bool) -> NoReturn:
    """End at once: TensorFlow aborts where Python ends while a thread is still loading it."""
    if stopped:
        note("stopped")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(130 if stopped else 0)


def _window(photo: str | None, start: Callable[[], Any], **about: Any) -> None:
    """The window."""
    try:
        from ui.tk.window import open_window
    except ImportError as error:
        if error.name not in ("tkinter", "_tkinter"):
            raise
        raise UserError(
            "this Python has no Tk, and a window needs it; install it (on Debian and Ubuntu: apt install "
            "python3-tk), or see the same in the browser: python demo.py --web"
        ) from None
    open_window(start, photo, **about)


def _check(own: dict[str, Any]) -> None:
    """Refuse what was typed wrong."""
    for name in ("port", "host"):
        if own[name] is not None and not own["web"]:
            raise UsageError(f"--{name} goes with --web")
    if own["port"] is not None and not 1 <= own["port"] <= 65535:
        raise UsageError(f"--port is a number from 1 to 65535, not {own['port']}")
    if own["web"] and own["photo"] is not None and not Path(own["photo"]).is_file():
        raise UserError(f"no photo {own['photo']}")


def _serve(run: Path, start: Callable[[], Any], own: dict[str, Any]) -> None:
    """The page in the browser."""
    try:
        from ui.web import page as web
    except ImportError as error:
        if error.name != "gradio":
            raise
        raise UserError(
            "gradio is not installed, and the page needs it; pip install gradio"
        ) from None
    saved = runs.read_config(run)
    columns = class_columns(saved["classes"]) if runs.is_classifier(saved) else COLUMNS
    web.serve(
        start,
        run=run,
        columns=columns,
        host=own["host"] or "127.0.0.1",
        port=own["port"] or 7860,
        photo=own["photo"],
    )


if __name__ == "__main__":
    run_script(main)
