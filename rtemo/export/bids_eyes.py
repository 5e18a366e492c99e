"""Eye-tracking of a BIDS session: one physio table an eye (BIDS 1.11), at the tracker's own rate and times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rtemo.core.channel_map import GazeChannelMap
from rtemo.core.types import Modality
from rtemo.export.bids_eeg import clock_summary
from rtemo.export.bids_timeline import BidsTimeline
from rtemo.export.recorded_session import RecordedSession
from rtemo.export.signals import RecordedSignal
from rtemo.export.tables import write_bare_table, write_json

COLUMNS = ("timestamp", "x_coordinate", "y_coordinate", "pupil_size")


def write_eyes(folder: Path, session: RecordedSession, gaze: RecordedSignal, timeline: BidsTimeline) -> list[Path]:
    """A table and a side-car for each eye that was seen at all; one for both where the tracker gives one gaze point."""
    assert isinstance(gaze.channel_map, GazeChannelMap)
    width, height = _size(gaze.channel_map, session)
    values = gaze.values
    written = []
    for number, (eye, x, y, pupil) in enumerate(_eyes(gaze.channel_map, values), start=1):
        path = folder / f"{session.entities.stem}_recording-eye{number}_physio.tsv.gz"
        table = np.column_stack([gaze.times, width * x, height * y, *([pupil] if pupil is not None else [])])
        write_bare_table(path, table.tolist())
        about = _about(session, gaze, timeline, eye, has_pupil=pupil is not None)
        write_json(path.with_name(path.name.removesuffix(".tsv.gz") + ".json"), about)
        written.append(path)
    return written


Column = NDArray[np.float64]


def _eyes(channel_map: GazeChannelMap, values: Column) -> list[tuple[str, Column, Column, Column | None]]:
    """(eye, x, y, pupil) of each eye with a valid gaze sample."""
    left, right = channel_map.left, channel_map.right
    shared = (left.x, left.y, left.pupil) == (right.x, right.y, right.pupil)
    names = (("cyclopean", 0),) if shared else (("left", 0), ("right", 1))
    found = []
    for name, index in names:
        x, y, pupil = values[:, 2 * index], values[:, 2 * index + 1], values[:, 4 + index]
        if np.isfinite(x).any():
            found.append((name, x, y, pupil if np.isfinite(pupil).any() else None))
    return found


def _size(channel_map: GazeChannelMap, session: RecordedSession) -> tuple[float, float]:
    """Pixels of the screen, or of the scene camera's image."""
    if channel_map.view.kind == "scene":
        return channel_map.size
    return float(session.settings.screen.width_px), float(session.settings.screen.height_px)


def _about(
    session: RecordedSession, gaze: RecordedSignal, timeline: BidsTimeline, eye: str, *, has_pupil: bool
) -> dict[str, Any]:
    assert isinstance(gaze.channel_map, GazeChannelMap)
    profile = session.profiles.get(Modality.GAZE)
    scene = gaze.channel_map.view.kind == "scene"
    about: dict[str, Any] = {
        "SamplingFrequency": gaze.rate_hz,
        "StartTime": timeline.real_s(gaze.first_s),
        "Columns": list(COLUMNS if has_pupil else COLUMNS[:-1]),
        "PhysioType": "eyetrack",
        "RecordedEye": eye,
        "SampleCoordinateSystem": "gaze-in-world" if scene else "gaze-on-screen",
        "Manufacturer": profile.name if profile is not None and not profile.id.startswith("generic") else "n/a",
        "ManufacturersModelName": gaze.info.name,
        "timestamp": {"Description": "time on the recording's clock (LSL), clock offsets applied", "Units": "s"},
        "x_coordinate": {"Description": "gaze position, from the left edge", "Units": "pixel"},
        "y_coordinate": {"Description": "gaze position, from the upper edge", "Units": "pixel"},
        "NominalSamplingFrequency": gaze.info.nominal_rate_hz,
        "DeviceLatency": gaze.channel_map.latency_s,
        "SamplesWithoutTime": gaze.n_unusable,
        "Gaps": [
            {"begin": timeline.real_s(gap.begin_s), "end": timeline.real_s(gap.end_s), "missing": gap.n_missing}
            for gap in gaze.gaps
        ],
        "ClockOffsets": clock_summary(gaze),
    }
    if has_pupil:
        unit = gaze.channel_map.pupil_unit or "arbitrary"
        about["pupil_size"] = {"Description": "pupil diameter", "Units": unit}
    return about
