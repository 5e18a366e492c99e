"""The past is never shown as the present: the real window on snapshots that stop, lie or contradict each other."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from scripted import (
    BUNDLE,
    RECORDING,
    Clock,
    ScriptedClient,
    block,
    channels,
    feed,
    prediction,
    replay,
    snapshot,
    stream,
)

from rtemo.core.types import StreamState
from rtemo.gui import texts
from rtemo.gui.bars.status_strip import LAMP
from rtemo.gui.painting.colours import DARK, EMOTIONS, FURTHER, LIGHT
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.window import MainWindow
from rtemo.live.service.recorder_link import RecorderLook
from rtemo.live.service.snapshot import ElectrodePlaces, Phase, Progress
from rtemo.presentation.numbers import MISSING
from rtemo.recorder.endpoint import Endpoint
from rtemo.recordings.events import Event, EventKind

VALID = (True,) * 240


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client():
    return ScriptedClient()


@pytest.fixture
def window(qtbot, tmp_path, client, clock):
    apply_theme(QApplication.instance(), DARK)
    settings = QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat)
    settings.setValue("root", str(tmp_path / "sessions"))
    window = MainWindow(client, settings, DARK, clock=clock)
    window._timer.stop()
    window.resize(1280, 800)
    window.ask_quit = lambda: texts.QUIT_KEEP
    qtbot.addWidget(window)
    window.show()
    return window


def running(seq=1, time_s=100.0, **more):
    values = {"recorder": RECORDING, "started_s": 40.0, "subject": "P07", "folder": "/data/s"}
    return snapshot(phase=Phase.RUNNING, seq=seq, time_s=time_s, **(values | more))


def full(time_s=100.0, **more):
    """All kinds of data up to a time."""
    values = {"eeg": block(time_s - 0.1, 8), "predictions": (prediction(time_s),)}
    shown = running(time_s=time_s, gaze_valid=VALID, **(values | more))
    return replace(shown, gaze=replace(shown.gaze, times=shown.gaze.times - 2.0))


def headline(window):
    return window.views.emotion.headline


def inks(widget):
    """The saturated colours that a widget shows."""
    image = widget.grab().toImage()
    points = [(x, y) for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)]
    shades = [image.pixelColor(x, y) for x, y in points]
    return [shade for shade in shades if shade.saturation() > 90 and shade.value() > 90]


def test_what_stops_coming_is_grey_and_says_for_how_long(window, client, clock):
    feed(window, full())
    assert headline(window).named
    assert window.views.quality.validity.text == "100 %"
    assert inks(window.views.quality.head)
    clock.s += 8.0  # the engine says nothing more
    feed(window)
    assert not headline(window).named
    assert headline(window).text == "no data for 8 s"
    assert {window.views.emotion.meters[name].text for name in ("eeg", "gaze", "novelty")} == {"–"}
    assert window.views.quality.summary.text() == "EEG: no data for 8 s"
    assert window.views.quality.validity.text == "no data for 8 s"
    assert window.views.gaze.none == "no data for 8 s"
    assert not inks(window.views.quality.head)
    assert not inks(window.views.gaze)
    assert window.views.status.latency.text() == texts.NO_LATENCY
    assert "8 s" in window.views.status.load.text()
    light = window.views.streams.table.index(0, 0)
    assert light.data(Qt.ItemDataRole.DecorationRole) == QColor(DARK.idle)
    assert window.views.streams.table.index(0, 6).data() == "8.0 s"


def test_an_engine_that_goes_on_without_data_does_not_keep_it_fresh(window):
    feed(window, full())
    feed(window, running(seq=2, time_s=108.0))
    assert headline(window).text == "no data for 8 s"
    assert window.views.quality.summary.text() == "EEG: no data for 8 s"
    assert window.views.gaze.none == "no data for 8 s"


@pytest.mark.parametrize(
    ("hop_s", "age_s", "past"), [(0.25, 1.9, False), (0.25, 2.1, True), (3.0, 5.9, False), (3.0, 6.1, True)]
)
def test_the_past_begins_after_two_seconds_or_two_hops(window, hop_s, age_s, past):
    feed(window, full(bundle=replace(BUNDLE, hop_s=hop_s)))
    feed(window, running(seq=2, time_s=100.0 + age_s, bundle=replace(BUNDLE, hop_s=hop_s)))
    assert headline(window).named is not past


def test_a_replay_is_as_old_as_its_play_head_says(window, clock):
    shown = snapshot(**replay(20.0), eeg=block(99.9, 8), predictions=(prediction(99.0),))
    feed(window, shown)
    clock.s += 0.5
    feed(window, replace(shown, seq=2, eeg=None, predictions=()))
    assert headline(window).named  # it is held
    clock.s += 1.6  # no age but that of the play head counts: the engine still has time to answer
    feed(window)
    assert headline(window).named
    feed(window, snapshot(seq=3, **replay(28.0)))
    assert headline(window).text == "no data for 9 s"


def test_plots_end_at_now(window, clock):
    feed(window, full(), full(time_s=100.25, seq=2))
    clock.s += 8.0
    feed(window)
    x, _ = next(iter(window.views.history.plot._lines.values()))[1].getData()
    assert x[-1] == pytest.approx(-8.0, abs=0.3)
    assert window.state.time_s == pytest.approx(108.25, abs=0.1)
    strip = window.views.signals.canvas._strip
    assert strip.x_of(108.25) == pytest.approx(window.views.signals.canvas.width() - 92, abs=20)


def test_the_gaze_that_did_not_come_is_not_valid(window):
    shown = full()
    kept = np.r_[0:60, 180:240]  # a second of two is missing
    shown = replace(
        shown,
        gaze=replace(
            shown.gaze, times=shown.gaze.times[kept], xy=shown.gaze.xy[kept], pupils_mm=shown.gaze.pupils_mm[kept]
        ),
    )
    feed(window, shown)
    assert window.state.gaze_validity() == pytest.approx(0.5, abs=0.02)


def test_a_silent_stream_goes_on_missing_samples(window):
    lost = stream("eeg", state=StreamState.LOST, age_s=8.0, n_missing=7)
    feed(window, running(streams=(lost, stream("gaze"))))
    assert window.views.status.losses.text().startswith("4,007 samples missing")
    table = window.views.streams.table
    assert table.index(0, texts.STREAM_COLUMNS.index("Missing")).data() == "4,007"


def test_success_looks_like_success_and_a_demonstration_says_so(window, tmp_path):
    feed(window, full())
    window.exports.write(texts.SIGNALS, tmp_path / "signals.csv")
    assert window.notice.property("success") == "yes"
    window.exports.write(texts.SIGNALS, tmp_path / "nowhere" / "signals.csv")
    assert window.notice.property("success") == "no"
    assert texts.DEMONSTRATION not in window.views.strip.detail.text()
    window.views.strip.demonstration = True
    feed(window, full(seq=2))
    assert texts.DEMONSTRATION in window.views.strip.detail.text()


@pytest.mark.parametrize(
    ("shown", "word"),
    [
        (full(predictions=(prediction(100.0, settled=False),)), texts.CARD_NOT_SETTLED),
        (full(predictions=(prediction(100.0, abstain="no signal"),)), texts.CARD_ABSTAINED),
        (full(streams=(stream("eeg"), stream("gaze", state=StreamState.LOST, age_s=8.0))), "eye tracker lost"),
        (replace(full(), phase=Phase.PAUSED), texts.CARD_PAUSED),
        (replace(full(), phase=Phase.FAILED, failure="x"), texts.CARD_FAILED),
    ],
)
def test_an_emotion_that_must_not_be_believed_is_grey_and_small(window, shown, word):
    feed(window, full())
    assert inks(headline(window))
    feed(window, replace(shown, seq=2, time_s=100.1))
    assert headline(window).text == word
    assert headline(window).share == ""
    assert not headline(window).named
    assert not inks(headline(window))
    assert not inks(window.views.emotion.bars)


def test_a_model_that_is_not_calibrated_says_so(window):
    feed(window, full(bundle=replace(BUNDLE, calibrated=False)))
    assert texts.NOT_CALIBRATED in window.views.emotion.caution.text()
    feed(window, full(seq=2, predictions=(prediction(100.0, calibrated=False),)))
    assert texts.NOT_CALIBRATED in window.views.emotion.caution.text()
    feed(window, full(seq=3))
    assert window.views.emotion.caution.text() == ""


def test_estimates_of_ratings_are_shown_with_their_intervals_and_only_while_they_hold(window):
    rated = {"valence": {"value": 5.2, "low": 3.9, "high": 6.5}}
    feed(window, full())
    assert window.views.emotion.ratings.isHidden()
    feed(window, full(seq=2, predictions=(prediction(100.0, ratings=rated),)))
    assert window.views.emotion.ratings.text() == "valence 5.20 (3.90 to 6.50)"
    assert not window.views.emotion.ratings.isHidden()
    feed(window, full(seq=3, predictions=(prediction(100.0, ratings=rated, settled=False),)))
    assert window.views.emotion.ratings.isHidden()  # not to be believed


# The strip.


def test_the_strip_names_what_is_wrong_and_since_when(window, clock):
    strip = window.views.strip
    feed(window, full())
    assert strip.alarms == []
    assert strip.rec.text() == "REC 1:00"
    assert strip.subject.text() == "P07"
    assert [name for name, _, _ in strip.streams.lamps] == ["EEG", "Gaze"]
    assert strip.streams.lamps[0][1] == "20 ms"
    lost = stream("gaze", state=StreamState.LOST, age_s=12.0)
    feed(window, full(seq=2, streams=(stream("eeg"), lost)))
    assert strip.alarm.text() == "EYE TRACKER LOST 0:12"
    assert strip.streams.lamps[1][1] == "12 s"
    assert QColor(DARK.bad) == strip.grab().toImage().pixelColor(strip.width() // 2, 3)
    clock.s += 1.5
    feed(window)
    assert strip.alarm.text() == "EYE TRACKER LOST 0:13"
    feed(window, full(seq=3))
    assert strip.alarms == []
    assert QColor(DARK.bad) != strip.grab().toImage().pixelColor(strip.width() // 2, 3)


def test_a_stream_that_sends_nothing_is_told_from_one_that_is_lost(window):
    stalled = stream("gaze", state=StreamState.STALLED, age_s=3.0)
    feed(window, full(streams=(stream("eeg"), stalled)))
    assert window.views.strip.alarm.text() == "EYE TRACKER SENDS NOTHING 0:03"


def test_every_light_is_that_of_its_stream_also_where_there_is_no_alarm(window):
    gone = stream("markers", state=StreamState.LOST, nominal_hz=0.0)
    feed(window, full(streams=(stream("eeg"), stream("gaze"), gone)))
    assert window.views.strip.alarms == []
    assert [(name, ink) for name, _, ink in window.views.strip.streams.lamps] == [
        ("EEG", DARK.good),
        ("Gaze", DARK.good),
        ("Markers", DARK.bad),
    ]
    assert first_light(window) == QColor(DARK.good)
    gone = stream("gaze", state=StreamState.LOST, age_s=8.0)
    feed(window, full(seq=2, streams=(stream("eeg"), gone)))
    assert first_light(window) == QColor(DARK.panel)  # seen on the colour of the alarm


def first_light(window):
    lamps = window.views.strip.streams
    return lamps.grab().toImage().pixelColor(4 + LAMP // 2, lamps.height() // 2 - LAMP // 2 - 1)


def test_a_stream_that_is_not_even_listed_any_more_is_lost(window):
    feed(window, full())
    feed(window, full(seq=2, streams=(stream("eeg"),)))
    assert window.views.strip.alarm.text().startswith("EYE TRACKER LOST")


def test_a_new_alarm_is_heard_once_where_that_is_wanted(window):
    heard = []
    window.views.strip.beep = lambda: heard.append(1)
    lost = (stream("eeg"), stream("gaze", state=StreamState.LOST, age_s=12.0))
    feed(window, full(), full(seq=2, streams=lost))
    assert heard == []
    window.set_alarm_sound(on=True)
    feed(window, full(seq=3))
    feed(window, full(seq=4, streams=lost))
    feed(window, full(seq=5, streams=lost))
    feed(window, full(seq=6, streams=lost))
    assert heard == [1]


def test_the_disk_is_shown_in_hours(window):
    for k in range(30):
        record = replace(RECORDING, bytes_written=k * 1_000_000, free_bytes=36_000_000_000)
        feed(window, running(seq=k + 1, time_s=100.0 + k, recorder=record))
    assert window.views.strip.disk.text().startswith("Disk 10 h")


def test_alarm_hues_belong_to_alarms():
    for ink in (*EMOTIONS.values(), *FURTHER[:1]):
        for theme in (DARK, LIGHT):
            for alarm in (theme.bad, theme.warn):
                apart = abs(QColor(ink).hslHue() - QColor(alarm).hslHue())
                grey = QColor(ink).hslSaturation() < 50
                assert grey or min(apart, 360 - apart) > 8, (ink, alarm)
    assert abs(QColor(EMOTIONS["fear"]).hslHue() - QColor(DARK.bad).hslHue()) > 60


def test_few_electrodes_with_a_known_place_are_loud(window):
    unknown = tuple(replace(channel, x=float("nan")) for channel in channels(8)[:5])
    feed(window, full(channels=(*unknown, *channels(8)[5:])))
    assert window.views.strip.alarm.text() == "ONLY 3 OF 8 ELECTRODES HAVE A KNOWN PLACE"


def processes(window):
    return {name: word for name, word, _ in window.views.strip.processes.lamps}


# The recorder's word.


def recorder(clock, recording=RECORDING, **more):
    return RecorderLook(clock.s, recording, engine=False, subject="P07", folder="/data/s", started_s=40.0, **more)


def test_a_dead_engine_leaves_the_recording_and_greys_the_emotion(window, client, clock):
    client.recorder = recorder(clock)
    feed(window, full())
    clock.s += 5.0
    client.recorder, client.connected, client.restarting = recorder(clock), False, True
    client.failure = "the engine has ended"
    feed(window)
    assert window.views.strip.rec.text() == "REC 1:05"
    assert window.views.strip.alarm.text() == "PREDICTIONS RESTARTING 0:05"
    assert processes(window) == {texts.ENGINE: texts.RESTARTS, texts.RECORDER: texts.RECORDS}
    assert window.views.strip.property("alarm") == "warn"
    assert headline(window).text == texts.CARD_RESTARTING
    assert not window.banner.isVisible()
    assert window.views.session.stop.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_F3)
    assert client.sent[-1][0] == "annotate"


def test_a_window_that_finds_a_recorder_and_no_engine_shows_the_recording(window, client, clock):
    client.recorder, client.restarting = recorder(clock), True
    feed(window)
    assert window.views.strip.rec.text().startswith("REC")
    assert window.views.strip.subject.text() == "P07"
    assert window.views.session.stop.isEnabled()


def test_a_dead_recorder_is_no_recording_whatever_the_engine_believes(window, client, clock):
    client.recorder = recorder(clock)
    feed(window, full())
    assert window.views.strip.rec.text() == "REC 1:00"
    clock.s += 4.0  # the recorder is silent; the engine goes on telling what it was told
    feed(window, full(time_s=104.0, seq=2))
    assert "REC " not in window.views.strip.rec.text()
    assert window.views.strip.alarm.text() == f"{texts.RECORDER_GONE} 0:04"
    assert processes(window) == {texts.ENGINE: texts.RUNS, texts.RECORDER: MISSING}
    assert window.views.strip.property("alarm") == "bad"
    client.recorder = recorder(clock)
    feed(window, full(time_s=104.2, seq=3))
    assert window.views.strip.alarms == []


def test_a_session_of_which_nothing_is_recorded_is_an_alarm(window, client, clock):
    client.recorder = recorder(clock, None)
    feed(window, full())
    assert window.views.strip.alarms == []  # the two may differ for a moment
    clock.s += 2.5
    client.recorder = recorder(clock, None)
    feed(window, full(time_s=102.5, seq=2))
    assert window.views.strip.alarm.text().startswith(texts.NOT_RECORDED)


def test_a_recording_that_goes_on_elsewhere_says_where(window, client, clock):
    client.recorder = recorder(clock, replace(RECORDING, path="/data/s/recording_2.xdf", n_files=2))
    feed(window, full())
    assert window.views.strip.alarms == []
    client.recorder = recorder(clock, replace(RECORDING, path="/home/lab/other/recording_2.xdf", n_files=2))
    feed(window, full(seq=2))
    assert window.views.strip.alarm.text() == "RECORDED ELSEWHERE: /home/lab/other"
    assert window.views.strip.property("alarm") == "warn"


def test_what_the_recorder_refused_to_write_is_shown(window, client):
    client.refused = ["annotate 'coughed': nothing is recorded"]
    feed(window, full())
    assert "coughed" in window.notice.text.text()


def test_a_refused_baseline_is_refused_in_red(window, client):
    feed(window, full(progress=Progress("baseline", 20.0, 20.0, "refused for gaze: EEG 20 s, gaze 2 s", refused=True)))
    window.dialogs.ask_baseline()
    feed(window)
    message = window.dialogs.open["baseline"].message
    assert message.text().startswith("Refused: for gaze")
    assert message.palette().color(message.foregroundRole()) == QColor(DARK.bad)
    window.dialogs.open["baseline"].close()


def test_after_a_crash_of_everything_the_session_is_named_and_its_report_offered(window, tmp_path):
    root = tmp_path / "sessions"
    line = Event(1.0, EventKind.SESSION, "started: here").to_json_line() + "\n"
    for name in ("2026-01-01_10-00-00_P01", "2026-01-01_11-00-00_P02"):
        (root / name).mkdir(parents=True)
        (root / name / "events.jsonl").write_text(line)
    feed(window, snapshot())
    bar = window.views.report
    assert bar.isVisible()
    assert "2026-01-01_11-00-00_P02 ended" in bar.message.text()
    assert str(root / "2026-01-01_11-00-00_P02") in bar.message.text()
    assert bar.open.text() == texts.WRITE_REPORT
    bar.dismiss.click()
    feed(window, snapshot(seq=2))
    assert not bar.isVisible()
    stopped = Event(2.0, EventKind.SESSION, "stopped after 3 s").to_json_line() + "\n"
    (root / "2026-01-01_11-00-00_P02" / "events.jsonl").write_text(line + stopped)
    bar.look_for_unfinished(root)
    assert not bar.wanted


# What does not change afterwards.


def test_times_of_events_stay_as_they_were(window):
    table = window.views.events.table

    def cells(row):
        return [table.index(row, column).data() for column in range(4)]

    early = {"time_s": 98.0, "kind": "stream_up", "text": "found: a", "stream": "EEG stream"}
    late = {"time_s": 104.0, "kind": "marker", "text": "clip", "stream": "m"}
    feed(window, snapshot(events=(early,)))
    before = cells(0)
    feed(window, running(seq=2, time_s=104.0, started_s=100.0, events=(late,)))
    assert cells(0) == before
    assert cells(1)[1] == "0:04"
    stopped = cells(1)
    feed(window, snapshot(seq=3, time_s=110.0))
    assert cells(1) == stopped
    assert before[3] == "found: a · EEG stream"
    assert before[0] == time.strftime("%H:%M:%S", time.localtime(window.state.events[0]["wall_s"]))
    assert window.state.events[1]["wall_s"] - window.state.events[0]["wall_s"] == pytest.approx(6.0, abs=4.5)


def test_another_engine_begins_with_nothing_and_one_that_takes_a_session_up_goes_on(window):
    feed(window, full(seq=9))
    feed(window, running(seq=1, time_s=101.0))
    assert len(window.state.probabilities) == 1  # the same session
    feed(window, snapshot(seq=1, time_s=102.0, folder=""), snapshot(seq=0, time_s=102.0, folder=""))
    assert len(window.state.probabilities) == 0
    assert window.state.latest is None


def test_a_window_that_the_system_ends_gives_up_a_preview_and_leaves_a_session(window, client):
    feed(window, full())
    window.leave()
    assert client.sent == []
    feed(window, snapshot(seq=2))
    window.leave()
    assert client.sent == [("dismiss", {})]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM")
@pytest.mark.parametrize("wait", ["the engine answers", "it has only begun"])
def test_a_window_that_is_told_to_end_leaves_no_engine_that_nobody_asked_for(wait, tmp_path):
    run, config = tmp_path / "run", tmp_path / "config"
    run.mkdir(mode=0o700)
    places = {"XDG_RUNTIME_DIR": str(run), "XDG_CONFIG_HOME": str(config), "HOME": str(tmp_path)}
    env = {**os.environ, **places, "QT_QPA_PLATFORM": "offscreen"}
    window = subprocess.Popen([sys.executable, "-m", "rtemo", "app"], env=env, stderr=subprocess.DEVNULL)
    ends = [Endpoint(name, run / "rtemo") for name in ("engine-supervisor", "engine")]
    try:
        seen = await_address(ends[0] if wait == "it has only begun" else ends[1])
        window.terminate()
        assert window.wait(30) == 130
        processes = [one for end in ends if (one := end.find()) is not None] + [seen]
        for one in processes:
            time_out(lambda one=one: not one.alive)
    finally:
        window.kill()
        window.wait()


def time_out(condition):
    end_s = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end_s
        threading.Event().wait(0.02)


def await_address(endpoint):
    found = []

    def look():
        found[:] = [address for address in [endpoint.find()] if address is not None and address.alive]
        return found

    time_out(look)
    return found[0]


@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_every_text_that_says_something_can_be_read(theme):
    grounds = (theme.panel, theme.window, theme.raised)
    for name in ("ink", "muted", "faint", "good", "warn", "bad", "accent"):
        for ground in grounds if name in ("ink", "muted") else (theme.panel,):
            assert contrast(getattr(theme, name), ground) >= 4.5, (name, ground)
    for alarm in (theme.bad, theme.warn):
        assert contrast(theme.window, alarm) >= 4.5, alarm


def contrast(one, other):
    """WCAG 2: the ratio of the relative luminances."""
    low, high = sorted(luminance(QColor(ink)) for ink in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(shade):
    parts = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in shade.getRgbF()[:3]]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def test_channels_that_were_left_out_for_want_of_a_place_count_and_doubtful_places_are_loud(window):
    feed(window, snapshot(channels=channels(8), places=ElectrodePlaces(9)))
    assert window.views.strip.alarm.text() == "ONLY 8 OF 17 ELECTRODES HAVE A KNOWN PLACE"
    feed(window, snapshot(seq=2, channels=channels(8), places=ElectrodePlaces(8)))
    assert "ELECTRODES" not in window.views.strip.alarm.text()
    feed(window, snapshot(seq=3, channels=channels(8), places=ElectrodePlaces(0, ("Fp1", "Cz"))))
    assert window.views.strip.alarm.text() == "THE PLACE OF 2 OF 8 ELECTRODES IS DOUBTFUL: Fp1, Cz"


def test_after_the_start_the_card_counts_down_to_the_first_window(window, clock):
    bundle = replace(BUNDLE, window_s=4.0)
    feed(window, snapshot(time_s=99.9, bundle=bundle, eeg=block(99.8, 8), predictions=(prediction(99.9),)))
    feed(window, running(seq=2, time_s=100.0, started_s=100.0, bundle=bundle))
    assert headline(window).text == "first window in 5 s"
    clock.s += 1.0
    feed(window, running(seq=3, time_s=103.0, started_s=100.0, bundle=bundle, eeg=block(102.9, 8)))
    assert headline(window).text == "first window in 2 s"
    feed(window, running(seq=4, time_s=104.3, started_s=100.0, bundle=bundle))
    assert headline(window).text == "no data for 4 s"
    feed(window, running(seq=5, time_s=104.4, started_s=100.0, bundle=bundle, predictions=(prediction(104.3),)))
    assert headline(window).named


def test_a_model_that_is_not_calibrated_says_so_on_the_card(window):
    feed(window, full(bundle=replace(BUNDLE, calibrated=False)))
    assert texts.NOT_CALIBRATED in window.views.emotion.caution.text()
    feed(window, full(100.1, bundle=BUNDLE))
    assert texts.NOT_CALIBRATED not in window.views.emotion.caution.text()
