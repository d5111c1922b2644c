"""The formats of `--to`: names, and which packages write and run each."""

from dataclasses import dataclass
from importlib.util import find_spec

from utils.errors import UserError


@dataclass(frozen=True)
class Format:
    """A format of exported folders.

    `model` is the file or folder that holds it, `weights_in` the types in which it can store the
    weights, the smallest first, `needs` the modules that write it, `runtime` the package that a
    client needs, and `runs_in` says what else runs it.
    """

    model: str
    weights_in: tuple[str, ...]
    needs: tuple[str, ...]
    runtime: str
    runs_in: str


_BOTH = ("float16", "float32")
FORMATS: dict[str, Format] = {
    "saved_model": Format("1", ("float32",), (), "tensorflow-cpu", "TensorFlow Serving"),
    "litert": Format(
        "captioner.tflite", _BOTH, ("ai_edge_litert",), "ai-edge-litert", "Android and iOS"
    ),
    "openvino": Format("captioner.xml", _BOTH, ("openvino",), "openvino", "OpenVINO Model Server"),
    "onnx": Format(
        "captioner.onnx",
        _BOTH,
        ("tf2onnx", "onnx", "onnxruntime"),
        "onnxruntime",
        "ONNX Runtime on many devices and in browsers",
    ),
    "huggingface": Format(
        "model.safetensors", ("float32",), (), "transformers", "the tools of Hugging Face"
    ),
}


# What client.py of a Hugging Face folder needs; nothing here needs these packages.
TRANSFORMERS = ("transformers==5.24.0", "torch==2.13.0", "pillow==12.3.0")


def check_installed(name: str) -> None:
    """Reject a format whose packages are not installed, before a run is loaded."""
    missing = [module for module in FORMATS[name].needs if find_spec(module) is None]
    if missing:
        raise UserError(
            f"--to {name} needs the packages {', '.join(FORMATS[name].needs)}, and "
            f"{', '.join(missing)} cannot be imported here; make export installs them"
        )
