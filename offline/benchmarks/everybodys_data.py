"""Cross-fitting against splits that hold people out for good: `python -m offline.benchmarks.everybodys_data`.

For each number of people and each deal the same people are given to every way, and the bundle's model that each makes
is scored on the same other people, whom nothing knows. Writes one JSON line each, and prints a table of means with 95 %
intervals over deals; differences are paired by deal. The people are those of a corpus.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read by the numeric libraries when they are imported

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student_t
from tqdm import tqdm

from offline.corpus.corpus import UNLABELLED, Corpus, open_corpus
from offline.evaluation.methods import METHODS
from offline.evaluation.methods.base import Method, Model
from offline.evaluation.methods.own import OwnNetwork
from offline.evaluation.metrics import ece
from offline.evaluation.window_table import tabulate
from offline.export.export import GATE
from offline.fit.calibration import HeldOutCalibration, calibrated, decoded
from offline.fit.cross_fit import PER_TRIAL, FitData, cross_fit, fit_data, fit_everybody
from offline.fit.held_out_outputs import FoldTask, gate_passes, live_combinations, outputs_of
from offline.fit.scores import coverages, window_accuracy
from offline.splits import split_subjects
from offline.training.initial_weights import read_initial
from offline.training.training_run import TrainingSettings
from rtemo.core.errors import RtemoError

TESTED = 30
SCORES = ("accuracy", "ece", "coverage 0.8", "coverage 0.9", "size 0.8")
Made = tuple[Model, HeldOutCalibration, NDArray[np.int64]]  # model, calibration, the windows that it learned from


def cross_fitted(data: FitData, method: Method) -> Made:
    """What `fit` ships."""
    found = cross_fit(data, "cross-fitting", method)
    return fit_everybody(data, found), found.calibration, np.flatnonzero(data.table.ids.label != UNLABELLED)


def four_sides(data: FitData, method: Method) -> Made:
    """What `finetune --split` does: train, validation, calibration and test people. Refused below 15 people."""
    sides = split_subjects(data.people, data.seed)
    rows = {name: _rows(data, getattr(sides, name)) for name in ("train", "validation", "calibration")}
    return _held_out_for_good(data, method, rows["train"], rows["validation"], rows["calibration"])


def one_fifth(data: FitData, method: Method) -> Made:
    """A fifth of the people are held out, and everything is chosen and calibrated on them."""
    fold = data.folds[0].split
    others = np.concatenate((fold.train, fold.validation, fold.test))
    people = np.random.default_rng([data.seed, 5]).permutation(np.unique(data.table.ids.subject[others]))
    out = people[: max(1, round(len(people) / 5))]
    held_out = _rows(data, [str(who) for who in out])
    return _held_out_for_good(data, method, np.setdiff1d(np.sort(others), held_out), held_out, held_out)


WAYS: Mapping[str, Callable[[FitData, Method], Made]] = {
    "cross-fitting": cross_fitted,
    "four sides": four_sides,
    "one fifth": one_fifth,
}


def _held_out_for_good(
    data: FitData,
    method: Method,
    train: NDArray[np.int64],
    validation: NDArray[np.int64],
    calibration: NDArray[np.int64],
) -> Made:
    task = _task(data, method)
    model = method.fit(task.learnable(train), task.learnable(validation), data.seed)
    first, second = (
        outputs_of(task, model, np.unique(data.table.shard[rows]).tolist(), train) for rows in (validation, calibration)
    )
    fused = isinstance(method, OwnNetwork)
    found = calibrated(first, task.names, len(data.corpus.labels), data.window_s, second, fused=fused)
    return model, found, train


def _task(data: FitData, method: Method) -> FoldTask:
    names = live_combinations(data.corpus, method.modalities)
    return FoldTask(data.table, method, method.modalities, names, GATE, data.passes, data.seed, PER_TRIAL)


def _rows(data: FitData, people: Sequence[str]) -> NDArray[np.int64]:
    ids = data.table.ids
    return np.flatnonzero(np.isin(ids.subject, list(people)) & (ids.label != UNLABELLED))


def of_people(corpus: Corpus, people: Sequence[str]) -> Corpus:
    """The corpus with these people's recordings only."""
    return replace(corpus, shards=corpus.of(people))


def scored(data: FitData, made: Made, method: Method, tested: Corpus) -> dict[str, float]:
    """On other people, with the combination that most of them offer of those that the method uses."""
    model, calibration, learned = made
    together = replace(tested, shards=(*data.corpus.shards, *tested.shards))
    other = tabulate(together, data.table.channels, labelled=False)
    task = replace(_task(data, method), table=other, passes=gate_passes(other.shards, GATE))
    first = len(data.corpus.shards)
    outputs = outputs_of(task, model, list(range(first, len(other.shards))), learned)
    name = next(one for one in ("both", "eeg", "eye") if one in calibration.combinations)
    people = decoded(calibration, outputs, name)
    labels, now = (np.concatenate([getattr(one, field) for one in people]) for field in ("labels", "now"))
    found = {"accuracy": float(np.mean([window_accuracy(one) for one in people])), "ece": ece(now, labels)}
    for level in people[0].sets:
        found[f"coverage {level:g}"] = float(np.mean(coverages(people, level)))
        found[f"size {level:g}"] = float(np.mean(np.concatenate([one.sets[level].sum(axis=1) for one in people])))
    return found


