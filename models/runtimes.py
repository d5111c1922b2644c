"""The runtimes of exported models. Each is a package of its own, and none needs this project."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from models.openvino import get_core
from utils.errors import UserError
from utils.quiet import hold_standard_error, import_tensorflow

Answers = dict[str, np.ndarray]
Run = Callable[[np.ndarray], Answers]


def load_runtime(folder: Path, signature: dict[str, Any]) -> Run:
    """Return the function of an exported folder: pictures uint8 (N, S, S, 3) to named arrays."""
    name = signature["format"]
    if name not in RUNTIMES:
        raise UserError(
            f"{folder} has the format {name}, which this program writes and does not run; "
            f"export to {', '.join(RUNTIMES)}"
        )
    model = folder / signature["model"]
    if not model.exists():
        raise UserError(f"{folder} is not complete: it has no {model.name}; export again")
    try:
        return RUNTIMES[name](model)
    except ImportError as error:
        raise UserError(
            f"{folder} needs the package {error.name}, which is not installed; make export"
        ) from None
    except Exception as error:  # each runtime has errors of its own for a damaged model
        line = str(error).strip().partition("\n")[0]
        raise UserError(f"{model} is damaged ({line}); export again") from error


def _load_litert(model: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    with hold_standard_error():  # it says which of its parts it has made
        interpreter = Interpreter(str(model))
        interpreter.allocate_tensors()
    name = next(iter(interpreter.get_signature_list()))
    answer = interpreter.get_signature_runner(name)
    lock = Lock()  # the tensors of a run are shared

    def run(pixels: np.ndarray) -> Answers:
        with lock:
            return answer(pixels=pixels)

    return run


def _load_openvino(model: Path) -> Run:
    # Where the processor has bfloat16, OpenVINO would otherwise take it.
    options = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = get_core().compile_model(model, "CPU", options)
    lock = Lock()

    def run(pixels: np.ndarray) -> Answers:
        with lock:
            results = compiled(pixels)
            return {output.any_name: array.copy() for output, array in results.items()}

    return run


def _load_onnx(model: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(pixels: np.ndarray) -> Answers:
        return dict(zip(names, session.run(names, {"pixels": pixels}), strict=True))

    return run


def _load_saved_model(model: Path) -> Run:
    import_tensorflow()
    import tensorflow as tf

    loaded = tf.saved_model.load(model)
    answer = loaded.signatures["answer_pixels"]

    def run(pixels: np.ndarray) -> Answers:
        answers = answer(pixels=tf.constant(pixels))
        return {name: tensor.numpy() for name, tensor in answers.items()}

    run.loaded = loaded  # whose variables the signature reads
    return run


RUNTIMES: dict[str, Callable[[Path], Run]] = {
    "saved_model": _load_saved_model,
    "litert": _load_litert,
    "openvino": _load_openvino,
    "onnx": _load_onnx,
}
