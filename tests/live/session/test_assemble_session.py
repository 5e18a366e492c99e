"""What a session's run states, saves and ends, without samples."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hand_fed import BUNDLE, PROFILES, FedSession, setup_of

import rtemo
from rtemo.core.errors import RtemoError
from rtemo.live.session import assemble_session
from rtemo.live.session.saved_state import load_state
from rtemo.recordings.events import EventKind
from rtemo.sources.participants import parse_participant
from rtemo.sources.session_settings import SessionSettings, with_participants
from rtemo.sources.stream_roles import StreamRoles


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def session(clock, tmp_path):
    made = FedSession(setup_of(StreamRoles(PROFILES), clock, None), SessionSettings(subject="P 01"), tmp_path)
    yield made
    made.close()


def test_a_rest_is_stated_with_its_begin_and_length(session, clock):
    clock.now_s = 110.0
    assert session.run.begin_rest(30.00000049) == (110.0, 30.0)
    event = session.outputs.events.events[-1]
    assert (event.time_s, event.kind, event.text) == (110.0, EventKind.ANNOTATION, "baseline begins: 30 s")
    assert event.details == {"fact": "baseline_begins", "length_s": 30.0}
    clock.now_s = 130.0
    assert session.run.begin_rest(45.0, 110.0) == (110.0, 45.0)
    assert session.outputs.events.events[-1].time_s == 110.0
    n_before = len(session.outputs.events.events)
    with pytest.raises(RtemoError, match="20 to 600 s"):
        session.run.begin_rest(10.0)
    assert len(session.outputs.events.events) == n_before


@pytest.mark.parametrize(("label", "mark", "said"), [
    ("Fz", "ugly", "no channel can be marked 'ugly'; the marks are bad, good, automatic"),
    ("Fz", "bad", "there is no EEG channel 'Fz'; name one of the electrodes in use"),
])  # fmt: skip
def test_a_channel_that_cannot_be_marked_is_refused(session, label, mark, said):
    with pytest.raises(RtemoError) as caught:
        session.run.mark_channel(label, mark)
    assert str(caught.value) == said


def test_what_is_stated_of_one_of_several_names_the_participant(clock, tmp_path):
    settings = with_participants(SessionSettings(), [parse_participant("P01: eeg=name=Amp")])
    session = FedSession(setup_of(StreamRoles(PROFILES), clock, None), settings.each[0], tmp_path)
    session.run.begin_rest(30.0)
    assert session.outputs.events.events[-1].participant == session.run.participant == "P01"
    session.close()


def test_a_session_is_announced_before_anything_else(session):
    first = session.outputs.events.events[0]
    assert (first.text, first.details["fact"]) == ("session begins", "session")


def test_the_state_is_saved_once_a_minute_and_removed_at_the_end(session, clock):
    recording, run = session.outputs.recording, session.run

    def saved():
        run.state_file.wait()
        found = load_state(recording, BUNDLE.fingerprint, 0.25)
        return None if found is None else found.about.saved_s

    for now_s, saved_s in ((159.9, None), (160.0, 160.0), (219.9, 160.0), (220.0, 220.0)):
        clock.now_s = now_s
        run.after_read()
        assert saved() == saved_s
    about = load_state(recording, BUNDLE.fingerprint, 0.25).about
    assert (about.version, about.fingerprint, about.hop_s) == (rtemo.__version__, BUNDLE.fingerprint, 0.25)
    assert (about.part, about.taken, about.marked_s) == (0, {}, None)
    run.end()
    assert saved() is None


def test_a_state_that_cannot_be_saved_is_said_once(session, monkeypatch):
    def refuse(*_given):
        raise TypeError("a socket is no state")

    monkeypatch.setattr(assemble_session, "freeze", refuse)
    session.run.save()
    session.run.save()
    said = [event.text for event in session.outputs.events.events if event.kind is EventKind.FAILURE]
    assert said == ["the engine's state cannot be saved: a socket is no state; a next engine reads the recording again"]
    assert load_state(session.outputs.recording, BUNDLE.fingerprint, 0.25) is None


def test_a_state_is_not_saved_while_the_one_before_is_written(session, monkeypatch):
    written = []
    file = SimpleNamespace(busy=True, write=written.append, remove=lambda: None)
    monkeypatch.setattr(session.run, "state_file", file)
    session.run.save()
    assert written == []
    file.busy = False
    session.run.save()
    assert len(written) == 1


def test_what_goes_on_by_itself_is_looked_after_once_a_read(session, clock):
    run, turned = session.run, []
    run.turns.append(lambda: turned.append(clock.now_s))
    run.after_read()
    assert (turned, run.stop.is_set()) == ([100.0], False)
    source = run._source
    run._source = SimpleNamespace(ending=True, running=source.running)
    run.after_read()
    assert run.stop.is_set()
    run._source = source


def test_a_recorder_that_came_back_counts_from_its_new_file(session, clock):
    run, source = session.run, session.run._source
    run.engine.taken["eeg"] = 500
    again = SimpleNamespace(first=2)
    run._source = SimpleNamespace(ending=False, running=again)
    run.after_read()
    assert run.engine.taken == {}
    run.after_read()  # and the state is saved at the next turn
    run.state_file.wait()
    assert load_state(session.outputs.recording, BUNDLE.fingerprint, 0.25).about.part == 2
    run._source = source
