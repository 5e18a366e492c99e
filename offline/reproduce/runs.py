"""Which experiments the comparison consists of: method, where its weights begin, modalities, seed, corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from offline.baselines import METHODS
from offline.evaluate import NETWORK
from offline.perturb import KINDS
from offline.reproduce.scale import Scale
from rtemo.core.types import Modality

SCRATCH, ALL = "scratch", "all"
OFFERS = (("eeg",), ("eye",), ("eeg", "eye"))
CONTROL_METHODS = ("de-lr", "eye-lr", "early-fusion")


@dataclass(frozen=True, slots=True)
class Run:
    """One experiment. init: SCRATCH, ALL, or the name of an unlabelled data set; baselines begin from scratch.

    control: on the people whose emotions show in nothing.
    """

    method: str
    init: str
    modalities: tuple[str, ...]
    seed: int
    control: bool = False

    @property
    def id(self) -> str:
        where = "control" if self.control else "main"
        return f"{where}_{self.method}_{slug(self.init)}_{'+'.join(self.modalities)}_seed{self.seed}"


def runs_of(scale: Scale, seeds: int, unlabelled: Sequence[str]) -> list[Run]:
    """Every experiment; the cheap ones first."""
    inits = (SCRATCH, *unlabelled, *((ALL,) if len(unlabelled) > 1 else ()))
    runs = [run for seed in range(seeds) for run in _baselines(scale, seed)]
    if scale.control:
        offered = [(method, METHODS[method].modalities) for method in CONTROL_METHODS if method in scale.baselines]
        runs += [Run(method, SCRATCH, modalities, 0, control=True) for method, modalities in offered]
        runs.append(Run(NETWORK, SCRATCH, OFFERS[-1], 0, control=True))
    runs += [Run(NETWORK, init, offer, seed) for seed in range(seeds) for init in inits for offer in OFFERS]
    return runs


def _baselines(scale: Scale, seed: int) -> Iterator[Run]:
    for method in scale.baselines:
        yield Run(method, SCRATCH, METHODS[method].modalities, seed)


def faults_for(scale: Scale, modalities: Sequence[str]) -> list[tuple[str, float]]:
    """The (kind, severity) that concern what a method looks at."""
    concerned = {Modality.EEG: "eeg" in modalities, Modality.GAZE: "eye" in modalities}
    return [
        (kind, level) for kind, levels in scale.faults.items() if concerned[KINDS[kind].modality] for level in levels
    ]


def fault_name(kind: str, severity: float) -> str:
    """As the results call the perturbed corpus."""
    return f"{kind}={severity:g}"


def slug(name: str) -> str:
    """Letters, digits and dashes of a name, for files."""
    return "".join(c if c.isalnum() else "-" for c in name.lower()).strip("-")
