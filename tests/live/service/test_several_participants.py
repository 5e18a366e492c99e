"""The window's engine with several participants: one session on the wire, in which what befalls one is that one's."""

from __future__ import annotations

import threading
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hand_fed import PROFILES, Lab, setup_of, wait_for
from joint_people import HOP_S, IDS, lost, people, replayed, rows_of, settings_for, timeless

from rtemo.core.types import StreamState
from rtemo.live.remote.remote_control import RemoteControl
from rtemo.live.service.client import merged
from rtemo.live.service.controller import Controller
from rtemo.live.service.snapshot import Phase
from rtemo.live.service.wire import Command, Poll, pack, pack_request, unpack, unpack_request
from rtemo.recorder.recording_source import RunningRecording
from rtemo.recordings.events import EventKind, read_event
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.participant_roles import role_name
from rtemo.sources.session_settings import settings_text
from rtemo.sources.stream_roles import StreamRoles

LENGTH_S = 64.0
BEGIN_S, REST_S, LOST_S, BACK_S, KILLED_S = 6.0, 26.0, 40.0, 47.0, 50.0


class Story:
    """One session: both begin, P02 rests, P02's tracker is lost and back, the engine is killed, the next goes on."""

    def __init__(self, root):
        streams, items, start_s = people(LENGTH_S)
        items = [item for _, item in lost("P02", streams, items, LOST_S, BACK_S)]
        self.settings = settings_for(streams)
        person = SimpleNamespace(
            plan=SimpleNamespace(start_s=start_s), streams=streams, items=lambda block_s: iter(items)
        )
        self.lab = lab = Lab(person, settings=self.settings, hop_s=HOP_S)
        lab.take()
        self.feed(BEGIN_S)
        self.preview = wait_for(lambda: (found := lab.take()).phase is Phase.PREVIEW and found)
        lab.do("start", subject="dyad", notes="", root=str(root))
        lab.feed(1.0)
        lab.do("baseline", seconds=REST_S, participant="P02")
        lab.do("annotate", text="laughs", participant="P01")
        lab.do("annotate", text="door", participant="")
        lab.do("mark_channel", label="Fz", mark="bad")  # whose, nobody says
        self.feed(2.0)
        self.resting = self.at("P02")
        remote = RemoteControl(lab.controller, root)
        lines = ("annotate {participant:P01} by remote", "label {participant:P02} sad 2", "label sad 2", "update")
        self.answers = [remote.answer(line) for line in lines]
        self.feed(LOST_S - BEGIN_S)
        self.while_lost = self.at("P02")
        self.of_the_other = self.at("P01")
        self.feed(KILLED_S - LOST_S - 3.0)
        self.events = [event for snapshot in lab.seen for event in snapshot.events]
        self.predictions = [record for snapshot in lab.seen for record in snapshot.predictions]
        self.go_on(streams, only_folder(root))
        self.folder = SessionFolder.named(only_folder(root))

    def at(self, participant):
        """A state that was told after everything was read, with the last minute of one participant."""
        self.lab.do("annotate", text="look")  # after which the state is told
        return self.lab.controller.feed.take("", participant)[0]

    def feed(self, seconds):
        """Let so many seconds pass, with a client that looks now and then."""
        for _ in range(round(seconds)):
            self.lab.feed(1.0)
            self.lab.take()

    def go_on(self, streams, folder):
        """The engine ends without a word; the next one was started before there were participants."""
        lab = self.lab
        source, session = lab.controller._streaming.source, lab.controller._sessions.session
        assert source.recorder.wait_flushed(10.0)
        path = source.recorder.path
        about = asdict(session.about)
        source.running = RunningRecording((str(path),), 0, path.stat().st_size, session.session_id, about)
        source.chosen.update(
            {
                info.stream_id: role_name(info.stream_id[-3:], part)
                for part in self.settings.of("P01").queries
                for info in streams
                if info.stream_id.startswith(part.value)
            }
            | {"markers": "markers"}
        )
        lab.do("restart")
        wait_for(lambda: not lab.thread.is_alive())
        following = Controller(setup_of(StreamRoles(PROFILES), lambda: lab.time_s, lambda *_: source, hop_s=HOP_S))
        lab.controller, lab.thread, lab.token = following, threading.Thread(target=following.run, args=(lab._stop,)), ""
        lab.thread.start()
        self.taken_up = wait_for(lambda: (found := lab.take()).phase is Phase.RUNNING and found)
        lab.feed(LENGTH_S)
        lab.do("stop")
        lab.close()


def only_folder(root):
    (folder,) = root.iterdir()
    return folder


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    return Story(tmp_path_factory.mktemp("several"))


@pytest.fixture(scope="module")
def told(story):
    return [read_event(line) for line in story.folder.events.read_text().splitlines()]


