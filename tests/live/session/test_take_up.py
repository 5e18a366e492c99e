"""A session whose engine ended is taken up: what it predicts afterwards is what it would have predicted."""

from __future__ import annotations

import csv
import time
from collections import Counter
from dataclasses import asdict, replace
from itertools import chain
from types import SimpleNamespace

import numpy as np
import pytest
from hand_fed import BUNDLE, PROFILES, HandFed, recorded, setup_of

from rtemo.core.frozen_state import freeze, thaw
from rtemo.core.types import Chunk, ClockOffset, Modality, StreamDown, StreamNotice, StreamState, StreamUp
from rtemo.live.replay.recorded_view import RecordedView
from rtemo.live.service.display_taps import DisplayTaps
from rtemo.live.session.assemble_session import KEPT, SessionRun
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.live.session.take_up import TakenUpSession
from rtemo.model.personal.calibration import PersonalCalibration
from rtemo.model.personal.session_notes import WindowsSkipped
from rtemo.recorder.recording_source import RunningRecording
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.open_recording import OpenRecording
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.session_settings import SessionSettings
from rtemo.sources.stream_roles import StreamRoles

UNLIKE = ("forced", "latency_ms", "late")
SESSION_S, CRASH_S, SAVED_S = 80.0, 55.0, 35.0


@pytest.fixture(scope="module")
def person():
    return SimulatedSession(SimulationPlan.for_duration(4, 90, eeg_channels=16, eeg_rate_hz=250))


def with_offsets(items, every_s=3.0):
    """The same items; each stream's clock is measured again and again, and found a little elsewhere each time."""
    measured = Counter()
    for item in items:
        if isinstance(item, Chunk) and len(item):
            stamp = float(item.stamps[-1])
            if stamp >= measured[item.stream_id]:
                measured[item.stream_id] = stamp + every_s
                yield ClockOffset(item.stream_id, stamp - 0.01, 1e-3 * np.sin(stamp))
        yield item


class Session:
    """Fed by hand; its engine may be replaced in the middle."""

    def __init__(self, person, root, settings):
        self.person, self.settings, self.time_s = person, settings, person.plan.start_s
        self.supply, self.lost = HandFed(), set()
        self.there = {info.stream_id: info for info in person.streams}  # by the names that the simulation has
        self.supply.status = lambda: [SimpleNamespace(info=info) for info in self.there.values()]  # the lost ones too
        self.source = recorded(self.supply)
        self.source.start()
        roles = StreamRoles(PROFILES, settings)
        roles.choose(person.streams)
        self.setup = setup_of(roles, lambda: self.time_s, lambda *_: None)
        self.items = with_offsets(person.items(block_s=0.1))
        self.begin(OutputsRequest(settings, root, publish=False))
        for info in person.streams:
            self.give(StreamUp(info))

    def begin(self, request, taken_up=None):
        self.retaken = 0  # samples of EEG that the new engine was given again
        if taken_up is not None:
            self._count_what_is_taken_again(taken_up)
        self.outputs = SessionOutputs(
            request, BUNDLE, self.setup.hop_s, self.setup.clock, self.source, taken_up=taken_up
        )
        self.run = SessionRun(
            self.setup, self.source, self.settings, self.outputs.events, self.outputs.sinks, self.outputs
        )

    def _count_what_is_taken_again(self, taken_up):
        given = taken_up.items

        def counted(items):
            for some in items:
                eeg = (one for one in some if isinstance(one, Chunk) and one.stream_id == "eeg")
                self.retaken += sum(map(len, eeg))
                yield some

        object.__setattr__(taken_up, "items", lambda *args: ((part, counted(items)) for part, items in given(*args)))

    def give(self, item):
        self.supply.items.put(item)
        self.run.engine.step(self.source.read(0.0))

    def feed(self, until_s):
        for item in self.items:
            if getattr(item, "stream_id", "") in self.lost:
                continue
            if isinstance(item, Chunk) and len(item):
                self.time_s = max(self.time_s, float(item.stamps[-1]))
            self.give(self.named(item))
            if self.time_s >= self.person.plan.start_s + until_s:
                return

    def crash(self):
        """The engine is gone with all that it knew. The recorder goes on, and tells the next engine where it stands."""
        recorder = self.source.recorder
        assert recorder.wait_flushed(10.0)
        outputs = self.outputs
        size = recorder.path.stat().st_size
        about = asdict(outputs.about)
        self.source.running = RunningRecording((str(recorder.path),), 0, size, outputs.session_id, about)
        outputs.leave()
        taken_up = TakenUpSession(self.source.running, PROFILES)
        self.setup.roles.give_back()  # another process knows the streams that are announced to it
        self.setup.roles.choose(info for name, info in self.there.items() if name not in self.lost)
        self.begin(OutputsRequest(taken_up.settings, publish=False), taken_up)

    def lose(self, stream_id):
        self.lost.add(stream_id)
        self.give(StreamDown(self.there[stream_id].stream_id, StreamState.LOST, "gone from the network"))

    def find(self, stream_id):
        self.lost.remove(stream_id)
        self.give(StreamUp(next(info for info in self.person.streams if info.stream_id == stream_id)))

    def replace(self, name, stream_id, channel_format):
        """The device is started again and sends in another format."""
        self.lose(name)
        before = self.there[name]
        xml = before.xml.replace(before.channel_format, channel_format)
        self.there[name] = replace(before, stream_id=stream_id, channel_format=channel_format, xml=xml)
        self.lost.remove(name)
        self.give(StreamUp(self.there[name], before.stream_id))

    def named(self, item):
        """As it comes of the streams that are there now."""
        info = self.there.get(getattr(item, "stream_id", ""))
        if info is None or info.stream_id == item.stream_id:
            return item
        if isinstance(item, Chunk):
            item = replace(item, values=item.values.astype("f8" if info.channel_format == "double64" else "f4"))
        return replace(item, stream_id=info.stream_id)

    def end(self):
        self.run.finish()
        self.outputs.close()


