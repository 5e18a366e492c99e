"""From the result files to the numbers of the report. A person is one unit: seeds are averaged within people first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from offline.evaluation.experiment import NETWORK, PROBE
from offline.evaluation.statistics import holm, mean_interval, paired_p
from offline.perturb import KINDS
from offline.reproduce.runs import ALL, OFFERS, SCRATCH, ExperimentRun, fault_name

SCORE = "balanced_accuracy"
Results = Mapping[ExperimentRun, Mapping[str, Any]]

METHOD_NAMES = {
    "majority": "most frequent label",
    "de-svm": "DE + linear SVM",
    "de-lr": "DE + logistic regression",
    "eye-lr": "eye features + logistic regression",
    "eye-mlp": "eye features + MLP",
    "early-fusion": "early fusion + logistic regression",
    "late-fusion": "late fusion",
}
FROM_SCRATCH = "network from scratch"
OFFER_NAMES = {("eeg",): "EEG", ("eye",): "Eye", ("eeg", "eye"): "Both"}


@dataclass(frozen=True, slots=True)
class Cell:
    """A balanced accuracy over people: mean, standard deviation, 95 % bootstrap interval; by_seed: the mean of each.

    trial: the mean at trial level. p: Holm-adjusted, against the reference of its table; None where there is none.
    """

    value: float
    sd: float
    low: float
    high: float
    n: int
    chance: float
    trial: float
    by_seed: tuple[float, ...]
    people: Mapping[str, float]
    p: float | None = None


@dataclass(frozen=True, slots=True)
class FindingsRow:
    """One method or initialisation, with a cell for each of OFFERS, None where it cannot be."""

    name: str
    network: bool
    cells: Mapping[tuple[str, ...], Cell | None]


@dataclass(frozen=True, slots=True)
class Curve:
    """Balanced accuracy against severity; severity None is the clean corpus.

    init: what the network began from, None: a baseline. frozen: only its heads were fitted.
    """

    name: str
    points: tuple[tuple[float | None, Cell], ...]
    init: str | None = None
    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """The curves of one fault for one choice of modalities."""

    kind: str
    unit: str
    does: str
    modalities: tuple[str, ...]
    curves: tuple[Curve, ...]


def name_of(run: ExperimentRun) -> str:
    """How tables and plots call a run."""
    if not run.network:
        return METHOD_NAMES.get(run.method, run.method)
    if run.init == SCRATCH:
        return FROM_SCRATCH
    network = "frozen network" if run.method == PROBE else "network"
    return f"{network}, pretrained on {'all' if run.init == ALL else run.init}"


def comparison(results: Results) -> list[FindingsRow]:
    """Baselines, then the network by initialisation. p: each against the network from scratch."""
    groups = _groups([run for run in results if run.main])
    cells = {key: cell_of([results[run] for run in runs]) for key, runs in groups.items()}
    p = _against_scratch(cells)
    rows: dict[tuple[str, str], FindingsRow] = {}
    for (method, init, _), runs in groups.items():
        if (method, init) not in rows:
            own: dict[tuple[str, ...], Cell | None] = dict.fromkeys(OFFERS)
            own |= {m: replace(cells[k], p=p.get(k)) for m in OFFERS if (k := (method, init, m)) in cells}
            rows[method, init] = FindingsRow(name_of(runs[0]), runs[0].network, own)
    return list(rows.values())


def few_labels(results: Results) -> Panel | None:
    """Balanced accuracy against how many people's labels were used. p: against the network from scratch, by count."""
    counts = sorted({run.labelled for run in results if run.labelled is not None})
    curves: dict[str, tuple[ExperimentRun, list[tuple[float | None, Cell]]]] = {}
    modalities: tuple[str, ...] = ()
    for count in counts:
        groups = _groups([run for run in results if run.labelled == count])
        cells = {key: cell_of([results[run] for run in runs]) for key, runs in groups.items()}
        p = _against_scratch(cells)
        for key, runs in groups.items():
            modalities = key[2]
            _, points = curves.setdefault(name_of(runs[0]), (runs[0], []))
            points.append((count, replace(cells[key], p=p.get(key))))
    if not curves:
        return None
    everybody = {row.name: row.cells[modalities] for row in comparison(results)}
    done = [
        _curve(run, (*points, *([(None, last)] if (last := everybody.get(name)) else ())))
        for name, (run, points) in curves.items()
    ]
    return Panel("labels of few people", "people whose labels are used", "", modalities, tuple(done))


def _against_scratch(
    cells: Mapping[tuple[str, str, tuple[str, ...]], Cell],
) -> dict[tuple[str, str, tuple[str, ...]], float]:
    """Holm-adjusted p of each cell that has one from scratch, of the same modalities, to be compared with."""
    scratch = {key: cells.get((NETWORK, SCRATCH, key[2])) for key in cells if key[:2] != (NETWORK, SCRATCH)}
    tested = [key for key, other in scratch.items() if other is not None]
    adjusted = holm([_paired(cells[key], scratch[key]) for key in tested]) if tested else []
    return dict(zip(tested, adjusted, strict=True))


