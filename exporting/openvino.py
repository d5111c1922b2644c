"""OpenVINO: two files, for Intel's runtime and model server."""

from pathlib import Path

from exporting.formats import FORMATS
from exporting.source import Source
from models.openvino import import_openvino


def write(source: Source, folder: Path, *, weights_in: str) -> None:
    """Write the graph with its weights in float32 or float16; products are in float32."""
    openvino = import_openvino()
    model = openvino.convert_model(source.graph.frozen.get_concrete_function())
    file = folder / FORMATS["openvino"].model
    openvino.save_model(model, file, compress_to_fp16=weights_in == "float16")
