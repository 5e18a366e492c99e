"""Two simulated people in one session, fed by hand: what its tests share."""

from __future__ import annotations

import csv
import threading
from dataclasses import asdict, replace
from types import MappingProxyType

import numpy as np
from hand_fed import BUNDLE, PROFILES, HandFed, recorded, setup_of

from rtemo.commands.from_arguments import load_model
from rtemo.core.types import Chunk, StreamDown, StreamState, StreamUp
from rtemo.live.replay.replay_engine import replay_engine
from rtemo.live.session.joint_session import JointSession
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.live.session.take_up import TakenUpSession
from rtemo.model.prediction import csv_header
from rtemo.recorder.recording_source import RunningRecording
from rtemo.recordings.events import EventLog
from rtemo.recordings.open_recording import OpenRecording, as_recorded, open_each
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.participants import OWN_ROLES, parse_participant
from rtemo.sources.session_settings import SessionSettings, with_participants

IDS = ("P01", "P02")
HOP_S = 0.5
MARKED = "marker=rest,go"
REST_S = (1.0, 25.0)


def people(duration_s):
    """Two people: the streams, with markers for both; what comes of them, by time; when it begins."""
    own = {}
    for number, whose in enumerate(IDS, 3):
        plan = SimulationPlan.for_duration(number, duration_s, eeg_channels=8, eeg_rate_hz=250)
        session = SimulatedSession(plan)
        own[whose] = session
    streams = [
        named(whose, info)
        for whose, one in own.items()
        for info in one.streams
        if info.stream_id != "markers" or whose == IDS[0]
    ]
    timed = [
        (at_s, number, of(whose, item))
        for number, (whose, one) in enumerate(own.items())
        for at_s, item in one.timed_items(0.1)
        if isinstance(item, StreamUp) or item.stream_id != "markers"
    ]
    start_s = own[IDS[0]].plan.start_s
    timed += [
        (at_s, len(IDS), Chunk("markers", np.array([start_s + at_s]), np.array([[text]], object)))
        for at_s, text in zip(REST_S, ("rest", "go"), strict=True)
    ]
    timed.sort(key=lambda entry: entry[:2])
    return streams, [(at_s, item) for at_s, _, item in timed], start_s


def named(whose, info):
    if info.stream_id == "markers":
        return info
    return replace(info, stream_id=f"{info.stream_id} {whose}")


def of(whose, item):
    if isinstance(item, StreamUp):
        return replace(item, info=named(whose, item.info))
    return item if item.stream_id == "markers" else replace(item, stream_id=f"{item.stream_id} {whose}")


def settings_for(streams, ids=IDS, ratings=MappingProxyType({}), **fields):
    """Each with the streams that are that one's, named by their source_id. ratings: queries, by participant."""
    said = []
    for whose in ids:
        of_one = {info.type.lower(): info.source_id for info in streams if info.stream_id.endswith(whose)}
        rates = f"; ratings={ratings[whose]}" if whose in ratings else ""
        said.append(
            parse_participant(f"{whose}: eeg=source_id={of_one['eeg']}; gaze=source_id={of_one['gaze']}{rates}")
        )
    return with_participants(SessionSettings(**fields), said)


class Joint:
    """A session of several people on items that are given one by one."""

    def __init__(self, streams, settings, root, start_s):
        self.settings, self.time_s = settings, start_s
        self.supply = HandFed()
        self.source = recorded(self.supply)
        self.source.start()
        self.roles = ParticipantRoles(PROFILES, settings)
        for own in settings.each:
            for part in own.queries or OWN_ROLES:
                self.roles.choose_for(own.alone, part, streams)
        for info in streams:
            self.roles.take_marker(info)
        self.begin(OutputsRequest(settings, root, publish=False))
        for info in streams:
            self.give(StreamUp(info))

    def begin(self, request, taken_up=None):
        setup = setup_of(next(iter(self.roles.each.values())), lambda: self.time_s, lambda *_: None, hop_s=HOP_S)
        self.outputs = SessionOutputs(request, BUNDLE, setup.hop_s, setup.clock, self.source, taken_up=taken_up)
        self.session = JointSession(setup, self.roles, self.source, self.settings, self.outputs)

    def give(self, item):
        if isinstance(item, Chunk) and len(item) and item.stream_id != "markers":
            self.time_s = max(self.time_s, float(item.stamps[-1]))
        self.supply.items.put(item)
        self.session.step(self.source.read(0.0))

    def crash(self):
        """The engine is gone with all that it knew; the recorder goes on."""
        recorder = self.source.recorder
        assert recorder.wait_flushed(10.0)
        outputs, size = self.outputs, recorder.path.stat().st_size
        about = asdict(outputs.about)
        self.source.running = RunningRecording((str(recorder.path),), 0, size, outputs.session_id, about)
        outputs.leave()
        taken_up = TakenUpSession(self.source.running, PROFILES)
        assert taken_up.settings == self.settings
        self.begin(OutputsRequest(taken_up.settings, publish=False), taken_up)

    def end(self):
        self.session.finish()
        self.outputs.close()
        return self.outputs.folder


def lost(whose, streams, items, from_s, until_s):
    """The same items with one person's tracker lost, and back under the same name."""
    info = StreamUp(next(info for info in streams if info.stream_id == f"gaze {whose}"))
    out, gone = [], False
    for at_s, item in items:
        away = from_s <= at_s < until_s
        if away and not gone:
            out.append((at_s, StreamDown(f"gaze {whose}", StreamState.LOST, "unplugged")))
        if gone and not away:
            out.append((at_s, info))
        gone = away
        if not (away and getattr(item, "stream_id", "") == f"gaze {whose}"):
            out.append((at_s, item))
    return out


class Rows:
    """A sink that keeps predictions as rows of a table."""

    def __init__(self):
        self.rows = []

    def put(self, prediction):
        self.rows.append(dict(zip(csv_header(BUNDLE.labels), prediction.csv_row(), strict=True)))


def timeless(rows, whose=None):
    """Rows without what depends on when they were made, and on who else was there."""
    left_out = ("forced", "latency_ms", "late", "participant")
    return [
        {key: value for key, value in row.items() if key not in left_out}
        for row in rows
        if whose is None or row["participant"] == whose
    ]


def rows_of(folder):
    with folder.predictions.open() as file:
        return list(csv.DictReader(file))


def replayed(path, settings=as_recorded):
    """The rows of a replay and its events, by participant."""
    found = {}
    for recording in open_each(lambda whose: OpenRecording(path, PROFILES, settings, participant=whose)):
        log, kept, problems = EventLog(), Rows(), []
        predictor = load_model(None, HOP_S)[1]
        engine = replay_engine(recording, predictor, BUNDLE, log, [kept], warn=problems.append)
        engine.run(recording.opening, threading.Event())
        assert problems == []
        found[recording.participant] = kept.rows, log.events
    return found
