"""The lag of a device by what markers announce: a photodiode's steps, a person's saccades."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from xdf_build import write

from rtemo.cli import main
from rtemo.core.errors import RtemoError
from rtemo.core.types import Channel, Chunk, Modality, StreamInfo
from rtemo.recordings.lag import lag_of, steps_up
from rtemo.sources.session_settings import parse_settings, settings_text

LABELS = ("Fp1", "Fp2", "C3", "C4", "O1", "O2", "Photo")


@given(st.floats(-0.05, 0.4), st.floats(0.0, 0.01), st.integers(0, 100))
def test_the_lag_is_the_median_and_its_spread(lag_s, spread_s, seed):
    rng = np.random.default_rng(seed)
    markers = np.arange(60) * 1.5 + rng.uniform(0, 0.3, 60)
    found = lag_of(markers.tolist(), (markers + lag_s + spread_s * rng.normal(size=60)).tolist())
    assert (found.n, found.n_markers) == (60, 60)
    assert found.median_ms == pytest.approx(1000 * lag_s, abs=1 + 500 * spread_s)
    assert found.spread_ms == pytest.approx(1000 * spread_s, rel=0.5, abs=0.01)


def test_markers_without_an_answer_are_counted_and_too_few_answers_are_no_lag():
    markers = np.arange(40) * 2.0
    answers = (markers + 0.05)[::2]
    found = lag_of(markers.tolist(), answers.tolist(), expected_s=0.02)
    assert (found.n, found.n_markers, found.median_ms) == (20, 40, pytest.approx(30.0))
    with pytest.raises(RtemoError, match="9 of 40 markers"):
        lag_of(markers.tolist(), answers[:9].tolist())


def test_a_lag_that_grows_shows():
    markers = np.arange(60) * 2.0
    assert lag_of(markers.tolist(), (markers + np.linspace(0, 0.06, 60)).tolist()).drift_ms == pytest.approx(40, abs=3)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_steps_are_found_between_samples_and_noise_makes_none(noise):
    rng = np.random.default_rng(0)
    times = np.arange(0, 30, 0.004)
    onsets = np.arange(20) * 1.4 + 0.7131
    values = sum(np.clip((times - at) / 0.008 + 0.5, 0, 1) - np.clip((times - at - 0.3) / 0.008, 0, 1) for at in onsets)
    found = steps_up(times, values + noise * rng.normal(size=len(times)))
    assert found == pytest.approx(onsets, abs=0.0008)


@pytest.mark.parametrize("values", [np.zeros(1000), np.random.default_rng(0).normal(size=1000)])
def test_a_channel_without_two_levels_is_no_photodiode(values):
    with pytest.raises(RtemoError, match="no two levels"):
        steps_up(np.arange(1000) / 250.0, values)


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Flashes 42 ms after their markers, by the amplifier's stamps."""
    path = tmp_path_factory.mktemp("lag") / "flashes.xdf"
    rng = np.random.default_rng(0)
    n, hz = 10_000, 250.0
    times = 100.0 + np.arange(n) / hz
    markers = 102.0 + np.arange(25) * 1.4 + rng.uniform(0, 0.1, 25)
    values = 10.0 * rng.normal(size=(n, len(LABELS)))
    values[:, -1] = [500.0 * bool(((t - markers - 0.042) >= 0)[((t - markers - 0.042) < 0.3)].any()) for t in times]
    eeg = StreamInfo("1", "amp", "EEG", "float32", hz, tuple(Channel(x, "EEG", "microvolts") for x in LABELS))
    marks = StreamInfo("2", "stimuli", "Markers", "string", 0.0, (Channel("marker"),))
    samples = [Chunk("1", times[i : i + 50], values[i : i + 50].astype(np.float32)) for i in range(0, n, 50)]
    flashes = [Chunk("2", np.array([time_s]), np.array([["flash"]], object)) for time_s in markers]
    return write(path, eeg, marks, *samples, *flashes)


def test_the_command_states_the_lag_and_the_lines_for_the_settings(recording, capsys):
    assert main(["lag", str(recording), "--photodiode", "Photo"]) == 0
    out = capsys.readouterr().out
    head, lines = out.split("\n", 1)
    assert "25 of 25 markers" in head
    settings = parse_settings(lines)
    assert settings.latencies[Modality.EEG].ms == pytest.approx(42.0, abs=2.5)
    assert settings.latencies[Modality.EEG].spread_ms < 3.0
    assert parse_settings(settings_text(settings)).latencies == settings.latencies


def test_a_channel_that_is_not_there_is_refused_with_those_that_are(recording, capsys):
    assert main(["lag", str(recording), "--photodiode", "Foto"]) == 2
    assert "Photo" in capsys.readouterr().err


def test_a_measured_latency_moves_all_windows_by_it(recording, tmp_path, windows):
    (tmp_path / "s.toml").write_text("[eeg]\nlatency_ms = 250.0\n")
    ends = []
    for more in ([], ["--settings", str(tmp_path / "s.toml")]):
        windows.clear()
        command = ["replay", str(recording), "--speed", "max", "--quiet", "--out", str(tmp_path / "p.csv"), *more]
        assert main(command) == 0
        (tmp_path / "p.csv").unlink()
        ends.append([window.end_s for window in windows])
    assert ends[1][0] == pytest.approx(ends[0][0] - 0.25)


@pytest.mark.parametrize("text", ["latency_ms = 4000.0", 'latency_ms = "late"', "latency_ms = nan"])
def test_a_latency_that_cannot_be_is_refused(text):
    with pytest.raises(RtemoError, match="latency_ms"):
        parse_settings(f"[gaze]\n{text}\n")
