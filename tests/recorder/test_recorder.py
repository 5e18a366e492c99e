"""The recorder keeps all that it is handed, holds nobody up, and says what it could not keep."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, ClockOffset, StreamDown, StreamInfo, StreamState, StreamUp
from rtemo.recorder.recorder import CYCLE_S, SYNC_S, Recorder, RecorderState
from rtemo.sources.xdf.recording_log import LOG_NAME
from rtemo.sources.xdf.source import XdfSource
from rtemo.sources.xdf.writer import XdfWriter

ROOT = Path(__file__).parents[2]
EEG = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")), source_id="x1", hostname="lab")
MARKERS = StreamInfo("m", "markers", "Markers", "string", 0.0, (Channel("text"),))


def ramp(begin=0, n=10, stream_id="eeg") -> Chunk:
    index = np.arange(begin, begin + n)
    return Chunk(stream_id, 100 + index / 100, np.repeat(index[:, None], 2, 1).astype(np.float32))


def read(path) -> dict[int, dict]:
    """The streams but for the recorder's own, counted from 1."""
    streams = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)[0]
    recorded = [stream for stream in streams if stream["info"]["name"] != [LOG_NAME]]
    return dict(enumerate(sorted(recorded, key=lambda stream: stream["info"]["stream_id"]), 1))


def record(path, *items, **options) -> Recorder:
    recorder = Recorder(path, **options)
    for item in items:
        assert recorder.submit(item)
    recorder.close()
    return recorder


def test_everything_handed_over_is_in_the_file_raw(tmp_path):
    text = Chunk("m", np.array([100.5]), np.array([["happy"]], object))
    items = [ClockOffset("eeg", 99.0, -0.5), *[ramp(k) for k in range(0, 1000, 10)], text]
    recorder = record(tmp_path / "a.xdf", StreamUp(EEG), StreamUp(MARKERS), *items)
    status = recorder.status()
    assert (status.state, status.error, status.lost, status.problems) == (RecorderState.CLOSED, "", {}, ())
    assert status.samples == {"eeg": 1000, "m": 1}
    assert status.bytes_written == (tmp_path / "a.xdf").stat().st_size
    assert status.queue_high_bytes > 0
    assert status.queue_bytes == 0
    streams = read(tmp_path / "a.xdf")
    np.testing.assert_array_equal(streams[1]["time_series"][:, 1], np.arange(1000))
    np.testing.assert_array_equal(streams[1]["time_stamps"], 100 + np.arange(1000) / 100)
    assert (streams[1]["clock_times"], streams[1]["clock_values"]) == ([99.0], [-0.5])
    assert streams[2]["time_series"] == [["happy"]]
    assert streams[1]["footer"]["info"]["sample_count"] == ["1000"]


def test_a_stream_that_comes_back_under_its_key_goes_on_in_the_same_stream(tmp_path):
    back = replace(EEG, stream_id="eeg again", uid="another", xml="")
    lost = StreamDown("eeg", StreamState.LOST, "no data")
    record(tmp_path / "a.xdf", StreamUp(EEG), ramp(0), lost, StreamUp(back), ramp(10, stream_id="eeg again"))
    streams = read(tmp_path / "a.xdf")
    assert list(streams) == [1]
    np.testing.assert_array_equal(streams[1]["time_series"][:, 0], np.arange(20))


@pytest.mark.parametrize(
    "change",
    [
        {"channels": (Channel("Fz"), Channel("Pz"))},
        {"nominal_rate_hz": 250.0},
        {"channel_format": "double64"},
        {"hostname": "other"},
    ],
)
@pytest.mark.parametrize("stream_id", ["eeg", "eeg again"])
def test_a_stream_that_comes_back_changed_gets_a_stream_of_its_own(tmp_path, change, stream_id):
    back = replace(EEG, stream_id=stream_id, **change)
    lost = StreamDown("eeg", StreamState.LOST, "no data")
    path = tmp_path / "a.xdf"
    recorder = record(path, StreamUp(EEG), ramp(0), lost, StreamUp(back), ramp(10, 5, stream_id))
    streams = read(path)
    assert [len(stream["time_stamps"]) for stream in streams.values()] == [10, 5]
    assert sum(recorder.status().samples.values()) == 15


def test_two_streams_that_look_alike_and_are_there_at_once_stay_apart(tmp_path):
    twin = replace(EEG, stream_id="twin")
    stalled = StreamDown("eeg", StreamState.STALLED, "quiet")
    record(tmp_path / "a.xdf", StreamUp(EEG), ramp(0), stalled, StreamUp(twin), ramp(10, 5, "twin"), ramp(10))
    assert [len(stream["time_stamps"]) for stream in read(tmp_path / "a.xdf").values()] == [20, 5]


