"""Session settings in TOML: which streams, which electrodes, which screen. Nothing here is in the model bundle.

[session]
subject = "P01"
notes = "first visit"
baseline = "marker=rest,go"       # or a FILE.json, as --baseline
required = ["eeg", "gaze"]        # must be there and deliver before a session starts; left out: whatever is in use
annotations = ["Artefact"]        # the hot-keys of the window, up to eight
baseline_s = 120.0                # length of a baseline that is recorded in the window
record_all = true                 # every LSL stream is recorded; else those in use and all markers
session = "01"                    # with task and run: names the session's folder, see rtemo.sources.study_settings
task = "films"
run = 1
conditions = ["film *"]           # names of the markers that are conditions; left out: all of them
also_recorded = ["name=ECG"]      # streams that have no role and are recorded all the same
not_recorded = ["name=Clock"]     # marker streams that are left out

[study]                           # see rtemo.sources.study_settings
name = "Films"

[[protocol]]                      # what happens in a session, block by block
name = "rest"
length_s = 120.0
baseline = true                   # this rest sets the baseline
sound = true                      # at its end

[eeg]
query = "name=LiveAmp"            # as --eeg; [gaze] and [markers] have one too
unit = "uV"                       # what the values are, whatever the stream says
latency_ms = 31.5                 # how late its stamps are, as `rtemo lag` finds; taken off them. [gaze] has it too
latency_spread_ms = 1.2           # and how much that varies: for the record
[eeg.map]                         # a label, or a column number from 1 -> an electrode; "" leaves it out
1 = "Fp1"
"EXG5" = ""

[gaze]
unit = "pixels"                   # or normalized, percent
[gaze.map]                        # a label, or a column number from 1 -> what it is, see devices/README.md
1 = "left_x"

[second_eye]                      # of a tracker that sends each eye as a stream of its own
query = "name=Right eye"          # as --second-eye; [gaze] is the other one's
eye = "right"                     # or left

[screen]                          # the screen that gaze falls on
width_px = 1920
height_px = 1080
width_mm = 531.0
height_mm = 299.0
distance_mm = 650.0

[outputs]                         # besides files and LSL; all of it is optional
osc = "127.0.0.1:9000"            # as --osc
websocket = "8765"                # as --websocket
remote = "22345"                  # as --remote
outlet_name = "rtemo"             # as --outlet-name
script = "FILE.py"                # as --script
allow_network = true              # whether any of these may be another computer's

[stimulus]                        # pictures under the gaze, see rtemo.sources.stimulus_settings
pictures = "FOLDER"

[scene]                           # instead: the scene camera of glasses
width_px = 1600
height_px = 1200
width_deg = 103.0
height_deg = 77.0

[[participants]]                  # several people in one session, see rtemo.sources.participants
id = "P01"

The session.toml of a session folder is such a file too; what it says about model, versions and streams is not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import tomli_w

from rtemo.core.channel_map import OneEye, Scene, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Made, Reader
from rtemo.core.types import Modality
from rtemo.sources.output_settings import NetworkAddress, OutputSettings, outputs_table
from rtemo.sources.participants import (
    OWN_ROLES,
    EegTable,
    GazeTable,
    Participant,
    Query,
    SecondEyeTable,
    StampLatency,
    check_participants,
    latency_of,
    merged,
    participant_document,
    second_eye_document,
)
from rtemo.sources.stimulus_settings import Stimulus
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.study_settings import MAX_RUN, ProtocolBlock, Study

ANONYMOUS = "anonymous"
ANNOTATIONS = ("Look here", "Artefact", "Speech", "Break")
MAX_ANNOTATIONS = 8
BASELINE_S = 120.0
REQUIRABLE = (Modality.EEG, Modality.GAZE, Modality.MARKERS)


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a lab sets once for a study or a participant. scene: None where gaze falls on a screen.

    units: of EEG and gaze, where they are not as the stream says. latencies: where they were measured; they take the
    place of the device profile's. required: parts without which no session starts.
    run: 0 for none. conditions: names of the markers that are conditions, * for any text; empty for all markers.
    also_recorded: streams without a role; not_recorded: marker streams.
    participants: of a session of several people. One alone: only the streams that are named for them are used.
    second_eye: there where the tracker has one stream per eye; its query is in queries.
    """

    subject: str = ANONYMOUS
    notes: str = ""
    baseline: str = ""  # see rtemo.recordings.baseline_plan; empty: the session's first minutes
    queries: Mapping[Modality, StreamQuery] = field(default_factory=dict)
    eeg_map: Mapping[str, str] = field(default_factory=dict)
    gaze_map: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[Modality, str] = field(default_factory=dict)
    latencies: Mapping[Modality, StampLatency] = field(default_factory=dict)
    screen: Screen = field(default_factory=Screen)
    scene: Scene | None = None
    stimulus: Stimulus = field(default_factory=Stimulus)
    required: tuple[Modality, ...] = ()
    annotations: tuple[str, ...] = ANNOTATIONS
    baseline_s: float = BASELINE_S
    session: str = ""
    task: str = ""
    run: int = 0
    conditions: tuple[str, ...] = ()
    study: Study = field(default_factory=Study)
    protocol: tuple[ProtocolBlock, ...] = ()
    also_recorded: tuple[StreamQuery, ...] = ()
    not_recorded: tuple[StreamQuery, ...] = ()
    record_all: bool = False
    outputs: OutputSettings = field(default_factory=OutputSettings)
    participants: tuple[Participant, ...] = ()
    second_eye: SecondEyeTable | None = None

    @property
    def second(self) -> OneEye | None:
        """The eye that a stream of its own is asked for; None where one stream has both."""
        if self.second_eye is not None:
            return self.second_eye.eye
        return SecondEyeTable().eye if Modality.SECOND_EYE in self.queries else None

    @property
    def participant(self) -> str:
        """Who takes part; empty where nobody is named."""
        return "" if self.subject == ANONYMOUS else self.subject

    @property
    def each(self) -> tuple[SessionSettings, ...]:
        """For each participant what a session of that one alone would have."""
        return tuple(self.of(one.id) for one in self.participants) or (self,)

    @property
    def alone(self) -> str:
        """The one of several participants whose settings these are; empty where participants are not told apart."""
        return self.participants[0].id if len(self.participants) == 1 else ""

    @property
    def without_baseline(self) -> SessionSettings:
        """The same with nobody's baseline."""
        return replace(self, baseline="", participants=tuple(replace(one, baseline="") for one in self.participants))

    def of(self, participant: str) -> SessionSettings:
        """What a session of one of the participants alone would have. "": these, where participants are not told apart.

        Raises RtemoError where there is nobody of that id.
        """
        one = next((one for one in self.participants if one.id == participant), None)
        if one is None:
            if not (participant or self.participants):
                return self
            known = ", ".join(one.id for one in self.participants) or "nobody is told apart from others"
            raise RtemoError(f"there is no participant {participant!r}", f"found {known}", "name one of them")
        tables: dict[Modality, EegTable | GazeTable] = {Modality.EEG: one.eeg, Modality.GAZE: one.gaze}
        units = {part: table.unit for part, table in tables.items() if table.unit}
        measured = {part: latency for part, table in tables.items() if (latency := latency_of(table)) is not None}
        for_all = {part: query for part, query in self.queries.items() if part not in OWN_ROLES}
        return replace(
            self,
            subject=one.id,
            baseline=one.baseline or self.baseline,
            queries={**for_all, **one.queries},
            eeg_map=one.eeg.map or self.eeg_map,
            gaze_map=one.gaze.map or self.gaze_map,
            units={**self.units, **units},
            latencies={**self.latencies, **measured},
            screen=one.screen or self.screen,
            scene=one.scene or (self.scene if one.screen is None else None),
            participants=(one,),
            second_eye=_without_query(one.second_eye),
        )