def _subjects(corpus: Corpus) -> list[str]:
    return list(dict.fromkeys(shard.about.subject for shard in corpus))


def measured(
    corpus: Corpus,
    name: str,
    method: Method,
    n_people: int,
    deal: int,
    ways: Sequence[str] = tuple(WAYS),
    folds: int = 8,
) -> list[dict[str, Any]]:
    """One line a way, for one deal of people; `refused` where a way cannot be done with so few."""
    order = [str(who) for who in np.random.default_rng([deal, 23]).permutation(sorted(_subjects(corpus)))]
    tested = of_people(corpus, order[max(n_people, len(order) - TESTED) :])
    lines = []
    for way in ways:
        began, line = time.monotonic(), {"method": name, "people": n_people, "deal": deal, "way": way}
        try:
            data = fit_data(of_people(corpus, order[:n_people]), deal, folds)
            made = WAYS[way](data, method)
            line |= scored(data, made, method, tested)
        except RtemoError as error:
            line["refused"] = str(error)
        lines.append(line | {"seconds": round(time.monotonic() - began, 1)})
    return lines


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: means over deals, and what cross-fitting differs by with its 95 % interval (t over deals)."""
    names = ["people", "method", "way", *SCORES, "cross-fitting differs by: accuracy, ece"]
    rows = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for n_people, method in dict.fromkeys((line["people"], line["method"]) for line in lines):
        own = [line for line in lines if (line["people"], line["method"]) == (n_people, method)]
        base = {line["deal"]: line for line in own if line["way"] == "cross-fitting"}
        for way in dict.fromkeys(line["way"] for line in own):
            done = [line for line in own if line["way"] == way and "refused" not in line]
            if not done:
                rows.append(f"| {n_people} | {method} | {way} | refused |")
                continue
            cells = [_mean([line[score] for line in done if score in line]) for score in SCORES]
            pairs = [(base[line["deal"]], line) for line in done if way != "cross-fitting"]
            apart = [_interval([one[score] - other[score] for one, other in pairs]) for score in SCORES[:2] if pairs]
            rows.append(f"| {n_people} | {method} | {way} | {' | '.join(cells)} | {', '.join(apart)} |")
    return "\n".join(rows)


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f}" if len(values) else "-"


def _interval(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{np.mean(values):+.3f}"
    half = student_t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{np.mean(values):+.3f} ({np.mean(values) - half:+.3f} to {np.mean(values) + half:+.3f})"


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m offline.benchmarks.everybodys_data", description=__doc__)
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help=f"{TESTED} people are tested on")
    parser.add_argument("--methods", nargs="+", default=["early-fusion", "late-fusion"], metavar="NAME")
    parser.add_argument("--people", type=int, nargs="+", default=[6, 10, 16, 30], metavar="N")
    parser.add_argument("--deals", type=int, default=5, metavar="N", help="(default 5)")
    parser.add_argument("--epochs", type=int, default=6, metavar="N", help="of the network")
    parser.add_argument("--init", type=Path, metavar="CKPT", help="for the methods probe and fine-tuned")
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS), metavar="WAY")
    parser.add_argument("--folds", type=int, default=8, metavar="N", help="of cross-fitting (default 8)")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="lines that are there stay")
    options = parser.parse_args()
    lines = [json.loads(line) for line in options.out.read_text().splitlines()] if options.out.exists() else []
    corpus, known = open_corpus(options.corpus), {(line["method"], line["people"], line["deal"]) for line in lines}
    wanted = [(m, n, deal) for n in options.people for m in options.methods for deal in range(options.deals)]
    for name, n_people, deal in tqdm([one for one in wanted if one not in known], disable=None):
        method = _method(name, options.epochs, options.init)
        made = measured(corpus, name, method, n_people, deal, options.ways, options.folds)
        lines += made
        with options.out.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in made)
    sys.stdout.write(table(lines) + "\n")
    return 0


def _method(name: str, epochs: int, init: Path | None) -> Method:
    """network: from scratch. probe, fine-tuned: from given weights."""
    if name not in ("network", "probe", "fine-tuned"):
        return METHODS[name]
    settings = TrainingSettings(epochs=epochs, mode="probe" if name == "probe" else "full")
    if name == "network":
        return OwnNetwork(settings)
    if init is None:
        raise RtemoError(f"{name} begins from weights", "no --init", "name them with --init")
    given = read_initial(init)
    return OwnNetwork(replace(settings, network=given.network, rate=5e-4), given.weights)


if __name__ == "__main__":
    raise SystemExit(main())
