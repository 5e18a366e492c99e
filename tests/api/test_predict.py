"""Predictions from Python are those of the command line, byte for byte, whatever they are made from."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import rtemo
from rtemo.api.prediction_table import read_csv
from rtemo.core.errors import RtemoError
from rtemo.core.types import Chunk, Modality
from rtemo.sources.xdf.source import XdfSource


@pytest.fixture(scope="module")
def model():
    return rtemo.load(hop_s=0.5)


@pytest.fixture(scope="module")
def opened(recording):
    return rtemo.open_recording(recording)


def samples(path, name):
    """One stream's LSL times and values as they are in the file."""
    source = XdfSource(path)
    (info,) = [info for info in source.start() if name in info.name]
    source.select([info.stream_id])
    found = []
    while not source.exhausted:
        found += [timed for timed in source.read_timed() if isinstance(timed.item, Chunk)]
    return np.concatenate([one.times for one in found]), np.concatenate([one.item.values for one in found]), info


def test_a_recording_gives_what_the_command_line_writes(recording, replayed, model, tmp_path):
    table = rtemo.predict(recording, model=model)
    assert table.to_csv(tmp_path / "table.csv") == replayed[0] == (tmp_path / "table.csv").read_text()
    assert table.to_jsonl() == replayed[1]
    assert read_csv(tmp_path / "table.csv") == table
    assert table.probabilities.shape == (len(table), 4)
    assert table[:3].times.tolist() == table.times[:3].tolist()


def test_arrays_with_times_give_the_same(recording, replayed, model):
    times, values, info = samples(recording, "EEG")
    eeg = rtemo.Signal(times, values, info.labels, "microvolts", rate_hz=info.nominal_rate_hz)
    times, values, info = samples(recording, "gaze")
    gaze = rtemo.Signal(times, values, info.labels, "normalized", "mm", rate_hz=info.nominal_rate_hz)
    assert rtemo.predict(eeg=eeg, gaze=gaze, model=model).to_csv() == replayed[0]


def test_an_mne_raw_of_the_eeg_gives_what_its_samples_give(recording, model, opened):
    pytest.importorskip("mne")
    raw = opened.to_mne().pick("eeg")
    signal = opened.signals()[Modality.EEG]
    eeg = rtemo.Signal(raw.times, signal.values, signal.labels, "microvolts", rate_hz=250.0)
    of_raw, of_arrays = rtemo.predict(raw, model=model), rtemo.predict(eeg=eeg, model=model)
    assert len(of_raw) == len(of_arrays) > 60
    np.testing.assert_allclose(of_raw.probabilities, of_arrays.probabilities, atol=1e-5)


def test_an_mne_raw_has_eeg_eyes_and_events(opened):
    pytest.importorskip("mne")
    raw = opened.to_mne()
    assert raw.get_channel_types() == ["eeg"] * 8 + ["eyegaze"] * 4 + ["pupil"] * 2
    assert np.abs(raw.get_data("Fp1") * 1e6 - opened.signals()[Modality.EEG].values[:, 0]).max() < 1e-6
    x = raw.get_data("xpos_left")[0]
    assert 0 < np.nanmin(x) < np.nanmax(x) < 1920
    texts = list(raw.annotations.description)
    assert "baseline/start" in texts
    markers = {event.text: event.time_s - opened.first_s for event in opened.events}
    at = raw.annotations.onset[texts.index("baseline/end")]
    assert at == pytest.approx(markers["baseline/end"], abs=0.002)


def test_windows_are_those_that_are_predicted_from(opened, model, windows):
    table = opened.predict(model)
    seen = {window.end_s: window.eeg.tobytes() for window in windows}
    found = {window.end_s: window.eeg.tobytes() for window in opened.windows(model)}
    assert found == seen
    assert sorted(found) == table.times.tolist()


def test_what_a_recording_holds_is_listed(opened):
    assert [opened.role(info) for info in opened.streams] == ["eeg", "gaze", "markers"]
    assert [opened.n_samples(info) for info in opened.streams][:2] == [10000, 2400]
    assert all(len(offsets) >= 1 for offsets in opened.clocks.values())
    assert [event.text for event in opened.events][:2] == ["session/start seed=3 simulated=1", "baseline/start"]


def test_without_pandas_a_table_is_its_records(opened, model, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    table = opened.predict(model)
    assert table.table() == list(table)
    with pytest.raises(RtemoError, match="pip install pandas"):
        table.to_pandas()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"what": 3}, "nothing to predict from"),
        ({"eeg": rtemo.Signal([0.0, 1.0], [[1.0]], ["Fp1"])}, "do not fit each other"),
        ({}, "neither EEG nor gaze"),
        ({"eeg": "name=A"}, "no file"),
        ({"what": "a.xdf", "eeg": rtemo.Signal([0.0], [[1.0]], ["Fp1"])}, "two sources"),
        ({"what": "gone.xdf"}, "gone.xdf"),
        ({"what": "a.xdf", "markers": [(1.0, "go")]}, "markers would be passed over"),
        ({"what": "a.xdf", "baseline": "5:1"}, "this is no baseline"),
        ({"what": "a.xdf", "start": float("nan")}, "start is no number of seconds"),
        ({"eeg": (1, 2)}, "this is no eeg; a tuple"),
        ({"eeg": rtemo.Signal([0.0], [["a"]], ["Fp1"])}, "no numbers"),
        ({"eeg": rtemo.Signal([0.0], [[1.0]], [1])}, "no texts"),
        (
            {"eeg": rtemo.Signal([0.0, float("nan")], [[1.0], [1.0]], ["Fp1"])},
            "do not increase; time 1 is nan, after 0",
        ),
        ({"eeg": rtemo.Signal([1.0, 0.0], [[1.0], [1.0]], ["Fp1"])}, "do not increase; time 1 is 0, after 1"),
        ({"eeg": rtemo.Signal([0.0], [[1.0]], ["Fp1"]), "markers": [("go", 1.0)]}, "no times with texts"),
        ({"eeg": rtemo.Signal([0.0], [[1.0]], ["Fp1"]), "markers": [(float("inf"), "go")]}, "has no time"),
        ({"eeg": rtemo.Signal([0.0], [[1.0]], ["Fp1"]), "participant": "P1"}, "participant would be passed over"),
    ],
)
def test_what_cannot_be_predicted_from_is_refused(given, found, model):
    with pytest.raises(RtemoError, match=found):
        rtemo.predict(**given, model=model)


def test_options_of_opening_are_refused_with_a_recording_that_is_open(opened, model):
    with pytest.raises(RtemoError, match="opened already; gaze, stop would be passed over"):
        rtemo.predict(opened, model=model, gaze="name=A", stop=5.0)


@pytest.mark.parametrize("hop_s", [0.0, -1.0, float("nan"), 1e-9])
def test_a_hop_that_there_cannot_be_is_refused_where_the_model_is_loaded(hop_s):
    with pytest.raises(RtemoError, match="the hop must be"):
        rtemo.load(hop_s=hop_s)


def test_one_personal_calibration_needs_no_list(tmp_path):
    with pytest.raises(RtemoError, match=r"gone\.json cannot be read"):
        rtemo.load(persons=tmp_path / "gone.json")
