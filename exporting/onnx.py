"""ONNX: one file, for ONNX Runtime on machines, telephones and in browsers."""

from pathlib import Path
from typing import Any

import numpy as np

from exporting.formats import FORMATS
from exporting.source import Source
from utils.quiet import hold_standard_error

OPSET = 18  # version of the operations
LEAST_HALVED = 1024  # numbers of a weight that is kept in float16


def write(source: Source, folder: Path, *, weights_in: str) -> None:
    """Write the graph with its weights in float32 or float16; products are in float32."""
    import onnx  # optional packages: make export
    import tf2onnx

    with hold_standard_error():
        model, _ = tf2onnx.convert.from_function(
            source.graph.frozen,
            input_signature=source.graph.signature,
            opset=OPSET,
            custom_op_handlers={"Erfc": (_write_erfc, [])},
        )
    if weights_in == "float16":
        halve_weights(model.graph)
    onnx.checker.check_model(model)
    onnx.save(model, folder / FORMATS["onnx"].model)


def _write_erfc(graph: Any, node: Any, _name: str, _arguments: list[Any]) -> Any:
    """Write TensorFlow's erfc, which is in exact GELU, as 1 − erf: ONNX has no other."""
    node.type = "Erf"
    node.domain = ""
    output = node.output[0]
    one = graph.make_const(f"{node.name}_one", np.array(1, np.float32))
    graph.insert_new_node_on_output("Sub", output, inputs=[one.output[0], output])
    return node


def halve_weights(graph: Any) -> None:
    """Keep a graph's large float32 weights in float16, and cast them back where they are used."""
    from onnx import AttributeProto, TensorProto, helper, numpy_helper

    casts = []
    for weight in list(graph.initializer):
        if weight.data_type != TensorProto.FLOAT or np.prod(weight.dims) < LEAST_HALVED:
            continue
        half = numpy_helper.to_array(weight).astype(np.float16)
        name = f"{weight.name}_half"
        graph.initializer.remove(weight)
        graph.initializer.append(numpy_helper.from_array(half, name))
        casts.append(helper.make_node("Cast", [name], [weight.name], to=TensorProto.FLOAT))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:  # the body of a loop or of a condition
                halve_weights(attribute.g)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
