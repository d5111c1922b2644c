"""LiteRT (formerly TensorFlow Lite): one file, and the smallest and quickest runtime."""

import tempfile
from pathlib import Path

import tensorflow as tf

from exporting.formats import FORMATS
from exporting.source import Source
from utils.quiet import hold_standard_error

SIGNATURE = "caption"


def write(source: Source, folder: Path, *, weights_in: str) -> None:
    """Write the graph with its weights in float32 or float16; products are in float32."""
    function = source.graph.frozen
    module = tf.Module()
    module.answer = function
    with tempfile.TemporaryDirectory() as saved, hold_standard_error():
        # From functions alone the converter makes a model without named inputs and outputs.
        signatures = {SIGNATURE: function.get_concrete_function()}
        tf.saved_model.save(module, saved, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=[SIGNATURE])
        if weights_in == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        converted = converter.convert()
    (folder / FORMATS["litert"].model).write_bytes(converted)
