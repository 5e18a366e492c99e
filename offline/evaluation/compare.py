"""Compare results of evaluate: scores with intervals, and paired tests over people against the first, after Holm.

Results of one method with several seeds are one row: a person's score is then the mean over the seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from offline.evaluation.statistics import holm, mean_interval, paired_p
from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Reader

SCORE = "balanced_accuracy"
_SAME = ("protocol", "chance")
_LEVELS = ("window", "trial")
_POOLED = ("ece", "nll")
_NEEDED: Mapping[str, Any] = {
    "protocol": str,
    "method": str,
    "seed": int,
    "chance": float,
    "init": str | None,
    "train_subjects": int | None,
    "modalities": tuple[str, ...],
    "corpus": Mapping[str, Any],
    "ece": Mapping[str, Any],
    "nll": Mapping[str, Any],
    "per_subject": Annotated[tuple[Mapping[str, Any], ...], Check(bool, "a list of one person or more")],
}
_OF_PERSON: Mapping[str, Any] = {"subject": str, **dict.fromkeys(_LEVELS, Mapping[str, Any])}


@dataclass(frozen=True, slots=True)
class ComparedMethod:
    """One method. window, trial: person -> balanced accuracy."""

    name: str
    seeds: tuple[int, ...]
    window: dict[str, float]
    trial: dict[str, float]
    ece: float
    nll: float


def read_result(path: Path) -> dict[str, Any]:
    """Raises RtemoError where the file is no result."""
    reader = Reader(f"the result {path}", "name a file written by evaluate")
    found: dict[str, Any] = reader.value(dict[str, Any], reader.json_file(path))
    _need(reader, _NEEDED, found, "")
    for number, person in enumerate(found["per_subject"], start=1):
        _need(reader, _OF_PERSON, person, f"per_subject[{number}]")
        for level in _LEVELS:
            _need(reader, {SCORE: float}, person[level], f"per_subject[{number}].{level}")
    for score in _POOLED:
        _need(reader, {"window": Mapping[str, Any]}, found[score], score)
        _need(reader, {"value": float}, found[score]["window"], f"{score}.window")
    _need(reader, {"fingerprint": str}, found["corpus"], "corpus")
    return found


def _need(reader: Reader, hints: Mapping[str, Any], found: Mapping[str, Any], key: str) -> None:
    """Raises RtemoError where what is compared is not there; a result holds more."""
    reader.table(hints, {name: found[name] for name in hints if name in found}, key)


def rows_of(results: Sequence[dict[str, Any]]) -> list[ComparedMethod]:
    """One a method, in the order of their first results. Raises RtemoError where they cannot be compared."""
    first = results[0]
    for other in results[1:]:
        if differing := [name for name in _SAME if other[name] != first[name]]:
            found = ", ".join(f"{name}: {first[name]} and {other[name]}" for name in differing)
            raise RtemoError("these results cannot be compared", found, "use one protocol")
        if other["corpus"]["fingerprint"] != first["corpus"]["fingerprint"]:
            raise RtemoError("these results are of different corpora", "", "use one corpus")
    groups: dict[str, list[dict[str, Any]]] = {}
    for result in results:
        groups.setdefault(name_of(result), []).append(result)
    return [_row(name, group) for name, group in groups.items()]


def name_of(result: dict[str, Any]) -> str:
    """What a result is of, without the seed."""
    parts = [result["method"], "+".join(result["modalities"])]
    if result["init"] is not None:
        parts.append(f"from {Path(result['init']).stem}")
    if result["train_subjects"] is not None:
        parts.append(f"{result['train_subjects']} people")
    return ", ".join(parts)


def table(rows: Sequence[ComparedMethod], chance: float) -> str:
    """Plain text, one line a row. p: Wilcoxon over the people that a row shares with the first one, after Holm."""
    tests = [_test(row, rows[0]) for row in rows[1:]]
    adjusted = holm([p for p, _ in tests])
    lines = [
        f"balanced accuracy, mean [95 % interval over people]; chance {chance:.3f}; p: against the first, after Holm",
        f"{'method':40s} people seeds  {'window':20s}  {'trial':20s}    ece    nll  difference       p",
    ]
    for number, row in enumerate(rows):
        against = ""
        if number:
            against = f"  {tests[number - 1][1]:+10.3f}  {adjusted[number - 1]:6.4f}"
        lines.append(
            f"{row.name:40s} {len(row.window):6d} {len(row.seeds):5d}  {_interval(row.window)}  {_interval(row.trial)}"
            f"  {row.ece:5.3f}  {row.nll:5.3f}{against}"
        )
    return "\n".join(lines)


def compare(paths: Sequence[Path]) -> str:
    """The table of some result files."""
    results = [read_result(path) for path in paths]
    return table(rows_of(results), results[0]["chance"])


def _row(name: str, group: Sequence[dict[str, Any]]) -> ComparedMethod:
    seeds = tuple(sorted({int(result["seed"]) for result in group}))
    if len(seeds) != len(group):
        raise RtemoError(f"{name} is there twice with one seed", f"seeds {[r['seed'] for r in group]}", "name it once")
    return ComparedMethod(
        name=name,
        seeds=seeds,
        window=_by_person(group, "window"),
        trial=_by_person(group, "trial"),
        ece=float(np.mean([result["ece"]["window"]["value"] for result in group])),
        nll=float(np.mean([result["nll"]["window"]["value"] for result in group])),
    )


def _by_person(group: Sequence[dict[str, Any]], level: str) -> dict[str, float]:
    scores: dict[str, list[float]] = {}
    for result in group:
        for person in result["per_subject"]:
            scores.setdefault(person["subject"], []).append(person[level][SCORE])
    return {who: float(np.mean(values)) for who, values in scores.items()}


def _test(row: ComparedMethod, first: ComparedMethod) -> tuple[float, float]:
    """The p-value and mean difference over the people that both have."""
    people = sorted(set(row.window) & set(first.window))
    if not people:
        raise RtemoError(f"{row.name} and {first.name} have no tested person in common", "", "use the same folds")
    one, other = ([r.window[who] for who in people] for r in (row, first))
    return paired_p(one, other), float(np.mean(one) - np.mean(other))


def _interval(by_person: dict[str, float]) -> str:
    found = mean_interval(list(by_person.values()))
    return f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
