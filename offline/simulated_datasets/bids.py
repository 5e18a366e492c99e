"""Writes EEG with eye-tracking as BIDS 1.11: BrainVision files, and eye-tracking as compressed physio tables."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import Screen

BIDS_VERSION = "1.11.1"
_EYE_COLUMNS = ("timestamp", "x_coordinate", "y_coordinate", "pupil_size")


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye's samples: times_s (n,) from the EEG's first sample, values (n, 3): x and y in pixels, pupil in mm."""

    recorded: str  # left, right or cyclopean
    rate_hz: float
    times_s: NDArray[np.float64]
    values: NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class RunName:
    """What a run is called. Labels are letters and digits."""

    subject: str
    task: str
    session: str = ""
    run: str = ""

    def file(self, suffix: str, ending: str, **more: str) -> str:
        """The file name with these further entities."""
        pairs = {"sub": self.subject, "ses": self.session, "task": self.task, "run": self.run, **more}
        return "_".join([f"{key}-{value}" for key, value in pairs.items() if value] + [suffix]) + ending

    def folder(self, root: Path) -> Path:
        """The run's eeg folder."""
        base = root / f"sub-{self.subject}"
        return (base / f"ses-{self.session}" if self.session else base) / "eeg"


def write_dataset(root: Path, title: str, subjects: Sequence[str]) -> None:
    """dataset_description.json, README and participants.tsv."""
    root.mkdir(parents=True, exist_ok=True)
    about = {
        "Name": title,
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "License": "CC0",
        "Authors": ["rtemo's simulator"],
    }
    _write_json(root / "dataset_description.json", about)
    (root / "README").write_text(
        "Simulated people in the layout of BIDS with EEG and eye-tracking. No one was recorded.\n"
    )
    rows = [{"participant_id": f"sub-{subject}"} for subject in subjects]
    _write_tsv(root / "participants.tsv", ["participant_id"], rows)


def write_run(
    root: Path,
    name: RunName,
    eeg: NDArray[np.floating],
    labels: Sequence[str],
    rate_hz: float,
    events: Sequence[Mapping[str, str | float]] = (),
    eyes: Sequence[Eye] = (),
    screen: Screen | None = None,
) -> Path:
    """eeg: (T, C) in uV. events: rows with onset, duration and more columns. Returns the .vhdr."""
    folder = name.folder(root)
    folder.mkdir(parents=True, exist_ok=True)
    header = _write_brainvision(folder, name, eeg, labels, rate_hz)
    about = {
        "TaskName": name.task,
        "SamplingFrequency": rate_hz,
        "EEGReference": "simulated, against infinity",
        "PowerLineFrequency": 50,
        "SoftwareFilters": "n/a",
        "EEGChannelCount": len(labels),
        "RecordingDuration": len(eeg) / rate_hz,
        "RecordingType": "continuous",
    }
    _write_json(folder / name.file("eeg", ".json"), about)
    channels: list[dict[str, str | float]] = [
        {"name": label, "type": "EEG", "units": "\u00b5V", "sampling_frequency": rate_hz} for label in labels
    ]
    _write_tsv(folder / name.file("channels", ".tsv"), ["name", "type", "units", "sampling_frequency"], channels)
    columns = list(dict.fromkeys(["onset", "duration", *(column for row in events for column in row)]))
    _write_tsv(folder / name.file("events", ".tsv"), columns, events)
    _write_json(folder / name.file("events", ".json"), _events_json(columns, screen))
    for number, eye in enumerate(eyes, start=1):
        _write_eye(folder, name, f"eye{number}", eye)
    return header


def _write_brainvision(
    folder: Path, name: RunName, eeg: NDArray[np.floating], labels: Sequence[str], rate_hz: float
) -> Path:
    """Multiplexed 32 bit floats in uV, one marker for the new segment."""
    files = {ending: name.file("eeg", ending) for ending in (".vhdr", ".eeg", ".vmrk")}
    np.ascontiguousarray(eeg, dtype="<f4").tofile(folder / files[".eeg"])
    lines = [
        "Brain Vision Data Exchange Header File Version 1.0",
        "",
        "[Common Infos]",
        "Codepage=UTF-8",
        f"DataFile={files['.eeg']}",
        f"MarkerFile={files['.vmrk']}",
        "DataFormat=BINARY",
        "DataOrientation=MULTIPLEXED",
        f"NumberOfChannels={len(labels)}",
        f"SamplingInterval={1e6 / rate_hz:.10g}",
        "",
        "[Binary Infos]",
        "BinaryFormat=IEEE_FLOAT_32",
        "",
        "[Channel Infos]",
        *(f"Ch{number}={label},,1,\u00b5V" for number, label in enumerate(labels, start=1)),
        "",
    ]
    (folder / files[".vhdr"]).write_text("\n".join(lines), encoding="utf-8")
    marks = ["Brain Vision Data Exchange Marker File, Version 1.0", "", "[Common Infos]", "Codepage=UTF-8"]
    marks += [f"DataFile={files['.eeg']}", "", "[Marker Infos]", "Mk1=New Segment,,1,1,0,00000000000000000000", ""]
    (folder / files[".vmrk"]).write_text("\n".join(marks), encoding="utf-8")
    return folder / files[".vhdr"]


def _events_json(columns: Sequence[str], screen: Screen | None) -> dict[str, Any]:
    """Describes the events' further columns; eye-tracking on a screen requires the screen here."""
    more = [column for column in columns if column not in ("onset", "duration")]
    about: dict[str, Any] = {column: {"Description": f"{column} of the event"} for column in more}
    if screen is not None:
        about["StimulusPresentation"] = {
            "ScreenDistance": screen.distance_mm / 1000.0,
            "ScreenOrigin": ["top", "left"],
            "ScreenResolution": [screen.width_px, screen.height_px],
            "ScreenSize": [screen.width_mm / 1000.0, screen.height_mm / 1000.0],
        }
    return about


def _write_eye(folder: Path, name: RunName, label: str, eye: Eye) -> None:
    """The samples without a header line, timestamps in ms since the first one, and their side-car."""
    text = io.StringIO()
    for time_s, values in zip(eye.times_s - eye.times_s[0], eye.values, strict=True):
        cells = [f"{1000.0 * time_s:.3f}", *("n/a" if np.isnan(value) else f"{value:.4f}" for value in values)]
        text.write("\t".join(cells) + "\n")
    path = folder / name.file("physio", ".tsv.gz", recording=label)
    path.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    about = {
        "PhysioType": "eyetrack",
        "RecordedEye": eye.recorded,
        "SampleCoordinateSystem": "gaze-on-screen",
        "SamplingFrequency": eye.rate_hz,
        "StartTime": round(float(eye.times_s[0]), 6),
        "Columns": list(_EYE_COLUMNS),
        "timestamp": {"Description": "time since the first sample", "Units": "ms"},
        "x_coordinate": {"Description": "gaze position from the left edge of the screen", "Units": "pixel"},
        "y_coordinate": {"Description": "gaze position from the top edge of the screen", "Units": "pixel"},
        "pupil_size": {"Description": "pupil diameter", "Units": "mm"},
    }
    _write_json(folder / name.file("physio", ".json", recording=label), about)


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_tsv(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str | float]]) -> None:
    lines = ["\t".join(columns)]
    lines += ["\t".join(str(row.get(column, "n/a")) for column in columns) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
