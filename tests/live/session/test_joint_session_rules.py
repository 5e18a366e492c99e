"""What each participant's run is made of, and what all of them are given, with invented runs."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from hand_fed import PROFILES, setup_of

from rtemo.core.types import Channel, StreamInfo, StreamUp
from rtemo.live.session import joint_session
from rtemo.live.session.joint_session import JointSession
from rtemo.recordings.events import EventLog
from rtemo.sources.participant_roles import ParticipantRoles
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, with_participants
from rtemo.sources.stream_roles import StreamRoles

MARKERS = StreamUp(StreamInfo("m", "m", "Markers", "string", 0.0, (Channel(),)))
CALLS = []


class Run:
    """Notes how it is made and turned."""

    def __init__(self, setup, source, settings, log, sinks, outputs, **options):
        self.setup, self.source, self.settings, self.log = setup, source, settings, log
        self.sinks, self.outputs, self.options = sinks, outputs, options
        self.stop, self.turns, self.whose = None, [], settings.alone
        pause_s = {"P01": 0.5, "P02": 0.25}.get(self.whose, 1.0)
        self.engine = SimpleNamespace(
            step=lambda items: CALLS.append(("step", self.whose, list(items))),
            finish=lambda: CALLS.append(("finish", self.whose)),
            pause_s=pause_s,
        )

    def after_read(self):
        CALLS.append(("after", self.whose))

    def end(self):
        CALLS.append(("end", self.whose))


class Commands:
    def __init__(self, runs, outputs, clock):
        self.given = runs, outputs, clock

    def turn(self):
        CALLS.append("turn")

    def close(self):
        CALLS.append("close")


@pytest.fixture(autouse=True)
def invented(monkeypatch):
    monkeypatch.setattr(joint_session, "SessionRun", Run)
    monkeypatch.setattr(joint_session, "PersonCommands", Commands)
    CALLS.clear()


PEOPLE = with_participants(SessionSettings(), [parse_participant(f"{one}: eeg=name={one}") for one in ("P01", "P02")])
OUTPUTS = SimpleNamespace(events=EventLog(), opening=[MARKERS], sinks_of=lambda whose: (f"sink {whose}",))
SOURCE = SimpleNamespace(opening=list, hold=lambda: [MARKERS])


def joint(settings, outputs, **options):
    roles = ParticipantRoles(PROFILES, settings)
    roles.take_marker(MARKERS.info)
    setup = setup_of(StreamRoles(PROFILES), lambda: 7.0, None, ("the setup's",))
    return JointSession(setup, roles, SOURCE, settings, outputs, **options), setup, roles


def test_each_of_several_has_a_run_of_its_own():
    session, setup, roles = joint(PEOPLE, OUTPUTS, patient=True, duration_s=60.0)
    assert list(session.runs) == ["P01", "P02"]
    for whose, run in session.runs.items():
        assert run.setup.roles is roles.each[whose]
        assert (run.setup.persons, run.sinks, run.outputs) == (("the setup's",), (f"sink {whose}",), OUTPUTS)
        assert run.options == {"patient": True, "duration_s": 60.0, "opening": [MARKERS], "engines": 2}
        assert run.log is not OUTPUTS.events
    assert session.commands.given == (session.runs, OUTPUTS, setup.clock)
    assert [run.turns for run in session.runs.values()] == [[session.commands.turn], []]
    assert session.pause_s == 0.25


def test_one_who_is_not_told_apart_has_the_sessions_own_log_and_sinks():
    log = EventLog()
    session, _, _ = joint(SessionSettings(), None, sinks={"": ["gate"]}, events=log)
    (run,) = session.runs.values()
    assert (run.log, run.sinks, run.outputs) == (log, ["gate"], None)
    assert run.options == {"patient": False, "duration_s": None, "opening": [], "engines": 1}
    session, _, _ = joint(SessionSettings(), OUTPUTS)
    assert session.runs[""].log is OUTPUTS.events
    session, _, _ = joint(SessionSettings(), None)
    assert (session.runs[""].sinks, session.runs[""].turns) == ((), [])


def test_calibrations_are_given_to_whom_they_are_of():
    session, _, _ = joint(PEOPLE, OUTPUTS, persons={"P02": ("hers",)})
    assert [run.setup.persons for run in session.runs.values()] == [(), ("hers",)]


def test_everybody_is_turned_and_then_what_was_asked_for_is_done():
    session, _, _ = joint(PEOPLE, OUTPUTS)
    session.step([MARKERS])
    session.after_read()
    assert CALLS == [("step", "P01", [MARKERS]), ("step", "P02", [MARKERS]), "turn", ("after", "P01"), ("after", "P02")]
    preview, _, _ = joint(SessionSettings(), None)
    CALLS.clear()
    preview.step([MARKERS])
    assert CALLS == [("step", "", [MARKERS])]


def test_the_last_items_come_before_the_last_predictions():
    session, _, _ = joint(PEOPLE, OUTPUTS)
    session.finish()
    assert CALLS == [
        ("step", "P01", [MARKERS]), ("step", "P02", [MARKERS]), "turn", "close",
        ("finish", "P01"), ("end", "P01"), ("finish", "P02"), ("end", "P02"),
    ]  # fmt: skip


def test_a_session_that_runs_is_ended_for_everybody(monkeypatch):
    session, _, _ = joint(PEOPLE, OUTPUTS)
    stop, given = threading.Event(), []
    monkeypatch.setattr(joint_session, "run_together", lambda *asked: given.append(asked))
    session.run(stop)
    ((engines, split, source, opening, same),) = given
    assert engines == [run.engine for run in session.runs.values()]
    assert split([MARKERS]) == [[MARKERS], [MARKERS]]
    assert (source, opening, same) == (SOURCE, (), stop)
    assert all(run.stop is stop for run in session.runs.values())
    assert CALLS == ["close", ("end", "P01"), ("end", "P02")]
