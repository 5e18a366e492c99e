"""What the recorder's process answers, hands on and remembers, request by request, with streams that the test gives."""

from __future__ import annotations

import contextlib
import json
import math
import threading
import time
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamInfo, StreamNotice, StreamState, StreamUp
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.journal import Journal
from rtemo.recorder.local_server import CONNECTION_ERRORS, connect
from rtemo.recorder.mailboxes import Outbox
from rtemo.recorder.messages import MAX_BYTES, Message, pack, pack_item, status_fields, unpack
from rtemo.recorder.recorder import RecorderState, RecorderStatus
from rtemo.recorder.recording_source import RecordingRequest
from rtemo.recorder.service import RecorderService
from rtemo.sources.lsl.stream_state import LslStreamStatus
from rtemo.sources.lsl.times.clock_offsets import ClockBasis
from rtemo.sources.xdf.recording_log import LogEntry

EEG = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")))
OTHER = StreamInfo("other", "lamp", "Light", "float32", 0.0, (Channel("lux"),))
STATUS = LslStreamStatus(EEG, StreamState.STREAMING, ("EEG",), 7, 1, 2, 99.5, 0.1, ClockBasis.UNKNOWN, 0.5, 0.25)
DEADLINE_S = 20.0


def notice(text):
    return StreamNotice("eeg", text)


class Streams:
    """Streams that give what the test feeds, and what they hold back once they are stopped."""

    def __init__(self, *held):
        self.waiting, self.held, self.n_stops, self.failure = [], list(held), 0, None
        self.visible, self.missing, self.exhausted, self.waits = (OTHER,), ("gaze (type=Gaze)",), False, set()

    def start(self):
        return (EEG,)

    def listen(self, come):
        self.come = come

    def feed(self, *items):
        self.waiting += items
        self.come()

    def fail(self, error):
        self.failure = error
        self.come()

    def read(self, timeout_s):
        self.waits.add(timeout_s)
        if self.failure is not None:
            raise self.failure
        items, self.waiting = self.waiting[:1], self.waiting[1:]
        return items

    def stop(self):
        self.n_stops += 1
        self.waiting, self.held = self.waiting + self.held, []

    def status(self):
        return (STATUS,)


class Tape:
    """A recorder that keeps what it is given in a list, and is flushed where the test says so."""

    def __init__(self, request, flushed):
        self.request, self.path, self._flushed = request, request.path, flushed
        self.items, self.packed, self.again, self.notes, self.waits = [], [], [], [], []
        self.paths, self.closed, self.journal = (request.path,), False, None
        request.path.write_bytes(b"twelve bytes")

    def keep_in(self, journal):
        self.journal = journal

    def submit(self, item, packed=None):
        self.items.append(item)
        self.packed.append(packed)

    def submit_again(self, item, time_s):
        self.again.append((item, time_s))

    def annotate(self, text, time_s, participant):
        self.notes.append((text, time_s, participant))

    def wait_flushed(self, timeout_s):
        self.waits.append(timeout_s)
        return self._flushed

    def close(self):
        self.closed = True

    def status(self):
        state = RecorderState.CLOSED if self.closed else RecorderState.RECORDING
        return RecorderStatus(state, "", {}, {}, (), 0, 0, 0, self.paths)


class Desk:
    """A recorder's process in a thread, with a clock that the test sets."""

    def __init__(self, folder, flushed=True, ambiguous=None):
        self.folder, self.now_s, self.flushed = folder, 1000.0, flushed
        self.opened, self.streams, self.tapes, self.unopened = [], [], [], None
        self.ambiguous = ambiguous or {}
        self.endpoint = Endpoint("r", folder / "run")
        self.endpoint.claim()
        self.address = self.endpoint.fresh_address()
        self.stop, self.orphaned, self.error = threading.Event(), threading.Event(), None
        self.task = folder / "task.json"
        self.service = RecorderService(self.address, self._open, self._record, lambda: self.now_s, self.task)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _open(self, settings, ambiguous):
        self.opened.append((settings, ambiguous is not None))
        if self.unopened is not None:
            raise self.unopened
        if ambiguous is not None:
            ambiguous.update(self.ambiguous)
        self.streams.append(Streams())
        return self.streams[-1], SimpleNamespace(role_of=lambda info: "eeg" if info is EEG else None)

    def _record(self, request):
        self.tapes.append(Tape(request, self.flushed))
        return self.tapes[-1]

    def _run(self):
        try:
            self.service.run(self.stop, self.orphaned)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def start(self):
        self.thread.start()
        return self

    def ended(self):
        self.thread.join(DEADLINE_S)
        return not self.thread.is_alive()

    def close(self):
        self.stop.set()
        if self.thread.ident is None:
            self.thread.start()
        assert self.ended()
        assert set().union(*(streams.waits for streams in self.streams)) <= {0.0}
        self.endpoint.release()

    @property
    def kept(self):
        """What the next recorder would go on with; None for nothing."""
        return json.loads(self.task.read_bytes()) if self.task.exists() else None


