"""Session settings in TOML: which streams, which electrodes, which screen. Nothing here is in the model bundle.

[session]
subject = "P01"
notes = "first visit"
baseline = "marker=rest,go"       # or a FILE.json, as --baseline
required = ["eeg", "gaze"]        # must be there and deliver before a session starts; left out: whatever is in use
annotations = ["Artefact"]        # the hot-keys of the window, up to eight
baseline_s = 120.0                # length of a baseline that is recorded in the window

[eeg]
query = "name=LiveAmp"            # as --eeg; [gaze] and [markers] have one too
unit = "uV"                       # what the values are, whatever the stream says
[eeg.map]                         # a label, or a column number from 1 -> an electrode; "" leaves it out
1 = "Fp1"
"EXG5" = ""

[gaze]
unit = "pixels"                   # or normalized, percent
[gaze.map]                        # a label, or a column number from 1 -> what it is, see devices/README.md
1 = "left_x"

[screen]                          # the screen that gaze falls on
width_px = 1920
height_px = 1080
width_mm = 531.0
height_mm = 299.0
distance_mm = 650.0

[scene]                           # instead: the scene camera of glasses
width_px = 1600
height_px = 1200
width_deg = 103.0
height_deg = 77.0

The session.toml of a session folder is such a file too; what it says about model, versions and streams is not read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from rtemo.core.channel_map import Scene, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.core.units import microvolts_per
from rtemo.sources.devices.gaze_column_roles import gaze_unit
from rtemo.sources.stream_choice import StreamQuery

ANNOTATIONS = ("Look here", "Artefact", "Speech", "Break")
MAX_ANNOTATIONS = 8
BASELINE_S = 120.0
RECORDED = ("model", "versions", "streams", "record")  # tables that only tell about a session that was
REQUIRABLE = (Modality.EEG, Modality.GAZE, Modality.MARKERS)
_TABLES = ("session", "screen", "scene", *(part.value for part in Modality))
_KEYS = {
    "session": ("subject", "notes", "baseline", "required", "annotations", "baseline_s"),
    "screen": tuple(f.name for f in fields(Screen)),
    "scene": tuple(f.name for f in fields(Scene)),
    "markers": ("query",),
}
_STREAM_KEYS = ("query", "unit", "map")


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a lab sets once for a study or a participant. scene: None where gaze falls on a screen.

    units: of EEG and gaze, where they are not as the stream says. required: parts without which no session starts.
    """

    subject: str = "anonymous"
    notes: str = ""
    baseline: str = ""  # see rtemo.recordings.baseline_plan; empty: the session's first minutes
    queries: Mapping[Modality, StreamQuery] = field(default_factory=dict)
    eeg_map: Mapping[str, str] = field(default_factory=dict)
    gaze_map: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[Modality, str] = field(default_factory=dict)
    screen: Screen = field(default_factory=Screen)
    scene: Scene | None = None
    required: tuple[Modality, ...] = ()
    annotations: tuple[str, ...] = ANNOTATIONS
    baseline_s: float = BASELINE_S


def read_settings(path: Path) -> SessionSettings:
    """The settings in a TOML file. Raises RtemoError with the key for anything that is not known or of a wrong type."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = error.strerror if isinstance(error, OSError) else str(error)
        raise RtemoError(f"{path} cannot be read as settings", found or "", "name a TOML file") from error
    return parse_settings(text, str(path))


def parse_settings(text: str, where: str = "the settings") -> SessionSettings:
    """The settings in a TOML text. where: named in errors. Raises as read_settings does."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RtemoError(f"{where} cannot be read as settings", str(error), "name a TOML file") from error
    document = {name: table for name, table in document.items() if name not in RECORDED}
    for name, table in document.items():
        _check_table(where, name, table)
    session, streams = document.get("session", {}), {part: document.get(part.value, {}) for part in Modality}
    return SessionSettings(
        subject=session.get("subject", "anonymous"),
        notes=session.get("notes", ""),
        baseline=session.get("baseline", ""),
        queries={part: StreamQuery.parse(table["query"]) for part, table in streams.items() if "query" in table},
        eeg_map=streams[Modality.EEG].get("map", {}),
        gaze_map=streams[Modality.GAZE].get("map", {}),
        units={part: table["unit"] for part, table in streams.items() if table.get("unit")},
        screen=Screen(**document.get("screen", {})),
        scene=Scene(**document["scene"]) if "scene" in document else None,
        required=tuple(Modality(part) for part in session.get("required", ())),
        annotations=tuple(session.get("annotations", ANNOTATIONS)),
        baseline_s=float(session.get("baseline_s", BASELINE_S)),
    )


