"""What breaks one output of a session touches no other: it is an event, in the window's state, and tried again."""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
import pyxdf
from hand_fed import BUNDLE, HandFed, wait_for
from hand_fed import recorded as recorded_source

from rtemo.core.errors import RtemoError
from rtemo.live.output import line_file, outlet
from rtemo.live.output.line_file import StandardOutput
from rtemo.live.output.output_queue import OutputState, OutputStatus
from rtemo.live.output.prediction_files import JsonLines, open_output
from rtemo.live.output.receivers import Receivers
from rtemo.live.session import outputs as outputs_module
from rtemo.live.session.outputs import OutputsRequest, SessionOutputs
from rtemo.model.prediction import Prediction
from rtemo.recordings.events import Event, EventKind, EventLog, read_event
from rtemo.recordings.session_folder import SessionFolder, safe_name
from rtemo.sources.session_settings import SessionSettings

LABELS = BUNDLE.labels
pytestmark = pytest.mark.usefixtures("quick_retries")
unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody delete an open file")
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def prediction(time_s: float) -> Prediction:
    even = dict.fromkeys(LABELS, 1 / len(LABELS))
    fields = {"emotion": LABELS[0], "probabilities": even, "smoothed": even, "set": LABELS, "abstain": None}
    quality = {"eeg_coverage": 1.0, "gaze_coverage": 1.0, "bad_channels": (), "novelty": 0.1}
    return Prediction(time_s=time_s, **fields, **quality, settled=True, forced=False)


class Disk:
    """A PredictionSink that fails while it is told to."""

    name = "a disk"

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.got = error, []

    def put(self, one: Prediction) -> None:
        if self.error is not None:
            raise self.error
        self.got.append(one.time_s)

    def discard(self) -> None:
        """Nothing is to be taken back."""

    def close(self) -> None:
        """Nothing is open."""


def opened(root: Path | None, **options) -> SessionOutputs:
    settings = options.pop("settings", SessionSettings(subject="P 01"))
    request = OutputsRequest(settings, root, **{"publish": False, **options})
    source = recorded_source(HandFed())
    source.start()
    return SessionOutputs(request, BUNDLE, 0.25, lambda: 7.0, source)


def state(outputs: SessionOutputs, name: str) -> tuple[str, str, int, int]:
    (view,) = [view for view in outputs.output_views() if view.name == name]
    return view.state, view.error, view.n_written, view.n_dropped


def texts(outputs: SessionOutputs, kind: EventKind = EventKind.FAILURE) -> list[str]:
    return [event.text for event in outputs.events.events if event.kind is kind]


def recorded(path: Path) -> dict[str, list]:
    streams = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)[0]
    return {stream["info"]["name"][0]: list(stream["time_series"]) for stream in streams}


def give(outputs: SessionOutputs, *times: float) -> None:
    for time_s in times:
        for sink in outputs.sinks:
            sink.put(prediction(time_s))


def test_a_full_disk_under_one_output_is_an_event_a_state_and_over_when_there_is_room(tmp_path):
    disk = Disk(FULL)
    outputs = opened(tmp_path, sinks=[disk])
    give(outputs, 1.0, 2.0)
    wait_for(lambda: texts(outputs) != [])
    failed = "output a disk failed: No space left on device; it is tried again, the session goes on"
    assert texts(outputs) == [failed]
    assert state(outputs, "a disk") == ("failed", "No space left on device", 0, 0)
    disk.error = None
    wait_for(lambda: disk.got == [1.0, 2.0])
    wait_for(lambda: texts(outputs, EventKind.NOTE) == ["output a disk works again; 0 entries were left out"])
    disk.error = FULL
    give(outputs, 3.0)
    wait_for(lambda: len(texts(outputs)) == 2)
    outputs.close()
    outputs.check_recording()
    assert texts(outputs) == [failed, failed]
    assert state(outputs, "a disk") == ("failed", "No space left on device", 2, 1)
    folder = outputs.folder
    assert folder is not None
    assert state(outputs, str(folder.predictions)) == ("closed", "", 3, 0)
    assert len(folder.predictions.read_text().splitlines()) == 4
    written = [read_event(line) for line in folder.events.read_text().splitlines()]
    assert written == outputs.events.events
    assert written[0].details == {"output": "a disk", "state": "failed", "dropped": 0}
    streams = recorded(folder.recording)
    assert len(streams["rtemo_P-01"]) == 3
    assert [json.loads(row[1])["text"] for row in streams["rtemo_events_P-01"]] == [failed, failed]