class Peer:
    """A client: what it receives, in its order."""

    def __init__(self, desk):
        self.connection, self._came = connect(desk.address), []

    def send(self, name, **fields):
        self.connection.send_bytes(pack(name, **fields))

    def until(self, *names):
        """All that comes up to a message of one of these names."""
        found = []
        while True:
            while not self._came:
                assert self.connection.poll(DEADLINE_S)
                self._came += unpack(self.connection.recv_bytes(MAX_BYTES))
            found.append(self._came.pop(0))
            if isinstance(found[-1], Message) and found[-1].name in names:
                return found

    def ask(self, name, *answers, **fields):
        """Everything up to the answer."""
        self.send(name, **fields)
        return self.until(*answers, "refused")

    def attach(self, settings="", *, patient=False):
        return self.ask("attach", "ready", settings=settings, patient=patient)

    def record(self, path, session_id="s1", **about):
        return self.ask("record", "ready", path=str(path), session_id=session_id, about=about)

    def state(self):
        return self.ask("state", "state")[-1].fields

    def settle(self):
        """Until every request before this is obeyed, and what follows a request is done."""
        self.state()
        return self.state()

    @property
    def ended(self):
        """Waits for the end of the connection."""
        with contextlib.suppress(*CONNECTION_ERRORS):
            while self.connection.poll(DEADLINE_S):
                self.connection.recv_bytes(MAX_BYTES)
            return False
        return True

    def close(self):
        self.connection.close()


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setattr("rtemo.recorder.service.WAIT_S", 0.005)
    found = Desk(tmp_path)
    yield found
    found.close()


@pytest.fixture
def running(desk):
    return desk.start()


@pytest.fixture
def engine(running):
    found = Peer(running)
    yield found
    found.close()


@pytest.fixture
def window(running):
    found = Peer(running)
    yield found
    found.close()


def refusal(answers):
    assert answers[-1].name == "refused"
    return answers[-1].fields


def status_message(recording=None, **ambiguous):
    fields = json.loads(json.dumps(status_fields(STATUS)))
    missing = ["gaze (type=Gaze)"]
    return Message("status", {"streams": [fields], "missing": missing, "ambiguous": ambiguous, "recording": recording})


def recording_fields(*paths, state="recording"):
    return {
        "state": state, "error": "", "samples": {}, "lost": {}, "problems": [], "bytes_written": 0, "queue_bytes": 0,
        "queue_high_bytes": 0, "paths": [str(path) for path in paths], "stalled_s": 0.0,
    }  # fmt: skip


def until(reached):
    """Wait for another thread, by a deadline."""
    pause, end_s = threading.Event(), time.monotonic() + DEADLINE_S
    while not reached():
        assert time.monotonic() < end_s
        pause.wait(0.002)


# An engine.


def test_an_engine_is_given_the_streams_with_their_roles_and_how_they_stand(running, engine):
    running.ambiguous = {"gaze": "two fit"}
    attached, role, up, infos, status, ready = engine.attach("a = 1", patient=True)
    assert attached == Message("attached", {"recording": None})
    assert (role.name, up) == ("role", StreamUp(EEG))
    assert role.fields["role"] in ("", "eeg")
    assert infos.name == "infos"
    assert [info["stream_id"] for info in infos.fields["open"]] == ["eeg"]
    assert [info["stream_id"] for info in infos.fields["visible"]] == ["other"]
    assert status == status_message(gaze="two fit")
    assert ready == Message("ready", {})
    assert running.opened == [("a = 1", True)]
    assert running.kept == {"settings": "a = 1", "patient": True, "paths": [], "session_id": "", "about": {}}


def test_what_was_ambiguous_is_not_when_streams_are_opened_anew(running, engine):
    running.ambiguous = {"gaze": "two fit"}
    assert engine.attach("a = 1", patient=True)[-2] == status_message(gaze="two fit")
    running.ambiguous = {}
    assert engine.attach("a = 2", patient=True)[-2] == status_message()


def test_the_role_stands_before_its_stream_and_is_empty_where_it_has_none(running, engine):
    engine.attach()
    engine.settle()
    running.streams[0].feed(StreamUp(EEG), StreamUp(OTHER), notice("n"))
    engine.send("end")
    assert engine.until("end") == [
        Message("role", {"role": "eeg"}),
        StreamUp(EEG),
        Message("role", {"role": ""}),
        StreamUp(OTHER),
        notice("n"),
        Message("end", {}),
    ]


