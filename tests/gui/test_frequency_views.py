"""Spectrum and spectrogram: power where it is, missing where samples are, nothing computed while nobody looks."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication
from scripted import (
    Clock,
    ScriptedClient,
    channels,
    feed,
    snapshot,
)

from rtemo.gui import texts
from rtemo.gui.painting.colours import DARK
from rtemo.gui.painting.display_filter import BANDS
from rtemo.gui.painting.power import (
    MAX_HZ,
    decibels,
    frequencies,
    grid_windows,
    mean_power,
    window_power,
)
from rtemo.gui.painting.theme import apply_theme
from rtemo.gui.window import MainWindow
from rtemo.live.service.snapshot import EegBlock


def tone(begin_s, end_s, hz, amplitudes):
    times = np.arange(round(200 * begin_s), round(200 * end_s)) / 200.0
    return times, (np.sin(2 * np.pi * hz * times)[:, None] * np.asarray(amplitudes)).astype(np.float32)


@pytest.mark.parametrize("hz", [3.0, 10.0, 47.5, 79.0])
def test_the_power_of_a_tone_is_its_mean_square(hz):
    times, rows = tone(0, 20, hz, [10.0, 20.0])
    power = mean_power(times, rows)
    assert frequencies()[np.argmax(power[:, 0])] == hz
    whole = power.sum(axis=0) * (frequencies()[1] - frequencies()[0])
    assert whole == pytest.approx([50.0, 200.0], rel=0.02)
    assert frequencies()[-1] == MAX_HZ
    assert decibels(power).max() > 10


def test_windows_end_on_the_grid_and_none_lies_across_a_gap():
    times, _ = tone(10.0, 20.0, 1.0, [1.0])
    assert sorted(grid_windows(times)) == list(range(23, 40))
    assert sorted(grid_windows(times[:-1])) == list(range(23, 39))  # the last half second is not over yet
    gone = times[(times < 14.0) | (times >= 14.3)]
    missing = set(grid_windows(times)) - set(grid_windows(gone))
    assert missing == {28, 29, 30, 31}
    for number, start in grid_windows(gone).items():
        assert gone[start + 399] - gone[start] == pytest.approx(1.995)
        assert gone[start + 399] == pytest.approx(number * 0.5 + 0.495)
    assert grid_windows(times[:399]) == {}


def test_a_missing_sample_hides_the_power_of_its_channel_only():
    times, rows = tone(0, 2, 10.0, [1.0, 1.0])
    rows[100, 1] = np.nan
    power = window_power(rows)
    assert np.isfinite(power[:, 0]).all()
    assert np.isnan(power[:, 1]).all()
    assert len(times) == 400


@pytest.fixture
def window(qtbot, tmp_path):
    apply_theme(QApplication.instance(), DARK)
    window = MainWindow(
        ScriptedClient(), QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat), DARK, clock=Clock()
    )
    window._timer.stop()
    window.resize(1600, 1000)
    qtbot.addWidget(window)
    window.show()
    return window


def shown(seq=1, end_s=30.0, **more):
    times, rows = tone(end_s - 30.0, end_s, 10.0, [10.0] * 8)
    return snapshot(seq=seq, time_s=end_s, eeg=EegBlock(times, rows), channels=channels(8, {3: "flat"}), **more)


def open_views(window):
    for name in (texts.SPECTRUM, texts.SPECTROGRAM):
        window.docks[name].setFloating(True)
        window.docks[name].show()
    QApplication.processEvents()


def test_they_are_hidden_until_they_are_asked_for_and_cost_nothing_then(window):
    feed(window, shown())
    for view in (window.views.spectrum, window.views.spectrogram):
        assert view.plot is None
    open_views(window)
    feed(window, shown(seq=2))
    assert window.views.spectrum.plot is not None
    assert "median of 7 channels" in window.views.spectrum.note.text()


def test_a_tone_stands_where_it_is(window):
    open_views(window)
    feed(window, shown())
    spectrum, spectrogram = window.views.spectrum.plot, window.views.spectrogram.plot
    assert frequencies()[np.argmax(spectrum.decibels)] == 10.0
    assert len(spectrogram.columns) == pytest.approx(56, abs=2)
    assert all(frequencies()[np.argmax(column)] == 10.0 for column in spectrogram.columns.values())


def test_one_loud_channel_moves_neither_plot(window):
    open_views(window)
    times, rows = tone(0.0, 30.0, 10.0, [10.0] * 7 + [1000.0])
    feed(window, snapshot(time_s=30.0, eeg=EegBlock(times, rows), channels=channels(8)))
    usual = decibels(mean_power(times, rows[:, :1])).max()
    columns = window.views.spectrogram.plot.columns.values()
    assert window.views.spectrum.plot.decibels.max() == pytest.approx(usual, abs=0.5)
    assert [column.max() for column in columns] == pytest.approx([usual] * len(columns), abs=0.5)


def test_the_channel_and_the_filter_are_the_views_own(window):
    open_views(window)
    feed(window, shown())
    view = window.views.spectrum
    before = view.plot.decibels.max()
    view.channel.setCurrentIndex(3)
    assert view.columns == [2]
    view.band.setCurrentIndex([band.name for band in BANDS].index("without 50 Hz"))
    feed(window, shown(seq=2, end_s=31.0))
    assert view.plot.decibels.max() == pytest.approx(before, abs=1.5)
    view.band.setCurrentIndex(2)
    assert window.views.signals.canvas.band.hz is None
    assert window.views.spectrogram.band.currentIndex() == 0


def test_a_spectrum_of_the_past_is_grey_and_says_so(window):
    open_views(window)
    feed(window, shown())
    feed(window, snapshot(seq=2, time_s=40.0, channels=channels(8)))
    assert window.views.spectrum.note.text() == "no data for 10 s"
    pen = window.views.spectrum.plot._median.opts["pen"]
    assert pen.color().name() == DARK.faint
    assert window.views.spectrogram.plot._image.opacity() < 0.5


def test_a_view_is_popped_out_put_back_and_restored(window, qtbot, tmp_path):
    dock = window.docks[texts.GAZE]
    dock.titleBarWidget().pop_out.click()
    qtbot.waitUntil(lambda: dock.titleBarWidget() is None)  # it has a real window's frame
    assert dock.isFloating()
    assert dock.isVisible()
    window.close()
    again = MainWindow(
        ScriptedClient(), QSettings(str(tmp_path / "w.ini"), QSettings.Format.IniFormat), DARK, clock=Clock()
    )
    again._timer.stop()
    qtbot.addWidget(again)
    again.show()
    assert again.docks[texts.GAZE].isFloating()
    again.docks[texts.GAZE].setFloating(False)
    qtbot.waitUntil(lambda: again.docks[texts.GAZE].titleBarWidget() is not None)
    assert again.docks[texts.GAZE].titleBarWidget().isVisible()
    again.default_layout()
    assert not again.docks[texts.GAZE].isFloating()
