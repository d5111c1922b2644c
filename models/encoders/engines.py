"""The engines that run a frozen network: TensorFlow, or OpenVINO, twice as fast on a CPU."""

import importlib.util
import tempfile
import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from models.openvino import get_core, import_openvino
from utils.device import choose_auto_engine, has_bfloat16
from utils.errors import UserError

OPENVINO_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


def choose_engine(name: str) -> str:
    """Return tensorflow or openvino; for auto, the faster one that is installed here."""
    if name == "openvino" and importlib.util.find_spec("openvino") is None:
        raise UserError(
            "--engine openvino needs the package openvino, which is not installed; "
            "pip install openvino, or omit --engine"
        )
    if name != "auto":
        return name
    return choose_auto_engine(has_gpu=bool(tf.config.get_visible_devices("GPU")))


def choose_precision(engine: str, wanted: str) -> str:
    """Return the precision of products: bfloat16 only in OpenVINO, on processors that have it."""
    if wanted == "bfloat16" and engine == "openvino" and has_bfloat16():
        return "bfloat16"
    return "float32"


def describe_precision(precision: str) -> dict[str, str]:
    """Return the precision's part of a fingerprint, which is empty for float32."""
    if precision == "float32":
        return {}
    return {"precision": precision}


class OpenVINO:
    """A compiled function from uint8 pictures (B, S, S, 3) to features (B, L, D).

    It keeps the values that the weights have when it is made.
    """

    def __init__(
        self,
        encode: Callable[[tf.Tensor], tf.Tensor],
        variables: Sequence[keras.Variable],
        picture_shape: tuple[int, ...],
        precision: str,
    ) -> None:
        """`variables` are those that `encode` reads; `precision` is that of its products."""
        graph = _trace_frozen(encode, variables, picture_shape)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "frozen.pb"
            file.write_bytes(graph.as_graph_def().SerializeToString())
            self._model = get_core().read_model(file)
        self._precision = OPENVINO_PRECISIONS[precision]
        self._features_shape = tuple(self._model.outputs[0].shape)[1:]
        self._lock = threading.Lock()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the features (B, L, D) float32."""
        images = np.ascontiguousarray(images)
        with self._lock:
            if len(images) == 1:
                return self._single_model(images)[0].copy()
            features = np.empty((len(images), *self._features_shape), np.float32)
            for row in range(len(images)):
                self._queue.start_async({0: images[row : row + 1]}, (features, row))
            self._queue.wait_all()
            return features

    @cached_property
    def _single_model(self) -> Any:
        """The model for one picture, on which all cores work together."""
        return self._compile("LATENCY")

    @cached_property
    def _queue(self) -> Any:
        """A queue for many pictures, in which each core works on one of them at a time.

        So a picture's features do not depend on the pictures beside it.
        """
        queue = import_openvino().AsyncInferQueue(self._compile("THROUGHPUT"))

        def store(request: Any, place: tuple[np.ndarray, int]) -> None:
            features, row = place
            features[row] = request.get_output_tensor(0).data[0]

        queue.set_callback(store)
        return queue

    def _compile(self, hint: str) -> Any:
        options = {"PERFORMANCE_HINT": hint, "INFERENCE_PRECISION_HINT": self._precision}
        return get_core().compile_model(self._model, "CPU", options)


def _trace_frozen(
    encode: Callable[[tf.Tensor], tf.Tensor],
    variables: Sequence[keras.Variable],
    picture_shape: tuple[int, ...],
) -> tf.Graph:
    """Return the graph of `encode` for one picture, with variables replaced by constants."""
    values = [(variable, variable.numpy()) for variable in variables]

    def encode_frozen(images: tf.Tensor) -> tf.Tensor:
        constants = [(variable, tf.constant(value)) for variable, value in values]
        with keras.StatelessScope(constants):
            return encode(images)

    signature = [tf.TensorSpec([1, *picture_shape], tf.uint8)]
    traced = tf.function(encode_frozen, input_signature=signature, autograph=False)
    return traced.get_concrete_function().graph
