"""Predictions as a table: a sequence of records with the fields of the command line's JSON lines and CSV columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from rtemo.core.errors import RtemoError
from rtemo.export.extras import needed
from rtemo.model.prediction import FIELDS, RATINGS, csv_cells, csv_header
from rtemo.model.uncertainty.rating_estimates import rating_columns
from rtemo.recordings.prediction_rows import PredictionRows, read_rows

PredictionRecord = Mapping[str, Any]
_NUMBERS = ("valence", "arousal", "eeg_coverage", "gaze_coverage", "novelty", "latency_ms")
_PARTS = ("value", "low", "high")
_TRUTHS = {"true": True, "false": False}


class PredictionTable(Sequence[PredictionRecord]):
    """One record a prediction, by time. Each is what a line of `rtemo replay --out FILE.jsonl` holds.

    notices: what was odd about the recording, one line each.
    """

    def __init__(self, labels: Sequence[str], records: Sequence[PredictionRecord], notices: Sequence[str] = ()) -> None:
        self.labels, self.notices = tuple(labels), tuple(notices)
        self._records = tuple(records)

    def __len__(self) -> int:
        return len(self._records)

    @overload
    def __getitem__(self, index: int) -> PredictionRecord: ...

    @overload
    def __getitem__(self, index: slice) -> PredictionTable: ...

    def __getitem__(self, index: int | slice) -> PredictionRecord | PredictionTable:
        """One record, or a part of the table."""
        if isinstance(index, slice):
            return PredictionTable(self.labels, self._records[index], self.notices)
        return self._records[index]

    def of(self, participant: str) -> PredictionTable:
        """One participant's, of several in one session."""
        own = [record for record in self._records if record["participant"] == participant]
        return PredictionTable(self.labels, own, self.notices)

    def __iter__(self) -> Iterator[PredictionRecord]:
        return iter(self._records)

    def __eq__(self, other: object) -> bool:
        """Whether labels and records are the same."""
        return isinstance(other, PredictionTable) and (self.labels, self._records) == (other.labels, other._records)

    def __hash__(self) -> int:
        return hash(self.to_csv())

    @property
    def ratings(self) -> tuple[str, ...]:
        """The names of the ratings that the model was fitted on."""
        return tuple(self._records[0].get(RATINGS, {})) if self._records else ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the CSV columns."""
        return tuple(csv_header(self.labels, self.ratings))

    @property
    def times(self) -> NDArray[np.float64]:
        """(n,) LSL seconds: the end of each prediction's window."""
        return np.array([record["time_s"] for record in self._records], np.float64)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(n, labels) smoothed probabilities, NaN where there are none."""
        rows = [[record["smoothed"][label] for label in self.labels] for record in self._records]
        return np.array(rows, np.float64).reshape(len(rows), len(self.labels))

    def table(self) -> Any:
        """A pandas.DataFrame where pandas is installed, else the records."""
        try:
            return self.to_pandas()
        except RtemoError:
            return list(self._records)

    def to_pandas(self) -> Any:
        """A pandas.DataFrame with the columns of the CSV file. Raises RtemoError where pandas is not installed."""
        pandas = needed("pandas", "pandas")
        return pandas.DataFrame([self._flat(record) for record in self._records], columns=list(self.columns))

    def to_csv(self, path: Path | str | None = None) -> str:
        """The text of the CSV file that `rtemo replay` writes; written to a path where one is given."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(csv_cells(record) for record in self._records)
        return _written(text.getvalue(), path)

    def to_jsonl(self, path: Path | str | None = None) -> str:
        """The text of the JSON lines that `rtemo replay` writes; written to a path where one is given."""
        lines = [json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n" for record in self._records]
        return _written("".join(lines), path)

    def _flat(self, record: PredictionRecord) -> dict[str, Any]:
        flat: dict[str, Any] = {}
        for name, value in record.items():
            if name in ("probabilities", "smoothed"):
                flat |= {f"{name}.{label}": number for label, number in value.items()}
            elif name == RATINGS:
                flat |= zip(
                    rating_columns(tuple(value)), (part for one in value.values() for part in one.values()), strict=True
                )
            else:
                flat[name] = value
        return flat

    def __repr__(self) -> str:
        span = f", {self.times[0]:.2f} to {self.times[-1]:.2f} s" if len(self) else ""
        return f"<PredictionTable: {len(self)} predictions of {', '.join(self.labels)}{span}>"


def read_csv(path: Path) -> PredictionTable:
    """The table in a predictions.csv of any version: columns that it lacks are None. Raises RtemoError."""
    found = read_rows(path)
    try:
        return PredictionTable(found.labels, [_record(row, found) for row in found.rows])
    except ValueError as error:
        raise RtemoError(f"{path} has a cell that does not fit", str(error), "copy the file again") from error


def _record(row: Mapping[str, str], found: PredictionRows) -> dict[str, Any]:
    record = {name: _field(name, row, found.labels) for name in FIELDS}
    if found.ratings:
        record[RATINGS] = {
            name: {part: _number(row[column]) for part, column in zip(_PARTS, rating_columns([name]), strict=True)}
            for name in found.ratings
        }
    return record


def _field(name: str, row: Mapping[str, str], labels: Sequence[str]) -> Any:
    """One field of the record from its cells. Raises ValueError."""
    if name in ("probabilities", "smoothed"):
        return {label: _number(row.get(f"{name}.{label}", "")) for label in labels}
    cell = row.get(name, "")
    if name == "time_s":
        return float(cell)
    if name in _NUMBERS:
        return _number(cell)
    if name in ("set", "bad_channels"):
        return [part for part in cell.split(";") if part]
    if name == "faults":
        return dict(part.split("=", 1) for part in cell.split(";") if "=" in part)
    return _TRUTHS.get(cell, cell or None)


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _written(text: str, path: Path | str | None) -> str:
    if path is not None:
        try:
            with Path(path).open("w", encoding="utf-8", newline="") as file:
                file.write(text)
        except OSError as error:
            raise RtemoError(f"{path} cannot be written", error.strerror or str(error), "name another file") from error
    return text
