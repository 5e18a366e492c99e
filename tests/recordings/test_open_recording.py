"""What an opened recording obeys: its own session's events and settings, and nobody else's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_fed import PROFILES, FedSession, setup_of

from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Modality, StreamUp
from rtemo.live.output.outlet import EventOutlet, OutletIdentity
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.open_recording import OpenRecording
from rtemo.recordings.session_facts import rest_event
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.devices.profile import known_profiles
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_choice import StreamQuery
from rtemo.sources.stream_roles import StreamRoles
from rtemo.sources.xdf.writer import XdfWriter


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(3, 12, eeg_channels=8, eeg_rate_hz=250))


def foreign(session_id):
    """The stream of events of a session on another computer."""
    info = EventOutlet(publish=False, identity=OutletIdentity(session_id)).info
    return replace(info, stream_id=session_id, source_id=f"rtemo_events@{session_id}", hostname=session_id)


def sample(info, event):
    row = np.array([[f"{event.kind.value}: {event.text}", event.payload(published=False)]], dtype=object)
    return Chunk(info.stream_id, np.array([event.time_s]), row)


def recorded(person, root, settings=None, profiles=PROFILES, silent=()):
    """A headless session's recording, in which another session's events come along."""
    settings, time_s = settings or SessionSettings(), [person.plan.start_s]
    roles = StreamRoles(profiles, settings)
    roles.choose(person.streams)
    setup = setup_of(roles, lambda: time_s[0], lambda *_: None)
    session = FedSession(setup, settings, root)
    outputs = session.outputs
    other = foreign("another")
    outputs.keep(StreamUp(other))
    for info in person.streams:
        session.give(StreamUp(info))
    for event in (rest_event(time_s[0], 60.0), Event(time_s[0] + 1.0, EventKind.ANNOTATION, "not ours")):
        outputs.keep(sample(other, event))
    for item in person.items(block_s=0.5):
        if isinstance(item, Chunk) and item.stream_id in silent:
            continue
        if isinstance(item, Chunk) and len(item):
            time_s[0] = max(time_s[0], float(item.stamps[-1]))
        session.give(item)
    session.close()
    assert outputs.recording is not None
    return outputs.recording


def test_events_of_another_session_are_listed_and_not_obeyed(person, tmp_path):
    found = OpenRecording(recorded(person, tmp_path), PROFILES)
    found.close()
    assert found.facts.rests == ()
    assert "not ours" not in [event.text for event in found.events]
    assert [notice for notice in found.notices if "another session" in notice]


def test_the_settings_of_the_session_are_used_unless_others_are_asked_for(person, tmp_path):
    label = person.streams[0].labels[0]
    settings = SessionSettings(subject="P 01", notes="tired", eeg_map={label: ""}, baseline="marker=a,b")
    path = recorded(person, tmp_path, settings)
    found = OpenRecording(path, PROFILES)
    found.close()
    assert found.facts.problems == ()
    assert found.roles.settings.eeg_map == {label: ""}
    assert str(found.plan) == "marker=a,b"
    assert b"tired" not in path.read_bytes()
    asked = OpenRecording(path, PROFILES, lambda _recorded: SessionSettings())
    asked.close()
    assert asked.roles.settings.eeg_map == {}


@pytest.mark.parametrize("silent", [Modality.EEG, Modality.GAZE])
def test_a_device_that_was_asked_for_and_sent_nothing_is_not_asked_for_by_the_recording(person, silent, tmp_path):
    queries = {part: StreamQuery.parse(f"type={part.value}") for part in (Modality.EEG, Modality.GAZE)}
    (info,) = [one for one in person.streams if queries[silent].fits(one)]
    path = recorded(person, tmp_path, SessionSettings(queries=queries), silent={info.stream_id})
    found = OpenRecording(path, PROFILES)
    found.close()
    assert info.stream_id not in {one.stream_id for one in found.opening}
    assert found.roles.filled & {Modality.EEG, Modality.GAZE} == {Modality.EEG, Modality.GAZE} - {silent}
    with pytest.raises(RtemoError, match=f"has no stream for {silent.value} "):  # who asks now is told
        OpenRecording(path, PROFILES, lambda _: SessionSettings(queries=queries))


def test_of_several_sessions_without_one_of_its_own_a_recording_obeys_none(person, tmp_path):
    streams = [foreign(name) for name in ("one", "two")]
    path = tmp_path / "lab.xdf"
    with XdfWriter(path) as writer:
        for info in (person.streams[0], *streams):
            writer.add_stream(info)
        for item in person.items(block_s=1.0):
            if isinstance(item, Chunk) and item.stream_id == person.streams[0].stream_id:
                writer.write_chunk(item)
        for info in streams:
            writer.write_chunk(sample(info, rest_event(person.plan.start_s + 5.0, 60.0)))
    found = OpenRecording(path, PROFILES)
    found.close()
    assert found.events == ()
    assert len([notice for notice in found.notices if "another session" in notice]) == 2


def test_a_recording_names_the_own_profile_that_its_streams_were_read_with(person, tmp_path, monkeypatch):
    monkeypatch.setenv("RTEMO_DEVICES", str(tmp_path / "devices"))
    file = tmp_path / "devices" / "my-amp" / "profile.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        'id = "my-amp"\nname = "Mine"\nkind = "eeg"\nfacts = "made up"\n[[match]]\ntype = "^eeg$"\nname = "simulated"\n'
    )
    known = known_profiles()
    recording = recorded(person, tmp_path / "made", profiles=known)

    def notices(profiles):
        opened = OpenRecording(recording, profiles)
        opened.close()
        return [notice for notice in opened.notices if "my-amp" in notice]

    assert notices(known) == []
    (missing,) = notices(PROFILES)
    assert "is not here" in missing
    assert str(tmp_path / "devices") in missing
    file.write_text(file.read_text().replace("made up", "measured"))
    (changed,) = notices(known_profiles())
    assert "is another one here" in changed
