"""What came of a fault, measured against what was sent, and whether it is right."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fault import ANY, GAP, LOST, UNKNOWABLE_MS, Fault
from .plan import EEG, GAZE, Plan, Sent
from .truth import EEG_CODE, GAZE_CODE, LARGEST, Code
from .xdf_bytes import Recorded, read_xdf

WINDOW_S = 4.0
SHOWN_MS = 50.0  # misplacement that must not be shown as settled
KNOWN_AFTER_S = 2.0  # a fault of a clock may show for so long before it is known
CODES: dict[str, Code] = {EEG: EEG_CODE, GAZE: GAZE_CODE}
NOT_SAID = re.compile(r"^(waiting for streams|.*found: |session begins|\d+ predictions; )")
SUMMARY = re.compile(r"^(eeg|gaze): [\d.e+]+ Hz, \d+ gaps")  # says what was lost, but no fault of a clock
NEVER_SAME = ("latency_ms", "late", "participant", "age_s")
SMOOTHED = ("emotion", "smoothed", "set", "abstain", "valence", "arousal")  # depend on the windows before


@dataclass(slots=True)
class Said:
    """A text, and when it came, in seconds since t0; NaN where that is not known."""

    at_s: float
    text: str


@dataclass(slots=True)
class Outcome:
    """What a run of one fault left behind."""

    plan: Plan
    recordings: list[Path] = field(default_factory=list)
    live: Path | None = None  # predictions
    replay: Path | None = None
    placement: Path | None = None
    said: list[Said] = field(default_factory=list)
    exit_code: int | None = None
    in_time: bool = True
    replay_code: int | None = None
    replay_in_time: bool = True
    replay_said: list[Said] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)  # found by the runner itself


@dataclass(slots=True)
class Result:
    """One row of the table. misplaced_ms: of samples under settled predictions. wrong: what is not right."""

    name: str
    mode: str
    sent: int = 0
    recorded: int = 0
    used: int = 0
    misplaced_ms: float | None = None
    misplaced_any_ms: float | None = None
    said: str = ""
    said_s: float | None = None
    stale: int = 0
    shown_wrong: int = 0
    same: bool | None = None
    predictions: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def right(self) -> bool:
        return not self.wrong


@dataclass(slots=True)
class _Used:
    """Samples of one role that the pipeline used: which, and when it thinks that they were measured."""

    index: NDArray[np.int64]
    placed_s: NDArray[np.float64]
    true_s: NDArray[np.float64]  # since t0; NaN for a sample that the truth does not know
    period_s: NDArray[np.float64]  # from a sample to its nearer neighbour

    @property
    def error_ms(self) -> NDArray[np.float64]:
        return 1e3 * (self.placed_s - self.true_s)


def judge(fault: Fault, outcome: Outcome) -> Result:
    """Compare what is left with what was sent and what is wanted."""
    result = Result(fault.name, fault.mode, wrong=list(outcome.problems))
    wrong = result.wrong
    _ended(fault, outcome, wrong)
    lost_s = _recorded(fault, outcome, result)
    rows = _rows(outcome.live if fault.mode == "live" else outcome.replay)
    result.predictions = len(rows)
    if not fault.want.refused:
        _used(fault, outcome, result, rows, lost_s)
        if len(rows) < fault.want.predictions:
            wrong.append(f"{len(rows)} predictions")
        _gaps(fault, rows, wrong)
    if fault.mode == "live" and fault.want.same_as_replay and outcome.replay is not None:
        _same(fault, rows, _rows(outcome.replay), result)
    _said(fault, outcome, result)
    return result


def _ended(fault: Fault, outcome: Outcome, wrong: list[str]) -> None:
    if not outcome.in_time:
        wrong.append(f"did not end within {fault.want.ends_within_s:g} s")
    elif outcome.exit_code not in fault.want.exit:
        wrong.append(f"exit {outcome.exit_code}")
    if any("Traceback" in one.text for one in [*outcome.said, *outcome.replay_said]):
        wrong.append("a traceback")
    if fault.mode == "live" and not outcome.replay_in_time:
        wrong.append("the replay did not end")
    elif (
        fault.mode == "live"
        and outcome.replay_code not in (0, None)
        and fault.want.predictions
        and fault.want.lost < ANY
    ):
        wrong.append(f"the replay ends with {outcome.replay_code}")


def _recorded(fault: Fault, outcome: Outcome, result: Result) -> dict[str, NDArray[np.float64]]:
    """How many of the samples that were sent are in the recordings. A file of our own making holds what it holds.

    Returns when those were measured that are not, by role, in order.
    """
    if fault.mode == "xdf":
        result.sent = result.recorded = sum(len(one.index) for role in CODES for one in outcome.plan.of(role))
        return {}
    if fault.want.refused:
        return {}
    lost_s: dict[str, NDArray[np.float64]] = {}
    streams: list[Recorded] = []
    for path in outcome.recordings:
        try:
            streams += read_xdf(path).values()
        except (OSError, ValueError, KeyError, SyntaxError) as error:
            if fault.want.lost < ANY:
                result.wrong.append(f"{path.name} cannot be read: {type(error).__name__}")
    missing = repeated = 0
    for role, code in CODES.items():
        lives = outcome.plan.of(role)
        if not lives:
            continue
        sent = np.concatenate([one.index for one in lives])
        names = {one.description["name"] for one in lives}
        found = [code.decode(one.values, lives[0].scale) for one in streams if one.name in names and one.n_channels > 3]
        count = _counted(np.concatenate(found) if found else np.zeros(0, dtype=np.int64))
        wanted = _counted(sent)
        result.sent += len(sent)
        result.recorded += int(np.minimum(count, wanted).sum()) + min(
            int((sent < 0).sum()), int(sum((f < 0).sum() for f in found))
        )
        missing += int(np.maximum(wanted - count, 0).sum())
        known = [(one.index[one.index >= 0], one.true_s[one.index >= 0]) for one in lives]
        lost_s[role] = np.sort(np.concatenate([true_s[count[index] == 0] for index, true_s in known]))
        repeated += int(np.maximum(count - wanted, 0).sum())
    if missing > fault.want.lost:
        result.wrong.append(f"{missing} samples not recorded")
    if repeated > fault.want.repeated:
        result.wrong.append(f"{repeated} samples recorded twice")
    return lost_s


def _counted(index: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.bincount(index[index >= 0], minlength=LARGEST)


def _used(
    fault: Fault,
    outcome: Outcome,
    result: Result,
    rows: list[dict[str, Any]],
    lost_s: dict[str, NDArray[np.float64]],
) -> None:
    used, wrong = _placements(outcome), result.wrong
    t0, begin_s = outcome.plan.t0, fault.begins_s + KNOWN_AFTER_S
    limits = {EEG: fault.want.eeg_unused, GAZE: fault.want.gaze_unused}
    for role in CODES:
        lives = outcome.plan.of(role)
        if lives and (outcome.placement is not None or fault.mode == "xdf"):
            n = sum(int((one.index >= 0).sum()) for one in lives)
            there = min(n, result.recorded) if fault.want.lost else n
            unused = there - (len(used[role].index) if role in used else 0)
            if unused > limits[role] + fault.want.lost:
                wrong.append(f"{unused} {role} samples not used")
    if GAZE in used and len(used[GAZE].index) > fault.want.gaze_used:
        wrong.append(f"{len(used[GAZE].index)} gaze samples used")
    result.used = sum(len(one.index) for one in used.values())
    off = {role: _against_the_other(used, role) for role in used}
    settled = np.array([row["time_s"] for row in rows if row["settled"] and not row["forced"]]) - t0
    late = settled[settled > begin_s]
    for role, one in used.items():
        any_ms = float(np.nanmax(np.abs(off[role]), initial=0.0))
        result.misplaced_any_ms = max(result.misplaced_any_ms or 0.0, any_ms)
        under = _under(one.placed_s, late)
        shown_ms = float(np.nanmax(np.abs(off[role][under]), initial=0.0))
        result.misplaced_ms = max(result.misplaced_ms or 0.0, shown_ms)
        bad = one.placed_s[np.abs(off[role]) > max(SHOWN_MS, fault.want.misplaced_ms)]
        result.shown_wrong += int(sum(((bad > end - WINDOW_S) & (bad <= end)).any() for end in late)) if len(bad) else 0
        claimed = f"{role}_coverage"
        for row in rows if fault.want.misplaced_ms < UNKNOWABLE_MS else ():
            end = row["time_s"] - t0
            if end > one.placed_s.max() + WINDOW_S:  # of what was not recorded nothing is known
                break
            if np.diff(np.searchsorted(lost_s.get(role, np.zeros(0)), [end - WINDOW_S, end]))[0]:
                continue
            if row.get(claimed, 0.0) > 0.15 + _share_there(one, end):
                result.stale += 1
    result.stale += sum((row.get("latency_ms") or 0.0) > 2000.0 and not row.get("late", False) for row in rows)
    if result.misplaced_ms is not None and result.misplaced_ms > fault.want.misplaced_ms:
        result.wrong.append(f"misplaced by {result.misplaced_ms:.3g} ms")
    if result.shown_wrong:
        result.wrong.append(f"{result.shown_wrong} settled predictions on misplaced samples")
    if result.stale:
        result.wrong.append(f"{result.stale} stale predictions shown as fresh")


def _share_there(used: _Used, end: float) -> float:
    """How much of a window was really measured in it and used: each sample stands for the time to its neighbours."""
    inside = (used.true_s > end - WINDOW_S) & (used.true_s <= end) & (np.abs(used.error_ms) < 1000.0)
    return float(used.period_s[inside].sum() + used.period_s.max(initial=0.0)) / WINDOW_S


def _under(placed_s: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which samples lie in one of the windows that end at these times."""
    if not len(ends):
        return np.zeros(len(placed_s), dtype=bool)
    after = np.searchsorted(ends, placed_s)
    return (after < len(ends)) & (ends[np.minimum(after, len(ends) - 1)] - placed_s < WINDOW_S)


