"""The participants of a session of several people: who they are, and what is each one's own.

[[participants]]
id = "P01"                        # letters, digits, - and _
baseline = "P01.baseline.json"    # left out: as the session's
person = ["P01.person.json"]      # personal calibrations
[participants.eeg]                # as the session's [eeg]; [participants.gaze], .second_eye, .screen, .scene likewise
query = "name=AmpA"               # only the streams that are named are a participant's
[participants.ratings]
query = "name=JoystickA"          # what this one says all the time: recorded, and targets of a corpus

What a table leaves out is as in the session's own [eeg], [gaze], [screen] and [scene]. Markers are for everybody. The
same on the command line: "P01: eeg=name=AmpA; gaze=name=TobiiA; baseline=FILE.json; person=FILE.json".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any, Literal

from rtemo.core.channel_map import Scene, Screen
from rtemo.core.errors import RtemoError
from rtemo.core.records import Check, Made
from rtemo.core.types import STRING_FORMAT, Modality
from rtemo.core.units import microvolts_per
from rtemo.sources.devices.gaze_column_roles import gaze_unit
from rtemo.sources.stream_choice import Described, StreamQuery

MOST = 4  # in one session
OWN_ROLES = (Modality.EEG, Modality.GAZE, Modality.SECOND_EYE)  # of one participant each; markers are for everybody
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_NO_LABEL = re.compile(r"[^A-Za-z0-9]")

Query = Annotated[StreamQuery, Made(str, StreamQuery.parse)]
EegUnit = Annotated[str, Check(lambda unit: not unit or microvolts_per(unit) > 0, "a unit such as uV")]
LatencyMs = Annotated[float, Check(lambda ms: -1000.0 <= ms <= 1000.0, "-1000 to 1000 ms")]
GazeUnitText = Annotated[str, Check(lambda unit: not unit or gaze_unit(unit), "normalized, pixels or percent")]
ParticipantId = Annotated[str, Check(_ID.fullmatch, "up to 40 letters, digits, - and _")]


@dataclass(frozen=True, slots=True)
class StampLatency:
    """How late a device's stamps are, in milliseconds, and how much that varies."""

    ms: float = 0.0
    spread_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class EegTable:
    """[eeg] in a settings file, see rtemo.sources.session_settings."""

    query: Query | None = None
    unit: EegUnit = ""
    latency_ms: LatencyMs | None = None
    latency_spread_ms: LatencyMs = 0.0
    map: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GazeTable:
    """[gaze] in a settings file, see rtemo.sources.session_settings."""

    query: Query | None = None
    unit: GazeUnitText = ""
    latency_ms: LatencyMs | None = None
    latency_spread_ms: LatencyMs = 0.0
    map: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RatingsTable:
    """[participants.ratings]: the stream of what a participant rates all the time."""

    query: Query | None = None

    def fits(self, info: Described) -> bool:
        """Whether a stream is the one that is named, and of numbers."""
        return self.query is not None and info.channel_format != STRING_FORMAT and self.query.fits(info)


@dataclass(frozen=True, slots=True)
class SecondEyeTable:
    """[second_eye] in a settings file, see rtemo.sources.session_settings."""

    query: Query | None = None
    eye: Literal["left", "right"] = "right"


@dataclass(frozen=True, slots=True)
class Participant:
    """One participant of several. screen, scene: None: the session's."""

    id: ParticipantId
    baseline: str = ""
    person: tuple[str, ...] = ()
    eeg: EegTable = field(default_factory=EegTable)
    gaze: GazeTable = field(default_factory=GazeTable)
    ratings: RatingsTable = field(default_factory=RatingsTable)
    second_eye: SecondEyeTable | None = None
    screen: Screen | None = None
    scene: Scene | None = None

    @property
    def queries(self) -> dict[Modality, StreamQuery]:
        """The streams that are named."""
        named = {Modality.EEG: self.eeg.query, Modality.GAZE: self.gaze.query}
        named[Modality.SECOND_EYE] = self.second_eye.query if self.second_eye is not None else None
        return {part: query for part, query in named.items() if query is not None}

    def with_query(self, part: Modality, query: StreamQuery | None) -> Participant:
        """The same with another EEG or gaze stream; None: without. What was said of the one before goes with it."""
        if self.queries.get(part) == query:
            return self
        if part is Modality.EEG:
            return replace(self, eeg=EegTable(query))
        if part is Modality.SECOND_EYE:
            return replace(self, second_eye=SecondEyeTable(query) if query is not None else None)
        return replace(self, gaze=GazeTable(query))

    def without(self, query: StreamQuery) -> Participant:
        """The same without a stream, where this is one of theirs."""
        own = self
        for part in [part for part, asked in self.queries.items() if asked.covers(query)]:
            own = own.with_query(part, None)
        return own


def latency_of(table: EegTable | GazeTable) -> StampLatency | None:
    """How late the stamps are, where that was measured."""
    return None if table.latency_ms is None else StampLatency(table.latency_ms, table.latency_spread_ms)


