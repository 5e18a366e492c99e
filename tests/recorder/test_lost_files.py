"""A file that is taken from the recorder, cut, or on a disk that fails costs what is counted, and the next goes on."""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st

from rtemo.core.errors import RtemoError
from rtemo.core.types import (
    Channel,
    Chunk,
    ClockOffset,
    StreamDown,
    StreamInfo,
    StreamNotice,
    StreamState,
    StreamUp,
)
from rtemo.recorder.recorder import Recorder, RecorderState
from rtemo.recorder.recording_files import Logged, RecordingFiles
from rtemo.sources.stream_xml import parse_xml
from rtemo.sources.xdf.recording_log import LOG_NAME, LogEntry, read_entry
from rtemo.sources.xdf.writer import XdfWriter

EEG = StreamInfo("eeg", "amp", "EEG", "float32", 100.0, (Channel("Fz"), Channel("Cz")), source_id="x1", hostname="lab")
GAZE = StreamInfo("gaze", "tracker", "Gaze", "float32", 60.0, (Channel("x"), Channel("y")), source_id="g1")

unix = pytest.mark.skipif(sys.platform == "win32", reason="Windows lets nobody delete or rename an open file")


def ramp(begin=0, n=10, stream_id="eeg") -> Chunk:
    index = np.arange(begin, begin + n)
    return Chunk(stream_id, 100 + index / 100, np.repeat(index[:, None], 2, 1).astype(np.float32))


def streams_of(path: Path) -> dict[str, dict]:
    streams = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)[0]
    return {stream["info"]["name"][0]: stream for stream in streams}


def indices(path: Path, name: str = "amp") -> list[int]:
    stream = streams_of(path).get(name)
    return [] if stream is None or not len(stream["time_stamps"]) else stream["time_series"][:, 0].astype(int).tolist()


def entries(path: Path) -> list[LogEntry]:
    return [entry for (text,) in streams_of(path)[LOG_NAME]["time_series"] if (entry := read_entry(text)) is not None]


def header(path: Path) -> dict[str, str]:
    text = path.read_bytes()
    found = parse_xml(text[text.index(b"<?xml") : text.index(b"</info>") + 7].decode())
    return {node.tag: node.text or "" for node in found} | {f"{n.tag} {k}": v for n in found for k, v in n.items()}


class Disk:
    """Which folders fail, and with what. `writer` opens files on it."""

    def __init__(self) -> None:
        self.broken: dict[Path, int] = {}
        self.at: str = "sync"
        self.n_failed = 0

    def writer(self, path, *args) -> XdfWriter:
        disk = self

        class Writer(XdfWriter):
            def fail(self, at: str) -> None:
                number = disk.broken.get(Path(path).parent)
                if number is not None and disk.at in (at, "all"):
                    disk.n_failed += 1
                    raise OSError(number, os.strerror(number))

            def write_chunk(self, chunk) -> None:
                self.fail("write")
                super().write_chunk(chunk)

            def flush(self) -> None:
                self.fail("flush")
                super().flush()

            def sync(self) -> None:
                self.fail("sync")
                super().sync()

        return Writer(path, *args)


class Kept:
    """The files of a recording that the test writes itself, one eye on what is said to be lost."""

    def __init__(self, path: Path, *elsewhere: Path, disk: Disk | None = None) -> None:
        self.lost: Counter[str] = Counter()
        self.problems: list[str] = []
        self.n = 0
        self.files = RecordingFiles(
            path, "s1", elsewhere, (disk or Disk()).writer, self._lose, self.problems.append, lambda: 7.0
        )
        self.files.add_stream(EEG)

    def _lose(self, stream_id: str, n: int, why: str) -> None:
        if n > 0:
            self.lost[stream_id] += n
            self.problems.append(why)

    def write(self, n: int = 10) -> None:
        self.files.write(ramp(self.n, n))
        self.n += n

    def all(self, *paths: Path) -> list[int]:
        return [index for path in paths or self.files.paths for index in indices(path)]


def delete(path: Path) -> None:
    path.unlink()


def rename(path: Path) -> None:
    path.rename(path.with_name(f"{path.stem} renamed.xdf"))


