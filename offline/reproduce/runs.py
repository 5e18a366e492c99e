"""Which experiments the comparison consists of: method, where its weights begin, modalities, seed, corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from offline.evaluation.experiment import NETWORK, PROBE
from offline.evaluation.methods import METHODS
from offline.perturb import KINDS
from offline.reproduce.scale import ComparisonScale
from offline.reproduce.sources import slug
from rtemo.core.types import Modality

SCRATCH, ALL = "scratch", "all"
OFFERS = (("eeg",), ("eye",), ("eeg", "eye"))
FEW = ("early-fusion",)  # the baselines that are tried with the labels of few people too


@dataclass(frozen=True, slots=True)
class ExperimentRun:
    """One experiment. init: SCRATCH, ALL, or the name of an unlabelled data set; baselines begin from scratch.

    control: on the people whose emotions show in nothing. labelled: whose labels are used, None: of everybody.
    new_clips: tested on clips that nobody who learned had seen.
    """

    method: str
    init: str
    modalities: tuple[str, ...]
    seed: int
    control: bool = False
    labelled: int | None = None
    new_clips: bool = False

    @property
    def main(self) -> bool:
        """Part of the comparison proper."""
        return self.where == "main"

    @property
    def where(self) -> str:
        """Which part of the comparison it belongs to."""
        if self.labelled is not None:
            return f"labels-of-{self.labelled}"
        return "control" if self.control else "new-clips" if self.new_clips else "main"

    @property
    def network(self) -> bool:
        return self.method in (NETWORK, PROBE)

    @property
    def id(self) -> str:
        return f"{self.where}_{self.method}_{slug(self.init)}_{'+'.join(self.modalities)}_seed{self.seed}"


def runs_of(scale: ComparisonScale, seeds: int, unlabelled: Sequence[str]) -> list[ExperimentRun]:
    """Every experiment; the cheap ones first."""
    given = (*unlabelled, *((ALL,) if len(unlabelled) > 1 else ()))
    learned = [(PROBE, init) for init in given] + [(NETWORK, init) for init in (SCRATCH, *given)]
    runs = [run for seed in range(seeds) for run in _baselines(scale, seed)]
    if scale.control:
        runs += [replace(run, control=True) for run in _baselines(scale, 0)]
        runs += [ExperimentRun(method, init, OFFERS[-1], 0, control=True) for method, init in _ends(learned)]
    if scale.new_clips:
        simple = [run for seed in range(seeds) for run in _baselines(scale, seed)]
        own = [ExperimentRun(*one, OFFERS[-1], seed) for seed in range(seeds) for one in _ends(learned)]
        runs += [replace(run, new_clips=True) for run in (*simple, *own)]
    for count in scale.labelled:
        few = [(method, SCRATCH) for method in FEW if method in scale.baselines] + _ends(learned)
        runs += [ExperimentRun(*one, OFFERS[-1], seed, labelled=count) for seed in range(seeds) for one in few]
    runs += [ExperimentRun(*one, offer, seed) for seed in range(seeds) for one in learned for offer in OFFERS]
    return runs


def _ends(learned: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """From scratch, and from the weights that have seen most."""
    last = learned[-1][1]
    return [one for one in learned if one[1] in (SCRATCH, last)]


def _baselines(scale: ComparisonScale, seed: int) -> Iterator[ExperimentRun]:
    for method in scale.baselines:
        yield ExperimentRun(method, SCRATCH, METHODS[method].modalities, seed)


def faults_for(scale: ComparisonScale, modalities: Sequence[str]) -> list[tuple[str, float]]:
    """The (kind, severity) that concern what a method looks at."""
    concerned = {Modality.EEG: "eeg" in modalities, Modality.GAZE: "eye" in modalities}
    return [
        (kind, level) for kind, levels in scale.faults.items() if concerned[KINDS[kind].modality] for level in levels
    ]


def fault_name(kind: str, severity: float) -> str:
    """As the results call the perturbed corpus."""
    return f"{kind}={severity:g}"
