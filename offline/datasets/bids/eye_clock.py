"""Times of an eye tracker's rows in seconds from the EEG's first sample, whatever clock the side-car counts by.

BIDS defines StartTime as seconds from the first sample of the EEG, and leaves the unit of the timestamps to the
side-car. Converters also write the tracker's own milliseconds or Unix time there. Which it is, the data decide: the
timestamps must give the sampling rate, and the file must overlap the EEG. What they do not decide is refused: gaze at
the wrong time is worse than none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError

Doubles = NDArray[np.float64]
UNITS = {1.0: "s", 1e-3: "ms", 1e-6: "\u00b5s", 1e-9: "ns"}
_RATE_TOLERANCE = 0.05
_SAME_LENGTH_S = 1.0  # two recordings that were started and stopped together differ by less
_UNIX_S = (9e8, 4.2e9)  # 1998 to 2103
_QUARTER_HOUR_S = 900.0  # time zones differ by multiples of it
_INSIDE = 0.8  # of the shorter recording must lie within the other, where a clock is inferred
_START_SLACK_S = 2.0  # of clocks that are set to the second


@dataclass(frozen=True, slots=True)
class Eeg:
    """What the eyes belong to: the EEG, or else the events.

    measured_s: Unix time of its first sample, in some time zone, if it is known.
    """

    duration_s: float
    measured_s: float | None = None


@dataclass(frozen=True, slots=True)
class Clocked:
    """times_s (n,): of the rows `kept` (n,), increasing. rate_hz: of the samples. left_out: reason -> rows.

    by_rows: times are counted from the rows, so that rows that were lost before the file was written shift later ones.
    """

    times_s: Doubles
    kept: NDArray[np.int64]
    rate_hz: float
    by_rows: bool
    notes: tuple[str, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)


def clock(
    index: NDArray[np.int32],
    stamps: Doubles | None,
    unit_s: float | None,
    rate_hz: float,
    start: float | None,
    eeg: Eeg,
) -> Clocked:
    """The rows' times. index: of each row in the file. stamps: its column `timestamp`, None where there is none.

    unit_s: of the stamps as stated, None where nobody says. start: StartTime as it stands in the side-car.
    RtemoError where the rows cannot be placed on the EEG's clock.
    """
    notes: list[str] = []
    left_out: Counter[str] = Counter()
    kept = np.arange(len(index))
    by_rows = index / rate_hz
    elapsed, factor = by_rows, 0.0
    if stamps is not None:
        known = np.isfinite(stamps)
        factor, rate_hz = _unit(index, stamps, unit_s, rate_hz, eeg, notes)
        if factor:
            _count(left_out, "they have no time", int((~known).sum()))
            in_order = _in_order(stamps[known])
            _count(left_out, "their time is not after the row before", int((~in_order).sum()))
            kept = np.flatnonzero(known)[in_order]
            elapsed = (stamps[kept] - stamps[kept[0]]) * factor + by_rows[kept[0]] if len(kept) else np.zeros(0)
    if not len(kept):
        raise RtemoError("no row has a time", f"{len(index)} rows", "correct the column timestamp")
    first = float(stamps[kept[0]]) if stamps is not None and factor else None
    start_s = _start(start, first, factor, float(elapsed[-1]), eeg, notes)
    return Clocked(start_s + elapsed, kept, rate_hz, not factor, tuple(notes), left_out)


def _count(counter: Counter[str], why: str, n: int) -> None:
    if n:
        counter[why] += n


def _unit(
    index: NDArray[np.int32], stamps: Doubles, unit_s: float | None, rate_hz: float, eeg: Eeg, notes: list[str]
) -> tuple[float, float]:
    """Factor of the stamps to seconds, 0 where they cannot be used, and the sampling rate."""
    known = np.isfinite(stamps)
    both = known[1:] & known[:-1] & (np.diff(index) == 1)
    steps = np.diff(stamps)[both]
    step = float(np.median(steps)) if len(steps) else 0.0
    if step <= 0:
        notes.append("its timestamps do not increase: times are counted from the rows")
        return 0.0, rate_hz
    if unit_s and _fits(step * unit_s, rate_hz):
        return unit_s, rate_hz
    stated = f"called {UNITS.get(unit_s, unit_s)}" if unit_s else "without a unit"
    for other, name in UNITS.items():
        if _fits(step * other, rate_hz):
            notes.append(f"its timestamps, {stated}, are taken as {name}, which gives the side-car's {rate_hz:g} Hz")
            return other, rate_hz
    if step == 1.0 and np.all(steps == np.round(steps)):
        notes.append(f"its timestamps, {stated}, count samples")
        return 1.0 / rate_hz, rate_hz
    span = float(np.nanmax(stamps) - np.nanmin(stamps))
    for other in dict.fromkeys((*([unit_s] if unit_s else []), *UNITS)):
        if abs(span * other - eeg.duration_s) <= max(_SAME_LENGTH_S, _RATE_TOLERANCE * eeg.duration_s):
            true_hz = 1.0 / (step * other)
            notes.append(
                f"its side-car states {rate_hz:g} Hz; by its timestamps, {stated}, taken as {UNITS[other]}, which last "
                f"as long as the EEG, it has {true_hz:.4g} Hz"
            )
            return other, true_hz
    if _agrees(len(index) / rate_hz, eeg.duration_s):
        notes.append(f"its timestamps, {stated}, fit neither its rate nor the EEG: times are counted from the rows")
        return 0.0, rate_hz
    found = (
        f"timestamps, {stated}, step by {step:g}, SamplingFrequency is {rate_hz:g}; neither lasts as long as the EEG"
    )
    raise RtemoError("it cannot be told when its rows were recorded", found, "correct Units or SamplingFrequency")


def _fits(step_s: float, rate_hz: float) -> bool:
    return abs(step_s * rate_hz - 1.0) <= _RATE_TOLERANCE


def _agrees(span_s: float, duration_s: float) -> bool:
    return abs(span_s - duration_s) <= max(_SAME_LENGTH_S, _RATE_TOLERANCE * duration_s)


def _in_order(stamps: Doubles) -> NDArray[np.bool_]:
    """The rows to keep so that times increase: without those that are too early, or without those too late.

    One stamp that is too late would make all later ones too early; whichever leaves out fewer rows is meant.
    """
    if not len(stamps):
        return np.zeros(0, bool)
    highest_before = np.r_[-np.inf, np.maximum.accumulate(stamps)[:-1]]
    lowest_after = np.r_[np.minimum.accumulate(stamps[::-1])[::-1][1:], np.inf]
    not_early, not_late = stamps > highest_before, stamps < lowest_after
    return np.asarray(not_early if not_early.sum() >= not_late.sum() else not_late)


def _start(start: float | None, first: float | None, factor: float, span_s: float, eeg: Eeg, notes: list[str]) -> float:
    """Seconds from the EEG's first sample to the first row."""
    if start is None:
        notes.append("its side-car gives no StartTime: it is taken as 0")
        return 0.0
    own = first is not None and any(_same_moment(start * unit, first * factor, span_s) for unit in UNITS)
    overlaps = _overlap_s(start, span_s, eeg) > 0
    if overlaps and not (own and _doubtful(start, span_s, eeg)):
        return start
    if (unix := _unix_start(start, span_s, eeg)) is not None:
        notes.append(
            f"StartTime {start:.15g} is Unix time: by the EEG's own date it begins {unix:g} s after it, to the second"
        )
        return unix
    if own and not overlaps and abs(span_s - eeg.duration_s) <= _SAME_LENGTH_S:
        notes.append(
            f"StartTime {start:.15g} is the tracker's own clock, as its first timestamp is the same: it is placed at "
            f"the EEG's first sample, since both last {eeg.duration_s:.1f} s to within {_SAME_LENGTH_S:g} s"
        )
        return 0.0
    in_ms = start * 1e-3
    if not own and not overlaps and _overlap_s(in_ms, span_s, eeg) >= _INSIDE * min(span_s, eeg.duration_s):
        notes.append(f"StartTime {start:.15g} is taken as ms: as seconds it would lie outside of the EEG")
        return in_ms
    raise RtemoError(
        "its clock is not the EEG's",
        f"StartTime {start:.15g} puts it {start:g} to {start + span_s:g} s after the EEG's first sample, the EEG is "
        f"{eeg.duration_s:g} s long" + (", and its first timestamp is the same number" if own else ""),
        "give StartTime in seconds from the EEG's first sample",
    )


