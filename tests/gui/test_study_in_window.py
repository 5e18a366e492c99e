"""The dialogs about studies, sessions, models and this program: the real widgets, on snapshots made by hand."""

from __future__ import annotations

import math
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QMimeData, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QMessageBox
from scripted import (
    BUNDLE,
    RECORDING,
    Clock,
    ScriptedClient,
    channels,
    feed,
    replay,
    snapshot,
    stream,
)

from rtemo import resources
from rtemo.core.types import Modality
from rtemo.gui import texts
from rtemo.gui.dialogs.open_dialogs import SessionDialogs, ask_quit
from rtemo.gui.painting.colours import DARK
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.study import gaze_check, words
from rtemo.gui.study.about_dialog import AboutDialog
from rtemo.gui.study.annotations_dialog import AnnotationsDialog
from rtemo.gui.study.export_dialog import ExportDialog
from rtemo.gui.study.participant_notice import notice_text
from rtemo.gui.study.support_bundle import write_support_bundle
from rtemo.gui.views.quality import describe
from rtemo.gui.views.streams import RECORDED, REQUIRED, ROLE
from rtemo.gui.window import MainWindow
from rtemo.live.last_used import MODEL_FILE, kept_model
from rtemo.live.service.client import with_model
from rtemo.live.service.snapshot import GazeBlock, Phase
from rtemo.recordings.events import Event, EventKind
from rtemo.recordings.session_folder import SessionFolder
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text
from rtemo.sources.study_settings import ProtocolBlock, Study

WHEN = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def window(qtbot, tmp_path, clock):
    apply_theme(QApplication.instance(), DARK)
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    settings.setValue("root", str(tmp_path / "sessions"))
    window = MainWindow(ScriptedClient(), settings, DARK, tmp_path / "config" / "last_settings.toml", clock=clock)
    window._timer.stop()
    window.resize(1280, 720)
    window.ask_quit = lambda: texts.QUIT_KEEP
    qtbot.addWidget(window)
    window.show()
    return window


def preview(seq=1, settings=None, **more):
    return snapshot(seq=seq, settings=settings_text(settings or SessionSettings()), **more)


def running(seq=1, time_s=100.0, settings=None, **more):
    values = {"recorder": RECORDING, "started_s": 40.0, "subject": "P07", "folder": "/data/s"}
    values["settings"] = settings_text(settings or SessionSettings(subject="P07", notes="tired"))
    return snapshot(phase=Phase.RUNNING, seq=seq, time_s=time_s, **(values | more))


def kept(root, subject, **more):
    folder = SessionFolder.create(Path(root), subject, WHEN)
    folder.write_settings(SessionSettings(subject=subject, **more), {}, {"started": WHEN.isoformat()}, {})
    return folder


def sent(window, name):
    return [arguments for command, arguments in window.client.sent if command == name]


def note(time_s, text, kind="annotation", **more):
    return {"time_s": time_s, "kind": kind, "text": text, **more}


# The form of a session.


