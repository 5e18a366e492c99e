"""An own torch module as an ONNX graph: a class or an object of a Python module, or an exported program."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from pathlib import Path

import onnx
import torch
from torch import nn

from offline.export.exported_model import sample
from offline.export.wrap.declared import Declared
from rtemo.core.errors import RtemoError
from rtemo.model.runtime import OUTPUT


def program_of(path: Path) -> nn.Module:
    """The module of a file that torch.export.save has written."""
    try:
        return torch.export.load(path).module()
    except Exception as error:  # torch's errors have no common base
        raise RtemoError(
            f"{path} is no exported program", str(error)[:200], "write it with torch.export.save"
        ) from error


def _at_rest(module: nn.Module) -> nn.Module:
    """On the CPU, without dropout. An exported program has its mode built in, and refuses to be told."""
    with contextlib.suppress(NotImplementedError):
        module.eval()
    return module.cpu()


def torch_onnx(module: nn.Module, declared: Declared) -> onnx.ModelProto:
    """The graph of a module that takes the declared inputs in their order, for any number of windows."""
    n, channels = torch.export.Dim("N", min=1), torch.export.Dim("C", min=1)
    axis = {"eeg": 2, "eeg_mask": 2, "positions": 1, "signal": 1}
    given = sample(declared.sizes, 3)
    free = tuple(
        {0: n, axis[what]: channels} if declared.channels is None and what in axis else {0: n}
        for what in declared.inputs.values()
    )
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it logs packages that are not needed
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter's remarks on its own internals
            program = torch.onnx.export(
                _at_rest(module),
                tuple(given[what] for what in declared.inputs.values()),
                input_names=list(declared.inputs),
                output_names=[OUTPUT],
                dynamic_shapes=free,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except Exception as error:
        shapes = ", ".join(f"{what} {tuple(given[what].shape)}" for what in declared.inputs.values())
        raise RtemoError(
            "this module cannot be exported on the declared inputs",
            f"{shapes}: {str(error).strip().splitlines()[0][:200]}",
            "see that its forward takes them in this order, with any number of windows",
        ) from error
    assert program is not None
    buffer = io.BytesIO()
    onnx.save(program.model_proto, buffer)
    return onnx.load_from_string(buffer.getvalue())
