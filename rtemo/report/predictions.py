"""Predictions as a table: from the session's predictions.csv, or collected while a recording is replayed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rtemo.core.types import MAX_TIME_S
from rtemo.model.prediction import RATINGS, Prediction
from rtemo.model.uncertainty.rating_estimates import rating_columns
from rtemo.recordings.prediction_rows import read_rows
from rtemo.report.session_record import Predictions


class Collector:
    """A PredictionSink that keeps what it is given."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = tuple(labels)
        self._records: list[dict[str, Any]] = []

    def put(self, prediction: Prediction) -> None:
        self._records.append(prediction.to_dict())

    def discard(self) -> None:
        self._records.clear()

    def close(self) -> None:
        """Nothing is open."""

    def table(self) -> Predictions:
        """All that was given."""
        ratings = tuple(self._records[0].get(RATINGS, {})) if self._records else ()
        return _table(self._labels, [_from_record(record) for record in self._records], ratings)


def read_predictions(path: Path, participant: str = "") -> Predictions:
    """The table in a predictions.csv. A last line that was cut off, as a killed engine leaves it, is left out.

    participant: whose, of several.

    Raises RtemoError where the file cannot be read or is none.
    """
    found = read_rows(path)
    rows = [row for row in found.rows if not participant or row.get("participant") == participant]
    return _table(found.labels, [_from_row(row, found.labels) for row in rows], found.ratings)


def _from_record(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **record,
        "probabilities": [_number(value) for value in record["probabilities"].values()],
        "smoothed": [_number(value) for value in record["smoothed"].values()],
        **{
            column: one[part]
            for name, one in record.get(RATINGS, {}).items()
            for column, part in zip(rating_columns([name]), ("value", "low", "high"), strict=True)
        },
    }


def _from_row(row: Mapping[str, str], labels: Sequence[str]) -> dict[str, Any]:
    return {
        **row,
        "probabilities": [_number(row.get(f"probabilities.{label}")) for label in labels],
        "smoothed": [_number(row.get(f"smoothed.{label}")) for label in labels],
        "settled": row.get("settled") == "true",
    }


def _table(labels: tuple[str, ...], records: Sequence[Mapping[str, Any]], ratings: Sequence[str] = ()) -> Predictions:
    def column(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([_number(record.get(name)) for record in records], np.float64)

    times, shape = column("time_s"), (len(records), len(labels))
    return Predictions(
        labels=labels,
        times=np.where(np.abs(times) <= MAX_TIME_S, times, np.nan),
        probabilities=np.array([record["probabilities"] for record in records], np.float64).reshape(shape),
        smoothed=np.array([record["smoothed"] for record in records], np.float64).reshape(shape),
        abstain=tuple(str(record.get("abstain") or "") for record in records),
        eeg_coverage=column("eeg_coverage"),
        gaze_coverage=column("gaze_coverage"),
        novelty=column("novelty"),
        settled=np.array([bool(record["settled"]) for record in records], bool),
        latency_ms=column("latency_ms"),
        ratings={name: np.stack([column(part) for part in rating_columns([name])], axis=1) for name in ratings},
    )


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
