"""What leads through a session and how it looks, sentence by sentence: the real window on snapshots made by hand."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QEvent, QMimeData, QObject, QPoint, QPointF, Qt, QUrl, Signal
from PySide6.QtGui import QColor, QDragEnterEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton
from scripted import BUNDLE, RECORDING, block, channels, feed, prediction, replay, snapshot, stream

import rtemo
from rtemo import resources
from rtemo.core.channel_map import Scene
from rtemo.core.types import Modality, StreamState
from rtemo.gui import texts
from rtemo.gui.dialogs.open_dialogs import SessionDialogs
from rtemo.gui.painting.colours import DARK
from rtemo.gui.study import gaze_check, words
from rtemo.gui.study.export_dialog import ExportDialog
from rtemo.gui.views.signals.canvas import BAR_MIN_PX, scale_bar
from rtemo.gui.views.streams import MISSING, RECORDED, REQUIRED, ROLE
from rtemo.live.service.snapshot import GazeBlock, Health, Phase
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.study_settings import ProtocolBlock, Study

ASK_STOP = SessionDialogs.ask_stop  # the real question; conftest answers it for all other tests
WHEN = datetime(2026, 1, 2, 3, 4, 5)


def preview(seq=1, settings=None, **more):
    return snapshot(seq=seq, settings=settings_text(settings or SessionSettings()), **more)


def running(seq=1, time_s=100.0, settings=None, **more):
    values = {"recorder": RECORDING, "started_s": 40.0, "subject": "P07", "folder": "/data/s"}
    values["settings"] = settings_text(settings or SessionSettings(subject="P07"))
    return snapshot(phase=Phase.RUNNING, seq=seq, time_s=time_s, **(values | more))


def sent(window, name):
    return [arguments for command, arguments in window.client.sent if command == name]


def steps(window):
    return [part for part in window.views.strip.alarm.text().split("     ") if part]


# The checklist.


def test_the_checklist_ticks_itself_off_from_the_first_screen_to_the_baseline(window):
    window.resize(2600, 900)  # room for all steps, done or not
    feed(window, snapshot(phase=Phase.IDLE, streams=(), channels=()))
    first = window.views.welcome.steps.text().split("\n")
    assert first == ["○ EEG", "○ Eye tracker", "○ Participant id", "○ Ready", "○ Baseline (Ctrl+B)"]
    waiting = stream("gaze", state=StreamState.WAITING)
    feed(window, preview(streams=(stream("eeg"), waiting)))
    assert steps(window)[:3] == ["✓ EEG, 8 channels, 500 Hz", "○ Eye tracker", "○ Participant id"]
    feed(window, preview(2))
    assert steps(window)[1:4] == ["✓ Eye tracker, 8 channels, 500 Hz", "○ Participant id", "○ Ready"]
    window.views.session.subject.setText("P07")
    feed(window, preview(3))
    assert steps(window)[2:] == ["✓ Participant id", "○ Start the session (Ctrl+R)", "○ Baseline (Ctrl+B)"]
    feed(window, running(4))
    assert steps(window) == ["○ Baseline (Ctrl+B)"]
    begun = {"time_s": 100.0, "kind": "annotation", "text": "baseline begins: 30 s"}
    begun["details"] = {"fact": "baseline_begins"}
    feed(window, running(5, 100.1, events=(begun,)))
    assert steps(window) == []  # all is done


def test_late_predictions_and_a_battery_speak_against_a_start(window, monkeypatch):
    battery = namedtuple("battery", "power_plugged")
    power = {"plugged": True}
    monkeypatch.setattr("psutil.sensors_battery", lambda: battery(power["plugged"]), raising=False)
    window.views.session.subject.setText("P07")
    feed(window, preview(time_s=10_000.0, health=Health(3.0, 499.0, 0, 0, 1.0, 1.0)))
    assert not [step for step in steps(window) if step.startswith("!")]
    power["plugged"] = False
    feed(window, preview(2, time_s=10_100.0, health=Health(3.0, 640.0, 0, 0, 1.0, 1.0)))
    assert f"! {texts.CONCERN_LATENCY.format(ms=640)}" in steps(window)
    assert f"! {texts.CONCERN_POWER}" in steps(window)


# The table of streams.


def test_a_role_is_taken_away_and_what_was_ticked_is_unticked_in_the_table(window):
    other = stream("", "ECG", stream_id="ecg", recorded=True)
    markers = stream("markers", nominal_hz=float("nan"))
    lossy = stream("eeg", n_missing=1234)
    settings = SessionSettings(required=(Modality.EEG,))
    feed(window, preview(settings=settings, streams=(lossy, stream("gaze"), other, markers)))
    table = window.views.streams.table
    row = {one.stream_id: k for k, one in enumerate(table.streams)}
    eeg, gaze, ecg, marks = (row[name] for name in ("id-eeg", "id-gaze", "ecg", "id-markers"))
    assert [table.index(row, MISSING).data() for row in (eeg, gaze, ecg)] == ["1,234", "0", ""]
    assert table.setData(table.index(gaze, ROLE), "")
    assert table.setData(table.index(eeg, ROLE), "eeg")  # it is that already
    assert sent(window, "choose") == [{"role": "gaze", "stream_id": ""}]
    tick = Qt.ItemDataRole.CheckStateRole
    assert table.index(ecg, RECORDED).data(tick) is Qt.CheckState.Checked
    table.setData(table.index(ecg, RECORDED), Qt.CheckState.Unchecked.value, tick)
    table.setData(table.index(marks, ROLE), "")  # markers have no role to be open to others: they are not recorded
    assert sent(window, "record_stream") == [
        {"stream_id": "ecg", "recorded": False},
        {"stream_id": "id-markers", "recorded": False},
    ]
    assert table.index(eeg, REQUIRED).data(tick) is Qt.CheckState.Checked
    table.setData(table.index(eeg, REQUIRED), Qt.CheckState.Unchecked.value, tick)
    assert parse_settings(sent(window, "describe")[-1]["settings"]).required == ()


# The study.


def kept(root, subject, **more):
    folder = SessionFolder.create(root, subject, WHEN)
    folder.write_settings(SessionSettings(subject=subject, **more), {}, {"started": WHEN.isoformat()}, {})
    return folder


def test_the_form_warns_of_what_is_recorded_counts_runs_on_and_begins_anew_for_the_next_one(window, tmp_path):
    window.views.session.root = str(tmp_path)
    kept(tmp_path, "P07", session="01", task="films", run=2)
    feed(window, preview(settings=SessionSettings(session="01", task="films", run=2, conditions=("film *",))))
    window.dialogs.index.look(str(tmp_path))
    window.dialogs.index.wait()
    window.dialogs.ask_session()
    form = window.dialogs.open["session"]
    form.subject.setText("P07")
    assert (form.message.text(), form.message.objectName()) == (words.KNOWN_RUN.format(subject="P07"), "warn")
    form.task.setFocus()
    form.subject.editingFinished.emit()
    assert form.run.value() == 3
    assert form.message.text() == "P07 has 1 session here"
    form.notes.setPlainText("tired")
    form.next.click()
    assert (form.subject.text(), form.run.value(), form.notes.toPlainText()) == ("P08", 1, "")
    assert form.message.text() == ""
    form.use_button.click()
    assert parse_settings(sent(window, "describe")[-1]["settings"]).conditions == ("film *",)


def test_the_notice_is_shown_with_what_is_entered(window):
    feed(window, preview(settings=SessionSettings(study=Study("Films", "research", "1"))))
    window.dialogs.ask_session()
    form = window.dialogs.open["session"]
    form.consent.setText("7.3")
    form.show_notice.click()
    notice = window.dialogs.open["notice"]
    assert notice.isVisible()
    assert "version 7.3" in notice.text.text()
    assert "emotion recognition" in notice.text.text()


def test_a_study_without_a_purpose_or_a_version_of_its_consent_form_begins_no_session(window):
    window.views.session.subject.setText("P07")
    for seq, study in enumerate((Study("Films", purpose="research"), Study("Films", consent="1"))):
        feed(window, preview(seq + 1, SessionSettings(study=study)))
        window.views.session.start.click()
        assert not sent(window, "start")
        assert words.STUDY_NEEDED in window.notice.text.text()
        window.notice.dismiss()
    feed(window, preview(3, SessionSettings(study=Study("Films", "research", "1"))))
    window.views.session.start.click()
    assert sent(window, "start")


# In a session.


@pytest.fixture
def question(monkeypatch):
    """The real question before a session ends; for a window that is made after it."""
    monkeypatch.setattr(SessionDialogs, "ask_stop", ASK_STOP)


def test_stop_asks_with_the_length_and_ends_on_a_yes_alone(question, window, monkeypatch):
    asked, answers = [], ["", words.STOP_NO, words.STOP_YES]

    def press(box):
        asked.append(box.informativeText())
        for button in box.findChildren(QPushButton):
            if button.text() == answers[0]:
                button.click()

    monkeypatch.setattr(QMessageBox, "exec", press)
    feed(window, running())
    while answers:
        assert not sent(window, "stop")
        window.views.session.stop.click()
        answers.pop(0)
    assert asked == ["The recording of P07 ends after 1:00."] * 3
    assert len(sent(window, "stop")) == 1


def test_only_blocks_that_ask_for_it_have_a_sound_or_a_baseline_and_what_is_left_is_drawn(window):
    blocks = (ProtocolBlock("film", 20.0), ProtocolBlock("rest", 30.0, baseline=True))
    settings = SessionSettings(subject="P07", protocol=blocks)
    feed(window, running(settings=settings))
    window.dialogs.ask_protocol()
    dialog, beeps = window.dialogs.open["protocol"], []
    dialog.beep = lambda: beeps.append(1)
    assert dialog.left.text() == "2 blocks, 0:50 in all"
    dialog.begin.click()
    feed(window, running(2, 105.0, settings=settings))
    assert dialog.bar.value() == 250
    assert not sent(window, "baseline")
    feed(window, running(3, 120.1, settings=settings))
    assert dialog.running == 1
    dialog.end.click()
    assert [one["text"] for one in sent(window, "annotate")][-1] == "block rest ends"
    assert dialog.running is None
    assert not beeps


def test_a_filter_of_a_view_changes_what_is_seen_and_nothing_else(window):
    feed(window, snapshot(eeg=block(99.0, 8, 400)))
    view = window.views.signals
    before, seen = window.state.eeg.between(0.0, 200.0)[1].copy(), view.canvas.grab().toImage()
    view.band.setCurrentIndex(view.band.count() - 1)
    feed(window)
    assert view.canvas.grab().toImage() != seen
    assert (window.state.eeg.between(0.0, 200.0)[1] == before).all()
    assert window.client.sent == []


def test_a_view_is_hidden_by_its_title_and_shown_again_by_the_menu(window):
    feed(window, snapshot())
    dock = window.docks[texts.QUALITY]
    dock.titleBarWidget().hide_view.click()
    assert dock.isHidden()
    dock.toggleViewAction().trigger()
    assert not dock.isHidden()


def test_the_scale_bar_says_how_many_microvolts_it_is_high(window):
    assert scale_bar(40.0, 50.0) == (1, "50 µV")
    times, said = scale_bar(4.0, 50.0)
    assert (times, said) == (5, "250 µV")
    assert times * 4.0 >= BAR_MIN_PX
    canvas = window.views.signals.canvas
    feed(window, snapshot(eeg=block(99.0, 8, 400)))
    image = canvas.grab().toImage()
    x, foot = canvas.width() - 14, 8 + canvas._eeg_height - 6
    lane = canvas._eeg_height / 8
    inked = [y for y in range(canvas.height()) if image.pixelColor(x, y) == QColor(DARK.ink)]
    assert len(inked) == pytest.approx(scale_bar(lane, 50.0)[0] * lane, abs=3)
    assert max(inked) == pytest.approx(foot, abs=2)


# Model, gaze, sessions, this program.


def test_a_model_is_taken_by_drag_where_it_is_one(window, tmp_path):
    def accepted(path):
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        move, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        enter = QDragEnterEvent(QPoint(300, 300), move, mime, left, none)
        enter.ignore()
        QApplication.sendEvent(window, enter)
        return enter.isAccepted()

    assert accepted(resources.assets() / "models" / "demo")
    assert not accepted(tmp_path)


def test_the_dialog_of_the_model_says_whether_it_is_calibrated_and_goes_back_to_rtemos_own(window):
    feed(window, preview(bundle=replace(BUNDLE, calibrated=False)))
    window.dialogs.ask_model()
    dialog = window.dialogs.open["model"]
    assert dialog.calibrated.text() == words.MODEL_NOT_CALIBRATED
    assert "simulated people" in dialog.facts.text()
    feed(window, preview(2, bundle=BUNDLE))
    assert dialog.calibrated.text() == words.MODEL_CALIBRATED
    dialog.own.click()
    assert sent(window, "use_model") == [{"path": ""}]
    feed(window, running(3))
    dialog.own.click()
    assert len(sent(window, "use_model")) == 1
    assert dialog.message.text() == words.MODEL_IN_SESSION


def check_gaze(window, off, begin_s):
    """Run a gaze check on somebody who looks so far beside every point; returns its dialog."""
    feed(window, preview(int(begin_s), time_s=begin_s, gaze_valid=(True,) * 12))
    window.dialogs.ask_gaze_check()
    dialog = window.dialogs.open["gaze check"]
    dialog.begin.click()
    each_s, begun_s = gaze_check.ARRIVE_S + gaze_check.LOOK_S, dialog.begun_s
    rows, times = [], []
    for k, point in enumerate(gaze_check.POINTS):
        for j in range(1, 150):
            times.append(begun_s + k * each_s + j * each_s / 150)
            rows.append((point[0] + off, point[1]))
    gaze = GazeBlock(np.array(times), np.array(rows, np.float32), np.full((len(times), 2), 3.0, np.float32))
    feed(window, preview(int(begin_s) + 1, time_s=begun_s + 5 * each_s + gaze_check.LATE_S + 0.1, gaze=gaze))
    return dialog


def test_a_gaze_check_says_what_its_accuracy_is_good_for(window):
    for k, (off, level) in enumerate(((0.0, "good"), (0.045, "warn"), (0.2, "bad"))):
        dialog = check_gaze(window, off, 100.0 * (k + 1))
        assert dialog.verdict.text() == words.GAZE_VERDICTS[level]
        assert dialog.verdict.objectName() == level


def test_gaze_in_a_scene_camera_has_no_points_on_a_screen(window):
    settings = SessionSettings(scene=Scene(1600, 1200, 100.0, 75.0))
    feed(window, preview(settings=settings, gaze_valid=(True,) * 12))
    window.dialogs.ask_gaze_check()
    dialog = window.dialogs.open["gaze check"]
    assert not dialog.begin.isEnabled()
    assert dialog.message.text() == words.GAZE_NO_SCREEN


class Writer(QObject):
    """The process that writes a report; it ends when the test says so."""

    finished = Signal(int, object)

    def start(self, _program, arguments):
        self.arguments = arguments

    def readAllStandardError(self):  # noqa: N802 - Qt's name
        return QByteArray(b"...\nerror: nothing is recorded in it")


def test_a_listed_session_has_its_report_opened_or_written_and_is_exported(window, tmp_path, monkeypatch):
    opened, writers = [], []
    monkeypatch.setattr("PySide6.QtGui.QDesktopServices.openUrl", lambda url: opened.append(url.toLocalFile()))
    monkeypatch.setattr(
        "rtemo.gui.study.sessions_dialog.QProcess", lambda parent: writers.append(Writer(parent)) or writers[-1]
    )
    window.views.session.root = str(tmp_path)
    folder = kept(tmp_path, "P07")
    feed(window, preview())
    window.dialogs.ask_sessions()
    dialog = window.dialogs.open["sessions"]
    window.dialogs.index.wait()
    dialog.look()
    assert not dialog.open_button.isEnabled()  # there is no recording in it
    dialog.report.click()
    dialog.report.click()  # one at a time
    assert [one.arguments for one in writers] == [["-m", "rtemo", "report", str(folder.path)]]
    assert dialog.message.text() == words.WRITING.format(name=folder.path.name)
    writers[0].finished.emit(2, None)
    assert dialog.message.text() == "No report was written: error: nothing is recorded in it"
    assert opened == []
    dialog.report.click()
    writers[1].finished.emit(0, None)
    folder.report.write_text("<html></html>")
    dialog.report.click()
    dialog.folder.click()
    assert opened == [str(folder.report), str(folder.report), str(folder.path)]
    assert len(writers) == 2
    dialog.export.click()
    assert dialog.findChild(ExportDialog).isVisible()


def test_recent_recordings_are_in_the_menu_the_newest_first_while_they_are_there(window, tmp_path):
    feed(window, preview())
    paths = [tmp_path / name for name in ("a.xdf", "b&c.xdf", "gone.xdf")]
    for path in paths:
        path.write_bytes(b"XDF:")
        window.recordings.open(str(path))
    window.recordings.open(str(paths[0]))
    paths[2].unlink()
    window.menus.recent.aboutToShow.emit()
    listed = window.menus.recent.actions()
    assert [one.text().replace("&&", "&") for one in listed] == [str(paths[0]), str(paths[1])]
    listed[1].trigger()
    assert sent(window, "open_replay")[-1] == {"path": str(paths[1])}


def test_about_says_version_licence_and_that_it_is_no_medical_device(window):
    next(one for one in window.menus._groups[texts.MENU_HELP] if one.text() == words.ABOUT_MENU).trigger()
    dialog = window.dialogs.open["about"]
    said = " ".join(label.text() for label in dialog.findChildren(type(dialog.text)))
    for part in (f"rtemo {rtemo.__version__}", "Licence: BSD-3-Clause", words.CITATION, words.ABOUT_NOT_MEDICAL):
        assert part in said


# Looks.


def test_a_toast_moves_nothing_and_goes_by_itself(window):
    feed(window, running(predictions=(prediction(100.0),)))

    def places():
        widgets = [window.middle, *window.docks.values(), window.views.strip, window.views.session]
        return [(one.mapTo(window, QPoint()), one.size()) for one in widgets]

    before = places()
    window.notice.show_message("it could not be done")
    QApplication.processEvents()
    assert places() == before
    assert window.rect().contains(window.notice.geometry())
    failed = window.notice.grab().toImage()
    window.notice.show_message("it could not be done", success=True)
    assert hues(window.notice.grab().toImage()) & {QColor(DARK.good).name()}
    assert not hues(failed) & {QColor(DARK.good).name()}
    assert window.notice._timer.isActive()
    window.notice._timer.timeout.emit()
    assert not window.notice.isVisible()


def hues(image: QImage) -> set[str]:
    return {image.pixelColor(x, image.height() // 2).name() for x in range(12)}


def test_words_are_the_standard_ones(window, tmp_path):
    feed(window, preview(predictions=(prediction(100.0, abstain="novel"),)))
    assert window.views.session.pause.text() == "Pause"
    assert window.views.emotion.headline.text == "abstained"
    window.dialogs.ask_settings()
    window.dialogs.ask_session()
    window.dialogs.ask_outputs()
    window.dialogs.ask_participants()
    for name in ("settings", "session", "outputs", "participants"):
        assert "Apply" in {one.text() for one in window.dialogs.open[name].findChildren(QPushButton)}, name
    assert "Reset" in {one.text() for one in window.dialogs.open["settings"].findChildren(QPushButton)}
    feed(window, snapshot(seq=2, era=1, **replay(10.0)))
    assert window.views.replay.button.text() == "Pause"


def test_a_dialog_opens_at_the_place_where_it_was_left(window):
    feed(window, preview())
    window.dialogs.ask_session()
    window.dialogs.open["session"].move(101, 57)
    window.dialogs.open["session"].reject()
    window.dialogs.ask_session()
    assert window.dialogs.open["session"].pos() == QPoint(101, 57)


def test_the_history_is_zoomed_left_as_it_is_read_and_back_at_now(window):
    found = tuple(prediction(60.0 + k / 4) for k in range(161))
    feed(window, running(predictions=found, eeg=block(99.9, 8), channels=channels(8)))
    plot = window.views.history.plot

    def shown_s():
        low, high = plot.plot.getPlotItem().viewRange()[0]
        return float(low), float(high)

    feed(window)
    assert shown_s() == pytest.approx((-60.0, 0.0))
    plot.plot.getPlotItem().getViewBox().sigRangeChangedManually.emit([True, False])
    plot.plot.setXRange(-50.0, -30.0, padding=0)
    feed(window, running(2, 140.0, predictions=(prediction(140.0),)))
    assert shown_s() == pytest.approx((-50.0, -30.0))  # it does not run away from the reader
    place = QPointF(plot.plot.viewport().rect().center())
    QTest.mouseDClick(plot.plot.viewport(), Qt.MouseButton.LeftButton, pos=place.toPoint())
    assert shown_s() == pytest.approx((-120.0, 0.0))


def test_values_are_read_from_the_history_under_the_mouse(window):
    found = [prediction(90.0 + k / 4) for k in range(41)]
    found[20] = prediction(95.0, abstain="novel")
    feed(window, running(predictions=tuple(found), eeg=block(99.9, 8)))
    feed(window)
    plot = window.views.history.plot
    assert plot.reading(2.0) == "−0:02\nhappy 80 %\nneutral 10 %\nsad 5 %\nfear 5 %"
    assert plot.reading(5.0).split("\n")[1] == "abstained"
    assert plot.reading(20.0) == ""  # nothing was predicted then
    box = plot.plot.getPlotItem().getViewBox()
    plot.plot.scene().sigMouseMoved.emit(box.mapViewToScene(QPointF(-2.0, 0.5)))
    assert plot._reading.isVisible()
    assert "happy 80 %" in plot._reading.toPlainText()
    QApplication.sendEvent(plot, QEvent(QEvent.Type.Leave))
    assert not plot._reading.isVisible()
