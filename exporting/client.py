"""The program in an exported folder that captions photos: short, and free of this project."""

from typing import Any

from data.photos.reading import Reading
from exporting.templates import fill_in

MOST_LINES = 40

_PACKAGES = {
    "litert": "from ai_edge_litert.interpreter import Interpreter",
    "onnx": "import onnxruntime",
    "openvino": "import openvino",
}
FITS = {
    "squeeze": "squeezed to the network's square",
    "squeeze_and_crop": "squeezed to a square, whose middle the network sees",
    "crop": "cropped to the square in its middle",
}


def write_client(format: str, reading: Reading, kind: str, joining: dict[str, Any] | None) -> str:
    """Return the program for a format; `kind` is captions or classes.

    A SavedModel reads photos and joins words itself. For others `joining` says how tokens become
    a sentence.
    """
    reads_itself = format == "saved_model"
    is_captions = kind == "captions"
    imports = ["import sys", "from pathlib import Path", ""]
    if not is_captions or not reads_itself:
        imports.append("import numpy as np")
    if reads_itself:
        imports.append("import tensorflow as tf")
    else:
        imports += sorted([_PACKAGES[format], "from PIL import Image, ImageOps"], key=_find_module)
    return fill_in(
        "client.py.jinja",
        purpose="Caption photos" if is_captions else "Name what photos show",
        imports=imports,
        format=format,
        reads_itself=reads_itself,
        kind=kind,
        reading=reading,
        fit=FITS[reading.fit],
        filter=reading.resample.upper(),
        edge=reading.shortest_edge or "SIZE",
        probabilities="probabilities" if format == "onnx" else 'answers["probabilities"]',
        names="tokens, scores" if is_captions else "(probabilities,)",
        quoted='["tokens", "scores"]' if is_captions else '["probabilities"]',
        tokens="tokens" if format == "onnx" else 'answers["tokens"]',
        scores="scores" if format == "onnx" else 'answers["scores"]',
        is_bytes=joining is not None and joining["is_bytes"],
    )


def _find_module(line: str) -> tuple[bool, str]:
    """Return the order of an import: the plain ones first, then by the name of the module."""
    return line.startswith("from"), line.split()[1].casefold()