Required = Annotated[Modality, Check(REQUIRABLE.__contains__, f"one of {', '.join(REQUIRABLE)}")]
Annotations = Annotated[
    tuple[str, ...],
    Check(
        lambda texts: len(set(texts)) == len(texts) <= MAX_ANNOTATIONS and all(text.strip() for text in texts),
        f"a list of up to {MAX_ANNOTATIONS} different texts",
    ),
]
RunNumber = Annotated[int, Check(lambda run: 0 <= run <= MAX_RUN, f"0 to {MAX_RUN}")]
Address = Annotated[NetworkAddress, Made(str, NetworkAddress.parse)]


@dataclass(frozen=True, slots=True)
class _SessionTable:
    subject: str = ANONYMOUS
    notes: str = ""
    baseline: str = ""
    required: tuple[Required, ...] = ()
    annotations: Annotations = ANNOTATIONS
    baseline_s: Annotated[float, Check(lambda s: 20 <= s <= 600, "20 to 600 seconds")] = BASELINE_S
    session: str = ""
    task: str = ""
    run: RunNumber = 0
    conditions: tuple[str, ...] = ()
    also_recorded: tuple[Query, ...] = ()
    not_recorded: tuple[Query, ...] = ()
    record_all: bool = False


@dataclass(frozen=True, slots=True)
class _MarkersTable:
    query: Query | None = None