def _same_moment(one_s: float, other_s: float, span_s: float) -> bool:
    """Whether two times of a clock are the same, and not both its beginning."""
    slack_s = max(1e-3 * span_s, 1e-9 * abs(one_s))
    return abs(one_s - other_s) <= slack_s < 0.1 * abs(one_s)


def _overlap_s(start_s: float, span_s: float, eeg: Eeg) -> float:
    return min(start_s + span_s, eeg.duration_s) - max(start_s, 0.0)


def _doubtful(start_s: float, span_s: float, eeg: Eeg) -> bool:
    """As long as the EEG, and yet begun and ended much later: it may as well be the tracker's own clock."""
    alike = abs(span_s - eeg.duration_s) <= _SAME_LENGTH_S
    return alike and start_s > 0 and _overlap_s(start_s, span_s, eeg) < _INSIDE * min(span_s, eeg.duration_s)


def _unix_start(start: float, span_s: float, eeg: Eeg) -> float | None:
    """Seconds after the EEG's first sample, up to whole quarters of an hour between time zones."""
    unix_s = next((start * unit for unit in UNITS if _UNIX_S[0] <= start * unit <= _UNIX_S[1]), None)
    if unix_s is None or eeg.measured_s is None:
        return None
    apart_s = unix_s - eeg.measured_s
    zones_s = _QUARTER_HOUR_S * round(apart_s / _QUARTER_HOUR_S)
    since_s = apart_s - zones_s
    shorter_s = min(span_s, eeg.duration_s)
    inside = _overlap_s(since_s, span_s, eeg) >= _INSIDE * shorter_s
    return since_s if abs(zones_s) <= 14 * 3600.0 and inside and since_s > -_START_SLACK_S - span_s else None
