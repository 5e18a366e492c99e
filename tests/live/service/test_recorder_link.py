"""The window's connection to the recorder: its state, and annotations that no crash swallows."""

from __future__ import annotations

import json
import math
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hand_fed import HandFed, wait_for

from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo, StreamNotice, StreamUp
from rtemo.live.service.client import EngineClient, Launch
from rtemo.live.service.recorder_link import RecorderLink
from rtemo.live.service.snapshot import RecorderView, recorder_view
from rtemo.recorder.client import RemoteSource
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.mailboxes import Outbox
from rtemo.recorder.messages import Message, read_recorder_status, recorder_fields
from rtemo.recorder.recorder import Recorder, RecorderState, RecorderStatus
from rtemo.recorder.recording_source import RecordingRequest
from rtemo.recorder.service import RecorderService
from rtemo.sources.session_settings import SessionSettings, settings_text
from rtemo.sources.stream_roles import StreamRoles

INFO = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")))
ABOUT = {
    "settings": settings_text(SessionSettings(subject="P07")),
    "folder": "/data/s",
    "started_s": 12.5,
    "publish": False,
}


class Process:
    """A recorder in a thread of this process."""

    def __init__(self, folder):
        self.endpoint, self.stop = Endpoint("link-recorder", folder / "run"), threading.Event()
        self.endpoint.claim()
        address = self.endpoint.fresh_address()
        supply = self.supply = HandFed()
        supply.items.put(StreamUp(INFO))
        self.service = RecorderService(
            address,
            lambda _settings, _ambiguous: (supply, StreamRoles(())),
            lambda request: Recorder(request.path, session_id=request.session_id),
            time.monotonic,
            folder / "task.json",
        )
        self.endpoint.publish(address)
        self.thread = threading.Thread(target=self.service.run, args=(self.stop, threading.Event()), daemon=True)
        self.thread.start()

    def end(self):
        self.stop.set()
        self.thread.join(20)
        self.endpoint.release()


@pytest.fixture
def process(tmp_path):
    found = Process(tmp_path)
    yield found
    found.end()


@pytest.fixture
def engine(process, tmp_path):
    """An engine's connection to the recorder, recording."""
    source = RemoteSource(process.endpoint, StreamRoles(()), {})
    source.start()
    source.record(RecordingRequest(tmp_path / "recording.xdf", "id", about=ABOUT))
    yield source
    source.leave()


def client_of(tmp_path):
    """A window's client where no engine runs and none is started."""
    return EngineClient(Launch("link", folder=tmp_path / "run", start=False))


def test_what_is_recorded_is_known_without_an_engine(process, engine, tmp_path):
    client = client_of(tmp_path)
    try:
        look = wait_for(lambda: client.recorder if client.recorder.recording is not None else None)
        assert look.recording.path == str(tmp_path / "recording.xdf")
        assert look.recording.state == "recording"
        assert (look.subject, look.folder, look.started_s) == ("P07", "/data/s", 12.5)
        assert look.engine
        engine.leave()
        wait_for(lambda: not client.recorder.engine)
        assert client.recorder.recording is not None
        process.end()
        before = client.recorder.answered_s
        assert before > -math.inf
        assert client.recorder.answered_s == before  # it only grows old
    finally:
        client.close()