def what_happens(session, crash, save):
    session.feed(19.0)
    session.run.begin_rest(20.0)
    session.feed(SAVED_S)
    if save:
        session.run.save()
        session.run.state_file.wait()
    session.feed(45.0)
    session.run.calibration.label("sad", session.time_s - 8.0, session.time_s)
    session.feed(CRASH_S)
    if crash:
        session.crash()
    session.feed(SESSION_S)
    session.end()
    with session.outputs.folder.predictions.open() as file:
        rows = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if key not in UNLIKE} for row in rows]


@pytest.fixture(scope="module", params=["", "marker=baseline/start,baseline/end"])
def settings(request):
    return SessionSettings(subject="P", baseline=request.param)


@pytest.fixture(scope="module")
def undisturbed(person, settings, tmp_path_factory):
    return what_happens(Session(person, tmp_path_factory.mktemp("a"), settings), crash=False, save=False)


@pytest.mark.parametrize("save", [False, True])
def test_a_new_engine_goes_on_as_the_old_one_would_have(person, settings, undisturbed, save, tmp_path):
    session = Session(person, tmp_path, settings)
    rows = what_happens(session, crash=True, save=save)
    missing = [row["time_s"] for row in undisturbed if row not in rows]
    assert len(rows) >= len(undisturbed) - 1
    assert all(row in undisturbed for row in rows)
    assert len(missing) <= 1
    assert 250 * (CRASH_S - SAVED_S - 1) < session.retaken < 250 * (CRASH_S - SAVED_S + 1) or not save
    assert session.retaken > 250 * (CRASH_S - 1) or save
    assert session.run.engine.taken["eeg"] > 250 * (SESSION_S - 1)  # as the next engine will count
    assert not list(session.outputs.folder.path.glob("state*"))


def test_engines_that_end_one_after_the_other_each_go_on_from_the_last_saved_state(person, tmp_path):
    rows = []
    for crash in (False, True):
        session = Session(person, tmp_path / str(crash), SessionSettings(subject="P"))
        for until_s, trusted in ((5.0, False), (8.0, True)):
            session.feed(until_s)
            session.give(StreamNotice("eeg", "its clock was set", trusted=trusted))
        for until_s in (12.0, 20.0, 28.0):
            session.feed(until_s)
            if crash:
                session.run.save()
                session.run.state_file.wait()
                session.feed(until_s + 2.0)
                session.crash()
                assert session.retaken < 250 * 3
        session.feed(34.0)
        session.end()
        with session.outputs.folder.predictions.open() as file:
            rows.append([{k: v for k, v in row.items() if k not in UNLIKE} for row in csv.DictReader(file)])
    assert len(rows[1]) >= len(rows[0]) - 3
    assert [row["time_s"] for row in rows[1] if row not in rows[0]] == []


