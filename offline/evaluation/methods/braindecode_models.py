"""braindecode's models as methods: `braindecode:NAME`, trained from the start, from given weights, or frozen.

    braindecode:ShallowFBCSPNet            trained from random weights
    braindecode:Labram@FILE                from weights in a file (a state dict, .safetensors or .pt)
    braindecode:Labram@hub:REPO            from a hub that braindecode can reach
    braindecode:Labram@FILE,frozen         the network stays as it is, and a new linear head is fitted

They get the conditioned signal of the fixed channels at the pipeline's rate, referenced to the average and divided by
each channel's size so far, and the channels' names and positions (chs_info). What a model's authors scaled otherwise is
theirs to say: weights that were trained on microvolts see other numbers here. A bad channel is interpolated before.

braindecode imports torchaudio for filters that few models use. Where that cannot be loaded, names stand in for it, and
a model that calls one of them says so.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import types
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from offline.evaluation.methods.signal_channels import GRID_HZ, SAMPLES
from offline.evaluation.methods.signal_networks import SignalNetwork
from offline.evaluation.window_table import ChannelSet
from rtemo.core.errors import RtemoError

PREFIX = "braindecode:"
_HUB = "hub:"


@dataclass(frozen=True, slots=True)
class BraindecodeModel:
    """name: of a class in braindecode.models. weights: a file, "hub:REPO", or "". frozen: only a head learns."""

    name: str
    weights: str = ""
    frozen: bool = False

    def __call__(self, channels: ChannelSet, n_labels: int) -> nn.Module:
        """The model for the pipeline's windows (n, C, S), which gives logits (n, K)."""
        kind = _model_class(self.name)
        asked = {
            "n_chans": len(channels.labels),
            "n_outputs": n_labels,
            "n_times": SAMPLES,
            "sfreq": GRID_HZ,
            "chs_info": _channel_info(channels),
        }
        known = inspect.signature(kind.__init__).parameters
        given = {key: value for key, value in asked.items() if key in known}
        hub = self.weights.startswith(_HUB)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what it finds odd about its own defaults
                made = kind.from_pretrained(self.weights.removeprefix(_HUB), **given) if hub else kind(**given)
            if self.weights and not hub:
                _take(made, _state(Path(self.weights)), self.name)
            network: nn.Module = FrozenBody(made, len(channels.labels), n_labels) if self.frozen else FirstOutput(made)
            with torch.inference_mode():  # what does not fit these windows fails before an hour of training
                network.eval()(torch.zeros(2, len(channels.labels), SAMPLES))
            return network.train()
        except RtemoError:
            raise
        except Exception as error:  # whatever a model's constructor raises
            found = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
            raise RtemoError(
                f"braindecode's {self.name} cannot be made for these windows", found, "use another model"
            ) from error


def braindecode_method(text: str) -> SignalNetwork:
    """From `braindecode:NAME[@WEIGHTS][,frozen]`. Raises RtemoError where braindecode has no such model."""
    rest = text.removeprefix(PREFIX)
    frozen = rest.endswith(",frozen")
    name, _, weights = rest.removesuffix(",frozen").partition("@")
    _model_class(name)
    return SignalNetwork(BraindecodeModel(name, weights, frozen))


class FirstOutput(nn.Module):
    """Logits of a model that may give more than them."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return _first(self.body(x)).flatten(1)


class FrozenBody(nn.Module):
    """A network that stays as it is, without its last layer, and a linear head."""

    def __init__(self, body: nn.Module, n_channels: int, n_labels: int) -> None:
        super().__init__()
        if isinstance(getattr(body, "final_layer", None), nn.Module):
            body.final_layer = nn.Identity()
        self.body = body.requires_grad_(requires_grad=False).eval()
        with torch.inference_mode():
            width = _first(self.body(torch.zeros(2, n_channels, SAMPLES))).flatten(1).shape[1]
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, n_labels)

    def train(self, mode: bool = True) -> FrozenBody:  # noqa: FBT001, FBT002  nn.Module's own signature
        super().train(mode)
        self.body.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.norm(_first(self.body(x)).flatten(1)))
        return out


def _first(output: Any) -> Tensor:
    found = output[0] if isinstance(output, tuple | list) else output
    if not isinstance(found, Tensor):
        raise RtemoError("this model gives no tensor", type(found).__name__, "use another model")
    return found


def _model_class(name: str) -> Any:
    models = _models()
    found = getattr(models, name, None)
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        known = sorted(
            one for one, kind in vars(models).items() if inspect.isclass(kind) and issubclass(kind, nn.Module)
        )
        raise RtemoError(f"braindecode has no model {name!r}", "", f"use one of {', '.join(known)}")
    return found


def _models() -> types.ModuleType:
    if "braindecode.models" in sys.modules:
        return sys.modules["braindecode.models"]
    if importlib.util.find_spec("braindecode") is None:
        raise RtemoError("braindecode is not installed", "", 'install it: pip install "rtemo[braindecode]"')
    try:
        importlib.import_module("torchaudio")
    except (ImportError, OSError):
        for half in [key for key in sys.modules if key.split(".")[0] == "torchaudio"]:
            del sys.modules[half]
        whole = _StandIn("torchaudio")
        parts = {part: _StandIn(f"torchaudio.{part}") for part in ("functional", "transforms")}
        vars(whole).update(parts)
        sys.modules |= {"torchaudio": whole, **{one.__name__: one for one in parts.values()}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its remarks on what its own imports will be called
        return importlib.import_module("braindecode.models")


class _StandIn(types.ModuleType):
    """A module in which every name is a class that cannot be made."""

    def __getattr__(self, name: str) -> type[nn.Module]:
        if name.startswith("__"):
            raise AttributeError(name)

        def refuse(*_: object, **__: object) -> NoReturn:
            raise RtemoError(f"this model needs torchaudio's {name}", "it cannot be loaded here", "use another model")

        return type(name, (nn.Module,), {"__init__": refuse})


def _channel_info(channels: ChannelSet) -> list[dict[str, Any]]:
    """As MNE keeps it; positions in metres on a head of 9.5 cm."""
    rows = zip(channels.labels, channels.positions, strict=True)
    return [
        {"ch_name": label, "loc": np.pad(0.095 * place.astype(float), (0, 9)), "kind": "eeg"} for label, place in rows
    ]


def _state(path: Path) -> Mapping[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's errors have no common base
        raise RtemoError(f"{path} holds no weights that can be read", str(error)[:200], "save a state dict") from error
    state = found.get("state_dict", found) if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise RtemoError(f"{path} holds no state dict", type(found).__name__, "save model.state_dict()")
    return state


def _take(model: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Load what fits; the last layer may be of other labels. RtemoError where most stays random."""
    own = model.state_dict()
    fits = {key: value for key, value in state.items() if key in own and own[key].shape == value.shape}
    inner = [key for key in own if not key.startswith("final_layer")]
    share = sum(own[key].numel() for key in inner if key in fits) / max(sum(own[key].numel() for key in inner), 1)
    if share < 0.5:
        found = f"{len(fits)} of {len(own)} arrays, {share:.0%} of the numbers"
        raise RtemoError(f"these weights are not of braindecode's {name}", found, "name the model they were made with")
    model.load_state_dict({**own, **fits})