def test_the_room_is_that_of_the_disk_that_is_written_to_now(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("rtemo.live.service.recorder_link.free_bytes", lambda path: asked.append(str(path)) or 7)
    paths = (Path("/full/a.xdf"), Path("/other/a_2.xdf"))
    status = RecorderStatus(RecorderState.RECORDING, "", {}, {}, (), 1, 0, 0, paths)
    link = RecorderLink(Endpoint("nobody", tmp_path / "run"))
    look = link._read(Message("state", {"recording": recorder_fields(status), "paths": ["/full/a.xdf"]}))
    link.close()
    assert asked == [str(Path("/other/a_2.xdf"))]
    assert look.recording.path == str(Path("/other/a_2.xdf"))


def test_an_annotation_without_an_engine_is_in_the_recording(process, engine, tmp_path):
    client = client_of(tmp_path)
    try:
        wait_for(lambda: client.recorder.recording is not None)
        engine.leave()
        client.send("annotate", text="film <1>")
        wait_for(lambda: not client._link.pending)
        assert client.refusals() == []
    finally:
        client.close()
    process.end()
    assert b"film <1>" in (tmp_path / "recording.xdf").read_bytes()


def test_an_annotation_waits_for_a_recorder_that_is_away(tmp_path):
    client = client_of(tmp_path)
    client.send("annotate", text="film 2")
    assert client._link.pending == 1
    process = Process(tmp_path)
    source = RemoteSource(process.endpoint, StreamRoles(()), {})
    try:
        said = wait_for(client.refusals)  # nothing is recorded, and that is said aloud
        assert "film 2" in said[0]
        source.start()
        source.record(RecordingRequest(tmp_path / "recording.xdf", "id", about=ABOUT))
        client.send("annotate", text="film 3")
        wait_for(lambda: not client._link.pending)
    finally:
        client.close()
        source.leave()
        process.end()
    assert b"film 3" in (tmp_path / "recording.xdf").read_bytes()


def test_a_session_whose_engine_is_gone_for_good_is_closed_by_the_recorder(process, engine, tmp_path, monkeypatch):
    monkeypatch.setattr("rtemo.live.service.client.STOP_WAIT_S", 0.0)
    client = client_of(tmp_path)
    try:
        wait_for(lambda: client.recorder.recording is not None)
        engine.leave()
        client.send("stop")
        wait_for(lambda: client.recorder.recording is None)
    finally:
        client.close()


def test_a_window_that_closes_with_a_session_to_stop_has_it_closed(process, engine, tmp_path):
    client = client_of(tmp_path)
    wait_for(lambda: client.recorder.recording is not None)
    engine.leave()
    client.send("stop")
    client.close()
    again = client_of(tmp_path)
    wait_for(lambda: again.recorder.answered_s > -math.inf)
    assert again.recorder.recording is None
    again.close()


def read_on(source):
    """Until it raises."""
    while True:
        source.read(0.1)


def test_what_the_next_engine_is_given_first_is_not_given_again(process, engine, tmp_path):
    """The recording has it, too: an engine that took a clock measurement twice would count one that never came."""
    doubt = StreamNotice("eeg", "its clock was set", trusted=False)
    for item in (ClockOffset("eeg", 9.0, 0.001), ClockOffset("eeg", 14.0, 0.002), doubt):
        process.supply.items.put(item)
    wait_for(lambda: doubt in engine.read(0.05))
    engine.leave()
    following = RemoteSource(process.endpoint, StreamRoles(()), {})
    following.start()
    try:
        assert following.running is not None
        following.take_up()
        assert following.opening()[1:] == [ClockOffset("eeg", 14.0, 0.002), doubt]
        process.supply.items.put(Chunk("eeg", np.array([15.0]), np.ones((1, 2), np.float32)))
        items = wait_for(lambda: following.read(0.05))
        assert [type(item) for item in items] == [Chunk]
    finally:
        following.leave()


def test_an_engine_that_does_not_read_is_cut_off_and_the_next_one_takes_the_session_up(tmp_path, monkeypatch):
    monkeypatch.setattr("rtemo.recorder.service.Outbox", partial(Outbox, limit_bytes=1 << 20))
    process = Process(tmp_path)
    source = RemoteSource(process.endpoint, StreamRoles(()), {})
    source.start()
    source.record(RecordingRequest(tmp_path / "recording.xdf", "id", about=ABOUT))
    n = 40
    for k in range(n):  # of 120 kB each: more than the socket and the limit take
        stamps = 10.0 + (np.arange(10_000) + 10_000 * k) / 1e4
        process.supply.items.put(Chunk("eeg", stamps, np.full((10_000, 2), k, np.float32)))
    wait_for(lambda: process.service._engine is None)
    with pytest.raises(RuntimeError, match="the next one goes on"):
        read_on(source)
    source.leave()
    following = RemoteSource(process.endpoint, StreamRoles(()), {})
    following.start()
    assert following.running is not None
    assert following.running.paths == (str(tmp_path / "recording.xdf"),)
    following.take_up()
    process.supply.items.put(Chunk("eeg", np.array([99.0]), np.zeros((1, 2), np.float32)))
    (found,) = wait_for(lambda: following.read(0.1))
    assert found.stamps.tolist() == [99.0]
    wait_for(lambda: process.supply.items.empty())
    status = following.close_recording()
    assert status.samples["eeg"] == n * 10_000 + 1
    assert status.lost == {}
    following.leave()
    process.end()


def test_a_recorder_that_is_not_there_has_never_answered(tmp_path):
    link = RecorderLink(Endpoint("nobody", tmp_path / "run"))
    link.close()
    assert link.look.answered_s == -math.inf
    assert not link.records


def test_what_is_lost_stands_in_its_own_place():
    status = RecorderStatus(
        RecorderState.WAITING, "full", {"eeg": 90}, {"eeg": 7, "gaze": 3}, ("first", "second", "third"), 10, 0, 0,
        (Path("/data/r.xdf"), Path("/data/r_2.xdf")),
    )  # fmt: skip
    assert read_recorder_status(json.loads(json.dumps(recorder_fields(status)))) == status
    assert recorder_view(status, Path("/data/r.xdf"), 20) == RecorderView(
        "/data/r_2.xdf", "waiting", "full", 10, 20, n_files=2, problem="third", n_lost=10
    )


def test_a_recording_begins_with_the_streams_that_are_there_for_the_engine_too(process, tmp_path):
    source = RemoteSource(process.endpoint, StreamRoles(()), {})
    source.start()
    wait_for(lambda: source.read(0.0) or source.announced.infos)
    process.supply.items.put(ClockOffset("eeg", 10.0, 0.5))
    wait_for(lambda: any(isinstance(item, ClockOffset) for item in source.read(0.01)))
    opening = source.record(RecordingRequest(tmp_path / "recording.xdf", "id", about=ABOUT))
    assert opening == [StreamUp(INFO), ClockOffset("eeg", 10.0, 0.5)]
    source.leave()


@pytest.mark.parametrize(
    ("first_s", "stated"),
    [
        (10.01, []),  # the next sample: none is missing
        (10.03, ["amp: at least 2 samples (0.0 s) are in no file: no recorder was there"]),
        (12.5, ["amp: at least 249 samples (2.5 s) are in no file: no recorder was there"]),
        (9.0, []),  # its clock was set back: nobody knows
        (math.nan, []),
        (math.inf, []),
    ],
)
def test_samples_that_came_while_no_recorder_was_there_are_counted_by_their_stamps(tmp_path, first_s, stated):
    def chunk(*stamps):
        return Chunk("eeg", np.array(stamps), np.zeros((len(stamps), 2), np.float32))

    source = RemoteSource(Endpoint("nobody", tmp_path), StreamRoles(()), {})
    source.take_up()
    for item in (StreamUp(INFO), chunk(9.99, 10.0)):
        source._take(item)
    source._lose("killed")
    for item in (StreamUp(INFO), chunk(first_s, first_s + 0.01), chunk(99.0)):
        source._take(item)
    assert source.outages() == ["the recorder ended: killed", *stated]
