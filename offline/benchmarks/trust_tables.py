"""Markdown tables of offline.benchmarks.trust: ablations, personal calibration, faults."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_auc_score

from offline.benchmarks.trust_elements import (
    NO_GATE,
    PersonPredictions,
    accuracy,
    calibrated,
    elements,
    reports_of,
    run,
    scores,
    tested,
    without_novelty,
)
from offline.benchmarks.trust_people import BenchSession
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle

_COLUMNS = ("accuracy", "ece", "coverage", "size", "aurc", "abstains", "named", "novel", "signal")
_SETTLE_S = 5.0  # after a fault's begin, until a whole window lies in it


def report(bundle: Bundle, people: Sequence[Sequence[BenchSession]]) -> str:
    """All tables."""
    kinds = [{session.kind: session for session in sessions} for sessions in people]
    faulty = [one for one in kinds if "none" in one]
    families = {session.family for sessions in people for session in sessions}
    head = (
        f"Bundle `{bundle.fingerprint[:16]}` ({bundle.spec.name}); {len(people)} simulated people of the families "
        f"{', '.join(sorted(families))}, {len(faulty)} of them with every fault; chance {1 / len(bundle.labels):.0%}."
    )
    parts = [head, _switched(bundle, kinds), _personal(bundle, kinds)]
    return "\n\n".join([*parts, *([_faults(bundle, faulty)] if faulty else [])])


def _switched(bundle: Bundle, kinds: Sequence[dict[str, BenchSession]]) -> str:
    lines = ["**Each element off**, clips of the labelled day that no calibration uses\n", _header("")]
    days = [one["day"] for one in kinds]
    for element in elements():
        changed = element.change(bundle)
        runs = [run(changed, day, tested(day), smoothed=element.smoothed) for day in days]
        lines.append(_row(element.name, runs))
    everything = [run(bundle, day, tested(day)) for day in days]
    for family in sorted({day.family for day in days}):
        own = [one for one, day in zip(everything, days, strict=True) if day.family == family]
        lines.append(_row(f"everything, {len(own)} people of the family {family}", own))
    adapted = [run(bundle, day, tested(day), reports=reports_of(day)) for day in days]
    return "\n".join([*lines, _row("with 8 self-reports (adaptive sets)", adapted)])


def _personal(bundle: Bundle, kinds: Sequence[dict[str, BenchSession]]) -> str:
    lines = ["**Personal calibration**, two clips of each emotion: balanced accuracy of the same and of another day\n"]
    lines += ["| person | family | verdict | same day | | other day | |", "|---|---|---|---|---|---|---|"]
    found = []
    for one in kinds:
        outcome = calibrated(bundle, one["day"])
        pairs = []
        for session in (one["day"], one["other day"]):
            pairs += [accuracy(run(bundle, session, tested(session), person=p)) for p in (None, outcome.person)]
        found.append(pairs)
        verdict = "kept" if outcome.person is not None else "rolled back"
        cells = " | ".join(f"{100 * value:.1f}" for value in pairs)
        lines.append(f"| {one['day'].person} | {one['day'].family} | {verdict} | {cells} |")
    mean = np.mean(found, axis=0)
    worst = min(float(row[1] - row[0]) for row in found), min(float(row[3] - row[2]) for row in found)
    lines.append("| mean | | | " + " | ".join(f"**{100 * value:.1f}**" for value in mean) + " |")
    return "\n".join(
        [*lines, f"\nLargest loss: {100 * worst[0]:+.1f} points the same day, {100 * worst[1]:+.1f} another."]
    )


def _faults(bundle: Bundle, faulty: Sequence[dict[str, BenchSession]]) -> str:
    named = [kind for kind in faulty[0] if kind not in ("day", "other day")]
    lines = ["**Faults**, everything on; then without the signal gate and the channel checks; AUROC of novelty\n"]
    lines.append(_header("AUROC"))
    for kind in named:
        sessions = [one[kind] for one in faulty]
        runs = [run(bundle, s, _after(s)) for s in sessions]
        blind = [run(NO_GATE.change(bundle), s.blind or s, _after(s.blind or s)) for s in sessions]
        area = _novelty_area(bundle, faulty, kind) if kind != "none" else float("nan")
        lines.append(_row(kind, runs, f"{area:.2f}" if np.isfinite(area) else "-"))
        if kind != "none":
            lines.append(_row(f"{kind}, no gate", blind, ""))
    return "\n".join(lines)


def _novelty_area(bundle: Bundle, faulty: Sequence[dict[str, BenchSession]], kind: str) -> float:
    """AUROC of novelty, of the windows that the signal gate lets pass, against the same people's without a fault."""
    open_ = without_novelty(bundle)
    own, other = (one.spec.combinations["both"].novelty for one in (bundle, open_))
    if own is None or other is None:
        raise RtemoError("this model has no novelty", "it is not calibrated", "name one that is")
    scale = own.threshold / other.threshold
    sides = []
    for one in ("none", kind):
        values = [
            prediction.novelty / scale
            for person in faulty
            for prediction in run(open_, person[one], _after(person[one])).predictions
        ]
        sides.append(np.array([value for value in values if np.isfinite(value)]))
    if not all(map(len, sides)):
        return float("nan")
    return float(roc_auc_score(np.repeat([0, 1], [len(side) for side in sides]), np.concatenate(sides)))


def _after(session: BenchSession) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Windows of clips that lie wholly after the fault's begin."""
    first_s = session.bounds[0][1] + _SETTLE_S
    return np.array([w.end_s >= first_s for w in session.windows]) & (session.labels >= 0)


def _header(extra: str) -> str:
    names = ["", "accuracy %", "ECE", "sets: coverage", "size", "AURC", "abstains %", "accuracy where named %",
             "novel %", "no signal %", *([extra] if extra else [])]  # fmt: skip
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def _row(name: str, runs: Sequence[PersonPredictions], extra: str | None = None) -> str:
    found = scores(runs)
    shares = {"accuracy", "abstains", "named", "novel", "signal"}
    cells = [f"{100 * found[c]:.1f}" if c in shares else f"{found[c]:.3f}" for c in _COLUMNS]
    cells = ["-" if cell == "nan" else cell for cell in cells]
    return f"| {' | '.join([name, *cells, *([] if extra is None else [extra])])} |"
