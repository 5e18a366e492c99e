"""An own ONNX graph: its inputs checked against what is declared, and renamed to what the runtime calls them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import onnx
from onnx import TensorProto

from offline.export.exported_model import ExportedModel, cleaned, reading_heads
from offline.export.wrap.declared import Declared
from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import InputShape, ModelDeclaration, ModelKind
from rtemo.model.model_inputs import MASKS
from rtemo.model.runtime import OUTPUT

_TYPE = {True: (TensorProto.BOOL, "bool"), False: (TensorProto.FLOAT, "float32")}


def own_graph(model: onnx.ModelProto, declared: Declared, kind: ModelKind, name: str) -> ExportedModel:
    """The graph as a model for a bundle. Raises RtemoError where it wants something else than is declared."""
    _check_self_contained(model)
    given = [one for one in model.graph.input if one.name not in {w.name for w in model.graph.initializer}]
    _check_names([one.name for one in given], declared)
    for one in given:
        _check_type(one, declared)
    output = _output(model.graph.output, declared)
    width = _width(output, declared)
    graph = _renamed(model, dict[str, str](declared.inputs) | {output.name: OUTPUT})
    others = [one for one in graph.graph.output if one.name != OUTPUT]
    for one in others:
        graph.graph.output.remove(one)
    n_labels = len(declared.labels)
    sizes = declared.sizes
    return ExportedModel(
        graph=cleaned(graph).SerializeToString(),
        declaration=ModelDeclaration(
            kind=kind,
            name=name,
            inputs=tuple(declared.inputs[one.name] for one in given),
            channels=declared.channels,
            output=declared.given,
            reference=declared.reference,
            scale=declared.scale,
        ),
        shape=InputShape(sizes.frames, sizes.bands, sizes.eye_features, width),
        heads={} if declared.given == "embedding" else reading_heads(n_labels, 0),
    )


def wanted_shapes(declared: Declared) -> dict[str, tuple[int, ...]]:
    """The declared inputs' shapes without the leading N; the channels' number is -1 for any montage."""
    sizes = declared.sizes
    channels = -1 if declared.channels is None else sizes.channels
    return {
        "eeg": (sizes.frames, channels, sizes.bands),
        "eeg_mask": (sizes.frames, channels),
        "positions": (channels, 3),
        "eye": (sizes.eye_features,),
        "eye_valid": (sizes.eye_features,),
        "signal": (channels, sizes.samples),
    }


def _check_self_contained(model: onnx.ModelProto) -> None:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise RtemoError("this is no sound ONNX graph", str(error).splitlines()[0][:200], "export it again") from error


def _check_names(found: Sequence[str], declared: Declared) -> None:
    if set(found) != set(declared.inputs):
        raise RtemoError(
            "the graph wants other inputs than are declared",
            f"it wants {', '.join(found)}; declared are {', '.join(declared.inputs)}",
            "say what each is: --input NAME=signal (eeg, eeg_mask, positions, eye, eye_valid or signal)",
        )


def _check_type(given: onnx.ValueInfoProto, declared: Declared) -> None:
    what = declared.inputs[given.name]
    number, called = _TYPE[what in MASKS]
    tensor = given.type.tensor_type
    if tensor.elem_type != number:
        kind = TensorProto.DataType.Name(tensor.elem_type).lower()
        raise RtemoError(f"the graph's input {given.name} is of another type", f"{kind}; {what} is {called}", "cast it")
    wanted = (0, *wanted_shapes(declared)[what])
    found = [one.dim_value if one.HasField("dim_value") else -1 for one in tensor.shape.dim]
    fits = len(found) == len(wanted) and all(
        a == b or a == -1 or (i and b == -1 and a == -1) for i, (a, b) in enumerate(zip(found, wanted, strict=True))
    )
    if not fits:
        shape = ["N", *("channels" if n == -1 else str(n) for n in wanted[1:])]
        raise RtemoError(
            f"the graph's input {given.name} has another shape",
            f"({', '.join('free' if n == -1 else str(n) for n in found)}); {what} is ({', '.join(shape)})",
            "export it with a free first axis, for windows of this size",
        )


def _output(found: Sequence[onnx.ValueInfoProto], declared: Declared) -> onnx.ValueInfoProto:
    """The one that is meant: the only one, or the one that is named."""
    named = [one for one in found if one.name == declared.output_name or (len(found) == 1 and not declared.output_name)]
    if len(named) != 1:
        wanted = declared.output_name
        raise RtemoError(
            f"the graph has no output {wanted}" if wanted else "the graph has several outputs",
            ", ".join(f"{one.name} ({_shape(one)})" for one in found),
            "name the one that is meant: --output NAME=logits (embedding, logits or probabilities)",
        )
    return named[0]


def _shape(value: onnx.ValueInfoProto) -> str:
    dims = value.type.tensor_type.shape.dim
    return ", ".join(str(one.dim_value) if one.HasField("dim_value") else one.dim_param or "free" for one in dims)


def _width(output: onnx.ValueInfoProto, declared: Declared) -> int:
    if output.type.tensor_type.HasField("shape") and len(output.type.tensor_type.shape.dim) != 2:
        raise RtemoError("the graph's output is no table", f"({_shape(output)})", "give (N, d), a row for each window")
    dims = output.type.tensor_type.shape.dim
    width = dims[1].dim_value if len(dims) == 2 and dims[1].HasField("dim_value") else 0
    if declared.ratings:
        if width != len(declared.ratings):
            found = f"{width or len(dims)} {'outputs' if width else 'axes'}; named are {', '.join(declared.ratings)}"
            raise RtemoError("the graph gives other ratings", found, "give (N, d), and name all of them: --ratings")
        return width
    if declared.output == "embedding":
        if not width:
            raise RtemoError("the graph's output is no embedding", f"{len(dims)} axes", "give (N, d) with a fixed d")
        return width
    if width not in (0, len(declared.labels)):
        raise RtemoError(
            "the graph tells other labels apart",
            f"{width} outputs, {len(declared.labels)} labels",
            "name its labels (--labels), or what it rates (--ratings valence,arousal)",
        )
    return len(declared.labels)


def _renamed(model: onnx.ModelProto, names: Mapping[str, str]) -> onnx.ModelProto:
    """A copy with inputs and outputs of other names; names inside that would clash get an underscore."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    taken = set(names.values()) - set(names)
    for node in _nodes(copy.graph):
        for side in (node.input, node.output):
            for i, value in enumerate(side):
                side[i] = names.get(value, f"{value}_" if value in taken else value)
    for one in (*copy.graph.input, *copy.graph.output, *copy.graph.initializer, *copy.graph.value_info):
        one.name = names.get(one.name, f"{one.name}_" if one.name in taken else one.name)
    return copy


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Every node, those inside of If and Loop included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in ([attribute.g] if attribute.HasField("g") else []) + list(attribute.graphs):
                yield from _nodes(inner)
