"""An engine's log: failures with their tracebacks, bounded, private, and never in the way."""

from __future__ import annotations

import errno
import io
import logging
import os
import re
import stat
import subprocess
import sys
import threading

import pytest
from hand_fed import Lab, wait_for

from rtemo.core.errors import RtemoError
from rtemo.live import log_file
from rtemo.live.diagnostics.doctor import check_log
from rtemo.live.diagnostics.finding import FindingState
from rtemo.live.log_file import BACKUPS, BYTES, log_path, logged, start_log, stop_log
from rtemo.live.service.snapshot import Phase
from rtemo.recordings.events import Event, EventKind, EventLog
from rtemo.simulate.plan import SimulationPlan
from rtemo.simulate.session import SimulatedSession


@pytest.fixture(autouse=True)
def closed():
    yield
    stop_log()
    logging.getLogger("rtemo").setLevel(logging.NOTSET)


def test_what_fails_is_in_the_log_with_its_traceback(tmp_path):
    path = start_log("engine", tmp_path / "logs")
    log = EventLog()
    log.add(Event(1.0, EventKind.STREAM_DOWN, "lost: gone", "Tobii"))
    log.add(Event(2.0, EventKind.ANNOTATION, "a private remark"))
    try:
        1 / 0  # noqa: B018 - any exception will do
    except ZeroDivisionError:
        logging.getLogger("rtemo.engine").exception("the engine stopped")
    text = path.read_text()
    assert "stream_down: Tobii: lost: gone" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "Traceback" in text
    assert "private remark" not in text
    assert log_path() == path


@pytest.mark.skipif(os.name == "nt", reason="Windows' folders of a user are private anyway")
def test_only_the_user_can_read_it(tmp_path):
    path = start_log("engine", tmp_path / "logs")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_it_never_grows_beyond_its_bound(tmp_path):
    path = start_log("engine", tmp_path)
    log = EventLog()
    for k in range(400):
        log.add(Event(float(k), EventKind.LOSS, "x" * 20_000))
    files = sorted(tmp_path.glob("*.log*"))
    assert len(files) == 1 + BACKUPS
    assert all(file.stat().st_size <= BYTES for file in files)
    assert path in files


def test_files_are_few_whatever_the_processes_are_numbered(tmp_path):
    for pid in (77, 1234, 99999):
        assert start_log(f"live-{pid}-recorder", tmp_path) == tmp_path / "live-recorder.log"
    assert [path.name for path in tmp_path.glob("*.log")] == ["live-recorder.log"]


WRITES = """
import logging, sys
from pathlib import Path
from rtemo.live.log_file import start_log
print(start_log("live", Path(sys.argv[1])).name, flush=True)
logging.getLogger("rtemo").error("mine")
sys.stdin.readline()
"""


def test_two_that_write_at_once_have_a_file_each(tmp_path):
    command = [sys.executable, "-c", WRITES, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as first:
        assert first.stdout.readline() == "live.log\n"
        with subprocess.Popen(command, **pipes) as second:
            assert second.stdout.readline() == "live-2.log\n"
            second.communicate("\n", timeout=60)
        first.communicate("\n", timeout=60)
    assert start_log("live", tmp_path) == tmp_path / "live.log"
    assert (tmp_path / "live-2.log").read_text().count("mine") == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "a/b", "", "ü" * 300])
def test_a_name_stays_inside_the_folder(tmp_path, name):
    assert start_log(name, tmp_path).parent == tmp_path


def test_a_place_that_cannot_be_written_gives_no_log_and_doctor_names_it(tmp_path):
    (tmp_path / "file").write_text("")
    assert start_log("engine", tmp_path / "file") is None
    assert log_path() is None
    EventLog().add(Event(1.0, EventKind.FAILURE, "goes on"))
    assert check_log(tmp_path / "file" / "logs").state is FindingState.WARN
    start_log("engine", tmp_path)
    assert "engine.log" in check_log(tmp_path).fact