def test_descriptions_that_differ_only_in_the_connection_are_the_same(tmp_path):
    xml = (
        "<info><name>amp</name><type>EEG</type><channel_count>2</channel_count><channel_format>float32</channel_format>"
        "<uid>{}</uid><desc><reference>{}</reference></desc></info>"
    )
    lost = StreamDown("eeg", StreamState.LOST, "")
    first, same, other = (replace(EEG, xml=xml.format(*parts)) for parts in [("u1", "Cz"), ("u2", "Cz"), ("u3", "A1")])
    record(tmp_path / "a.xdf", StreamUp(first), ramp(0), lost, StreamUp(same), ramp(10), StreamUp(other), ramp(20))
    assert [len(stream["time_stamps"]) for stream in read(tmp_path / "a.xdf").values()] == [20, 10]


def test_what_cannot_be_written_is_counted_and_the_rest_goes_on(tmp_path):
    wide = Chunk("eeg", np.zeros(3), np.zeros((3, 5), np.float32))
    text = Chunk("eeg", np.zeros(2), np.full((2, 2), "x", object))
    status = record(tmp_path / "a.xdf", StreamUp(EEG), ramp(0), wide, text, ramp(0, 7, "who"), ramp(10)).status()
    assert status.state is RecorderState.CLOSED
    assert status.samples == {"eeg": 20}
    assert status.lost == {"eeg": 5, "who": 7}
    assert status.problems == (
        "stream eeg sent chunks of 5 channels where it promises 2",
        "stream eeg sent object values and promises float32",
        "stream who was never announced",
    )


class GatedWriter(XdfWriter):
    """A disk that stands still until it is let go."""

    gate: threading.Event
    stuck: threading.Event

    def flush(self) -> None:
        self.stuck.set()
        assert self.gate.wait(30)
        super().flush()


def test_a_slow_disk_holds_nobody_up_and_an_overflow_is_counted(tmp_path):
    class Writer(GatedWriter):
        gate, stuck = threading.Event(), threading.Event()

    recorder = Recorder(tmp_path / "a.xdf", queue_bytes=20_000, open_writer=Writer)
    recorder.submit(StreamUp(EEG))
    assert Writer.stuck.wait(30)
    taken = [recorder.submit(ramp(k)) for k in range(0, 1000, 10)]
    assert taken[0]
    assert not taken[-1]
    n_taken = sum(taken)
    assert taken == [True] * n_taken + [False] * (100 - n_taken)
    assert not recorder.wait_flushed(0.0)
    assert recorder.status().lost == {"eeg": 1000 - 10 * n_taken}
    assert recorder.status().problems == ("the disk is too slow: the recorder's queue was full",)
    assert 15_000 < recorder.status().queue_high_bytes <= 20_000
    Writer.gate.set()
    assert recorder.wait_flushed(30)
    recorder.close()
    assert len(read(recorder.path)[1]["time_stamps"]) == 10 * n_taken


def test_a_disk_that_hangs_is_a_state_until_it_answers(tmp_path, monkeypatch):
    class Writer(GatedWriter):
        gate, stuck = threading.Event(), threading.Event()

    monkeypatch.setattr("rtemo.recorder.recorder.STALLED_S", 0.0)
    recorder = Recorder(tmp_path / "a.xdf", open_writer=Writer)
    recorder.submit(StreamUp(EEG))
    recorder.submit(ramp())
    assert Writer.stuck.wait(30)
    status = recorder.status()
    assert status.state is RecorderState.WAITING
    assert status.error == f"{tmp_path / 'a.xdf'}: the disk does not answer"
    assert status.stalled_s > 0.0
    Writer.gate.set()
    assert recorder.wait_flushed(30)
    monkeypatch.undo()
    assert recorder.status().state is RecorderState.RECORDING
    recorder.close()
    assert recorder.status().lost == {}


def test_a_disk_that_never_answers_does_not_keep_the_program_from_ending(tmp_path):
    class Writer(GatedWriter):
        gate, stuck = threading.Event(), threading.Event()

    recorder = Recorder(tmp_path / "a.xdf", open_writer=Writer)
    recorder.submit(StreamUp(EEG))
    recorder.submit(ramp())
    assert Writer.stuck.wait(30)
    recorder.close(timeout_s=0.01)
    assert recorder.state is RecorderState.FAILED
    assert "did not take the rest within 0.01 s" in recorder.error
    Writer.gate.set()
    recorder._thread.join(30)
    assert recorder.state is RecorderState.FAILED


def test_an_item_that_cannot_be_written_costs_itself_alone(tmp_path):
    class Writer(XdfWriter):
        def write_offset(self, offset) -> None:
            raise ZeroDivisionError("what nobody thought of")

        def write_chunk(self, chunk) -> None:
            if chunk.stream_id == "eeg" and 15.0 in chunk.values:
                raise ArithmeticError("nor of this")
            super().write_chunk(chunk)

    recorder = Recorder(tmp_path / "a.xdf", open_writer=Writer)
    for item in (StreamUp(EEG), ramp(), ClockOffset("eeg", 1.0, 1.0), ramp(10), ramp(20)):
        assert recorder.submit(item)
    recorder.close()
    status = recorder.status()
    assert (status.state, status.samples, status.lost) == (RecorderState.CLOSED, {"eeg": 20}, {"eeg": 10})
    assert status.problems == (
        "not recorded: ZeroDivisionError: what nobody thought of",
        "stream eeg: samples not recorded: ArithmeticError: nor of this",
    )
    assert read(tmp_path / "a.xdf")[1]["time_series"][:, 0].tolist() == [*range(10), *range(20, 30)]