@pytest.mark.parametrize("broken", ["predictions", "events", "settings", "small files"])
def test_each_file_of_the_folder_may_fail_alone(tmp_path, monkeypatch, broken):
    """The disk is full for one file, from its first byte on, until there is room."""
    full = threading.Event()
    full.set()

    def failing(original, fails):
        def write(self, *args):
            if full.is_set() and fails(self):
                raise FULL
            return original(self, *args)

        return write

    names = {"predictions": "predictions.csv", "events": "events.jsonl"}
    if broken in names:
        fails = lambda file: file.path.name == names[broken]  # noqa: E731
        monkeypatch.setattr(line_file.LineFile, "write", failing(line_file.LineFile.write, fails))
        monkeypatch.setattr(line_file.LineFile, "__init__", unwritten)
    elif broken == "settings":
        fails = lambda _: True  # noqa: E731
        monkeypatch.setattr(SessionFolder, "write_settings", failing(SessionFolder.write_settings, fails))
    outputs = opened(tmp_path)
    if broken == "small files":
        monkeypatch.setattr("rtemo.live.session.outputs.save_beside", failing(lambda *_: None, lambda _: True))
        outputs.keep_calibration(None)
    give(outputs, 1.0)
    outputs.note(EventKind.ANNOTATION, "hello")
    wait_for(lambda: texts(outputs) != [])
    assert len(texts(outputs)) == 1
    assert "No space left on device" in texts(outputs)[0]
    full.clear()
    wait_for(lambda: any("works again" in text for text in texts(outputs, EventKind.NOTE)))
    outputs.close()
    folder = outputs.folder
    assert folder is not None
    assert {view.state for view in outputs.output_views()} == {"closed"}
    assert {view.n_dropped for view in outputs.output_views()} == {0}
    assert len(folder.predictions.read_text().splitlines()) == 2
    assert 'subject = "P 01"' in folder.settings.read_text()
    assert [read_event(line) for line in folder.events.read_text().splitlines()] == outputs.events.events
    assert len(recorded(folder.recording)["rtemo_P-01"]) == 1


def unwritten(self, path, head="", *, goes_on=False):
    """How a LineFile is made that writes nothing yet."""
    self.path, self._asked, self._head = path, path, head
    self._file, self._begun = line_file._create(path), False


def test_how_an_output_ended_is_in_the_events_too(tmp_path):
    class Late(Disk):
        def put(self, one: Prediction) -> None:
            """Fails once the end has come, and the file of events would have ended too if it did not wait."""
            wait_for(lambda: outputs._queued_sinks[0].queue._ending)
            (events,) = [queue for queue in outputs._queues if queue.name.endswith("events.jsonl")]
            end_s = time.monotonic() + 0.2
            while not events._ending and time.monotonic() < end_s:
                time.sleep(0.005)
            raise FULL

    outputs = opened(tmp_path, sinks=[Late()])
    give(outputs, 1.0)
    outputs.close()
    assert len(texts(outputs)) == 1
    folder = outputs.folder
    assert folder is not None
    assert [read_event(line) for line in folder.events.read_text().splitlines()] == outputs.events.events
    assert len(recorded(folder.recording)["rtemo_events_P-01"]) == 1


@pytest.fixture
def pipe(monkeypatch):
    """Standard output leads into a pipe that is never read."""
    reading, writing = os.pipe()
    monkeypatch.setattr(line_file, "_descriptor", lambda: writing)
    ends = {"reading": reading, "writing": writing}
    yield ends
    for number in ends.values():
        os.close(number)


