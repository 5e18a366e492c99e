"""What sessions by hand have shown: each rule on the real window, with snapshots made by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QHeaderView
from scripted import RECORDING, Clock, block, channels, feed, prediction, replay, snapshot, stream

from rtemo.core.types import Modality, StreamState
from rtemo.gui import texts
from rtemo.gui.dialogs.settings_dialog import SECOND_EYE
from rtemo.gui.outputs import outputs_dialog
from rtemo.gui.painting.colours import DARK, FAULTS, LIGHT
from rtemo.gui.painting.ring_buffer import RingBuffer
from rtemo.gui.painting.text_labels import mark_text
from rtemo.gui.painting.theme import SMALL, font
from rtemo.gui.views.events import TIME, worded
from rtemo.gui.views.signals.lanes import Lane, named_rows
from rtemo.gui.views.streams import AGE, CHANNELS, LEAVE, MISSING, NAME, RATE, REQUIRED, ROLE
from rtemo.live.service.recorder_link import RecorderLook
from rtemo.live.service.snapshot import ParticipantView, Phase, Progress, Snapshot
from rtemo.sources.participants import SecondEyeTable, parse_participant
from rtemo.sources.session_settings import SessionSettings, parse_settings, settings_text, with_participants
from rtemo.sources.stream_choice import StreamQuery

SETTINGS = settings_text(SessionSettings())
GOOD_EYES, NO_EYES = (True,) * 240, (False,) * 240


def session(seq=1, time_s=100.0, **more):
    values = {
        "phase": Phase.RUNNING,
        "recorder": RECORDING,
        "started_s": 40.0,
        "subject": "P07",
        "folder": "/data/s",
        "settings": SETTINGS,
        "eeg": block(time_s - 0.1, 8),
        "predictions": (prediction(time_s - 0.1),),
    }
    return snapshot(seq=seq, time_s=time_s, **(values | more))


@pytest.fixture
def running(window):
    """A window in a session that the recorder writes down."""
    window._clock = Clock()
    window.client.recorder = recorder(window)
    feed(window, session(seq=900))
    return window


def recorder(window, recording=RECORDING):
    return RecorderLook(window._clock(), recording, engine=True, subject="P07", folder="/data/s", started_s=40.0)


def alarms(window):
    return [alarm.text for alarm in window.views.strip.alarms]


# An engine that was killed, and the one after it.


def told_nothing(**more):
    """What an engine shows that has not looked at its session yet."""
    return Snapshot(0, 103.0, Phase.IDLE, **more)


def test_a_session_stays_while_another_engine_takes_it_up(running):
    mark = {
        "time_s": 99.0,
        "kind": "annotation",
        "text": "baseline begins: 60 s",
        "details": {"fact": "baseline_begins"},
    }
    feed(running, session(seq=901, time_s=100.2, events=(mark,)))
    for _ in range(3):
        running._clock.s += 1.0
        running.client.recorder = recorder(running)
        feed(running, told_nothing(events=({"time_s": 103.0, "kind": "stream_up", "text": "back: Amp"},)))
    strip, bar = running.views.strip, running.views.session
    assert strip.subject.text() == "P07"
    assert alarms(running) == [texts.PREDICTIONS_RESTARTING]
    assert bar.stop.isEnabled()
    assert not bar.start.isEnabled()
    QTest.keyClick(running, Qt.Key.Key_F3)
    assert running.client.sent == [("annotate", {"text": "Artefact"})]  # none is swallowed
    feed(running, session(seq=3, time_s=103.2))
    state = running.state
    assert alarms(running) == []
    assert state.has_baseline  # the one before the kill
    assert [event["text"] for event in state.events].count("back: Amp") == 3  # what came early is not lost
    assert state.probabilities.oldest_s == pytest.approx(99.9)
    assert state.eeg.oldest_s == pytest.approx(99.9)


def test_without_a_recording_an_engine_that_has_told_nothing_is_shown_as_it_is(running):
    running.client.recorder = recorder(running, None)
    feed(running, told_nothing())
    assert not running.state.in_session
    assert running.state.latest is None


def test_what_an_engine_makes_once_more_is_there_already(running):
    feed(running, *(session(seq=901 + k, time_s=100.0 + k / 4) for k in range(40)))
    state = running.state
    n, times = len(state.probabilities), state.eeg.total
    again = tuple(prediction(100.0 + k / 4) for k in range(20))
    feed(running, session(seq=2, time_s=110.0, predictions=again, eeg=block(105.0, 8)))
    assert len(state.probabilities) == n
    assert state.latest["time_s"] == pytest.approx(109.65)
    assert state.eeg.total == times


@pytest.mark.parametrize(("begin_s", "kept"), [(7.0, 11), (2.0, 10), (9.5, 14), (-700.0, 4)])
def test_rows_that_come_again_are_kept_once_and_another_clock_begins_anew(begin_s, kept):
    ring = RingBuffer(100, 1)
    ring.push(np.arange(10.0), np.zeros((10, 1)))
    ring.push_new(begin_s + np.arange(4.0), np.ones((4, 1)))
    assert len(ring) == kept
    times, _ = ring.since(0)
    assert (np.diff(times) > 0).all()


# Signals that nobody can use.


def test_a_delivering_stream_that_nobody_can_use_is_an_alarm(running):
    bad = tuple((k, "loose electrode") for k in range(5))
    feed(running, session(seq=901, time_s=101.0, channels=channels(8, bad), gaze_valid=NO_EYES))
    assert alarms(running) == ["EEG: MOST CHANNELS BAD", "EYE TRACKER SEES NO EYES"]
    running._clock.s += 1.5
    assert all(alarm.worded(running.state.now_s + 1.5).endswith(" 0:01") for alarm in running.views.strip.alarms)
    feed(running, session(seq=902, time_s=103.5, channels=channels(8, bad[:4]), gaze_valid=GOOD_EYES))
    assert alarms(running) == []


def test_before_a_session_and_for_a_lost_stream_unusable_signals_are_no_alarm_of_their_own(running):
    bad = tuple((k, "flat") for k in range(8))
    lost = (stream("eeg", state=StreamState.LOST, age_s=5.0), stream("gaze"))
    feed(running, session(seq=901, time_s=101.0, channels=channels(8, bad), streams=lost, gaze_valid=GOOD_EYES))
    assert alarms(running) == ["EEG LOST"]
    running.client.recorder = None
    feed(running, snapshot(seq=902, time_s=101.2, channels=channels(8, bad), gaze_valid=NO_EYES))
    assert alarms(running) == []


def test_of_several_the_alarm_names_whose_signals_they_are(window):
    people = (
        ParticipantView("P01", 8, 8, 8, gaze_valid=0.9),
        ParticipantView("P02", 8, 1, 8, gaze_valid=0.02),
    )
    own = tuple(
        stream(part, stream_id=f"{part} {who}", participant=who) for who in ("P01", "P02") for part in ("eeg", "gaze")
    )
    feed(window, session(streams=own, participants=people, participant="P01"))
    assert alarms(window) == ["P02 EEG: MOST CHANNELS BAD", "P02 EYE TRACKER SEES NO EYES"]


def test_no_fault_has_the_colour_of_a_good_channel():
    def distance(one, other):
        parts = [tuple(int(ink[k : k + 2], 16) for k in (1, 3, 5)) for ink in (one, other)]
        return sum(abs(a - b) for a, b in zip(*parts, strict=True))

    for theme in (DARK, LIGHT):
        assert {name: ink for name, (ink, _) in FAULTS.items() if distance(ink, theme.good) < 100} == {}


# Names and markers in the signals.


def lanes(n, faulty):
    return [Lane(k, one.label, one) for k, one in enumerate(channels(n, [(k, "flat") for k in faulty]))]


@pytest.mark.parametrize("faulty", [(), (5,), (4, 5, 9), tuple(range(32))])
def test_thinned_names_keep_apart_and_faulty_ones_come_first(faulty):
    rows = sorted(named_rows(lanes(32, faulty), 3))
    assert min(np.diff(rows)) >= 3
    assert len(rows) >= 6
    assert set(faulty[:1]) <= set(rows)
    assert named_rows(lanes(4, (2,)), 1) == {0, 1, 2, 3}


def test_a_markers_text_ends_before_the_next_marker():
    metrics = QFontMetrics(font(SMALL))
    text = "clip/end id=3 emotion=fear"
    whole = metrics.horizontalAdvance(text) + 20
    assert mark_text(text, whole, metrics) == text
    for room in range(0, whole, 7):
        shown = mark_text(text, room, metrics)
        assert metrics.horizontalAdvance(shown) <= max(0, room)
        assert shown in ("", text) or (shown.endswith("…") and len(shown) >= 4)


# Events, streams.


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"text": "clip/end", "stream": "markers"}, "clip/end · markers"),
        ({"text": "found: Amp (32 channels)", "stream": "Amp"}, "found: Amp (32 channels)"),
        ({"text": "yawned", "participant": "P01"}, "P01: yawned"),
    ],
)
def test_an_event_begins_with_what_happened(event, text):
    assert worded(event) == text


def test_times_of_an_hour_are_not_cut_off_in_the_events(running):
    event = {"time_s": 40.0 + 3725.0, "kind": "marker", "text": "late"}
    feed(running, session(seq=901, time_s=3766.0, events=(event,)))
    view = running.views.events.view
    shown = view.model().index(0, TIME).data()
    assert shown == "1:02:05"
    assert view.fontMetrics().horizontalAdvance(shown) + 12 <= view.columnWidth(TIME)


@pytest.mark.parametrize("width", [560, 700, 1060, 1400])
def test_the_streams_table_shows_what_there_is_room_for_and_never_scrolls_sideways(running, width):
    streams = running.views.streams
    running.docks[texts.STREAMS].setFloating(True)
    running.docks[texts.STREAMS].resize(width, 200)
    feed(running)
    header = streams.view.horizontalHeader()
    shown = [column for column in range(header.count()) if not header.isSectionHidden(column)]
    assert {ROLE, NAME, CHANNELS, RATE, AGE, REQUIRED, MISSING} <= set(shown)
    assert header.sectionResizeMode(NAME) == QHeaderView.ResizeMode.Stretch
    if width >= 700:
        assert header.length() <= streams.view.viewport().width()
    hidden = [column for column in LEAVE if column not in shown]
    assert hidden == list(LEAVE[: len(hidden)])
    assert (width >= 1400) == (not hidden)


# Whose signals.


def of(who, seq, time_s):
    two = [parse_participant(f"{one}: eeg=name=Amp{one}") for one in ("P01", "P02")]
    settings = settings_text(with_participants(SessionSettings(), two))
    people = tuple(ParticipantView(one, 8, 8, 8) for one in ("P01", "P02"))
    given = {"participant": who, "participants": people, "settings": settings, "predictions": ()}
    return session(seq=seq, time_s=time_s, **given)


def test_who_was_shown_before_keeps_the_past(running):
    feed(running, *(of("P01", 901 + k, 101.0 + k) for k in range(5)))
    first = running.state.eeg.oldest_s
    feed(running, of("P02", 910, 107.0))
    assert running.state.eeg.oldest_s == pytest.approx(106.9)
    again = replace(of("P01", 911, 108.0), eeg=block(104.9, 8, n=640))
    feed(running, again)
    assert running.state.eeg.oldest_s == first
    times, _ = running.state.eeg.since(0)
    assert (np.diff(times) > 0).all()
    assert times[-1] == pytest.approx(104.9 + 639 / 200)
    feed(running, replace(snapshot(seq=1, time_s=5.0, settings=SETTINGS), era=7))
    assert len(running.state.eeg) == 0


# Keys and buttons.


def test_after_a_start_no_button_has_the_keys(window):
    feed(window, snapshot(settings=SETTINGS))
    window.activateWindow()
    subject = window.views.session.subject
    subject.setFocus()
    feed(window, session(seq=2))
    assert not subject.isEnabled()
    assert window.focusWidget() is window


def test_an_annotation_key_outside_a_session_is_answered(window):
    feed(window, snapshot(settings=SETTINGS))
    QTest.keyClick(window, Qt.Key.Key_F3)
    assert window.client.sent == []
    assert texts.ANNOTATE_NO_SESSION in window.notice.text.text()


def test_a_warning_of_known_sessions_moves_no_button(window):
    window.resize(1400, 800)
    feed(window, snapshot(settings=SETTINGS))
    bar = window.views.session
    before = bar.start.x()
    bar.known.setText("1 session already")
    bar.known.show()
    bar.layout().activate()
    assert bar.start.x() == before


def test_after_a_good_baseline_the_next_button_is_to_close(running):
    feed(running, session(seq=901, time_s=100.2, progress=Progress("baseline", 60.0, 60.0, "good: EEG 60 s")))
    running.dialogs.ask_baseline()
    dialog = running.dialogs.open["baseline"]
    feed(running)
    assert (dialog.close_button.property("role"), dialog.begin.property("role")) == ("start", "")
    bad = Progress("baseline", 60.0, 60.0, "refused for gaze", refused=True)
    feed(running, session(seq=902, time_s=100.4, progress=bad))
    assert (dialog.close_button.property("role"), dialog.begin.property("role")) == ("", "start")


# Settings that had no place in the window.


def settings_dialog(window, settings=None):
    feed(window, snapshot(settings=settings_text(settings or SessionSettings(task="films"))))
    window.dialogs.ask_settings()
    return window.dialogs.open["settings"]


def test_the_second_eye_is_set_and_taken_back(window):
    eye = StreamQuery(name="Right eye")
    dialog = settings_dialog(window)
    assert dialog.tabs.tabText(SECOND_EYE) == "Second eye"
    page = dialog.second_eye
    assert not page.stream.isEnabled()
    page.apart.click()
    page.stream.addItem("Right eye", eye)
    page.stream.setCurrentIndex(page.stream.count() - 1)
    page.eye.setCurrentIndex(page.eye.findData("left"))
    dialog.accept_button.click()
    found = parse_settings(window.client.sent[-1][1]["settings"])
    assert found.second_eye == SecondEyeTable(eye="left")
    assert found.queries[Modality.SECOND_EYE] == eye
    assert found.task == "films"
    page = settings_dialog(window, found).second_eye
    assert (page.apart.isChecked(), page.stream.currentData(), page.eye.currentData()) == (True, eye, "left")
    page.apart.click()
    window.dialogs.open["settings"].accept_button.click()
    found = parse_settings(window.client.sent[-1][1]["settings"])
    assert (found.second_eye, Modality.SECOND_EYE in found.queries) == (None, False)


@pytest.mark.parametrize("there", [True, False])
def test_the_screen_is_recorded_where_what_it_needs_is_there(window, monkeypatch, there):
    monkeypatch.setattr(outputs_dialog, "find_spec", lambda name: object() if there or name == "av" else None)
    feed(window, snapshot(settings=SETTINGS))
    window.dialogs.ask_outputs()
    dialog = window.dialogs.open["outputs"]
    dialog.record_screen.click()
    dialog.use_button.click()
    if there:
        assert parse_settings(window.client.sent[-1][1]["settings"]).outputs.screen
    else:
        assert window.client.sent == []
        assert "mss" in dialog.message.text()
        assert "rtemo[screen]" in dialog.message.text()


def test_full_hd_at_200_per_cent_holds_two_people_a_report_and_the_past(window):
    window.fill(QRect(0, 0, 960, 540))
    feed(window, *(of("P01", 1 + k, 101.0 + k) for k in range(4)))
    assert window.views.people.cards["P01"].height() < 60
    window.views.report.setVisible(True)
    window.bars.set_visible(texts.REPORT_BAR, visible=True)
    window.views.signals.look_back(2.0)
    QApplication.processEvents()
    assert window.views.signals.is_past
    assert window.minimumSizeHint().height() <= 540
    assert window.minimumSizeHint().width() <= 960


def test_a_refused_baseline_is_none_unless_there_was_one_before(running):
    def begins(time_s):
        return {"time_s": time_s, "kind": "annotation", "text": "b", "details": {"fact": "baseline_begins"}}

    refused = Progress("baseline", 60.0, 60.0, "refused for gaze", refused=True)
    good = Progress("baseline", 60.0, 60.0, "good: EEG 60 s")
    feed(running, session(seq=901, time_s=100.2, events=(begins(100.1),), progress=Progress("baseline", 0.1, 60.0)))
    assert running.state.has_baseline  # it runs
    feed(running, session(seq=902, time_s=100.4, progress=refused))
    assert not running.state.has_baseline
    assert texts.CHECK_BASELINE in running.views.strip.alarm.text()
    feed(running, session(seq=903, time_s=100.6, events=(begins(100.5),), progress=good))
    feed(running, session(seq=904, time_s=100.8, events=(begins(100.7),), progress=refused))
    assert running.state.has_baseline
    feed(running, snapshot(seq=905, time_s=101.0), session(seq=906, time_s=101.2))
    assert not running.state.has_baseline
    planned = {"time_s": 101.3, "kind": "note", "text": "p", "details": {"fact": "baseline_planned"}}
    feed(running, session(seq=907, time_s=101.4, events=(planned,)), session(seq=908, time_s=101.6, progress=refused))
    assert running.state.has_baseline


def test_streams_stand_in_the_order_of_their_roles_however_they_were_found(window):
    found = tuple(stream(role, stream_id=f"{k}") for k, role in enumerate(("", "markers", "gaze", "second_eye", "eeg")))
    feed(window, snapshot(streams=found))
    assert [one.role for one in window.views.streams.table.streams] == ["eeg", "gaze", "second_eye", "markers", ""]
    assert [one.role for one in window.state.streams_in_use] == ["eeg", "gaze", "second_eye", "markers"]


def test_a_replay_has_no_controls_of_a_session(window):
    feed(window, snapshot(**replay()))
    assert not window.views.session.isVisible()
    table = window.views.streams.table
    assert table.index(0, REQUIRED).data(Qt.ItemDataRole.CheckStateRole) is None
    feed(window, snapshot(seq=2, settings=SETTINGS))
    assert window.views.session.isVisible()
    assert table.index(0, REQUIRED).data(Qt.ItemDataRole.CheckStateRole) is not None


def test_where_the_steps_do_not_fit_what_is_left_to_do_stays(window):
    for width, ticked in ((1900, True), (960, False)):
        window.resize(width, 700)
        feed(window, snapshot(settings=SETTINGS))
        feed(window)
        text = window.views.strip.alarm.text()
        assert ("✓" in text) == ticked
        assert texts.CHECK_BASELINE in text
