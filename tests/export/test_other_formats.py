"""FIF, EDF and CSV: every sample at its time, gaps marked, events with them, and what is missing is named."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest

import rtemo
from offline.__main__ import main as offline
from offline.corpus.corpus import open_corpus
from rtemo.cli import main
from rtemo.core.types import Modality
from rtemo.export.edf import record_of
from rtemo.export.mne_raw import SKIP


@pytest.fixture(scope="module")
def signals(gappy):
    return rtemo.open_recording(gappy).signals()


def skipped(raw):
    marks = raw.annotations
    return [(o, d) for o, d, text in zip(marks.onset, marks.duration, marks.description, strict=True) if text == SKIP]


def test_a_fif_file_has_every_sample_and_marks_the_gaps(gappy, signals, tmp_path):
    mne = pytest.importorskip("mne")
    path = tmp_path / "person_raw.fif"
    assert main(["export", str(gappy), "--mne", str(path)]) == 0
    raw = mne.io.read_raw_fif(path, verbose="ERROR")
    eeg = signals[Modality.EEG]
    assert len(skipped(raw)) == len(eeg.gaps) > 3
    kept = np.ones(raw.n_times, bool)
    for onset, duration in skipped(raw):
        first = round(onset * eeg.rate_hz)
        kept[first : first + round(duration * eeg.rate_hz)] = False
    assert kept.sum() == eeg.n_samples
    np.testing.assert_allclose(raw.get_data("eeg").T[kept] * 1e6, eeg.values, rtol=1e-5, atol=1e-3)
    assert np.abs(raw.times[kept] - (eeg.times - eeg.first_s)).max() < 0.51 / eeg.rate_hz
    assert "clip/start id=1" in " ".join(raw.annotations.description)
    x = raw.get_data("xpos_left")[0]
    assert np.isnan(x[(raw.times > 26.2) & (raw.times < 27.8)]).all()


def test_an_edf_file_has_every_sample_within_a_step(gappy, signals, tmp_path):
    mne = pytest.importorskip("mne")
    pytest.importorskip("edfio")
    path = tmp_path / "person.edf"
    assert main(["export", str(gappy), "--edf", str(path)]) == 0
    raw = mne.io.read_raw_edf(path, verbose="ERROR", preload=True)
    eeg = signals[Modality.EEG]
    assert len(skipped(raw)) == len(eeg.gaps)
    first = eeg.stretches[0]
    found = raw.get_data().T[: len(first.times)] * 1e6
    step = np.ptp(eeg.values, axis=0) / 65535
    assert (np.abs(found - first.values) <= 1.1 * step + 1e-3).all()
    assert any("clip/start" in text for text in raw.annotations.description)


@pytest.mark.parametrize("rate_hz", [250.0, 257.0, 250.0123, 499.87, 2048.0, 59.94, 1000.0 / 3.0])
def test_a_data_record_has_a_length_that_edf_can_write(rate_hz):
    record_s, n = record_of(rate_hz)
    assert len(f"{record_s:.6f}".rstrip("0").rstrip(".")) <= 8
    assert n / record_s == pytest.approx(rate_hz, rel=1e-5)


def test_bids_with_edf_gives_the_same_windows_within_its_steps(whole, tmp_path):
    pytest.importorskip("edfio")
    root = tmp_path / "root"
    assert main(["export", str(whole), "--bids", str(root), "--eeg-format", "edf"]) == 0
    built = ["--mapping", str(root / "code" / "rtemo_trials.toml"), "--out", str(tmp_path / "b")]
    assert offline(["--quiet", "build", "bids", "--root", str(root), *built]) == 0
    assert offline(["--quiet", "build", "xdf", "--root", str(whole.parent), "--out", str(tmp_path / "a")]) == 0
    a, b = (next(iter(open_corpus(tmp_path / name))) for name in ("a", "b"))
    n = len(a.rows)  # the last data record is filled up, which may add a window
    assert n <= len(b.rows) <= n + 1
    assert a.rows["label"].tolist() == b.rows["label"][:n].tolist()
    assert np.array_equal(a.eeg_mask, b.eeg_mask[:n])
    assert np.abs(a.eeg.astype(float) - b.eeg[:n].astype(float)).max() < 0.05


def test_csv_files_hold_what_was_recorded(gappy, signals, tmp_path):
    assert main(["export", str(gappy), "--csv", str(tmp_path / "tables")]) == 0
    for modality in signals:
        table = np.genfromtxt(tmp_path / "tables" / f"{modality}.csv", delimiter=",", skip_header=1)
        assert table[:, 0].tolist() == signals[modality].times.tolist()
        np.testing.assert_array_equal(table[:, 1:], signals[modality].values)
    with (tmp_path / "tables" / "events.csv").open() as file:
        events = list(csv.DictReader(file))
    assert {"clip", "marker", "rest"} <= {event["kind"] for event in events}


@pytest.mark.parametrize(("kind", "module", "package"), [("--mne", "mne", "mne"), ("--edf", "edfio", "edfio")])
def test_a_package_that_is_missing_is_named(kind, module, package, whole, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, module, None)
    path = tmp_path / "file.x"
    assert main(["export", str(whole), kind, str(path)]) == 2
    error = capsys.readouterr().err
    assert f"pip install {package}" in error
    assert "rtemo[export]" in error
    assert not path.exists()


def test_what_cannot_be_exported_is_refused(whole, gaze_only, tmp_path, capsys):
    taken = tmp_path / "taken"
    taken.write_text("x")
    for arguments, reason in (
        ([whole, "--edf", taken], "exists already"),
        ([whole, "--csv", tmp_path], "not empty"),
        ([gaze_only, "--edf", tmp_path / "a.edf"], "no EEG"),
        ([whole, gaze_only, "--csv", tmp_path / "b"], "one file holds one recording"),
        ([tmp_path, "--csv", tmp_path / "c"], "no recording"),
        ([whole, "--bids", tmp_path / "d", "--subject", "--"], "subject"),
    ):
        assert main(["export", *map(str, arguments)]) == 2
        assert reason in capsys.readouterr().err
    assert taken.read_text() == "x"