@unix
def test_a_reader_that_stops_reading_holds_up_nothing(tmp_path, pipe):
    outputs = opened(tmp_path, sinks=[JsonLines(StandardOutput())])
    begun_s = time.monotonic()
    n = 1000
    give(outputs, *map(float, range(n)))
    wait_for(lambda: state(outputs, str(outputs.folder.predictions))[2] == n)
    outputs.close()
    assert time.monotonic() - begun_s < 20.0
    name, error, n_written, n_dropped = state(outputs, "standard output")
    assert (name, n_written + n_dropped) == ("behind", n)
    assert 0 < n_written < 500
    assert "within" in error
    assert len(recorded(outputs.recording)["rtemo_P-01"]) == n
    os.read(pipe["reading"], 1 << 20)  # lets the thread go


@unix
def test_a_reader_that_has_gone_is_named_and_the_session_goes_on(tmp_path, pipe):
    asked = []
    outputs = opened(tmp_path, sinks=[JsonLines(StandardOutput())], nobody_reads=lambda: asked.append(1))
    os.close(pipe.pop("reading"))
    give(outputs, 1.0, 2.0)
    wait_for(lambda: texts(outputs) != [])
    outputs.close()
    assert texts(outputs) == ["output standard output failed: Broken pipe; it is tried again, the session goes on"]
    assert (asked, outputs.unread) == ([], False)
    assert state(outputs, "standard output") == ("failed", "Broken pipe", 0, 2)
    assert len(recorded(outputs.recording)["rtemo_P-01"]) == 2


@unix
def test_a_reader_that_has_gone_ends_a_session_that_nobody_else_gets_anything_of(pipe):
    asked = threading.Event()
    outputs = opened(None, sinks=[JsonLines(StandardOutput())], nobody_reads=asked.set)
    os.close(pipe.pop("reading"))
    give(outputs, 1.0)
    assert asked.wait(30)
    assert outputs.unread
    outputs.close()
    assert texts(outputs)[-1] == "whoever read the predictions has gone, and nothing else is written"


def test_a_full_disk_does_not_end_a_session_that_has_no_other_output(tmp_path):
    asked = []
    outputs = opened(None, sinks=[Disk(FULL)], nobody_reads=lambda: asked.append(1))
    give(outputs, 1.0)
    wait_for(lambda: texts(outputs) != [])
    outputs.close()
    assert asked == []


class BrokenLsl:
    """Stands for LSL: outlets cannot be made, or cannot send, until they can."""

    def __init__(self, made: int, sent: int) -> None:
        self.made, self.sent = made, sent
        self.got: list[tuple[str, float]] = []

    def outlet(self, info):
        if self.made > 0:
            self.made -= 1
            raise RuntimeError("could not create stream outlet.")
        lsl = self

        class Outlet:
            def get_info(self):
                return info

            def push_sample(self, values, time_s) -> None:
                if lsl.sent > 0:
                    lsl.sent -= 1
                    raise RuntimeError("the sample could not be sent")
                lsl.got.append((info.name(), time_s))

            def have_consumers(self) -> bool:
                return False

        return Outlet()


@pytest.mark.parametrize(("made", "sent"), [(3, 0), (0, 1), (4, 2)])
def test_an_outlet_that_raises_costs_what_it_did_not_send_and_is_recorded_all_the_same(
    tmp_path, monkeypatch, made, sent
):
    lsl = BrokenLsl(made, sent)
    monkeypatch.setattr(outlet.pylsl, "StreamOutlet", lsl.outlet)
    outputs = opened(tmp_path, publish=True)
    for time_s in range(8):
        give(outputs, float(time_s))
        n = time_s + 1
        wait_for(lambda n=n: sum(state(outputs, "LSL outlet rtemo_P-01")[2:]) == n)
    wait_for(lambda: any("works again" in text for text in texts(outputs, EventKind.NOTE)))
    outputs.close()
    name, _, n_written, n_dropped = state(outputs, "LSL outlet rtemo_P-01")
    assert (name, n_written + n_dropped) == ("closed", 8)
    assert 0 < n_dropped <= made + sent
    assert [t for name, t in lsl.got if name == "rtemo_P-01"] == list(range(n_dropped, 8))
    why = "the LSL outlet rtemo_P-01 cannot be opened; " if made else "RuntimeError: "
    assert any(text.startswith(f"output LSL outlet rtemo_P-01 failed: {why}") for text in texts(outputs))
    assert len(recorded(outputs.recording)["rtemo_P-01"]) == 8