def test_nothing_is_taken_after_the_end(tmp_path):
    recorder = record(tmp_path / "a.xdf", StreamUp(EEG), ramp())
    assert not recorder.submit(ramp(10))
    recorder.close()
    status = recorder.status()
    assert (status.state, status.lost) == (RecorderState.CLOSED, {"eeg": 10})


def test_a_file_that_exists_is_refused_at_once(tmp_path):
    (tmp_path / "a.xdf").write_text("mine")
    with pytest.raises(RtemoError, match="it exists already"):
        Recorder(tmp_path / "a.xdf")


def child(code: str, *args: str) -> subprocess.Popen:
    start = "import sys\nsys.path[:0] = [sys.argv[1], sys.argv[2]]\nfrom test_recorder import *\npath = sys.argv[3]\n"
    command = [sys.executable, "-c", start + textwrap.dedent(code), str(ROOT), str(Path(__file__).parent), *args]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_kill_loses_no_more_than_what_came_within_the_last_second(tmp_path):
    """Real SIGKILL: what was handed over before the last cycle is in the file, though nobody asked for a flush."""
    assert CYCLE_S <= 0.5
    assert CYCLE_S + SYNC_S <= 1.0
    path = tmp_path / "a.xdf"
    code = """
        recorder = Recorder(path)
        recorder.submit(StreamUp(EEG))
        for k in range(0, 500, 10):
            recorder.submit(ramp(k))
        assert recorder.wait_flushed(60)
        print("safe", flush=True)
        for k in range(500, 700, 10):
            recorder.submit(ramp(k))
        print("more", flush=True)
        sys.stdin.read()
    """
    with child(code, str(path)) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(2)] == ["safe\n", "more\n"]
        process.send_signal(signal.SIGKILL)
        assert process.wait(30) == -signal.SIGKILL
    source = XdfSource(path)
    assert [info.name for info in source.start()] == ["amp", LOG_NAME]
    indices = np.concatenate(
        [c.values[:, 0] for c in source.read(0.0) if isinstance(c, Chunk) and len(c.values[0]) == 2]
    )
    assert len(indices) >= 500
    np.testing.assert_array_equal(indices, np.arange(len(indices)))
    np.testing.assert_array_equal(read(path)[1]["time_series"][:, 0], indices)


@pytest.mark.skipif(sys.platform == "win32", reason="the limit that stands for a full disk is one of Unix")
def test_a_file_that_can_grow_no_further_is_gone_on_from_in_the_next(tmp_path):
    """A real limit of the system: what did not fit into one file is in the next, and nothing is there twice."""
    path = tmp_path / "a.xdf"
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
        recorder = Recorder(path)
        recorder.submit(StreamUp(EEG))
        for k in range(0, 20_000, 4000):
            recorder.submit(ramp(k, 4000))
            assert recorder.wait_flushed(60)
        print(recorder.state.value, "|", recorder.error, "|", recorder.submit(ramp(20_000, 1000)))
        recorder.close()
        status = recorder.status()
        print(status.state.value, status.samples, status.lost)
        print(*status.problems, *status.paths, sep="\\n")
    """
    with child(code, str(path)) as process:
        output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    second, third = (tmp_path / f"a_{number}.xdf" for number in (2, 3))
    assert output.splitlines() == [
        "recording |  | True",
        "closed {'eeg': 21000} {}",
        f"{path} cannot be written any more: File too large; the recording goes on in {second}",
        f"{second} cannot be written any more: File too large; the recording goes on in {third}",
        *map(str, (path, second, third)),
    ]
    parts = [read(part)[1]["time_series"][:, 0] for part in (path, second, third)]
    assert all(len(part) >= 5_000 for part in parts[:2])
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(21_000))


def test_a_device_that_is_changed_and_changed_back_comes_after_both(tmp_path):
    """The third stream is described as the first, but the second took its place: none of its samples go before."""
    fast, back = replace(EEG, stream_id="fast", nominal_rate_hz=200.0), replace(EEG, stream_id="back")
    gone = [StreamDown(name, StreamState.LOST, "gone") for name in ("eeg", "fast")]
    path = tmp_path / "a.xdf"
    record(
        path, StreamUp(EEG), ramp(0), gone[0], StreamUp(fast, "eeg"), ramp(10, 5, "fast"), gone[1],
        StreamUp(back, "fast"), ramp(20, 3, "back"),
    )  # fmt: skip
    assert sorted(len(stream["time_stamps"]) for stream in read(path).values()) == [3, 5, 10]
