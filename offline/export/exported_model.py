"""A fitted model as the live application runs it: an ONNX graph, what it takes and gives, and its linear heads.

A method's graph puts out logits (N, K) and, where it has any, features (N, d) that novelty is judged by. What the
decoder calls an embedding is both side by side, and its heads read the logits off it: a person's calibration can refit
them as it does those of the network.
"""

from __future__ import annotations

import hashlib
import io
import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rtemo.core.errors import RtemoError
from rtemo.model.bundle import LinearHead
from rtemo.model.bundle_schema import COMBINATIONS, FixedChannels, InputShape, ModelDeclaration, ModelInput
from rtemo.model.embeddings import HEADS
from rtemo.model.model_inputs import OF_MODALITY
from rtemo.model.runtime import FEATURES, OUTPUT


@dataclass(frozen=True, slots=True)
class ExportedModel:
    """graph: the bytes of model.onnx. heads: one of each name in HEADS, on embeddings of shape.embedding numbers.

    network: rtemo's own network's settings and weights, for further training; empty for other models.
    """

    graph: bytes
    declaration: ModelDeclaration
    shape: InputShape
    heads: Mapping[str, LinearHead]
    network: Mapping[str, Any] = field(default_factory=dict)
    weights: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """Of the graph."""
        return hashlib.sha256(self.graph).hexdigest()

    @property
    def combinations(self) -> tuple[str, ...]:
        """The combinations of modalities that it can decide by."""
        return combinations_of(self.declaration.inputs)


def combinations_of(inputs: Sequence[str]) -> tuple[str, ...]:
    """The combinations of modalities that a model with these inputs can decide by."""
    sees = {modality: any(name in inputs for name in names) for modality, names in OF_MODALITY.items()}
    offered = {"eeg": sees["eeg"], "eye": sees["eye"], "both": sees["eeg"] and sees["eye"]}
    return tuple(name for name in COMBINATIONS if offered[name])


def reading_heads(n_labels: int, features: int) -> dict[str, LinearHead]:
    """Heads that read the logits off embeddings of logits and features."""
    weight = np.eye(n_labels, n_labels + features, dtype=np.float32)
    return {head: LinearHead(weight, np.zeros(n_labels, np.float32)) for head in HEADS}


def embedding_of(logits: NDArray[np.floating], features: NDArray[np.floating]) -> NDArray[np.float32]:
    """(n, K), (n, d) -> (n, K + d), as the runtime puts them together."""
    return np.concatenate((logits, features), axis=1).astype(np.float32)


class WindowGraph(nn.Module):
    """What is exported: declared inputs in their order -> logits, and features where there are any."""

    def __init__(self, names: Sequence[str], model: nn.Module) -> None:
        super().__init__()
        self.names, self.model = tuple(names), model

    def forward(self, *arrays: Tensor) -> tuple[Tensor, ...]:
        outputs: tuple[Tensor, ...] = self.model(dict(zip(self.names, arrays, strict=True)))
        return tuple(output.float() for output in outputs)


@dataclass(frozen=True, slots=True)
class GraphSizes:
    """How large the declared inputs are: frames, channels, bands, eye features, samples."""

    frames: int
    channels: int
    bands: int
    eye_features: int
    samples: int


def exported(
    model: nn.Module,
    name: str,
    inputs: Sequence[ModelInput],
    channels: FixedChannels | None,
    sizes: GraphSizes,
    n_labels: int,
    features: int = 0,
) -> ExportedModel:
    """A torch module over declared inputs, by name, that gives (logits,) or (logits, features). Any number of windows.

    The channels are those of `channels`; without them, as many as `sizes` says.
    """
    declaration = ModelDeclaration("method", name, tuple(inputs), channels, "logits", features)
    names = [OUTPUT, *([FEATURES] if features else [])]
    graph = torch_graph(WindowGraph(inputs, model.eval()), list(inputs), names, sizes)
    shape = InputShape(sizes.frames, sizes.bands, sizes.eye_features, n_labels + features)
    return ExportedModel(graph, declaration, shape, reading_heads(n_labels, features))


def torch_graph(module: nn.Module, inputs: Sequence[str], outputs: Sequence[str], sizes: GraphSizes) -> bytes:
    """The ONNX graph of a module that takes the declared inputs in this order."""
    n = torch.export.Dim("N", min=1)
    given = sample(sizes, 3)
    free = tuple({0: n} for _ in inputs)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it logs packages that are not needed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's remarks on its own internals
            program = torch.onnx.export(
                module,
                tuple(given[name] for name in inputs),
                input_names=list(inputs),
                output_names=list(outputs),
                dynamic_shapes=(free,) if isinstance(module, WindowGraph) else free,  # its arguments are one list
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:  # the exporter's errors have no public base
        found = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise RtemoError("this model cannot be written as an ONNX graph", found, "use another model") from error
    assert program is not None
    buffer = io.BytesIO()
    onnx.save(cleaned(program.model_proto), buffer)
    return buffer.getvalue()


def cleaned(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without what torch records of the source files of every node: names of folders on this machine, and half a MB."""
    for graph in (model.graph, *model.functions):
        del graph.metadata_props[:]
        graph.doc_string = ""
        for part in (*graph.node, *getattr(graph, "initializer", ()), *graph.value_info):
            del part.metadata_props[:]
            part.doc_string = ""
    del model.metadata_props[:]
    return model


def sample(sizes: GraphSizes, n: int) -> dict[str, Tensor]:
    """Random windows by the names of the declared inputs, a fifth of the values masked."""
    random = torch.Generator().manual_seed(n)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    def mask(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random) > 0.2

    eeg = (n, sizes.frames, sizes.channels)
    return {
        "eeg": normal(*eeg, sizes.bands),
        "eeg_mask": mask(*eeg),
        "positions": nn.functional.normalize(normal(n, sizes.channels, 3), dim=-1),
        "eye": normal(n, sizes.eye_features),
        "eye_valid": mask(n, sizes.eye_features),
        "signal": normal(n, sizes.channels, sizes.samples),
    }