def test_the_preview_shows_whose_stream_is_whose(story):
    assert [one.id for one in story.preview.participants] == list(IDS)
    whose = {(stream.participant, stream.role) for stream in story.preview.streams}
    assert whose == {(one, part) for one in IDS for part in ("eeg", "gaze")} | {("", "markers")}
    assert {record["participant"] for record in story.predictions} == set(IDS)


def test_a_client_is_shown_the_samples_of_whom_it_asks_for(story):
    one, other = story.of_the_other, story.while_lost
    assert (one.participant, other.participant) == IDS
    assert one.eeg.microvolts.shape[1] == other.eeg.microvolts.shape[1] == 8
    n = min(len(one.eeg.times), len(other.eeg.times))
    assert not np.array_equal(one.eeg.microvolts[:n], other.eeg.microvolts[:n])
    assert one.gaze.times[-1] > other.gaze.times[-1] + 2.0
    again, _ = unpack(pack(one))
    assert (again.participant, [person.id for person in again.participants]) == ("P01", list(IDS))
    assert [stream.participant for stream in again.streams] == [stream.participant for stream in one.streams]


def test_what_is_lost_is_one_participants(story):
    states = {(stream.participant, stream.role): stream.state for stream in story.while_lost.streams}
    assert states.pop(("P02", "gaze")) is StreamState.LOST
    assert set(states.values()) == {StreamState.STREAMING}
    in_short = {one.id: one for one in story.while_lost.participants}
    assert in_short["P01"].gaze_valid > 0.5
    assert np.isnan(in_short["P02"].gaze_valid)
    assert all(one.n_channels == 8 and one.n_placed == 8 for one in in_short.values())


def test_a_baseline_is_that_of_whom_it_was_asked_for(story, told):
    in_short = {one.id: one for one in story.resting.participants}
    assert in_short["P01"].progress is None
    assert in_short["P02"].progress == story.resting.progress
    assert (story.resting.progress.name, story.resting.progress.total_s) == ("baseline", REST_S)
    (verdict,) = [event for event in told if event.text.startswith("baseline ends")]
    assert (verdict.participant, verdict.kind) == ("P02", EventKind.ANNOTATION)


def test_a_note_is_about_one_or_about_all(story, told):
    noted = {event.text: event.participant for event in told if event.kind is EventKind.ANNOTATION}
    assert (noted["laughs"], noted["door"]) == ("P01", "")
    shown = {event["text"]: event.get("participant", "") for event in story.events}
    assert (shown["laughs"], shown["door"]) == ("P01", "")


def test_remote_control_concerns_whom_it_names(story, told):
    noted, labelled, refused, streams = story.answers
    assert (noted, labelled) == ("OK noted", "OK sad for the last 2 s")
    assert refused.startswith("ERROR this is for one participant")
    assert "rtemo simulated EEG (P01 eeg, streaming)" in streams
    assert ("P01", "by remote") in [(event.participant, event.text) for event in told]
    assert [event.participant for event in told if event.details.get("fact") == "label_given"] == ["P02"]


def test_what_concerns_one_is_refused_where_nobody_says_whom(told):
    (refused,) = [event for event in told if event.text.startswith("mark_channel: ")]
    assert refused.kind is EventKind.FAILURE
    assert "P01, P02" in refused.text


def test_the_next_engine_goes_on_for_everybody_by_the_settings_of_the_session(story):
    assert [one.id for one in story.taken_up.participants] == list(IDS)
    assert story.taken_up.subject == "dyad"
    assert story.taken_up.settings == settings_text(replace(story.settings, subject="dyad"))
    last = {record["participant"]: record["time_s"] for s in story.lab.seen for record in s.predictions}
    assert last["P01"] == last["P02"]


def test_the_replay_is_the_session_for_everybody(story):
    rows, again = rows_of(story.folder), replayed(story.folder.recording)
    forced = {row["time_s"] for row in rows if row["forced"] == "true"}
    assert len(forced) < 5
    for whose in IDS:
        live = [row for row in timeless(rows, whose) if row["time_s"] not in forced]
        found = {row["time_s"]: row for row in timeless(again[whose][0])}
        assert len(live) > (LENGTH_S - BEGIN_S - 10.0) / HOP_S
        assert [row for row in live if found.get(row["time_s"]) != row] == []


def test_snapshots_of_two_participants_are_not_mixed(story):
    one = story.of_the_other
    both = merged(replace(story.while_lost, era=one.era), one)
    assert both.eeg is one.eeg
    assert both.gaze is one.gaze
    assert both.predictions == story.while_lost.predictions + one.predictions


def test_the_wire_takes_a_participant_where_it_is_about_one():
    asked = Command("baseline", {"seconds": 30.0, "participant": "P02"})
    assert unpack_request(pack_request(asked)) == asked
    assert unpack_request(pack_request(Poll("", participant="P02"))).participant == "P02"
    assert unpack_request(pack_request(Command("baseline", {"seconds": 30.0}))).arguments == {"seconds": 30.0}