@dataclass(frozen=True, slots=True)
class _OutputsTable:
    osc: Address | None = None
    websocket: Address | None = None
    remote: Address | None = None
    outlet_name: str = ""
    allow_network: bool = False
    script: str = ""
    screen: bool = False


@dataclass(frozen=True, slots=True)
class _SettingsFile:
    """The last four tables only describe a session that was: they are not read."""

    session: _SessionTable = _SessionTable()
    eeg: EegTable = field(default_factory=EegTable)
    gaze: GazeTable = field(default_factory=GazeTable)
    second_eye: SecondEyeTable | None = None
    markers: _MarkersTable = _MarkersTable()
    outputs: _OutputsTable = _OutputsTable()
    screen: Screen = field(default_factory=Screen)
    scene: Scene | None = None
    stimulus: Stimulus = field(default_factory=Stimulus)
    study: Study = field(default_factory=Study)
    protocol: tuple[ProtocolBlock, ...] = ()
    participants: tuple[Participant, ...] = ()
    model: Any = None
    versions: Any = None
    streams: Any = None
    record: Any = None


def read_settings(path: Path) -> SessionSettings:
    """The settings in a TOML file. Raises RtemoError with the key for anything that is not known or of a wrong type."""
    reader = _reader(str(path))
    return _settings(reader.read(_SettingsFile, reader.toml_file(path)))


def parse_settings(text: str, where: str = "the settings") -> SessionSettings:
    """The settings in a TOML text. where: named in errors. Raises as read_settings does."""
    reader = _reader(where)
    return _settings(reader.read(_SettingsFile, reader.toml(text)))


def _reader(where: str) -> Reader:
    return Reader(where, "correct it, or name another TOML file of settings")


def _settings(file: _SettingsFile) -> SessionSettings:
    queries = {Modality.EEG: file.eeg.query, Modality.GAZE: file.gaze.query, Modality.MARKERS: file.markers.query}
    queries[Modality.SECOND_EYE] = file.second_eye.query if file.second_eye is not None else None
    units = {Modality.EEG: file.eeg.unit, Modality.GAZE: file.gaze.unit}
    measured: dict[Modality, EegTable | GazeTable] = {Modality.EEG: file.eeg, Modality.GAZE: file.gaze}
    outputs = OutputSettings(**{name: getattr(file.outputs, name) for name in _OutputsTable.__slots__})
    outputs.check()
    found = SessionSettings(
        **{name: getattr(file.session, name) for name in _SessionTable.__slots__},
        queries={part: query for part, query in queries.items() if query is not None},
        eeg_map=file.eeg.map,
        gaze_map=file.gaze.map,
        units={part: unit for part, unit in units.items() if unit},
        latencies={part: late for part, table in measured.items() if (late := latency_of(table)) is not None},
        screen=file.screen,
        scene=file.scene,
        stimulus=file.stimulus,
        study=file.study,
        protocol=file.protocol,
        outputs=outputs,
        second_eye=_without_query(file.second_eye),
    )
    return with_participants(found, file.participants)