def panels(results: Results) -> list[Panel]:
    """Every fault, for every choice of modalities that it concerns."""
    groups = _groups([run for run in results if run.main])
    found = []
    for kind, about in KINDS.items():
        for modalities in OFFERS:
            curves = []
            for (_, _, own), runs in groups.items():
                levels = _levels([results[run] for run in runs], kind)
                if own == modalities and levels:
                    points: list[tuple[float | None, Cell]] = [(None, cell_of([results[run] for run in runs]))]
                    points += [
                        (at, cell_of([results[r]["tests"][fault_name(kind, at)] for r in runs])) for at in levels
                    ]
                    curves.append(_curve(runs[0], points))
            if curves:
                found.append(Panel(kind, about.unit, about.does, modalities, tuple(curves)))
    return found


def _curve(run: ExperimentRun, points: Sequence[tuple[float | None, Cell]]) -> Curve:
    return Curve(name_of(run), tuple(points), run.init if run.network else None, run.method == PROBE)


def missing(results: Results) -> list[tuple[str, Mapping[str, Cell]]]:
    """Methods of both modalities with both, only EEG and only the eyes, without being fitted again."""
    rows: list[tuple[str, Mapping[str, Cell]]] = []
    for (_, _, modalities), runs in _groups([run for run in results if run.main]).items():
        if len(modalities) == 2 and all(results[run]["missing"] for run in runs):
            cells = {"Both": cell_of([results[run] for run in runs])}
            for one in ("eeg", "eye"):
                cells[OFFER_NAMES[one,]] = cell_of([results[run]["missing"][one] for run in runs])
            rows.append((name_of(runs[0]), cells))
    return rows


def calibration(results: Results) -> list[tuple[str, str, Mapping[str, float]]]:
    """(method, modalities, means over seeds): ece, nll, coverage and size of the 80 % and 90 % sets."""
    rows: list[tuple[str, str, Mapping[str, float]]] = []
    for (_, _, modalities), runs in _groups([run for run in results if run.main]).items():
        own = [results[run] for run in runs]
        values = {
            "ece": _mean([r["ece"]["window"]["value"] for r in own]),
            "nll": _mean([r["nll"]["window"]["value"] for r in own]),
        }
        for level in ("0.8", "0.9"):
            values[f"coverage {level}"] = _mean([r["sets"][level]["coverage"]["value"] for r in own])
            values[f"size {level}"] = _mean([r["sets"][level]["size"]["value"] for r in own])
        rows.append((name_of(runs[0]), OFFER_NAMES[modalities], values))
    return rows


def new_clips(results: Results) -> list[tuple[str, str, Cell, Cell | None]]:
    """(method, modalities, on clips that nobody saw who learned, in the comparison proper). p: against scratch."""
    groups = _groups([run for run in results if run.new_clips])
    cells = {key: cell_of([results[run] for run in runs]) for key, runs in groups.items()}
    p = _against_scratch(cells)
    known = {row.name: row.cells for row in comparison(results)}
    rows = []
    for key, runs in groups.items():
        name = name_of(runs[0])
        cell = known.get(name, {}).get(key[2])
        before = None if cell is None else replace(cell, p=None)
        rows.append((name, OFFER_NAMES[key[2]], replace(cells[key], p=p.get(key)), before))
    return rows


def controls(results: Results) -> list[tuple[str, str, Cell]]:
    """Methods on people whose emotions show in nothing."""
    groups = _groups([run for run in results if run.control])
    return [
        (name_of(runs[0]), OFFER_NAMES[key[2]], cell_of([results[run] for run in runs])) for key, runs in groups.items()
    ]


def cell_of(scores: Sequence[Mapping[str, Any]]) -> Cell:
    """One score over people from the same experiment with several seeds."""
    by_person: dict[str, list[float]] = {}
    trials: dict[str, list[float]] = {}
    for one in scores:
        for person in one["per_subject"]:
            by_person.setdefault(person["subject"], []).append(person["window"][SCORE])
            trials.setdefault(person["subject"], []).append(person["trial"][SCORE])
    people = {name: _mean(values) for name, values in by_person.items()}
    over = mean_interval(list(people.values()))
    return Cell(
        value=over["value"],
        sd=over["sd"],
        low=over["low"],
        high=over["high"],
        n=len(people),
        chance=float(scores[0]["chance"]),
        trial=_mean([_mean(values) for values in trials.values()]),
        by_seed=tuple(_mean([person["window"][SCORE] for person in one["per_subject"]]) for one in scores),
        people=people,
    )


def _groups(runs: Sequence[ExperimentRun]) -> dict[tuple[str, str, tuple[str, ...]], list[ExperimentRun]]:
    """(method, init, modalities) -> the runs of its seeds."""
    groups: dict[tuple[str, str, tuple[str, ...]], list[ExperimentRun]] = {}
    for run in runs:
        groups.setdefault((run.method, run.init, run.modalities), []).append(run)
    return groups


def _levels(results: Sequence[Mapping[str, Any]], kind: str) -> list[float]:
    """The severities at which every one of these was tested, in the order in which they were asked for."""
    names = [name for name in results[0]["tests"] if name.partition("=")[0] == kind]
    common = [name for name in names if all(name in result["tests"] for result in results)]
    levels = sorted(float(name.partition("=")[2]) for name in common)
    falling = KINDS[kind].levels[0] > KINDS[kind].levels[-1]  # fewer electrodes, a lower rate
    return levels[::-1] if falling else levels


def _paired(one: Cell, other: Cell | None) -> float:
    assert other is not None
    both = sorted(set(one.people) & set(other.people))
    return paired_p([one.people[who] for who in both], [other.people[who] for who in both])


def _mean(values: Sequence[float]) -> float:
    return float(sum(values) / len(values))
