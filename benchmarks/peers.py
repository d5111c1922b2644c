"""Captions a second of a Hugging Face model: by this project, and by transformers on PyTorch.

    python -m benchmarks.peers --run hf:FOLDER --python .venv/peers/bin/python

Both load the same weights, read the same photos and search with the same beam for as many tokens at
most, in turn: one photo at a time, then a folder of photos. `make peers` makes an environment with
transformers. Without one, only this project is measured, and the reason is printed.
"""

import argparse
import contextlib
import json
import subprocess
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measuring import (
    Figures,
    MeasureProcess,
    Row,
    Turn,
    format_table,
    serve_turns,
    summarize_turns,
)
from utils.errors import UserError, run_script
from utils.files import write_json

if TYPE_CHECKING:
    from collections.abc import Callable

PEER = Path(".venv/peers/bin/python")
SINGLE = 10  # photos, one at a time
FOLDER = 200  # photos of the folder
WORDS = 20  # tokens of a caption at most
PEER_BATCH = 16  # photos that transformers captions together
FLOAT32_TARGET, DEFAULT_TARGET = 1.5, 3.0


def _prepare_ours(precision: str | None, **arguments: Any) -> Turn:
    from models.captioner import Captioner  # loads TensorFlow

    captioner = Captioner.load(arguments["run"], precision=precision)

    def caption(photos: list[str]) -> list[str]:
        found = captioner(photos, beam=arguments["beam"], max_length=arguments["words"])
        return [each.text for each in found]

    turn = _make_turn(caption, arguments)
    return partial(turn, engine=captioner.encoder.engine, precision=captioner.encoder.precision)


def _prepare_transformers(**arguments: Any) -> Turn:
    # In an environment of its own, without TensorFlow.
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

    folder = arguments["folder"]
    model = AutoModelForImageTextToText.from_pretrained(folder).eval()
    processor = AutoImageProcessor.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)

    @torch.inference_mode()
    def caption(photos: list[str]) -> list[str]:
        texts = []
        for start in range(0, len(photos), PEER_BATCH):
            pictures = []
            for path in photos[start : start + PEER_BATCH]:
                with Image.open(path) as picture:
                    pictures.append(picture.convert("RGB"))
            pixels = processor(images=pictures, return_tensors="pt").pixel_values
            tokens = model.generate(
                pixel_values=pixels,
                num_beams=arguments["beam"],
                max_new_tokens=arguments["words"],
            )
            texts += tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [text.strip() for text in texts]

    return partial(_make_turn(caption, arguments), engine="torch", precision="float32")


def _make_turn(
    caption: "Callable[[list[str]], list[str]]", arguments: dict[str, Any]
) -> "Callable[..., dict[str, Any]]":
    """Return a function that captions the photos, and warm it up."""
    photos, is_single = arguments["photos"], arguments["is_single"]
    caption(photos[:1])
    if not is_single:
        caption(photos[: 2 * PEER_BATCH])

    def turn(**facts: str) -> dict[str, Any]:
        if not is_single:
            return {"captions": caption(photos), **facts}
        texts = []
        for photo in photos[:SINGLE]:
            texts += caption([photo])
        return {"captions": texts, **facts}

    return turn


MEASURES = {
    "default": partial(_prepare_ours, None),
    "float32": partial(_prepare_ours, "float32"),
    "transformers": _prepare_transformers,
}


def run(
    model: str, photos: list[Path], *, beam: int, words: int, rounds: int, python: Path | None
) -> Figures:
    """Measure each program on single photos and on the folder; return the figures by name."""
    from utils.hugging_face import find_folder

    arguments = {
        "run": model,
        "folder": str(find_folder(model)),
        "photos": [str(photo) for photo in photos],
        "beam": beam,
        "words": words,
    }
    figures: Figures = {}
    for kind in ("single", "folder"):
        with contextlib.ExitStack() as stack:
            processes: dict[str, Any] = {}
            for name in MEASURES:
                if name == "transformers" and python is None:
                    continue
                interpreter = str(python) if name == "transformers" else None
                process = MeasureProcess(
                    "benchmarks.peers",
                    name,
                    arguments | {"is_single": kind == "single"},
                    python=interpreter,
                )
                processes[name] = stack.enter_context(process)
            turns: dict[str, list[Any]] = {name: [] for name in processes}
            for _ in range(rounds):
                for name, process in processes.items():
                    turns[name].append(process.ask("turn"))
            for name, process in processes.items():
                figures[f"{kind} {name}"] = summarize_turns(turns[name]) | process.ask("end")
    return figures


