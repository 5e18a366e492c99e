"""The numbers behind each view, as CSV: what the window holds of them, at most the last minute of signals.

Times are LSL seconds, as in the recording. An empty field is a number that was not there.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rtemo.gui import texts
from rtemo.gui.window_state import WindowState
from rtemo.model.uncertainty.valence_arousal import mean_place

Table = tuple[Sequence[str], Iterable[Sequence[Any]]]


def write_table(view: str, model: WindowState, path: Path) -> None:
    """Write the table of a view, UTF-8 with a header. Raises OSError where the file cannot be written."""
    columns, rows = TABLES[view](model)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([_field(value) for value in row] for row in rows)


def _field(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value


def _signals(model: WindowState) -> Table:
    times, rows = model.eeg.after(-math.inf)
    known = model.snapshot.channels
    labels = [known[k].label if k < len(known) else str(k + 1) for k in range(model.eeg.n_columns)]
    return ["time_s", *(f"{label} [uV]" for label in labels)], _joined(times, rows)


def _gaze(model: WindowState) -> Table:
    times, rows = model.gaze.after(-math.inf)
    return ["time_s", "x", "y", "pupil_left_mm", "pupil_right_mm"], _joined(times, rows)


def _history(model: WindowState) -> Table:
    times, single, smoothed, silent = model.history(-math.inf)
    columns = ["time_s", *model.labels, *(f"smoothed {label}" for label in model.labels), "abstains"]
    rows = zip(times, single, smoothed, silent, strict=True)
    return columns, ([float(t), *map(float, p), *map(float, s), int(a)] for t, p, s, a in rows)


def _plane(model: WindowState) -> Table:
    times, _, smoothed, _ = model.history(-math.inf)
    return ["time_s", "valence", "arousal"], _places(times, smoothed, model.labels)


def _places(times: Any, smoothed: Any, labels: Sequence[str]) -> Iterator[Sequence[Any]]:
    for time_s, row in zip(times, smoothed, strict=True):
        place = mean_place(dict(zip(labels, map(float, row), strict=True)))
        yield (float(time_s), *(("", "") if place is None else place))


def _emotion(model: WindowState) -> Table:
    latest = model.latest or {}
    rows: list[Sequence[Any]] = []
    for part in ("probabilities", "smoothed"):
        rows += [(part, label, value) for label, value in latest.get(part, {}).items()]
    rows += [("explanation", name, value) for name, value in model.snapshot.explanation.items()]
    return ["what", "name", "value"], rows


def _quality(model: WindowState) -> Table:
    channels = [(one.label, one.x, one.y, one.z, one.fault, int(one.excluded)) for one in model.snapshot.channels]
    return ["channel", "x", "y", "z", "fault", "excluded"], channels


def _events(model: WindowState) -> Table:
    names = ("time_s", "kind", "stream", "text")
    return names, ([event.get(name, "") for name in names] for event in model.events)


def _streams(model: WindowState) -> Table:
    rows = [{k: v for k, v in asdict(one).items() if k not in ("columns", "labels")} for one in model.snapshot.streams]
    return list(rows[0]) if rows else ["stream_id"], (list(row.values()) for row in rows)


def _joined(times: Any, rows: Any) -> Iterator[Sequence[Any]]:
    return ([float(t), *map(float, row)] for t, row in zip(times, rows, strict=True))


TABLES: Mapping[str, Callable[[WindowState], Table]] = {
    texts.SIGNALS: _signals,
    texts.GAZE: _gaze,
    texts.HISTORY: _history,
    texts.PLANE: _plane,
    texts.EMOTION: _emotion,
    texts.QUALITY: _quality,
    texts.EVENTS: _events,
    texts.STREAMS: _streams,
}