def test_an_exception_in_the_engine_is_logged_with_its_traceback_and_the_failure_names_the_file(tmp_path):
    path = start_log("engine", tmp_path)
    lab = Lab(SimulatedSession(SimulationPlan.for_duration(3, 20, eeg_channels=8, eeg_rate_hz=250)))
    try:
        lab.feed(2)
        lab.supply.failure = ZeroDivisionError("an unexpected one")
        state = wait_for(lambda: lab.controller.feed.state.phase is Phase.FAILED and lab.controller.feed.state)
    finally:
        lab.close()
    assert str(path) in state.failure
    text = path.read_text()
    assert "Traceback" in text
    assert "ZeroDivisionError: an unexpected one" in text


def broken():
    raise ZeroDivisionError("in a thread")


def break_twice():
    with logged("engine", print):
        thread = threading.Thread(target=broken, name="clients")
        thread.start()
        thread.join()
        raise ValueError("in the block")


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr("rtemo.live.log_file.log_folder", lambda: tmp_path / "logs")
    return tmp_path / "logs"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_the_engine_or_a_thread_of_it_is_logged_and_the_message_names_the_file(logs, capsys):
    with pytest.raises(ValueError, match="in the block") as raised:
        break_twice()
    text = (logs / "engine.log").read_text()
    assert "thread clients stopped" in text
    assert "ZeroDivisionError: in a thread" in text
    assert "ValueError: in the block" in text
    assert raised.value.__notes__ == [f"see {logs / 'engine.log'}"]
    assert log_path() is None


def test_what_the_user_can_mend_passes_without_a_traceback(logs):
    with pytest.raises(RtemoError), logged("engine", print):
        raise RtemoError("no such file")
    assert (logs / "engine.log").read_text() == ""


def test_a_folder_that_cannot_be_written_is_named_once_and_the_work_goes_on(logs, capsys):
    logs.write_text("a file, no folder")
    warnings = []
    with logged("engine", warnings.append):
        EventLog().add(Event(1.0, EventKind.FAILURE, "goes on"))
    assert len(warnings) == 1
    assert str(logs) in warnings[0]
    assert capsys.readouterr().err == ""


class FullDisk(io.StringIO):
    def write(self, _text):
        raise OSError(errno.ENOSPC, "no space left on device")

    def flush(self):
        self.write("")


def test_a_log_that_breaks_later_is_named_once_and_the_work_goes_on(tmp_path, capsys):
    path = start_log("engine", tmp_path)
    (handler,) = [one for one in logging.getLogger("rtemo").handlers if hasattr(one, "stream")]
    handler.stream.close()
    handler.stream = FullDisk()
    for _ in range(3):
        EventLog().add(Event(1.0, EventKind.FAILURE, "goes on"))
    assert capsys.readouterr().err.count(str(path)) == 1


def test_logs_lie_in_a_folder_of_rtemos_own_without_its_author(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(log_file.platformdirs, "user_log_path", lambda *n, **more: asked.append((n, more)) or tmp_path)
    assert log_file.log_folder() == tmp_path
    assert asked == [(("rtemo",), {"appauthor": False})]


def test_a_line_has_time_process_level_and_what_wrote_it(tmp_path, monkeypatch):
    monkeypatch.setattr(logging.getLogger("rtemo"), "propagate", False)  # pytest's workers cannot send such a character
    path = start_log("engine", tmp_path / "a" / "b")
    logging.getLogger("rtemo.engine").info("half a character \udce9")
    logging.getLogger("rtemo.engine").debug("not this")
    stop_log()
    (line,) = path.read_text(encoding="utf-8").splitlines()
    stamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}"
    assert re.fullmatch(rf"{stamp} {os.getpid()} INFO rtemo\.engine: half a character \\udce9", line)


@pytest.mark.parametrize(("name", "stem"), [("n" * 40, "n" * 40), ("n" * 41, "n" * 40), ("", "engine")])
def test_names_are_cut(tmp_path, name, stem):
    assert start_log(name, tmp_path) == tmp_path / f"{stem}.log"


