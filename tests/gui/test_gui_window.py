"""The real window, offscreen, on snapshots made by hand."""

from __future__ import annotations

import csv
import sys
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QSettings, Qt, QUrl
from PySide6.QtGui import QColor, QDragEnterEvent, QDropEvent, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolTip
from scripted import BUNDLE, RECORDING, Clock, ScriptedClient, block, channels, prediction, replay, snapshot, stream

from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.dialogs.help_dialogs import DoctorDialog
from rtemo.gui.painting.colours import DARK, LIGHT
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.refresh_schedule import SLOW_FRAMES
from rtemo.gui.window import MainWindow
from rtemo.live.service.snapshot import Phase
from rtemo.sources.session_settings import ANNOTATIONS


@pytest.fixture
def settings(tmp_path):
    return QSettings(str(tmp_path / "window.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def open_window(qtbot, settings):
    def make(client):
        apply_theme(QApplication.instance(), DARK)
        window = MainWindow(client, settings, DARK, clock=Clock())
        window._timer.stop()  # the tests give the frames
        window.resize(1280, 800)
        window.ask_quit = lambda: texts.QUIT_KEEP
        qtbot.addWidget(window)
        window.show()
        return window

    return make


@pytest.fixture
def client():
    return ScriptedClient()


@pytest.fixture
def window(open_window, client):
    return open_window(client)


def feed(window, *snapshots):
    window.client.waiting += snapshots
    for _ in range(len(snapshots) + SLOW_FRAMES):
        window.tick()
    QApplication.processEvents()


def table(window):
    model = window.views.streams.table
    columns = range(model.columnCount())
    return [[model.index(row, column).data() for column in columns] for row in range(model.rowCount())]


def dropped(window, *paths):
    """Whether a file that is dragged onto the window is taken."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(path) for path in paths])
    place, move, left = QPointF(300, 300), Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    enter = QDragEnterEvent(place.toPoint(), move, mime, left, Qt.KeyboardModifier.NoModifier)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(window, QDropEvent(place, move, mime, left, Qt.KeyboardModifier.NoModifier))
    return enter.isAccepted()


def test_a_recording_that_is_dropped_is_opened_and_any_other_file_is_not(window, client):
    assert not dropped(window, "/data/notes.txt")
    assert client.sent == []
    assert dropped(window, "/data/notes.txt", "/data/Person 1.XDF")
    assert client.sent == [("open_replay", {"path": "/data/Person 1.XDF"})]


def test_a_start_key_that_does_nothing_says_why(window, client):
    feed(window, snapshot())
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert client.sent == []
    assert "a participant id is missing" in window.notice.text.text()
    assert window.notice.isVisible()
    assert window.notice.height() <= 64


def test_the_lag_of_the_smoothed_emotion_stands_beside_it(window):
    feed(window, snapshot(bundle=replace(BUNDLE, lag_s=4.6), predictions=(prediction(100.0),)))
    assert "within 5 s" in window.views.emotion.headline.note
    feed(window, snapshot(seq=2, bundle=replace(BUNDLE, lag_s=float("inf"))))
    assert window.views.emotion.headline.note == ""


def test_without_streams_the_window_offers_what_to_do(window, client, monkeypatch):
    feed(window, snapshot(phase=Phase.IDLE, streams=(), channels=()))
    assert window.middle.currentWidget() is window.views.welcome
    assert all(dock.isHidden() for dock in window.docks.values())  # no empty frames
    assert not window.views.session.start.isEnabled()
    monkeypatch.setattr("rtemo.gui.open_recording.QFileDialog.getOpenFileName", lambda *_: ("/data/a.xdf", ""))
    window.views.welcome.offers[1].click()
    assert client.sent == [("open_replay", {"path": "/data/a.xdf"})]


def test_the_streams_are_listed_with_their_lights(window):
    feed(window, snapshot(eeg=block(100, 8)))
    assert window.middle.currentWidget() is window.views.signals
    assert [row[2] for row in table(window)] == ["eeg stream", "gaze stream"]
    light = window.views.streams.table.index(1, 0)
    assert light.data(Qt.ItemDataRole.DecorationRole) == QColor(DARK.good)
    feed(window, snapshot(seq=2, streams=(stream("eeg"), stream("gaze", state=StreamState.LOST))))
    assert light.data(Qt.ItemDataRole.DecorationRole) == QColor(DARK.bad)
    assert table(window)[1][6] == "lost"


def test_a_stream_is_given_a_role(window, client):
    feed(window, snapshot())
    window.views.streams.menu_for(1).actions()[0].trigger()
    assert client.sent == [("choose", {"role": "eeg", "stream_id": "id-gaze"})]


def test_a_session_is_started_paused_and_stopped_by_keys(window, client):
    feed(window, snapshot())
    assert not window.views.session.start.isEnabled()
    window.views.session.subject.setText("P07")
    window.views.session.notes.setText("first visit")
    window.views.session.root = "/data"
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    feed(window, snapshot(phase=Phase.RUNNING, seq=2, subject="P07", recorder=RECORDING, started_s=40.0))
    QTest.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    feed(window, snapshot(phase=Phase.PAUSED, seq=3, subject="P07", recorder=RECORDING))
    QTest.keyClick(window, Qt.Key.Key_P, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(window, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert client.sent == [
        ("start", {"subject": "P07", "notes": "first visit", "root": "/data"}),
        ("pause", {}),
        ("resume", {}),
        ("stop", {}),
    ]


def test_a_session_cannot_start_while_a_stream_is_silent(window, client):
    window.views.session.subject.setText("P07")
    feed(window, snapshot(streams=(stream("eeg", state=StreamState.STALLED),)))
    QTest.keyClick(window, Qt.Key.Key_R, Qt.KeyboardModifier.ControlModifier)
    assert client.sent == []
    assert "eeg stream" in window.views.session.start.toolTip()


def test_annotations_go_out_by_key_and_by_note(window, client):
    feed(window, snapshot(phase=Phase.RUNNING, recorder=RECORDING))
    QTest.keyClick(window, Qt.Key.Key_F3)
    window.views.session.note.setText("coughed")
    QTest.keyClick(window.views.session.note, Qt.Key.Key_Return)
    assert client.sent == [("annotate", {"text": ANNOTATIONS[1]}), ("annotate", {"text": "coughed"})]
    assert window.views.session.note.text() == ""


def test_the_strip_tells_the_recording_its_size_and_a_full_disk(window):
    running = snapshot(phase=Phase.RUNNING, recorder=RECORDING, started_s=35.0)
    strip = window.views.strip
    feed(window, running)
    assert strip.isVisible()
    assert strip.height() <= 52
    assert strip.rec.text() == "REC 1:05"
    assert "20.0 MB" in strip.disk.text()
    assert strip.alarms == []
    feed(window, replace(running, seq=2, recorder=replace(RECORDING, free_bytes=10**9)))
    assert "DISK" in strip.alarm.text()
    feed(window, replace(running, seq=3, recorder=replace(RECORDING, state="failed", error="no space")))
    assert "no space" in strip.alarm.text()
    assert "REC " not in strip.rec.text()
    assert strip.property("alarm") == "bad"


def test_markup_from_the_network_stays_text(window):
    evil = '<b>bold</b><img src="x">'
    event = {"time_s": 100.0, "kind": "marker", "text": evil}
    shown = snapshot(streams=(stream(name=evil, why=evil),), events=(event,), failure=evil, phase=Phase.FAILED)
    feed(window, replace(shown, predictions=(prediction(100.0),)))
    assert table(window)[0][2] == evil
    tip = window.views.streams.table.index(0, 2).data(Qt.ItemDataRole.ToolTipRole)
    assert "<b>" not in tip
    assert "&lt;b&gt;" in tip
    assert evil in window.banner.text.text()
    assert all(label.textFormat() == Qt.TextFormat.PlainText for label in window.findChildren(QLabel) if label.text())
    assert window.views.events.table.index(0, 3).data() == evil
    assert [mark["text"] for mark in window.views.history.plot.marks()] == [evil]


def test_many_channels_and_long_names_leave_the_window_as_wide_as_it_was(window):
    before = window.minimumSizeHint().width()
    many = channels(128, {3: "flat", 9: "noisy"}, "an electrode with a very long name {}")
    long = stream(name="N" * 400, hostname="h" * 200, why="w" * 500, profile="p" * 200)
    feed(window, snapshot(streams=(long,), channels=many, eeg=block(100, 128), bundle=None))
    assert window.views.signals.canvas.channels[3][2].fault == "flat"
    assert window.minimumSizeHint().width() <= max(before, 1280)
    assert window.views.quality.summary.text() == "126 of 128 channels good"
    assert not window.grab().isNull()


def test_a_click_on_an_electrode_excludes_it_and_its_tip_says_why(window, client):
    feed(window, snapshot(channels=channels(8, {2: "bridged"})))
    head = window.views.quality.head
    spot = head.place(window.state.snapshot.channels[2]).toPoint()
    QTest.mouseClick(head, Qt.MouseButton.LeftButton, pos=spot)
    assert client.sent == [("exclude", {"label": "E2", "excluded": True})]
    QApplication.sendEvent(head, QHelpEvent(QEvent.Type.ToolTip, spot, head.mapToGlobal(spot)))
    assert "bridged" in QToolTip.text()
    QTest.mouseClick(head, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))
    assert len(client.sent) == 1


def test_the_emotion_is_shown_with_its_set(window):
    feed(window, snapshot(predictions=(prediction(100.0, set=["happy", "neutral"]),)))
    headline = window.views.emotion.headline
    assert (headline.text, headline.share, headline.named) == ("happy", "80 %", True)
    assert window.views.emotion.verdict.text() == "Could also be neutral"
    assert "simulated people" in window.views.emotion.origin.text()
    assert window.views.emotion.caution.isHidden()


def test_abstention_is_named_and_greyed(window):
    silent = prediction(100.0, abstain="unlike the training data", novelty=1.4, settled=False)
    feed(window, snapshot(predictions=(silent,)))
    assert not window.views.emotion.headline.named
    assert "unlike the training data" in window.views.emotion.verdict.text()
    assert texts.NOT_SETTLED in window.views.emotion.caution.text()
    assert window.views.emotion.meters["novelty"].text == "1.40"
    assert window.grab().toImage().allGray() is False


def test_what_moved_the_prediction_is_listed(window):
    feed(window, snapshot(explanation={"frontal alpha": 0.41, "pupil": 0.2}))
    assert window.views.emotion.explanation.accessibleName() == "frontal alpha 41 %, pupil 20 %"
    assert not window.views.emotion.explanation.grab().isNull()
    feed(window, snapshot(seq=2))
    assert window.views.emotion.explanation.accessibleName() == texts.MOVED_NOTHING


def test_any_view_is_written_as_a_picture_and_what_fails_is_said(window, tmp_path):
    feed(window, snapshot(eeg=block(100, 8), predictions=(prediction(99.0), prediction(100.0))))
    for name in window.exports.views:
        for ending in ("png", "svg"):
            path = tmp_path / f"{name}.{ending}"
            window.exports.write(name, path)
            assert path.stat().st_size > 500
    window.exports.write(texts.HISTORY, tmp_path / "no" / "where.png")
    assert "cannot be written" in window.notice.text.text()
    window.exports.write(texts.HISTORY, tmp_path / "view.gif")
    assert "view.gif" in window.notice.text.text()


def test_any_view_is_written_as_the_numbers_behind_it(window, tmp_path):
    moved = {"frontal alpha": 0.41}
    feed(window, snapshot(eeg=block(100, 8), predictions=(prediction(99.0), prediction(100.0)), explanation=moved))
    tables = {}
    for name in window.exports.views:
        window.exports.write(name, tmp_path / f"{name}.csv")
        with (tmp_path / f"{name}.csv").open(newline="", encoding="utf-8") as file:
            tables[name] = list(csv.DictReader(file))

    model = window.state
    assert len(tables[texts.SIGNALS]) == len(model.eeg)
    assert len(tables[texts.SIGNALS][0]) == 1 + 8
    history = tables[texts.HISTORY]
    assert [float(row["time_s"]) for row in history] == [99.0, 100.0]
    assert float(history[1]["smoothed happy"]) == pytest.approx(model.latest["smoothed"]["happy"])
    assert -1.0 <= float(tables[texts.PLANE][1]["valence"]) <= 1.0
    assert {"what": "explanation", "name": "frontal alpha", "value": "0.41"} in tables[texts.EMOTION]
    assert len(tables[texts.QUALITY]) == len(model.snapshot.channels)
    assert len(tables[texts.STREAMS]) == len(model.snapshot.streams)
    assert len(tables[texts.EVENTS]) == len(model.events)


def test_the_predictions_are_exported_by_the_engine(window, client, monkeypatch):
    feed(window, snapshot())
    monkeypatch.setattr("rtemo.gui.export.ask_path", lambda *_: "/data/p.csv")
    QTest.keyClick(window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert client.sent == [("export", {"path": "/data/p.csv", "replace": True})]


def test_the_theme_switches_and_is_remembered(window, settings):
    feed(window, snapshot(eeg=block(100, 8), predictions=(prediction(100.0),)))
    dark = window.grab().toImage().pixelColor(4, 400).lightness()
    QTest.keyClick(window, Qt.Key.Key_T, Qt.KeyboardModifier.ControlModifier)
    feed(window, snapshot(seq=2))
    assert window.theme is LIGHT
    assert window.grab().toImage().pixelColor(4, 400).lightness() > dark + 100
    assert settings.value("theme") == "light"


def test_the_layout_comes_back(open_window, client):
    first = open_window(client)
    first.docks[texts.PLANE].hide()
    first.close()
    second = open_window(ScriptedClient())
    assert second.docks[texts.PLANE].isHidden()
    assert not second.docks[texts.EMOTION].isHidden()
    second.default_layout()
    assert not second.docks[texts.PLANE].isHidden()


def test_a_failed_engine_is_named_and_restarted(window, client):
    feed(window, snapshot(phase=Phase.FAILED, failure="the disk is full"))
    assert window.banner.isVisible()
    assert "the disk is full" in window.banner.text.text()
    window.banner.restart.click()
    assert client.sent == [("restart_engine", {})]
    feed(window, snapshot(seq=2))
    assert not window.banner.isVisible()


def test_a_lost_connection_is_shown(window, client):
    client.connected, client.failure = False, "the engine process has ended"
    feed(window)
    assert window.banner.isVisible()
    assert "has ended" in window.banner.text.text()


@pytest.mark.parametrize(
    ("answer", "sent", "closes"),
    [
        (texts.QUIT_CANCEL, [], False),
        (texts.QUIT_KEEP, [], True),
        (texts.QUIT_STOP, [("stop", {}), ("shutdown", {})], True),
    ],
)
def test_closing_during_a_session_asks(window, client, answer, sent, closes):
    feed(window, snapshot(phase=Phase.RUNNING, recorder=RECORDING))
    window.ask_quit = lambda: answer
    assert window.close() is closes
    assert client.sent == sent


def test_closing_without_a_session_gives_the_engine_up(window, client):
    feed(window, snapshot())
    assert window.close()
    assert client.sent == [("dismiss", {})]  # another window may still need it


def test_a_window_attaches_to_a_session_that_runs(window):
    feed(window, snapshot(phase=Phase.RUNNING, subject="P11", recorder=RECORDING, started_s=1.0))
    assert window.views.session.subject.text() == "P11"
    assert window.views.session.stop.isEnabled()


def test_a_replay_is_held_moved_and_sped_up(window, client):
    feed(window, snapshot(**replay(20.0)))
    assert window.views.replay.isVisible()
    QTest.keyClick(window, Qt.Key.Key_Space)
    QTest.keyClick(window, Qt.Key.Key_Right)
    line = window.views.replay.timeline
    QTest.mousePress(line, Qt.MouseButton.LeftButton, pos=QPoint(line.width() // 2, 10))
    window.views.replay.speed.activated.emit(4)
    assert [name for name, _ in client.sent] == ["hold", "seek", "seek", "speed"]
    assert client.sent[1][1] == {"position_s": 25.0}
    assert client.sent[2][1]["position_s"] == pytest.approx(50.0, abs=1.0)
    assert client.sent[3][1] == {"factor": 4.0}


def test_a_replay_shows_its_file_its_place_and_how_far_it_is_read(window, client):
    feed(window, snapshot(**replay(20.0, speed=4.0, playing=False)))
    assert window.windowTitle().startswith("person.xdf")
    assert window.views.replay.button.text() == texts.PLAY
    assert window.views.replay.clock.text() == "0:20 / 1:40"
    assert window.views.replay.speed.currentText() == "4 ×"
    feed(window, snapshot(seq=2, **replay(70.0, ready_s=43.0, waiting=True)))
    assert window.views.replay.clock.text() == "reading 43 %"
    QTest.keyClick(window, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert client.sent == [("close_replay", {})]
    feed(window, snapshot(seq=3, era=1))
    assert not window.views.replay.isVisible()
    assert window.windowTitle() == texts.APP


def test_what_could_not_be_done_is_said_once_and_goes_with_a_click(window):
    failed = {"time_s": 99.0, "kind": "failure", "text": "open_replay: <b>no recording</b>"}
    feed(window, snapshot(events=(failed,)))
    assert not window.notice.isVisible()  # it happened before this window looked
    feed(window, snapshot(seq=2, events=(failed,)), snapshot(seq=3))
    assert window.notice.isVisible()
    assert "<b>no recording</b>" in window.notice.text.text()
    window.notice.close_button.click()
    assert not window.notice.isVisible()


def test_keys_of_the_replay_do_nothing_without_one(window, client):
    feed(window, snapshot())
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Right, Qt.Key.Key_Plus):
        QTest.keyClick(window, key)
    assert client.sent == []


def test_a_window_started_on_a_recording_opens_it_when_the_engine_answers(qtbot, settings):
    client = ScriptedClient()
    window = MainWindow(client, settings, DARK, None, "/data/a.xdf", clock=Clock())
    window._timer.stop()
    qtbot.addWidget(window)
    window.tick()
    assert client.sent == []
    feed(window, snapshot(), snapshot(seq=2))
    assert client.sent == [("open_replay", {"path": "/data/a.xdf"})]


def test_the_traces_are_the_same_painted_at_once_and_bit_by_bit(open_window):
    whole, cut = open_window(ScriptedClient()), open_window(ScriptedClient())
    data = block(100.0, 8, 600)
    feed(whole, snapshot(time_s=100.0, eeg=data))
    for k, first in enumerate(range(0, 600, 7)):
        piece = replace(data, times=data.times[first : first + 7], microvolts=data.microvolts[first : first + 7])
        feed(cut, snapshot(seq=k + 1, time_s=100.0, eeg=piece))
    images = [w.views.signals.canvas.grab().toImage() for w in (whole, cut)]
    differ = sum(
        abs(images[0].pixelColor(x, y).lightness() - images[1].pixelColor(x, y).lightness()) > 40
        for x in range(100, images[0].width(), 7)
        for y in range(0, images[0].height(), 5)
    )
    assert differ < 0.05 * (images[0].width() / 7) * (images[0].height() / 5)


def test_the_doctor_shows_what_its_process_says(qtbot):
    dialog = DoctorDialog(command=("-c", "print('<b>all well</b>')"))
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: "all well" in dialog.text.toPlainText(), timeout=20_000)
    assert dialog.text.toPlainText().startswith("<b>")
    assert sys.executable in dialog.process.program()


def test_a_replay_of_several_participants_offers_them(window, client):
    feed(window, snapshot(**replay(20.0)))
    choice = window.views.replay.participant
    assert not choice.isVisible()
    feed(window, snapshot(seq=2, **replay(20.0, participants=("P01", "P02"), participant="P02")))
    assert choice.isVisible()
    assert [choice.itemText(k) for k in range(choice.count())] == ["P01", "P02"]
    assert choice.currentText() == "P02"
    choice.textActivated.emit("P01")
    assert client.sent == [("show_participant", {"participant": "P01"})]
    feed(window, snapshot(seq=3, **replay(20.0)))
    assert not choice.isVisible()
