"""Writes EDF+ files with the package edfio. EDF holds 16-bit integers and no gaps.

Each channel has its own range, from its smallest to its largest value, so the step is 1/65535 of that. Gaps are filled
with 0 uV and annotated as BAD_ACQ_SKIP; the last data record is filled up likewise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.export.extras import needed
from rtemo.export.mne_raw import SKIP
from rtemo.export.signals import RecordedSignal, SignalStretch, regular

MOST_RATE_DIGITS = 8  # of a data record's length, as EDF's header has room for


def write_edf(
    path: Path,
    eeg: RecordedSignal,
    began: datetime | None,
    texts: Sequence[tuple[float, float | None, str]],
    subject: str,
) -> float:
    """Write an EDF+ file. texts: onset in seconds from the first sample, duration, text. Returns the rate written.

    EDF counts samples a data record, whose length has eight characters: a measured rate such as 250.0123 Hz is written
    as near as that allows. Raises RtemoError where the package edfio is not installed.
    """
    edfio = needed("edfio", "edfio")
    on_grid = list(regular(eeg))
    n = on_grid[-1][0] + len(on_grid[-1][1].times)
    record_s, per_record = record_of(eeg.rate_hz)
    n_records = math.ceil(n / per_record)
    values = np.zeros((n_records * per_record, len(eeg.labels)))
    for first, stretch in on_grid:
        values[first : first + len(stretch.times)] = np.nan_to_num(stretch.values)
    rate_hz = per_record / record_s
    signals = [_signal(edfio, label, values[:, k], rate_hz) for k, label in enumerate(eeg.labels)]
    notes = [edfio.EdfAnnotation(max(onset_s, 0.0), duration_s, text) for onset_s, duration_s, text in texts]
    notes += [edfio.EdfAnnotation(begin / rate_hz, (end - begin) / rate_hz, SKIP) for begin, end in _holes(on_grid, n)]
    day = date(began.year, began.month, began.day) if began is not None else None
    document = edfio.Edf(
        signals,
        patient=edfio.Patient(code=subject.replace(" ", "_") or "X"),
        recording=edfio.Recording(startdate=day),
        starttime=time(began.hour, began.minute, began.second, began.microsecond) if began is not None else None,
        data_record_duration=record_s,
        annotations=sorted(notes, key=lambda note: note.onset),
    )
    document.write(path)
    return rate_hz


def record_of(rate_hz: float) -> tuple[float, int]:
    """A data record's length in seconds that EDF's header can hold, and its samples: about a second, exact if it can.

    Raises RtemoError where no record comes near the rate.
    """
    best = (math.inf, 0.0, 0)
    for per_record in range(max(round(0.5 * rate_hz), 1), max(round(2.0 * rate_hz), 2) + 1):
        record_s = float(f"{per_record / rate_hz:.{MOST_RATE_DIGITS - 2}f}")
        off = abs(per_record / record_s / rate_hz - 1.0) if record_s > 0 else math.inf
        if off < best[0] - 1e-12:
            best = (off, record_s, per_record)
    if not best[0] < 1e-5:
        raise RtemoError("EDF cannot hold this sampling rate", f"{rate_hz:g} Hz", "export to BrainVision instead")
    return best[1], best[2]


def _signal(edfio: Any, label: str, values: NDArray[np.float64], rate_hz: float) -> Any:
    low, high = float(values.min()), float(values.max())
    if high - low < 1e-3:
        low, high = low - 1.0, high + 1.0
    bounds = (_rounded(low, math.floor), _rounded(high, math.ceil))
    return edfio.EdfSignal(
        np.clip(values, *bounds), rate_hz, label=label[:16], physical_dimension="uV", physical_range=bounds
    )


def _rounded(value: float, away: Callable[[float], int]) -> float:
    """A bound with the eight characters that the header has for it."""
    digits = max(0, 6 - len(f"{abs(value):.0f}") - (value < 0))
    return float(away(value * 10.0**digits)) / 10.0**digits


def _holes(on_grid: Sequence[tuple[int, SignalStretch]], n: int) -> list[tuple[int, int]]:
    """The samples of the grid that were not recorded, as [begin, end)."""
    found, free = [], 0
    for first, stretch in on_grid:
        if first > free:
            found.append((free, first))
        free = first + len(stretch.times)
    assert free == n
    return found