@pytest.mark.parametrize("save", [False, True])
def test_a_tracker_that_is_lost_while_the_engine_ends_comes_back_as_the_same_one(person, save, tmp_path):
    rows = []
    for crash in (False, True):
        session = Session(person, tmp_path / str(crash), SessionSettings(subject="P"))
        session.feed(12.0)
        session.lose("gaze")
        session.feed(15.0)
        if crash and save:
            session.run.save()
            session.run.state_file.wait()
        session.feed(18.0)
        if crash:
            session.crash()
            assert session.setup.roles.filled >= {Modality.GAZE}  # lost, not unknown: the window says so
        session.feed(20.0)
        session.find("gaze")
        session.feed(28.0)
        session.end()
        with session.outputs.folder.predictions.open() as file:
            rows.append([{k: v for k, v in row.items() if k not in UNLIKE} for row in csv.DictReader(file)])
    assert len(rows[1]) >= len(rows[0]) - 1
    assert [row["time_s"] for row in rows[1] if row not in rows[0]] == []


@pytest.mark.parametrize("lost", ["eeg", "gaze"])
def test_a_stream_that_is_back_since_the_state_was_saved_is_waited_for(person, lost, tmp_path):
    rows = []
    for crash in (False, True):
        session = Session(person, tmp_path / str(crash), SessionSettings(subject="P"))
        session.feed(12.0)
        session.lose(lost)
        session.feed(14.0)
        if crash:
            session.run.save()
            session.run.state_file.wait()
        session.feed(15.0)
        session.find(lost)
        session.feed(17.95)
        ahead = {}  # what comes next: of the other stream it passes the end of a window, at 18 s
        while {"eeg", "gaze"} - ahead.keys():
            item = next(session.items)
            ahead.setdefault(getattr(item, "stream_id", ""), []).append(item)
        late = ahead.pop(lost)
        for item in chain(*ahead.values()):
            session.give(item)
        if crash:
            session.crash()
        for item in late:
            session.give(item)
        session.feed(22.0)
        session.end()
        with session.outputs.folder.predictions.open() as file:
            rows.append([{k: v for k, v in row.items() if k not in UNLIKE} for row in csv.DictReader(file)])
    assert len(rows[1]) >= len(rows[0]) - 1
    assert [row["time_s"] for row in rows[1] if row not in rows[0]] == []


@pytest.mark.parametrize("changes", [1, 2])
def test_a_device_that_was_changed_before_the_state_was_saved_is_not_begun_again(person, changes, tmp_path):
    """changes: 2: it is changed back, so that two of its streams are described alike."""
    rows = []
    for crash in (False, True):
        session = Session(person, tmp_path / str(crash), SessionSettings(subject="P"))
        session.feed(8.0)
        for number in range(changes):
            session.replace("gaze", f"gaze {number}", "double64" if number == 0 else "float32")
            session.feed(12.0 + 3.0 * number)
        if crash:
            session.run.save()
            session.run.state_file.wait()
        session.feed(18.0)
        if crash:
            session.crash()
        session.feed(26.0)
        session.end()
        with session.outputs.folder.predictions.open() as file:
            rows.append([{k: v for k, v in row.items() if k not in UNLIKE} for row in csv.DictReader(file)])
    assert len(rows[1]) >= len(rows[0]) - 1
    assert [row["time_s"] for row in rows[1] if row not in rows[0]] == []


def test_what_a_window_shows_is_no_part_of_the_saved_state(person, tmp_path):
    session = Session(person, tmp_path, SessionSettings(subject="P"))
    session.feed(8.0)
    view = RecordedView()
    taps = DisplayTaps(view)
    taps.update(session.run.predictor.pipeline)
    session.run.save()
    session.run.state_file.wait()
    session.crash()
    session.feed(10.0)
    assert session.retaken < 250 * 2
    taps.update(session.run.predictor.pipeline)
    session.end()
    view.close()