def settings_document(settings: SessionSettings) -> dict[str, Any]:
    """The settings as the tables of a file: what read_settings gives back. What is not set is left out."""
    session: dict[str, Any] = {"subject": settings.subject, "notes": settings.notes}
    if settings.baseline:
        session["baseline"] = settings.baseline
    if settings.required:
        session["required"] = [part.value for part in settings.required]
    session |= {"annotations": list(settings.annotations), "baseline_s": settings.baseline_s}
    document: dict[str, Any] = {"session": session}
    maps = {Modality.EEG: settings.eeg_map, Modality.GAZE: settings.gaze_map}
    for part in Modality:
        query, unit, named = settings.queries.get(part), settings.units.get(part), maps.get(part)
        given = {"query": str(query) if query else "", "unit": unit, "map": dict(named or {})}
        if table := {key: value for key, value in given.items() if value}:
            document[part.value] = table
    document["screen"] = asdict(settings.screen)
    if settings.scene is not None:
        document["scene"] = asdict(settings.scene)
    return document


def settings_text(settings: SessionSettings) -> str:
    """The settings as the text of a file."""
    return tomli_w.dumps(settings_document(settings))


def _check_table(where: str, name: str, table: object) -> None:
    if name not in _TABLES or not isinstance(table, Mapping):
        raise _wrong(where, name, table, f"the tables are {', '.join(_TABLES)}")
    known = _KEYS.get(name, _STREAM_KEYS)
    if name == "scene" and (missing := [key for key in known if key not in table]):
        raise _wrong(where, name, table, f"give {', '.join(missing)} too")
    for key, value in table.items():
        if key not in known:
            raise _wrong(where, f"{name}.{key}", value, f"{name} takes {', '.join(known)}")
        if problem := _problem(name, key, value):
            raise _wrong(where, f"{name}.{key}", value, problem)


def _problem(table: str, key: str, value: Any) -> str:
    """What to do about a value that is not right, empty where it is."""
    if key == "map":
        return "" if _is_map(value) else 'write label = "name"'
    if table in ("screen", "scene"):
        return "" if _is_number(value) else "give a number"
    if key == "required":
        parts = [part.value for part in REQUIRABLE]
        return "" if _is_list(value, parts) else f"give a list of {', '.join(parts)}"
    if key == "annotations":
        fits = (
            _is_list(value) and len(set(value)) == len(value) <= MAX_ANNOTATIONS and all(text.strip() for text in value)
        )
        return "" if fits else f"give a list of up to {MAX_ANNOTATIONS} different texts"
    if key == "baseline_s":
        return "" if _is_number(value) and 20 <= value <= 600 else "give 20 to 600 seconds"
    if not isinstance(value, str):
        return "give a text in quotes"
    if key == "unit" and value:
        known = gaze_unit(value) if table == Modality.GAZE else microvolts_per(value) == microvolts_per(value)
        return "" if known else "give a unit such as uV for EEG; normalized, pixels or percent for gaze"
    return ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list(value: Any, known: list[str] | None = None) -> bool:
    texts = isinstance(value, list) and all(isinstance(part, str) for part in value)
    return texts and (known is None or set(value) <= set(known))


def _is_map(value: object) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value.values())


def _wrong(where: str, key: str, value: Any, todo: str) -> RtemoError:
    return RtemoError(f"{where}: {key} is not right", f"found {value!r}", todo)
