"""What runs a network whose weights stay as they are: TensorFlow, or on a CPU OpenVINO, in half the time or less."""

import importlib.util
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from utils.device import has_bfloat16
from utils.errors import UserError

ENGINES = ("auto", "tensorflow", "openvino")


def choose_engine(name: str) -> str:
    """tensorflow or openvino: of `auto` the quicker one here."""
    there = importlib.util.find_spec("openvino") is not None
    if name == "openvino" and not there:
        raise UserError(
            "--engine openvino, and the package openvino is not installed; pip install openvino, or leave "
            "--engine out"
        )
    if name != "auto":
        return name
    return "openvino" if there and not tf.config.get_visible_devices("GPU") else "tensorflow"


def choose_precision(engine: str, wanted: str) -> str:
    """In what this engine takes products here: bfloat16 is taken by OpenVINO alone, where the processor has it."""
    return (
        "bfloat16"
        if wanted == "bfloat16" and engine == "openvino" and has_bfloat16()
        else "float32"
    )


def describe_precision(precision: str) -> dict[str, str]:
    """What a fingerprint says of the precision: of float32 nothing, so that older caches and runs stay valid."""
    return {} if precision == "float32" else {"precision": precision}


class OpenVINO:
    """A function of uint8 pictures (B, S, S, 3) to features (B, L, D), compiled with its weights as they are now."""

    def __init__(
        self,
        features: Callable[[tf.Tensor], tf.Tensor],
        variables: Sequence[keras.Variable],
        picture: tuple[int, ...],
        precision: str,
    ) -> None:
        """`variables` are what the function knows; `picture` is the shape of one; `precision` that of products, where the
        processor has it."""
        values = [(variable, variable.numpy()) for variable in variables]

        def frozen(images: tf.Tensor) -> tf.Tensor:
            with keras.StatelessScope(
                [(variable, tf.constant(value)) for variable, value in values]
            ):
                return features(images)

        traced = tf.function(
            frozen, input_signature=[tf.TensorSpec([1, *picture], tf.uint8)], autograph=False
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "frozen.pb"
            file.write_bytes(
                traced.get_concrete_function().graph.as_graph_def().SerializeToString()
            )
            self._model = _core().read_model(file)
        self._precision = {"float32": "f32", "bfloat16": "bf16"}[precision]
        self._shape = tuple(self._model.outputs[0].shape)[1:]
        self._turn = threading.Lock()

    def _compiled(self, hint: str) -> Any:
        return _core().compile_model(
            self._model,
            "CPU",
            {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": self._precision},
        )

    @cached_property
    def _alone(self) -> Any:
        """For one picture, on which all cores work together."""
        return self._compiled("LATENCY")

    @cached_property
    def _queue(self) -> Any:
        """For many, of which each core has one at a time; so a picture's features do not depend on those beside it."""
        queue = _openvino().AsyncInferQueue(self._compiled("THROUGHPUT"))

        def done(request: Any, place: tuple[np.ndarray, int]) -> None:
            features, row = place
            features[row] = request.get_output_tensor(0).data[0]

        queue.set_callback(done)
        return queue

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Features (B, L, D) float32."""
        images = np.ascontiguousarray(images)
        with self._turn:
            if len(images) == 1:
                return self._alone(images)[0].copy()
            features = np.empty((len(images), *self._shape), np.float32)
            for row in range(len(images)):
                self._queue.start_async({0: images[row : row + 1]}, (features, row))
            self._queue.wait_all()
            return features


def _openvino() -> Any:
    """The package, without its telemetry, which tells its makers of every import, unasked."""
    sys.modules.setdefault("openvino_telemetry", None)  # then it is taken to be not installed
    import openvino

    return openvino


@cache
def _core() -> Any:
    """One for the process: each sets a stack for signals and takes the one before it back at its end, so that where two
    end in another order, the next signal (a Ctrl-C) finds a stack that is gone."""
    return _openvino().Core()
