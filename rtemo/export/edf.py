"""Writes EDF+ files with the package edfio. EDF holds 16-bit integers in data records of one length.

Each channel has its own range, from its smallest to its largest value, so the step is 1/65535 of that. A recording with
gaps becomes EDF+D: the first record after a gap begins at its own time, to a microsecond. What had to be filled up with
0 uV is annotated as BAD_ACQ_SKIP: gaps that are shorter than a record, and the rest of a last record. edfio writes
EDF+C alone, so the records' times and annotations are a signal of our own, and its name in the header is put right.
The format is open: Kemp and Olivan 2003, European data format plus.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.export.extras import needed
from rtemo.export.mne_raw import SKIP
from rtemo.export.signals import RecordedSignal, SignalStretch, regular

MOST_RATE_DIGITS = 8  # of a data record's length, as EDF's header has room for
RECORD_S = (0.5, 2.0)  # how long a record is; in a recording with gaps as short as the shortest of these
SHORTEST_RECORD_S = 0.05  # each record has its time beside its samples
EXACT = 1e-5  # of the rate
_RESERVED, _LABELS, _LABEL_BYTES = 192, 256, 16  # places in the header
_CODE_LENGTH = 60  # of the 80 places for the patient
_NAME, _STAND_IN = b"EDF Annotations ", "times"

Text = tuple[float, float | None, str]  # onset in seconds from the first sample, duration, text


@dataclass(frozen=True, slots=True)
class _Segment:
    """Records that follow each other. start_s: seconds from the first sample. values (records x length, channels)."""

    start_s: float
    values: NDArray[np.float64]
    filled: tuple[tuple[int, int], ...]  # samples that were not recorded, as [begin, end)


def write_edf(path: Path, eeg: RecordedSignal, began: datetime | None, texts: Sequence[Text], subject: str) -> float:
    """Write an EDF+ file. Returns the rate written.

    EDF counts samples a data record, whose length has eight characters: a measured rate such as 250.0123 Hz is written
    as near as that allows. Raises RtemoError where the package edfio is not installed.
    """
    edfio = needed("edfio", "edfio")
    record_s, per_record = record_of(eeg.rate_hz, min((gap.n_missing for gap in eeg.gaps), default=None))
    rate_hz = per_record / record_s
    segments = _segments(eeg, per_record)
    values = np.concatenate([one.values for one in segments])
    starts = [one.start_s + k * record_s for one in segments for k in range(len(one.values) // per_record)]
    filled = [
        (one.start_s + begin / rate_hz, (end - begin) / rate_hz, SKIP) for one in segments for begin, end in one.filled
    ]
    later_s = began.microsecond / 1e6 if began is not None else 0.0  # the header's time has whole seconds
    signals = [_signal(edfio, label, values[:, k], rate_hz) for k, label in enumerate(eeg.labels)]
    signals.append(_times_and_texts(edfio, starts, [*texts, *filled], record_s, later_s))
    day = date(began.year, began.month, began.day) if began is not None else None
    document = edfio.Edf(
        signals,
        patient=edfio.Patient(code=patient_code(subject)),
        recording=edfio.Recording(startdate=day),
        starttime=time(began.hour, began.minute, began.second) if began is not None else None,
        data_record_duration=record_s,
    )
    document.write(path)
    with path.open("r+b") as file:
        file.seek(_RESERVED)
        file.write(b"EDF+D" if len(segments) > 1 else b"EDF+C")
        file.seek(_LABELS + _LABEL_BYTES * len(eeg.labels))
        file.write(_NAME)
    return rate_hz


def patient_code(subject: str) -> str:
    """A name as EDF's header takes it: ASCII without blanks, X where nothing is left."""
    plain = normalize("NFKD", subject).encode("ascii", "ignore").decode("ascii")
    return "_".join(plain.split())[:_CODE_LENGTH].strip("_") or "X"