def test_a_state_that_cannot_be_saved_ends_no_session(person, tmp_path):
    session = Session(person, tmp_path, SessionSettings(subject="P"))
    session.feed(6.0)
    session.run.predictor.pipeline.branch(Modality.EEG).stray = print
    session.run.save()
    session.run.save()
    session.feed(7.0)
    said = [event.text for event in session.outputs.events.events if "cannot be saved" in event.text]
    assert len(said) == 1
    session.end()


def test_what_was_noted_without_an_engine_is_an_event_once(person, tmp_path, settings):
    session = Session(person, tmp_path, settings)
    session.feed(6.0)
    noted_s = time.monotonic()  # as the recorder has it
    session.outputs.events.add(Event(noted_s, EventKind.ANNOTATION, "film 1"))
    for text in ("film 1", "film 2"):  # of the first the engine knew
        assert session.source.recorder.annotate(text, noted_s)
    assert session.source.recorder.wait_flushed(10.0)
    alone = OpenRecording(session.source.recorder.path, PROFILES, size=session.source.recorder.path.stat().st_size)
    alone.close()
    assert [(note.time_s, note.text) for note in alone.notes] == [(noted_s, "film 2")]
    session.crash()
    session.feed(12.0)
    session.end()
    again = OpenRecording(session.outputs.recording, PROFILES)
    again.close()
    assert again.notes == ()
    assert sorted(event.text for event in again.events if event.text.startswith("film")) == ["film 1", "film 2"]
    assert all(event.time_s == noted_s for event in again.events if event.text.startswith("film"))


def test_a_state_of_another_program_is_left_aside(person, tmp_path, undisturbed, settings, monkeypatch):
    session = Session(person, tmp_path, settings)
    session.feed(20.0)
    session.run.save()
    session.run.state_file.wait()
    monkeypatch.setattr("rtemo.__version__", "0.0.1")
    session.crash()
    assert session.retaken > 250 * 14
    session.end()


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_a_damaged_state_is_left_aside(person, tmp_path, settings, damage):
    session = Session(person, tmp_path, settings)
    session.feed(20.0)
    session.run.save()
    session.run.state_file.wait()
    (path,) = session.outputs.folder.path.glob("state*")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] if damage is None else damage)
    session.crash()
    assert session.retaken > 250 * 14
    session.end()


def test_labels_and_calibrations_are_known_to_the_new_engine(person, tmp_path, settings):
    session = Session(person, tmp_path, settings)
    session.feed(10.0)
    session.run.calibration.label("sad", session.time_s - 4.0, session.time_s)
    session.run.calibration.label("happy", session.time_s - 4.0, session.time_s)
    session.run.calibration.forget(0)
    heads = {n: dict(c.quantiles) for n, c in BUNDLE.spec.combinations.items()}
    person_calibration = PersonalCalibration(
        BUNDLE.fingerprint, dict(BUNDLE.heads), heads, (), {}
    )  # fmt: skip
    session.run.calibration.begin_with([person_calibration], session.time_s)
    session.crash()
    assert [one.label for one in session.run.calibration.labels] == ["happy"]
    session.run.calibration.uncalibrate()  # raises where there is none
    session.end()


def test_an_engine_that_takes_up_skips_the_windows_that_the_one_before_it_skipped(person):
    roles = StreamRoles(PROFILES)
    roles.choose(person.streams)
    setup = setup_of(roles, lambda: 0.0, lambda *_: None)
    before, after = setup.new_predictor(), setup.new_predictor()
    before.note(WindowsSkipped(100.1, 103.0, 3, setup.hop_s, BUNDLE.fingerprint), 100.1)
    before.note(WindowsSkipped(200.1, 200.1, 1, setup.hop_s, "another model"), 200.1)
    given = {"bundle": BUNDLE, "runtime": before.runtime}
    thaw(freeze({"predictor": before}, given, KEPT), given, {"predictor": after}, KEPT)
    assert after.skipped.every == 3
    ends = [100.0 + setup.hop_s * i for i in range(24)]
    assert [after.skipped.skips(end_s) for end_s in ends] == [before.skipped.skips(end_s) for end_s in ends]
    assert sum(not before.skipped.skips(end_s) for end_s in ends) == 5  # the first, then one of three from 103 on