def replace_by_another(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(b"not ours")
    other.replace(path)


def rename_and_replace(path: Path) -> None:
    rename(path)
    path.write_bytes(b"not ours")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size * 2 // 3)


def empty(path: Path) -> None:
    os.truncate(path, 0)


FAULTS: list[Callable[[Path], None]] = [delete, rename, replace_by_another, rename_and_replace, cut, empty]
STEPS = ["write", "offset", "note", "flush", "sync", *FAULTS, "disk fails: sync", "disk fails: flush", "disk is mended"]


@unix
@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=25))
def test_whatever_happens_to_files_each_sample_is_in_one_of_them_once_or_counted(steps):
    with TemporaryDirectory() as name:
        folder, other = Path(name, "a"), Path(name, "b")
        folder.mkdir()
        disk = Disk()
        kept = Kept(folder / "r.xdf", other, disk=disk)
        for step in ["write", "flush", *steps]:
            if callable(step):
                kept.files.flush()
                if not kept.files.error:
                    step(kept.files.paths[-1])
            elif step.startswith("disk fails"):
                disk.at = step.split(": ")[1]
                disk.broken[kept.files.paths[-1].parent] = errno.EIO
            elif step == "disk is mended":
                disk.broken.clear()
            elif step == "write":
                kept.write()
            elif step == "offset":
                kept.files.write(ClockOffset("eeg", 1.0, 2.0))
            elif step == "note":
                kept.files.write(Logged(LogEntry("notice", text="n"), 1.0, "eeg"))
            else:
                getattr(kept.files, step)()
        kept.files.flush()
        kept.write()
        kept.files.close()
        found: list[int] = []
        for path in (*folder.glob("*.xdf"), *other.glob("*.xdf")):
            if path.read_bytes()[:4] == b"XDF:":
                found += indices(path)
        assert len(found) == len(set(found))
        assert len(found) + kept.lost["eeg"] == kept.n
        if not set(steps) & {cut, empty}:  # only what has been cut off is lost
            assert not kept.lost or disk.broken
        assert len(kept.files.paths) == len(set(kept.files.paths))


@unix
@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_file_has_all_that_it_needs_to_be_read_alone(tmp_path, fault):
    kept = Kept(tmp_path / "r.xdf")
    kept.files.write(Logged(LogEntry("up"), 1.0, "eeg"))
    for offset in (ClockOffset("eeg", 1.0, 0.5), ClockOffset("eeg", 6.0, 0.25)):
        kept.files.write(offset)
    kept.files.add_stream(GAZE)
    kept.files.write(Logged(LogEntry("notice", text="in ms", trusted=False), 2.0, "gaze"))
    kept.write(20)
    kept.files.sync()
    kept.write(5)
    kept.files.flush()
    fault(tmp_path / "r.xdf")
    kept.files.flush()
    kept.files.write(Logged(LogEntry("down", state=StreamState.LOST, text="gone"), 3.0, "eeg"))
    kept.write(7)
    kept.files.close()
    second = tmp_path / "r_2.xdf"
    assert kept.files.paths[1:] == [second]
    assert header(second)["continues"] == kept.files.paths[0].name
    assert header(second)["session_id"] == "s1"
    streams = streams_of(second)
    assert list(streams) == ["amp", LOG_NAME, "tracker"]
    assert streams["amp"]["clock_values"] == [0.25]
    assert streams[LOG_NAME]["clock_values"] == [0.0]
    again = 5 if fault in (cut, empty) else 0  # what was not safe: elsewhere the old file is whole
    assert indices(second) == list(range(25 - again, 32))
    said = entries(second)
    assert said[0].kind == "annotation"
    assert said[0].text.startswith(f"goes on from {kept.files.paths[0].name}: {tmp_path / 'r.xdf'} was ")
    assert said[1:] == [
        LogEntry("notice", 3, 0, text="in ms", trusted=False),
        LogEntry("down", 1, again, state=StreamState.LOST, text="gone"),
    ]
    assert any(problem.endswith(f"; the recording goes on in {second}") for problem in kept.problems)


@unix
@pytest.mark.parametrize("fault", [delete, replace_by_another])
def test_a_file_that_was_deleted_is_written_again_from_what_is_still_open(tmp_path, fault):
    kept = Kept(tmp_path / "r.xdf")
    kept.write(1000)
    kept.files.flush()
    fault(tmp_path / "r.xdf")
    kept.files.flush()
    kept.write()
    kept.files.close()
    rescued = tmp_path / ("r.xdf" if fault is delete else "r_rescued.xdf")
    assert kept.files.paths == [rescued, tmp_path / "r_2.xdf"]
    assert kept.all() == list(range(1010))
    assert not kept.lost
    assert streams_of(rescued)["amp"]["footer"]["info"]["sample_count"] == ["1000"]
    if fault is replace_by_another:
        assert (tmp_path / "r.xdf").read_bytes() == b"not ours"