def test_the_form_names_the_session_and_the_window_starts_it(window):
    feed(window, preview())
    QTest.keyClick(window, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    form = window.dialogs.open["session"]
    QTest.keyClicks(form.subject, "P07")
    QTest.keyClicks(form.session, "01")
    QTest.keyClicks(form.task, "films")
    form.run.setValue(1)
    form.notes.setPlainText("first visit\nslept well")
    form.study.setText("Films")
    form.purpose.setText("research on emotion")
    form.consent.setText("2.1")
    form.refresh(set())
    assert form.folder.text() == "…_sub-P07_ses-01_task-films_run-01"
    form.use_button.click()
    (described,) = sent(window, "describe")
    found = parse_settings(described["settings"])
    assert (found.session, found.task, found.run) == ("01", "films", 1)
    assert found.study == Study("Films", "research on emotion", "2.1")
    feed(window, preview(2, replace(found, subject="anonymous")))
    assert window.views.session.details.text() == "ses-01 films run-01"
    window.views.session.start.click()
    assert sent(window, "start")[0] | {"root": ""} == {"subject": "P07", "notes": "first visit slept well", "root": ""}


def test_a_folder_name_that_cannot_be_is_refused_in_the_form(window):
    feed(window, preview())
    window.dialogs.ask_session()
    form = window.dialogs.open["session"]
    form.folder_name.setText("{nobody}")
    form.use_button.click()
    assert not sent(window, "describe")
    assert "folder_name" in form.message.text()


def test_a_participant_who_is_there_already_is_named_and_the_next_one_counted_on(window, tmp_path):
    kept(tmp_path / "sessions", "P07", session="01", run=1)
    kept(tmp_path / "sessions", "P08")
    feed(window, preview(settings=SessionSettings(session="01", run=1)))
    window.dialogs.index.wait()
    window.views.session.subject.setText("p07")
    assert window.views.session.known.text() == "recorded already"
    window.views.session.subject.setText("P08")
    assert window.views.session.known.text() == "1 session already"
    window.views.session.subject.setText("P09")
    assert not window.views.session.known.isVisible()
    window.views.session.subject.setText("P07")
    window.dialogs.next_participant()
    assert window.dialogs.open["session"].subject.text() == "P09"


def test_after_a_session_its_run_is_counted_on(window):
    settings = SessionSettings(subject="P07", session="01", run=1)
    feed(window, running(settings=settings))
    feed(window, preview(2, replace(settings, subject="anonymous")))
    (described,) = sent(window, "describe")
    assert parse_settings(described["settings"]).run == 2


def test_notes_are_there_again_in_a_window_that_attaches(window):
    feed(window, running())
    assert window.views.session.notes.text() == "tired"
    assert window.views.session.subject.text() == "P07"


def test_purpose_and_consent_of_a_study_are_asked_before_its_first_session(window):
    feed(window, preview(settings=SessionSettings(study=Study("Films"))))
    window.views.session.subject.setText("P07")
    window.views.session.start.click()
    assert not sent(window, "start")
    assert "session" in window.dialogs.open
    feed(window, preview(2, SessionSettings(study=Study("Films", "research", "1"))))
    window.views.session.start.click()
    assert sent(window, "start")


def test_which_markers_are_conditions_is_chosen(window):
    marks = (note(50.0, "film 1 start", "marker", stream="m"), note(60.0, "film 1 end", "marker", stream="m"))
    marks += (note(61.0, "trigger start", "marker", stream="m"), note(62.0, "trigger end", "marker", stream="m"))
    feed(window, preview(events=marks))
    window.dialogs.ask_session()
    form = window.dialogs.open["session"]
    assert [form.markers.item(k).text() for k in range(form.markers.count())] == ["film 1", "trigger"]
    assert form.conditions_entered == ()
    form.every_marker.setChecked(False)
    form.markers.item(1).setCheckState(Qt.CheckState.Unchecked)
    form.add_name.setText("rest *")
    form.add_button.click()
    assert form.conditions_entered == ("film 1", "rest *")


def test_the_notice_names_purpose_and_consent_or_is_the_labs_own():
    text = notice_text(Study("Films", "research on emotion.", "2.1"))
    assert "AI system" in text
    assert "What it is for: research on emotion.\n" in text
    assert "version 2.1" in text
    assert notice_text(Study(notice="Our own.")) == "Our own."


def test_a_dialog_opens_where_the_user_left_it(window):
    feed(window, preview())
    window.dialogs.ask_session()
    window.dialogs.open["session"].resize(777, 555)
    window.dialogs.open["session"].reject()
    window.dialogs.ask_session()
    assert window.dialogs.open["session"].width() == 777


# In a session.


def test_stop_asks_and_a_no_goes_on(window, monkeypatch):
    feed(window, running())
    answers = iter((False, True))
    window.views.session.may_stop = lambda: next(answers)
    window.views.session.stop.click()
    assert not sent(window, "stop")
    QTest.keyClick(window, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert len(sent(window, "stop")) == 1
    assert SessionDialogs.ask_stop is not None


def test_a_key_with_shift_begins_a_stretch_and_ends_it(window):
    feed(window, running())
    QTest.keyClick(window, Qt.Key.Key_F4, Qt.KeyboardModifier.ShiftModifier)
    assert sent(window, "annotate") == [{"text": "Speech begins"}]
    feed(window, running(2, 101.0, events=(note(100.5, "Speech begins"),)))
    assert window.views.session.annotation_buttons[2].isDown()
    QTest.keyClick(window, Qt.Key.Key_F4, Qt.KeyboardModifier.ShiftModifier)
    assert sent(window, "annotate")[-1] == {"text": "Speech ends"}
    feed(window, running(3, 102.0, events=(note(101.5, "Speech ends"),)))
    assert not window.views.session.annotation_buttons[2].isDown()


def test_a_click_on_an_electrode_marks_it_from_now_on(window):
    leave_out = window.views.quality.head._exclude
    feed(window, preview(channels=channels(8)))
    leave_out("E1", True)
    assert sent(window, "exclude") == [{"label": "E1", "excluded": True}]
    bad = tuple(replace(one, fault="flat") if one.label == "E2" else one for one in channels(8))
    marked = tuple(replace(one, mark="bad", fault="marked bad") if one.label == "E3" else one for one in bad)
    feed(window, running(2, channels=marked))
    for label in ("E1", "E2", "E3"):
        leave_out(label, True)
    assert [(one["label"], one["mark"]) for one in sent(window, "mark_channel")] == [
        ("E1", "bad"),
        ("E2", "good"),
        ("E3", "automatic"),
    ]


def test_an_electrode_states_what_a_click_does_and_a_mark_is_seen(window):
    head, plain = window.views.quality.head, channels(8)
    feed(window, preview(channels=plain))
    assert describe(plain[0]).endswith("to exclude it")
    before = head.grab().toImage()
    good = (replace(plain[0], mark="good"), replace(plain[1], excluded=True), *plain[2:])
    feed(window, running(2, channels=(*good[:1], *plain[1:])))
    assert head.grab().toImage() != before  # a mark "good" is drawn, too
    assert "1 marked good" in window.views.quality.faults.text()
    said = [describe(one, in_session=True) for one in (*good[:3], replace(plain[3], fault="flat"))]
    for tip, wanted in zip(
        said, ("automatically again", "stays so until it ends", "mark it bad", "mark it good"), strict=True
    ):
        assert wanted in tip
        assert "to exclude" not in tip
    head.setFocus()
    QTest.keyClick(head, Qt.Key.Key_Right)
    assert "from now on" in head.accessibleDescription() or "again" in head.accessibleDescription()


def test_an_annotation_is_corrected_and_shown_as_it_counts(window):
    feed(window, running(events=(note(90.0, "film 1"), note(95.0, "slip"))))
    window.dialogs.ask_annotations()
    dialog = window.dialogs.open["annotations"]
    dialog.table.selectRow(0)
    dialog.text.setText("film 2")
    dialog.move_by.setValue(-1.0)
    dialog.correct.click()
    edit = {"noted_s": 90.0, "was": "film 1", "text": "film 2", "time_s": 89.0}
    assert sent(window, "edit_annotation") == [edit]
    feed(window, running(2, 101.0, events=(note(101.0, "…", "note", details={"annotation_edit": edit}),)))
    assert [dialog.table.item(k, 1).text() for k in range(2)] == ["film 2", "slip"]
    dialog.table.selectRow(1)
    dialog.remove.click()
    assert sent(window, "edit_annotation")[-1]["text"] == ""


def test_annotations_of_a_session_that_is_over_are_corrected_beside_its_recording(window, tmp_path):
    folder = kept(tmp_path / "sessions", "P07")
    noted = [Event(90.0, EventKind.SESSION, "session started"), Event(95.0, EventKind.ANNOTATION, "film 1")]
    folder.events.write_text("".join(event.to_json_line() + "\n" for event in noted))
    before = folder.events.read_bytes()
    feed(window, preview())
    window.dialogs.index.look(str(tmp_path / "sessions"))
    window.dialogs.index.wait()
    window.dialogs.ask_sessions()
    sessions = window.dialogs.open["sessions"]
    window.dialogs.index.wait()
    sessions.look()
    QTest.mouseClick(sessions.annotations, Qt.MouseButton.LeftButton)
    dialog = sessions.findChild(AnnotationsDialog)
    assert folder.path.name in dialog.windowTitle()
    assert [dialog.table.item(0, column).text() for column in range(2)] == ["0:05", "film 1"]
    dialog.table.selectRow(0)
    dialog.text.setText("film 2")
    dialog.move_by.setValue(2.0)
    QTest.mouseClick(dialog.correct, Qt.MouseButton.LeftButton)
    assert [dialog.table.item(0, column).text() for column in range(2)] == ["0:07", "film 2"]
    assert folder.events.read_bytes() == before
    assert not window.client.sent
    feed(window, snapshot(**replay(10.0, path=str(folder.recording))))  # the same from its replay
    window.dialogs.ask_annotations()
    again = window.dialogs.open[f"annotations of {folder.recording}"]
    assert again.shown[0][1].text == "film 2"
    again.table.selectRow(0)
    again.remove.click()
    assert again.table.rowCount() == 0
    folder.events.unlink()
    again.close()
    window.dialogs.ask_annotations()
    assert "no events of this session" in window.notice.text.text()


@pytest.mark.parametrize("edited", [False, True], ids=["as in the settings", "edited in the session"])
def test_a_window_that_is_started_again_takes_the_protocol_up(window, clock, qtbot, monkeypatch, edited):
    blocks = (ProtocolBlock("rest", 30.0), ProtocolBlock("film", 60.0), ProtocolBlock("film", 20.0))
    settings = SessionSettings(subject="P07", protocol=() if edited else blocks)
    marks = [note(30.0, "block film begins")]  # of a session before, which was stopped in it
    feed(window, running(settings=settings, events=tuple(marks)))
    window.dialogs.ask_protocol()
    dialog = window.dialogs.open["protocol"]
    assert dialog.running is None
    if edited:
        for block in blocks:
            dialog._add(block)
        dialog.refresh(set())
    dialog.begin.click()
    asked = []
    monkeypatch.setattr(QMessageBox, "exec", lambda box: asked.append(box.informativeText()))
    ask_quit(window, outlives_window=True, protocol=window.dialogs.running_protocol)
    assert "block rest lasts until one is open again" in asked[0]
    marks += [note(100.0, "block rest begins"), note(130.0, "block rest ends"), note(130.1, "block film begins")]
    marks += [note(190.1, "block film ends"), note(190.2, "block film begins")]
    again = MainWindow(ScriptedClient(), window.settings, DARK, clock=clock)
    again._timer.stop()
    again.ask_quit = lambda: texts.QUIT_KEEP
    qtbot.addWidget(again)
    feed(again, running(1, 195.2, settings=settings, events=tuple(marks)))
    taken = again.dialogs.open["protocol"]
    assert taken.blocks == blocks
    assert (taken.running, taken.begun_s) == (2, 190.2)  # the second film, of 20 s
    assert taken.left.text() == "film: 0:15 left"
    assert not again.client.sent
    feed(again, running(2, 211.0, settings=settings))
    assert sent(again, "annotate") == [{"text": "block film ends"}]
    assert again.dialogs.running_protocol == ""


def test_a_session_in_which_no_block_runs_opens_no_protocol(window):
    settings = SessionSettings(subject="P07", protocol=(ProtocolBlock("rest", 30.0),))
    feed(window, running(settings=settings, events=(note(50.0, "block rest begins"), note(80.0, "block rest ends"))))
    assert "protocol" not in window.dialogs.open


def test_a_protocol_runs_block_by_block_with_notes_a_baseline_and_a_sound(window, clock):
    blocks = (ProtocolBlock("rest", 30.0, baseline=True, sound=True), ProtocolBlock("film", 20.0))
    settings = SessionSettings(subject="P07", protocol=blocks)
    feed(window, running(settings=settings))
    window.dialogs.ask_protocol()
    dialog, beeps = window.dialogs.open["protocol"], []
    dialog.beep = lambda: beeps.append(1)
    assert dialog.blocks == blocks
    dialog.begin.click()
    assert sent(window, "annotate") == [{"text": "block rest begins"}]
    assert sent(window, "baseline") == [{"seconds": 30.0}]
    clock.s += 10.0
    feed(window, running(2, 110.0, settings=settings))
    assert dialog.left.text() == "rest: 0:20 left"
    assert not beeps
    clock.s += 20.5
    feed(window, running(3, 130.5, settings=settings))
    assert beeps
    assert [one["text"] for one in sent(window, "annotate")][1:] == ["block rest ends", "block film begins"]
    dialog.begin.click()
    assert sent(window, "annotate")[-1] == {"text": "block film ends"}
    assert dialog.message.text() == words.PROTOCOL_DONE


def test_a_protocol_is_edited_saved_and_loaded(window, tmp_path):
    feed(window, preview())
    window.dialogs.ask_protocol()
    dialog = window.dialogs.open["protocol"]
    dialog.add.click()
    dialog.table.item(0, 0).setText("rest")
    dialog.table.item(0, 1).setText("2:30")
    dialog.table.item(0, 3).setCheckState(Qt.CheckState.Checked)
    dialog.save_file(tmp_path / "p.toml")
    dialog.table.item(0, 1).setText("soon")
    dialog.save_file(tmp_path / "bad.toml")
    assert "length_s" in dialog.message.text()
    assert not (tmp_path / "bad.toml").exists()
    dialog.load_file(tmp_path / "p.toml")
    assert dialog.blocks == (ProtocolBlock("rest", 150.0, sound=True),)
    dialog.accept()
    assert parse_settings(sent(window, "describe")[-1]["settings"]).protocol == (
        ProtocolBlock("rest", 150.0, sound=True),
    )


def test_gaze_is_checked_on_five_points_in_degrees(window, clock):
    feed(window, preview(time_s=98.5, gaze_valid=(True,) * 12))
    clock.s += 0.5
    feed(window)
    window.dialogs.ask_gaze_check()
    dialog = window.dialogs.open["gaze check"]
    dialog.start()
    begun_s, each_s = dialog.begun_s, gaze_check.ARRIVE_S + gaze_check.LOOK_S
    clock.s += 1.2 * each_s
    feed(window)
    assert dialog.points.at == gaze_check.POINTS[1]
    times = begun_s + np.arange(0.0, 5 * each_s, 1 / 60)
    at = np.array(gaze_check.POINTS)[np.minimum((times - begun_s) // each_s, 4).astype(int)]
    one_degree = math.tan(math.radians(1.0)) * 650.0 / 531.0
    looked = at + np.where(at[:, :1] == 0.5, [[one_degree, 0.0]], 0.0)  # only the middle one is missed
    gaze = GazeBlock(times, looked.astype(np.float32), np.full((len(times), 2), 3.0, np.float32))
    feed(window, preview(2, time_s=begun_s + 5 * each_s + 1.0, gaze=gaze))
    (found,) = sent(window, "gaze_check")
    assert found["accuracy_deg"] == pytest.approx(0.2, abs=0.01)
    assert found["precision_deg"] == pytest.approx(0.0, abs=1e-4)
    assert found["valid"] == 1.0
    assert dialog.points is None
    assert dialog.message.text().startswith("Accuracy 0.20°")


def test_without_an_eye_tracker_gaze_cannot_be_checked(window):
    feed(window, preview(streams=(stream("eeg"),)))
    window.dialogs.ask_gaze_check()
    assert not window.dialogs.open["gaze check"].begin.isEnabled()
    assert window.dialogs.open["gaze check"].message.text() == words.GAZE_NO_STREAM


# Streams.


def test_roles_and_what_is_recorded_and_required_are_edited_in_the_table(window):
    other = stream("", "ECG", stream_id="ecg", recorded=False)
    feed(window, preview(streams=(stream("eeg"), stream("gaze"), other)))
    view, table = window.views.streams.view, window.views.streams.table
    view.edit(table.index(0, ROLE))
    box = view.findChild(QComboBox)
    assert [box.itemText(k) for k in range(box.count())] == ["EEG", "Gaze", "Second eye", "Markers", "Other"]
    box.setCurrentIndex(1)
    view.itemDelegateForColumn(ROLE).setModelData(box, table, table.index(0, ROLE))
    assert sent(window, "choose") == [{"role": "gaze", "stream_id": "id-eeg"}]
    assert not table.flags(table.index(0, RECORDED)) & Qt.ItemFlag.ItemIsUserCheckable  # it is in use
    assert table.index(2, RECORDED).data(Qt.ItemDataRole.CheckStateRole) is Qt.CheckState.Unchecked
    table.setData(table.index(2, RECORDED), Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert sent(window, "record_stream") == [{"stream_id": "ecg", "recorded": True}]
    table.setData(table.index(1, REQUIRED), Qt.CheckState.Checked.value, Qt.ItemDataRole.CheckStateRole)
    assert parse_settings(sent(window, "describe")[-1]["settings"]).required == (Modality.GAZE,)
    feed(window, running(2, streams=(stream("eeg"), stream("gaze"), other)))
    assert not table.flags(table.index(0, ROLE)) & Qt.ItemFlag.ItemIsEditable


# The model.


def test_the_model_is_shown_with_its_card_and_another_one_is_taken_by_drag_and_drop(window, tmp_path):
    folder = resources.assets() / "models" / "demo"
    feed(window, preview(bundle=replace(BUNDLE, path=str(folder))))
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(folder / "bundle.json"))])
    at, move, left = QPointF(5, 5), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    window.dropEvent(QDropEvent(at, move, mime, left, Qt.KeyboardModifier.NoModifier))
    dialog = window.dialogs.open["model"]
    assert dialog.candidate == str(folder)
    assert len(dialog.card.toPlainText()) > 200
    dialog.use_button.click()
    assert sent(window, "use_model") == [{"path": str(folder)}]
    assert kept_model(tmp_path / "config" / MODEL_FILE) == folder
    dialog.show_folder(str(tmp_path))
    assert dialog.message.text().startswith("This is no model")
    feed(window, running(2))
    assert not dialog.use_button.isEnabled()


@pytest.mark.parametrize(
    ("options", "path", "found"),
    [
        ((), "/m", ("--model", "/m")),
        (("--settings", "s", "--model", "/a", "--person", "p"), "/b", ("--settings", "s", "--model", "/b")),
        (("--model", "/a", "--owner", "3"), "", ("--owner", "3")),
    ],
)
def test_an_engine_starts_again_with_the_other_model_alone(options, path, found):
    assert with_model(options, path) == found


# Sessions and this program.


def test_the_sessions_are_listed_with_their_length_and_opened(window, tmp_path, qtbot):
    folder = kept(tmp_path / "sessions", "P07", session="01", task="films", run=2, study=Study("S"))
    folder.predictions.write_text("time_s,eeg_coverage,gaze_coverage\n10.0,1.0,0.5\n100.0,0.5,0.5\n11")
    folder.recording.write_bytes(b"XDF:")
    kept(tmp_path / "sessions", "P08")
    feed(window, preview())
    QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    dialog = window.dialogs.open["sessions"]
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2)
    dialog.search.setText("films")
    assert dialog.table.rowCount() == 1
    qtbot.waitUntil(lambda: dialog.table.item(0, 6) is not None and dialog.table.item(0, 6).text() == "1:30")
    row = [dialog.table.item(0, column).text() for column in range(9)]
    assert row == ["P07", "2026-01-02 03:04", "S", "01", "films", "2", "1:30", "75 %", "50 %"]
    dialog.open_button.click()
    assert sent(window, "open_replay") == [{"path": str(folder.recording)}]
    assert window.recordings.recent == [str(folder.recording)]


def test_an_export_says_what_it_did_and_what_it_could_not(tmp_path, qtbot):
    dialog = ExportDialog(tmp_path / "nothing")
    qtbot.addWidget(dialog)
    assert dialog.path.text().endswith("bids")
    dialog.kind.setCurrentIndex(dialog.kind.findData("edf"))
    assert dialog.path.text().endswith(".edf")
    dialog.begin.click()
    qtbot.waitUntil(lambda: dialog.message.objectName() == "bad", timeout=30_000)
    assert "has no recording" in dialog.message.text()


def test_a_support_bundle_holds_no_participant(tmp_path, qtbot):
    logs = tmp_path / "logs"
    logs.mkdir()
    home = str(Path.home())
    (logs / "engine.log").write_text(
        f"lost {home}/x/2026-01-02_03-04-05_sub-Anna_run-01/recording.xdf of anna, Annabel\n"
    )
    write_support_bundle(tmp_path / "s.zip", "rtemo doctor on Anna's computer", ["Anna", "P"], logs)
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert set(archive.namelist()) == {"versions.json", "doctor.txt", "log/engine.log"}
        log = archive.read("log/engine.log").decode()
        assert log == "lost ~/x/<participant>/recording.xdf of <participant>, Annabel\n"
        assert "Anna" not in archive.read("doctor.txt").decode()


def test_about_names_version_licence_and_citation(window, tmp_path, qtbot):
    dialog = AboutDialog(window.dialogs.index, window, doctor=("-c", "print('all is well')"))
    assert "rtemo" in dialog.text.text()
    dialog.copy.click()
    assert QApplication.clipboard().text() == words.CITATION
    dialog.write_support(tmp_path / "s.zip")
    qtbot.waitUntil(lambda: (tmp_path / "s.zip").exists() and dialog.process is None, timeout=20_000)
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        assert "all is well" in archive.read("doctor.txt").decode()


def test_every_new_action_has_a_key_and_every_field_a_name(window):
    feed(window, preview())
    keys = dict(window.menus.keys()["Session"])
    for name in (words.DETAILS_MENU, words.PROTOCOL_MENU, words.GAZE_CHECK_MENU, words.ANNOTATIONS_MENU):
        assert keys[name]
    window.dialogs.ask_session()
    form = window.dialogs.open["session"]
    for field in (form.subject, form.session, form.task, form.run, form.notes, form.study, form.purpose, form.consent):
        assert field.accessibleName()
    all_keys = [k for actions in window.menus.keys().values() for _, k in actions]
    assert len(all_keys) == len(set(all_keys))


def test_what_speaks_against_a_start_stands_in_the_checklist(window, monkeypatch):
    monkeypatch.setattr("rtemo.gui.bars.readiness_concerns.free_bytes", lambda _path: 10_000_000)
    monkeypatch.setattr("rtemo.gui.bars.readiness_concerns._on_battery", lambda _now: True)
    streams = (stream("eeg", n_channels=64, nominal_hz=1000.0), stream("gaze", "T", clock_uncertainty_ms=8.0))
    settings = SessionSettings(protocol=(ProtocolBlock("film", 600.0),))
    (Path(window.views.session.root)).mkdir()
    feed(window, preview(streams=streams, settings=settings, bundle=replace(BUNDLE, calibrated=False)))
    window.views.session.subject.setText("P07")
    feed(window, preview(2, streams=streams, settings=settings, bundle=replace(BUNDLE, calibrated=False)))
    shown = window.views.strip.alarm.text()
    for concern in (texts.CONCERN_MODEL, "clock of T known to 8 ms only", "of 10:00 planned", texts.CONCERN_POWER):
        assert f"! {concern}" in shown or concern in shown
    feed(window, preview(3, streams=streams[:1], bundle=BUNDLE))
    assert texts.CONCERN_MODEL not in window.views.strip.alarm.text()
