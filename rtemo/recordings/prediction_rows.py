"""Rows of a predictions.csv of any version, as texts: for the report and the Python interface."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rtemo.core.errors import RtemoError

_SMOOTHED, _RATINGS = "smoothed.", "ratings."


@dataclass(frozen=True, slots=True)
class PredictionRows:
    """labels: of the model, in their order. rows: cells by column; one that was cut off by a kill is not among them.

    ratings: the names of those that the model was fitted on.
    """

    labels: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    ratings: tuple[str, ...] = ()


def read_rows(path: Path) -> PredictionRows:
    """The rows of a predictions.csv. Raises RtemoError where the file cannot be read or is none."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns = tuple(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RtemoError(f"{path} cannot be read", str(error), "name a predictions.csv that rtemo wrote") from error
    labels = tuple(name.removeprefix(_SMOOTHED) for name in columns if name.startswith(_SMOOTHED))
    if not labels or "time_s" not in columns:
        found = f"its columns are {', '.join(columns)[:200] or 'none'}"
        raise RtemoError(f"{path} holds no predictions", found, "name another")
    rated = [name.removesuffix(".low") for name in columns if name.startswith(_RATINGS) and name.endswith(".low")]
    ratings = tuple(name.removeprefix(_RATINGS) for name in rated if name in columns and f"{name}.high" in columns)
    return PredictionRows(labels, tuple(row for row in rows if None not in row.values()), ratings)
