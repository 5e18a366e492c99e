"""Channel mapping of a stream: what each of its channels is used as, and why, for the settings editor."""

from __future__ import annotations

from dataclasses import replace

from rtemo.core.channel_map import EyeColumns, GazeChannelMap
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamInfo
from rtemo.live.service.snapshot import ColumnStatus
from rtemo.sources.devices.column_names import renamed_columns
from rtemo.sources.devices.eeg_columns import eeg_columns
from rtemo.sources.devices.profile import DeviceProfile
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

BY_YOU = "named in the settings"


def columns_of(info: StreamInfo, role: Modality, roles: StreamRoles) -> tuple[ColumnStatus, ...]:
    """One record for each channel of a stream with the role EEG or gaze; empty for markers.

    Where the stream as a whole cannot be read, each column carries the reason.
    """
    if role == Modality.MARKERS:
        return ()
    blank = tuple(ColumnStatus(c.label, c.type, c.unit, "", "") for c in info.channels)
    try:
        if role == Modality.EEG:
            return _eeg(blank, info, roles.profile_of(role), roles.settings)
        layout = roles.layout(info, role)
        assert isinstance(layout, GazeChannelMap)
        return _gaze(blank, info, layout, roles.profile_of(role), roles.settings)
    except RtemoError as error:
        return tuple(replace(column, why=error.fact) for column in blank)


def _eeg(
    blank: tuple[ColumnStatus, ...], info: StreamInfo, profile: DeviceProfile, settings: SessionSettings
) -> tuple[ColumnStatus, ...]:
    found = eeg_columns(info, profile, settings.eeg_map)
    own = renamed_columns(info, settings.eeg_map, "eeg")
    uses = dict(zip(found.placement.columns, found.placement.labels, strict=True))
    source = "; ".join((found.placement.source, *found.notes))
    return tuple(
        replace(column, use=uses.get(k, ""), why=BY_YOU if own.get(k) else found.reasons.get(k, source))
        for k, column in enumerate(blank)
    )


def _gaze(
    blank: tuple[ColumnStatus, ...],
    info: StreamInfo,
    layout: GazeChannelMap,
    profile: DeviceProfile,
    settings: SessionSettings,
) -> tuple[ColumnStatus, ...]:
    uses: dict[int, str] = {}
    shared = layout.left.x is not None and layout.left.x == layout.right.x
    for eye, columns in (("left_", layout.left), ("right_", layout.right)):
        for name, column in _named(columns):
            alone = shared or (column in uses)
            uses[column] = name if alone else f"{eye}{name}"
    own = renamed_columns(info, settings.gaze_map, "gaze")
    source = f"read as by {profile.name}"
    return tuple(
        replace(column, use=uses.get(k, ""), why=BY_YOU if own.get(k) else source if k in uses else "not needed")
        for k, column in enumerate(blank)
    )


def _named(eye: EyeColumns) -> list[tuple[str, int]]:
    known = [("x", eye.x), ("y", eye.y), ("pupil", eye.pupil), *(("valid", flag.column) for flag in eye.flags)]
    return [(name, column) for name, column in known if column is not None]