def test_only_who_is_attached_is_given_what_comes(running, engine, window):
    engine.attach()
    running.streams[0].feed(notice("n"))
    assert [one.name for one in window.ask("state", "state")] == ["state"]


@pytest.mark.parametrize(
    ("settings", "patient", "again"),
    [("a = 1", False, False), ("a = 2", False, True), ("a = 1", True, True)],
)
def test_streams_are_opened_anew_for_other_settings_only(running, engine, settings, patient, again):
    engine.attach("a = 1")
    engine.attach(settings, patient=patient)
    assert running.opened == [("a = 1", False), *([(settings, patient)] if again else [])]
    assert running.streams[0].n_stops == again
    assert (running.kept["settings"], running.kept["patient"]) == (settings, patient)


def test_while_it_is_recorded_nothing_is_opened_and_the_engine_learns_of_it(running, engine, tmp_path):
    engine.attach("a = 1")
    engine.record(tmp_path / "r.xdf", "s7", folder="/data")
    attached = engine.attach("a = 2", patient=True)[0]
    assert attached.fields["recording"] == {
        "paths": [str(tmp_path / "r.xdf")],
        "first": 0,
        "size": len(b"twelve bytes"),
        "session_id": "s7",
        "about": {"folder": "/data"},
    }
    assert running.tapes[0].waits == [3.0]
    assert running.opened == [("a = 1", False)]
    assert running.streams[0].n_stops == 0
    assert running.kept["settings"] == "a = 1"