def record_of(rate_hz: float, shortest_gap: int | None = None) -> tuple[float, int]:
    """A data record's length in seconds that EDF's header can hold, and its samples: about a second, exact if it can.

    shortest_gap: in samples; records are no longer than that where there is such a length. Raises RtemoError where no
    record comes near the rate.
    """
    shortest, longest = (max(round(length_s * rate_hz), 1) for length_s in RECORD_S)
    counts = range(shortest, max(longest, 2) + 1)
    found = None
    if shortest_gap is not None:
        least = max(math.ceil(SHORTEST_RECORD_S * rate_hz), 1)
        found = _nearest(rate_hz, range(min(max(shortest_gap, least), counts[-1]), least - 1, -1))
    found = found or _nearest(rate_hz, counts)
    if found is None:
        raise RtemoError("EDF cannot hold this sampling rate", f"{rate_hz:g} Hz", "export to BrainVision instead")
    return found


def _nearest(rate_hz: float, counts: range) -> tuple[float, int] | None:
    """The record of so many samples that comes nearest to the rate, the first of several; None where none is EXACT."""
    best = (math.inf, 0.0, 0)
    for per_record in counts:
        record_s = float(f"{per_record / rate_hz:.{MOST_RATE_DIGITS - 2}f}")
        off = abs(per_record / record_s / rate_hz - 1.0) if record_s > 0 else math.inf
        if off < best[0] - 1e-12:
            best = (off, record_s, per_record)
    return (best[1], best[2]) if best[0] < EXACT else None


def _segments(eeg: RecordedSignal, per_record: int) -> list[_Segment]:
    """The stretches in whole records; one that begins before the records of the one before end is joined to it."""
    joined: list[list[SignalStretch]] = []
    n = 0  # samples of the newest of these, gaps included
    for stretch in eeg.stretches:
        first = (stretch.begin_s - joined[-1][0].begin_s) * eeg.rate_hz if joined else math.inf
        if first >= _in_records(n, per_record):
            joined.append([stretch])
            n = len(stretch.times)
        else:
            joined[-1].append(stretch)
            n = max(round(first), n) + len(stretch.times)
    return [_segment(eeg, group, per_record) for group in joined]


def _segment(eeg: RecordedSignal, group: Sequence[SignalStretch], per_record: int) -> _Segment:
    on_grid = list(regular(replace(eeg, stretches=tuple(group))))
    n = on_grid[-1][0] + len(on_grid[-1][1].times)
    values = np.zeros((_in_records(n, per_record), len(eeg.labels)))
    filled, free = [], 0
    for first, stretch in on_grid:
        filled.append((free, first))
        free = first + len(stretch.times)
        values[first:free] = np.nan_to_num(stretch.values)
    filled.append((free, len(values)))
    start_s = group[0].begin_s - eeg.first_s
    return _Segment(start_s, values, tuple((begin, end) for begin, end in filled if end > begin))


def _in_records(n: int, per_record: int) -> int:
    return math.ceil(n / per_record) * per_record


def _times_and_texts(
    edfio: Any, starts: Sequence[float], texts: Sequence[Text], record_s: float, later_s: float
) -> Any:
    """The signal of annotations: for each record its time, then the texts that begin in it. later_s: of all times."""
    records = [[_noted(start_s + later_s, None, "")] for start_s in starts]
    for onset_s, duration_s, text in sorted(texts, key=lambda one: one[0]):
        number = max(int(np.searchsorted(starts, onset_s, side="right")) - 1, 0)
        records[number].append(_noted(max(onset_s, 0.0) + later_s, duration_s, text))
    rows = [b"".join(entries) for entries in records]
    width = (max(map(len, rows)) + 1) & ~1  # samples have two bytes
    data = np.frombuffer(b"".join(row.ljust(width, b"\0") for row in rows), "<i2")
    return edfio.EdfSignal.from_digital(
        data, width / 2 / record_s, label=_STAND_IN, physical_range=(-1, 1), digital_range=(-32768, 32767)
    )


def _noted(onset_s: float, duration_s: float | None, text: str) -> bytes:
    """A time-stamped annotation list of one entry."""
    length = "" if duration_s is None else f"\x15{_plain(duration_s)}"
    printable = "".join(char if char >= " " else " " for char in text)
    return f"+{_plain(onset_s)}{length}\x14{printable}\x14\0".encode()


def _plain(seconds: float) -> str:
    """A number of seconds without an exponent."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


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
