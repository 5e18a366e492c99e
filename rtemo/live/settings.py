"""Session settings in TOML: which streams, which electrodes, which screen. Nothing here is in the model bundle.

[session]
subject = "P01"
notes = "first visit"
baseline = "marker=rest,go"         # or a FILE.json, as --baseline

[eeg]
query = "name=LiveAmp"            # as --eeg; [gaze] and [markers] have one too
[eeg.map]                         # a label, or a column number from 1 -> an electrode; "" leaves it out
1 = "Fp1"
"EXG5" = ""

[gaze.map]                        # a label, or a column number from 1 -> what it is, see devices/README.md
1 = "left_x"

[screen]                          # the screen that gaze falls on
width_px = 1920
height_px = 1080
width_mm = 531.0
height_mm = 299.0
distance_mm = 650.0
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from rtemo.core.errors import RtemoError
from rtemo.core.layout import Screen
from rtemo.core.types import Modality
from rtemo.sources.select import StreamQuery

_TABLES = ("session", "screen", *(part.value for part in Modality))
_KEYS = {
    "session": ("subject", "notes", "baseline"),
    "screen": tuple(f.name for f in fields(Screen)),
    "markers": ("query",),
}
_STREAM_KEYS = ("query", "map")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a lab sets once for a study or a participant."""

    subject: str = "anonymous"
    notes: str = ""
    baseline: str = ""  # see rtemo.live.baseline_plan; empty: the session's first minutes
    queries: Mapping[Modality, StreamQuery] = field(default_factory=dict)
    eeg_map: Mapping[str, str] = field(default_factory=dict)
    gaze_map: Mapping[str, str] = field(default_factory=dict)
    screen: Screen = field(default_factory=Screen)


def read_settings(path: Path) -> SessionSettings:
    """The settings in a TOML file. Raises RtemoError with the key for anything that is not known or of a wrong type."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else str(error)
        raise RtemoError(f"{path} cannot be read as settings", found or "", "name a TOML file") from error
    for name, table in document.items():
        _check_table(path, name, table)
    session, streams = document.get("session", {}), {part: document.get(part.value, {}) for part in Modality}
    return SessionSettings(
        subject=session.get("subject", "anonymous"),
        notes=session.get("notes", ""),
        baseline=session.get("baseline", ""),
        queries={part: StreamQuery.parse(table["query"]) for part, table in streams.items() if "query" in table},
        eeg_map=streams[Modality.EEG].get("map", {}),
        gaze_map=streams[Modality.GAZE].get("map", {}),
        screen=Screen(**document.get("screen", {})),
    )


def _check_table(path: Path, name: str, table: object) -> None:
    if name not in _TABLES or not isinstance(table, Mapping):
        raise _wrong(path, name, table, f"the tables are {', '.join(_TABLES)}")
    known = _KEYS.get(name, _STREAM_KEYS)
    for key, value in table.items():
        if key not in known:
            raise _wrong(path, f"{name}.{key}", value, f"{name} takes {', '.join(known)}")
        if key == "map":
            _check_map(path, f"{name}.map", value)
        elif name == "screen" and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise _wrong(path, f"{name}.{key}", value, "give a number")
        elif name != "screen" and not isinstance(value, str):
            raise _wrong(path, f"{name}.{key}", value, "give a text in quotes")


def _check_map(path: Path, where: str, value: object) -> None:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value.values()):
        raise _wrong(path, where, value, 'write label = "name"')


def _wrong(path: Path, key: str, value: Any, todo: str) -> RtemoError:
    return RtemoError(f"{path}: {key} is not right", f"found {value!r}", todo)
