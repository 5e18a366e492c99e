"""Gaze channel map from a stream's description, its device profile and the session's own names.

Every step that takes something for granted leaves a note; a stream whose gaze columns cannot be recognised is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from rtemo.core.channel_map import EyeColumns, Flag, GazeChannelMap, GazeUnit, Scene, Screen, ViewGeometry
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, StreamInfo
from rtemo.sources.devices.auxiliary_columns import auxiliary_columns
from rtemo.sources.devices.column_names import renamed_columns
from rtemo.sources.devices.gaze_column_roles import Eye, Kind, Role, gaze_unit, has_depth, millimetres_per, role_of
from rtemo.sources.devices.profile_schema import ColumnRef, DeviceProfile, EyeRules, GazeRules

_CONFIDENT = 0.5  # for scales of 0 to 1 and for levels 0, 1, 2, 3 alike
_TODO = (
    'name the columns in the session\'s settings under [gaze.map], for example 1 = "left_x" '
    "(left_x, left_y, left_pupil, right_x, ..., or x, y, pupil; also valid and confidence)"
)

_UNIT_TODO = (
    "send gaze as a fraction of the screen, in pixels or in percent; where it is one of these, name it in the "
    'session\'s settings, for example [gaze] unit = "pixels"'
)


def gaze_channel_map(
    info: StreamInfo,
    profile: DeviceProfile,
    screen: Screen | None = None,
    rename: Mapping[str, str] | None = None,
    scene: Scene | None = None,
    unit: str = "",
) -> GazeChannelMap:
    """How this stream becomes canonical gaze.

    screen: what gaze in screen coordinates falls on (the default screen if None). scene: the scene camera whose image
    it lies in instead. unit: of x and y, where it is not as stated. rename: the session's own names, label or
    column number (from 1) -> left_x, y, pupil, ...; with it, only the named columns are used. RtemoError where no gaze
    point is found or its unit cannot be used.
    """
    rules = profile.gaze
    notes: list[str] = []
    if rename:
        found = _from_labels(_own_names(info, rename), notes)
    elif rules.names_columns:
        found = _from_rules(info, rules)
    else:
        found = _from_labels(list(enumerate(_labelled(info, notes))), notes)
    if found.left.x is None and found.right.x is None:
        raise RtemoError(f"the stream {info.name!r} has no gaze columns that can be recognised", _seen(info), _TODO)
    channel_map = _channel_map(info, profile, screen or Screen(), found, notes, unit)
    if scene is None:
        return channel_map
    size = (float(scene.width_px), float(scene.height_px))
    return replace(channel_map, size=size, view=ViewGeometry.of_scene(scene.width_deg, scene.height_deg))


@dataclass(slots=True)
class _Found:
    left: EyeColumns
    right: EyeColumns
    shape: str = "diameter"


def _channel_map(
    info: StreamInfo, profile: DeviceProfile, screen: Screen, found: _Found, notes: list[str], own_unit: str
) -> GazeChannelMap:
    rules = profile.gaze
    point = found.left.x if found.left.x is not None else found.right.x
    assert point is not None
    unit = gaze_unit(own_unit) or rules.unit or _stated_unit(info, point)
    size, view = (float(screen.width_px), float(screen.height_px)), ViewGeometry.of_screen(screen)
    if rules.frame == "scene":
        size, view = rules.scene_px, ViewGeometry.of_scene(*rules.scene_deg)
    scale, pupil_unit = _pupil(info, rules, found)
    width = _sample_width(info, rules, found)
    return GazeChannelMap(
        left=found.left,
        right=found.right,
        view=view,
        unit=unit,
        size=size,
        origin=rules.origin,
        missing=rules.missing,
        pupil_scale=scale,
        pupil_unit=pupil_unit,
        pupil_is_area=rules.pupil_is_area or found.shape == "area",
        zero_pupil_is_blink=rules.zero_pupil_is_blink,
        samples_per_row=rules.samples_per_row,
        sample_width=width,
        left_out=_left_out(info, found, width * rules.samples_per_row, width),
        latency_s=profile.latency_s,
        notes=tuple(notes),
        auxiliary=auxiliary_columns(info, profile),
    )


def _sample_width(info: StreamInfo, rules: GazeRules, found: _Found) -> int:
    """How many columns each of several samples in a row has. Raises RtemoError where the row has not so many."""
    n = rules.samples_per_row
    if n == 1:
        return info.n_channels
    width = rules.sample_width or info.n_channels // n
    used = max(_used(found), default=-1) + 1
    if n * width > info.n_channels or used > width or (not rules.sample_width and info.n_channels % n):
        raise RtemoError(
            f"a row of the stream {info.name!r} cannot hold {n} samples",
            f"it has {info.n_channels} columns, and {used} are needed for the first sample",
            "correct samples_per_row and sample_width in the device profile",
        )
    return width


def _stated_unit(info: StreamInfo, column: int) -> GazeUnit:
    unit = gaze_unit(info.channels[column].unit)
    if unit == "" and has_depth(info.labels, info.channels[column].label):
        raise RtemoError(
            f"the gaze of the stream {info.name!r} is a point in space, and its unit is not stated",
            _seen(info),
            _UNIT_TODO,
        )
    if unit is None:
        raise RtemoError(
            f"the gaze unit of the stream {info.name!r} cannot be used",
            f"the column {info.channels[column].label!r} is in {info.channels[column].unit!r}",
            _UNIT_TODO,
        )
    return unit


def _pupil(info: StreamInfo, rules: GazeRules, found: _Found) -> tuple[float, str]:
    """Factor to a diameter, and "mm" or ""."""
    column = found.left.pupil if found.left.pupil is not None else found.right.pupil
    factor = rules.pupil_scale * (2.0 if found.shape == "radius" else 1.0)
    if column is None or rules.pupil_unit:
        return factor, "mm" if rules.pupil_unit == "mm" and column is not None else ""
    millimetres = millimetres_per(info.channels[column].unit)
    return (factor, "") if millimetres is None else (factor * millimetres, "mm")


# -- columns named by a profile ---------------------------------------------------------------------------------------


def _from_rules(info: StreamInfo, rules: GazeRules) -> _Found:
    both = _eye_from_rules(info, rules.both)
    return _Found(_filled(_eye_from_rules(info, rules.left), both), _filled(_eye_from_rules(info, rules.right), both))


def _eye_from_rules(info: StreamInfo, rules: EyeRules) -> EyeColumns:
    flags = tuple(
        Flag(column, flag.at_least, flag.at_most)
        for flag in rules.valid
        if (column := _column_of(info, flag)) is not None
    )
    x, y, pupil = (None if ref is None else _column_of(info, ref) for ref in (rules.x, rules.y, rules.pupil))
    return EyeColumns(x, y, pupil, flags) if x is not None and y is not None else EyeColumns(pupil=pupil, flags=flags)


def _column_of(info: StreamInfo, ref: ColumnRef) -> int | None:
    """The column that a profile means. Where no channel states its eye, left columns come before right ones."""
    if ref.column:
        return ref.column - 1 if ref.column <= info.n_channels else None
    named = [i for i, channel in enumerate(info.channels) if channel.label.strip().casefold() == ref.label.casefold()]
    if ref.eye:
        stated = [i for i in named if info.channels[i].eye.strip().casefold() == ref.eye]
        if stated or any(info.channels[i].eye for i in named):
            named = stated
        elif ref.eye == "right":
            named = named[1:]
    return named[ref.nth - 1] if ref.nth <= len(named) else None


# -- columns recognised by their labels --------------------------------------------------------------------------------


def _labelled(info: StreamInfo, notes: list[str]) -> tuple[Channel, ...]:
    """The channels as described; two columns without any label are taken as x and y."""
    if info.n_channels != 2 or any(channel.label.strip() or channel.type.strip() for channel in info.channels):
        return info.channels
    notes.append("the two columns have no labels and are taken as x and y")
    return tuple(replace(channel, label=label) for channel, label in zip(info.channels, "xy", strict=True))


def _own_names(info: StreamInfo, rename: Mapping[str, str]) -> list[tuple[int, Channel]]:
    named = renamed_columns(info, rename, "gaze")
    channels = [
        (column, Channel(label=name, unit=info.channels[column].unit)) for column, name in named.items() if name
    ]
    for column, channel in channels:
        if role_of(channel) is None:
            raise RtemoError(
                f"[gaze.map] gives column {column + 1} of {info.name!r} an unknown name", repr(channel.label), _TODO
            )
    return channels


def _from_labels(channels: list[tuple[int, Channel]], notes: list[str]) -> _Found:
    roles = [(column, role) for column, channel in channels if (role := role_of(channel)) is not None]
    both = _eye_from_roles(roles, "both")
    left, right = (_filled(_eye_from_roles(roles, eye), both) for eye in ("left", "right"))
    if any(role.kind == "confidence" for _, role in roles):
        notes.append(f"gaze with a confidence below {_CONFIDENT} counts as invalid")
    shapes = {role.shape for column, role in roles if column in (left.pupil, right.pupil)}
    return _Found(left, right, shapes.pop() if len(shapes) == 1 else "diameter")


def _eye_from_roles(roles: list[tuple[int, Role]], eye: str) -> EyeColumns:
    x, y = _best(roles, "x", eye), _best(roles, "y", eye)
    if x is None or y is None:
        x = y = None
    flags = tuple(
        Flag(column, at_least=_CONFIDENT)
        for column, role in roles
        if role.eye == eye and role.kind in ("valid", "confidence")
    )
    return EyeColumns(x, y, _best(roles, "pupil", eye), flags)


def _best(roles: list[tuple[int, Role]], kind: Kind, eye: Eye | str) -> int | None:
    fitting = [(role.rank, column) for column, role in roles if role.kind == kind and role.eye == eye]
    return min(fitting)[1] if fitting else None


def _filled(eye: EyeColumns, both: EyeColumns) -> EyeColumns:
    """What an eye lacks of its own comes from the columns that are for both."""
    x, y = (eye.x, eye.y) if eye.x is not None else (both.x, both.y)
    return EyeColumns(x, y, eye.pupil if eye.pupil is not None else both.pupil, eye.flags + both.flags)


def _left_out(info: StreamInfo, found: _Found, n_columns: int, width: int) -> dict[str, str]:
    """What is not read. n_columns: of all samples in a row; width: of each."""
    used = _used(found)
    return {
        channel.label.strip() or f"column {column + 1}": "not needed"
        for column, channel in enumerate(info.channels)
        if column >= n_columns or column % width not in used
    }


def _used(found: _Found) -> set[int]:
    """The columns that are read, of the first sample in a row."""
    eyes = (found.left, found.right)
    columns = {column for eye in eyes for column in (eye.x, eye.y, eye.pupil) if column is not None}
    return columns | {flag.column for eye in eyes for flag in eye.flags}


def _seen(info: StreamInfo) -> str:
    labels = [label.strip() for label in info.labels if label.strip()]
    if not labels:
        return f"it has {info.n_channels} columns without labels"
    return f"its columns are {', '.join(labels)}"