def test_an_engine_learns_of_files_in_which_the_recorder_has_just_gone_on(running, engine, window, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    (tmp_path / "r_2.xdf").write_bytes(b"seven b")
    running.tapes[0].paths = (tmp_path / "r.xdf", tmp_path / "r_2.xdf")
    found = window.attach()[0].fields["recording"]
    assert found["paths"] == [str(tmp_path / "r.xdf"), str(tmp_path / "r_2.xdf")]
    assert (found["first"], found["size"]) == (0, 7)


def test_the_next_engine_takes_the_place_of_the_one_before(running, engine, window):
    engine.attach()
    engine.settle()
    assert [one.name for one in window.attach() if isinstance(one, Message)] == [
        "attached", "role", "infos", "status", "ready",
    ]  # fmt: skip
    assert engine.ended
    assert window.settle()["engine"]


def test_the_engine_that_attaches_twice_stays(running, engine):
    engine.attach()
    assert engine.attach()[-1].name == "ready"
    assert engine.settle()["engine"]


def test_an_engine_that_leaves_is_none_and_a_window_that_does_changes_nothing(running, engine, tmp_path):
    first, watcher = Peer(running), Peer(running)
    first.attach()
    watcher.state()
    watcher.close()
    assert engine.settle()["engine"]
    first.close()
    until(lambda: not engine.state()["engine"])


def test_streams_that_cannot_be_opened_are_refused_in_their_words(running, engine):
    running.unopened = RtemoError("no amplifier", "found none", "switch it on")
    assert refusal(engine.attach()) == {"request": "attach", "error": ["no amplifier", "found none", "switch it on"]}
    assert engine.state()["recording"] is None


# How things stand is told.


@pytest.mark.parametrize(("passed_s", "told"), [(0.125, 0), (0.25, 1), (5.0, 1)])
def test_the_engine_is_told_four_times_a_second_how_the_streams_stand(running, engine, window, passed_s, told):
    engine.attach()
    window.settle()
    running.streams[0].feed(notice("before"))
    engine.ask("end", "end")
    running.now_s += passed_s
    window.settle()
    engine.send("end")
    came = engine.until("end") + engine.until("ending")
    assert [one for one in came if one.name == "status"] == [status_message()] * told
    assert "infos" not in [one.name for one in came]


def test_descriptions_are_told_again_when_others_are_there(running, engine, window):
    engine.attach()
    engine.settle()
    running.streams[0].visible = ()
    running.now_s += 0.25
    *_, infos, status = engine.until("status")
    assert infos.name == "infos"
    assert ([info["stream_id"] for info in infos.fields["open"]], infos.fields["visible"]) == (["eeg"], [])
    assert status.fields["recording"] is None


def test_what_is_looked_at_is_stated_whole(running, engine, window, tmp_path):
    assert window.state() == {"recording": None, "paths": [], "about": {}, "engine": False, "engine_age_s": 0.0}
    engine.attach()
    engine.record(tmp_path / "r.xdf", folder="/data")
    running.now_s += 4.0
    assert window.settle() == {
        "recording": recording_fields(tmp_path / "r.xdf"),
        "paths": [str(tmp_path / "r.xdf")],
        "about": {"folder": "/data"},
        "engine": True,
        "engine_age_s": 4.0,
    }


def test_an_engine_is_as_old_as_its_last_word_and_one_that_is_alive_asks_nothing(running, engine, window):
    engine.attach()
    running.now_s += 4.0
    window.send("alive")
    assert window.state()["engine_age_s"] == 4.0
    engine.send("alive")
    until(lambda: window.state()["engine_age_s"] == 0.0)
    engine.send("end")
    assert "refused" not in [one.name for one in engine.until("ending")]


def test_whoever_brings_samples_waits_for_nobody(running, engine):
    engine.attach()
    engine.settle()
    streams, reached, gate, opened = running.streams[0], threading.Event(), threading.Event(), []
    streams.status = lambda: reached.set() or opened.append(gate.wait(5.0)) or (STATUS,)
    running.now_s += 0.25
    assert reached.wait(DEADLINE_S)
    streams.feed(notice("n"))
    gate.set()
    assert notice("n") in engine.ask("end", "ending")
    assert opened == [True]


def test_an_engine_that_has_missed_something_is_cut_off_when_it_is_looked_after(running, window, tmp_path, monkeypatch):
    monkeypatch.setattr("rtemo.recorder.service.Outbox", partial(Outbox, limit_bytes=1000))
    engine = Peer(running)
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    for _ in range(10):  # more than a socket takes
        window.ask("annotate", "annotated", text="x" * 200_000)
    assert window.state()["engine"]
    running.now_s += 0.25
    assert not window.settle()["engine"]
    assert engine.ended
    assert len(running.tapes[0].notes) == 10


def test_an_engine_that_does_not_read_what_comes_is_cut_off_at_once(running, window, caplog, monkeypatch):
    monkeypatch.setattr("rtemo.recorder.service.Outbox", partial(Outbox, limit_bytes=1000))
    engine = Peer(running)
    engine.attach()
    running.streams[0].feed(*(notice("x" * 200_000) for _ in range(10)))  # more than a socket takes
    assert not window.state()["engine"]
    assert engine.ended
    said = [line.getMessage() for line in caplog.records if line.levelname == "ERROR"]
    assert said == ["the engine takes nothing more: 0 MB were waiting for a reader that does not read"]


# Requests.


def test_what_is_no_request_or_does_not_fit_is_refused_and_harms_nothing(running, window):
    assert refusal(window.ask("dance")) == {
        "request": "dance",
        "error": ["the recorder knows no such request", "", "use one version of rtemo"],
    }
    said = refusal(window.ask("annotate", nonsense=1))
    assert said["request"] == "annotate"
    assert said["error"][0] == "the recorder failed"
    assert said["error"][1].startswith("TypeError: ")
    assert said["error"][1].count("nonsense") == 1
    assert said["error"][2] == ""
    assert window.state()["paths"] == []


@pytest.mark.parametrize(
    ("request_", "fields"), [("record", {"path": "r", "session_id": "", "about": {}}), ("hold", {})]
)
def test_what_needs_streams_is_refused_without_any(running, window, request_, fields):
    answer = refusal(window.ask(request_, **fields))
    assert answer == {"request": request_, "error": ["no streams are open", "", "attach first"]}


def test_a_recording_begins_with_what_is_there_and_is_kept_in_mind(running, engine, tmp_path):
    engine.attach("a = 1")
    running.streams[0].feed(ClockOffset("eeg", 9.0, 0.5))
    came = engine.record(tmp_path / "r.xdf", "s1", folder="/data")
    after = came[came.index(Message("recording", {})) + 1 :]
    assert [one for one in after if not isinstance(one, Message)] == [StreamUp(EEG), ClockOffset("eeg", 9.0, 0.5)]
    (tape,) = running.tapes
    assert tape.request == RecordingRequest(tmp_path / "r.xdf", "s1", about={"folder": "/data"})
    assert isinstance(tape.journal, Journal)
    assert tape.items == [StreamUp(EEG), ClockOffset("eeg", 9.0, 0.5)]
    assert running.kept == {
        "settings": "a = 1",
        "patient": False,
        "paths": [str(tmp_path / "r.xdf")],
        "session_id": "s1",
        "about": {"folder": "/data"},
    }
    assert refusal(engine.record(tmp_path / "b.xdf"))["error"] == [
        "a recording is being made", str(tmp_path / "r.xdf"), "stop it first",
    ]  # fmt: skip


def test_what_comes_is_recorded_and_sent_as_the_same_bytes(running, engine, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    chunk = Chunk("eeg", np.array([1.0]), np.ones((1, 2), np.float32), 1.5)
    running.streams[0].feed(chunk, notice("n"))
    engine.send("end")
    came = [one for one in engine.until("end") if not isinstance(one, Message)]
    assert came[0].values.tolist() == [[1.0, 1.0]]
    assert came[1:] == [notice("n")]
    (tape,) = running.tapes
    assert tape.items[1:] == [chunk, notice("n")]
    assert tape.packed[1:] == [pack_item(chunk), pack_item(notice("n"))]
    assert running.streams[0].waits == {0.0}


def test_what_an_engine_hands_in_is_recorded_and_what_a_window_does_is_not(running, engine, window, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    window.connection.send_bytes(pack_item(notice("window's")))
    window.state()
    engine.connection.send_bytes(pack_item(notice("engine's")))
    engine.state()
    assert running.tapes[0].items == [StreamUp(EEG), notice("engine's")]


def test_what_is_held_is_recorded_to_the_last_item_and_no_further(running, engine, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    running.streams[0].waiting = [notice("last 1"), notice("last 2")]
    came = engine.ask("hold", "held")
    assert [one for one in came if not isinstance(one, Message)] == [notice("last 1"), notice("last 2")]
    running.streams[0].feed(notice("later"))
    assert notice("later") in engine.ask("end", "end")
    assert running.tapes[0].items == [StreamUp(EEG), notice("last 1"), notice("last 2")]


def test_a_recording_that_is_closed_is_forgotten_and_its_streams_stay(running, engine, tmp_path):
    engine.attach("a = 1")
    engine.record(tmp_path / "r.xdf", folder="/data")
    closed = engine.ask("close", "closed")[-1]
    assert closed.fields == {"status": recording_fields(tmp_path / "r.xdf", state="closed")}
    assert running.kept == {"settings": "a = 1", "patient": False, "paths": [], "session_id": "", "about": {}}
    assert running.streams[0].n_stops == 0
    assert engine.ask("close", "closed")[-1].fields == {"status": None}
    assert engine.ask("hold", "held")[-1].name == "held"


def test_streams_that_are_let_go_give_the_rest_first(running, engine):
    engine.attach()
    running.streams[0].held = [notice("held 1"), notice("held 2")]
    came = engine.ask("release", "released")
    assert [one for one in came if not isinstance(one, Message)] == [notice("held 1"), notice("held 2")]
    assert running.streams[0].n_stops == 1
    assert refusal(engine.ask("hold"))["error"][0] == "no streams are open"
    assert engine.ask("release", "released")[-1].name == "released"
    assert engine.ask("close", "closed")[-1].fields == {"status": None}


@pytest.mark.parametrize("exhausted", [False, True])
def test_streams_that_are_recorded_are_gone_only_when_the_recording_is_closed_too(running, engine, tmp_path, exhausted):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    running.streams[0].held = [notice("held")]
    engine.ask("release", "released")
    assert running.tapes[0].items == [StreamUp(EEG), notice("held")]
    assert not running.tapes[0].closed
    assert engine.ask("hold", "held")[-1].name == "held"
    running.streams[0].exhausted = exhausted
    engine.ask("close", "closed")
    assert running.tapes[0].closed
    assert engine.ask("hold", "held")[-1].name == ("refused" if exhausted else "held")


def test_a_note_is_recorded_when_it_was_given_and_the_engine_publishes_it(running, engine, window, tmp_path):
    refused = ["nothing is recorded", "", "start a session"]
    assert refusal(window.ask("annotate", text="film"))["error"] == refused
    engine.attach()
    assert refusal(window.ask("annotate", text="film"))["error"] == refused
    engine.record(tmp_path / "r.xdf")
    running.now_s = 1234.5
    assert window.ask("annotate", "annotated", text="film", participant="P2")[-1] == Message("annotated", {})
    assert engine.until("annotation")[-1].fields == {"time_s": 1234.5, "text": "film", "participant": "P2"}
    window.ask("annotate", "annotated", text="all")
    assert running.tapes[0].notes == [("film", 1234.5, "P2"), ("all", 1234.5, "")]
    engine.close()
    until(lambda: not window.state()["engine"])
    window.ask("annotate", "annotated", text="alone")
    assert running.tapes[0].notes[2:] == [("alone", 1234.5, "")]


def test_an_engine_is_asked_to_end_where_there_is_one(running, engine, window):
    assert window.ask("end", "ending")[-1].fields == {"engine": False}
    engine.attach()
    assert window.ask("end", "ending")[-1].fields == {"engine": True}
    assert engine.until("end")[-1] == Message("end", {})


def test_a_recorder_that_is_to_quit_closes_all_and_keeps_nothing_in_mind(running, engine, window, tmp_path):
    engine.attach("a = 1")
    engine.record(tmp_path / "r.xdf")
    running.streams[0].held = [notice("held")]
    assert window.ask("quit", "gone")[-1].fields == {"status": recording_fields(tmp_path / "r.xdf")}
    assert running.ended()
    assert engine.ended
    assert running.kept is None
    assert running.streams[0].n_stops == 1
    assert running.tapes[0].closed
    assert running.tapes[0].items == [StreamUp(EEG), notice("held")]
    with pytest.raises(CONNECTION_ERRORS):
        connect(running.address, 0.1)


@pytest.mark.parametrize(("request_", "answer"), [("close", "closed"), ("quit", "gone")])
def test_a_task_is_forgotten_only_when_the_recording_is_closed(running, engine, tmp_path, request_, answer):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    (tape,), kept = running.tapes, []
    tape.close = lambda: kept.append(running.kept["paths"])
    engine.ask(request_, answer)
    assert kept == [[str(tmp_path / "r.xdf")]]


def test_a_recorder_that_did_nothing_quits_without_a_status_or_an_error(running, window, caplog):
    assert window.ask("quit", "gone")[-1].fields == {"status": None}
    assert running.ended()
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []


def test_a_client_that_leaves_leaves_no_thread(running, window):
    window.state()
    before = set(threading.enumerate())
    other = Peer(running)
    other.state()
    other.close()
    until(lambda: set(threading.enumerate()) <= before)


def test_a_recorder_that_is_stopped_closes_the_file_and_keeps_the_task(running, engine, tmp_path):
    engine.attach("a = 1")
    engine.record(tmp_path / "r.xdf")
    running.stop.set()
    assert running.ended()
    assert running.tapes[0].closed
    assert running.kept["paths"] == [str(tmp_path / "r.xdf")]


# When nobody needs it.


def test_a_recorder_that_nobody_looks_after_ends_at_once_without_an_engine(running, window):
    running.orphaned.set()
    assert running.ended()


def test_a_recorder_that_nobody_looks_after_ends_with_its_engine(running, engine):
    engine.attach()
    running.orphaned.set()
    engine.until("end")
    assert running.thread.is_alive()
    engine.close()
    assert running.ended()


def test_an_engine_that_does_not_end_is_waited_for_5_s(running, engine, window):
    engine.attach()
    running.orphaned.set()
    engine.until("end")
    running.now_s += 4.999
    window.settle()
    assert running.thread.is_alive()
    running.now_s = 1005.0
    assert running.ended()
    assert [one for one in drained(engine) if one.name == "end"] == []


def drained(peer):
    """What comes until the connection ends."""
    found = []
    with contextlib.suppress(*CONNECTION_ERRORS):
        while peer.connection.poll(DEADLINE_S):
            found += unpack(peer.connection.recv_bytes(MAX_BYTES))
    return found


@pytest.mark.parametrize(("idle_s", "stops"), [(60.0, 0), (60.25, 1)])
def test_streams_that_nobody_reads_or_records_are_closed_after_a_minute(running, engine, window, idle_s, stops):
    engine.attach()
    engine.close()
    until(lambda: not window.state()["engine"])
    running.now_s += idle_s
    window.settle()
    assert running.streams[0].n_stops == stops
    assert window.ask("hold", "held")[-1].name == ("refused" if stops else "held")


def test_streams_that_are_recorded_or_read_stay_open(running, engine, window, tmp_path):
    engine.attach()
    running.now_s += 100.0
    window.settle()
    engine.record(tmp_path / "r.xdf")
    engine.close()
    until(lambda: not window.state()["engine"])
    running.now_s += 1000.0
    window.settle()
    assert running.streams[0].n_stops == 0


# Where something fails.


def test_streams_that_fail_are_opened_anew_and_what_is_recorded_goes_on_in_the_next_file(
    running, engine, tmp_path, caplog
):
    engine.attach("a = 1", patient=True)
    engine.record(tmp_path / "r.xdf", "s1", folder="/data")
    running.streams[0].fail(RtemoError("the network is gone"))
    until(lambda: len(running.tapes) == 2)
    assert engine.settle()["paths"] == [str(tmp_path / "r.xdf"), str(tmp_path / "r_2.xdf")]
    assert running.opened == [("a = 1", True)] * 2
    assert [line.getMessage() for line in caplog.records if line.levelname == "ERROR"] == ["the network is gone"]
    assert running.streams[0].n_stops == 1
    first, second = running.tapes
    assert first.closed
    assert second.request == RecordingRequest(tmp_path / "r_2.xdf", "s1", "r.xdf", None, {"folder": "/data"})
    assert isinstance(second.journal, Journal)
    assert second.again == []
    running.streams[1].feed(notice("goes on"))
    assert notice("goes on") in engine.ask("end", "end")
    assert second.items == [StreamUp(EEG), notice("goes on")]
    assert running.kept["paths"] == [str(tmp_path / "r.xdf"), str(tmp_path / "r_2.xdf")]


def test_streams_that_fail_unrecorded_are_opened_anew_and_none_is_recorded(running, engine):
    engine.attach()
    running.streams[0].fail(RtemoError("the network is gone"))
    until(lambda: len(running.streams) == 2)
    assert engine.settle()["recording"] is None
    assert running.tapes == []


def test_what_streams_still_hold_when_they_are_opened_anew_is_recorded_and_sent(running, engine, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    streams = running.streams[0]
    streams.stop = lambda: (Streams.stop(streams), setattr(streams, "failure", None))
    streams.held = [notice("rest 1"), notice("rest 2")]
    streams.fail(RtemoError("the network is gone"))
    until(lambda: len(running.tapes) == 2)
    assert running.tapes[0].items == [StreamUp(EEG), notice("rest 1"), notice("rest 2")]
    came = engine.ask("end", "end")
    assert [one for one in came if isinstance(one, StreamNotice)] == [notice("rest 1"), notice("rest 2")]


def test_streams_that_are_not_there_when_they_are_opened_anew_do_not_end_it(running, engine, window, caplog):
    engine.attach()
    running.unopened = RtemoError("no amplifier")
    running.streams[0].fail(RtemoError("the network is gone"))
    until(lambda: len(running.opened) == 2)
    assert window.settle()["engine"]
    said = [line.getMessage() for line in caplog.records if line.levelname == "ERROR"]
    assert said[:2] == ["the network is gone", "no amplifier"]
    assert running.error is None


def test_streams_of_a_recording_that_cannot_be_opened_are_tried_again_each_second(running, engine, window, tmp_path):
    engine.attach("a = 1", patient=True)
    engine.record(tmp_path / "r.xdf", "s1", folder="/data")
    running.unopened = RtemoError("no port is free")
    running.streams[0].fail(RtemoError("the search stopped"))
    until(lambda: len(running.opened) == 2)
    running.now_s += 0.99
    found = window.settle()["recording"]
    assert (found["state"], found["error"]) == ("failed", "the streams cannot be opened: no port is free")
    assert found["paths"] == [str(tmp_path / "r.xdf")]
    assert len(running.opened) == 2
    assert engine.ask("end", "end")[-2].fields["recording"] == found  # with each look at the streams
    running.now_s += 0.01
    until(lambda: len(running.opened) == 3)
    window.settle()
    assert len(running.opened) == 3
    running.unopened = None
    running.now_s += 1.0
    until(lambda: len(running.tapes) == 2)
    assert engine.settle()["paths"] == [str(tmp_path / "r.xdf"), str(tmp_path / "r_2.xdf")]
    running.now_s += 5.0
    window.settle()
    assert running.opened == [("a = 1", True)] * 4
    assert window.settle()["recording"]["state"] == "recording"


def test_streams_that_nobody_records_are_not_tried_again(running, engine, window, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    running.unopened = RtemoError("no port is free")
    running.streams[0].fail(RtemoError("the search stopped"))
    until(lambda: len(running.opened) == 2)
    assert engine.ask("close", "closed")[-1].fields["status"]["state"] == "failed"
    running.now_s += 5.0
    assert window.settle()["recording"] is None
    assert len(running.opened) == 2


def test_a_recording_whose_streams_are_not_there_is_no_recording_for_an_engine(running, engine, window, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    running.unopened = RtemoError("no amplifier")
    running.streams[0].fail(RtemoError("the network is gone"))
    until(lambda: len(running.opened) >= 2)
    running.now_s += 0.25
    assert window.settle()["recording"]["state"] == "failed"
    assert window.attach()[0] == Message("attached", {"recording": None})
    assert running.kept["paths"] == [str(tmp_path / "r.xdf")]
    assert running.error is None


def test_what_nobody_thought_of_ends_the_recorder_with_its_error(running, engine, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    streams = running.streams[0]
    streams.stop = lambda: (Streams.stop(streams), setattr(streams, "failure", None))
    streams.fail(ZeroDivisionError("oh"))
    assert running.ended()
    assert isinstance(running.error, ZeroDivisionError)
    assert running.tapes[0].closed
    assert running.kept["paths"] == [str(tmp_path / "r.xdf")]


def test_files_in_which_the_recorder_went_on_by_itself_are_kept_in_mind(running, engine, window, tmp_path):
    engine.attach()
    engine.record(tmp_path / "r.xdf")
    running.streams[0].fail(RtemoError("the network is gone"))
    until(lambda: len(running.tapes) == 2)
    running.tapes[1].paths = (tmp_path / "r_2.xdf", tmp_path / "else" / "r_3.xdf")
    running.now_s += 0.25
    expected = [str(tmp_path / name) for name in ("r.xdf", "r_2.xdf", "else/r_3.xdf")]
    assert window.settle()["paths"] == expected
    assert running.kept["paths"] == expected
    engine.ask("close", "closed")
    engine.record(tmp_path / "new.xdf")
    running.now_s += 0.25
    assert window.settle()["paths"] == [str(tmp_path / "new.xdf")]


# Going on after a recorder that was killed.


def left(desk, *paths, settings="a = 1", patient=True, session_id="s1", **about):
    """The task that it left, with files that are there."""
    for path in paths:
        path.write_bytes(b"x" * 50)
    fields = {"settings": settings, "patient": patient, "paths": [str(path) for path in paths]}
    desk.task.write_text(json.dumps({**fields, "session_id": session_id, "about": about}))


def journal_of(desk, path, size, *entries):
    journal = Journal(desk.task.with_suffix(".journal"))
    journal.strike_off(0, path, size)
    for item, time_s in entries:
        journal.append(item, time_s, None)


def test_without_a_task_nothing_is_opened(desk):
    desk.service.resume()
    desk.task.write_text("no task")
    desk.service.resume()
    assert desk.opened == []


def test_streams_that_were_only_read_are_opened_as_they_were(desk):
    left(desk, session_id="")
    desk.service.resume()
    assert desk.opened == [("a = 1", True)]
    assert desk.tapes == []


def test_a_recording_goes_on_in_the_next_free_file_with_what_was_not_written(desk, tmp_path):
    first, second = tmp_path / "r.xdf", tmp_path / "r_2.xdf"
    left(desk, first, second, folder="/data")
    note = LogEntry("annotation", text="film", noted=True)
    journal_of(desk, second, 30, (notice("unwritten"), 5.0), (note, 6.0))
    desk.service.resume()
    assert desk.opened == [("a = 1", True)]
    (tape,) = desk.tapes
    assert tape.request == RecordingRequest(tmp_path / "r_3.xdf", "s1", "r_2.xdf", 30, {"folder": "/data"})
    assert tape.again == [(notice("unwritten"), 5.0), (note, 6.0)]
    assert tape.items == [StreamUp(EEG)]
    assert isinstance(tape.journal, Journal)
    assert tape.waits == [3.0]
    assert (first.stat().st_size, second.stat().st_size) == (50, 30)
    assert desk.kept["paths"] == [str(tmp_path / name) for name in ("r.xdf", "r_2.xdf", "r_3.xdf")]
    desk.start()
    engine = Peer(desk)
    found = engine.attach("other")[0].fields["recording"]
    engine.close()
    assert (found["first"], found["size"], found["session_id"]) == (2, 12, "s1")


def test_a_session_that_has_much_to_be_kept_in_mind_goes_on_too(desk, tmp_path):
    settings = "x" * (1 << 21)
    left(desk, tmp_path / "r.xdf", settings=settings)
    desk.service.resume()
    assert desk.opened == [(settings, True)]
    assert len(desk.tapes) == 1


def test_what_is_not_safe_in_the_next_file_is_not_cut_off_the_one_before(desk, tmp_path):
    desk.flushed = False
    left(desk, tmp_path / "r.xdf")
    journal_of(desk, tmp_path / "r.xdf", 30, (notice("unwritten"), 5.0))
    desk.service.resume()
    assert desk.tapes[0].again == [(notice("unwritten"), 5.0)]
    assert (tmp_path / "r.xdf").stat().st_size == 50


def test_a_journal_of_another_file_counts_for_nothing(desk, tmp_path):
    left(desk, tmp_path / "r.xdf")
    journal_of(desk, tmp_path / "another.xdf", 30, (notice("unwritten"), 5.0))
    desk.service.resume()
    (tape,) = desk.tapes
    assert tape.request == RecordingRequest(tmp_path / "r_2.xdf", "s1", "r.xdf", None, {})
    assert (tape.again, tape.waits) == ([], [])
    assert (tmp_path / "r.xdf").stat().st_size == 50


def test_of_an_engine_without_settings_there_is_nothing_to_go_on_with(running, engine):
    engine.attach("")
    assert running.kept is None
    engine.attach("", patient=True)
    assert running.kept["patient"]


def test_a_task_that_cannot_be_written_is_no_reason_to_record_nothing(running, engine, tmp_path, caplog):
    running.task.mkdir()
    engine.attach("a = 1")
    assert engine.record(tmp_path / "r.xdf")[-1].name == "ready"
    assert math.isfinite(engine.state()["engine_age_s"])
    said = [line.getMessage() for line in caplog.records if line.levelname == "ERROR"]
    assert said
    assert all(line.startswith("a recorder that is killed could not go on: ") for line in said)
