"""A recording as CSV files: EEG, gaze and events, all with LSL times, for whatever reads tables."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.export.event_rows import event_rows
from rtemo.export.recorded_session import RecordedSession


def write_csv(folder: Path, session: RecordedSession) -> list[Path]:
    """Write eeg.csv (microvolts), gaze.csv (share of the screen, pupils), events.csv into a new or empty folder.

    Gaps are rows that are not there. Returns the files. Raises RtemoError where something is in the folder.
    """
    check_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for modality, name in ((Modality.EEG, "eeg.csv"), (Modality.GAZE, "gaze.csv")):
        signal = session.signals.get(modality)
        if signal is not None:
            rows = (
                (repr(time_s), *("" if value != value else repr(value) for value in values))
                for time_s, values in zip(signal.times.tolist(), signal.values.tolist(), strict=True)
            )
            written.append(_write(folder / name, ("lsl_time", *signal.labels), rows))
    found = event_rows(session.markers, session.events, session.rests)
    events = ((repr(e.time_s), e.duration_s, e.kind, e.text, e.emotion, e.stimulus, e.source) for e in found)
    columns = ("lsl_time", "duration", "kind", "text", "emotion", "stimulus", "source")
    return [*written, _write(folder / "events.csv", columns, events)]


def check_free(folder: Path) -> None:
    """Raises RtemoError where something is in the folder, or a file has its name."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RtemoError(f"{folder} exists and is not empty", "nothing is overwritten", "name a new folder")


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path
