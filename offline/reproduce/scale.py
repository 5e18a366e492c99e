"""How large a comparison is: how many people, how long, how much training, which methods, faults and controls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from offline.perturb import KINDS
from rtemo.core.errors import RtemoError
from rtemo.model.network import NetworkConfig


@dataclass(frozen=True, slots=True)
class ComparisonScale:
    """people: how many of each data set at most, in the order downstream, then the unlabelled ones (None: all).

    length: simulated clips' and runs' lengths against the published ones. hop_s: between windows. folds: tested people
    (None: everybody). faults: kind -> severities of the robustness curves. control: simulated people whose emotions
    show in nothing, on whom every method must score chance; 0: none. labelled: whose labels are used at most, for the
    comparison with the labels of few people. new_clips: whether methods are tested on clips too that nobody saw who
    learned; only where the data set shows everybody the same clips.
    pretrain, finetune: settings of the training runs that differ from their defaults.
    """

    name: str
    description: str
    people: tuple[int | None, ...]
    length: float
    hop_s: float
    seeds: int
    folds: int | None
    baselines: tuple[str, ...]
    faults: Mapping[str, tuple[float, ...]]
    control: int
    labelled: tuple[int, ...] = ()
    new_clips: bool = False
    pretrain: Mapping[str, Any] = field(default_factory=dict)
    finetune: Mapping[str, Any] = field(default_factory=dict)


_NETWORK = NetworkConfig(channel_width=48, width=96, layers=2, heads=4)
SMALL = ComparisonScale(
    name="small",
    description=(
        "A small run: few people, short clips, a small network, few epochs and one seed. It shows that everything "
        "works and in which form the results come. Its numbers decide nothing: the intervals are as wide as they look."
    ),
    people=(5, 5, 5, 3),
    length=0.06,
    hop_s=2.0,
    seeds=1,
    folds=None,
    baselines=("majority", "de-lr", "de-svm", "eye-lr", "early-fusion"),
    faults={"channel-loss": (0.4, 0.8), "emg": (100.0,), "gaze-loss": (0.5,)},
    control=4,
    labelled=(2,),
    new_clips=True,
    pretrain={"steps": 60, "batch": 96, "network": _NETWORK},
    finetune={"epochs": 2, "per_trial": 3, "least_steps": 8, "network": _NETWORK},
)
FULL = ComparisonScale(
    name="full",
    description="The full run: everybody, clips of the published lengths, the default training, three seeds.",
    people=(None, None, None, None),
    length=1.0,
    hop_s=1.0,
    seeds=3,
    folds=None,
    baselines=("majority", "de-lr", "de-svm", "eye-lr", "eye-mlp", "early-fusion", "late-fusion"),
    faults={name: kind.levels for name, kind in KINDS.items()},
    control=15,
    labelled=(1, 2, 4, 8),
    new_clips=True,
)
SCALES = {"small": SMALL, "full": FULL}


def scale_of(name: str) -> ComparisonScale:
    """RtemoError lists the names."""
    if name not in SCALES:
        raise RtemoError("unknown scale", f"{name!r}", f"use {' or '.join(SCALES)}")
    return SCALES[name]