def _against_the_other(used: dict[str, _Used], role: str) -> NDArray[np.float64]:
    """Each sample's misplacement relative to the other modality's then, in ms; absolute where there is no other."""
    mine = used[role]
    other = used.get(GAZE if role == EEG else EEG)
    if other is None or not len(other.index):
        return mine.error_ms
    bins = np.round(other.placed_s).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    seconds, first = np.unique(bins[order], return_index=True)
    typical = np.array([np.nanmedian(part) for part in np.split(other.error_ms[order], first[1:])])
    at = np.clip(np.searchsorted(seconds, np.round(mine.placed_s)), 0, len(seconds) - 1)
    near = np.abs(seconds[at] - mine.placed_s) <= 1.0
    return mine.error_ms - np.where(near, typical[at], 0.0)


def _placements(outcome: Outcome) -> dict[str, _Used]:
    if outcome.placement is None or not outcome.placement.exists():
        return {}
    found: dict[str, list[tuple[NDArray[np.int64], NDArray[np.float64]]]] = {}
    with np.load(outcome.placement) as arrays:
        for name in arrays.files:
            if not name.startswith("times_"):
                continue
            values = arrays["values_" + name.removeprefix("times_")]
            for role, code in CODES.items():
                scale = next((one.scale for one in outcome.plan.of(role)), 1.0)
                index = code.decode(values, scale)
                if len(index) and np.mean(index >= 0) > 0.5:
                    keep = index >= 0
                    found.setdefault(role, []).append((index[keep], arrays[name][keep] - outcome.plan.t0))
                    break
    return {role: _with_truth(outcome.plan.of(role), parts) for role, parts in found.items()}