def _without_query(table: SecondEyeTable | None) -> SecondEyeTable | None:
    return None if table is None else replace(table, query=None)


def with_participants(settings: SessionSettings, asked: Sequence[Participant]) -> SessionSettings:
    """The settings for these participants, see `merged`. Raises RtemoError where they cannot be told apart."""
    participants = merged(settings.participants, asked)
    if not participants:
        return settings
    check_participants(participants)
    own = [part for part in settings.queries if part in OWN_ROLES]
    if own:
        found = ", ".join(f"{part} ({settings.queries[part]})" for part in own)
        raise RtemoError("a stream is nobody's", f"{found}, beside participants", "name it for one of them")
    subject = settings.participant or "+".join(one.id for one in participants)
    return replace(settings, subject=subject, participants=participants)


def with_entities(settings: SessionSettings, entities: Mapping[str, str]) -> SessionSettings:
    """The settings with other names of the session: some of study, session, task, run. Raises RtemoError for a run that
    is no number.
    """
    run = entities.get("run", "")
    if run and not (run.isascii() and run.isdecimal() and int(run) <= MAX_RUN):
        raise RtemoError(f"a run is a number up to {MAX_RUN}", f"found {run!r:.80}", "for example {run:2}")
    return replace(
        settings,
        study=replace(settings.study, name=entities.get("study", settings.study.name)),
        session=entities.get("session", settings.session),
        task=entities.get("task", settings.task),
        run=int(run) if run else settings.run,
    )


def settings_document(settings: SessionSettings) -> dict[str, Any]:
    """The settings as the tables of a file: what read_settings gives back. What is not set is left out."""
    session: dict[str, Any] = {"subject": settings.subject, "notes": settings.notes}
    if settings.baseline:
        session["baseline"] = settings.baseline
    if settings.required:
        session["required"] = [part.value for part in settings.required]
    session |= {"annotations": list(settings.annotations), "baseline_s": settings.baseline_s}
    own: dict[str, Any] = {"session": settings.session, "task": settings.task, "run": settings.run}
    session |= {name: value for name, value in own.items() if value}
    if settings.conditions:
        session["conditions"] = list(settings.conditions)
    for name in ("also_recorded", "not_recorded"):
        if queries := getattr(settings, name):
            session[name] = [str(query) for query in queries]
    document: dict[str, Any] = {"session": session}
    if settings.study != Study():
        document["study"] = {name: value for name, value in asdict(settings.study).items() if value}
    if settings.protocol:
        document["protocol"] = [asdict(block) for block in settings.protocol]
    if settings.record_all:
        session["record_all"] = True
    if outputs := outputs_table(settings.outputs):
        document["outputs"] = outputs
    maps = {Modality.EEG: settings.eeg_map, Modality.GAZE: settings.gaze_map}
    for part in (Modality.EEG, Modality.GAZE, Modality.MARKERS):
        query, unit, named = settings.queries.get(part), settings.units.get(part), maps.get(part)
        if settings.participants and part in OWN_ROLES:
            query = None  # it is in the participant's table
        given: dict[str, Any] = {"query": str(query) if query else "", "unit": unit}
        latency = settings.latencies.get(part)
        if latency is not None:
            given |= {"latency_ms": latency.ms, "latency_spread_ms": latency.spread_ms}
        given["map"] = dict(named or {})
        if table := {key: value for key, value in given.items() if value not in ("", None, {})}:
            document[part.value] = table
    if settings.second is not None and not settings.participants:
        asked = SecondEyeTable(settings.queries.get(Modality.SECOND_EYE), settings.second)
        document["second_eye"] = second_eye_document(asked)
    document["screen"] = asdict(settings.screen)
    if settings.scene is not None:
        document["scene"] = asdict(settings.scene)
    if settings.stimulus.pictures:
        document["stimulus"] = asdict(settings.stimulus)
    if settings.participants:
        document["participants"] = [participant_document(one) for one in settings.participants]
    return document


def settings_text(settings: SessionSettings) -> str:
    """The settings as the text of a file."""
    return tomli_w.dumps(settings_document(settings))