def make_rows(figures: Figures) -> list[Row]:
    """Return the table: captions a second, and how many times transformers' they are."""
    rows = []
    for kind, title in (("single", "one photo at a time"), ("folder", "a folder")):
        peer = figures.get(f"{kind} transformers")
        for name in MEASURES:
            figure = figures.get(f"{kind} {name}")
            if figure is not None:
                rows.append(_make_row(f"{title}: {name}", name, figure, peer))
    return rows


def _make_row(title: str, name: str, figure: Figures, peer: Figures | None) -> Row:
    speed = len(figure["captions"]) / figure["seconds"]
    measured = f"{speed:.2f} captions a second ({figure['engine']}, {figure['precision']})"
    memory = figure["megabytes"]
    if peer is None or name == "transformers":
        return Row(title, measured, megabytes=memory)
    times = peer["seconds"] / figure["seconds"]
    pairs = zip(figure["captions"], peer["captions"], strict=True)
    same = sum(one == other for one, other in pairs)
    measured += (
        f": {times:.2f} times transformers; {same} of {len(peer['captions'])} captions equal"
    )
    has_bfloat16 = figure["precision"] == "bfloat16"
    wanted = DEFAULT_TARGET if has_bfloat16 else FLOAT32_TARGET
    return Row(title, measured, f"at least {wanted} times", times >= wanted, memory)


def find_peer(python: str | None) -> Path | None:
    """Return the interpreter with transformers, or None after a note that it is skipped."""
    interpreter = Path(python) if python else PEER
    if not interpreter.exists():
        print(f"transformers is not measured: no {interpreter}; make peers creates it")
        return None
    found = subprocess.run(
        [interpreter, "-c", "import torch, transformers"], capture_output=True, check=False
    )
    if found.returncode:
        print(f"transformers is not measured: {interpreter} cannot import torch and transformers")
        return None
    return interpreter


def main() -> None:
    """Print the table, or take the turns of one measure."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        prog="python -m benchmarks.peers",
    )
    parser.add_argument("--run", metavar="hf:FOLDER", help="the captioner")
    parser.add_argument("--python", metavar="FILE", help=f"with transformers (default {PEER})")
    parser.add_argument("--photos", metavar="DIR", help="JPEG files (default: drawn crops)")
    parser.add_argument("--number", type=int, default=FOLDER, help=f"photos (default {FOLDER})")
    parser.add_argument("--beam", type=int, default=3, help="candidates (default 3)")
    parser.add_argument(
        "--words", type=int, default=WORDS, help=f"the most tokens of a caption (default {WORDS})"
    )
    parser.add_argument("--rounds", type=int, default=3, help="turns of each (default 3)")
    parser.add_argument("--json", metavar="FILE", help="also write the figures to this file")
    parser.add_argument("--measure", choices=list(MEASURES), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        serve_turns(MEASURES, arguments.measure)
        return
    if not arguments.run:
        raise UserError("--run must name a Hugging Face model: hf:FOLDER or hf:OWNER/NAME")
    from benchmarks.synthetic_data import make_photos

    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos(arguments.number, Path(folder), arguments.photos)
        figures = run(
            arguments.run,
            photos,
            beam=arguments.beam,
            words=arguments.words,
            rounds=arguments.rounds,
            python=find_peer(arguments.python),
        )
    print(format_table(make_rows(figures)))
    if arguments.json:
        write_json(Path(arguments.json), json.loads(json.dumps(figures)))


if __name__ == "__main__":
    run_script(main)