@unix
def test_a_recording_that_is_deleted_is_an_event_within_two_seconds_and_shown(tmp_path):
    outputs = opened(tmp_path)
    begun_s = time.monotonic()
    outputs.recording.unlink()
    wait_for(lambda: outputs.look_after() or any("recording_2.xdf" in text for text in texts(outputs)))
    assert time.monotonic() - begun_s < 2.0
    view = outputs.view()
    assert view is not None
    assert (Path(view.path).name, view.state, view.n_files) == ("recording_2.xdf", "recording", 2)
    assert view.problem != ""
    give(outputs, 1.0)
    outputs.close()
    assert len(recorded(Path(view.path))["rtemo_P-01"]) == 1
    outputs.check_recording()


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        ("a\0b", "a-b"),
        ("caf\udce9", "caf"),
        ("x" * 300, "x" * 60),
        ("語" * 300, "語" * 40),
        ("../../etc", "etc"),
        ("\udcff", "anonymous"),
    ],
)
def test_any_name_of_a_participant_gives_a_folder_and_whole_files(tmp_path, subject, name):
    assert safe_name(subject) == name
    outputs = opened(tmp_path, settings=replace(SessionSettings(), subject=subject))
    outputs.note(EventKind.ANNOTATION, subject)
    outputs.close()
    folder = outputs.folder
    assert folder is not None
    assert folder.path.parent == tmp_path
    assert folder.path.name.endswith(f"_{name}")
    assert texts(outputs) == []
    assert len(folder.events.read_text().splitlines()) == 1
    assert folder.settings.stat().st_size > 100


@unix
def test_what_a_session_writes_is_its_owners_alone(tmp_path):
    outputs = opened(tmp_path / "new" / "root", sinks=[open_output(tmp_path / "p.jsonl", LABELS, replace=False)])
    outputs.close()
    folder = outputs.folder
    assert folder is not None
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder.path, *folder.path.parents[:2])} == {0o700}
    files = [*folder.path.iterdir(), tmp_path / "p.jsonl"]
    assert len(files) == 5
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_a_long_session_keeps_its_newest_events_in_memory_and_hands_on_all_of_them():
    log, handed = EventLog(10), []
    log.listen(handed.append)
    events = [Event(float(k), EventKind.MARKER, "m") for k in range(1000)]
    for event in events:
        log.add(event)
        assert len(log.events) <= 20
    assert handed == events
    assert log.events[-10:] == events[-10:]


def test_a_session_whose_files_cannot_be_made_leaves_no_recording_open(tmp_path, monkeypatch):
    def refuse(*_given, **_more):
        raise RtemoError("no room for predictions")

    monkeypatch.setattr(outputs_module, "open_output", refuse)
    source = recorded_source(HandFed())
    source.start()
    with pytest.raises(RtemoError, match="no room for predictions"):
        SessionOutputs(OutputsRequest(SessionSettings(), tmp_path, publish=False), BUNDLE, 0.25, lambda: 7.0, source)
    assert source.recorder is None
    assert source.close_recording() is None


def test_what_befalls_a_receiver_on_the_network_is_an_event_of_the_session_too(tmp_path):
    receivers = Receivers("")
    outputs = opened(tmp_path, receivers=receivers)
    receivers._tell(OutputStatus("OSC 127.0.0.1:9000", OutputState.FAILED, "no route"))
    assert texts(outputs) == ["output OSC 127.0.0.1:9000 failed: no route; it is tried again, the session goes on"]
    outputs.close()
    receivers.end()
