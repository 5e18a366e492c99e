"""An engine's log: failures with their tracebacks, bounded, private, and never in the way."""

from __future__ import annotations

import logging
import os
import stat

import pytest

from rtemo.live.diagnostics.doctor import check_log
from rtemo.live.diagnostics.finding import FindingState
from rtemo.live.log_file import BACKUPS, BYTES, log_path, start_log, stop_log
from rtemo.recordings.events import Event, EventKind, EventLog


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
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + BACKUPS
    assert all(file.stat().st_size <= BYTES for file in files)
    assert path in files


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