def check_participants(participants: Sequence[Participant]) -> None:
    """Raises RtemoError where two cannot be told apart, or where one has no stream."""
    todo = 'name the streams of each, for example "P01: eeg=name=AmpA; gaze=name=TrackerA"'
    if len(participants) > MOST:
        found = f"found {len(participants)}"
        raise RtemoError(f"a session has at most {MOST} participants", found, "record the others in another session")
    labels = [_NO_LABEL.sub("", one.id).casefold() for one in participants]  # as in BIDS, and on any disk
    if twice := [one.id for one, label in zip(participants, labels, strict=True) if labels.count(label) > 1]:
        raise RtemoError("two participants cannot be told apart", ", ".join(twice), "give each another id")
    named = {part.value: [(one.id, one.queries.get(part)) for one in participants] for part in OWN_ROLES}
    named["ratings"] = [(one.id, one.ratings.query) for one in participants]
    for part, asked in named.items():
        given = [(who, query) for who, query in asked if query is not None]
        for who, query in given:
            if same := [other for other, its in given if other != who and (its.covers(query) or query.covers(its))]:
                found = f"{who} and {same[0]} both have {query}"
                raise RtemoError(f"two participants have the same {part} stream", found, todo)
    if nothing := [one.id for one in participants if not one.queries]:
        raise RtemoError("a participant has no stream", f"none is named for {', '.join(nothing)}", todo)


def merged(known: Iterable[Participant], asked: Sequence[Participant]) -> tuple[Participant, ...]:
    """Those that are asked for; what is not said of one is as it is known. Nobody is asked for: all that are known."""
    before = {one.id: one for one in known}
    return tuple(_over(before.get(one.id), one) for one in asked) if asked else tuple(before.values())


def new_participant(id_: str, todo: str = "for example P01") -> Participant:
    """A participant of whom nothing else is known. Raises RtemoError for what cannot be an id."""
    if not _ID.fullmatch(id_):
        raise RtemoError("a participant has an id of letters, digits, - and _", f"found {id_!r:.80}", todo)
    return Participant(id_)


def parse_participant(text: str) -> Participant:
    """From `ID: eeg=QUERY; gaze=QUERY; ratings=QUERY; baseline=FORM; person=FILE`, or an ID. Raises RtemoError."""
    id_, _, rest = (piece.strip() for piece in text.partition(":"))
    example = 'write for example "P01: eeg=name=AmpA; gaze=name=TrackerA"'
    new_participant(id_, example)
    given: dict[str, str] = {}
    persons: list[str] = []
    for piece in filter(None, (piece.strip() for piece in rest.split(";"))):
        key, equals, value = (part.strip() for part in piece.partition("="))
        if key not in (*OWN_ROLES, "ratings", "baseline", "person") or not (equals and value) or key in given:
            raise RtemoError(f"this is nothing that participant {id_} can have", f"found {piece!r:.80}", example)
        if key == "person":
            persons.append(value)
        else:
            given[key] = value
    queries = {part: StreamQuery.parse(given[part]) if part in given else None for part in OWN_ROLES}
    return Participant(
        id_,
        given.get("baseline", ""),
        tuple(persons),
        EegTable(queries[Modality.EEG]),
        GazeTable(queries[Modality.GAZE]),
        RatingsTable(StreamQuery.parse(given["ratings"]) if "ratings" in given else None),
        SecondEyeTable(query) if (query := queries[Modality.SECOND_EYE]) is not None else None,
    )


def participant_document(participant: Participant) -> dict[str, Any]:
    """The participant as a table of a settings file. What is not set is left out."""
    document: dict[str, Any] = {"id": participant.id}
    if participant.baseline:
        document["baseline"] = participant.baseline
    if participant.person:
        document["person"] = list(participant.person)
    for name, table in (("eeg", participant.eeg), ("gaze", participant.gaze)):
        given = asdict(table) | {"query": str(table.query) if table.query is not None else "", "map": dict(table.map)}
        if table.latency_ms is None:
            del given["latency_spread_ms"]
        if kept := {key: value for key, value in given.items() if value not in ("", None, {})}:
            document[name] = kept
    if participant.ratings.query is not None:
        document["ratings"] = {"query": str(participant.ratings.query)}
    if participant.second_eye is not None:
        document["second_eye"] = second_eye_document(participant.second_eye)
    for name, place in (("screen", participant.screen), ("scene", participant.scene)):
        if place is not None:
            document[name] = asdict(place)
    return document


def second_eye_document(table: SecondEyeTable) -> dict[str, str]:
    """The table of a settings file."""
    return ({"query": str(table.query)} if table.query is not None else {}) | {"eye": table.eye}


def _over(known: Participant | None, asked: Participant) -> Participant:
    """What is asked for on the command line, over what is known of the same participant."""
    if known is None:
        return asked
    return replace(
        known,
        baseline=asked.baseline or known.baseline,
        person=asked.person or known.person,
        eeg=replace(known.eeg, query=asked.eeg.query or known.eeg.query),
        gaze=replace(known.gaze, query=asked.gaze.query or known.gaze.query),
        ratings=replace(known.ratings, query=asked.ratings.query or known.ratings.query),
        second_eye=asked.second_eye or known.second_eye,
    )