def _with_truth(lives: Sequence[Sent], parts: list[tuple[NDArray[np.int64], NDArray[np.float64]]]) -> _Used:
    index, placed = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    true, period = np.full(LARGEST, np.nan), np.zeros(LARGEST)
    for one in lives:
        known = one.index >= 0
        true[one.index[known]] = one.true_s[known]
        order = np.unique(one.true_s[known], return_index=True)
        steps = np.diff(order[0])
        near = np.minimum(np.append(steps, np.inf), np.append(np.inf, steps)) if len(steps) else np.zeros(len(order[0]))
        period[one.index[known][order[1]]] = near
    return _Used(index, placed, true[index], period[index])


def _rows(path: Path | None) -> list[dict[str, Any]]:
    if path is None or not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:  # the last line of a process that was killed
            continue
        if isinstance(row, dict) and "time_s" in row:
            rows.append(row)
    return rows


def _gaps(fault: Fault, rows: list[dict[str, Any]], wrong: list[str]) -> None:
    ends = np.array([row["time_s"] for row in rows])
    if len(ends) > 1 and float(np.diff(ends).max()) > fault.want.gap_s:
        wrong.append(f"no predictions for {np.diff(ends).max():.3g} s")
    if len(ends) > 1 and float(np.diff(ends).min()) <= 0:
        wrong.append("predictions out of order")


