"""What the window keeps and paints from, without a screen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scripted import block, prediction, replay, snapshot, stream

from rtemo.core.types import StreamState
from rtemo.gui.painting.colours import DARK, EMOTIONS, FURTHER, LIGHT, emotion_colours
from rtemo.gui.painting.ring_buffer import RingBuffer, decimate
from rtemo.gui.window_state import SnapshotPart, WindowState
from rtemo.live.service.snapshot import Phase
from rtemo.model.uncertainty.valence_arousal import mean_place, place_of, without_place
from rtemo.presentation.numbers import age, clock, percent, rates, size


@pytest.mark.parametrize("cut", [1, 3, 7, 50])
def test_a_ring_holds_the_newest_rows_however_they_were_cut(cut):
    ring = RingBuffer(16, 1)
    ramp = np.arange(50.0)
    for first in range(0, 50, cut):
        ring.push(ramp[first : first + cut], ramp[first : first + cut, None])
    times, rows = ring.since(0)
    assert times.tolist() == ramp[-16:].tolist()
    assert rows[:, 0].tolist() == ramp[-16:].tolist()
    assert ring.after(45.0)[0].tolist() == [46, 47, 48, 49]
    assert ring.since(48)[0].tolist() == [48, 49]


def test_a_ring_starts_afresh_when_time_goes_back():
    ring = RingBuffer(16, 1)
    ring.push([10.0, 11.0], [[1], [2]])
    ring.push([3.0], [[5]])
    assert ring.since(0)[0].tolist() == [3.0]
    assert ring.restarts == 1


def test_thinning_keeps_the_extremes_of_every_bin():
    times = np.arange(1000) / 200.0
    rows = np.random.default_rng(1).normal(size=(1000, 3)).astype(np.float32)
    thin_times, thin_rows = decimate(times, rows, 10.0)
    assert len(thin_times) == 100
    for k in range(50):
        mine = rows[20 * k : 20 * k + 20]
        assert np.array_equal(thin_rows[2 * k], mine.min(axis=0))
        assert np.array_equal(thin_rows[2 * k + 1], mine.max(axis=0))
    assert decimate(times, rows, 200.0)[1] is rows


def test_thinning_passes_over_missing_values_and_keeps_holes():
    rows = np.array([[1], [np.nan], [3], [np.nan], [np.nan], [np.nan]], np.float32)
    _, thinned = decimate(np.arange(6) / 3.0, rows, 1.0)
    assert np.array_equal(thinned[:, 0], [1, 3, np.nan, np.nan], equal_nan=True)


def test_the_model_says_what_changed():
    state = WindowState()
    first = snapshot(eeg=block(100.0, 8), predictions=(prediction(100.0),))
    assert {SnapshotPart.STREAMS, SnapshotPart.EEG, SnapshotPart.PREDICTIONS} <= state.update(first)
    again = state.update(replace(first, seq=2, eeg=None, predictions=()))
    assert again == {SnapshotPart.STATE}
    assert state.latest["emotion"] == "happy"


def test_other_channels_begin_another_ring():
    state = WindowState()
    state.update(snapshot(eeg=block(100.0, 8)))
    state.update(snapshot(eeg=block(101.0, 5), seq=2))
    assert state.eeg.n_columns == 5
    assert len(state.eeg) == 20


def test_a_replay_that_moves_back_forgets_what_was_painted():
    state = WindowState()
    state.update(snapshot(phase=Phase.REPLAY, time_s=100.0, eeg=block(100.0, 8), predictions=(prediction(100.0),)))
    state.update(snapshot(phase=Phase.REPLAY, time_s=20.0, seq=2, era=1))
    assert len(state.eeg) == 0
    assert len(state.probabilities) == 0
    assert state.latest is None


def test_a_silent_live_stream_lets_the_plot_run_on_and_a_replay_shows_its_place():
    state = WindowState()
    state.update(snapshot(time_s=130.0, eeg=block(100.0, 8)))
    assert state.time_s == 130.0
    state = WindowState()
    state.update(snapshot(**replay(21.0), eeg=block(100.0, 8)))
    assert state.time_s == 101.0


def test_missing_probabilities_are_kept_as_nan_and_abstention_is_marked():
    state = WindowState()
    state.update(snapshot(predictions=(prediction(100.0), prediction(100.5, abstain="no signal"))))
    times, instant, smoothed, silent = state.history(0.0)
    assert times.tolist() == [100.0, 100.5]
    assert np.isnan(instant[1]).all()
    assert np.isfinite(smoothed).all()
    assert silent.tolist() == [False, True]


def test_a_session_starts_only_with_streaming_streams():
    state = WindowState()
    state.update(snapshot())
    assert state.start_obstacle() == ""
    state.update(snapshot(streams=(stream("eeg"), stream("gaze", state=StreamState.LOST)), seq=2))
    assert "gaze stream" in state.start_obstacle()
    state.update(snapshot(streams=(stream("markers"),), seq=3))
    assert state.start_obstacle()
    state.update(snapshot(phase=Phase.RUNNING, seq=4))
    assert state.start_obstacle()


def test_gaze_validity_is_the_share_of_finite_samples():
    state = WindowState()
    assert math.isnan(state.gaze_validity())
    state.update(snapshot(gaze_valid=(True, True, True, False)))
    assert state.gaze_validity() == 0.75


def test_the_mean_place_is_weighted_by_probability():
    assert mean_place({"happy": 1.0, "sad": 0.0}) == place_of("happy")
    assert mean_place({"neutral": 0.5, "happy": 0.5}) == pytest.approx(tuple(0.5 * v for v in place_of("happy")))
    assert mean_place({"happy": None, "sad": 1.0}) is None
    assert mean_place({"happy": 0.5, "disgust": 0.5}) is None
    assert without_place(("happy", "disgust")) == ("disgust",)
    assert place_of("sad")[0] < 0
    assert place_of("fear")[1] > 0


def test_every_label_has_a_colour_of_its_own():
    inks = emotion_colours(("happy", "disgust", "awe", "sad"))
    assert inks["happy"] == EMOTIONS["happy"]
    assert (inks["disgust"], inks["awe"]) == FURTHER[:2]


# Machado, Oliveira and Fernandes (2009), table 1, severity 1.0, on linear RGB
STATES = ("good", "warn", "bad", "idle")
CVD = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("kind", CVD)
def test_the_emotions_stay_apart_with_every_colour_vision(kind):
    labs = {label: lab(np.clip(np.array(CVD[kind]) @ linear(ink), 0, 1)) for label, ink in EMOTIONS.items()}
    names = list(labs)
    distances = {(a, b): np.linalg.norm(labs[a] - labs[b]) for k, a in enumerate(names) for b in names[k + 1 :]}
    assert min(distances.values()) > 20, distances  # CIE76; about 2 can just be seen


def linear(ink):
    rgb = np.array([int(ink[k : k + 2], 16) / 255 for k in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    f = np.cbrt(to_xyz @ rgb / np.array([0.9505, 1.0, 1.089]) + 1e-9)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_numbers_are_worded_shortly():
    assert size(1_250_000) == "1.2 MB"
    assert clock(3725) == "1:02:05"
    assert clock(65.9) == "1:05"
    assert age(0.021) == "21 ms"
    assert percent(None) == percent(math.nan)
    assert rates(0.0, math.nan) == "irregular"
    assert rates(500.0, 499.96) == "500 → 500.0 Hz"


@pytest.mark.parametrize("kind", CVD)
@pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
def test_states_and_alarms_stay_apart_with_every_colour_vision(kind, theme):
    seen = {name: lab(np.clip(np.array(CVD[kind]) @ linear(getattr(theme, name)), 0, 1)) for name in STATES}
    pairs = [("good", "bad"), ("good", "warn"), ("good", "idle"), ("bad", "idle"), ("warn", "idle")]
    distances = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in pairs}
    assert min(distances.values()) > 20, distances  # their shapes differ too: disc, triangle, ring
    for alarm in ("bad", "warn"):  # an alarm fills the strip, which is otherwise as a panel is
        assert np.linalg.norm(seen[alarm] - lab(np.clip(np.array(CVD[kind]) @ linear(theme.raised), 0, 1))) > 30
