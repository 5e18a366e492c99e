"""Export the network as an ONNX graph, checked against torch."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor

from offline.export.exported_model import ExportedModel, cleaned
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import LinearHead
from rtemo.model.bundle_schema import OWN_NETWORK, InputShape
from rtemo.model.embeddings import HEADS
from rtemo.model.network import Heads, Network, NetworkConfig
from rtemo.model.runtime import INPUTS, OUTPUTS

TOLERANCE = 1e-4
_CHECKED = ((1, 62), (3, 4), (2, 129), (1, 1), (1, 0))  # windows and channels: any number of both must work


def write_onnx(network: Network, path: Path) -> None:
    """Write the graph with free N and C. Raises RtemoError where ONNX Runtime disagrees by TOLERANCE or more."""
    n, c = torch.export.Dim("N", min=1), torch.export.Dim("C", min=1)
    shapes = ({0: n, 2: c}, {0: n, 2: c}, {0: n, 1: c}, {0: n}, {0: n})
    network = network.cpu().eval()
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it logs packages that are not needed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's remarks on its own internals
        torch.onnx.export(
            network,
            sample_inputs(network.config, 3, 7),
            path,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    without_traces(path)
    worst = disagreement(network, path)
    if not worst < TOLERANCE:
        raise RtemoError(
            "the exported network gives other values than torch", f"largest difference {worst:g}", "report this"
        )


def export_network(network: Network, heads: Heads) -> ExportedModel:
    """The network and its heads as a model for a bundle."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write_onnx(network, path)
        graph = path.read_bytes()
    config = network.config
    return ExportedModel(
        graph=graph,
        declaration=OWN_NETWORK,
        shape=InputShape(config.frames, config.bands, config.eye_features, config.width),
        heads=head_arrays(heads),
        network=config.to_dict(),
        weights={key: value.half().numpy() for key, value in network.state_dict().items()},
    )


def head_arrays(heads: Heads) -> dict[str, LinearHead]:
    """The heads as a bundle keeps them."""
    values = {name: value.numpy().copy() for name, value in heads.state_dict().items()}
    return {name: LinearHead(values[f"linear.{name}.weight"], values[f"linear.{name}.bias"]) for name in HEADS}


def without_traces(path: Path) -> None:
    """Write the graph again without what torch notes of this machine."""
    onnx.save(cleaned(onnx.load(path)), path)


def disagreement(network: Network, path: Path) -> float:
    """The largest absolute difference between torch and ONNX Runtime over several numbers of windows and channels."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for n, channels in _CHECKED:
        inputs = sample_inputs(network.config, n, channels)
        with torch.inference_mode():
            expected = network.embed(*inputs)
        feed = {name: value.numpy() for name, value in zip(INPUTS, inputs, strict=True)}
        found = session.run(OUTPUTS, feed)
        worst = max(worst, *(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, expected, strict=True)))
    return worst


def sample_inputs(config: NetworkConfig, n: int, channels: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Random windows in the order of INPUTS, a fifth of the values masked; the same for the same arguments."""
    random = torch.Generator().manual_seed(1000 * n + channels)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random)

    def mask(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=random) > 0.2

    frames, features = config.frames, config.eye_features
    positions = torch.nn.functional.normalize(normal(n, channels, 3), dim=-1)
    eeg, eeg_mask = normal(n, frames, channels, config.bands), mask(n, frames, channels)
    return eeg, eeg_mask, positions, normal(n, features), mask(n, features)
