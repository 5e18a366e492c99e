"""Conformal sets for people unlike the calibration people: `python -m offline.benchmarks.sets_for_new_people`.

The sets that ship against neighbour and weighted calibration, on people of the family that was calibrated on and of
others: coverage (mean over people), the least covered person, size, and the share of windows that would abstain. All
have the same model, cross-fitted, and the same held-out outputs.

    pooled           what ships: every calibration person counts the same, and one more with an infinite score
    near windows     neighbourhood conformal prediction, as in arXiv 2602.19483: the scores of the NEAREST calibration
                     windows in the space that novelty is judged in, weighted by exp(-distance / mean distance)
    near people      calibration people weighted by how near their mean embedding is to that of the person so far, a
                     Gaussian as wide as calibration people are apart; the person's own weight stands for an infinite
                     score, so that who is far from everybody gets every label (localised conformal prediction)
    covered people   the threshold that covers 80 % of the windows of 80 % of the people, each taken alone
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np
from numpy.typing import NDArray

from offline.benchmarks.everybodys_data import of_people
from offline.corpus.corpus import Corpus, open_corpus
from offline.evaluation.methods import METHODS
from offline.evaluation.window_table import tabulate
from offline.export.session_outputs import NetworkOutputs
from offline.fit.calibration import Decoded, HeldOutCalibration, decoded
from offline.fit.cross_fit import CrossFit, FitData, cross_fit, fit_data, fit_everybody
from offline.fit.held_out_outputs import gate_passes, outputs_of
from rtemo.model.bundle_schema import MAIN_HEAD
from rtemo.model.uncertainty.conformal import quantile, scores

LEVEL, LARGEST_SET = 0.8, 3
NEAREST = 200  # calibration windows
WIDTHS = (0.5, 0.7, 1.0)  # of the Gaussian, in mean distances of a calibration person from the others
Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Person:
    """Labelled windows: labels (n,), smooth (n, K), embeddings z (n, d). mean: of all windows up to each one (n, d)."""

    labels: NDArray[np.int64]
    smooth: Array
    z: Array
    mean: Array

    @property
    def scores(self) -> Array:
        return scores(self.smooth, self.labels)


def people_of(calibration: HeldOutCalibration, sessions: Sequence[NetworkOutputs], name: str) -> list[Person]:
    """Those who offer the combination; one session each."""
    by_name = {session.shard.about.subject: session for session in sessions}
    return [_person(one, by_name[one.subject], name) for one in decoded(calibration, sessions, name)]


def _person(one: Decoded, session: NetworkOutputs, name: str) -> Person:
    z, passes = session.z[MAIN_HEAD[name]].astype(np.float64), session.passes[name]
    seen = np.cumsum(passes)[:, None]
    mean = np.cumsum(np.where(passes[:, None], z, 0.0), axis=0) / np.maximum(seen, 1)
    counted = session.counted(name)
    return Person(one.labels, one.smooth, z[counted], mean[counted])


def pooled(known: Sequence[Person], person: Person) -> Array:
    """(n,) thresholds."""
    who = np.concatenate([np.full(len(one.labels), i) for i, one in enumerate(known)])
    return np.full(len(person.labels), quantile(np.concatenate([one.scores for one in known]), who, LEVEL))


def near_windows(known: Sequence[Person], person: Person) -> Array:
    """(n,) thresholds."""
    z, score = np.concatenate([one.z for one in known]), np.concatenate([one.scores for one in known])
    found = []
    for own in person.z:
        distance = np.linalg.norm(z - own, axis=1)
        near = np.argpartition(distance, NEAREST)[:NEAREST]
        found.append(_weighted(score[near], np.exp(-distance[near] / distance[near].mean()), 0.0))
    return np.array(found)


def near_people(known: Sequence[Person], person: Person, width: float) -> Array:
    """(n,) thresholds; infinite where the person is too far from everybody."""
    centres = np.stack([one.mean[-1] for one in known])
    spread = centres.std(axis=0) + 1e-9
    apart = np.linalg.norm((centres[:, None] - centres[None]) / spread, axis=2)
    scale = width * apart[~np.eye(len(apart), dtype=bool)].mean()
    score = np.concatenate([one.scores for one in known])
    sizes = [len(one.labels) for one in known]
    each = np.repeat(1.0 / np.array(sizes), sizes)
    found = []
    for mean in person.mean[:: max(1, len(person.mean) // 40)]:
        kernel = np.exp(-0.5 * (np.linalg.norm((centres - mean) / spread, axis=1) / scale) ** 2)
        found.append(_weighted(score, np.repeat(kernel, sizes) * each, 1.0))
    return np.repeat(found, max(1, len(person.mean) // 40))[: len(person.mean)]


def covered_people(known: Sequence[Person], person: Person) -> Array:
    """(n,) thresholds."""
    alone = np.array([np.quantile(one.scores, LEVEL) for one in known])
    at = int(np.ceil(LEVEL * (len(alone) + 1))) - 1
    return np.full(len(person.labels), np.sort(alone)[at] if at < len(alone) else np.inf)


def _weighted(score: Array, weight: Array, infinite: float) -> float:
    """The score that LEVEL of the weight stays under, where `infinite` of it lies above everything."""
    order = np.argsort(score, kind="stable")
    mass = np.cumsum(weight[order]) / (weight.sum() + infinite)
    at = int(np.searchsorted(mass, LEVEL - 1e-12))
    return float(score[order[at]]) if at < len(score) else float("inf")


def row(thresholds: Sequence[Array], people: Sequence[Person]) -> str:
    """Coverage, least covered person, size, share that abstains."""
    covered = [float(np.mean(one.scores <= at)) for one, at in zip(people, thresholds, strict=True)]
    inside = [(1.0 - one.smooth <= at[:, None]).sum(axis=1) for one, at in zip(people, thresholds, strict=True)]
    sizes = np.maximum(np.concatenate(inside), 1)
    cells = np.mean(covered), np.min(covered), sizes.mean(), np.mean(sizes > LARGEST_SET)
    return " | ".join(f"{value:.2f}" for value in cells)


def tested(data: FitData, found: CrossFit, others: Mapping[str, Corpus]) -> dict[str, list[NetworkOutputs]]:
    """What the model that everybody trained makes of other corpora's people."""
    model, learned = fit_everybody(data, found), np.flatnonzero(data.table.ids.label >= 0)
    outputs = {}
    for name, corpus in others.items():
        table = tabulate(
            replace(corpus, shards=(*data.corpus.shards, *corpus.shards)), data.table.channels, labelled=False
        )
        task = replace(found.task, table=table, passes=gate_passes(table.shards, found.task.gate))
        numbers = list(range(len(data.corpus.shards), len(table.shards)))
        outputs[name] = list(outputs_of(task, model, numbers, learned))
    return outputs


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.sets_for_new_people", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help="whose first people are learned from")
    parser.add_argument("--people", type=int, default=40, metavar="N", help="the others are tested (default 40)")
    parser.add_argument("--other", type=Path, nargs="*", default=[], metavar="C", help="people of other families")
    parser.add_argument("--method", default="early-fusion", choices=list(METHODS), metavar="NAME")
    options = parser.parse_args()
    corpus = open_corpus(options.corpus)
    order = [str(who) for who in np.random.default_rng(5).permutation(corpus.subjects)]
    data = fit_data(of_people(corpus, order[: options.people]), 0, 8)
    found = cross_fit(data, options.method, METHODS[options.method])
    name = next(one for one in ("both", "eeg", "eye") if one in found.calibration.combinations)
    known = people_of(found.calibration, found.sessions, name)
    others = {"the same family": of_people(corpus, order[options.people :])}
    others |= {path.name: open_corpus(path) for path in options.other}
    lines = ["| people | sets | coverage | least | size | abstain |", "|---|---|---|---|---|---|"]
    for family, outputs in tested(data, found, others).items():
        people = people_of(found.calibration, outputs, name)
        ways = {
            "pooled": [pooled(known, one) for one in people],
            "near windows": [near_windows(known, one) for one in people],
            **{f"near people, width {w:g}": [near_people(known, one, w) for one in people] for w in WIDTHS},
            "covered people": [covered_people(known, one) for one in people],
        }
        lines += [f"| {family} ({len(people)}) | {way} | {row(at, people)} |" for way, at in ways.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
