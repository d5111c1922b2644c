"""Serve captions of photos over HTTP, to scripts and to programs that speak Ollama or OpenAI.

python serve.py                              the newest run, to this machine
python serve.py --run NAME --port 9000       another run, another port
python serve.py --run hf:OWNER/NAME          a captioner of others
python serve.py --host 0.0.0.0 --token-file token.txt      to the network, with a token

curl --data-binary @photo.jpg http://127.0.0.1:8000/v1/caption
"""

import utils.environment  # noqa: F401 (first: it checks Python and the packages)

# isort: split
import argparse
import os
from argparse import Namespace
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

import config
from config import Settings
from pipeline.saved import read_saved_config
from pipeline.settings import check_belongs
from serving.access import VARIABLE, find_token, require_token
from serving.options import ServerOptions
from utils import command_line, runs
from utils.errors import UserError, run_script
from utils.hugging_face import describe
from utils.places import find_places

OWN = ("run", "runs", "weights", "token", "token_file", "allow_origin")


def make_options() -> argparse.ArgumentParser:
    """Return the command line."""
    parser = command_line.make_parser(__doc__)
    command_line.add_run_options(parser)
    command_line.add_weights_option(parser)
    command_line.add_options(parser, ServerOptions)
    access = parser.add_argument_group("access")
    access.add_argument(
        "--token-file", metavar="FILE", help="file with the token that clients must send"
    )
    access.add_argument(
        "--token",
        help=f"the token itself, which others see in the list of processes; better in {VARIABLE}",
    )
    access.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="web page whose scripts may send requests, such as https://photos.example",
    )
    own = dict.fromkeys(config.SETTING_NAMES, "the run's own")
    command_line.add_options(parser, config.Search, defaults=own)
    command_line.add_options(parser, config.Machine, only=config.DEVICE_SETTINGS)
    command_line.add_screen_options(parser)
    return parser


def main() -> int:
    """Serve until Ctrl-C or SIGTERM."""
    typed, options, search = read_command_line()
    token = find_token(typed.token, typed.token_file, os.environ.get(VARIABLE))
    require_token(options.host, token)
    run = runs.find_trained_run(typed.run, find_places(typed.runs).runs)
    saved = read_saved_config(run)
    device = {name: search.pop(name, "auto") for name in config.DEVICE_SETTINGS}
    if runs.is_classifier(saved):
        reject_caption_options(typed, search, device)
    try:
        # Imported after the command line is checked, because NumPy and FastAPI come with them.
        from serving.model import load_model
        from serving.server import serve
    except ImportError as error:
        if error.name not in ("fastapi", "uvicorn", "pydantic"):
            raise
        raise UserError(
            f"{error.name}, which the server needs, is not installed; install it: "
            f"pip install {error.name}"
        ) from None
    load = partial(
        load_model, run, saved, search, weights=typed.weights, batch=options.batch, **device
    )
    name = Path(describe(run)).resolve().name
    return serve(load, options, name=name, token=token, origins=typed.allow_origin)


def read_command_line() -> tuple[Namespace, ServerOptions, dict[str, Any]]:
    """Return the options of this command, of the server, and of search and machine; all checked."""
    search = command_line.parse_typed(make_options())
    typed = Namespace(**{name: search.pop(name) for name in OWN})
    names = [each.name for each in fields(ServerOptions)]
    options = ServerOptions(**{name: search.pop(name) for name in names if name in search})
    Settings.from_flat(search)
    return typed, options, search


def reject_caption_options(
    typed: Namespace, search: dict[str, Any], device: dict[str, str]
) -> None:
    """Raise an error if options of captions were typed for a classifier."""
    given = dict(search)
    if typed.weights is not None:
        given["weights"] = typed.weights
    if device["engine"] != "auto":
        given["engine"] = device["engine"]
    check_belongs("classifier", given)


if __name__ == "__main__":
    run_script(main)
