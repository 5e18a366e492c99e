"""The prediction record, and its one JSON and CSV form.

Numbers are written with a fixed number of digits, so that two replays of one file are byte-identical. NaN (no model
output) is written as null in JSON and as an empty cell in CSV.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rtemo.model.uncertainty.rating_estimates import RatingEstimate, rating_columns
from rtemo.model.uncertainty.valence_arousal import mean_place

_DIGITS = 7
_BY_LABEL = ("probabilities", "smoothed")
_LISTS = ("set", "bad_channels")
FIELDS = (
    "time_s",
    "emotion",
    "probabilities",
    "smoothed",
    "valence",
    "arousal",
    "set",
    "abstain",
    "eeg_coverage",
    "gaze_coverage",
    "bad_channels",
    "novelty",
    "settled",
    "forced",
    "latency_ms",
    "faults",
    "late",
    "calibrated",
    "participant",
)
RATINGS = "ratings"  # a further field, of models that were fitted on ratings
LATE_S = 2.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """The estimate for the window that ends at time_s (LSL time); FIELDS gives the order of its form.

    emotion: the most probable smoothed label, None when it abstains. probabilities: of this window alone, NaN when
    no modality can be used. set: the labels of the conformal set, most probable first. abstain: the reason, or None.
    novelty: 1.0 is the threshold; NaN when no modality can be used. latency_ms: None in replay. faults: why each of
    bad_channels is one: EEG labels, "gaze" and "pupil". calibrated: whether the model was calibrated on
    held-out people; if not, there is no set and no novelty. participant: of several in one session; None where there
    is one. ratings: of a model that was fitted on continuous ratings.
    """

    time_s: float
    emotion: str | None
    probabilities: Mapping[str, float]
    smoothed: Mapping[str, float]
    set: tuple[str, ...]
    abstain: str | None
    eeg_coverage: float
    gaze_coverage: float
    bad_channels: tuple[str, ...]
    novelty: float
    settled: bool
    forced: bool
    latency_ms: float | None = None
    faults: Mapping[str, str] = field(default_factory=dict)
    calibrated: bool = True
    participant: str | None = None
    ratings: Mapping[str, RatingEstimate] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """The largest smoothed probability."""
        return max(self.smoothed.values())

    @property
    def late(self) -> bool:
        """Whether it came out too long after its window's end to be the present: the computer was asleep or overloaded,
        or the engine was started again. False in replay.
        """
        return self.latency_ms is not None and self.latency_ms > 1e3 * LATE_S

    @property
    def valence(self) -> float | None:
        """A summary of the labels, in [-1, 1], and no estimate of a rating: see valence_arousal.py, and `ratings`. None
        when it abstains or has no place.
        """
        return self._place(0)

    @property
    def arousal(self) -> float | None:
        """As valence."""
        return self._place(1)

    def _place(self, axis: int) -> float | None:
        place = None if self.emotion is None else mean_place(self.smoothed)
        return None if place is None else place[axis]

    def to_dict(self) -> dict[str, Any]:
        """The record with rounded numbers, ready for JSON."""
        record = {name: _plain(name, getattr(self, name)) for name in FIELDS}
        if self.ratings:
            record[RATINGS] = {name: _estimate(one) for name, one in self.ratings.items()}
        return record

    def to_json_line(self) -> str:
        """One line of JSON without its line end."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def csv_row(self) -> list[str]:
        """The cells in the order of csv_header, for csv.writer."""
        return csv_cells(self.to_dict())


def csv_cells(record: Mapping[str, Any]) -> list[str]:
    """The cells of a record as `to_dict` gives it, in the order of csv_header."""
    cells: list[str] = []
    for name, value in record.items():
        if name in _BY_LABEL:
            cells.extend(_cell(number) for number in value.values())
        elif name == RATINGS:
            cells.extend(_cell(number) for one in value.values() for number in one.values())
        elif name == "faults":
            cells.append(";".join(f"{label}={reason}" for label, reason in value.items()))
        else:
            cells.append(";".join(value) if name in _LISTS else _cell(value))
    return cells


def csv_header(labels: Sequence[str], ratings: Sequence[str] = ()) -> list[str]:
    """Column names: the JSON names; one column a label where the record holds one number a label (name.label).

    ratings: the names of those that the model was fitted on; three columns each: ratings.name, its .low and .high.
    """
    names: list[str] = []
    for name in FIELDS:
        names.extend([f"{name}.{label}" for label in labels] if name in _BY_LABEL else [name])
    return [*names, *rating_columns(ratings)]


def _plain(name: str, value: Any) -> Any:
    if name == "time_s":
        return round(value, 6)  # LSL time in seconds has more digits before the point than _DIGITS
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, Mapping):
        return {label: found if isinstance(found, str) else _rounded(found) for label, found in value.items()}
    return list(value) if isinstance(value, tuple) else _rounded(value)


def _estimate(one: RatingEstimate) -> dict[str, float | None]:
    return {"value": _rounded(one.value), "low": _rounded(one.low), "high": _rounded(one.high)}


def _rounded(number: float) -> float | None:
    return float(f"{number:.{_DIGITS}g}") if math.isfinite(number) else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
