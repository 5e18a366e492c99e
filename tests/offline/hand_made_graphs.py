"""ONNX graphs as somebody else would make them, without torch."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper


def signal_graph(channels, n_labels, what="signal", bias=0.0, gain=1.0):
    """x -> y: the mean square of each channel's signal, or the eye features, times a fixed matrix."""
    width = len(channels) if what == "signal" else 33
    shape = ["N", width, 800] if what == "signal" else ["N", width]
    weight = (gain * np.random.default_rng(1).normal(size=(width, n_labels))).astype(np.float32)
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["square"]),
        helper.make_node("ReduceMean", ["square", "axis"], ["power"], keepdims=0),
    ]
    fed = "power" if what == "signal" else "x"
    last = [helper.make_node("MatMul", [fed, "weight"], ["raw"]), helper.make_node("Add", ["raw", "bias"], ["y"])]
    arrays = {"weight": weight, "bias": np.full(n_labels, bias, np.float32), "axis": np.array([2], np.int64)}
    if what != "signal":
        nodes, arrays = [], {name: value for name, value in arrays.items() if name != "axis"}
    graph = helper.make_graph(
        [*nodes, *last],
        "own",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", n_labels])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