def test_as_many_as_may_write_one_name_have_a_number_each(tmp_path):
    claims = []
    for number in range(1, 17):
        path, claim = log_file._free_file(tmp_path, "live")
        claims.append(claim)
        assert path.name == ("live.log" if number == 1 else f"live-{number}.log")
    assert start_log("live", tmp_path) is None
    with pytest.raises(OSError, match=r"16 processes write live\.log"):
        log_file._free_file(tmp_path, "live")
    for claim in claims:
        claim.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_exceptions_of_threads_are_printed_too_and_afterwards_taken_as_before(logs, capsys):
    before = threading.excepthook
    with pytest.raises(ValueError, match="in the block"):
        break_twice()
    assert threading.excepthook is before
    assert "engine stopped" in (logs / "engine.log").read_text()
    assert "ZeroDivisionError: in a thread" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said_and_an_error_names_no_file(logs):
    logs.write_text("a file, no folder")
    warnings = []
    with pytest.raises(ValueError, match="in the block") as raised, logged("engine", warnings.append):
        raise ValueError("in the block")
    assert warnings == [f"warning: no log can be written in {logs}; see rtemo doctor"]
    assert getattr(raised.value, "__notes__", []) == []


def test_where_a_log_can_be_written_nothing_is_said(logs):
    warnings = []
    with logged("engine", warnings.append):
        assert log_path() == logs / "engine.log"
    assert (warnings, log_path()) == ([], None)
    assert logging.getLogger("rtemo").level == logging.INFO


def broken_handler(tmp_path):
    path = start_log("engine", tmp_path)
    (handler,) = [one for one in logging.getLogger("rtemo").handlers if hasattr(one, "stream")]
    handler.stream.close()
    handler.stream = FullDisk()
    return path


def test_what_is_said_of_a_log_that_breaks(tmp_path, capsys):
    path = broken_handler(tmp_path)
    logging.getLogger("rtemo").error("lost")
    text = f"warning: {path} cannot be written any more: [Errno 28] no space left on device\n"
    assert capsys.readouterr().err == text


def test_a_program_without_standard_error_goes_on(tmp_path, monkeypatch):
    broken_handler(tmp_path)
    monkeypatch.setattr(sys, "stderr", None)
    logging.getLogger("rtemo").error("lost")
    stop_log()
    assert log_path() is None


@pytest.mark.parametrize(
    ("thread", "error", "logged_as"),
    [
        (threading.Thread(name="clients"), ValueError("x"), ["thread clients stopped"]),
        (None, ValueError("x"), ["thread ? stopped"]),
        (None, None, []),
    ],
)
def test_how_an_exception_of_a_thread_is_logged(monkeypatch, caplog, thread, error, logged_as):
    printed = []
    monkeypatch.setattr(threading, "__excepthook__", printed.append)
    args = threading.ExceptHookArgs((type(error), error, None, thread))
    log_file._log_thread(args)
    assert [record.getMessage() for record in caplog.records if record.name == "rtemo"] == logged_as
    assert [record.exc_info[1] for record in caplog.records] == [error] * len(logged_as)
    assert printed == [args]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("live-12-recorder-7", "live-recorder"),
        ("live-12", "live"),
        ("12", "12"),
        ("a b/c", "a-b-c"),
        ("A_9", "A_9"),
        ("p12-x", "p12-x"),
    ],
)
def test_a_files_name_has_no_process_number(tmp_path, name, stem):
    assert start_log(name, tmp_path) == tmp_path / f"{stem}.log"


def test_another_log_closes_the_one_before(tmp_path):
    first = start_log("one", tmp_path)
    logging.getLogger("rtemo").error("first")
    second = start_log("two", tmp_path)
    logging.getLogger("rtemo").error("second")
    assert log_path() == second
    assert ("first" in first.read_text(), "second" in first.read_text()) == (True, False)
    assert "second" in second.read_text()
