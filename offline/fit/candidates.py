"""Which methods `--method auto` compares, from the simplest to the most complex, and which of them ships."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from offline.evaluation.methods import METHODS
from offline.evaluation.methods.base import Method
from offline.evaluation.methods.own import OwnNetwork
from offline.training.initial_weights import InitialWeights
from rtemo.core.errors import RtemoError

# By what is fitted: a regression on few features, one on many, projections, small networks, networks on the signal
SIMPLEST_FIRST = (
    *(
        "eye-lr",
        "de-lr",
        "de-svm",
        "early-fusion",
        "late-fusion",
        "cca",
        "riemann-fixed",
        "riemann",
        "eye-mlp",
        "bdae",
        "deep-cca",
    ),
    *("dgcnn", "eegnet", "conformer"),
)
REFERENCE = "majority"  # chance, for the table: it never ships
SCRATCH, PROBE, FINE_TUNED = "network from scratch", "network, given and frozen", "network, given and fine-tuned"


@dataclass(frozen=True, eq=False)
class Candidate:
    """A method to compare. initial: the weights that it begins from."""

    name: str
    method: Method
    initial: InitialWeights | None = None

    @property
    def known(self) -> tuple[Sequence[str], Sequence[str] | None]:
        """People and clips that its weights have seen."""
        return ((), None) if self.initial is None else (self.initial.people, self.initial.clips)


Networks = Callable[[str, InitialWeights | None], OwnNetwork]  # mode and given weights to a network


def all_candidates(network: Networks, initial: InitialWeights | None) -> list[Candidate]:
    """Every method, the simplest first."""
    found = [Candidate(name, METHODS[name]) for name in SIMPLEST_FIRST if name in METHODS]
    found += [Candidate(name, method) for name, method in METHODS.items() if name not in (*SIMPLEST_FIRST, REFERENCE)]
    if initial is not None:
        found.append(Candidate(PROBE, network("probe", initial), initial))
    found.append(Candidate(SCRATCH, network("full", None)))
    if initial is not None:
        found.append(Candidate(FINE_TUNED, network("full", initial), initial))
    return found


def simplest_of_the_best(scores: Mapping[str, Mapping[str, float]], order: Sequence[str]) -> str:
    """The first in `order` that is within one standard error of the best: of their paired difference over people.

    scores: method -> person -> score; all have the same people. Breiman et al. 1984's rule, with the difference's own
    error: people differ far more than methods do.
    """
    if not scores:
        raise RtemoError("no method could be fitted", "", "look at the reasons")
    people = sorted(next(iter(scores.values())))
    values = {name: np.array([own[who] for who in people]) for name, own in scores.items()}
    best = max(values, key=lambda name: (values[name].mean(), -order.index(name)))
    for name in sorted(values, key=order.index):
        behind = values[best] - values[name]
        error = behind.std(ddof=1) / np.sqrt(len(behind)) if len(behind) > 1 else 0.0
        if behind.mean() <= error:
            return name
    return best


def nested_scores(
    scores: Mapping[str, Mapping[str, float]], groups: Sequence[Sequence[str]], order: Sequence[str]
) -> dict[str, float]:
    """Person -> the score of the method that the other groups' people would have chosen: what choosing is worth."""
    found: dict[str, float] = {}
    for own in groups:
        others = {name: {who: value for who, value in one.items() if who not in own} for name, one in scores.items()}
        chosen = simplest_of_the_best(others, order)
        found |= {who: scores[chosen][who] for who in own if who in scores[chosen]}
    return found