@unix
@pytest.mark.parametrize("again", [False, True])
def test_the_newest_offset_is_in_the_next_file_though_it_was_written_last(tmp_path, again):
    kept = Kept(tmp_path / "r.xdf")
    kept.files.write(ClockOffset("eeg", 1.0, 0.5))
    kept.files.write(ClockOffset("eeg", 6.0, 0.25))
    kept.files.sync()
    rename(tmp_path / "r.xdf")
    kept.files.flush()
    if again:
        rename(tmp_path / "r_2.xdf")
        kept.files.flush()
    kept.files.close()
    assert streams_of(kept.files.paths[-1])["amp"]["clock_values"] == [0.25]
    assert len(kept.files.paths) == 2 + again


@unix
def test_what_was_deleted_and_cannot_be_written_again_is_counted(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    kept = Kept(folder / "r.xdf", tmp_path / "b")
    kept.write(20)
    kept.files.sync()
    kept.write()
    kept.files.flush()
    delete(folder / "r.xdf")
    folder.rmdir()
    folder.write_text("no folder")
    kept.files.flush()
    kept.write(5)
    kept.files.close()
    assert kept.lost == {"eeg": 30}
    assert indices(tmp_path / "b" / "r_2.xdf") == list(range(30, 35))
    assert any("was deleted and cannot be written again" in problem for problem in kept.problems)


@unix
def test_a_folder_that_was_deleted_is_made_again(tmp_path):
    folder = tmp_path / "session"
    folder.mkdir()
    kept = Kept(folder / "r.xdf")
    kept.write()
    kept.files.flush()
    delete(folder / "r.xdf")
    folder.rmdir()
    kept.files.flush()
    kept.write()
    kept.files.close()
    assert kept.all() == list(range(20))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@unix
def test_what_was_cut_off_and_is_in_no_memory_is_counted(tmp_path):
    kept = Kept(tmp_path / "r.xdf")
    for _ in range(10):
        kept.write(100)
    kept.files.sync()
    kept.write(50)
    kept.files.flush()
    size = (tmp_path / "r.xdf").stat().st_size
    os.truncate(tmp_path / "r.xdf", size - 100 * 17)  # into the chunk before the last, which was not safe
    kept.files.flush()
    kept.files.close()
    assert kept.lost == {"eeg": 100}
    assert indices(tmp_path / "r.xdf") == list(range(900))
    assert indices(tmp_path / "r_2.xdf") == list(range(1000, 1050))


@pytest.mark.parametrize("at", ["write", "flush", "sync", "all"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.ENODEV])
def test_a_disk_that_fails_is_left_for_a_folder_elsewhere(tmp_path, at, number):
    disk = Disk()
    (tmp_path / "a").mkdir()
    kept = Kept(tmp_path / "a" / "r.xdf", tmp_path / "b" / "c", disk=disk)
    kept.write()
    kept.files.sync()
    disk.broken[tmp_path / "a"], disk.at = number, at
    kept.write()
    kept.files.flush()
    kept.files.sync()
    kept.write()
    kept.files.close()
    assert kept.files.paths == [tmp_path / "a" / "r.xdf", tmp_path / "b" / "c" / "r_2.xdf"]
    assert [indices(path) for path in kept.files.paths] == [list(range(10)), list(range(10, 30))]
    assert not kept.lost
    assert os.strerror(number) in kept.problems[0]
    assert header(kept.files.paths[1])["continues bytes"] == str(kept.files.paths[0].stat().st_size)
    assert stat.S_IMODE((tmp_path / "b" / "c").stat().st_mode) == 0o700 or sys.platform == "win32"


def test_a_next_file_never_takes_a_name_that_is_taken(tmp_path):
    for number in (2, 3):
        (tmp_path / f"r_{number}.xdf").write_text("mine")
    disk = Disk()
    kept = Kept(tmp_path / "r.xdf", disk=disk)
    kept.write()
    disk.broken[tmp_path], disk.at = errno.EIO, "sync"
    kept.files.sync()
    assert kept.files.error.endswith("r.xdf cannot be written any more: Input/output error")
    disk.broken.clear()
    kept.files.close()
    assert kept.files.paths == [tmp_path / "r.xdf", tmp_path / "r_4.xdf"]
    assert kept.all() == list(range(10))
    assert [(tmp_path / f"r_{number}.xdf").read_text() for number in (2, 3)] == ["mine", "mine"]


def test_nothing_is_left_where_a_next_file_could_not_be_begun(tmp_path):
    disk = Disk()
    kept = Kept(tmp_path / "r.xdf", disk=disk)
    kept.write()
    disk.broken[tmp_path], disk.at = errno.ENOSPC, "sync"
    kept.files.sync()
    kept.files.close()
    assert [path.name for path in tmp_path.iterdir()] == ["r.xdf"]
    assert kept.lost == {"eeg": 10}
    assert indices(tmp_path / "r.xdf") == []


def test_files_that_are_lost_one_after_the_other_do_not_fill_a_folder(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    kept = Kept(tmp_path / "r.xdf")
    for _ in range(400):  # a minute and a half
        now[0] += 0.25
        kept.write(1)
        for path in tmp_path.glob("r*.xdf"):
            path.rename(path.with_name(f"moved {path.name}"))
        kept.files.flush()
    assert 4 <= len(list(tmp_path.iterdir())) <= 8
    kept.files.close()
    assert sorted(kept.all(*tmp_path.iterdir())) == list(range(400))


# The recorder over them: its states, its log, its thread.


def until(reached: Callable[[], bool]) -> None:
    """Wait for another thread, by a deadline."""
    end_s = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < end_s
        time.sleep(0.005)


@unix
@pytest.mark.parametrize("fault", FAULTS)
def test_the_recorder_notices_within_two_seconds_and_goes_on(tmp_path, fault):
    recorder = Recorder(tmp_path / "r.xdf")
    recorder.submit(StreamUp(EEG))
    recorder.submit(ramp(0))
    assert recorder.wait_flushed(30)
    begun_s = time.monotonic()
    fault(tmp_path / "r.xdf")
    until(lambda: len(recorder.status().paths) == 2)
    assert time.monotonic() - begun_s < 2.0
    recorder.submit(ramp(10))
    recorder.close()
    status = recorder.status()
    assert status.state is RecorderState.CLOSED
    assert sum(status.samples.values()) + sum(status.lost.values()) == 20
    assert indices(tmp_path / "r_2.xdf")[-10:] == list(range(10, 20))
    assert any(problem.startswith(f"{tmp_path / 'r.xdf'} was ") for problem in status.problems)


def test_while_no_place_works_what_comes_is_kept_and_then_lost_by_count_until_one_does(tmp_path):
    disk = Disk()
    recorder = Recorder(tmp_path / "r.xdf", queue_bytes=4000, open_writer=disk.writer)
    recorder.submit(StreamUp(EEG))
    recorder.submit(ramp(0))
    assert recorder.wait_flushed(30)
    disk.broken[tmp_path], disk.at = errno.ENOSPC, "all"
    recorder.submit(ramp(10))
    until(lambda: recorder.state is RecorderState.WAITING)
    assert "No space left on device" in recorder.error
    taken = [recorder.submit(ramp(k)) for k in range(20, 220, 10)]
    n_taken = sum(taken)
    assert taken == [True] * n_taken + [False] * (20 - n_taken)
    assert 0 < n_taken < 20
    assert recorder.state is RecorderState.FAILED
    before, n_failed = recorder.status().queue_bytes, disk.n_failed
    until(lambda: disk.n_failed >= n_failed + 2)  # it is tried again, and nothing is taken out of its bounds meanwhile
    assert recorder.status().queue_bytes == before > 3000
    disk.broken.clear()
    until(lambda: recorder.state is RecorderState.RECORDING)
    assert recorder.error == ""
    until(lambda: recorder.submit(ramp(220)))
    recorder.close()
    status = recorder.status()
    n = 20 + 10 * n_taken
    assert [index for path in status.paths for index in indices(path)] == [*range(n), *range(220, 230)]
    assert status.lost["eeg"] >= 220 - n
    assert status.state is RecorderState.CLOSED


def test_a_recording_that_no_place_takes_to_the_end_has_failed_and_counts_it(tmp_path):
    disk = Disk()
    recorder = Recorder(tmp_path / "r.xdf", open_writer=disk.writer)
    recorder.submit(StreamUp(EEG))
    recorder.submit(ramp(0))
    assert recorder.wait_flushed(30)
    disk.broken[tmp_path], disk.at = errno.EIO, "all"
    recorder.submit(ramp(10))
    recorder.close()
    status = recorder.status()
    assert status.state is RecorderState.FAILED
    assert sum(status.samples.values()) + status.lost["eeg"] == 20
    assert status.lost["eeg"] >= 10


def test_the_log_has_every_coming_and_going_at_its_place_among_the_samples(tmp_path):
    now = iter(range(100))
    recorder = Recorder(tmp_path / "r.xdf", session_id="s1", clock=lambda: float(next(now)))
    changed = replace(EEG, stream_id="eeg again", nominal_rate_hz=250.0)
    items = [
        StreamUp(EEG),
        ramp(0, 10),
        StreamUp(GAZE),
        ramp(0, 3, "gaze"),
        StreamNotice("gaze", "its stamps are not seconds", trusted=False),
        ramp(3, 3, "gaze"),
        ramp(10, 5),
        StreamDown("eeg", StreamState.LOST, "no data"),
        StreamNotice("gaze", "believed again", trusted=True),
        StreamUp(changed, replaces="eeg"),
        ramp(0, 4, "eeg again"),
        StreamDown("who", StreamState.LOST, "never announced"),
        StreamDown("eeg again", StreamState.STALLED, "quiet"),
    ]
    for item in items:
        recorder.submit(item)
    recorder.annotate("Ärger", 8.0)
    recorder.submit(ramp(4, 4, "eeg again"))
    recorder.close()
    streams = streams_of(tmp_path / "r.xdf")
    numbers = {stream["info"]["stream_id"]: name for name, stream in streams.items()}
    assert numbers[3] == "tracker"
    assert entries(tmp_path / "r.xdf") == [
        LogEntry("up", 1, 0),
        LogEntry("up", 3, 0),
        LogEntry("notice", 3, 3, text="its stamps are not seconds", trusted=False),
        LogEntry("down", 1, 15, state=StreamState.LOST, text="no data"),
        LogEntry("notice", 3, 6, text="believed again", trusted=True),
        LogEntry("up", 4, 0, replaces=1),
        LogEntry("down", 4, 4, state=StreamState.STALLED, text="quiet"),
        LogEntry("annotation", text="Ärger", noted=True),
    ]
    log = streams[LOG_NAME]
    assert log["time_stamps"].tolist() == [0, 1, 2, 3, 4, 5, 7, 8]
    assert log["info"]["source_id"] == ["rtemo_recorder s1"]
    assert (log["clock_times"], log["clock_values"]) == ([0.0], [0.0])
    assert recorder.status().samples == {"eeg": 15, "gaze": 6, "eeg again": 8}


def test_a_stream_that_goes_on_where_it_was_replaces_nothing(tmp_path):
    recorder = Recorder(tmp_path / "r.xdf")
    back = replace(EEG, stream_id="eeg again", uid="another")
    for item in (StreamUp(EEG), ramp(0), StreamDown("eeg", StreamState.LOST, ""), StreamUp(back, replaces="eeg")):
        recorder.submit(item)
    recorder.close()
    assert entries(tmp_path / "r.xdf")[-1] == LogEntry("up", 1, 10)


def test_a_stream_that_has_the_name_of_the_log_is_kept_apart(tmp_path):
    other = replace(EEG, stream_id=LOG_NAME)
    recorder = Recorder(tmp_path / "r.xdf")
    recorder.submit(StreamUp(other))
    recorder.submit(ramp(0, 10, LOG_NAME))
    recorder.close()
    assert indices(tmp_path / "r.xdf") == list(range(10))
    assert entries(tmp_path / "r.xdf") == [LogEntry("up", 1, 0)]


def test_a_recording_of_nothing_has_a_log_too(tmp_path):
    Recorder(tmp_path / "r.xdf").close()
    assert list(streams_of(tmp_path / "r.xdf")) == [LOG_NAME]


def test_the_header_is_on_the_disk_before_anything_else(tmp_path, monkeypatch):
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_ino), sync(number)))
    files = RecordingFiles(tmp_path / "r.xdf", "", (), XdfWriter, print, print, lambda: 7.0)
    assert (tmp_path / "r.xdf").read_bytes()[:4] == b"XDF:"
    assert header(tmp_path / "r.xdf")["version"] == "1.0"
    expected = [tmp_path / "r.xdf"] if sys.platform == "win32" else [tmp_path / "r.xdf", tmp_path]
    assert synced == [path.stat().st_ino for path in expected]
    files.close()


@unix
def test_a_recording_is_for_its_owner_alone(tmp_path):
    Recorder(tmp_path / "r.xdf").close()
    assert stat.S_IMODE((tmp_path / "r.xdf").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a\0b.xdf", "\udcff\ud800.xdf", "x" * 300 + ".xdf", "no/such/folder.xdf"])
def test_a_name_that_no_disk_takes_is_refused_in_one_sentence(tmp_path, name):
    with pytest.raises(RtemoError, match="cannot record to") as caught:
        Recorder(tmp_path / name)
    assert "\n" not in str(caught.value)
