"""The dialogs of a session, what is remembered, the disk, the report, the keys."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QLabel, QMessageBox, QWidget
from scripted import RECORDING, ScriptedClient, snapshot, stream

from rtemo.commands.console import stop_with
from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality, StreamState
from rtemo.gui import texts
from rtemo.gui.bars.report_bar import ReportBar
from rtemo.gui.demo_process import DemoProcess
from rtemo.gui.dialogs.baseline_dialog import BaselineDialog
from rtemo.gui.dialogs.calibration_dialog import CalibrationDialog
from rtemo.gui.dialogs.help_dialogs import ShortcutsDialog
from rtemo.gui.dialogs.labelled_intervals import LabelledInterval, marked_intervals
from rtemo.gui.dialogs.open_dialogs import ask_quit
from rtemo.gui.disk_space import DiskWatch, RecordingTimeLeft
from rtemo.gui.layout.window_layout import LastUsedSettings
from rtemo.gui.menus import keys_of
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase, Progress, ReportState, ReportView
from rtemo.live.session.readiness import obstacle
from rtemo.model.personal.session_notes import LabelGiven, LabelWithdrawn
from rtemo.recordings.session_facts import note_event
from rtemo.sources.session_settings import SessionSettings, settings_text
from rtemo.sources.stream_choice import StreamQuery

EVIL = "<b>x</b>"
LOST = StreamState.LOST
RUNNING = snapshot(phase=Phase.RUNNING, subject="P", recorder=RECORDING, started_s=40.0, time_s=100.0)


@pytest.fixture
def client():
    return ScriptedClient()


@pytest.fixture
def state():
    found = WindowState()
    found.update(RUNNING)
    return found


def test_a_baseline_is_asked_for_followed_and_judged(qtbot, state, client):
    dialog = BaselineDialog(state, client.send, 60.0)
    qtbot.addWidget(dialog)
    dialog.begin.click()
    assert client.sent == [("baseline", {"seconds": 60.0})]
    state.update(replace(RUNNING, seq=2, progress=Progress("baseline", 15.0, 60.0)))
    dialog.refresh({SnapshotPart.STATE})
    assert "0:45" in dialog.message.text()
    assert dialog.bar.value() == 250
    assert not dialog.begin.isEnabled()
    state.update(replace(RUNNING, seq=3, progress=Progress("baseline", 60.0, 60.0, f"not good: {EVIL}")))
    dialog.refresh({SnapshotPart.STATE})
    assert EVIL in dialog.message.text()
    assert dialog.message.textFormat() == Qt.TextFormat.PlainText
    assert dialog.begin.text() == texts.REPEAT
    assert dialog.begin.isEnabled()


def test_the_cross_is_shown_while_the_baseline_runs(qtbot, state, client):
    dialog = BaselineDialog(state, client.send, 60.0)
    qtbot.addWidget(dialog)
    assert dialog.cross.count() == 1 + len(QGuiApplication.screens())
    dialog.cross.setCurrentIndex(1)
    dialog.begin.click()
    cross = dialog._cross
    assert cross.isVisible()
    assert not cross.grab().isNull()
    state.update(replace(RUNNING, seq=3, progress=Progress("baseline", 60.0, 60.0, "good")))
    dialog.refresh({SnapshotPart.STATE})
    assert dialog._cross is None


def test_without_a_session_there_is_no_baseline_and_no_calibration(qtbot, client):
    state = WindowState()
    state.update(snapshot())
    for dialog in (BaselineDialog(state, client.send, 60.0), CalibrationDialog(state, client.send)):
        qtbot.addWidget(dialog)
        assert "Start a session first" in dialog.message.text()
    assert not dialog.fit.isEnabled()


def test_stretches_are_labelled_by_hand_and_by_markers_then_fitted(qtbot, state, client):
    marks = [(50, "clip/start emotion=sad"), (70, "clip/end emotion=sad"), (80, "clip/start emotion=happy")]
    events = tuple({"time_s": t, "kind": "marker", "text": text, "stream": "m"} for t, text in marks)
    state.update(replace(RUNNING, seq=2, events=events))
    dialog = CalibrationDialog(state, client.send)
    qtbot.addWidget(dialog)
    assert not dialog.fit.isEnabled()
    dialog.add_marked.click()
    dialog.label.setCurrentText("happy")
    dialog.seconds.setValue(10)
    dialog.add.click()
    assert client.sent == [
        ("label", {"label": "sad", "begin_s": 50.0, "end_s": 70.0}),
        ("label", {"label": "happy", "begin_s": 90.0, "end_s": 100.0}),
    ]
    notes = (LabelGiven(0, "sad", 50.0, 70.0), LabelGiven(1, "neutral", 1.0, 2.0), LabelWithdrawn(1))
    notes = (*notes, LabelGiven(2, "happy", 90.0, 100.0))
    noted = [json.loads(note_event(100.0, note).to_json_line()) for note in notes]
    state.update(replace(RUNNING, seq=3, events=tuple(noted)))
    dialog.refresh({SnapshotPart.EVENTS})
    assert dialog.list.count() == 2
    assert not dialog.add_marked.isEnabled()  # nothing is labelled twice
    dialog.fit.click()
    dialog.undo.click()
    dialog.list.setCurrentRow(1)
    dialog.remove.click()
    assert client.sent[2:] == [("calibrate", {}), ("uncalibrate", {}), ("forget_label", {"index": 2})]
    forgotten = json.loads(note_event(101.0, LabelWithdrawn(2)).to_json_line())
    state.update(replace(RUNNING, seq=4, events=(forgotten,)))
    dialog.refresh({SnapshotPart.EVENTS})
    assert dialog.list.count() == 1
    assert not dialog.fit.isEnabled()  # one emotion is nothing to tell apart


def test_the_verdict_of_a_calibration_is_shown_and_a_refusal_too(qtbot, state):
    def refuse(command, **arguments):
        raise RtemoError(f"the engine knows no command {command!r}")

    dialog = CalibrationDialog(state, refuse)
    qtbot.addWidget(dialog)
    dialog.add.click()
    assert "knows no command" in dialog.message.text()
    state.update(replace(RUNNING, seq=2, progress=Progress("calibration", 1.0, math.nan)))
    dialog.refresh({SnapshotPart.STATE})
    assert dialog.bar.maximum() == 0
    assert not dialog.fit.isEnabled()
    state.update(replace(RUNNING, seq=3, progress=Progress("calibration", 4.0, 4.0, f"rolled back {EVIL}")))
    dialog.refresh({SnapshotPart.STATE})
    assert dialog.message.text() == f"rolled back {EVIL}"
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in dialog.findChildren(QLabel))


def test_only_conditions_that_ended_and_name_one_label_are_stretches():
    texts_ = [(0, "sad start"), (5, "sad end"), (6, "sad or happy start"), (9, "sad or happy end"), (10, "fear start")]
    marks = [{"time_s": t, "kind": "marker", "text": text} for t, text in texts_]
    assert marked_intervals(marks, ("sad", "happy", "fear")) == [LabelledInterval("sad", 0.0, 5.0)]


def test_the_disk_is_judged_by_how_fast_it_fills():
    watch = DiskWatch()
    for k in range(30):
        watch.update(replace(RECORDING, bytes_written=k * 1_000_000, free_bytes=20_000_000_000), 100.0 + k)
    assert watch.left_s == pytest.approx(20_000)
    assert watch.time_left is RecordingTimeLeft.ENOUGH
    watch.update(replace(RECORDING, bytes_written=30_000_000, free_bytes=2_100_000_000), 130.0)
    assert watch.time_left is RecordingTimeLeft.LOW  # 35 minutes
    watch.update(replace(RECORDING, bytes_written=31_000_000, free_bytes=500_000_000), 131.0)
    assert watch.time_left is RecordingTimeLeft.ALMOST_NONE
    watch.update(replace(RECORDING, path="another.xdf", free_bytes=500_000_000), 132.0)
    assert (watch.left_s, watch.time_left) == (math.inf, RecordingTimeLeft.LOW)
    watch.update(None, 133.0)
    assert watch.time_left is RecordingTimeLeft.ENOUGH


@pytest.mark.parametrize(
    ("streams", "required", "why"),
    [
        ((), (), "no EEG or gaze stream is chosen"),
        ((stream("eeg"),), (), ""),
        ((stream("eeg"),), (Modality.EEG, Modality.GAZE), "no gaze stream, and the settings require it"),
        ((stream("eeg"), stream("gaze", state=StreamState.STALLED)), (), "no data from gaze stream"),
        ((stream("eeg"), stream("gaze", state=StreamState.STALLED)), (Modality.EEG,), ""),
        ((stream("eeg", "amp"), stream("eeg", "amp", state=LOST), stream("gaze")), (), ""),  # its ghost
        ((stream("eeg", "amp", state=LOST), stream("eeg", "other"), stream("gaze")), (), "no data from amp"),
        ((stream("eeg"), stream("markers", state=StreamState.WAITING)), (Modality.MARKERS,), ""),
        (
            (stream("eeg"), stream("markers", state=StreamState.LOST)),
            (Modality.MARKERS,),
            "no data from markers stream",
        ),
    ],
)
def test_required_streams_must_deliver_before_a_start(streams, required, why):
    assert obstacle(streams, required) == why


def test_a_pinned_stream_that_is_not_there_is_waited_for():
    state = WindowState()
    settings = SessionSettings(queries={Modality.GAZE: StreamQuery(name="Eye"), Modality.EEG: StreamQuery(name="a")})
    changed = state.update(snapshot(streams=(stream("eeg"),), settings=settings_text(settings)))
    assert SnapshotPart.SETTINGS in changed
    assert state.awaited == [("gaze", "name=Eye")]


def test_settings_are_remembered_once_they_were_changed(tmp_path):
    path = tmp_path / "config" / "last.toml"
    last_used = LastUsedSettings(path)
    first, second = (settings_text(SessionSettings(baseline_s=s)) for s in (60.0, 90.0))
    last_used.update(snapshot(settings=first))
    assert not path.exists()  # as they were found
    last_used.update(snapshot(settings=second, phase=Phase.REPLAY))
    assert not path.exists()
    last_used.update(snapshot(settings=second))
    assert path.read_text() == second
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("a file in the way")
    last_used.update(snapshot(settings=first))  # is no reason to disturb anybody
    LastUsedSettings(None).update(snapshot(settings=first))


def test_the_report_is_told_opened_and_put_away(qtbot, monkeypatch):
    state, opened = WindowState(), []
    monkeypatch.setattr(
        "rtemo.gui.bars.report_bar.QDesktopServices.openUrl", lambda url: opened.append(url.toLocalFile())
    )
    bar = ReportBar(state)
    qtbot.addWidget(bar)
    assert not bar.wanted
    report = ReportView(f"/data/{EVIL}/report.html", ReportState.WRITING)
    for report_state in (ReportState.WRITING, ReportState.FAILED, ReportState.READY):
        state.update(snapshot(report=replace(report, state=report_state, error=EVIL)))
        bar.refresh({SnapshotPart.STATE})
        assert bar.wanted
        assert bar.open.isEnabled() is (report_state is ReportState.READY)
    assert bar.message.textFormat() == Qt.TextFormat.PlainText
    bar.open.click()
    bar.folder.click()
    assert opened == [f"/data/{EVIL}/report.html", f"/data/{EVIL}"]
    bar.dismiss.click()
    assert not bar.wanted
    state.update(snapshot(report=replace(report, path="/data/next/report.html")))
    assert bar.wanted


def test_all_keys_are_listed(qtbot):
    action = QAction("&Write")
    action.setShortcuts([QKeySequence("F1"), QKeySequence("?")])
    listed = keys_of([action, QAction("no key")])
    assert listed == [("Write", "F1  ·  ?")]
    dialog = ShortcutsDialog({"Help": listed, "Empty": []})
    qtbot.addWidget(dialog)
    words = [label.text() for label in dialog.findChildren(QLabel)]
    assert words == ["Help", "Write", "F1  ·  ?"]


def test_a_demonstration_that_fails_says_why(qtbot, tmp_path):
    window = QWidget()
    qtbot.addWidget(window)
    code = f"import sys; print('error: {EVIL}', file=sys.stderr); sys.exit(2)"
    demo = DemoProcess(window, ("-c", code), tmp_path / "demo.log")
    demo.timer.setInterval(20)
    qtbot.waitUntil(lambda: bool(window.findChildren(QMessageBox)), timeout=20_000)
    (box,) = window.findChildren(QMessageBox)
    assert EVIL in box.informativeText()
    assert str(tmp_path / "demo.log") in box.text()
    assert box.textFormat() == Qt.TextFormat.PlainText
    box.close()


@pytest.mark.parametrize(
    ("outlives_window", "answers"),
    [(True, {texts.QUIT_KEEP, texts.QUIT_STOP, texts.QUIT_CANCEL}), (False, {texts.QUIT_STOP, texts.QUIT_CANCEL})],
)
def test_a_session_is_left_to_itself_only_where_it_can_go_on(qtbot, monkeypatch, outlives_window, answers):
    window = QWidget()
    qtbot.addWidget(window)
    seen = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: seen.append({b.text() for b in box.buttons()}))
    assert ask_quit(window, outlives_window=outlives_window) == texts.QUIT_CANCEL  # nothing was clicked
    assert seen == [answers]


def test_an_engine_ends_with_the_process_that_it_belongs_to():
    stop, owner = threading.Event(), subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    stop_with(None, stop)
    stop_with(owner.pid, stop)
    assert not stop.is_set()
    owner.communicate()
    assert stop.wait(20.0)