def _same(fault: Fault, live: list[dict[str, Any]], replay: list[dict[str, Any]], result: Result) -> None:
    """Whether the replay gives what the session gave, but for windows that were forced or that a restart touched.

    Where samples may be lost, as they are by a kill, the last predictions may rest on samples that were not written.
    """
    if fault.want.lost and replay:
        live = [row for row in live if row["time_s"] <= replay[-1]["time_s"]]
    again = {row["time_s"]: row for row in replay}
    forced_from = min((row["time_s"] for row in live if row["forced"]), default=np.inf)
    differ, absent = [], 0
    compared = [row for row in live if not row["forced"]]
    for row in compared:
        other = again.get(row["time_s"])
        if other is None:
            absent += 1
            continue
        skip = {*NEVER_SAME, *(SMOOTHED if row["time_s"] >= forced_from else ())}
        differ += [key for key in row if key not in skip and other.get(key) != row[key]][:1]
    result.same = not (differ or absent) if compared else None
    if differ:
        result.wrong.append(f"{len(differ)} of {len(compared)} predictions differ in the replay ({differ[0]})")
    if absent:
        result.wrong.append(f"{absent} predictions are not in the replay")


def _said(fault: Fault, outcome: Outcome, result: Result) -> None:
    events = [*outcome.said, *(_events(outcome) if fault.mode == "live" else [])]
    events = sorted((one for one in events if not NOT_SAID.search(one.text)), key=lambda one: one.at_s)
    live = fault.mode == "live"
    for pattern in [*fault.want.said, *([fault.want.refused] if fault.want.refused else [])]:
        matching = [one for one in events if re.search(pattern, one.text, re.IGNORECASE)]
        if pattern not in (LOST, GAP):
            matching = [one for one in matching if not SUMMARY.search(one.text)]
        if live and pattern != fault.want.refused:
            matching = [one for one in matching if one.at_s >= fault.begins_s - 0.5]
        if not matching:
            result.wrong.append(f"not said: {pattern}")
            continue
        first = matching[0]
        result.said = result.said or first.text
        if live and pattern != fault.want.refused:
            result.said_s = max(first.at_s - fault.begins_s, 0.0)
            if result.said_s > fault.want.within_s:
                result.wrong.append(f"said after {result.said_s:.3g} s")
    if fault.want.not_said:
        false = [one.text for one in events if re.search(fault.want.not_said, one.text, re.IGNORECASE)]
        if false:
            result.wrong.append(f"said: {false[0]}")


def _events(outcome: Outcome) -> list[Said]:
    """The session's own events in its recordings. They carry the LSL time at which they were noted."""
    found = []
    for path in outcome.recordings:
        try:
            streams = read_xdf(path).values()
        except (OSError, ValueError, KeyError, SyntaxError):
            continue
        for stream in streams:
            if stream.name == "rtemo_events":
                pairs = zip(stream.stamps, stream.texts, strict=False)
                found += [Said(at - outcome.plan.t0, texts[0]) for at, texts in pairs if texts]
    return found
